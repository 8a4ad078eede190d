#include "davit/reference.h"

#include "davit/host_buffer.h"
#include "davit/host_queue.h"
#include "kernel.h"
#include "program.h"

#include <stdio.h>

/* ---- device ---- */

static void close_device(davit_device *device)
{
    davit_free(device->options.allocator, device);
}

static davit_status queue_create(davit_device *device, davit_queue **out)
{
    static const davit_host_queue_ops ops = {.execute = davit_reference_execute};
    return davit_host_queue_create(device, &ops, out);
}

static const davit_device_table device_table = {
    .abi_version = DAVIT_BACKEND_ABI_VERSION,
    .struct_size = sizeof(davit_device_table),
    .close = close_device,
    .buffer_alloc = davit_host_buffer_alloc,
    .buffer_free = davit_host_buffer_free,
    .buffer_map = davit_host_buffer_map,
    .program_build = davit_reference_program_build,
    .program_free = davit_reference_program_free,
    .program_info = davit_reference_program_info,
    .queue_create = queue_create,
    .queue_free = davit_host_queue_free,
    .queue_submit = davit_host_queue_submit,
};

static davit_status open_device(davit_backend *backend, const davit_device_info *info,
                                const davit_device_options *options, davit_device **out)
{
    (void)backend;
    davit_device *device = davit_alloc(options->allocator, sizeof(*device));
    if (device == NULL) {
        return davit_fail(options->diag, DAVIT_OUT_OF_MEMORY, "device '%s': no memory", info->name);
    }
    device->table = &device_table;
    *out = device;
    return DAVIT_OK;
}

/* ---- backend ---- */

static davit_status enumerate(davit_backend *backend, const davit_diagnostics *diag,
                              davit_device_info *infos, size_t capacity, size_t *count)
{
    (void)diag;
    if (capacity > 0) {
        infos[0] = (davit_device_info){
            .name = "reference",
            .description = "plain C on one thread, the oracle",
            /* Loops over double: a small part of what one core can do. */
            .profile = {.kind = DAVIT_DEVICE_REFERENCE,
                        .name = "reference",
                        .f32_flops_per_s = 2e8,
                        .s8_ops_per_s = 2e8,
                        .memory_bytes_per_s = 2e9,
                        .memory_bytes = backend->host != NULL ? backend->host->memory_bytes : 0,
                        .launch_ns = 100},
        };
    }
    *count = 1;
    return DAVIT_OK;
}

static bool supports(const davit_device_profile *profile, const davit_graph *graph,
                     const davit_unit *unit, char *reason, size_t reason_bytes)
{
    (void)profile;
    for (uint32_t i = 0; i < unit->node_count; i++) {
        const davit_op_info *op = graph->nodes[unit->nodes[i]].op;
        if (davit_kernel_find(op->op) == NULL) {
            (void)snprintf(reason, reason_bytes, "operator %s", op->name);
            return false;
        }
    }
    return true;
}

const davit_backend_table davit_reference_backend = {
    .abi_version = DAVIT_BACKEND_ABI_VERSION,
    .struct_size = sizeof(davit_backend_table),
    .name = "reference",
    .kind = "reference",
    .reads_lent = true,
    .enumerate = enumerate,
    .supports = supports,
    .open = open_device,
};

/* ---- evaluator ---- */

static davit_status evaluate(void *user, const davit_graph *graph, const davit_node *node,
                             const davit_tensor *const *inputs, davit_tensor *const *outputs,
                             const davit_diagnostics *diag)
{
    (void)user;
    const davit_kernel_call call = {.graph = graph,
                                    .node = node,
                                    .inputs = inputs,
                                    .outputs = outputs,
                                    .allocator = graph->allocator,
                                    .diag = diag};
    davit_kernel kernel = davit_kernel_find(node->op->op);
    if (kernel == NULL) {
        return davit_kernel_fail(&call, DAVIT_UNSUPPORTED, "the reference backend lacks it");
    }
    return davit_kernel_run(kernel, &call);
}

const davit_evaluator *davit_reference_evaluator(void)
{
    static const davit_evaluator evaluator = {.evaluate = evaluate};
    return &evaluator;
}
