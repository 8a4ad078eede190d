#include "davit/execute.h"

#include <string.h>

#include "executor.h"

/* What devices exchange may take that much of a memory for each inference before tasks wait for
 * each other's places. */
#define OWN_PLACE_BYTES ((size_t)256 << 20)

static davit_status out_of_memory(const davit_executor *executor)
{
    return davit_fail(executor->diag, DAVIT_OUT_OF_MEMORY, "out of memory for an executor");
}

static davit_status open_device(davit_executor *executor, size_t index,
                                const davit_executor_options *options)
{
    const davit_plan_device *planned = &executor->plan->devices[index];
    davit_executor_device *opened = &executor->devices[index];
    const davit_device_options device_options = {
        .allocator = executor->allocator,
        .diag = &executor->device_sink.sink,
        .threads = options->threads,
        .bind_thread = options->bind_thread,
        .bind_user = options->bind_user,
        .backend_options =
            options->backend_options != NULL ? options->backend_options[index] : NULL,
        .keeps_weights = options->keeps_weights,
    };
    return davit_device_open(planned->backend, &planned->info, &device_options, &opened->device);
}

static davit_status open_devices(davit_executor *executor, const davit_executor_options *options)
{
    davit_status status = DAVIT_OK;
    for (size_t s = 0; status == DAVIT_OK && s < executor->schedule.stage_count; s++) {
        uint32_t device = executor->schedule.stages[s].device;
        if (executor->devices[device].device == NULL) {
            executor->preparing = device;
            status = open_device(executor, device, options);
        }
    }
    return status;
}

static bool is_mappable(const davit_executor_device *device)
{
    return device->device != NULL && device->device->table->buffer_map != NULL;
}

/* The first device with units that is on PCI: what is copied passes through memory near it. */
static const char *find_near(const davit_executor *executor)
{
    for (size_t d = 0; d < executor->device_count; d++) {
        const char *address = executor->plan->devices[d].info.pci_address;
        if (executor->devices[d].device != NULL && address[0] != '\0') {
            return address;
        }
    }
    return NULL;
}

static davit_status plan_memory(davit_executor *executor, const davit_executor_options *options)
{
    size_t count = executor->device_count;
    davit_access *access = davit_arena_alloc_array(&executor->arena, count, sizeof(*access));
    executor->preparing = DAVIT_NONE;
    if (access == NULL) {
        return out_of_memory(executor);
    }
    for (size_t d = 0; d < count; d++) {
        access[d].mappable = is_mappable(&executor->devices[d]);
        access[d].lends =
            access[d].mappable && executor->plan->devices[d].backend->table->reads_lent;
    }
    if (davit_schedule_memory(&executor->arena, executor->graph, executor->plan, access,
                              OWN_PLACE_BYTES, &executor->schedule) != DAVIT_OK) {
        return out_of_memory(executor);
    }
    executor->host_bytes = executor->schedule.arena_bytes[count] + 1;
    executor->host_near = options->alloc_near != NULL ? find_near(executor) : NULL;
    executor->free_near = options->free_near;
    executor->near_user = options->bind_user;
    return DAVIT_OK;
}

static davit_status create_queues(davit_executor *executor)
{
    davit_status status = DAVIT_OK;
    for (size_t t = 0; status == DAVIT_OK && t < executor->schedule.task_count; t++) {
        const davit_task *task = &executor->schedule.tasks[t];
        davit_executor_device *device = &executor->devices[task->device];
        if (device->queues[task->kind] == NULL) {
            executor->preparing = task->device;
            status = davit_queue_create(device->device, &device->queues[task->kind]);
        }
    }
    return status;
}

static davit_program_spec spec_of(const davit_graph *graph, const davit_stage *stage)
{
    return (davit_program_spec){.graph = graph,
                                .unit_count = stage->unit_count,
                                .units = stage->units,
                                .input_count = stage->input_count,
                                .inputs = stage->inputs,
                                .output_count = stage->output_count,
                                .outputs = stage->outputs};
}

