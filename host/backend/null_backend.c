#include "davit/null_backend.h"

#include "davit/host_buffer.h"
#include "davit/host_queue.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DEVICE_COUNT 2
#define NS_PER_US 1000u
#define NS_PER_S 1000000000u

typedef struct null_device {
    davit_device base;
    uint64_t delay_ns;
    uint64_t fail_at, hang_at; /* 0: never */
    atomic_uint_fast64_t executions;
} null_device;

typedef struct null_program {
    davit_program base;
    const char **implementations;
} null_program;

_Static_assert(offsetof(null_device, base) == 0, "the head of a device comes first");
_Static_assert(offsetof(null_program, base) == 0, "the head of a program comes first");

static davit_status out_of_memory(const davit_device *device, const char *what)
{
    return davit_fail(device->options.diag, DAVIT_OUT_OF_MEMORY, "device '%s': no memory for %s",
                      device->info.name, what);
}

/* ---- programs ---- */

static davit_status program_build(davit_device *device, const davit_program_spec *spec,
                                  davit_program **out)
{
    const davit_allocator *allocator = device->options.allocator;
    null_program *program = davit_alloc(allocator, sizeof(*program));
    if (program == NULL) {
        return out_of_memory(device, "a program");
    }
    program->implementations =
        davit_alloc_array(allocator, spec->unit_count, sizeof(*program->implementations));
    if (program->implementations == NULL) {
        davit_free(allocator, program);
        return out_of_memory(device, "a program");
    }
    for (size_t i = 0; i < spec->unit_count; i++) {
        program->implementations[i] = "null";
    }
    *out = &program->base;
    return DAVIT_OK;
}

static void program_free(davit_program *base)
{
    null_program *program = (null_program *)base;
    const davit_allocator *allocator = base->device->options.allocator;
    davit_free(allocator, program->implementations);
    davit_free(allocator, program);
}

static void program_info(const davit_program *base, davit_program_info *info)
{
    info->unit_implementations = ((const null_program *)base)->implementations;
}

/* ---- queues ---- */

/* Sleeps until then or the deadline, whichever is first; says whether the deadline has passed. */
static bool sleep_until(uint64_t then_ns, uint64_t deadline_ns)
{
    uint64_t end_ns = then_ns < deadline_ns ? then_ns : deadline_ns;
    const struct timespec end = {.tv_sec = (time_t)(end_ns / NS_PER_S),
                                 .tv_nsec = (long)(end_ns % NS_PER_S)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL) == EINTR) {
    }
    return davit_clock_ns() >= deadline_ns;
}

static davit_status late(const davit_device *device)
{
    return davit_fail(device->options.diag, DAVIT_DEADLINE_EXCEEDED,
                      "device '%s': the deadline passed", device->info.name);
}

/* The faults that the options asked for. */
static davit_status inject_fault(null_device *device, uint64_t deadline_ns)
{
    uint64_t execution = atomic_fetch_add(&device->executions, 1) + 1;
    if (device->fail_at != 0 && execution >= device->fail_at) {
        return davit_fail(device->base.options.diag, DAVIT_DEVICE_LOST,
                          "device '%s' is lost (fail_at=%llu)", device->base.info.name,
                          (unsigned long long)device->fail_at);
    }
    if (execution == device->hang_at) {
        if (deadline_ns != DAVIT_DEADLINE_NEVER) {
            (void)sleep_until(deadline_ns, deadline_ns);
        }
        return late(&device->base);
    }
    return DAVIT_OK;
}

static davit_status execute(davit_device *base, davit_program *program, void *const *pointers,
                            uint64_t *unit_ns, uint64_t deadline_ns)
{
    null_device *device = (null_device *)base;
    const davit_program_spec *spec = program->spec;
    davit_status status = inject_fault(device, deadline_ns);
    if (status != DAVIT_OK) {
        return status;
    }
    for (size_t i = 0; i < spec->unit_count; i++) {
        uint64_t begin_ns = davit_clock_ns();
        if (begin_ns >= deadline_ns ||
            (device->delay_ns > 0 && sleep_until(begin_ns + device->delay_ns, deadline_ns))) {
            return late(base);
        }
        if (unit_ns != NULL) {
            unit_ns[i] = davit_clock_ns() - begin_ns;
        }
    }
    for (size_t i = 0; i < spec->output_count; i++) {
        memset(pointers[spec->input_count + i], 0, davit_tensor_desc_bytes(&spec->outputs[i].desc));
    }
    return DAVIT_OK;
}

