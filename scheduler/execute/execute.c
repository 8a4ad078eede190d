#include "davit/execute.h"

#include <string.h>

#include "executor.h"

static davit_status out_of_memory(const davit_executor *executor)
{
    return davit_fail(executor->diag, DAVIT_OUT_OF_MEMORY, "out of memory for an executor");
}

static davit_status open_device(davit_executor *executor, size_t index,
                                const davit_executor_options *options)
{
    const davit_plan_device *planned = &executor->plan->devices[index];
    davit_executor_device *opened = &executor->devices[index];
    bool on_processors = planned->info.profile.kind == DAVIT_DEVICE_CPU;
    const davit_device_options device_options = {
        .allocator = executor->allocator,
        .diag = &executor->device_sink.sink,
        .threads = options->threads,
        .bind_thread = on_processors ? options->bind_thread : NULL,
        .bind_user = options->bind_user,
        .backend_options =
            options->backend_options != NULL ? options->backend_options[index] : NULL,
    };
    davit_status status =
        davit_device_open(planned->backend, &planned->info, &device_options, &opened->device);
    if (status == DAVIT_OK) {
        status = davit_queue_create(opened->device, &opened->queue);
    }
    return status;
}

static davit_status open_devices(davit_executor *executor, const davit_executor_options *options)
{
    davit_status status = DAVIT_OK;
    for (size_t s = 0; status == DAVIT_OK && s < executor->schedule.stage_count; s++) {
        size_t device = executor->schedule.stages[s].device;
        if (executor->devices[device].device == NULL) {
            status = open_device(executor, device, options);
        }
    }
    return status;
}

static davit_status plan_memory(davit_executor *executor)
{
    size_t count = executor->plan->device_count;
    bool *mappable = davit_arena_alloc_array(&executor->arena, count, sizeof(*mappable));
    if (mappable == NULL) {
        return out_of_memory(executor);
    }
    for (size_t d = 0; d < count; d++) {
        const davit_device *device = executor->devices[d].device;
        mappable[d] = device != NULL && device->table->buffer_map != NULL;
    }
    if (davit_schedule_memory(&executor->arena, executor->graph, executor->plan, mappable,
                              &executor->schedule) != DAVIT_OK) {
        return out_of_memory(executor);
    }
    return DAVIT_OK;
}

static davit_status alloc_buffers(davit_executor *executor)
{
    const size_t *bytes = executor->schedule.arena_bytes;
    size_t count = executor->plan->device_count;
    for (size_t d = 0; d < count; d++) {
        davit_executor_device *device = &executor->devices[d];
        if (device->device == NULL) {
            continue;
        }
        davit_status status = davit_buffer_alloc(device->device, bytes[d], &device->buffer);
        if (status == DAVIT_OK && device->device->table->buffer_map != NULL) {
            void *map;
            status = davit_buffer_map(device->buffer, &map);
            device->map = status == DAVIT_OK ? map : NULL;
        }
        if (status != DAVIT_OK) {
            return status;
        }
        executor->memory_bytes += bytes[d];
    }
    executor->host_arena = davit_alloc_uninitialized(executor->allocator, bytes[count] + 1);
    if (executor->host_arena == NULL) {
        return out_of_memory(executor);
    }
    executor->memory_bytes += bytes[count];
    return DAVIT_OK;
}

static davit_status build_program(davit_executor *executor, size_t index)
{
    const davit_stage *stage = &executor->schedule.stages[index];
    davit_executor_stage *ready = &executor->stages[index];
    const davit_program_spec spec = {.graph = executor->graph,
                                     .unit_count = stage->unit_count,
                                     .units = stage->units,
                                     .input_count = stage->input_count,
                                     .inputs = stage->inputs,
                                     .output_count = stage->output_count,
                                     .outputs = stage->outputs};
    davit_status status =
        davit_program_build(executor->devices[stage->device].device, &spec, &ready->program);
    if (status != DAVIT_OK) {
        return status;
    }
    if (davit_semaphore_create(executor->allocator, 0, &ready->done) != DAVIT_OK) {
        return out_of_memory(executor);
    }
    davit_program_info info = {0};
    davit_program_get_info(ready->program, &info);
    executor->memory_bytes += info.scratch_bytes + info.constant_bytes;
    for (size_t u = 0; info.unit_implementations != NULL && u < stage->unit_count; u++) {
        executor->implementations[stage->units[u]] = info.unit_implementations[u];
    }
    return DAVIT_OK;
}

static davit_status build(davit_executor *executor, const davit_executor_options *options)
{
    davit_arena *arena = &executor->arena;
    const davit_plan *plan = executor->plan;
    davit_schedule *schedule = &executor->schedule;
    if (davit_schedule_stages(arena, executor->graph, plan, schedule) != DAVIT_OK) {
        return out_of_memory(executor);
    }
    executor->devices =
        davit_arena_alloc_array(arena, plan->device_count, sizeof(*executor->devices));
    executor->stages =
        davit_arena_alloc_array(arena, schedule->stage_count, sizeof(*executor->stages));
    executor->unit_ns = davit_arena_alloc_array(arena, plan->unit_count, sizeof(uint64_t));
    executor->implementations = davit_arena_alloc_array(arena, plan->unit_count, sizeof(char *));
    if (executor->devices == NULL || executor->stages == NULL || executor->unit_ns == NULL ||
        executor->implementations == NULL) {
        return out_of_memory(executor);
    }
    davit_status status = open_devices(executor, options);
    if (status == DAVIT_OK) {
        status = plan_memory(executor);
    }
    if (status == DAVIT_OK) {
        status = alloc_buffers(executor);
    }
    for (size_t s = 0; status == DAVIT_OK && s < schedule->stage_count; s++) {
        status = build_program(executor, s);
    }
    return status == DAVIT_OK ? davit_executor_prepare_commands(executor) : status;
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
    executor->timeout_ns = options->timeout_ns;
    davit_device_sink_init(&executor->device_sink, diag);
    davit_arena_init(&executor->arena, allocator);
    davit_status status = build(executor, options);
    if (status != DAVIT_OK) {
        davit_executor_destroy(executor);
        return status;
    }
    *out = executor;
    return DAVIT_OK;
}

void davit_executor_destroy(davit_executor *executor)
{
    if (executor == NULL) {
        return;
    }
    for (size_t s = 0; executor->stages != NULL && s < executor->schedule.stage_count; s++) {
        davit_program_free(executor->stages[s].program);
        davit_semaphore_release(executor->stages[s].done);
    }
    for (size_t d = 0; executor->devices != NULL && d < executor->plan->device_count; d++) {
        davit_queue_free(executor->devices[d].queue);
        davit_buffer_free(executor->devices[d].buffer);
        davit_device_close(executor->devices[d].device);
    }
    davit_free(executor->allocator, executor->host_arena);
    davit_arena_clear(&executor->arena);
    davit_device_sink_deinit(&executor->device_sink);
    davit_free(executor->allocator, executor);
}

const char *davit_executor_unit_implementation(const davit_executor *executor, davit_unit_id unit)
{
    const char *name = executor->implementations[unit];
    return name != NULL ? name : "";
}

size_t davit_executor_program_count(const davit_executor *executor)
{
    return executor->schedule.stage_count;
}

size_t davit_executor_memory_bytes(const davit_executor *executor)
{
    return executor->memory_bytes;
}
