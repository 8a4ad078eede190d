#include <stdio.h>

#include "davit/engine_cost.h"
#include "davit/gpu_program.h"
#include "davit/profile.h"
#include "davit/roofline.h"

/* The result's shape depends on the data: the host computes these when the graph is bound. */
static const char *cpu_refuse(const davit_graph *graph, const davit_unit *unit)
{
    switch (graph->nodes[unit->anchor].op->op) {
    case DAVIT_OP_Compress:
    case DAVIT_OP_NonMaxSuppression:
    case DAVIT_OP_NonZero:
    case DAVIT_OP_Unique:
        return "";
    default:
        return NULL;
    }
}

static const char *refuse(const davit_device_profile *profile, const davit_graph *graph,
                          const davit_unit *unit)
{
    switch (profile->kind) {
    case DAVIT_DEVICE_CPU:
        return cpu_refuse(graph, unit);
    case DAVIT_DEVICE_FPGA:
        return davit_engine_refuse(&profile->fpga, graph, unit);
    default:
        return "";
    }
}

static bool supports(const davit_device_profile *profile, const davit_graph *graph,
                     const davit_unit *unit, char *reason, size_t reason_bytes)
{
    if (profile->kind == DAVIT_DEVICE_GPU) { /* what backends/cuda and backends/opencl run */
        return davit_gpu_supports(graph, unit, reason, reason_bytes);
    }
    const char *why = refuse(profile, graph, unit);
    if (why != NULL && reason != NULL) {
        snprintf(reason, reason_bytes, "operator %s%s%s", graph->nodes[unit->anchor].op->name,
                 why[0] != '\0' ? ": " : "", why);
    }
    return why == NULL;
}

static davit_status cost(const davit_device_profile *profile, const davit_graph *graph,
                         const davit_unit *unit, davit_unit_cost *out)
{
    double seconds = profile->kind == DAVIT_DEVICE_FPGA
                         ? davit_engine_unit_seconds(profile, graph, unit)
                         : davit_roofline_seconds(profile, graph, unit);
    *out = (davit_unit_cost){.seconds = seconds, .confidence = profile->efficiency.confidence};
    return DAVIT_OK;
}

/* Devices are made when a user names a profile. */
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

static davit_status open_device(davit_backend *backend, const davit_device_info *info,
                                const davit_device_options *options, davit_device **out)
{
    (void)backend;
    (void)out;
    return davit_fail(options->diag, DAVIT_UNAVAILABLE, "device %s exists only as a profile",
                      info->name);
}

const davit_backend_table davit_profile_backend = {
    .abi_version = DAVIT_BACKEND_ABI_VERSION,
    .struct_size = sizeof(davit_backend_table),
    .name = "profile",
    .kind = "profile",
    .enumerate = enumerate,
    .supports = supports,
    .cost = cost,
    .open = open_device,
    .precisions = 1u << DAVIT_PRECISION_TF32 | 1u << DAVIT_PRECISION_BF16,
};
