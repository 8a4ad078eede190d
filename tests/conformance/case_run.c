#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "case.h"

#include "davit/reference.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define GUARD_BYTES DAVIT_ALIGNMENT
#define GUARD_PATTERN 0xa5
#define TIME_LIMIT_NS 60000000000u

static const char *asked_kernel;

void case_ask_kernel(const char *name)
{
    asked_kernel = name;
}

/* ---- specs ---- */

static davit_program_io make_io(const davit_graph *graph, davit_value_id value, bool channels_last)
{
    davit_program_io io = {.value = value, .desc = graph->values[value].desc};
    if (channels_last) {
        davit_tensor_desc_channels_last(&io.desc);
    }
    return io;
}

davit_status case_spec_create(const unit_case *built, bool channels_last, case_spec *out)
{
    const davit_allocator *allocator = davit_allocator_default();
    const davit_graph *graph = built->graph;
    size_t io_count = graph->input_count + graph->output_count;
    *out = (case_spec){0};
    out->units = davit_alloc_array(allocator, graph->unit_count, sizeof(*out->units));
    out->ios = davit_alloc_array(allocator, io_count, sizeof(*out->ios));
    out->kernels = davit_alloc_array(allocator, graph->unit_count, sizeof(*out->kernels));
    if (out->units == NULL || out->ios == NULL || out->kernels == NULL) {
        case_spec_destroy(out);
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < graph->unit_count; i++) {
        out->units[i] = (davit_unit_id)i;
        out->kernels[i] = asked_kernel;
    }
    for (size_t i = 0; i < io_count; i++) {
        davit_value_id value =
            i < graph->input_count ? graph->inputs[i] : graph->outputs[i - graph->input_count];
        out->ios[i] = make_io(graph, value, channels_last);
    }
    out->spec = (davit_program_spec){.graph = graph,
                                     .unit_count = graph->unit_count,
                                     .units = out->units,
                                     .kernels = out->kernels,
                                     .input_count = graph->input_count,
                                     .inputs = out->ios,
                                     .output_count = graph->output_count,
                                     .outputs = out->ios + graph->input_count};
    return DAVIT_OK;
}

void case_spec_destroy(case_spec *spec)
{
    davit_free(davit_allocator_default(), spec->units);
    davit_free(davit_allocator_default(), spec->ios);
    davit_free(davit_allocator_default(), spec->kernels);
    *spec = (case_spec){0};
}

/* ---- outputs ---- */

static davit_status create_outputs(const unit_case *built, davit_tensor **outputs)
{
    const davit_graph *graph = built->graph;
    davit_status status = DAVIT_OK;
    for (size_t i = 0; i < graph->output_count; i++) {
        outputs[i] = NULL;
    }
    for (size_t i = 0; status == DAVIT_OK && i < graph->output_count; i++) {
        const davit_tensor_desc *desc = &graph->values[graph->outputs[i]].desc;
        status = davit_tensor_create(davit_allocator_default(), desc->dtype, desc->rank, desc->dims,
                                     &outputs[i]);
    }
    return status;
}

void case_free_outputs(const unit_case *built, davit_tensor **outputs)
{
    for (size_t i = 0; i < built->graph->output_count; i++) {
        davit_tensor_destroy(outputs[i]);
        outputs[i] = NULL;
    }
}

/* ---- node by node ---- */

static davit_status evaluate_node(const davit_graph *graph, const davit_node *node,
                                  davit_tensor **values, const davit_diagnostics *diag)
{
    const davit_tensor *inputs[CASE_MAX_OPERANDS + 1] = {NULL};
    davit_tensor *outputs[CASE_MAX_OUTPUTS] = {NULL};
    for (uint32_t i = 0; i < node->input_count; i++) {
        davit_value_id id = node->inputs[i];
        if (id != DAVIT_NONE) {
            const davit_tensor *constant = graph->values[id].constant;
            inputs[i] = constant != NULL ? constant : values[id];
        }
    }
    for (uint32_t i = 0; i < node->output_count; i++) {
        const davit_tensor_desc *desc = &graph->values[node->outputs[i]].desc;
        davit_status status = davit_tensor_create(davit_allocator_default(), desc->dtype,
                                                  desc->rank, desc->dims, &outputs[i]);
        if (status != DAVIT_OK) {
            return status;
        }
        values[node->outputs[i]] = outputs[i];
    }
    const davit_evaluator *evaluator = davit_reference_evaluator();
    return evaluator->evaluate(evaluator->user, graph, node, inputs, outputs, diag);
}

