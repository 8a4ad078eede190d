/* What hwloc sees on PCI, joined by address with what the backends say: which device of Davit each
 * GPU and FPGA is, or why it is none. For layers above libdavit; not installed, not exported. */
#ifndef DAVIT_INVENTORY_H
#define DAVIT_INVENTORY_H

#include "davit/davit.h"
#include "davit/topology.h"

/* What becomes of one device of davit_topology_pci, by the same index. */
typedef struct davit_inventory_entry {
    char devices[96];   /* usable devices of Davit that it is, "cuda:0, opencl:0"; "" for none */
    char unusable[256]; /* why there is none, "" when there is one */
} davit_inventory_entry;

/* Joins the devices on PCI with those of the backends, of which backends[i] is the name of the one
 * that devices[i] belongs to. *out has davit_topology_pci_count(topology) entries; free with
 * davit_free. An unusable device without an address (a driver that is missing) is the reason for all
 * devices of its kind. Pure. Returns DAVIT_OUT_OF_MEMORY. */
DAVIT_NODISCARD davit_status davit_inventory_join(const davit_allocator *allocator,
                                                  const davit_topology *topology,
                                                  const davit_device_info *devices,
                                                  const char *const *backends, size_t count,
                                                  davit_inventory_entry **out);

/* The same for the devices of a context. */
DAVIT_NODISCARD davit_status davit_context_inventory(const davit_context *context,
                                                     const davit_allocator *allocator,
                                                     davit_inventory_entry **out);

/* The topology of the context's machine; belongs to the context. NULL: unknown. */
const davit_topology *davit_context_topology(const davit_context *context);

#endif
