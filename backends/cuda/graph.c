#include "program.h"

/* CUDA graphs: a program whose inputs and outputs lie where they lay before is one launch for the
 * driver, not hundreds. Nodes follow each other as the launches do. */

void davit_cuda_program_forget(davit_cuda_program *program)
{
    if (program->repeated != NULL) {
        (void)davit_cuda_device_of(program)->driver->graph_exec_destroy(program->repeated);
        program->repeated = NULL;
    }
}

/* A graph under construction; result is the driver's first refusal. */
typedef struct graph_builder {
    const davit_cuda_driver *driver;
    cuda_graph graph;
    cuda_graph_node last; /* NULL: none yet */
    cuda_result result;
} graph_builder;

static void add_event(graph_builder *builder, cuda_event event)
{
    cuda_graph_node node = NULL;
    if (builder->result == CUDA_RESULT_SUCCESS) {
        builder->result = builder->driver->graph_add_event_record(
            &node, builder->graph, &builder->last, builder->last != NULL, event);
        builder->last = node;
    }
}

static void add_launch(graph_builder *builder, const davit_cuda_program *program, size_t index)
{
    const davit_gpu_launch *of = &program->code->launches[index];
    const cuda_kernel_node_params params = {
        .function = program->functions[index],
        .grid = {of->groups[0], of->groups[1], of->groups[2]},
        .block = {of->group_threads[0], of->group_threads[1], of->group_threads[2]},
        .arguments = program->arguments + index * (1 + DAVIT_GPU_MAX_OPERANDS)};
    cuda_graph_node node = NULL;
    if (builder->result == CUDA_RESULT_SUCCESS) {
        builder->result = builder->driver->graph_add_kernel(&node, builder->graph, &builder->last,
                                                            builder->last != NULL, &params);
        builder->last = node;
    }
}

/* false: the driver refuses; nothing is lost, the launches go one by one. */
static bool build(davit_cuda_program *program)
{
    const davit_cuda_driver *driver = davit_cuda_device_of(program)->driver;
    graph_builder builder = {.driver = driver};
    builder.result = driver->graph_create(&builder.graph, 0);
    if (builder.result != CUDA_RESULT_SUCCESS) {
        return false;
    }
    if (program->timed) {
        add_event(&builder, program->events[0]);
    }
    for (size_t s = 0; s < program->segment_count; s++) {
        for (size_t i = program->segments[s].first; i < program->segments[s].end; i++) {
            add_launch(&builder, program, i);
        }
        if (program->timed) {
            add_event(&builder, program->events[s + 1]);
        }
    }
    if (builder.result == CUDA_RESULT_SUCCESS) {
        builder.result = driver->graph_instantiate(&program->repeated, builder.graph, 0);
    }
    (void)driver->graph_destroy(builder.graph);
    if (builder.result != CUDA_RESULT_SUCCESS) {
        program->repeated = NULL;
    }
    return builder.result == CUDA_RESULT_SUCCESS;
}

davit_status davit_cuda_program_repeat(davit_cuda_program *program, cuda_stream stream, bool *used)
{
    davit_cuda_device *device = davit_cuda_device_of(program);
    *used = false;
    if (!device->driver->has_graphs || (program->repeated == NULL && !build(program))) {
        return DAVIT_OK;
    }
    *used = true;
    cuda_result result = device->driver->graph_launch(program->repeated, stream);
    return result == CUDA_RESULT_SUCCESS ? DAVIT_OK : davit_cuda_fail(device, result, "a graph");
}
