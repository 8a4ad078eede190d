#include "davit/backend.h"

#include "davit/roofline.h"

void davit_registry_init(davit_registry *registry, const davit_host_info *host)
{
    *registry = (davit_registry){.host = host};
}

davit_status davit_registry_add(davit_registry *registry, const davit_backend_table *table,
                                const davit_diagnostics *diag)
{
    if (registry == NULL || table == NULL) {
        return davit_fail(diag, DAVIT_INVALID_ARGUMENT, "a backend's table is missing");
    }
    if (table->abi_version != DAVIT_BACKEND_ABI_VERSION || table->struct_size != sizeof(*table)) {
        return davit_fail(diag, DAVIT_INVALID_ARGUMENT,
                          "a backend's table is of version %u and %u bytes, not %u and %zu",
                          table->abi_version, table->struct_size, DAVIT_BACKEND_ABI_VERSION,
                          sizeof(*table));
    }
    if (table->name == NULL || table->enumerate == NULL || table->supports == NULL ||
        table->open == NULL) {
        return davit_fail(diag, DAVIT_INVALID_ARGUMENT, "backend '%s' lacks a required entry",
                          table->name != NULL ? table->name : "");
    }
    if (registry->count == DAVIT_MAX_BACKENDS) {
        return davit_fail(diag, DAVIT_INVALID_ARGUMENT, "backend '%s': there are %d already",
                          table->name, DAVIT_MAX_BACKENDS);
    }
    registry->backends[registry->count++] = (davit_backend){.table = table, .host = registry->host};
    return DAVIT_OK;
}

davit_status davit_backend_devices(davit_backend *backend, const davit_allocator *allocator,
                                   const davit_diagnostics *diag, davit_device_info **infos,
                                   size_t *count)
{
    davit_device_info *list = NULL;
    size_t capacity = 0, found = 4;
    *infos = NULL;
    *count = 0;
    do {
        davit_status status = davit_array_grow(allocator, (void **)&list, &capacity, 0, found,
                                               sizeof(*list));
        if (status == DAVIT_OK) {
            status = backend->table->enumerate(backend, diag, list, capacity, &found);
        } else {
            (void)davit_fail(diag, status, "no memory for the list of devices");
        }
        if (status != DAVIT_OK) {
            davit_free(allocator, list);
            return status;
        }
    } while (found > capacity);
    *infos = list;
    *count = found;
    return DAVIT_OK;
}

/* Adds a backend's devices to the arrays. */
static davit_status add_devices(davit_backend *backend, const davit_allocator *allocator,
                                const davit_diagnostics *diag, davit_device_info **infos,
                                davit_backend ***owners, size_t *count)
{
    davit_device_info *found;
    size_t more, info_capacity = *count, owner_capacity = *count;
    davit_status status = davit_backend_devices(backend, allocator, diag, &found, &more);
    if (status != DAVIT_OK) {
        return status;
    }
    status = davit_array_grow(allocator, (void **)infos, &info_capacity, *count, *count + more,
                              sizeof(**infos));
    if (status == DAVIT_OK) {
        status = davit_array_grow(allocator, (void **)owners, &owner_capacity, *count,
                                  *count + more, sizeof(davit_backend *));
    }
    for (size_t i = 0; status == DAVIT_OK && i < more; i++) {
        (*infos)[*count] = found[i];
        (*owners)[(*count)++] = backend;
    }
    davit_free(allocator, found);
    return status == DAVIT_OK
               ? status
               : davit_fail(diag, status, "no memory for the list of devices");
}

davit_status davit_registry_devices(davit_registry *registry, const davit_allocator *allocator,
                                    const davit_diagnostics *diag, davit_device_info **infos,
                                    davit_backend ***owners, size_t *count)
{
    *infos = NULL;
    *owners = NULL;
    *count = 0;
    for (size_t i = 0; i < registry->count; i++) {
        davit_status status =
            add_devices(&registry->backends[i], allocator, diag, infos, owners, count);
        if (status != DAVIT_OK) {
            davit_free(allocator, *infos);
            davit_free(allocator, *owners);
            *infos = NULL;
            *owners = NULL;
            *count = 0;
            return status;
        }
    }
    return DAVIT_OK;
}

bool davit_backend_supports(const davit_backend *backend, const davit_device_profile *profile,
                            const davit_graph *graph, const davit_unit *unit, char *reason,
                            size_t reason_bytes)
{
    char unused[1];
    if (reason == NULL || reason_bytes == 0) {
        reason = unused;
        reason_bytes = sizeof(unused);
    }
    reason[0] = '\0';
    return backend->table->supports(profile, graph, unit, reason, reason_bytes);
}

davit_status davit_backend_cost(const davit_backend *backend, const davit_device_profile *profile,
                                const davit_graph *graph, const davit_unit *unit,
                                davit_unit_cost *cost)
{
    if (backend->table->cost != NULL) {
        davit_status status = backend->table->cost(profile, graph, unit, cost);
        if (status != DAVIT_OK) {
            return status;
        }
    } else {
        davit_roofline_cost(profile, graph, unit, cost);
    }
    if (cost->joules <= 0) {
        cost->joules = davit_power_joules(profile, graph, unit);
    }
    return DAVIT_OK;
}
