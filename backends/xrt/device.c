#include "davit/xrt.h"

#include <stdio.h>
#include <string.h>

#include "davit/engine_cost.h"
#include "davit/host_queue.h"
#include "program.h"

#define NS_PER_S 1000000000ull
#define MEMORY_LIMIT_NS (30 * NS_PER_S)

typedef struct xrt_device {
    davit_device base;
    davit_xrt_board *board;
} xrt_device;

/* In the bank of the board's first lane. */
typedef struct xrt_buffer {
    davit_buffer base;
    davit_xrt_region region;
} xrt_buffer;

_Static_assert(offsetof(xrt_device, base) == 0, "the head of a device comes first");
_Static_assert(offsetof(xrt_buffer, base) == 0, "the head of a buffer comes first");

davit_xrt_board *davit_xrt_device_board(const davit_device *device)
{
    return ((const xrt_device *)device)->board;
}

/* ---- buffers ---- */

typedef struct allocating {
    davit_device *device;
    size_t bytes;
    davit_xrt_region *region;
} allocating;

static davit_status alloc_region(davit_xrt_job *job, void *arguments)
{
    const allocating *a = arguments;
    davit_xrt_board *board = davit_xrt_device_board(a->device);
    davit_xrt_region region = {0};
    davit_status status = davit_xrt_region_alloc(job, board, &board->lanes[0].bank, a->bytes,
                                                 a->device->options.diag, &region);
    if (status == DAVIT_OK) {
        *a->region = region;
    }
    return status;
}

static davit_status buffer_alloc(davit_device *device, size_t bytes, davit_buffer **out)
{
    xrt_buffer *buffer = davit_alloc(device->options.allocator, sizeof(*buffer));
    if (buffer == NULL) {
        return davit_fail(device->options.diag, DAVIT_OUT_OF_MEMORY,
                          "device '%s': no memory for a buffer", device->info.name);
    }
    allocating a = {device, bytes, &buffer->region};
    davit_status status =
        davit_xrt_board_do(davit_xrt_device_board(device), device, "taking memory", alloc_region,
                           &a, davit_deadline_after(MEMORY_LIMIT_NS));
    if (status != DAVIT_OK) {
        davit_free(device->options.allocator, buffer);
        return status;
    }
    *out = &buffer->base;
    return DAVIT_OK;
}

static void buffer_free(davit_buffer *base)
{
    xrt_buffer *buffer = (xrt_buffer *)base;
    davit_xrt_region_free(&buffer->region);
    davit_free(base->device->options.allocator, buffer);
}

/* ---- queues ---- */

/* What a queue needs to run programs. */
typedef struct stream {
    davit_xrt_bound *bound;
    size_t capacity;
} stream;

typedef struct submitted {
    davit_device *device;
    stream *stream;
    const davit_submission *submission;
} submitted;

static davit_status open_stream(davit_device *device, void **out)
{
    stream *made = davit_alloc(device->options.allocator, sizeof(*made));
    if (made == NULL) {
        return davit_fail(device->options.diag, DAVIT_OUT_OF_MEMORY,
                          "device '%s': no memory for a queue", device->info.name);
    }
    *out = made;
    return DAVIT_OK;
}

static void close_stream(davit_device *device, void *closing)
{
    davit_free(device->options.allocator, ((stream *)closing)->bound);
    davit_free(device->options.allocator, closing);
}

static const davit_xrt_region *region_of(const davit_buffer_ref *ref)
{
    return &((const xrt_buffer *)ref->buffer)->region;
}

static davit_status execute(davit_xrt_job *job, const submitted *s, const davit_command *command)
{
    davit_device *device = s->device;
    davit_status status =
        davit_array_grow(device->options.allocator, (void **)&s->stream->bound,
                         &s->stream->capacity, 0, command->binding_count, sizeof(davit_xrt_bound));
    if (status != DAVIT_OK) {
        return davit_fail(device->options.diag, status, "device '%s': no memory for %zu bindings",
                          device->info.name, command->binding_count);
    }
    for (size_t i = 0; i < command->binding_count; i++) {
        s->stream->bound[i] =
            (davit_xrt_bound){region_of(&command->bindings[i]), command->bindings[i].offset_bytes};
    }
    /* Programs run on the board's thread only, one at a time: their turn needs no lock. */
    return davit_xrt_program_run(job, (davit_xrt_program *)command->program, s->stream->bound,
                                 command->unit_ns);
}

