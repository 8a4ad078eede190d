#include <stdio.h>

#include "davit/host_queue.h"
#include "davit/opencl.h"
#include "tune.h"

static const davit_device_table device_table = {
    .abi_version = DAVIT_BACKEND_ABI_VERSION,
    .struct_size = sizeof(davit_device_table),
    .close = davit_opencl_device_close,
    .buffer_alloc = davit_opencl_buffer_alloc,
    .buffer_free = davit_opencl_buffer_free,
    .program_build = davit_opencl_program_build,
    .program_free = davit_opencl_program_free,
    .program_info = davit_opencl_program_info,
    .queue_create = davit_opencl_queue_create,
    .queue_free = davit_host_queue_free,
    .queue_submit = davit_host_queue_submit,
    .tune = davit_opencl_tune,
};

/* One entry that says why there is no device. */
static davit_status explain(const davit_cl_api *api, const char *reason, davit_device_info *infos,
                            size_t capacity, size_t *count)
{
    *count = 1;
    if (capacity == 0) {
        return DAVIT_OK;
    }
    infos[0] = (davit_device_info){.name = "opencl:0",
                                   .description = "OpenCL",
                                   .emulated = true,
                                   .profile = {.kind = DAVIT_DEVICE_GPU, .name = "OpenCL"}};
    if (api != NULL) {
        davit_cl_explain_no_platform(infos[0].unusable, sizeof(infos[0].unusable));
    } else {
        (void)snprintf(infos[0].unusable, sizeof(infos[0].unusable), "%s", reason);
    }
    return DAVIT_OK;
}

static davit_status enumerate(davit_backend *backend, const davit_diagnostics *diag,
                              davit_device_info *infos, size_t capacity, size_t *count)
{
    const char *reason;
    const davit_cl_api *api = davit_cl_open(&reason);
    davit_opencl_found found[DAVIT_OPENCL_MAX_DEVICES];
    (void)backend;
    (void)diag;
    size_t there = api != NULL ? davit_opencl_find(api, found) : 0;
    if (there == 0) {
        return explain(api, reason, infos, capacity, count);
    }
    for (size_t i = 0; i < there && i < capacity; i++) {
        davit_opencl_describe(api, &found[i], (uint32_t)i, &infos[i]);
    }
    *count = there;
    return DAVIT_OK;
}

static bool supports(const davit_device_profile *profile, const davit_graph *graph,
                     const davit_unit *unit, char *reason, size_t reason_bytes)
{
    (void)profile;
    return davit_gpu_supports(graph, unit, reason, reason_bytes);
}

static davit_status open_device(davit_backend *backend, const davit_device_info *info,
                                const davit_device_options *options, davit_device **out)
{
    davit_device *device;
    davit_status status = davit_opencl_device_open(backend, info, options, &device);
    if (status == DAVIT_OK) {
        device->table = &device_table;
        *out = device;
    }
    return status;
}

const davit_backend_table davit_opencl_backend = {
    .abi_version = DAVIT_BACKEND_ABI_VERSION,
    .struct_size = sizeof(davit_backend_table),
    .name = "opencl",
    .kind = "opencl",
    .enumerate = enumerate,
    .supports = supports,
    .open = open_device,
    .tunes = true,
};
