/* Queues: an in-order command queue each, behind the worker of davit/host_queue.h. Host memory is
 * copied by way of pinned memory of the stream's own, so that a driver that hangs never touches
 * memory of the caller's after a deadline. */
#include <string.h>

#include "davit/host_queue.h"
#include "program.h"

static void free_staging(davit_opencl_stream *stream)
{
    const davit_cl_api *api = stream->device->api;
    if (stream->staging != NULL) {
        (void)api->clEnqueueUnmapMemObject(stream->queue, stream->staging, stream->staging_at, 0,
                                           NULL, NULL);
        (void)api->clReleaseMemObject(stream->staging);
        stream->staging = NULL;
        stream->staging_bytes = 0;
    }
}

static davit_status open_stream(davit_device *base, void **out)
{
    davit_opencl_device *device = (davit_opencl_device *)base;
    davit_opencl_stream *stream = davit_alloc(base->options.allocator, sizeof(*stream));
    cl_int error;
    if (stream == NULL) {
        return davit_fail(base->options.diag, DAVIT_OUT_OF_MEMORY, "device '%s': no memory",
                          base->info.name);
    }
    stream->device = device;
    stream->queue = device->api->clCreateCommandQueue(device->context, device->id,
                                                      CL_QUEUE_PROFILING_ENABLE, &error);
    if (stream->queue == NULL) {
        davit_free(base->options.allocator, stream);
        return davit_opencl_fail(device, error, "a command queue");
    }
    *out = stream;
    return DAVIT_OK;
}

static void close_stream(davit_device *base, void *argument)
{
    davit_opencl_stream *stream = argument;
    davit_opencl_device *device = stream->device;
    if (davit_opencl_is_answering(device)) { /* else releasing could wait for ever */
        free_staging(stream);
        (void)device->api->clReleaseCommandQueue(stream->queue);
    }
    davit_free(base->options.allocator, stream->events);
    davit_free(base->options.allocator, stream);
}

/* Pinned memory for all host copies of a submission. */
static davit_status grow_staging(davit_opencl_stream *stream, size_t bytes)
{
    davit_opencl_device *device = stream->device;
    cl_int error;
    if (bytes <= stream->staging_bytes) {
        return DAVIT_OK;
    }
    free_staging(stream);
    stream->staging = device->api->clCreateBuffer(
        device->context, CL_MEM_READ_WRITE | CL_MEM_ALLOC_HOST_PTR, bytes, NULL, &error);
    if (stream->staging == NULL) {
        return davit_opencl_fail(device, error, "pinned memory");
    }
    stream->staging_at = device->api->clEnqueueMapBuffer(
        stream->queue, stream->staging, CL_TRUE, CL_MAP_READ | CL_MAP_WRITE, 0, bytes, 0, NULL,
        NULL, &error);
    if (stream->staging_at == NULL) {
        (void)device->api->clReleaseMemObject(stream->staging);
        stream->staging = NULL;
        return davit_opencl_fail(device, error, "pinned memory");
    }
    stream->staging_bytes = bytes;
    return DAVIT_OK;
}

static cl_mem memory_of(const davit_buffer_ref *ref)
{
    return ((const davit_opencl_buffer *)ref->buffer)->memory;
}

/* Enqueues a command; of a read, staging is where its bytes will be. */
static davit_status enqueue(davit_opencl_stream *stream, const davit_command *command,
                            char *staging, uint64_t deadline_ns)
{
    const davit_cl_api *api = stream->device->api;
    const davit_buffer_ref *from = &command->from, *to = &command->to;
    cl_int error = CL_SUCCESS;
    switch (command->kind) {
    case DAVIT_COMMAND_WRITE:
        if (to->bytes > 0) {
            memcpy(staging, command->host_source, to->bytes);
            error = api->clEnqueueWriteBuffer(stream->queue, memory_of(to), CL_FALSE,
                                              to->offset_bytes, to->bytes, staging, 0, NULL, NULL);
        }
        break;
    case DAVIT_COMMAND_READ:
        if (from->bytes > 0) {
            error = api->clEnqueueReadBuffer(stream->queue, memory_of(from), CL_FALSE,
                                             from->offset_bytes, from->bytes, staging, 0, NULL,
                                             NULL);
        }
        break;
    case DAVIT_COMMAND_COPY:
        if (from->bytes > 0) {
            error =
                api->clEnqueueCopyBuffer(stream->queue, memory_of(from), memory_of(to),
                                         from->offset_bytes, to->offset_bytes, from->bytes, 0,
                                         NULL, NULL);
        }
        break;
    case DAVIT_COMMAND_FILL:
        if (to->bytes > 0) {
            error = api->clEnqueueFillBuffer(stream->queue, memory_of(to), &command->pattern, 1,
                                             to->offset_bytes, to->bytes, 0, NULL, NULL);
        }
        break;
    case DAVIT_COMMAND_EXECUTE:
        return davit_opencl_program_run(stream, command, deadline_ns);
    }
    return error == CL_SUCCESS ? DAVIT_OK : davit_opencl_fail(stream->device, error, "a copy");
}

