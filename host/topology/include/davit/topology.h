/* What hwloc knows of the host: sockets, NUMA nodes, caches, GPUs and FPGAs with their way over PCIe
 * to the host and to each other; and binding of threads to nodes.
 *
 * Read-only after loading, then usable from several threads. Loading takes 5 to 10 ms: hwloc's
 * opencl and gl plugins, slow and of no use here, are kept out. What the functions return by pointer
 * belongs to the topology. */
#ifndef DAVIT_TOPOLOGY_H
#define DAVIT_TOPOLOGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "davit/backend.h"

typedef struct davit_topology davit_topology;

typedef struct davit_numa_node {
    uint32_t os_index;
    uint64_t memory_bytes;
    uint32_t core_count;
    uint32_t thread_count; /* hardware threads that this process may use */
    char cpus[128];        /* "0-15,32-47" */
} davit_numa_node;

typedef struct davit_cache {
    int level;
    uint64_t bytes;  /* of one */
    uint32_t count;
    char kind;       /* 'd' data, 'i' instruction, 'u' unified */
} davit_cache;

/* ---- devices on PCI ---- */

#define DAVIT_TOPOLOGY_NONE UINT32_MAX /* which node or package is nearest is unknown */

typedef enum davit_pci_kind {
    DAVIT_PCI_GPU,        /* NVIDIA, AMD, Intel */
    DAVIT_PCI_FPGA,       /* AMD/Xilinx, AWS */
    DAVIT_PCI_DISPLAY,    /* a display that nothing can be offloaded to; `refused` says why */
    DAVIT_PCI_ACCELERATOR /* a processing accelerator of another kind; `refused` is set */
} davit_pci_kind;

/* A device of interest. Bandwidths are bytes per second of payload in one direction, 0: unknown. */
typedef struct davit_pci_device {
    char address[DAVIT_PCI_ADDRESS_BYTES]; /* "0000:3b:00.0": domain:bus:device.function */
    davit_pci_kind kind;
    uint16_t vendor_id, device_id;
    uint16_t class_id;     /* 0x0302 */
    char name[128];        /* the model where a driver or PCI database told hwloc, "" else */
    char os_devices[128];  /* the system's names for it, "cuda0, opencl0d0, card0", or "" */
    uint64_t memory_bytes; /* as a driver told hwloc, 0: unknown */

    /* The device's own link. hwloc gives one number for it, lanes x rate of a lane. Generation and
     * width are those whose product it is: several fit (3.0 x16 is as fast as 4.0 x8), and the
     * widest of up to 16 lanes is taken. Both 0 when nothing fits or the bandwidth is unknown. An
     * idle device may have put its link to a lower generation when it was asked. */
    double link_bytes_per_s;
    uint32_t link_generation;
    uint32_t link_width;
    /* The narrowest known link between the device and the host bridge. path_known is false when
     * some link on the way is unknown: then the path may be slower. */
    double path_bytes_per_s;
    bool path_known;
    uint32_t bridge_count; /* PCI bridges on the way, without the host bridge */
    /* A link to the nearest package that is not PCIe (NVLink on POWER). */
    double direct_bytes_per_s;

    uint32_t numa_node;  /* os_index of the nearest (the first of them), or DAVIT_TOPOLOGY_NONE */
    char numa_nodes[64]; /* all that are as near, "0" or "0-3"; "" when unknown */
    uint32_t package;    /* os_index of the nearest socket, or DAVIT_TOPOLOGY_NONE */
    char refused[96];    /* why it is no device to offload to, "" when it is one */
} davit_pci_device;

/* Where the way between two devices turns round, from near to far. */
typedef enum davit_pci_meeting {
    DAVIT_PCI_SAME,        /* the same device */
    DAVIT_PCI_SWITCH,      /* at a PCI bridge that both are below */
    DAVIT_PCI_HOST_BRIDGE, /* at the host bridge */
    DAVIT_PCI_PACKAGE,     /* inside a socket, between its host bridges */
    DAVIT_PCI_MACHINE      /* between sockets, or somewhere unknown */
} davit_pci_meeting;

