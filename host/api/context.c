#include <limits.h>
#include <string.h>

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

static davit_status register_backends(davit_context *context, const davit_diagnostics *diag)
{
    const davit_host_info *host =
        context->topology != NULL ? davit_topology_host(context->topology) : NULL;
    davit_registry_init(&context->registry, host);
    davit_status status = DAVIT_OK;
    for (size_t i = 0; status == DAVIT_OK && i < sizeof(backends) / sizeof(backends[0]); i++) {
        status = davit_registry_add(&context->registry, backends[i], diag);
    }
    if (status == DAVIT_OK) {
        status = davit_registry_add(&context->registry, &davit_profile_backend, diag);
        context->profiles = &context->registry.backends[context->registry.count - 1];
    }
    return status;
}

static davit_status find_of(davit_context *context, size_t index, const davit_diagnostics *diag)
{
    davit_found_devices *found = &context->found[index];
    davit_status status = davit_backend_devices(
        &context->registry.backends[index], context->allocator, diag, &found->infos, &found->count);
    for (size_t i = 0; status == DAVIT_OK && i < found->count; i++) {
        davit_device_profile *profile = &found->infos[i].profile;
        if (profile->kind == DAVIT_DEVICE_GPU || profile->kind == DAVIT_DEVICE_FPGA) {
            davit_profile_adopt(context->allocator, profile);
        }
    }
    found->known = status == DAVIT_OK;
    return status;
}

davit_status davit_context_find(davit_context *context, const char *kind,
                                const davit_diagnostics *diag)
{
    davit_status status = DAVIT_OK;
    pthread_mutex_lock(&context->lock);
    for (size_t i = 0; status == DAVIT_OK && i < context->registry.count; i++) {
        const char *own = context->registry.backends[i].table->kind;
        if (!context->found[i].known && (kind == NULL || strcmp(kind, own) == 0)) {
            status = find_of(context, i, diag);
        }
    }
    pthread_mutex_unlock(&context->lock);
    return status;
}

const davit_device_info *davit_context_found(const davit_context *context, size_t index,
                                             davit_backend **owner)
{
    davit_context *own = (davit_context *)context; /* what is found is no part of its state */
    const davit_device_info *info = NULL;
    pthread_mutex_lock(&own->lock);
    for (size_t i = 0; i < own->registry.count && info == NULL; i++) {
        if (index < own->found[i].count) {
            info = &own->found[i].infos[index];
            if (owner != NULL) {
                *owner = &own->registry.backends[i];
            }
        }
        index -= own->found[i].count;
    }
    pthread_mutex_unlock(&own->lock);
    return info;
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
    pthread_mutex_init(&context->lock, NULL);
    davit_status status = load_topology(context, &call);
    if (status == DAVIT_OK) {
        status = register_backends(context, &call.sink);
    }
    if (status != DAVIT_OK) {
        davit_context_destroy(context);
        return davit_call_end(&call, status, "context");
    }
    *out = context;
    return DAVIT_OK;
}

bool davit_context_destroy(davit_context *context)
{
    const bool mine = context == NULL || !context->set_aside;
    if (context != NULL && mine) {
        for (size_t i = 0; i < context->registry.count; i++) {
            davit_free(context->allocator, context->found[i].infos);
        }
        pthread_mutex_destroy(&context->lock);
        davit_topology_destroy(context->topology);
        davit_free(context->allocator, context);
    }
    return mine;
}

size_t davit_context_device_count(const davit_context *context)
{
    size_t count = 0;
    if (davit_context_find((davit_context *)context, NULL, context->diag) == DAVIT_OK) {
        while (davit_context_found(context, count, NULL) != NULL) {
            count++;
        }
    }
    return count;
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
    davit_backend *owner = NULL;
    davit_status status = davit_context_find((davit_context *)context, NULL, context->diag);
    if (status != DAVIT_OK) {
        return status;
    }
    const davit_device_info *info = davit_context_found(context, index, &owner);
    if (info == NULL) {
        return davit_fail(context->diag, DAVIT_INVALID_ARGUMENT, "device %zu of %zu does not exist",
                          index, davit_context_device_count(context));
    }
    *summary = (davit_device_summary){.name = info->name,
                                      .backend = owner->table->name,
                                      .description = info->description,
                                      .unusable = info->unusable,
                                      .emulated = info->emulated,
                                      .pci_address = info->pci_address,
                                      .memory_bytes = info->profile.memory_bytes,
                                      .numa_node = nearest_node(context->topology, info)};
    return DAVIT_OK;
}
