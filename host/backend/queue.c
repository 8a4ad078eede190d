#include "davit/backend.h"

#include "submission.h"

static const char *command_name(davit_command_kind kind)
{
    switch (kind) {
    case DAVIT_COMMAND_WRITE:
        return "write";
    case DAVIT_COMMAND_READ:
        return "read";
    case DAVIT_COMMAND_COPY:
        return "copy";
    case DAVIT_COMMAND_FILL:
        return "fill";
    case DAVIT_COMMAND_EXECUTE:
        return "execute";
    }
    return NULL;
}

/* What is wrong with a part of a buffer as an operand on device, or NULL. */
static const char *ref_problem(const davit_device *device, const davit_buffer_ref *ref)
{
    if (ref->buffer == NULL) {
        return "a buffer is missing";
    }
    if (ref->buffer->device != device) {
        return "a buffer belongs to another device";
    }
    if (ref->offset_bytes > ref->buffer->bytes ||
        ref->bytes > ref->buffer->bytes - ref->offset_bytes) {
        return "a reference reaches beyond its buffer";
    }
    return NULL;
}

bool davit_buffer_refs_overlap(const davit_buffer_ref *a, const davit_buffer_ref *b)
{
    return a->buffer == b->buffer && a->bytes > 0 && b->bytes > 0 &&
           a->offset_bytes < b->offset_bytes + b->bytes &&
           b->offset_bytes < a->offset_bytes + a->bytes;
}

static const char *copy_problem(const davit_device *device, const davit_command *command)
{
    const char *problem = ref_problem(device, &command->from);
    if (problem == NULL) {
        problem = ref_problem(device, &command->to);
    }
    if (problem == NULL && command->from.bytes != command->to.bytes) {
        problem = "source and target differ in size";
    }
    if (problem == NULL && davit_buffer_refs_overlap(&command->from, &command->to)) {
        problem = "source and target overlap";
    }
    return problem;
}

static const char *binding_problem(const davit_device *device, const davit_command *command,
                                   size_t index)
{
    const davit_program_spec *spec = command->program->spec;
    const davit_buffer_ref *binding = &command->bindings[index];
    const char *problem = ref_problem(device, binding);
    if (problem != NULL) {
        return problem;
    }
    bool is_output = index >= spec->input_count;
    const davit_program_io *io =
        is_output ? &spec->outputs[index - spec->input_count] : &spec->inputs[index];
    if (binding->bytes != davit_tensor_desc_bytes(&io->desc)) {
        return "a binding has not the size of its value";
    }
    if (binding->offset_bytes % DAVIT_ALIGNMENT != 0) {
        return "a binding is not aligned";
    }
    for (size_t i = 0; is_output && i < index; i++) {
        if (davit_buffer_refs_overlap(binding, &command->bindings[i])) {
            return "an output overlaps another binding";
        }
    }
    return NULL;
}

static const char *execute_problem(const davit_device *device, const davit_command *command)
{
    if (command->program == NULL) {
        return "the program is missing";
    }
    if (command->program->device != device) {
        return "the program belongs to another device";
    }
    const davit_program_spec *spec = command->program->spec;
    if (command->binding_count != spec->input_count + spec->output_count) {
        return "the number of bindings is not that of the program's inputs and outputs";
    }
    if (command->binding_count > 0 && command->bindings == NULL) {
        return "the bindings are missing";
    }
    const char *problem = NULL;
    for (size_t i = 0; problem == NULL && i < command->binding_count; i++) {
        problem = binding_problem(device, command, i);
    }
    return problem;
}

static const char *command_problem(const davit_device *device, const davit_command *command)
{
    const char *problem = NULL;
    switch (command->kind) {
    case DAVIT_COMMAND_WRITE:
        problem = ref_problem(device, &command->to);
        if (problem == NULL && command->to.bytes > 0 && command->host_source == NULL) {
            problem = "the host memory is missing";
        }
        return problem;
    case DAVIT_COMMAND_READ:
        problem = ref_problem(device, &command->from);
        if (problem == NULL && command->from.bytes > 0 && command->host_target == NULL) {
            problem = "the host memory is missing";
        }
        return problem;
    case DAVIT_COMMAND_COPY:
        return copy_problem(device, command);
    case DAVIT_COMMAND_FILL:
        return ref_problem(device, &command->to);
    case DAVIT_COMMAND_EXECUTE:
        return execute_problem(device, command);
    }
    return "no such command";
}

static bool points_complete(const davit_semaphore_point *points, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (points == NULL || points[i].semaphore == NULL) {
            return false;
        }
    }
    return true;
}

