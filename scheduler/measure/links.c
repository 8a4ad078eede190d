#include <stdio.h>

#include "davit/measure.h"

enum { SIZES = 8, FIRST_BYTES = 1024, MAX_RUNS = 64 }; /* 1 KiB, 4 KiB, ... 16 MiB */

typedef struct copying {
    davit_device *device;
    davit_queue *queue;
    davit_buffer *buffer;
    char *host; /* as large as buffer */
    const davit_measure_limits *limits;
    uint32_t runs;
    double samples_s[SIZES][2][MAX_RUNS]; /* to the device, to the host */
} copying;

static size_t size_of(size_t index)
{
    return (size_t)FIRST_BYTES << (2 * index);
}

/* One copy; its time in *seconds. */
static davit_status copy(copying *c, size_t bytes, bool to_device, double *seconds)
{
    uint64_t ns = 0;
    const davit_buffer_ref part = {.buffer = c->buffer, .bytes = bytes};
    davit_command command = {.command_ns = &ns};
    if (to_device) {
        command.kind = DAVIT_COMMAND_WRITE;
        command.to = part;
        command.host_source = c->host;
    } else {
        command.kind = DAVIT_COMMAND_READ;
        command.from = part;
        command.host_target = c->host;
    }
    davit_status status = davit_queue_run(c->queue, &command, 1, DAVIT_DEADLINE_NEVER);
    *seconds = ns > 0 ? (double)ns * 1e-9 : 1e-9;
    return status;
}

static davit_status copy_all(copying *c, uint32_t max_runs)
{
    uint64_t deadline_ns = davit_deadline_after(c->limits->budget_ns);
    for (uint32_t run = 0; run < max_runs; run++) {
        for (size_t s = 0; s < SIZES; s++) {
            const davit_measure_limits *limits = c->limits;
            if ((limits->stopped != NULL && limits->stopped(limits->user)) ||
                (run >= limits->min_runs && davit_clock_ns() > deadline_ns)) {
                return DAVIT_OK;
            }
            for (size_t way = 0; way < 2; way++) {
                davit_status status = copy(c, size_of(s), way == 0, &c->samples_s[s][way][run]);
                if (status != DAVIT_OK) {
                    return status;
                }
            }
        }
        c->runs = run + 1;
    }
    return DAVIT_OK;
}

static davit_status put_all(copying *c, const char *key, davit_store *store)
{
    static const char *const prefixes[] = {DAVIT_LINK_TO_DEVICE, DAVIT_LINK_TO_HOST};
    for (size_t s = 0; c->runs > 0 && s < SIZES; s++) {
        for (size_t way = 0; way < 2; way++) {
            char signature[64];
            snprintf(signature, sizeof(signature), "%s%zu", prefixes[way], size_of(s));
            davit_measurement m = davit_measurement_of(c->samples_s[s][way], c->runs);
            davit_status status = davit_store_put(store, key, signature, &m, NULL);
            if (status != DAVIT_OK) {
                return status;
            }
        }
    }
    return DAVIT_OK;
}

static davit_status open_copying(copying *c, davit_backend *backend, const davit_device_info *info,
                                 const davit_device_options *options)
{
    const davit_allocator *allocator =
        options->allocator != NULL ? options->allocator : davit_allocator_default();
    size_t most = size_of(SIZES - 1);
    davit_status status = davit_device_open(backend, info, options, &c->device);
    if (status == DAVIT_OK) {
        status = davit_queue_create(c->device, &c->queue);
    }
    if (status == DAVIT_OK) {
        status = davit_buffer_alloc(c->device, most, &c->buffer);
    }
    if (status == DAVIT_OK) {
        c->host = davit_alloc(allocator, most);
        status = c->host != NULL
                     ? DAVIT_OK
                     : davit_fail(options->diag, DAVIT_OUT_OF_MEMORY, "out of memory for copies");
    }
    return status;
}

davit_status davit_measure_links(davit_backend *backend, const davit_device_info *info,
                                 const davit_device_options *options, const char *key,
                                 const davit_measure_limits *limits, davit_store *store)
{
    const davit_allocator *allocator =
        options->allocator != NULL ? options->allocator : davit_allocator_default();
    copying *c = davit_alloc(allocator, sizeof(*c));
    if (c == NULL) {
        return davit_fail(options->diag, DAVIT_OUT_OF_MEMORY, "out of memory for copies");
    }
    c->limits = limits;
    davit_status status = open_copying(c, backend, info, options);
    if (status == DAVIT_OK) {
        uint32_t runs = limits->max_runs < MAX_RUNS ? limits->max_runs : MAX_RUNS;
        status = copy_all(c, 1); /* touches all memory */
        status = status == DAVIT_OK ? copy_all(c, runs) : status;
    }
    if (status == DAVIT_OK) {
        status = put_all(c, key, store);
    }
    davit_queue_free(c->queue);
    davit_buffer_free(c->buffer);
    davit_free(allocator, c->host);
    davit_device_close(c->device);
    davit_free(allocator, c);
    return status;
}