typedef struct davit_pci_route {
    davit_pci_meeting meeting;
    char bridge[DAVIT_PCI_ADDRESS_BYTES]; /* DAVIT_PCI_SWITCH: the bridge where they meet */
    double pcie_bytes_per_s;   /* narrowest known PCIe link on the way, 0: none is known */
    bool pcie_known;           /* all of these links are */
    double direct_bytes_per_s; /* link that is not PCIe (NVLink, also through NVSwitch), 0: none */
    uint32_t numa_distance;    /* of the nearest nodes as the firmware tells it, 0: unknown */
} davit_pci_route;

/* Loads the topology of this machine, or of a recorded one (hwloc XML) when path is not NULL. hwloc
 * may crash on a damaged file. */
DAVIT_NODISCARD davit_status davit_topology_load(const davit_allocator *allocator,
                                                 const char *path, const davit_diagnostics *diag,
                                                 davit_topology **out);
/* Loads a recorded topology of unknown origin: a child process tries it first, and what makes hwloc
 * crash, hang or complain is DAVIT_BAD_DATA. For programs of one thread: it forks. */
DAVIT_NODISCARD davit_status davit_topology_load_untrusted(const davit_allocator *allocator,
                                                           const char *path,
                                                           const davit_diagnostics *diag,
                                                           davit_topology **out);
void davit_topology_destroy(davit_topology *topology);

/* True for one that was loaded from a file. */
bool davit_topology_is_recorded(const davit_topology *topology);

/* Description of the CPU for the backends (davit/backend.h); belongs to the topology. */
const davit_host_info *davit_topology_host(const davit_topology *topology);
size_t davit_topology_node_count(const davit_topology *topology);
const davit_numa_node *davit_topology_node(const davit_topology *topology, size_t index);
size_t davit_topology_cache_count(const davit_topology *topology);
const davit_cache *davit_topology_cache(const davit_topology *topology, size_t index);
uint32_t davit_topology_package_count(const davit_topology *topology);
/* Distance between two NUMA nodes, by os_index, as the firmware tells it: 10 is a node's own, 20 is
 * twice as slow. 0: unknown. */
uint32_t davit_topology_numa_distance(const davit_topology *topology, uint32_t from, uint32_t to);

/* Devices of interest by rising address, at most 512. Bridges, network cards and the like are not
 * listed. */
size_t davit_topology_pci_count(const davit_topology *topology);
const davit_pci_device *davit_topology_pci(const davit_topology *topology, size_t index);
/* Index of the device at an address in any usual form ("0000:3b:00.0", "3B:00.0" of domain 0,
 * "00000000:3B:00.0"), or davit_topology_pci_count(topology). */
size_t davit_topology_find_pci(const davit_topology *topology, const char *address);
/* The way from one device to another, by index. */
davit_pci_route davit_topology_route(const davit_topology *topology, size_t from, size_t to);

/* Binds the calling thread: ordinal 0 leaves it as it is (all of the host), N + 1 binds it, and
 * its memory policy, to NUMA node N. Refused (DAVIT_UNAVAILABLE) on a recorded topology. */
DAVIT_NODISCARD davit_status davit_topology_bind_thread(void *topology, uint32_t ordinal);

/* ---- near a device ---- */

/* Index of the node nearest to the device at a PCI address, among those whose processors this process
 * may use: its own, else that with the least distance to it; davit_topology_node_count when the device
 * or its place is unknown ("" is). */
size_t davit_topology_node_near(const davit_topology *topology, const char *pci_address);
/* Binds the calling thread, which drives that device, and its memory policy to that node; leaves it as
 * it is where there is one node only, or the place is unknown. Errors as davit_topology_bind_thread. */
DAVIT_NODISCARD davit_status davit_topology_bind_thread_near(void *topology,
                                                             const char *pci_address);
/* Binds the calling thread for a device: of a CPU by its ordinal, else near it. A
 * davit_device_options.bind_thread with user = topology. */
DAVIT_NODISCARD davit_status davit_topology_bind_device_thread(void *topology,
                                                               const davit_device_info *device);
/* Memory of whole pages for what is copied to or from that device, on that node as far as the system
 * lets programs choose. bytes > 0. NULL when memory is short. Free with davit_topology_free_near and
 * the same bytes. */
void *davit_topology_alloc_near(void *topology, const char *pci_address, size_t bytes);
void davit_topology_free_near(void *topology, void *memory, size_t bytes);

#endif
