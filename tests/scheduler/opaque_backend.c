#include "opaque_backend.h"

#include <string.h>

#include "davit/reference.h"

typedef struct opaque_device {
    davit_device base;
    davit_backend reference;
    davit_device *inner;
} opaque_device;

typedef struct opaque_buffer {
    davit_buffer base;
    davit_buffer *inner;
} opaque_buffer;

typedef struct opaque_program {
    davit_program base;
    davit_program *inner;
} opaque_program;

typedef struct opaque_queue {
    davit_queue base;
    davit_queue *inner;
} opaque_queue;

static davit_device *inner_device(davit_device *device)
{
    return ((opaque_device *)device)->inner;
}

static const davit_allocator *allocator_of(davit_device *device)
{
    return inner_device(device)->options.allocator;
}

static davit_status buffer_alloc(davit_device *device, size_t bytes, davit_buffer **out)
{
    opaque_buffer *buffer = davit_alloc(allocator_of(device), sizeof(*buffer));
    if (buffer == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    davit_status status = davit_buffer_alloc(inner_device(device), bytes, &buffer->inner);
    if (status != DAVIT_OK) {
        davit_free(allocator_of(device), buffer);
        return status;
    }
    *out = &buffer->base;
    return DAVIT_OK;
}

static void buffer_free(davit_buffer *buffer)
{
    davit_buffer_free(((opaque_buffer *)buffer)->inner);
    davit_free(allocator_of(buffer->device), buffer);
}

static davit_status program_build(davit_device *device, const davit_program_spec *spec,
                                  davit_program **out)
{
    opaque_program *program = davit_alloc(allocator_of(device), sizeof(*program));
    if (program == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    davit_status status = davit_program_build(inner_device(device), spec, &program->inner);
    if (status != DAVIT_OK) {
        davit_free(allocator_of(device), program);
        return status;
    }
    *out = &program->base;
    return DAVIT_OK;
}

static void program_free(davit_program *program)
{
    davit_program_free(((opaque_program *)program)->inner);
    davit_free(allocator_of(program->device), program);
}

static davit_status queue_create(davit_device *device, davit_queue **out)
{
    opaque_queue *queue = davit_alloc(allocator_of(device), sizeof(*queue));
    if (queue == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    davit_status status = davit_queue_create(inner_device(device), &queue->inner);
    if (status != DAVIT_OK) {
        davit_free(allocator_of(device), queue);
        return status;
    }
    *out = &queue->base;
    return DAVIT_OK;
}

static void queue_free(davit_queue *queue)
{
    davit_queue_free(((opaque_queue *)queue)->inner);
    davit_free(allocator_of(queue->device), queue);
}

static davit_buffer_ref inner_ref(davit_buffer_ref ref)
{
    if (ref.buffer != NULL) {
        ref.buffer = ((opaque_buffer *)ref.buffer)->inner;
    }
    return ref;
}

static davit_status run_command(const opaque_queue *queue, const davit_command *command,
                                uint64_t deadline_ns)
{
    davit_buffer_ref bindings[64];
    davit_command inner = *command;
    if (command->binding_count > sizeof(bindings) / sizeof(bindings[0])) {
        return DAVIT_UNSUPPORTED;
    }
    inner.from = inner_ref(command->from);
    inner.to = inner_ref(command->to);
    inner.bindings = bindings;
    for (size_t i = 0; i < command->binding_count; i++) {
        bindings[i] = inner_ref(command->bindings[i]);
    }
    if (command->program != NULL) {
        inner.program = ((opaque_program *)command->program)->inner;
    }
    return davit_queue_run(queue->inner, &inner, 1, deadline_ns);
}

static davit_status queue_submit(davit_queue *base, const davit_submission *submission)
{
    const opaque_queue *queue = (const opaque_queue *)base;
    davit_status status = DAVIT_OK;
    for (size_t i = 0; status == DAVIT_OK && i < submission->wait_count; i++) {
        status = davit_semaphore_wait(submission->waits[i].semaphore, submission->waits[i].value,
                                      submission->deadline_ns);
    }
    for (size_t i = 0; status == DAVIT_OK && i < submission->command_count; i++) {
        status = run_command(queue, &submission->commands[i], submission->deadline_ns);
    }
    davit_submission_complete(submission, status);
    return DAVIT_OK;
}

static void close_device(davit_device *device)
{
    const davit_allocator *allocator = allocator_of(device);
    davit_device_close(inner_device(device));
    davit_free(allocator, device);
}

static const davit_device_table device_table = {
    .abi_version = DAVIT_BACKEND_ABI_VERSION,
    .struct_size = sizeof(davit_device_table),
    .close = close_device,
    .buffer_alloc = buffer_alloc,
    .buffer_free = buffer_free,
    .program_build = program_build,
    .program_free = program_free,
    .queue_create = queue_create,
    .queue_free = queue_free,
    .queue_submit = queue_submit,
};

static davit_status enumerate(davit_backend *backend, const davit_diagnostics *diag,
                              davit_device_info *infos, size_t capacity, size_t *count)
{
    davit_status status = davit_reference_backend.enumerate(backend, diag, infos, capacity, count);
    if (status == DAVIT_OK && capacity > 0) {
        memcpy(infos[0].name, "opaque", sizeof("opaque"));
    }
    return status;
}

static bool supports(const davit_device_profile *profile, const davit_graph *graph,
                     const davit_unit *unit, char *reason, size_t reason_bytes)
{
    return davit_reference_backend.supports(profile, graph, unit, reason, reason_bytes);
}

static davit_status open_device(davit_backend *backend, const davit_device_info *info,
                                const davit_device_options *options, davit_device **out)
{
    opaque_device *device = davit_alloc(options->allocator, sizeof(*device));
    if (device == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    device->base.table = &device_table;
    device->reference = (davit_backend){&davit_reference_backend, backend->host};
    davit_status status = davit_device_open(&device->reference, info, options, &device->inner);
    if (status != DAVIT_OK) {
        davit_free(options->allocator, device);
        return status;
    }
    *out = &device->base;
    return DAVIT_OK;
}

const davit_backend_table test_opaque_backend = {
    .abi_version = DAVIT_BACKEND_ABI_VERSION,
    .struct_size = sizeof(davit_backend_table),
    .name = "opaque",
    .enumerate = enumerate,
    .supports = supports,
    .open = open_device,
};
