#include "davit/inventory.h"

#include <stdio.h>
#include <string.h>

#include "objects.h"

enum { VENDOR_NVIDIA = 0x10de };

typedef struct registered {
    const davit_device_info *devices;
    const char *const *backends;
    size_t count;
} registered;

static bool same_kind(davit_device_kind kind, davit_pci_kind pci)
{
    return (kind == DAVIT_DEVICE_GPU && pci == DAVIT_PCI_GPU) ||
           (kind == DAVIT_DEVICE_FPGA && pci == DAVIT_PCI_FPGA);
}

/* Whether a backend could drive the device at all. */
static bool could_drive(const registered *all, size_t index, const davit_pci_device *pci)
{
    return same_kind(all->devices[index].profile.kind, pci->kind) &&
           !all->devices[index].emulated &&
           (strcmp(all->backends[index], "cuda") != 0 || pci->vendor_id == VENDOR_NVIDIA);
}

static void append_name(char *list, size_t bytes, const char *name)
{
    size_t used = strlen(list);
    snprintf(list + used, bytes - used, "%s%s", used > 0 ? ", " : "", name);
}

static void refuse(davit_inventory_entry *entry, const char *backend, const char *reason)
{
    if (entry->unusable[0] == '\0') {
        snprintf(entry->unusable, sizeof(entry->unusable), "%s%s%s", backend,
                 backend[0] != '\0' ? ": " : "", reason);
    }
}

/* The reasons, from the most to the least particular: of the device itself, of its backend's entry
 * for it, of a backend for its kind. */
static void explain(const davit_topology *topology, size_t index, const registered *all,
                    davit_inventory_entry *entry)
{
    const davit_pci_device *pci = davit_topology_pci(topology, index);
    bool known_kind = false;
    if (pci->refused[0] != '\0') {
        refuse(entry, "", pci->refused);
    }
    if (davit_topology_is_recorded(topology)) {
        refuse(entry, "", "recorded, not a device of this machine");
    }
    for (size_t i = 0; i < all->count; i++) {
        const davit_device_info *device = &all->devices[i];
        if (device->unusable[0] != '\0' && device->pci_address[0] != '\0' &&
            davit_topology_find_pci(topology, device->pci_address) == index) {
            refuse(entry, all->backends[i], device->unusable);
        }
    }
    for (size_t i = 0; i < all->count; i++) {
        const davit_device_info *device = &all->devices[i];
        known_kind = known_kind || could_drive(all, i, pci);
        if (device->unusable[0] != '\0' && device->pci_address[0] == '\0' &&
            could_drive(all, i, pci)) {
            refuse(entry, all->backends[i], device->unusable);
        }
    }
    refuse(entry, "", known_kind ? "no driver reports it" : "this build has no backend for it");
}

davit_status davit_inventory_join(const davit_allocator *allocator, const davit_topology *topology,
                                  const davit_device_info *devices, const char *const *backends,
                                  size_t count, davit_inventory_entry **out)
{
    const registered all = {devices, backends, count};
    size_t pci_count = davit_topology_pci_count(topology);
    *out = NULL;
    davit_inventory_entry *entries =
        davit_alloc_array(allocator, pci_count, sizeof(davit_inventory_entry));
    if (entries == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        size_t pci = davit_topology_find_pci(topology, devices[i].pci_address);
        if (pci < pci_count && devices[i].unusable[0] == '\0') {
            append_name(entries[pci].devices, sizeof(entries[pci].devices), devices[i].name);
        }
    }
    for (size_t i = 0; i < pci_count; i++) {
        if (entries[i].devices[0] == '\0') {
            explain(topology, i, &all, &entries[i]);
        }
    }
    *out = entries;
    return DAVIT_OK;
}

davit_status davit_context_inventory(const davit_context *context, const davit_allocator *allocator,
                                     davit_inventory_entry **out)
{
    *out = NULL;
    size_t count = davit_context_device_count(context);
    const char **backends = davit_alloc_array(allocator, count, sizeof(*backends));
    davit_device_info *devices = davit_alloc_array(allocator, count, sizeof(*devices));
    davit_status status = DAVIT_OUT_OF_MEMORY;
    if (backends != NULL && devices != NULL) {
        for (size_t i = 0; i < count; i++) {
            davit_backend *owner = NULL;
            devices[i] = *davit_context_found(context, i, &owner);
            backends[i] = owner->table->name;
        }
        status = davit_inventory_join(allocator, context->topology, devices, backends, count, out);
    }
    davit_free(allocator, devices);
    davit_free(allocator, backends);
    return status == DAVIT_OK ? status
                              : davit_fail(context->diag, status, "out of memory: inventory");
}

const davit_topology *davit_context_topology(const davit_context *context)
{
    return context->topology;
}