/* Waits for all that was enqueued. */
static davit_status finish(davit_opencl_stream *stream, uint64_t deadline_ns)
{
    const davit_cl_api *api = stream->device->api;
    cl_event event = NULL;
    cl_int error = api->clEnqueueMarkerWithWaitList(stream->queue, 0, NULL, &event);
    if (error != CL_SUCCESS) {
        return davit_opencl_fail(stream->device, error, "a marker");
    }
    (void)api->clFlush(stream->queue);
    return davit_opencl_wait(stream->device, event, deadline_ns);
}

static size_t staging_of(const davit_command *command)
{
    size_t bytes = command->kind == DAVIT_COMMAND_WRITE  ? command->to.bytes
                   : command->kind == DAVIT_COMMAND_READ ? command->from.bytes
                                                         : 0;
    return (bytes + DAVIT_ALIGNMENT - 1) / DAVIT_ALIGNMENT * DAVIT_ALIGNMENT;
}

static davit_status late(const davit_device *device)
{
    return davit_fail(device->options.diag, DAVIT_DEADLINE_EXCEEDED,
                      "device '%s': the deadline passed between commands", device->info.name);
}

static davit_status run_commands(davit_opencl_stream *stream, const davit_submission *submission)
{
    davit_status status = DAVIT_OK;
    char *staging = stream->staging_at;
    for (size_t i = 0; i < submission->command_count && status == DAVIT_OK; i++) {
        const davit_command *command = &submission->commands[i];
        uint64_t begin_ns = davit_clock_ns();
        if (begin_ns >= submission->deadline_ns) {
            return late(&stream->device->base);
        }
        status = enqueue(stream, command, staging, submission->deadline_ns);
        staging += staging_of(command);
        if (status == DAVIT_OK && command->command_ns != NULL) {
            status = finish(stream, submission->deadline_ns);
            *command->command_ns = davit_clock_ns() - begin_ns;
        }
    }
    return status;
}

/* What was read goes to the caller once all is over. */
static void deliver(const davit_opencl_stream *stream, const davit_submission *submission)
{
    const char *staging = stream->staging_at;
    for (size_t i = 0; i < submission->command_count; i++) {
        const davit_command *command = &submission->commands[i];
        if (command->kind == DAVIT_COMMAND_READ && command->from.bytes > 0) {
            memcpy(command->host_target, staging, command->from.bytes);
        }
        staging += staging_of(command);
    }
}

static davit_status run(davit_device *base, void *argument, const davit_submission *submission)
{
    davit_opencl_stream *stream = argument;
    size_t bytes = 0;
    davit_status status = DAVIT_OK;
    if (davit_clock_ns() < submission->deadline_ns) {
        status = davit_opencl_alive((davit_opencl_device *)base, submission->deadline_ns);
    } else {
        status = late(base);
    }
    for (size_t i = 0; i < submission->command_count; i++) {
        bytes += staging_of(&submission->commands[i]);
    }
    if (status == DAVIT_OK) {
        status = grow_staging(stream, bytes);
    }
    if (status == DAVIT_OK) {
        status = run_commands(stream, submission);
        /* Also after a failure: buffers are let go of when the submission is handed back. */
        if (davit_opencl_is_answering(stream->device)) {
            davit_status last = finish(stream, submission->deadline_ns);
            status = status != DAVIT_OK ? status : last;
        }
    }
    if (status == DAVIT_OK) {
        deliver(stream, submission);
    }
    return status;
}

davit_status davit_opencl_queue_create(davit_device *device, davit_queue **out)
{
    static const davit_host_queue_ops ops = {
        .run = run, .open_stream = open_stream, .close_stream = close_stream};
    return davit_host_queue_create(device, &ops, out);
}
