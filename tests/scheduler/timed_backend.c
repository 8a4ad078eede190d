#include "timed_backend.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "davit/host_queue.h"

#define LINK_BYTES_PER_S 1e9
#define LINK_LATENCY_NS 100000u

typedef struct timed_buffer {
    davit_buffer base;
    char *memory;
} timed_buffer;

double timed_ms(const char *unit, uint32_t device)
{
    const char *end = unit + strlen(unit);
    for (uint32_t i = device; i < TIMED_DEVICES; i++) {
        do {
            end--;
        } while (end > unit && *end != '_');
    }
    return atof(end + 1);
}

/* Waits until a time after begin that nobody could foresee, but the same in each run. */
static uint64_t wait_about(uint64_t begin_ns, double ns)
{
    static atomic_uint calls;
    uint64_t mixed = (atomic_fetch_add(&calls, 1) + 1) * UINT64_C(0x9e3779b97f4a7c15);
    double jitter = ((double)(mixed >> 40) / (double)(1 << 24) * 2 - 1) * TIMED_JITTER;
    uint64_t end_ns = begin_ns + (uint64_t)(ns * (1 + jitter));
    const struct timespec until = {.tv_sec = (time_t)(end_ns / 1000000000u),
                                   .tv_nsec = (long)(end_ns % 1000000000u)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) != 0) {
    }
    return end_ns;
}

static void execute(const davit_device *device, const davit_command *command)
{
    const davit_program_spec *spec = command->program->spec;
    uint64_t at_ns = davit_clock_ns();
    for (size_t u = 0; u < spec->unit_count; u++) {
        const char *name = spec->graph->units[spec->units[u]].name;
        uint64_t end_ns = wait_about(at_ns, timed_ms(name, device->info.ordinal) * 1e6);
        if (command->unit_ns != NULL) {
            command->unit_ns[u] = end_ns - at_ns;
        }
        at_ns = end_ns;
    }
}

static char *memory_of(const davit_buffer_ref *ref)
{
    return ((timed_buffer *)ref->buffer)->memory + ref->offset_bytes;
}

static davit_status run(davit_device *device, void *stream, const davit_submission *submission)
{
    (void)stream;
    for (size_t i = 0; i < submission->command_count; i++) {
        const davit_command *command = &submission->commands[i];
        uint64_t begin_ns = davit_clock_ns();
        size_t bytes = 0;
        switch (command->kind) {
        case DAVIT_COMMAND_EXECUTE:
            execute(device, command);
            break;
        case DAVIT_COMMAND_WRITE:
            bytes = command->to.bytes;
            memcpy(memory_of(&command->to), command->host_source, bytes);
            break;
        case DAVIT_COMMAND_READ:
            bytes = command->from.bytes;
            memcpy(command->host_target, memory_of(&command->from), bytes);
            break;
        default:
            return DAVIT_UNSUPPORTED;
        }
        if (command->kind != DAVIT_COMMAND_EXECUTE) {
            wait_about(begin_ns, LINK_LATENCY_NS + (double)bytes / LINK_BYTES_PER_S * 1e9);
        }
        if (command->command_ns != NULL) {
            *command->command_ns = davit_clock_ns() - begin_ns;
        }
    }
    return DAVIT_OK;
}

static davit_status queue_create(davit_device *device, davit_queue **out)
{
    static const davit_host_queue_ops ops = {.run = run};
    return davit_host_queue_create(device, &ops, out);
}

static davit_status buffer_alloc(davit_device *device, size_t bytes, davit_buffer **out)
{
    timed_buffer *buffer = davit_alloc(device->options.allocator, sizeof(*buffer));
    char *memory = davit_alloc(device->options.allocator, bytes);
    if (buffer == NULL || memory == NULL) {
        davit_free(device->options.allocator, buffer);
        davit_free(device->options.allocator, memory);
        return DAVIT_OUT_OF_MEMORY;
    }
    buffer->memory = memory;
    *out = &buffer->base;
    return DAVIT_OK;
}

static void buffer_free(davit_buffer *buffer)
{
    davit_free(buffer->device->options.allocator, ((timed_buffer *)buffer)->memory);
    davit_free(buffer->device->options.allocator, buffer);
}

static davit_status program_build(davit_device *device, const davit_program_spec *spec,
                                  davit_program **out)
{
    (void)spec;
    *out = davit_alloc(device->options.allocator, sizeof(**out));
    return *out != NULL ? DAVIT_OK : DAVIT_OUT_OF_MEMORY;
}

static void program_free(davit_program *program)
{
    davit_free(program->device->options.allocator, program);
}

static void close_device(davit_device *device)
{
    davit_free(device->options.allocator, device);
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
    .queue_free = davit_host_queue_free,
    .queue_submit = davit_host_queue_submit,
};

static davit_status enumerate(davit_backend *backend, const davit_diagnostics *diag,
                              davit_device_info *infos, size_t capacity, size_t *count)
{
    (void)backend;
    (void)diag;
    *count = TIMED_DEVICES;
    for (uint32_t i = 0; i < TIMED_DEVICES && i < capacity; i++) {
        infos[i] = (davit_device_info){
            .ordinal = i,
            .profile = {.kind = DAVIT_DEVICE_GPU,
                        .f32_flops_per_s = 1e12,
                        .memory_bytes_per_s = 1e12,
                        .link = {LINK_BYTES_PER_S, LINK_BYTES_PER_S, LINK_LATENCY_NS, 0}}};
        snprintf(infos[i].name, sizeof(infos[i].name), "timed:%u", i);
        snprintf(infos[i].profile.name, sizeof(infos[i].profile.name), "%u", i);
    }
    return DAVIT_OK;
}

static bool supports(const davit_device_profile *profile, const davit_graph *graph,
                     const davit_unit *unit, char *reason, size_t reason_bytes)
{
    (void)profile;
    (void)graph;
    (void)unit;
    (void)reason;
    (void)reason_bytes;
    return true;
}

static davit_status cost(const davit_device_profile *profile, const davit_graph *graph,
                         const davit_unit *unit, davit_unit_cost *out)
{
    (void)graph;
    *out = (davit_unit_cost){
        .seconds = timed_ms(unit->name, (uint32_t)atoi(profile->name)) * 1e-3, .confidence = 1};
    return DAVIT_OK;
}

static davit_status open_device(davit_backend *backend, const davit_device_info *info,
                                const davit_device_options *options, davit_device **out)
{
    (void)backend;
    (void)info;
    davit_device *device = davit_alloc(options->allocator, sizeof(*device));
    if (device == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    device->table = &device_table;
    *out = device;
    return DAVIT_OK;
}

const davit_backend_table test_timed_backend = {
    .abi_version = DAVIT_BACKEND_ABI_VERSION,
    .struct_size = sizeof(davit_backend_table),
    .name = "timed",
    .enumerate = enumerate,
    .supports = supports,
    .cost = cost,
    .open = open_device,
};
