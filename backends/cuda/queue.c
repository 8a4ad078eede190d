#include "stream.h"

#include <string.h>

/* Commands go into the stream one behind the other; the worker waits once, at the end, unless
 * pinned memory or a program's turn runs out before. */

#define UPLOAD_LIMIT_NS 60000000000ull

static cuda_address address_of(const davit_buffer_ref *ref)
{
    return ((const davit_cuda_buffer *)ref->buffer)->memory->address + ref->offset_bytes;
}

static davit_status check(davit_cuda_stream *stream, cuda_result result, const char *what)
{
    return result == CUDA_RESULT_SUCCESS ? DAVIT_OK : davit_cuda_fail(stream->device, result, what);
}

static davit_status write_bytes(davit_cuda_stream *stream, cuda_address to, const void *from,
                                size_t bytes, uint64_t *command_ns)
{
    const davit_cuda_driver *driver = stream->device->driver;
    davit_status status = DAVIT_OK;
    for (size_t done = 0, step = 0; status == DAVIT_OK && done < bytes; done += step) {
        void *pinned;
        status = davit_cuda_stream_stage(stream, bytes - done, &pinned, &step);
        if (status == DAVIT_OK) {
            davit_cuda_copy_on_host(pinned, (const char *)from + done, step, command_ns);
            status = check(stream, driver->copy_to_device(to + done, pinned, step, stream->native),
                           "a copy to it");
        }
    }
    return status;
}

static davit_status read_from_device(davit_cuda_stream *stream, const davit_command *command)
{
    const davit_cuda_driver *driver = stream->device->driver;
    davit_status status = DAVIT_OK;
    for (size_t done = 0, step = 0; status == DAVIT_OK && done < command->from.bytes;
         done += step) {
        void *pinned;
        status = davit_cuda_stream_stage(stream, command->from.bytes - done, &pinned, &step);
        if (status != DAVIT_OK) {
            return status;
        }
        stream->arrivals[stream->arrival_count++] =
            (davit_cuda_arrival){.to = (char *)command->host_target + done,
                                 .from = pinned,
                                 .bytes = step,
                                 .command_ns = command->command_ns};
        status = check(
            stream,
            driver->copy_to_host(pinned, address_of(&command->from) + done, step, stream->native),
            "a copy from it");
    }
    return status;
}

static davit_status copy(davit_cuda_stream *stream, const davit_command *command)
{
    if (command->from.bytes == 0) {
        return DAVIT_OK;
    }
    return check(stream,
                 stream->device->driver->copy_on_device(address_of(&command->to),
                                                        address_of(&command->from),
                                                        command->from.bytes, stream->native),
                 "a copy");
}

static davit_status fill(davit_cuda_stream *stream, const davit_command *command)
{
    if (command->to.bytes == 0) {
        return DAVIT_OK;
    }
    return check(stream,
                 stream->device->driver->fill(address_of(&command->to), command->pattern,
                                              command->to.bytes, stream->native),
                 "a fill");
}

/* Waits with the program's turn kept. */
static davit_status wait_for_launches(void *user)
{
    davit_cuda_stream *stream = user;
    davit_cuda_program *program = stream->running;
    stream->running = NULL;
    davit_status status = davit_cuda_stream_wait(stream);
    stream->running = program;
    return status;
}

/* A program's turn is held until the stream is waited for: one at a time, so that queues that run
 * the same programs do not wait for each other. */
