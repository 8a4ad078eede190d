/* The machine: processors, NUMA nodes, what is on PCI. */
#include "report_parts.h"

static json_t *index_json(uint32_t index)
{
    return index == DAVIT_TOPOLOGY_NONE ? json_null() : json_integer((json_int_t)index);
}

static json_t *nodes_json(const davit_topology *topology)
{
    json_t *nodes = json_array();
    for (size_t i = 0; nodes != NULL && i < davit_topology_node_count(topology); i++) {
        const davit_numa_node *node = davit_topology_node(topology, i);
        if (!davit_report_append(
                nodes,
                json_pack("{s:I, s:I, s:o, s:o}", "os_index", (json_int_t)node->os_index, "cores",
                          (json_int_t)node->core_count, "cpus", davit_report_text(node->cpus),
                          "memory_bytes", davit_report_known((double)node->memory_bytes)))) {
            json_decref(nodes);
            return NULL;
        }
    }
    return nodes;
}

/* What the plan's devices are on PCI: ["cuda:0"]. */
static json_t *names_at(const davit_report_source *source, size_t pci)
{
    json_t *names = json_array();
    for (size_t d = 0; names != NULL && d < source->plan->device_count; d++) {
        const davit_device_info *info = &source->plan->devices[d].info;
        if (info->pci_address[0] != '\0' &&
            davit_topology_find_pci(source->topology, info->pci_address) == pci &&
            !davit_report_append(names, davit_report_text(info->name))) {
            json_decref(names);
            return NULL;
        }
    }
    return names;
}

static json_t *pci_json(const davit_report_source *source)
{
    static const char *const kinds[] = {[DAVIT_PCI_GPU] = "gpu",
                                        [DAVIT_PCI_FPGA] = "fpga",
                                        [DAVIT_PCI_DISPLAY] = "display",
                                        [DAVIT_PCI_ACCELERATOR] = "accelerator"};
    json_t *list = json_array();
    for (size_t i = 0; list != NULL && i < davit_topology_pci_count(source->topology); i++) {
        const davit_pci_device *device = davit_topology_pci(source->topology, i);
        json_t *item = json_pack(
            "{s:o, s:s, s:o, s:o, s:o, s:o, s:I, s:I, s:o, s:b, s:o, s:o}", "address",
            davit_report_text(device->address), "kind", kinds[device->kind], "name",
            davit_report_text(device->name), "devices", names_at(source, i), "numa_node",
            index_json(device->numa_node), "package", index_json(device->package),
            "link_generation", (json_int_t)device->link_generation, "link_width",
            (json_int_t)device->link_width, "path_bytes_per_s",
            davit_report_known(device->path_bytes_per_s), "path_known", device->path_known,
            "direct_bytes_per_s", davit_report_known(device->direct_bytes_per_s), "refused",
            davit_report_text(device->refused));
        if (!davit_report_append(list, item)) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

enum { MOST_ROUTED = 32 }; /* devices on PCI beyond which routes are left out */

static json_t *routes_json(const davit_topology *topology)
{
    static const char *const meetings[] = {[DAVIT_PCI_SAME] = "same",
                                           [DAVIT_PCI_SWITCH] = "switch",
                                           [DAVIT_PCI_HOST_BRIDGE] = "host bridge",
                                           [DAVIT_PCI_PACKAGE] = "socket",
                                           [DAVIT_PCI_MACHINE] = "machine"};
    size_t count = davit_topology_pci_count(topology);
    json_t *list = json_array();
    for (size_t i = 0; list != NULL && count <= MOST_ROUTED && i < count; i++) {
        for (size_t j = i + 1; j < count; j++) {
            davit_pci_route route = davit_topology_route(topology, i, j);
            json_t *item =
                json_pack("{s:I, s:I, s:s, s:o, s:o}", "from", (json_int_t)i, "to", (json_int_t)j,
                          "meeting", meetings[route.meeting], "pcie_bytes_per_s",
                          davit_report_known(route.pcie_bytes_per_s), "direct_bytes_per_s",
                          davit_report_known(route.direct_bytes_per_s));
            if (!davit_report_append(list, item)) {
                json_decref(list);
                return NULL;
            }
        }
    }
    return list;
}

json_t *davit_report_host(const davit_report_source *source)
{
    const davit_topology *topology = source->topology;
    if (topology == NULL) {
        return json_null();
    }
    const davit_host_info *host = davit_topology_host(topology);
    return json_pack(
        "{s:o, s:s, s:I, s:I, s:o, s:o, s:o, s:o}", "processor", davit_report_text(host->processor),
        "isa", host->isa, "sockets", (json_int_t)davit_topology_package_count(topology), "cores",
        (json_int_t)host->core_count, "memory_bytes",
        davit_report_known((double)host->memory_bytes), "numa_nodes", nodes_json(topology), "pci",
        pci_json(source), "routes", routes_json(topology));
}
