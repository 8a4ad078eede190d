/* What a failed inference leaves behind. */
#include <string.h>

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

/* A copy on its way from a device. Whoever is last frees it: a driver may keep it for ever. */
typedef struct reading {
    davit_executor *executor;
    char *data;
    bool done, given_up; /* under the executor's mutex */
    davit_status status;
} reading;

static void free_reading(reading *r)
{
    const davit_allocator *allocator = r->executor->allocator;
    davit_free(allocator, r->data);
    davit_free(allocator, r);
}

static void on_read(void *user, davit_status status)
{
    reading *r = user;
    davit_executor *executor = r->executor;
    pthread_mutex_lock(&executor->mutex);
    bool given_up = r->given_up;
    executor->stuck_readings -= given_up;
    r->status = status;
    r->done = true;
    pthread_cond_broadcast(&executor->changed);
    pthread_mutex_unlock(&executor->mutex);
    if (given_up) {
        free_reading(r);
    }
}

static davit_status await_reading(reading *r, uint64_t deadline_ns)
{
    davit_executor *executor = r->executor;
    pthread_mutex_lock(&executor->mutex);
    bool in_time = true;
    while (!r->done && in_time) {
        in_time = davit_executor_wait_changed(executor, deadline_ns);
    }
    r->given_up = !r->done;
    executor->stuck_readings += r->given_up;
    davit_status status = r->done ? r->status : DAVIT_DEVICE_LOST;
    pthread_mutex_unlock(&executor->mutex);
    return status;
}

static davit_status read_back(davit_inference *inference, size_t copy, uint64_t deadline_ns,
                              davit_arena *arena, const void **data)
{
    davit_executor *executor = inference->executor;
    const davit_value_copy *at = &executor->schedule.copies[copy];
    char *kept = davit_arena_alloc(arena, at->bytes + 1);
    reading *r = davit_alloc(executor->allocator, sizeof(*r));
    char *target = davit_alloc_uninitialized(executor->allocator, at->bytes + 1);
    if (kept == NULL || r == NULL || target == NULL) {
        davit_free(executor->allocator, r);
        davit_free(executor->allocator, target);
        return DAVIT_OUT_OF_MEMORY;
    }
    *r = (reading){.executor = executor, .data = target};
    const davit_command command = {.kind = DAVIT_COMMAND_READ,
                                   .from = davit_executor_buffer_ref(inference, copy),
                                   .host_target = target};
    const davit_submission submission = {.command_count = 1,
                                         .commands = &command,
                                         .deadline_ns = deadline_ns,
                                         .completed = on_read,
                                         .completed_user = r};
    davit_status status =
        davit_queue_submit(executor->devices[at->device].queues[DAVIT_TASK_RUN], &submission);
    status = await_reading(r, deadline_ns); /* on_read gets what submitting returned, too */
    if (!r->given_up) {
        memcpy(kept, target, status == DAVIT_OK ? at->bytes : 0);
        free_reading(r);
    }
    *data = kept;
    return status;
}

static davit_status fetch(davit_inference *inference, size_t copy, uint64_t deadline_ns,
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
