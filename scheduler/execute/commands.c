#include "executor.h"

static davit_buffer_ref buffer_ref(const davit_executor *executor, size_t copy)
{
    const davit_value_copy *at = &executor->schedule.copies[copy];
    return (davit_buffer_ref){.buffer = executor->devices[at->device].buffer,
                              .offset_bytes = at->offset_bytes,
                              .bytes = at->bytes};
}

/* Where the host finds a copy: in its own arena or in a device's that it can read. */
static char *host_pointer(const davit_executor *executor, size_t copy)
{
    const davit_value_copy *at = &executor->schedule.copies[copy];
    char *base = at->device == executor->plan->device_count ? executor->host_arena
                                                            : executor->devices[at->device].map;
    return base + at->offset_bytes;
}

static davit_command write_command(const davit_executor *executor, const davit_arrival *arrival)
{
    return (davit_command){.kind = DAVIT_COMMAND_WRITE,
                           .to = buffer_ref(executor, arrival->to),
                           .host_source = arrival->input == DAVIT_NO_INDEX
                                              ? host_pointer(executor, arrival->from)
                                              : NULL};
}

static davit_status execute_command(davit_executor *executor, size_t index, davit_command *command)
{
    const davit_stage *stage = &executor->schedule.stages[index];
    size_t count = stage->input_count + stage->output_count;
    davit_buffer_ref *bindings =
        davit_arena_alloc_array(&executor->arena, count, sizeof(*bindings));
    if (bindings == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        bindings[i] = buffer_ref(executor, stage->bindings[i]);
    }
    *command = (davit_command){.kind = DAVIT_COMMAND_EXECUTE,
                               .program = executor->stages[index].program,
                               .bindings = bindings,
                               .binding_count = count,
                               .unit_ns = &executor->unit_ns[stage->units[0]]};
    return DAVIT_OK;
}

static davit_status prepare_stage(davit_executor *executor, size_t index)
{
    const davit_stage *stage = &executor->schedule.stages[index];
    davit_executor_stage *ready = &executor->stages[index];
    size_t count = stage->arrival_count + 1 + stage->staged_count;
    size_t most = count + stage->delivery_count;
    ready->commands = davit_arena_alloc_array(&executor->arena, most, sizeof(*ready->commands));
    ready->command_ns = davit_arena_alloc_array(&executor->arena, most, sizeof(uint64_t));
    if (ready->commands == NULL || ready->command_ns == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    davit_command *command = ready->commands;
    for (size_t i = 0; i < stage->arrival_count; i++) {
        *command++ = write_command(executor, &stage->arrivals[i]);
    }
    davit_status status = execute_command(executor, index, command++);
    for (size_t i = 0; i < stage->staged_count; i++) {
        *command++ = (davit_command){.kind = DAVIT_COMMAND_READ,
                                     .from = buffer_ref(executor, stage->staged[i].from),
                                     .host_target = host_pointer(executor, stage->staged[i].to)};
    }
    for (size_t i = 0; i < stage->delivery_count; i++) {
        *command++ = (davit_command){.kind = DAVIT_COMMAND_READ};
    }
    for (size_t i = 0; i < most; i++) {
        if (ready->commands[i].kind != DAVIT_COMMAND_EXECUTE) {
            ready->commands[i].command_ns = &ready->command_ns[i];
        }
    }
    ready->command_count = count;
    return status;
}

davit_status davit_executor_prepare_commands(davit_executor *executor)
{
    for (size_t s = 0; s < executor->schedule.stage_count; s++) {
        if (prepare_stage(executor, s) != DAVIT_OK) {
            return davit_fail(executor->diag, DAVIT_OUT_OF_MEMORY,
                              "out of memory for the commands of program %zu", s + 1);
        }
    }
    return DAVIT_OK;
}
