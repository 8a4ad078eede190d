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

/* The devices found so far. */
typedef struct device_list {
    const davit_allocator *allocator;
    davit_device_info *infos;
    davit_backend **owners;
    size_t count, info_capacity, owner_capacity;
} device_list;

static davit_status reserve_devices(device_list *list, size_t needed)
{
    davit_status status =
        davit_array_grow(list->allocator, (void **)&list->infos, &list->info_capacity, list->count,
                         needed, sizeof(*list->infos));
    if (status == DAVIT_OK) {
        status = davit_array_grow(list->allocator, (void **)&list->owners, &list->owner_capacity,
                                  list->count, needed, sizeof(davit_backend *));
    }
    return status;
}

static davit_status add_devices(device_list *list, davit_backend *backend,
                                const davit_diagnostics *diag)
{
    size_t found = 0;
    size_t capacity = 4;
    davit_status status;
    for (;;) {
        status = reserve_devices(list, list->count + capacity);
        if (status != DAVIT_OK) {
            return davit_fail(diag, status, "no memory for the list of devices");
        }
        status =
            backend->table->enumerate(backend, diag, list->infos + list->count, capacity, &found);
        if (status != DAVIT_OK) {
            return status;
        }
        if (found <= capacity) {
            break;
        }
        capacity = found;
    }
    for (size_t i = 0; i < found; i++) {
        list->owners[list->count++] = backend;
    }
    return DAVIT_OK;
}

davit_status davit_registry_devices(davit_registry *registry, const davit_allocator *allocator,
                                    const davit_diagnostics *diag, davit_device_info **infos,
                                    davit_backend ***owners, size_t *count)
{
    *infos = NULL;
    *owners = NULL;
    *count = 0;
    device_list list = {.allocator = allocator};
    for (size_t i = 0; i < registry->count; i++) {
        davit_status status = add_devices(&list, &registry->backends[i], diag);
        if (status != DAVIT_OK) {
            davit_free(allocator, list.infos);
            davit_free(allocator, list.owners);
            return status;
        }
    }
    *infos = list.infos;
    *owners = list.owners;
    *count = list.count;
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