static davit_status execute(davit_cuda_stream *stream, const davit_command *command)
{
    davit_status status = stream->running != NULL ? davit_cuda_stream_wait(stream) : DAVIT_OK;
    if (status == DAVIT_OK) {
        status = davit_cuda_stream_take_turn(stream, command->program);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    stream->running = (davit_cuda_program *)command->program;
    stream->unit_ns = command->unit_ns;
    return davit_cuda_program_enqueue(stream->running, command->bindings, stream->native,
                                      command->unit_ns != NULL, wait_for_launches, stream);
}

static davit_status enqueue(davit_cuda_stream *stream, const davit_command *command)
{
    switch (command->kind) {
    case DAVIT_COMMAND_WRITE:
        return write_bytes(stream, address_of(&command->to), command->host_source,
                           command->to.bytes, command->command_ns);
    case DAVIT_COMMAND_READ:
        return read_from_device(stream, command);
    case DAVIT_COMMAND_COPY:
        return copy(stream, command);
    case DAVIT_COMMAND_FILL:
        return fill(stream, command);
    case DAVIT_COMMAND_EXECUTE:
        return execute(stream, command);
    }
    return DAVIT_INTERNAL;
}

/* ---- times of commands ---- */

/* An event in the stream; mark_count counts those that exist. */
static davit_status mark(davit_cuda_stream *stream, size_t index)
{
    davit_cuda_device *device = stream->device;
    davit_status status = DAVIT_OK;
    if (index == stream->mark_count) {
        status = davit_array_grow(device->base.options.allocator, (void **)&stream->marks,
                                  &stream->mark_capacity, stream->mark_count, index + 1,
                                  sizeof(cuda_event));
        if (status != DAVIT_OK) {
            return davit_cuda_no_memory(device, "times of commands");
        }
        status =
            check(stream, device->driver->event_create(&stream->marks[index], CUDA_EVENT_DEFAULT),
                  "an event");
        stream->mark_count += status == DAVIT_OK;
    }
    return status == DAVIT_OK
               ? check(stream, device->driver->event_record(stream->marks[index], stream->native),
                       "an event")
               : status;
}

/* Marks lie around every command of a submission with timed ones. A copy's time is that of the
 * device and that of the host's part, between the caller's memory and pinned memory. */
static davit_status collect_times(davit_cuda_stream *stream, const davit_submission *submission)
{
    for (size_t i = 0; i < submission->command_count; i++) {
        uint64_t *out = submission->commands[i].command_ns;
        float milliseconds = 0;
        if (out == NULL) {
            continue;
        }
        davit_status status = check(stream,
                                    stream->device->driver->event_elapsed(
                                        &milliseconds, stream->marks[i], stream->marks[i + 1]),
                                    "the time of a command");
        if (status != DAVIT_OK) {
            return status;
        }
        *out += (uint64_t)((double)milliseconds * 1e6);
    }
    return DAVIT_OK;
}

static bool is_timed(const davit_submission *submission)
{
    bool timed = false;
    for (size_t i = 0; i < submission->command_count; i++) {
        timed = timed || submission->commands[i].command_ns != NULL;
    }
    return timed;
}

/* ---- submissions ---- */

/* Pinned memory and arrivals for all copies of a submission. */
static davit_status reserve(davit_cuda_stream *stream, const davit_submission *submission)
{
    size_t bytes = 0;
    for (size_t i = 0; i < submission->command_count; i++) {
        const davit_command *command = &submission->commands[i];
        size_t more = command->kind == DAVIT_COMMAND_WRITE  ? command->to.bytes
                      : command->kind == DAVIT_COMMAND_READ ? command->from.bytes
                                                            : 0;
        if (!davit_add_size(bytes, more, &bytes)) {
            bytes = SIZE_MAX;
        }
    }
    if (davit_array_grow(stream->device->base.options.allocator, (void **)&stream->arrivals,
                         &stream->arrival_capacity, 0, submission->command_count,
                         sizeof(*stream->arrivals)) != DAVIT_OK) {
        return davit_cuda_no_memory(stream->device, "copies");
    }
    return davit_cuda_stream_reserve(stream, bytes);
}

static davit_status report_late(const davit_cuda_device *device)
{
    return davit_fail(device->base.options.diag, DAVIT_DEADLINE_EXCEEDED,
                      "device '%s': the deadline passed between commands", device->base.info.name);
}

static davit_status run(davit_cuda_stream *stream, const davit_submission *submission)
{
    bool timed = is_timed(submission);
    davit_status status = timed ? mark(stream, 0) : DAVIT_OK;
    for (size_t i = 0; status == DAVIT_OK && i < submission->command_count; i++) {
        if (davit_clock_ns() >= submission->deadline_ns) {
            status = report_late(stream->device);
            break;
        }
        if (submission->commands[i].command_ns != NULL) {
            *submission->commands[i].command_ns = 0;
        }
        status = enqueue(stream, &submission->commands[i]);
        if (status == DAVIT_OK && timed) {
            status = mark(stream, i + 1);
        }
    }
    if (status == DAVIT_OK) {
        status = davit_cuda_stream_wait(stream);
    }
    if (status == DAVIT_OK && timed) {
        status = collect_times(stream, submission);
    }
    if (status != DAVIT_OK) {
        davit_cuda_stream_settle(stream);
    }
    return status;
}

davit_status davit_cuda_submission_run(davit_cuda_stream *stream,
                                       const davit_submission *submission)
{
    davit_cuda_device *device = stream->device;
    davit_status status = reserve(stream, submission);
    if (status == DAVIT_OK && submission->command_count > 0) {
        stream->deadline_ns = submission->deadline_ns;
        atomic_fetch_add(&device->busy, 1);
        status = run(stream, submission);
        atomic_fetch_sub(&device->busy, 1);
    }
    return status;
}

/* A stream for one call of exchange, with room for the bytes. */
static davit_status open_for(davit_cuda_device *device, size_t bytes, davit_cuda_stream **out)
{
    davit_cuda_stream *stream;
    davit_status status = davit_cuda_stream_open(device, &stream);
    if (status != DAVIT_OK) {
        return status;
    }
    const davit_command command = {.kind = DAVIT_COMMAND_WRITE, .to = {.bytes = bytes}};
    const davit_submission submission = {.command_count = 1, .commands = &command};
    stream->deadline_ns = davit_deadline_after(UPLOAD_LIMIT_NS);
    status = reserve(stream, &submission);
    if (status != DAVIT_OK) {
        davit_cuda_stream_close(stream);
        return status;
    }
    *out = stream;
    return DAVIT_OK;
}

static davit_status exchange(davit_cuda_stream *stream, cuda_address at, void *bytes, size_t count,
                             davit_status (*work)(void *user, cuda_stream stream), void *user)
{
    davit_status status = work(user, stream->native);
    void *pinned;
    size_t step = 0;
    if (status == DAVIT_OK) {
        status = davit_cuda_stream_wait(stream);
    }
    if (status == DAVIT_OK) {
        status = davit_cuda_stream_stage(stream, count, &pinned, &step);
    }
    if (status == DAVIT_OK) {
        stream->arrivals[stream->arrival_count++] =
            (davit_cuda_arrival){.to = bytes, .from = pinned, .bytes = step};
        status = check(
            stream, stream->device->driver->copy_to_host(pinned, at, step, stream->native),
            "a copy from it");
    }
    return status;
}

static davit_status bring(davit_cuda_device *device, cuda_address at, const void *from, void *back,
                          size_t bytes, davit_status (*work)(void *user, cuda_stream stream),
                          void *user)
{
    davit_cuda_stream *stream;
    davit_status status = open_for(device, bytes, &stream);
    if (status != DAVIT_OK) {
        return status;
    }
    status = write_bytes(stream, at, from, bytes, NULL);
    if (status == DAVIT_OK && work != NULL) {
        status = exchange(stream, at, back, bytes, work, user);
    }
    if (status == DAVIT_OK) {
        status = davit_cuda_stream_wait(stream);
    }
    if (status != DAVIT_OK) {
        davit_cuda_stream_settle(stream);
    }
    davit_cuda_stream_close(stream);
    return status;
}

davit_status davit_cuda_upload(davit_cuda_device *device, cuda_address to, const void *from,
                               size_t bytes)
{
    return bring(device, to, from, NULL, bytes, NULL, NULL);
}

davit_status davit_cuda_exchange(davit_cuda_device *device, cuda_address at, void *bytes,
                                 size_t count,
                                 davit_status (*work)(void *user, cuda_stream stream), void *user)
{
    return bring(device, at, bytes, bytes, count, work, user);
}