static davit_status read_back(davit_xrt_job *job, const submitted *s, const davit_command *command)
{
    const davit_buffer_ref *from = &command->from;
    if (from->bytes == 0) {
        return DAVIT_OK;
    }
    const davit_xrt_region *region = region_of(from);
    davit_status status = davit_xrt_fetch(job, davit_xrt_device_board(s->device), region,
                                          from->offset_bytes, from->bytes, s->device->options.diag);
    if (status == DAVIT_OK) {
        memcpy(command->host_target, davit_xrt_region_map(region) + from->offset_bytes,
               from->bytes);
    }
    return status;
}

static davit_status copy(davit_xrt_job *job, const submitted *s, const davit_command *command)
{
    const davit_buffer_ref *from = &command->from;
    davit_xrt_board *board = davit_xrt_device_board(s->device);
    const davit_diagnostics *diag = s->device->options.diag;
    if (from->bytes == 0) {
        return DAVIT_OK;
    }
    const davit_xrt_region *region = region_of(from);
    davit_status status =
        davit_xrt_fetch(job, board, region, from->offset_bytes, from->bytes, diag);
    if (status != DAVIT_OK) {
        return status;
    }
    return davit_xrt_put(job, board, region_of(&command->to), command->to.offset_bytes, from->bytes,
                         davit_xrt_region_map(region) + from->offset_bytes, diag);
}

static davit_status run_command(davit_xrt_job *job, const submitted *s,
                                const davit_command *command)
{
    davit_xrt_board *board = davit_xrt_device_board(s->device);
    const davit_diagnostics *diag = s->device->options.diag;
    switch (command->kind) {
    case DAVIT_COMMAND_WRITE:
        return davit_xrt_put(job, board, region_of(&command->to), command->to.offset_bytes,
                             command->to.bytes, command->host_source, diag);
    case DAVIT_COMMAND_READ:
        return read_back(job, s, command);
    case DAVIT_COMMAND_COPY:
        return copy(job, s, command);
    case DAVIT_COMMAND_FILL:
        return davit_xrt_fill(job, board, region_of(&command->to), command->to.offset_bytes,
                              command->to.bytes, command->pattern, diag);
    case DAVIT_COMMAND_EXECUTE:
        return execute(job, s, command);
    }
    return DAVIT_INTERNAL;
}

static davit_status run_commands(davit_xrt_job *job, void *arguments)
{
    const submitted *s = arguments;
    const davit_submission *submission = s->submission;
    for (size_t i = 0; i < submission->command_count; i++) {
        const davit_command *command = &submission->commands[i];
        uint64_t begin_ns = davit_clock_ns();
        if (begin_ns >= submission->deadline_ns) {
            return davit_fail(s->device->options.diag, DAVIT_DEADLINE_EXCEEDED,
                              "device '%s': the deadline passed between commands",
                              s->device->info.name);
        }
        davit_status status = run_command(job, s, command);
        if (status != DAVIT_OK) {
            return status;
        }
        if (command->command_ns != NULL) {
            *command->command_ns = davit_clock_ns() - begin_ns;
        }
    }
    return DAVIT_OK;
}

static davit_status run(davit_device *device, void *of_queue, const davit_submission *submission)
{
    submitted s = {device, of_queue, submission};
    if (submission->command_count == 0) {
        return DAVIT_OK;
    }
    return davit_xrt_board_do(davit_xrt_device_board(device), device, "running work", run_commands,
                              &s, submission->deadline_ns);
}