davit_status davit_executor_specs(davit_arena *arena, const davit_graph *graph,
                                  const davit_plan *plan, uint32_t device,
                                  davit_program_spec **specs, size_t *count)
{
    davit_schedule schedule = {0};
    *count = 0;
    davit_status status = davit_schedule_stages(arena, graph, plan, 0, NULL, &schedule);
    if (status != DAVIT_OK) {
        return status;
    }
    *specs = davit_arena_alloc_array(arena, schedule.stage_count, sizeof(**specs));
    for (size_t s = 0; *specs != NULL && s < schedule.stage_count; s++) {
        if (schedule.stages[s].device == device) {
            (*specs)[(*count)++] = spec_of(graph, &schedule.stages[s]);
        }
    }
    return *specs != NULL ? DAVIT_OK : DAVIT_OUT_OF_MEMORY;
}

/* The choices for a stage's units, in their order. */
static davit_status take_kernels(davit_executor *executor, const davit_stage *stage,
                                 const char *const *chosen, davit_program_spec *spec)
{
    if (chosen == NULL) {
        return DAVIT_OK;
    }
    const char **kernels =
        davit_arena_alloc_array(&executor->arena, stage->unit_count, sizeof(*kernels));
    if (kernels == NULL) {
        return out_of_memory(executor);
    }
    for (size_t u = 0; u < stage->unit_count; u++) {
        kernels[u] = chosen[stage->units[u]];
    }
    spec->kernels = kernels;
    return DAVIT_OK;
}

