#include <limits.h>

#include "davit/null_backend.h"
#include "davit/profile.h"
#include "davit/reference.h"
#include "objects.h"
#ifdef DAVIT_WITH_CUDA
#include "davit/cuda.h"
#endif
#ifdef DAVIT_WITH_ONEDNN
#include "davit/onednn.h"
#endif
#ifdef DAVIT_WITH_OPENCL
#include "davit/opencl.h"
#endif
#ifdef DAVIT_WITH_XRT
#include "davit/xrt.h"
#endif

#define TEXT(x) #x
#define VERSION_TEXT(major, minor, patch) TEXT(major) "." TEXT(minor) "." TEXT(patch)

const char *davit_version(void)
{
    return VERSION_TEXT(DAVIT_VERSION_MAJOR, DAVIT_VERSION_MINOR, DAVIT_VERSION_PATCH);
}

/* The backends of this build, the preferred one first. */
static const davit_backend_table *const backends[] = {
#ifdef DAVIT_WITH_ONEDNN
    &davit_onednn_backend,
#endif
#ifdef DAVIT_WITH_CUDA
    &davit_cuda_backend,
#endif
#ifdef DAVIT_WITH_OPENCL
    &davit_opencl_backend,
#endif
#ifdef DAVIT_WITH_XRT
    &davit_xrt_backend,
#endif
    &davit_reference_backend, &davit_null_backend,
};

static davit_status find_devices(davit_context *context, const davit_diagnostics *diag)
{
    const davit_host_info *host =
        context->topology != NULL ? davit_topology_host(context->topology) : NULL;
    davit_registry_init(&context->registry, host);
    for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]); i++) {
        davit_status status = davit_registry_add(&context->registry, backends[i], diag);
        if (status != DAVIT_OK) {
            return status;
        }
    }
    davit_status status = davit_registry_add(&context->registry, &davit_profile_backend, diag);
    if (status != DAVIT_OK) {
        return status;
    }
    context->profiles = &context->registry.backends[context->registry.count - 1];
    status = davit_registry_devices(&context->registry, context->allocator, diag, &context->devices,
                                    &context->owners, &context->device_count);
    for (size_t i = 0; status == DAVIT_OK && i < context->device_count; i++) {
        if (context->devices[i].profile.kind == DAVIT_DEVICE_GPU ||
            context->devices[i].profile.kind == DAVIT_DEVICE_FPGA) {
            davit_profile_adopt(context->allocator, &context->devices[i].profile);
        }
    }
    return status;
}

static davit_status load_topology(davit_context *context, davit_call *call)
{
    davit_status status =
        davit_topology_load(context->allocator, NULL, &call->sink, &context->topology);
    if (status == DAVIT_OK || status == DAVIT_OUT_OF_MEMORY) {
        return status;
    }
    davit_call_begin(call, context->diag);
    davit_log(context->diag, DAVIT_WARNING,
              "the topology of this machine is unknown: threads stay where the system puts them");
    return DAVIT_OK;
}

davit_status davit_context_create(const davit_context_options *options, davit_context **out)
{
    const davit_context_options defaults = {0};
    *out = NULL;
    if (options == NULL) {
        options = &defaults;
    }
    const davit_allocator *allocator =
        options->allocator != NULL ? options->allocator : davit_allocator_default();
    davit_call call;
    davit_call_begin(&call, options->diag);
    davit_context *context = davit_alloc(allocator, sizeof(*context));
    if (context == NULL) {
        return davit_call_end(&call, DAVIT_OUT_OF_MEMORY, "context");
    }
    context->allocator = allocator;
    context->diag = options->diag;
    davit_status status = load_topology(context, &call);
    if (status == DAVIT_OK) {
        status = find_devices(context, &call.sink);
    }
    if (status != DAVIT_OK) {
        davit_context_destroy(context);
        return davit_call_end(&call, status, "context");
    }
    *out = context;
    return DAVIT_OK;
}

void davit_context_destroy(davit_context *context)
{
    if (context != NULL && !context->set_aside) {
        davit_free(context->allocator, context->devices);
        davit_free(context->allocator, context->owners);
        davit_topology_destroy(context->topology);
        davit_free(context->allocator, context);
    }
}

size_t davit_context_device_count(const davit_context *context)
{
    return context->device_count;
}

/* The node that a device is, or is near to; -1 for none in particular. */
static int nearest_node(const davit_topology *topology, const davit_device_info *info)
{
    uint32_t node = DAVIT_TOPOLOGY_NONE;
    if (topology == NULL) {
        return -1;
    }
    if (info->profile.kind == DAVIT_DEVICE_CPU) {
        if (info->ordinal > 0 && info->ordinal <= davit_topology_node_count(topology)) {
            node = davit_topology_node(topology, info->ordinal - 1)->os_index;
        } else if (davit_topology_node_count(topology) == 1) {
            node = davit_topology_node(topology, 0)->os_index;
        }
    } else {
        size_t index = davit_topology_find_pci(topology, info->pci_address);
        if (index < davit_topology_pci_count(topology)) {
            node = davit_topology_pci(topology, index)->numa_node;
        }
    }
    return node <= INT_MAX ? (int)node : -1;
}

davit_status davit_context_device(const davit_context *context, size_t index,
                                  davit_device_summary *summary)
{
    if (index >= context->device_count) {
        return davit_fail(context->diag, DAVIT_INVALID_ARGUMENT, "device %zu of %zu does not exist",
                          index, context->device_count);
    }
    const davit_device_info *info = &context->devices[index];
    *summary = (davit_device_summary){.name = info->name,
                                      .backend = context->owners[index]->table->name,
                                      .description = info->description,
                                      .unusable = info->unusable,
                                      .emulated = info->emulated,
                                      .pci_address = info->pci_address,
                                      .memory_bytes = info->profile.memory_bytes,
                                      .numa_node = nearest_node(context->topology, info)};
    return DAVIT_OK;
}