davit_status case_evaluate(const unit_case *built, const davit_diagnostics *diag,
                           davit_tensor **outputs)
{
    const davit_graph *graph = built->graph;
    const davit_allocator *allocator = davit_allocator_default();
    davit_tensor **values =
        davit_alloc_array(allocator, graph->value_count, sizeof(davit_tensor *));
    davit_status status = values != NULL ? DAVIT_OK : DAVIT_OUT_OF_MEMORY;
    for (size_t i = 0; status == DAVIT_OK && i < graph->input_count; i++) {
        values[graph->inputs[i]] = built->inputs[i];
    }
    for (size_t i = 0; status == DAVIT_OK && i < graph->order_count; i++) {
        status = evaluate_node(graph, &graph->nodes[graph->order[i]], values, diag);
    }
    for (size_t i = 0; i < graph->output_count; i++) {
        outputs[i] = NULL;
    }
    for (size_t i = 0; status == DAVIT_OK && i < graph->output_count; i++) {
        outputs[i] = values[graph->outputs[i]];
        values[graph->outputs[i]] = NULL;
    }
    for (size_t i = 0; values != NULL && i < graph->value_count; i++) {
        if (!graph->values[i].is_input) {
            davit_tensor_destroy(values[i]);
        }
    }
    davit_free(allocator, values);
    return status;
}

/* ---- on a device ---- */

/* An input for programs to read where it is: it ends before memory that cannot be read, as near as
 * its alignment lets it. */
typedef struct lent_input {
    uint8_t *pages;
    size_t bytes; /* of all pages */
    uint8_t *data;
} lent_input;

/* What one run holds on the device. Host copies have a guard on either side, as on the device. */
typedef struct run_state {
    davit_device *device;
    const unit_case *built;
    const case_spec *spec;
    size_t io_count;
    davit_program *program;
    davit_queue *queue;
    davit_buffer_ref *refs; /* [io_count]: what is bound */
    uint8_t **host;         /* [io_count]: guard, bytes in the io's layout, guard */
    lent_input *lent;       /* [io_count]: of the inputs */
    davit_command *commands;
} run_state;

static size_t guarded_bytes(const davit_program_io *io)
{
    size_t bytes = davit_tensor_desc_bytes(&io->desc);
    return GUARD_BYTES + ((bytes + GUARD_BYTES - 1) & ~(size_t)(GUARD_BYTES - 1)) + GUARD_BYTES;
}

static bool lend(lent_input *lent, const uint8_t *data, size_t bytes)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t most = (bytes + DAVIT_ALIGNMENT - 1) / DAVIT_ALIGNMENT * DAVIT_ALIGNMENT;
    lent->bytes = (most + page - 1) / page * page + page;
    lent->pages =
        mmap(NULL, lent->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (lent->pages == MAP_FAILED) {
        lent->pages = NULL;
        return false;
    }
    lent->data = lent->pages + lent->bytes - page - most;
    memcpy(lent->data, data, bytes);
    return mprotect(lent->pages + lent->bytes - page, page, PROT_NONE) == 0;
}

