/* What hwloc knows of the host: sockets, NUMA nodes, caches; and binding of threads to nodes.
 *
 * Read-only after loading, then usable from several threads. Loading takes 5 to 10 ms: hwloc's
 * opencl and gl plugins, slow and of no use here, are kept out. */
#ifndef DAVIT_TOPOLOGY_H
#define DAVIT_TOPOLOGY_H

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

/* Loads the topology of this machine, or of a recorded one (hwloc XML) when path is not NULL. */
DAVIT_NODISCARD davit_status davit_topology_load(const davit_allocator *allocator,
                                                 const char *path, const davit_diagnostics *diag,
                                                 davit_topology **out);
void davit_topology_destroy(davit_topology *topology);

/* Description of the CPU for the backends (davit/backend.h); belongs to the topology. */
const davit_host_info *davit_topology_host(const davit_topology *topology);
size_t davit_topology_node_count(const davit_topology *topology);
const davit_numa_node *davit_topology_node(const davit_topology *topology, size_t index);
size_t davit_topology_cache_count(const davit_topology *topology);
const davit_cache *davit_topology_cache(const davit_topology *topology, size_t index);

/* Binds the calling thread: ordinal 0 leaves it as it is (all of the host), N + 1 binds it, and
 * its memory policy, to NUMA node N. A davit_device_options.bind_thread with user = topology.
 * Refused (DAVIT_UNAVAILABLE) on a recorded topology. */
DAVIT_NODISCARD davit_status davit_topology_bind_thread(void *topology, uint32_t ordinal);

#endif
