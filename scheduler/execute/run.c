#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "executor.h"

#define NS_PER_S 1000000000u
#define NS_PER_MS 1000000u
/* How long a device may keep its work after the deadline: backends look at it between units. */
#define GRACE_NS (5ull * NS_PER_S)

/* ---- beginning ---- */

static davit_status check_inputs(const davit_executor *executor, const void *const *inputs)
{
    const davit_graph *graph = executor->graph;
    for (size_t i = 0; i < graph->input_count; i++) {
        const davit_value *value = &graph->values[graph->inputs[i]];
        if (inputs[i] == NULL && value->constant == NULL &&
            davit_tensor_desc_bytes(&value->desc) > 0) {
            return davit_fail(executor->diag, DAVIT_INVALID_ARGUMENT, "input '%s' is missing",
                              value->name);
        }
    }
    return DAVIT_OK;
}

bool davit_executor_wait_changed(davit_executor *executor, uint64_t deadline_ns)
{
    if (deadline_ns == DAVIT_DEADLINE_NEVER) {
        pthread_cond_wait(&executor->changed, &executor->mutex);
        return true;
    }
    const struct timespec until = {.tv_sec = (time_t)(deadline_ns / NS_PER_S),
                                   .tv_nsec = (long)(deadline_ns % NS_PER_S)};
    return pthread_cond_timedwait(&executor->changed, &executor->mutex, &until) != ETIMEDOUT;
}

static davit_inference *find_free(davit_executor *executor)
{
    for (size_t i = 0; i < executor->depth; i++) {
        if (!executor->inferences[i].taken) {
            return &executor->inferences[i];
        }
    }
    return NULL;
}

/* A place for an inference; the mutex is held. */
static davit_inference *take_place(davit_executor *executor, uint64_t deadline_ns)
{
    davit_inference *inference = find_free(executor);
    while (inference == NULL && davit_executor_wait_changed(executor, deadline_ns)) {
        inference = find_free(executor);
    }
    if (inference != NULL) {
        inference->taken = true;
    }
    return inference;
}

static void copy_direct_outputs(const davit_inference *inference)
{
    const davit_schedule *schedule = &inference->executor->schedule;
    for (size_t i = 0; i < schedule->direct_count; i++) {
        const davit_direct_output *direct = &schedule->direct[i];
        void *target = inference->outputs[direct->output];
        const void *source =
            direct->input == DAVIT_NO_INDEX ? direct->constant : inference->inputs[direct->input];
        if (target != NULL && direct->bytes > 0) {
            memcpy(target, source, direct->bytes);
        }
    }
}

/* Everything that the caller's memory is needed for before the first task. */
static void take_arguments(davit_inference *inference, const void *const *inputs,
                           void *const *outputs)
{
    davit_executor *executor = inference->executor;
    const davit_schedule *schedule = &executor->schedule;
    for (size_t i = 0; i < executor->graph->input_count + schedule->given_count; i++) {
        inference->inputs[i] = inputs[i];
    }
    for (size_t i = 0; i < executor->graph->output_count; i++) {
        inference->outputs[i] = outputs[i];
    }
    for (size_t i = 0; i < schedule->fill_count; i++) {
        size_t bytes = schedule->copies[schedule->fills[i].to].bytes;
        if (bytes > 0) {
            memcpy(davit_executor_host_pointer(inference, schedule->fills[i].to),
                   inputs[schedule->fills[i].input], bytes);
        }
    }
    copy_direct_outputs(inference);
    davit_executor_point_commands(inference);
    for (size_t t = 0; t < schedule->task_count; t++) {
        davit_executor_task *task = &inference->tasks[t];
        task->waits = schedule->tasks[t].before_count;
        task->status = DAVIT_OK;
        task->ready_ns = 0;
        task->submitted_ns = 0;
        task->completed_ns = 0;
    }
}