static davit_status check_submission(const davit_device *device, const davit_submission *submission)
{
    const davit_diagnostics *diag = device->options.diag;
    if (!points_complete(submission->waits, submission->wait_count) ||
        !points_complete(submission->signals, submission->signal_count) ||
        (submission->command_count > 0 && submission->commands == NULL)) {
        return davit_fail(diag, DAVIT_INVALID_ARGUMENT,
                          "device '%s': a submission lacks a semaphore or its commands",
                          device->info.name);
    }
    for (size_t i = 0; i < submission->command_count; i++) {
        const davit_command *command = &submission->commands[i];
        const char *problem = command_problem(device, command);
        if (problem != NULL) {
            const char *name = command_name(command->kind);
            return davit_fail(diag, DAVIT_INVALID_ARGUMENT, "device '%s': command %zu (%s): %s",
                              device->info.name, i, name != NULL ? name : "unknown", problem);
        }
    }
    return DAVIT_OK;
}

/* What is not taken ends here. */
static void refuse(const davit_submission *submission, davit_status status)
{
    for (size_t i = 0; submission->signals != NULL && i < submission->signal_count; i++) {
        if (submission->signals[i].semaphore != NULL) {
            davit_semaphore_fail(submission->signals[i].semaphore, status);
        }
    }
    if (submission->completed != NULL) {
        submission->completed(submission->completed_user, status);
    }
}

davit_status davit_queue_submit(davit_queue *queue, const davit_submission *submission)
{
    if (queue == NULL || submission == NULL) {
        return DAVIT_INVALID_ARGUMENT;
    }
    const davit_device *device = queue->device;
    davit_status status = check_submission(device, submission);
    davit_submission_record *record = NULL;
    if (status == DAVIT_OK) {
        status = davit_submission_copy(queue->pool, submission, &record);
        if (status != DAVIT_OK) {
            (void)davit_fail(device->options.diag, status, "device '%s': no memory to submit",
                             device->info.name);
        }
    }
    if (status != DAVIT_OK) {
        refuse(submission, status);
        return status;
    }
    status = device->table->queue_submit(queue, &record->submission);
    if (status != DAVIT_OK) {
        davit_submission_complete(&record->submission, status);
    }
    return status;
}

davit_status davit_queue_run(davit_queue *queue, const davit_command *commands,
                             size_t command_count, uint64_t deadline_ns)
{
    if (queue == NULL) {
        return DAVIT_INVALID_ARGUMENT;
    }
    davit_semaphore_point done = {NULL, 0};
    davit_status status =
        davit_submission_pool_take_semaphore(queue->pool, &done.semaphore, &done.value);
    if (status != DAVIT_OK) {
        return davit_fail(queue->device->options.diag, status, "device '%s': no memory to submit",
                          queue->device->info.name);
    }
    done.value++;
    const davit_submission submission = {.command_count = command_count,
                                         .commands = commands,
                                         .signal_count = 1,
                                         .signals = &done,
                                         .deadline_ns = deadline_ns};
    status = davit_queue_submit(queue, &submission);
    if (status == DAVIT_OK) {
        /* No deadline here: host memory of the commands is in use until the queue ends them. */
        status = davit_semaphore_wait(done.semaphore, done.value, DAVIT_DEADLINE_NEVER);
    }
    davit_submission_pool_return_semaphore(queue->pool, done.semaphore);
    return status;
}

davit_status davit_queue_create(davit_device *device, davit_queue **out)
{
    if (out == NULL) {
        return DAVIT_INVALID_ARGUMENT;
    }
    *out = NULL;
    if (device == NULL) {
        return DAVIT_INVALID_ARGUMENT;
    }
    davit_submission_pool *pool = NULL;
    davit_status status =
        davit_submission_pool_create(device->options.allocator, device->options.diag, &pool);
    if (status != DAVIT_OK) {
        return davit_fail(device->options.diag, status, "device '%s': no memory for a queue",
                          device->info.name);
    }
    davit_queue *queue = NULL;
    status = device->table->queue_create(device, &queue);
    if (status != DAVIT_OK) {
        davit_submission_pool_destroy(pool);
        return status;
    }
    queue->device = device;
    queue->pool = pool;
    *out = queue;
    return DAVIT_OK;
}

void davit_queue_free(davit_queue *queue)
{
    if (queue == NULL) {
        return;
    }
    davit_submission_pool *pool = queue->pool;
    queue->device->table->queue_free(queue);
    davit_submission_pool_destroy(pool);
}
