/* What a failed inference leaves behind. */
#include "executor.h"

/* True when a task ran to its end. */
static bool has_run(const davit_executor_task *task)
{
    return task->submitted_ns != 0 && task->completed_ns != 0 && task->status == DAVIT_OK;
}

/* True when a copy was written, and nothing has been submitted that writes over it. */
static bool is_intact(const davit_inference *inference, const davit_value_copy *copy)
{
    const davit_schedule *schedule = &inference->executor->schedule;
    if (copy->writer == DAVIT_NO_INDEX || !has_run(&inference->tasks[copy->writer])) {
        return false;
    }
    for (size_t c = 0; c < schedule->copy_count; c++) {
        const davit_value_copy *other = &schedule->copies[c];
        if (davit_copy_replaces(copy, other) && other->writer != DAVIT_NO_INDEX &&
            inference->tasks[other->writer].submitted_ns != 0) {
            return false;
        }
    }
    return true;
}

static davit_status read_back(const davit_inference *inference, size_t copy, uint64_t deadline_ns,
                              davit_arena *arena, const void **data)
{
    const davit_value_copy *at = &inference->executor->schedule.copies[copy];
    const davit_executor_device *device = &inference->executor->devices[at->device];
    void *target = davit_arena_alloc(arena, at->bytes + 1);
    if (target == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    const davit_command command = {.kind = DAVIT_COMMAND_READ,
                                   .from = davit_executor_buffer_ref(inference, copy),
                                   .host_target = target};
    *data = target;
    return davit_queue_run(device->queues[DAVIT_TASK_RUN], &command, 1, deadline_ns);
}

static davit_status fetch(const davit_inference *inference, size_t copy, uint64_t deadline_ns,
                          davit_arena *arena, const void **data)
{
    const davit_executor *executor = inference->executor;
    size_t device = executor->schedule.copies[copy].device;
    if (device < executor->device_count && inference->memory[device].map == NULL) {
        return read_back(inference, copy, deadline_ns, arena, data);
    }
    *data = davit_executor_host_pointer(inference, copy);
    return DAVIT_OK;
}

/* Where a value is best taken from: the index of a copy, or DAVIT_NO_INDEX. Memory that the host
 * reaches comes first. */
static size_t find_copy(const davit_inference *inference, const bool *lost, davit_value_id value)
{
    davit_executor *executor = inference->executor;
    size_t found = DAVIT_NO_INDEX;
    pthread_mutex_lock(&executor->mutex);
    for (size_t c = 0; c < executor->schedule.copy_count; c++) {
        const davit_value_copy *copy = &executor->schedule.copies[c];
        bool on_host = copy->device == executor->device_count;
        if (copy->value != value || (!on_host && lost[copy->device]) ||
            (!on_host && inference->memory[copy->device].map == NULL) ||
            !is_intact(inference, copy)) {
            continue;
        }
        found = c;
        if (on_host || inference->memory[copy->device].map != NULL) {
            break;
        }
    }
    pthread_mutex_unlock(&executor->mutex);
    return found;
}

/* What it took to make the values kept: the programs all of whose outputs are. */
static uint64_t sum_saved(const davit_inference *inference, const bool *kept)
{
    const davit_schedule *schedule = &inference->executor->schedule;
    uint64_t saved_ns = 0;
    for (size_t s = 0; s < schedule->stage_count; s++) {
        const davit_stage *stage = &schedule->stages[s];
        bool all = true;
        for (size_t o = 0; o < stage->output_count; o++) {
            all = all && kept[stage->outputs[o].value];
        }
        for (size_t u = 0; all && u < stage->unit_count; u++) {
            saved_ns += inference->position_ns[stage->first_position + u];
        }
    }
    return saved_ns;
}

davit_status davit_inference_keep(davit_inference *inference, const bool *lost,
                                  uint64_t deadline_ns, davit_arena *arena, size_t *count,
                                  davit_kept_value **values, uint64_t *saved_ns)
{
    const davit_executor *executor = inference->executor;
    const davit_schedule *schedule = &executor->schedule;
    bool *kept = davit_arena_alloc_array(arena, executor->graph->value_count, sizeof(*kept));
    *values = davit_arena_alloc_array(arena, schedule->copy_count, sizeof(**values));
    *count = 0;
    if (kept == NULL || *values == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < executor->graph->input_count; i++) {
        kept[executor->graph->inputs[i]] = true; /* the caller has them */
    }
    for (size_t c = 0; c < schedule->copy_count; c++) {
        davit_value_id value = schedule->copies[c].value;
        size_t from = kept[value] ? DAVIT_NO_INDEX : find_copy(inference, lost, value);
        if (from == DAVIT_NO_INDEX) {
            continue;
        }
        const void *data;
        char unsaid[sizeof(inference->executor->device_sink.text)];
        davit_device_sink_begin(&inference->executor->device_sink);
        davit_status status = fetch(inference, from, deadline_ns, arena, &data);
        davit_device_sink_end(&inference->executor->device_sink, unsaid);
        if (status != DAVIT_OK) {
            return status;
        }
        kept[value] = true;
        (*values)[(*count)++] = (davit_kept_value){.value = value, .data = data};
    }
    *saved_ns = sum_saved(inference, kept);
    return DAVIT_OK;
}