static void begin(davit_inference *inference)
{
    davit_executor *executor = inference->executor;
    pthread_mutex_lock(&executor->mutex);
    inference->number = executor->started++;
    inference->left = executor->schedule.task_count;
    inference->status = DAVIT_OK;
    inference->failed = DAVIT_NO_INDEX;
    inference->end_ns = inference->begin_ns;
    inference->done = inference->left == 0;
    davit_executor_make_ready(inference);
    davit_executor_dispatch(executor);
    pthread_mutex_unlock(&executor->mutex);
}

davit_status davit_executor_start(davit_executor *executor, const void *const *inputs,
                                  void *const *outputs, uint64_t deadline_ns, bool here,
                                  davit_inference **out)
{
    davit_status status = check_inputs(executor, inputs);
    if (status != DAVIT_OK) {
        return status;
    }
    uint64_t begin_ns = davit_clock_ns();
    pthread_mutex_lock(&executor->mutex);
    davit_inference *inference = take_place(executor, deadline_ns);
    pthread_mutex_unlock(&executor->mutex);
    if (inference == NULL) {
        return davit_fail(executor->diag, DAVIT_DEADLINE_EXCEEDED,
                          "the inference could not begin within %" PRIu64
                          " ms: %zu others are in flight",
                          (deadline_ns - begin_ns + NS_PER_MS / 2) / NS_PER_MS, executor->depth);
    }
    inference->begin_ns = begin_ns;
    inference->deadline_ns = deadline_ns;
    inference->here = here && executor->schedule.task_count == 1;
    inference->caller = pthread_self();
    davit_device_sink_begin(&executor->device_sink);
    take_arguments(inference, inputs, outputs);
    begin(inference);
    *out = inference;
    return DAVIT_OK;
}

/* When an inference that has not ended is lost. */
static uint64_t latest_ns(const davit_inference *inference)
{
    return inference->deadline_ns > DAVIT_DEADLINE_NEVER - GRACE_NS
               ? DAVIT_DEADLINE_NEVER
               : inference->deadline_ns + GRACE_NS;
}

bool davit_inference_poll(davit_inference *inference, uint64_t until_ns)
{
    davit_executor *executor = inference->executor;
    uint64_t latest = latest_ns(inference);
    pthread_mutex_lock(&executor->mutex);
    bool in_time = until_ns > davit_clock_ns();
    while (!inference->done && in_time) {
        in_time = davit_executor_wait_changed(executor, until_ns < latest ? until_ns : latest);
    }
    bool ended = inference->done || davit_clock_ns() >= latest;
    pthread_mutex_unlock(&executor->mutex);
    return ended;
}

void davit_inference_cancel(davit_inference *inference)
{
    davit_executor *executor = inference->executor;
    pthread_mutex_lock(&executor->mutex);
    if (!inference->done && inference->status == DAVIT_OK) {
        inference->status = DAVIT_CANCELLED;
        davit_executor_dispatch(executor);
    }
    pthread_mutex_unlock(&executor->mutex);
}

/* ---- the end ---- */

/* "program 2 of 3 (units 'a' to 'b')", "the copy of 'v' to it". */
static const char *task_text(const davit_executor *executor, const davit_task *task, char *text,
                             size_t bytes)
{
    if (task->kind == DAVIT_TASK_RUN) {
        const davit_stage *stage = &executor->schedule.stages[task->stage];
        const davit_unit *units = executor->graph->units;
        snprintf(text, bytes, "program %zu of %zu (units '%s' to '%s')", task->stage + 1,
                 executor->schedule.stage_count, units[stage->units[0]].name,
                 units[stage->units[stage->unit_count - 1]].name);
    } else {
        davit_value_id value = executor->schedule.copies[task->from].value;
        snprintf(text, bytes, "the copy of '%s' %s it", executor->graph->values[value].name,
                 task->kind == DAVIT_TASK_IN ? "to" : "from");
    }
    return text;
}

