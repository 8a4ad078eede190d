#include "state.h"

/* Index of the usable node with the least distance to one of the system; without distances the
 * first. */
static size_t closest(const davit_topology *topology, uint32_t os_index)
{
    size_t best = 0;
    uint32_t least = UINT32_MAX;
    for (size_t i = 0; i < topology->node_count; i++) {
        uint32_t own = topology->nodes[i].os_index;
        uint32_t distance = davit_topology_numa_distance(topology, os_index, own);
        distance = own == os_index ? 0 : distance > 0 ? distance : UINT32_MAX - 1;
        if (distance < least) {
            least = distance;
            best = i;
        }
    }
    return best;
}

size_t davit_topology_node_near(const davit_topology *topology, const char *pci_address)
{
    size_t device = davit_topology_find_pci(topology, pci_address);
    if (topology->node_count == 0 || device == topology->pci_count ||
        topology->pci[device].numa_node == DAVIT_TOPOLOGY_NONE) {
        return topology->node_count;
    }
    return closest(topology, topology->pci[device].numa_node);
}

davit_status davit_topology_bind_thread_near(void *user, const char *pci_address)
{
    davit_topology *topology = user;
    size_t node = davit_topology_node_near(topology, pci_address);
    return node < topology->node_count && topology->node_count > 1
               ? davit_topology_bind_thread(topology, (uint32_t)node + 1)
               : DAVIT_OK;
}

davit_status davit_topology_bind_device_thread(void *topology, const davit_device_info *device)
{
    return device->profile.kind == DAVIT_DEVICE_CPU
               ? davit_topology_bind_thread(topology, device->ordinal)
               : davit_topology_bind_thread_near(topology, device->pci_address);
}

/* hwloc's memory is of whole pages. Where policies are forbidden it comes without one. */
void *davit_topology_alloc_near(void *user, const char *pci_address, size_t bytes)
{
    davit_topology *topology = user;
    size_t node = davit_topology_node_near(topology, pci_address);
    if (davit_topology_is_recorded(topology) || node == topology->node_count) {
        return hwloc_alloc(topology->hwloc, bytes);
    }
    return hwloc_alloc_membind_policy(topology->hwloc, bytes, topology->node_objects[node]->nodeset,
                                      HWLOC_MEMBIND_BIND, HWLOC_MEMBIND_BYNODESET);
}

void davit_topology_free_near(void *user, void *memory, size_t bytes)
{
    const davit_topology *topology = user;
    if (memory != NULL) {
        hwloc_free(topology->hwloc, memory, bytes);
    }
}