static davit_status build_program(davit_executor *executor, size_t index,
                                  const davit_executor_options *options)
{
    const davit_stage *stage = &executor->schedule.stages[index];
    davit_program **program = &executor->programs[index];
    davit_program_spec spec = spec_of(executor->graph, stage);
    spec.separate = options->separate;
    davit_status status = take_kernels(executor, stage, options->kernels, &spec);
    if (status == DAVIT_OK) {
        status = davit_program_build(executor->devices[stage->device].device, &spec, program);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    davit_program_info info = {0};
    davit_program_get_info(*program, &info);
    executor->memory_bytes += info.scratch_bytes + info.constant_bytes;
    executor->cached_count += info.weights_found ? 1 : 0;
    for (size_t u = 0; info.unit_implementations != NULL && u < stage->unit_count; u++) {
        executor->implementations[stage->units[u]] = info.unit_implementations[u];
    }
    for (size_t u = 0; info.units_grouped != NULL && u < stage->unit_count; u++) {
        executor->grouped[stage->units[u]] = info.units_grouped[u];
    }
    return DAVIT_OK;
}

/* ---- inferences ---- */

static char *alloc_host(davit_executor *executor, const davit_executor_options *options)
{
    return executor->host_near != NULL
               ? options->alloc_near(options->bind_user, executor->host_near, executor->host_bytes)
               : davit_alloc_uninitialized(executor->allocator, executor->host_bytes);
}

static void free_host(const davit_executor *executor, char *host)
{
    if (executor->host_near == NULL) {
        davit_free(executor->allocator, host);
    } else if (host != NULL) {
        executor->free_near(executor->near_user, host, executor->host_bytes);
    }
}

static davit_status alloc_buffers(davit_inference *inference, const davit_executor_options *options)
{
    davit_executor *executor = inference->executor;
    const size_t *bytes = executor->schedule.arena_bytes;
    for (size_t d = 0; d < executor->device_count; d++) {
        const davit_executor_device *device = &executor->devices[d];
        davit_executor_memory *memory = &inference->memory[d];
        if (device->device == NULL) {
            continue;
        }
        executor->preparing = (uint32_t)d;
        davit_status status = davit_buffer_alloc(device->device, bytes[d], &memory->buffer);
        if (status == DAVIT_OK && is_mappable(device)) {
            void *map;
            status = davit_buffer_map(memory->buffer, &map);
            memory->map = status == DAVIT_OK ? map : NULL;
        }
        if (status != DAVIT_OK) {
            return status;
        }
        executor->memory_bytes += bytes[d];
    }
    executor->preparing = DAVIT_NONE;
    inference->host = alloc_host(executor, options);
    if (inference->host == NULL) {
        return out_of_memory(executor);
    }
    executor->memory_bytes += bytes[executor->device_count];
    return DAVIT_OK;
}

static davit_status make_inference(davit_executor *executor, davit_inference *inference,
                                   const davit_executor_options *options)
{
    davit_arena *arena = &executor->arena;
    const davit_graph *graph = executor->graph;
    size_t tasks = executor->schedule.task_count;
    inference->executor = executor;
    inference->memory =
        davit_arena_alloc_array(arena, executor->device_count, sizeof(*inference->memory));
    inference->tasks = davit_arena_alloc_array(arena, tasks, sizeof(*inference->tasks));
    inference->position_ns = davit_arena_alloc_array(arena, graph->unit_count, sizeof(uint64_t));
    inference->unit_ns = davit_arena_alloc_array(arena, graph->unit_count, sizeof(uint64_t));
    inference->spans = davit_arena_alloc_array(arena, tasks, sizeof(*inference->spans));
    inference->inputs = davit_arena_alloc_array(
        arena, graph->input_count + executor->schedule.given_count, sizeof(void *));
    inference->outputs = davit_arena_alloc_array(arena, graph->output_count, sizeof(void *));
    if (inference->memory == NULL || inference->tasks == NULL || inference->position_ns == NULL ||
        inference->unit_ns == NULL || inference->spans == NULL || inference->inputs == NULL ||
        inference->outputs == NULL) {
        return out_of_memory(executor);
    }
    davit_status status = alloc_buffers(inference, options);
    return status == DAVIT_OK ? davit_executor_prepare_commands(inference) : status;
}

/* ---- all of it ---- */

static davit_status prepare(davit_executor *executor, const davit_executor_options *options)
{
    davit_arena *arena = &executor->arena;
    const davit_plan *plan = executor->plan;
    if (davit_schedule_stages(arena, executor->graph, plan, options->given_count, options->given,
                              &executor->schedule) != DAVIT_OK) {
        return out_of_memory(executor);
    }
    executor->devices =
        davit_arena_alloc_array(arena, plan->device_count, sizeof(*executor->devices));
    executor->lines = davit_arena_alloc_array(arena, plan->device_count * QUEUES_PER_DEVICE,
                                              sizeof(*executor->lines));
    executor->programs =
        davit_arena_alloc_array(arena, executor->schedule.stage_count, sizeof(davit_program *));
    executor->implementations = davit_arena_alloc_array(arena, plan->unit_count, sizeof(char *));
    executor->grouped = davit_arena_alloc_array(arena, plan->unit_count, sizeof(bool));
    executor->inferences =
        davit_arena_alloc_array(arena, executor->depth, sizeof(*executor->inferences));
    return executor->devices != NULL && executor->lines != NULL && executor->programs != NULL &&
                   executor->implementations != NULL && executor->grouped != NULL &&
                   executor->inferences != NULL
               ? DAVIT_OK
               : out_of_memory(executor);
}

static davit_status build(davit_executor *executor, const davit_executor_options *options)
{
    davit_status status = prepare(executor, options);
    if (status == DAVIT_OK) {
        status = open_devices(executor, options);
    }
    if (status == DAVIT_OK) {
        status = plan_memory(executor, options);
    }
    if (status == DAVIT_OK) {
        status = create_queues(executor);
    }
    for (size_t s = 0; status == DAVIT_OK && s < executor->schedule.stage_count; s++) {
        executor->preparing = executor->schedule.stages[s].device;
        status = build_program(executor, s, options);
    }
    for (size_t i = 0; status == DAVIT_OK && i < executor->depth; i++) {
        status = make_inference(executor, &executor->inferences[i], options);
    }
    return status;
}

static davit_status init_changed(davit_executor *executor)
{
    pthread_condattr_t attributes;
    bool made = pthread_condattr_init(&attributes) == 0;
    if (made) {
        made = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
               pthread_cond_init(&executor->changed, &attributes) == 0;
        pthread_condattr_destroy(&attributes);
    }
    return made ? DAVIT_OK : DAVIT_OUT_OF_MEMORY;
}

davit_status davit_executor_create(const davit_allocator *allocator, const davit_graph *graph,
                                   const davit_plan *plan, const davit_executor_options *options,
                                   const davit_diagnostics *diag, davit_executor **out)
{
    *out = NULL;
    davit_executor *executor = davit_alloc(allocator, sizeof(*executor));
    if (executor == NULL) {
        return davit_fail(diag, DAVIT_OUT_OF_MEMORY, "out of memory for an executor");
    }
    executor->allocator = allocator;
    executor->graph = graph;
    executor->plan = plan;
    executor->diag = diag;
    executor->device_count = plan->device_count;
    executor->depth = options->depth > 0 ? options->depth : 1;
    executor->completed_end = &executor->completed;
    if (init_changed(executor) != DAVIT_OK) {
        davit_free(allocator, executor);
        return davit_fail(diag, DAVIT_OUT_OF_MEMORY, "out of memory for an executor");
    }
    pthread_mutex_init(&executor->mutex, NULL);
    davit_device_sink_init(&executor->device_sink, diag);
    davit_arena_init(&executor->arena, allocator);
    executor->preparing = DAVIT_NONE;
    davit_status status = build(executor, options);
    if (options->failed_device != NULL) {
        *options->failed_device = status != DAVIT_OK ? executor->preparing : DAVIT_NONE;
    }
    if (status != DAVIT_OK) {
        (void)davit_executor_destroy(executor);
        return status;
    }
    *out = executor;
    return DAVIT_OK;
}

/* True when a driver keeps something of the executor. */
static bool is_stuck(const davit_executor *executor)
{
    for (size_t i = 0; executor->inferences != NULL && i < executor->depth; i++) {
        if (executor->inferences[i].lost && !executor->inferences[i].done) {
            return true;
        }
    }
    return executor->stuck_readings > 0;
}

static void free_devices(davit_executor *executor)
{
    for (size_t i = 0; executor->inferences != NULL && i < executor->depth; i++) {
        const davit_inference *inference = &executor->inferences[i];
        for (size_t d = 0; inference->memory != NULL && d < executor->device_count; d++) {
            davit_buffer_free(inference->memory[d].buffer);
        }
        free_host(executor, inference->host);
    }
    for (size_t d = 0; executor->devices != NULL && d < executor->device_count; d++) {
        davit_device_close(executor->devices[d].device);
    }
}

bool davit_executor_destroy(davit_executor *executor)
{
    if (executor == NULL) {
        return true;
    }
    pthread_mutex_lock(&executor->mutex);
    bool stuck = is_stuck(executor);
    pthread_mutex_unlock(&executor->mutex);
    if (stuck) {
        davit_device_sink_silence(&executor->device_sink);
        return false;
    }
    /* Queues first: behind them nobody is inside the executor any more. */
    for (size_t d = 0; executor->devices != NULL && d < executor->device_count; d++) {
        for (int k = 0; k < QUEUES_PER_DEVICE; k++) {
            davit_queue_free(executor->devices[d].queues[k]);
        }
    }
    for (size_t s = 0; executor->programs != NULL && s < executor->schedule.stage_count; s++) {
        davit_program_free(executor->programs[s]);
    }
    free_devices(executor);
    davit_arena_clear(&executor->arena);
    davit_device_sink_deinit(&executor->device_sink);
    pthread_cond_destroy(&executor->changed);
    pthread_mutex_destroy(&executor->mutex);
    davit_free(executor->allocator, executor);
    return true;
}

const char *davit_executor_unit_implementation(const davit_executor *executor, davit_unit_id unit)
{
    const char *name = executor->implementations[unit];
    return name != NULL ? name : "";
}

bool davit_executor_unit_grouped(const davit_executor *executor, davit_unit_id unit)
{
    return executor->grouped[unit];
}

size_t davit_executor_program_count(const davit_executor *executor)
{
    return executor->schedule.stage_count;
}

size_t davit_executor_span_count(const davit_executor *executor)
{
    return executor->schedule.task_count;
}

size_t davit_executor_cached_count(const davit_executor *executor)
{
    return executor->cached_count;
}

size_t davit_executor_memory_bytes(const davit_executor *executor)
{
    return executor->memory_bytes;
}