/* The failure of an inference in one line; detail is what its device said. */
static void describe_failure(const davit_inference *inference, const char *detail,
                             davit_failure *failure)
{
    const davit_executor *executor = inference->executor;
    *failure = (davit_failure){.status = inference->status, .device = DAVIT_NONE};
    if (inference->failed == DAVIT_NO_INDEX) {
        snprintf(failure->text, sizeof(failure->text), "the inference was cancelled");
        return;
    }
    const davit_task *task = &executor->schedule.tasks[inference->failed];
    const char *device = executor->plan->devices[task->device].info.name;
    char text[400];
    task_text(executor, task, text, sizeof(text));
    failure->device = task->device;
    if (inference->lost) {
        snprintf(failure->text, sizeof(failure->text),
                 "device %s kept %s for %" PRIu64 " ms after the run had to end, and is set aside",
                 device, text, (uint64_t)(GRACE_NS / NS_PER_MS));
    } else if (inference->status == DAVIT_DEADLINE_EXCEEDED) {
        snprintf(failure->text, sizeof(failure->text),
                 "the run did not end within %" PRIu64 " ms: %s on device %s was not done",
                 (inference->deadline_ns - inference->begin_ns + NS_PER_MS / 2) / NS_PER_MS, text,
                 device);
    } else {
        snprintf(failure->text, sizeof(failure->text), "device %s failed in %s: %s%s%s", device,
                 text, davit_status_text(inference->status), detail[0] != '\0' ? ": " : "", detail);
    }
}

/* The task that did not end well for which its device took longest since it could have begun: what
 * another inference's work on that device kept from its queue counts as kept by the device. */
static size_t find_longest(const davit_inference *inference)
{
    uint64_t now_ns = davit_clock_ns();
    uint64_t longest_ns = 0;
    size_t longest = 0;
    for (size_t t = 0; t < inference->executor->schedule.task_count; t++) {
        const davit_executor_task *task = &inference->tasks[t];
        bool ended = task->completed_ns != 0;
        if (task->ready_ns == 0 || (ended && task->status == DAVIT_OK)) {
            continue;
        }
        uint64_t took_ns = (ended ? task->completed_ns : now_ns) - task->ready_ns;
        if (took_ns > longest_ns) {
            longest_ns = took_ns;
            longest = t;
        }
    }
    return longest;
}

/* Waits for all tasks; the inference is lost when a driver keeps some of them. */
static void wait_done(davit_inference *inference)
{
    davit_executor *executor = inference->executor;
    uint64_t latest = latest_ns(inference);
    pthread_mutex_lock(&executor->mutex);
    bool in_time = true;
    while (!inference->done && in_time) {
        in_time = davit_executor_wait_changed(executor, latest);
    }
    inference->lost = !inference->done;
    if (inference->lost) {
        inference->failed = find_longest(inference);
        inference->status = DAVIT_DEVICE_LOST;
    } else if (inference->status == DAVIT_DEADLINE_EXCEEDED) {
        inference->failed = find_longest(inference);
    }
    pthread_mutex_unlock(&executor->mutex);
}

static void deliver(const davit_inference *inference)
{
    const davit_schedule *schedule = &inference->executor->schedule;
    for (size_t i = 0; i < schedule->delivery_count; i++) {
        const davit_delivery *delivery = &schedule->deliveries[i];
        void *target = inference->outputs[delivery->output];
        size_t bytes = schedule->copies[delivery->from].bytes;
        if (target != NULL && bytes > 0) {
            memcpy(target, davit_executor_host_pointer(inference, delivery->from), bytes);
        }
    }
}

/* ---- times ---- */

