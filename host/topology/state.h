/* What a loaded topology consists of; private to host/topology. */
#ifndef DAVIT_TOPOLOGY_STATE_H
#define DAVIT_TOPOLOGY_STATE_H

#include <hwloc.h>

#include "davit/topology.h"

struct davit_topology {
    const davit_allocator *allocator;
    const davit_diagnostics *diag;
    hwloc_topology_t hwloc;
    hwloc_bitmap_t usable; /* hardware threads that this process may use */
    davit_arena arena;
    davit_host_info host;
    size_t node_count;
    davit_numa_node *nodes;
    hwloc_obj_t *node_objects;
    size_t cache_count;
    davit_cache *caches;
    size_t pci_count;
    davit_pci_device *pci;
    hwloc_obj_t *pci_objects;
    double *direct;            /* [pci_count][pci_count] bytes per second, 0: no link but PCIe; or NULL */
    uint32_t numa_count;        /* rows of the matrix of distances, 0: unknown */
    uint32_t *numa_os_indices;  /* [numa_count] */
    uint32_t *numa_distances;   /* [numa_count][numa_count] */
};

/* Reads a recorded topology; free *text with davit_free. Only what cannot be an hwloc file at all is
 * refused. Reports. */
DAVIT_NODISCARD davit_status davit_topology_read(const davit_allocator *allocator, const char *path,
                                                 const davit_diagnostics *diag, char **text,
                                                 size_t *bytes);
/* Says why hwloc refused such a text, in one line. */
davit_status davit_topology_refuse(const char *path, const char *text,
                                   const davit_diagnostics *diag);
/* Tells of devices that hwloc leaves out without a word. */
void davit_topology_warn_of_wide_domains(const char *path, const char *text,
                                         const davit_diagnostics *diag);
/* Makes a topology of the text of the file at path, NULL: of this machine. Reports. */
DAVIT_NODISCARD davit_status davit_topology_make(const davit_allocator *allocator, const char *path,
                                                 const char *text, size_t bytes,
                                                 const davit_diagnostics *diag,
                                                 davit_topology **out);

/* Copies text of a file, cut to fit; what is not printable ASCII becomes '?'. May be in place. */
void davit_topology_copy_text(char *target, size_t bytes, const char *source);

/* Fills kind and refused from the ids; false: of no interest. */
bool davit_pci_classify(davit_pci_device *device);

/* Which devices on PCI hwloc must be asked for so that those of interest are among them: none, those
 * that hwloc thinks important, or all. folder has the form of /sys/bus/pci/devices. */
enum hwloc_type_filter_e davit_topology_pci_filter(const char *folder);

/* Fills topology->pci, sorted by address. Returns DAVIT_OUT_OF_MEMORY. */
DAVIT_NODISCARD davit_status davit_topology_find_pci_devices(davit_topology *topology);
/* Fills the matrices of distances: between nodes, and of links between devices that are not PCIe.
 * Returns DAVIT_OUT_OF_MEMORY. */
DAVIT_NODISCARD davit_status davit_topology_find_distances(davit_topology *topology);

/* The speed of an object's link towards the host, in bytes per second; 0: unknown. */
double davit_pci_link_bytes_per_s(hwloc_obj_t object);
/* "0000:3b:00.0" of a PCI device or bridge. */
void davit_pci_write_address(hwloc_obj_t object, char text[DAVIT_PCI_ADDRESS_BYTES]);
/* The PCI bridge above an object; NULL when the host bridge or nothing is. */
hwloc_obj_t davit_pci_bridge_above(hwloc_obj_t object);

#endif