static davit_status queue_create(davit_device *device, davit_queue **out)
{
    static const davit_host_queue_ops ops = {
        .run = run, .open_stream = open_stream, .close_stream = close_stream};
    return davit_host_queue_create(device, &ops, out);
}

/* ---- devices ---- */

static void close_device(davit_device *device)
{
    davit_xrt_board_release(davit_xrt_device_board(device));
    davit_free(device->options.allocator, device);
}

static const davit_device_table device_table = {
    .abi_version = DAVIT_BACKEND_ABI_VERSION,
    .struct_size = sizeof(davit_device_table),
    .close = close_device,
    .buffer_alloc = buffer_alloc,
    .buffer_free = buffer_free,
    .program_build = davit_xrt_program_build,
    .program_free = davit_xrt_program_free,
    .program_info = davit_xrt_program_info,
    .queue_create = queue_create,
    .queue_free = davit_host_queue_free,
    .queue_submit = davit_host_queue_submit,
};

static davit_status open_device(davit_backend *backend, const davit_device_info *info,
                                const davit_device_options *options, davit_device **out)
{
    (void)backend;
    xrt_device *device = davit_alloc(options->allocator, sizeof(*device));
    if (device == NULL) {
        return davit_fail(options->diag, DAVIT_OUT_OF_MEMORY, "device '%s': no memory", info->name);
    }
    davit_status status = davit_xrt_board_acquire(info, options->diag, &device->board);
    if (status != DAVIT_OK) {
        davit_free(options->allocator, device);
        return status;
    }
    device->base.table = &device_table;
    *out = &device->base;
    return DAVIT_OK;
}

/* ---- the backend ---- */

static void describe(const davit_xrt_target *target, davit_device_info *info)
{
    *info = (davit_device_info){.emulated = target->emulated, .ordinal = target->index};
    (void)snprintf(info->name, sizeof(info->name), "%s", target->name);
    (void)snprintf(info->unusable, sizeof(info->unusable), "%s", target->unusable);
    (void)snprintf(info->pci_address, sizeof(info->pci_address), "%s", target->pci_address);
    (void)snprintf(info->description, sizeof(info->description), "%.100s%s",
                   target->platform[0] != '\0' ? target->platform : "FPGA card through XRT",
                   target->emulated ? ", emulated" : "");
    davit_xrt_board_profile(target->platform, &info->profile);
    if (target->unusable[0] != '\0') {
        info->profile.memory_bytes = 0; /* of a card that may not be there */
    }
}

static davit_status enumerate(davit_backend *backend, const davit_diagnostics *diag,
                              davit_device_info *infos, size_t capacity, size_t *count)
{
    (void)backend;
    (void)diag;
    davit_xrt_target targets[DAVIT_XRT_MAX_BOARDS];
    *count = davit_xrt_boards_list(targets);
    for (size_t i = 0; i < *count && i < capacity; i++) {
        describe(&targets[i], &infos[i]);
    }
    return DAVIT_OK;
}

static bool supports(const davit_device_profile *profile, const davit_graph *graph,
                     const davit_unit *unit, char *reason, size_t reason_bytes)
{
    const char *why = davit_engine_refuse(&profile->fpga, graph, unit);
    if (why != NULL && reason != NULL) {
        (void)snprintf(reason, reason_bytes, "operator %s%s%s", graph->nodes[unit->anchor].op->name,
                       why[0] != '\0' ? ": " : "", why);
    }
    return why == NULL;
}

static davit_status cost(const davit_device_profile *profile, const davit_graph *graph,
                         const davit_unit *unit, davit_unit_cost *out)
{
    *out = (davit_unit_cost){.seconds = davit_engine_unit_seconds(profile, graph, unit),
                             .confidence = profile->efficiency.confidence};
    return DAVIT_OK;
}

const davit_backend_table davit_xrt_backend = {
    .abi_version = DAVIT_BACKEND_ABI_VERSION,
    .struct_size = sizeof(davit_backend_table),
    .name = "xrt",
    .kind = "fpga",
    .enumerate = enumerate,
    .supports = supports,
    .cost = cost,
    .open = open_device,
};