static davit_span span_of(const davit_inference *inference, size_t index, davit_run_record *record)
{
    const davit_executor *executor = inference->executor;
    const davit_task *planned = &executor->schedule.tasks[index];
    const davit_executor_task *task = &inference->tasks[index];
    davit_span span = {.device = planned->device, .value = DAVIT_NONE};
    uint64_t took_ns = 0;
    for (size_t c = 0; c < task->submitted_count; c++) {
        const davit_command *command = &task->commands[c];
        took_ns += task->command_ns[c];
        bool moved = !(command->lent && task->command_ns[c] == 0);
        if (command->kind != DAVIT_COMMAND_EXECUTE && moved) {
            size_t bytes =
                command->kind == DAVIT_COMMAND_WRITE ? command->to.bytes : command->from.bytes;
            record->transfer_ns += task->command_ns[c];
            record->transfer_bytes += bytes;
            span.bytes += bytes;
        }
    }
    if (planned->kind == DAVIT_TASK_RUN) {
        const davit_stage *stage = &executor->schedule.stages[planned->stage];
        span.kind = DAVIT_SPAN_PROGRAM;
        span.unit_count = stage->unit_count;
        span.units = stage->units;
    } else {
        span.kind = planned->kind == DAVIT_TASK_IN ? DAVIT_SPAN_TO_DEVICE : DAVIT_SPAN_TO_HOST;
        span.value = executor->schedule.copies[planned->from].value;
    }
    uint64_t begin_ns = task->completed_ns - took_ns;
    begin_ns = begin_ns > task->submitted_ns ? begin_ns : task->submitted_ns;
    span.begin_ns = begin_ns - inference->begin_ns;
    span.end_ns = task->completed_ns - inference->begin_ns;
    return span;
}

static void fill_record(davit_inference *inference, davit_run_record *record)
{
    const davit_executor *executor = inference->executor;
    const davit_schedule *schedule = &executor->schedule;
    *record = (davit_run_record){.begin_ns = inference->begin_ns,
                                 .unit_count = executor->plan->unit_count,
                                 .unit_ns = inference->unit_ns,
                                 .span_count = schedule->task_count,
                                 .spans = inference->spans};
    for (size_t t = 0; t < schedule->task_count; t++) {
        inference->spans[t] = span_of(inference, t, record);
    }
    for (size_t s = 0; s < schedule->stage_count; s++) {
        const davit_stage *stage = &schedule->stages[s];
        for (size_t u = 0; u < stage->unit_count; u++) {
            inference->unit_ns[stage->units[u]] = inference->position_ns[stage->first_position + u];
        }
    }
    record->total_ns = davit_clock_ns() - inference->begin_ns;
}

davit_status davit_inference_wait(davit_inference *inference, davit_run_record *record,
                                  davit_failure *failure)
{
    davit_executor *executor = inference->executor;
    char detail[sizeof(executor->device_sink.text)];
    davit_failure own;
    wait_done(inference);
    davit_device_sink_end(&executor->device_sink, detail);
    if (inference->status != DAVIT_OK) {
        describe_failure(inference, detail, failure != NULL ? failure : &own);
        return failure != NULL ? failure->status
                               : davit_fail(executor->diag, own.status, "%s", own.text);
    }
    deliver(inference);
    if (record != NULL) {
        fill_record(inference, record);
    }
    return DAVIT_OK;
}

void davit_inference_release(davit_inference *inference)
{
    davit_executor *executor = inference->executor;
    pthread_mutex_lock(&executor->mutex);
    if (!inference->lost) {
        inference->taken = false;
        pthread_cond_broadcast(&executor->changed);
    }
    pthread_mutex_unlock(&executor->mutex);
}

davit_status davit_executor_run(davit_executor *executor, const void *const *inputs,
                                void *const *outputs, uint64_t deadline_ns,
                                davit_run_record *record)
{
    davit_inference *inference;
    davit_status status =
        davit_executor_start(executor, inputs, outputs, deadline_ns, true, &inference);
    if (status == DAVIT_OK) {
        status = davit_inference_wait(inference, record, NULL);
        davit_inference_release(inference);
    }
    return status;
}
