#include "executor.h"

davit_buffer_ref davit_executor_buffer_ref(const davit_inference *inference, size_t copy)
{
    const davit_value_copy *at = &inference->executor->schedule.copies[copy];
    return (davit_buffer_ref){.buffer = inference->memory[at->device].buffer,
                              .offset_bytes = at->offset_bytes,
                              .bytes = at->bytes};
}

char *davit_executor_host_pointer(const davit_inference *inference, size_t copy)
{
    const davit_executor *executor = inference->executor;
    const davit_value_copy *at = &executor->schedule.copies[copy];
    char *base =
        at->device == executor->device_count ? inference->host : inference->memory[at->device].map;
    return base + at->offset_bytes;
}

static davit_command write_command(const davit_inference *inference, size_t from, size_t to)
{
    return (davit_command){.kind = DAVIT_COMMAND_WRITE,
                           .to = davit_executor_buffer_ref(inference, to),
                           .host_source = from != DAVIT_NO_INDEX
                                              ? davit_executor_host_pointer(inference, from)
                                              : NULL};
}

static davit_status execute_command(const davit_inference *inference, size_t index,
                                    davit_command *command)
{
    davit_executor *executor = inference->executor;
    const davit_stage *stage = &executor->schedule.stages[index];
    size_t count = stage->input_count + stage->output_count;
    davit_buffer_ref *bindings =
        davit_arena_alloc_array(&executor->arena, count, sizeof(*bindings));
    if (bindings == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        bindings[i] = davit_executor_buffer_ref(inference, stage->bindings[i]);
    }
    *command = (davit_command){.kind = DAVIT_COMMAND_EXECUTE,
                               .program = executor->programs[index],
                               .bindings = bindings,
                               .binding_count = count,
                               .unit_ns = &inference->position_ns[stage->first_position]};
    return DAVIT_OK;
}

static davit_status prepare_stage(const davit_inference *inference, size_t index,
                                  davit_command *command)
{
    const davit_stage *stage = &inference->executor->schedule.stages[index];
    for (size_t i = 0; i < stage->arrival_count; i++) {
        const davit_arrival *arrival = &stage->arrivals[i];
        *command++ = write_command(inference, arrival->from, arrival->to);
    }
    davit_status status = execute_command(inference, index, command++);
    for (size_t i = 0; i < stage->delivery_count; i++) {
        *command++ = (davit_command){.kind = DAVIT_COMMAND_READ};
    }
    return status;
}

static davit_status prepare_task(davit_inference *inference, size_t index)
{
    davit_executor *executor = inference->executor;
    const davit_task *planned = &executor->schedule.tasks[index];
    davit_executor_task *task = &inference->tasks[index];
    *task = (davit_executor_task){.inference = inference, .index = index, .command_count = 1};
    size_t most = 1;
    if (planned->kind == DAVIT_TASK_RUN) {
        const davit_stage *stage = &executor->schedule.stages[planned->stage];
        task->command_count += stage->arrival_count;
        most = task->command_count + stage->delivery_count;
    }
    task->commands = davit_arena_alloc_array(&executor->arena, most, sizeof(*task->commands));
    task->command_ns = davit_arena_alloc_array(&executor->arena, most, sizeof(uint64_t));
    if (task->commands == NULL || task->command_ns == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    davit_status status = DAVIT_OK;
    if (planned->kind == DAVIT_TASK_RUN) {
        status = prepare_stage(inference, planned->stage, task->commands);
    } else if (planned->kind == DAVIT_TASK_IN) {
        task->commands[0] = write_command(inference, planned->from, planned->to);
    } else {
        task->commands[0] =
            (davit_command){.kind = DAVIT_COMMAND_READ,
                            .from = davit_executor_buffer_ref(inference, planned->from),
                            .host_target = davit_executor_host_pointer(inference, planned->to)};
    }
    for (size_t i = 0; i < most; i++) {
        task->commands[i].command_ns = &task->command_ns[i];
    }
    return status;
}

davit_status davit_executor_prepare_commands(davit_inference *inference)
{
    davit_executor *executor = inference->executor;
    for (size_t t = 0; t < executor->schedule.task_count; t++) {
        if (prepare_task(inference, t) != DAVIT_OK) {
            return davit_fail(executor->diag, DAVIT_OUT_OF_MEMORY,
                              "out of memory for the commands of an executor");
        }
    }
    return DAVIT_OK;
}

static void point_stage(davit_inference *inference, const davit_stage *stage,
                        davit_executor_task *task)
{
    for (size_t i = 0; i < stage->arrival_count; i++) {
        const davit_arrival *arrival = &stage->arrivals[i];
        if (arrival->input != DAVIT_NO_INDEX) {
            task->commands[i].host_source = inference->inputs[arrival->input];
            /* One that is late may be given up while its program goes on. */
            task->commands[i].lent =
                arrival->lent && inference->deadline_ns == DAVIT_DEADLINE_NEVER;
        }
    }
    for (size_t i = 0; i < stage->delivery_count; i++) {
        void *target = inference->outputs[stage->deliveries[i].output];
        if (target != NULL) {
            davit_command *command = &task->commands[task->submitted_count++];
            command->host_target = target;
            command->from = davit_executor_buffer_ref(inference, stage->deliveries[i].from);
        }
    }
}

void davit_executor_point_commands(davit_inference *inference)
{
    const davit_schedule *schedule = &inference->executor->schedule;
    for (size_t t = 0; t < schedule->task_count; t++) {
        davit_executor_task *task = &inference->tasks[t];
        task->submitted_count = task->command_count;
        if (schedule->tasks[t].kind == DAVIT_TASK_RUN) {
            point_stage(inference, &schedule->stages[schedule->tasks[t].stage], task);
        }
    }
}
