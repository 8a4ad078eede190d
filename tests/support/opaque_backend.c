#include "opaque_backend.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "davit/host_queue.h"
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

static davit_status run_command(davit_queue *inner_queue, const davit_command *command,
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
    return davit_queue_run(inner_queue, &inner, 1, deadline_ns);
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
        status = run_command(queue->inner, &submission->commands[i], submission->deadline_ns);
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

static davit_status open_as(const davit_device_table *table, davit_backend *backend,
                            const davit_device_info *info, const davit_device_options *options,
                            davit_device **out)
{
    opaque_device *device = davit_alloc(options->allocator, sizeof(*device));
    if (device == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    device->base.table = table;
    device->reference = (davit_backend){&davit_reference_backend, backend->host};
    davit_status status = davit_device_open(&device->reference, info, options, &device->inner);
    if (status != DAVIT_OK) {
        davit_free(options->allocator, device);
        return status;
    }
    *out = &device->base;
    return DAVIT_OK;
}

static davit_status open_device(davit_backend *backend, const davit_device_info *info,
                                const davit_device_options *options, davit_device **out)
{
    return open_as(&device_table, backend, info, options, out);
}

const davit_backend_table test_opaque_backend = {
    .abi_version = DAVIT_BACKEND_ABI_VERSION,
    .struct_size = sizeof(davit_backend_table),
    .name = "opaque",
    .kind = "opaque",
    .enumerate = enumerate,
    .supports = supports,
    .open = open_device,
};

/* ---- brittle ---- */

typedef struct brittle_state {
    brittle_fault fault;
    unsigned countdown;
    bool broken; /* fails everything, and cannot be opened */
} brittle_state;

static pthread_mutex_t brittle_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t brittle_repaired = PTHREAD_COND_INITIALIZER;
static brittle_state brittle[BRITTLE_DEVICES];
static unsigned brittle_unit_ms;

void brittle_break(uint32_t device, brittle_fault fault, unsigned countdown)
{
    pthread_mutex_lock(&brittle_mutex);
    brittle[device].fault = fault;
    brittle[device].countdown = countdown;
    pthread_mutex_unlock(&brittle_mutex);
}

void brittle_repair(void)
{
    pthread_mutex_lock(&brittle_mutex);
    for (uint32_t d = 0; d < BRITTLE_DEVICES; d++) {
        brittle[d].fault = BRITTLE_NONE;
        brittle[d].broken = false;
    }
    pthread_cond_broadcast(&brittle_repaired);
    pthread_mutex_unlock(&brittle_mutex);
}

void brittle_slow_down(unsigned unit_ms)
{
    pthread_mutex_lock(&brittle_mutex);
    brittle_unit_ms = unit_ms;
    pthread_mutex_unlock(&brittle_mutex);
}

unsigned brittle_pending(uint32_t device)
{
    pthread_mutex_lock(&brittle_mutex);
    unsigned countdown = brittle[device].fault != BRITTLE_NONE ? brittle[device].countdown : 0;
    pthread_mutex_unlock(&brittle_mutex);
    return countdown;
}

static void sleep_until(uint64_t at_ns)
{
    const struct timespec until = {.tv_sec = (time_t)(at_ns / 1000000000u),
                                   .tv_nsec = (long)(at_ns % 1000000000u)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) != 0) {
    }
}

/* What becomes of the next command of a device: DAVIT_OK, or how it fails. */
static davit_status meet_fault(uint32_t device, uint64_t deadline_ns)
{
    brittle_state *state = &brittle[device];
    pthread_mutex_lock(&brittle_mutex);
    bool strikes = state->fault != BRITTLE_NONE && --state->countdown == 0;
    brittle_fault fault = strikes ? state->fault : BRITTLE_NONE;
    state->fault = strikes ? BRITTLE_NONE : state->fault;
    state->broken = state->broken || fault == BRITTLE_LOST || fault == BRITTLE_STUCK;
    davit_status status = state->broken ? DAVIT_DEVICE_LOST : DAVIT_OK;
    while (fault == BRITTLE_STUCK && state->broken) {
        pthread_cond_wait(&brittle_repaired, &brittle_mutex);
    }
    pthread_mutex_unlock(&brittle_mutex);
    if (fault == BRITTLE_LATE && deadline_ns != DAVIT_DEADLINE_NEVER) {
        sleep_until(deadline_ns);
        status = DAVIT_DEADLINE_EXCEEDED;
    }
    return fault == BRITTLE_ERROR ? DAVIT_INTERNAL : status;
}

static davit_status run_brittle(davit_device *device, void *stream,
                                const davit_submission *submission)
{
    davit_status status = DAVIT_OK;
    for (size_t i = 0; status == DAVIT_OK && i < submission->command_count; i++) {
        const davit_command *command = &submission->commands[i];
        uint64_t begin_ns = davit_clock_ns();
        status = meet_fault(device->info.ordinal, submission->deadline_ns);
        if (status == DAVIT_OK) {
            status = run_command(stream, command, submission->deadline_ns);
        } else {
            (void)davit_fail(device->options.diag, status, "device %s: a command failed",
                             device->info.name);
        }
        if (command->program != NULL && brittle_unit_ms > 0) {
            size_t units = command->program->spec->unit_count;
            sleep_until(begin_ns + units * brittle_unit_ms * 1000000u);
            for (size_t u = 0; command->unit_ns != NULL && u < units; u++) {
                command->unit_ns[u] = brittle_unit_ms * 1000000u;
            }
        }
        if (command->command_ns != NULL) {
            *command->command_ns = davit_clock_ns() - begin_ns;
        }
    }
    return status;
}

static davit_status open_stream(davit_device *device, void **stream)
{
    davit_queue *inner;
    davit_status status = davit_queue_create(inner_device(device), &inner);
    *stream = inner;
    return status;
}

static void close_stream(davit_device *device, void *stream)
{
    (void)device;
    davit_queue_free(stream);
}

static davit_status create_brittle_queue(davit_device *device, davit_queue **out)
{
    static const davit_host_queue_ops ops = {
        .run = run_brittle, .open_stream = open_stream, .close_stream = close_stream};
    return davit_host_queue_create(device, &ops, out);
}

static const davit_device_table brittle_table = {
    .abi_version = DAVIT_BACKEND_ABI_VERSION,
    .struct_size = sizeof(davit_device_table),
    .close = close_device,
    .buffer_alloc = buffer_alloc,
    .buffer_free = buffer_free,
    .program_build = program_build,
    .program_free = program_free,
    .queue_create = create_brittle_queue,
    .queue_free = davit_host_queue_free,
    .queue_submit = davit_host_queue_submit,
};

static davit_status enumerate_brittle(davit_backend *backend, const davit_diagnostics *diag,
                                      davit_device_info *infos, size_t capacity, size_t *count)
{
    (void)backend;
    (void)diag;
    *count = BRITTLE_DEVICES;
    for (uint32_t i = 0; i < BRITTLE_DEVICES && i < capacity; i++) {
        infos[i] = (davit_device_info){.ordinal = i,
                                       .profile = {.kind = DAVIT_DEVICE_GPU,
                                                   .f32_flops_per_s = 1e9,
                                                   .memory_bytes_per_s = 1e9,
                                                   .link = {1e9, 1e9, 1000, 0}}};
        snprintf(infos[i].name, sizeof(infos[i].name), "brittle:%u", i);
    }
    return DAVIT_OK;
}

static davit_status open_brittle(davit_backend *backend, const davit_device_info *info,
                                 const davit_device_options *options, davit_device **out)
{
    pthread_mutex_lock(&brittle_mutex);
    bool broken = brittle[info->ordinal].broken;
    pthread_mutex_unlock(&brittle_mutex);
    if (broken) {
        return davit_fail(options->diag, DAVIT_UNAVAILABLE, "device %s is broken", info->name);
    }
    return open_as(&brittle_table, backend, info, options, out);
}

const davit_backend_table test_brittle_backend = {
    .abi_version = DAVIT_BACKEND_ABI_VERSION,
    .struct_size = sizeof(davit_backend_table),
    .name = "brittle",
    .kind = "brittle",
    .enumerate = enumerate_brittle,
    .supports = supports,
    .open = open_brittle,
};
