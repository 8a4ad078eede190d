/* No device yet: the backend lands in pieces. */
#include "davit/onednn.h"

static davit_status enumerate(davit_backend *backend, const davit_diagnostics *diag,
                              davit_device_info *infos, size_t capacity, size_t *count)
{
    (void)backend;
    (void)diag;
    (void)infos;
    (void)capacity;
    *count = 0;
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
    return false;
}

static davit_status open_device(davit_backend *backend, const davit_device_info *info,
                                const davit_device_options *options, davit_device **out)
{
    (void)backend;
    (void)info;
    (void)options;
    *out = NULL;
    return DAVIT_UNAVAILABLE;
}

const davit_backend_table davit_onednn_backend = {
    .abi_version = DAVIT_BACKEND_ABI_VERSION,
    .struct_size = sizeof(davit_backend_table),
    .name = "onednn",
    .enumerate = enumerate,
    .supports = supports,
    .open = open_device,
};