static davit_status prepare_io(run_state *run, size_t index)
{
    const davit_program_io *io = &run->spec->ios[index];
    size_t bytes = guarded_bytes(io);
    davit_buffer *buffer = NULL;
    davit_status status = davit_buffer_alloc(run->device, bytes, &buffer);
    run->refs[index] = (davit_buffer_ref){buffer, GUARD_BYTES, davit_tensor_desc_bytes(&io->desc)};
    run->host[index] = davit_alloc(davit_allocator_default(), bytes);
    if (status != DAVIT_OK || run->host[index] == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    memset(run->host[index], GUARD_PATTERN, bytes);
    if (index < run->built->graph->input_count) {
        const davit_tensor *input = run->built->inputs[index];
        status = davit_tensor_copy_layout(&input->desc, input->data, &io->desc,
                                          run->host[index] + GUARD_BYTES);
        if (status == DAVIT_OK &&
            !lend(&run->lent[index], run->host[index] + GUARD_BYTES, run->refs[index].bytes)) {
            status = DAVIT_OUT_OF_MEMORY;
        }
    }
    return status;
}

static davit_status prepare(run_state *run)
{
    const davit_allocator *allocator = davit_allocator_default();
    run->refs = davit_alloc_array(allocator, run->io_count, sizeof(*run->refs));
    run->host = davit_alloc_array(allocator, run->io_count, sizeof(*run->host));
    run->lent = davit_alloc_array(allocator, run->io_count, sizeof(*run->lent));
    run->commands = davit_alloc_array(allocator, 3 * run->io_count + 1, sizeof(*run->commands));
    if (run->refs == NULL || run->host == NULL || run->lent == NULL || run->commands == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    davit_status status = davit_program_build(run->device, &run->spec->spec, &run->program);
    for (size_t i = 0; status == DAVIT_OK && i < run->io_count; i++) {
        status = prepare_io(run, i);
    }
    return status == DAVIT_OK ? davit_queue_create(run->device, &run->queue) : status;
}

/* Writes everything with its guards, lends the inputs, executes, reads everything back. */
static davit_status execute(run_state *run, uint64_t *unit_ns)
{
    size_t n = run->io_count, inputs = run->built->graph->input_count;
    davit_command *reads = run->commands + n + inputs + 1;
    for (size_t i = 0; i < n; i++) {
        davit_buffer_ref whole = {run->refs[i].buffer, 0, run->refs[i].buffer->bytes};
        run->commands[i] =
            (davit_command){.kind = DAVIT_COMMAND_WRITE, .to = whole, .host_source = run->host[i]};
        reads[i] =
            (davit_command){.kind = DAVIT_COMMAND_READ, .from = whole, .host_target = run->host[i]};
    }
    for (size_t i = 0; i < inputs; i++) {
        run->commands[n + i] = (davit_command){.kind = DAVIT_COMMAND_WRITE,
                                               .to = run->refs[i],
                                               .host_source = run->lent[i].data,
                                               .lent = true};
    }
    run->commands[n + inputs] = (davit_command){.kind = DAVIT_COMMAND_EXECUTE,
                                                .program = run->program,
                                                .bindings = run->refs,
                                                .binding_count = n,
                                                .unit_ns = unit_ns};
    return davit_queue_run(run->queue, run->commands, 2 * n + inputs + 1,
                           davit_deadline_after(TIME_LIMIT_NS));
}

/* Guards and inputs hold what they held. */
static bool memory_intact(const run_state *run)
{
    for (size_t i = 0; i < run->io_count; i++) {
        size_t bytes = run->refs[i].buffer->bytes;
        for (size_t j = 0; j < bytes; j++) {
            bool guard = j < GUARD_BYTES || j >= GUARD_BYTES + run->refs[i].bytes;
            if (guard && run->host[i][j] != GUARD_PATTERN) {
                return false;
            }
        }
    }
    return true;
}

static bool inputs_intact(const run_state *run)
{
    bool intact = true;
    for (size_t i = 0; intact && i < run->built->graph->input_count; i++) {
        const davit_tensor *input = run->built->inputs[i];
        davit_tensor *copy = NULL;
        intact = memcmp(run->lent[i].data, run->host[i] + GUARD_BYTES, run->refs[i].bytes) == 0;
        if (davit_tensor_clone(davit_allocator_default(), input, &copy) != DAVIT_OK ||
            davit_tensor_copy_layout(&run->spec->ios[i].desc, run->host[i] + GUARD_BYTES,
                                     &copy->desc, copy->data) != DAVIT_OK) {
            intact = false;
        } else {
            intact = intact &&
                     memcmp(copy->data, input->data, davit_tensor_desc_bytes(&copy->desc)) == 0;
        }
        davit_tensor_destroy(copy);
    }
    return intact;
}

static davit_status collect(const run_state *run, davit_tensor **outputs)
{
    const davit_graph *graph = run->built->graph;
    const davit_diagnostics *diag = run->device->options.diag;
    if (!memory_intact(run)) {
        return davit_fail(diag, DAVIT_INTERNAL, "memory around an input or output was changed");
    }
    if (!inputs_intact(run)) {
        return davit_fail(diag, DAVIT_INTERNAL, "an input was changed");
    }
    davit_status status = create_outputs(run->built, outputs);
    for (size_t i = 0; status == DAVIT_OK && i < graph->output_count; i++) {
        size_t index = graph->input_count + i;
        status =
            davit_tensor_copy_layout(&run->spec->ios[index].desc, run->host[index] + GUARD_BYTES,
                                     &outputs[i]->desc, outputs[i]->data);
    }
    return status;
}

static void clean_up(run_state *run)
{
    const davit_allocator *allocator = davit_allocator_default();
    davit_queue_free(run->queue);
    davit_program_free(run->program);
    for (size_t i = 0; i < run->io_count; i++) {
        if (run->refs != NULL) {
            davit_buffer_free(run->refs[i].buffer);
        }
        if (run->host != NULL) {
            davit_free(allocator, run->host[i]);
        }
        if (run->lent != NULL && run->lent[i].pages != NULL) {
            (void)munmap(run->lent[i].pages, run->lent[i].bytes);
        }
    }
    davit_free(allocator, run->lent);
    davit_free(allocator, run->refs);
    davit_free(allocator, run->host);
    davit_free(allocator, run->commands);
}

davit_status case_run(davit_device *device, const unit_case *built, bool channels_last,
                      uint64_t *unit_ns, davit_tensor **outputs)
{
    for (size_t i = 0; i < built->graph->output_count; i++) {
        outputs[i] = NULL;
    }
    case_spec spec;
    davit_status status = case_spec_create(built, channels_last, &spec);
    if (status != DAVIT_OK) {
        return status;
    }
    run_state run = {.device = device,
                     .built = built,
                     .spec = &spec,
                     .io_count = spec.spec.input_count + spec.spec.output_count};
    status = prepare(&run);
    if (status == DAVIT_OK) {
        status = execute(&run, unit_ns);
    }
    if (status == DAVIT_OK) {
        status = collect(&run, outputs);
    }
    clean_up(&run);
    case_spec_destroy(&spec);
    return status;
}
