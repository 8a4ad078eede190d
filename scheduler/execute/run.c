#include <inttypes.h>
#include <string.h>

#include "executor.h"

/* What the caller gave for one run. */
typedef struct run_arguments {
    const void *const *inputs;
    void *const *outputs;
    uint64_t deadline_ns;
} run_arguments;

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

/* A failed run leaves failed semaphores behind: each stage needs one that works. */
static davit_status renew_semaphores(davit_executor *executor)
{
    for (size_t s = 0; s < executor->schedule.stage_count; s++) {
        davit_semaphore **done = &executor->stages[s].done;
        if (*done == NULL && davit_semaphore_create(executor->allocator, 0, done) != DAVIT_OK) {
            return davit_fail(executor->diag, DAVIT_OUT_OF_MEMORY, "out of memory for a run");
        }
    }
    return DAVIT_OK;
}

static void copy_direct_outputs(const davit_executor *executor, const run_arguments *arguments)
{
    for (size_t i = 0; i < executor->schedule.direct_count; i++) {
        const davit_direct_output *direct = &executor->schedule.direct[i];
        void *target = arguments->outputs[direct->output];
        const void *source =
            direct->input == DAVIT_NO_INDEX ? direct->constant : arguments->inputs[direct->input];
        if (target != NULL && direct->bytes > 0) {
            memcpy(target, source, direct->bytes);
        }
    }
}

/* Points the stage's commands at the caller's memory and counts them: outputs that nobody wants are
 * not read. */
static void point_commands(const davit_executor *executor, size_t index,
                           const run_arguments *arguments)
{
    const davit_stage *stage = &executor->schedule.stages[index];
    davit_executor_stage *ready = &executor->stages[index];
    for (size_t i = 0; i < stage->arrival_count; i++) {
        if (stage->arrivals[i].input != DAVIT_NO_INDEX) {
            ready->commands[i].host_source = arguments->inputs[stage->arrivals[i].input];
        }
    }
    size_t count = ready->command_count;
    for (size_t i = 0; i < stage->delivery_count; i++) {
        const davit_value_copy *from = &executor->schedule.copies[stage->deliveries[i].from];
        void *target = arguments->outputs[stage->deliveries[i].to];
        if (target != NULL) {
            davit_command *command = &ready->commands[count++];
            command->host_target = target;
            command->from = (davit_buffer_ref){.buffer = executor->devices[from->device].buffer,
                                               .offset_bytes = from->offset_bytes,
                                               .bytes = from->bytes};
        }
    }
    ready->submitted_count = count;
}

static davit_status submit_stage(davit_executor *executor, size_t index,
                                 const run_arguments *arguments)
{
    davit_executor_stage *ready = &executor->stages[index];
    davit_semaphore_point before = {NULL, executor->run};
    const davit_semaphore_point done = {ready->done, executor->run};
    if (index > 0) {
        before.semaphore = executor->stages[index - 1].done;
    }
    point_commands(executor, index, arguments);
    const davit_submission submission = {.wait_count = index > 0 ? 1 : 0,
                                         .waits = &before,
                                         .command_count = ready->submitted_count,
                                         .commands = ready->commands,
                                         .signal_count = 1,
                                         .signals = &done,
                                         .deadline_ns = arguments->deadline_ns};
    return davit_queue_submit(executor->devices[executor->schedule.stages[index].device].queue,
                              &submission);
}

/* Submits the stages one after the other and waits for each of them, so that none uses the
 * caller's memory any more. *failed is the first stage that failed. The wait has no deadline of
 * its own: that of the submission ends it. */
static davit_status run_stages(davit_executor *executor, const run_arguments *arguments,
                               size_t *failed)
{
    size_t submitted = 0;
    davit_status status = DAVIT_OK;
    while (status == DAVIT_OK && submitted < executor->schedule.stage_count) {
        status = submit_stage(executor, submitted++, arguments);
    }
    status = DAVIT_OK;
    for (size_t s = 0; s < submitted; s++) {
        davit_executor_stage *ready = &executor->stages[s];
        davit_status ended = davit_semaphore_wait(ready->done, executor->run, DAVIT_DEADLINE_NEVER);
        if (ended != DAVIT_OK) {
            davit_semaphore_release(ready->done);
            ready->done = NULL;
            *failed = status == DAVIT_OK ? s : *failed;
            status = status == DAVIT_OK ? ended : status;
        }
    }
    return status;
}

static davit_status report_failure(const davit_executor *executor, size_t failed,
                                   davit_status status, const char *detail)
{
    const davit_stage *stage = &executor->schedule.stages[failed];
    const davit_unit *units = executor->graph->units;
    const char *device = executor->plan->devices[stage->device].info.name;
    const char *first = units[stage->units[0]].name;
    const char *last = units[stage->units[stage->unit_count - 1]].name;
    if (status == DAVIT_DEADLINE_EXCEEDED) {
        return davit_fail(executor->diag, status,
                          "the run did not end within %" PRIu64 " ms: program %zu of %zu (units "
                          "'%s' to '%s') on device %s was not done",
                          executor->timeout_ns / 1000000, failed + 1,
                          executor->schedule.stage_count, first, last, device);
    }
    return davit_fail(executor->diag, status,
                      "device %s failed in program %zu of %zu (units '%s' to '%s'): %s%s%s", device,
                      failed + 1, executor->schedule.stage_count, first, last,
                      davit_status_text(status), detail[0] != '\0' ? ": " : "", detail);
}

static void fill_record(const davit_executor *executor, uint64_t total_ns, davit_run_record *record)
{
    *record = (davit_run_record){.total_ns = total_ns,
                                 .unit_count = executor->plan->unit_count,
                                 .unit_ns = executor->unit_ns};
    for (size_t s = 0; s < executor->schedule.stage_count; s++) {
        const davit_executor_stage *ready = &executor->stages[s];
        for (size_t c = 0; c < ready->submitted_count; c++) {
            const davit_command *command = &ready->commands[c];
            if (command->kind != DAVIT_COMMAND_EXECUTE) {
                record->transfer_ns += ready->command_ns[c];
                record->transfer_bytes +=
                    command->kind == DAVIT_COMMAND_WRITE ? command->to.bytes : command->from.bytes;
            }
        }
    }
}

davit_status davit_executor_run(davit_executor *executor, const void *const *inputs,
                                void *const *outputs, davit_run_record *record)
{
    uint64_t start = davit_clock_ns();
    davit_status status = check_inputs(executor, inputs);
    if (status == DAVIT_OK) {
        status = renew_semaphores(executor);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    const run_arguments arguments = {
        .inputs = inputs,
        .outputs = outputs,
        .deadline_ns = executor->timeout_ns == 0 ? DAVIT_DEADLINE_NEVER
                                                 : davit_deadline_after(executor->timeout_ns)};
    char detail[sizeof(executor->device_sink.text)];
    size_t failed = 0;
    executor->run++;
    davit_device_sink_begin(&executor->device_sink);
    copy_direct_outputs(executor, &arguments);
    status = run_stages(executor, &arguments, &failed);
    davit_device_sink_end(&executor->device_sink, detail);
    if (status != DAVIT_OK) {
        return report_failure(executor, failed, status, detail);
    }
    if (record != NULL) {
        fill_record(executor, davit_clock_ns() - start, record);
    }
    return DAVIT_OK;
}
