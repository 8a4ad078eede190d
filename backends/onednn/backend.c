#include <stdio.h>

#include "cost.h"
#include "davit/onednn.h"
#include "device.h"
#include "kernels.h"
#include "operators.h"

static davit_device_info describe(const davit_host_info *host, uint32_t ordinal)
{
    davit_device_info info = {.ordinal = ordinal};
    char version[48];
    uint32_t cores = host != NULL ? host->core_count : 1;
    uint32_t nodes = host != NULL && host->node_count > 0 ? host->node_count : 1;
    if (ordinal == 0) {
        snprintf(info.name, sizeof(info.name), "cpu");
    } else {
        snprintf(info.name, sizeof(info.name), "cpu:%u", ordinal - 1);
        cores = (cores + nodes - 1) / nodes;
    }
    davit_dnnl_version_text(version, sizeof(version));
    snprintf(info.description, sizeof(info.description), "%.48s, %u core%s; oneDNN %s",
             host != NULL && host->processor[0] != '\0' ? host->processor : "CPU", cores,
             cores == 1 ? "" : "s", version);
    davit_onednn_fill_profile(&info.profile, cores,
                              host != NULL ? host->memory_bytes / (ordinal == 0 ? 1 : nodes) : 0);
    snprintf(info.profile.name, sizeof(info.profile.name), "%s", info.name);
    return info;
}

/* `cpu`, and `cpu:0` to `cpu:N-1` on a host of N > 1 NUMA nodes. */
static davit_status enumerate(davit_backend *backend, const davit_diagnostics *diag,
                              davit_device_info *infos, size_t capacity, size_t *count)
{
    uint32_t nodes = backend->host != NULL ? backend->host->node_count : 1;
    uint32_t total = nodes > 1 ? nodes + 1 : 1;
    (void)diag;
    for (uint32_t i = 0; i < total && i < capacity; i++) {
        infos[i] = describe(backend->host, i);
    }
    *count = total;
    return DAVIT_OK;
}

static bool supports(const davit_device_profile *profile, const davit_graph *graph,
                     const davit_unit *unit, char *reason, size_t reason_bytes)
{
    (void)profile;
    return davit_onednn_operator_supports(graph, unit, reason, reason_bytes);
}

const davit_backend_table davit_onednn_backend = {
    .abi_version = DAVIT_BACKEND_ABI_VERSION,
    .struct_size = sizeof(davit_backend_table),
    .name = "onednn",
    .kind = "cpu",
    .reads_mapped = true,
    .reads_lent = true,
    .enumerate = enumerate,
    .supports = supports,
    .cost = davit_onednn_cost,
    .open = davit_onednn_device_open,
    .kernels = davit_onednn_kernels,
    .precisions = 1u << DAVIT_PRECISION_BF16,
};