static davit_status queue_create(davit_device *device, davit_queue **out)
{
    static const davit_host_queue_ops ops = {.execute = execute};
    return davit_host_queue_create(device, &ops, out);
}

/* ---- devices ---- */

static void close_device(davit_device *device)
{
    davit_free(device->options.allocator, device);
}

static const davit_device_table device_table = {
    .abi_version = DAVIT_BACKEND_ABI_VERSION,
    .struct_size = sizeof(davit_device_table),
    .close = close_device,
    .buffer_alloc = davit_host_buffer_alloc,
    .buffer_free = davit_host_buffer_free,
    .buffer_map = davit_host_buffer_map,
    .program_build = program_build,
    .program_free = program_free,
    .program_info = program_info,
    .queue_create = queue_create,
    .queue_free = davit_host_queue_free,
    .queue_submit = davit_host_queue_submit,
};

/* Reads "name=N" at *text, up to a comma or the end, and moves *text behind it. */
static bool read_option(const char **text, const char *name, uint64_t *value)
{
    size_t length = strlen(name);
    if (strncmp(*text, name, length) != 0 || (*text)[length] != '=') {
        return false;
    }
    const char *digits = *text + length + 1;
    char *end;
    errno = 0;
    unsigned long long number = strtoull(digits, &end, 10);
    if (*digits < '0' || *digits > '9' || errno != 0 || (*end != '\0' && *end != ',')) {
        return false;
    }
    *value = number;
    *text = *end == ',' ? end + 1 : end;
    return true;
}

static davit_status read_options(null_device *device, const char *name,
                                 const davit_device_options *options)
{
    uint64_t delay_us = 0;
    const char *text = options->backend_options != NULL ? options->backend_options : "";
    while (*text != '\0') {
        if (!read_option(&text, "delay_us", &delay_us) &&
            !read_option(&text, "fail_at", &device->fail_at) &&
            !read_option(&text, "hang_at", &device->hang_at)) {
            return davit_fail(options->diag, DAVIT_INVALID_ARGUMENT,
                              "device '%s': bad option '%s': delay_us=N, fail_at=N, hang_at=N",
                              name, text);
        }
    }
    if (delay_us > DAVIT_DEADLINE_NEVER / NS_PER_US / 2) {
        return davit_fail(options->diag, DAVIT_INVALID_ARGUMENT,
                          "device '%s': delay_us is too large", name);
    }
    device->delay_ns = delay_us * NS_PER_US;
    return DAVIT_OK;
}

static davit_status open_device(davit_backend *backend, const davit_device_info *info,
                                const davit_device_options *options, davit_device **out)
{
    (void)backend;
    null_device *device = davit_alloc(options->allocator, sizeof(*device));
    if (device == NULL) {
        return davit_fail(options->diag, DAVIT_OUT_OF_MEMORY, "device '%s': no memory", info->name);
    }
    davit_status status = read_options(device, info->name, options);
    if (status != DAVIT_OK) {
        davit_free(options->allocator, device);
        return status;
    }
    atomic_init(&device->executions, 0);
    device->base.table = &device_table;
    *out = &device->base;
    return DAVIT_OK;
}

/* ---- the backend ---- */

static davit_status enumerate(davit_backend *backend, const davit_diagnostics *diag,
                              davit_device_info *infos, size_t capacity, size_t *count)
{
    (void)backend;
    (void)diag;
    for (uint32_t i = 0; i < DEVICE_COUNT && i < capacity; i++) {
        davit_device_info *info = &infos[i];
        *info = (davit_device_info){.description = "computes nothing", .emulated = true};
        (void)snprintf(info->name, sizeof(info->name), i == 0 ? "null" : "null:%u", i);
        info->profile = (davit_device_profile){.kind = DAVIT_DEVICE_NULL,
                                               .name = "null",
                                               .f32_flops_per_s = 1e12,
                                               .s8_ops_per_s = 1e12,
                                               .memory_bytes_per_s = 1e11};
    }
    *count = DEVICE_COUNT;
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

const davit_backend_table davit_null_backend = {
    .abi_version = DAVIT_BACKEND_ABI_VERSION,
    .struct_size = sizeof(davit_backend_table),
    .name = "null",
    .kind = "null",
    .enumerate = enumerate,
    .supports = supports,
    .open = open_device,
};
