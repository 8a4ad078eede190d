/* `davit devices --json`. Rates in bytes per second; what is unknown is null. */
#include <jansson.h>
#include <string.h>

#include "devices.h"
#include "json.h"

static json_t *known_integer(uint64_t value)
{
    return value > 0 ? json_integer((json_int_t)value) : json_null();
}

static json_t *known_rate(double value)
{
    return value > 0 ? json_real(value) : json_null();
}

static json_t *known_index(uint32_t value)
{
    return value != DAVIT_TOPOLOGY_NONE ? json_integer((json_int_t)value) : json_null();
}

static json_t *known_text(const char *text)
{
    return text[0] != '\0' ? json_string(text) : json_null();
}

static json_t *caches_json(const davit_topology *topology)
{
    json_t *caches = json_array();
    for (size_t i = 0; i < davit_topology_cache_count(topology); i++) {
        const davit_cache *cache = davit_topology_cache(topology, i);
        json_array_append_new(caches,
                              json_pack("{s:i, s:s, s:I, s:I}", "level", cache->level, "kind",
                                        cache->kind == 'u'   ? "unified"
                                        : cache->kind == 'd' ? "data"
                                                             : "instruction",
                                        "bytes", (json_int_t)cache->bytes, "count",
                                        (json_int_t)cache->count));
    }
    return caches;
}

/* With the distances to all nodes in their order. */
static json_t *nodes_json(const davit_topology *topology)
{
    json_t *nodes = json_array();
    for (size_t i = 0; i < davit_topology_node_count(topology); i++) {
        const davit_numa_node *node = davit_topology_node(topology, i);
        json_t *distances = json_array();
        for (size_t j = 0; j < davit_topology_node_count(topology); j++) {
            json_array_append_new(distances, known_integer(davit_topology_numa_distance(
                                                 topology, node->os_index,
                                                 davit_topology_node(topology, j)->os_index)));
        }
        json_array_append_new(nodes, json_pack("{s:I, s:I, s:I, s:s, s:I, s:o}", "os_index",
                                               (json_int_t)node->os_index, "cores",
                                               (json_int_t)node->core_count, "threads",
                                               (json_int_t)node->thread_count, "cpus", node->cpus,
                                               "memory_bytes", (json_int_t)node->memory_bytes,
                                               "distances", distances));
    }
    return nodes;
}

static json_t *host_json(const davit_topology *topology)
{
    const davit_host_info *host = davit_topology_host(topology);
    return json_pack("{s:s, s:s, s:I, s:I, s:I, s:o, s:o}", "processor", host->processor, "isa",
                     host->isa, "sockets", (json_int_t)davit_topology_package_count(topology),
                     "cores", (json_int_t)host->core_count, "memory_bytes",
                     (json_int_t)host->memory_bytes, "caches", caches_json(topology), "numa_nodes",
                     nodes_json(topology));
}

static json_t *devices_json(const davit_context *context)
{
    json_t *devices = json_array();
    size_t count = context != NULL ? davit_context_device_count(context) : 0;
    for (size_t i = 0; i < count; i++) {
        davit_device_summary device;
        if (davit_context_device(context, i, &device) == DAVIT_OK) {
            json_array_append_new(
                devices,
                json_pack("{s:s, s:s, s:s, s:s, s:b, s:o, s:o, s:o}", "name", device.name,
                          "backend", device.backend, "description", device.description, "unusable",
                          device.unusable, "emulated", device.emulated, "memory_bytes",
                          known_integer(device.memory_bytes), "numa_node",
                          device.numa_node >= 0 ? json_integer(device.numa_node) : json_null(),
                          "pci_address", known_text(device.pci_address)));
        }
    }
    return devices;
}

/* As lspci writes them: "10de". */
static json_t *id_json(uint16_t id)
{
    return json_sprintf("%04x", id);
}

/* ["cuda0", "nvml0"] of "cuda0, nvml0". */
static json_t *names_json(const char *text)
{
    json_t *names = json_array();
    while (*text != '\0') {
        size_t length = strcspn(text, ",");
        json_array_append_new(names, json_stringn(text, length));
        text += length;
        text += strspn(text, ", ");
    }
    return names;
}

static json_t *links_json(const davit_pci_device *device)
{
    json_t *link = json_pack("{s:o, s:o, s:o}", "bytes_per_s", known_rate(device->link_bytes_per_s),
                             "generation", known_integer(device->link_generation), "width",
                             known_integer(device->link_width));
    json_t *path =
        json_pack("{s:o, s:b, s:I}", "bytes_per_s", known_rate(device->path_bytes_per_s), "exact",
                  device->path_known, "bridges", (json_int_t)device->bridge_count);
    return json_pack("{s:o, s:o, s:o}", "link", link, "path_to_host", path,
                     "socket_link_bytes_per_s", known_rate(device->direct_bytes_per_s));
}

static json_t *pci_device_json(const davit_pci_device *device, const davit_inventory_entry *entry)
{
    static const char *const kinds[] = {"gpu", "fpga", "display", "accelerator"};
    json_t *json = json_pack(
        "{s:s, s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:o}", "address", device->address, "kind",
        kinds[device->kind], "offload", device->refused[0] == '\0', "vendor_id",
        id_json(device->vendor_id), "device_id", id_json(device->device_id), "class_id",
        id_json(device->class_id), "name", known_text(device->name), "os_devices",
        names_json(device->os_devices), "memory_bytes", known_integer(device->memory_bytes));
    json_t *place =
        json_pack("{s:o, s:o, s:o}", "numa_node", known_index(device->numa_node), "numa_nodes",
                  known_text(device->numa_nodes), "socket", known_index(device->package));
    json_t *joined =
        json_pack("{s:o, s:s}", "devices", names_json(entry->devices), "unusable", entry->unusable);
    json_t *links = links_json(device);
    json_object_update(json, place);
    json_object_update(json, links);
    json_object_update(json, joined);
    json_decref(place);
    json_decref(links);
    json_decref(joined);
    return json;
}

static json_t *route_json(const davit_topology *topology, size_t from, size_t to)
{
    static const char *const meetings[] = {"same", "switch", "host_bridge", "socket", "machine"};
    davit_pci_route route = davit_topology_route(topology, from, to);
    return json_pack("{s:s, s:s, s:s, s:o, s:o, s:b, s:o, s:o}", "from",
                     davit_topology_pci(topology, from)->address, "to",
                     davit_topology_pci(topology, to)->address, "meet", meetings[route.meeting],
                     "bridge", known_text(route.bridge), "pcie_bytes_per_s",
                     known_rate(route.pcie_bytes_per_s), "pcie_exact", route.pcie_known,
                     "direct_bytes_per_s", known_rate(route.direct_bytes_per_s), "numa_distance",
                     known_integer(route.numa_distance));
}

/* Adds what there is on PCI, and the routes from each device to those behind it. */
static void add_pci(const cli_machine *machine, json_t *root)
{
    json_t *devices = json_array();
    json_t *routes = json_array();
    size_t count = machine->topology != NULL ? davit_topology_pci_count(machine->topology) : 0;
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(
            devices, pci_device_json(davit_topology_pci(machine->topology, i), &machine->pci[i]));
        for (size_t j = i + 1; j < count; j++) {
            json_array_append_new(routes, route_json(machine->topology, i, j));
        }
    }
    json_object_set_new(root, "pci_devices", devices);
    json_object_set_new(root, "routes", routes);
}

int cli_print_machine_json(const cli_machine *machine)
{
    json_t *root = json_pack("{s:i, s:b, s:o, s:o}", "schema_version", CLI_SCHEMA_VERSION,
                             "recorded", machine->context == NULL, "machine",
                             machine->topology != NULL ? host_json(machine->topology) : json_null(),
                             "devices", devices_json(machine->context));
    if (root != NULL) {
        add_pci(machine, root);
    }
    if (root != NULL && machine->profiles != NULL) {
        json_t *profiles = cli_profiles_json(machine->profiles, machine->diag);
        if (profiles == NULL) {
            json_decref(root);
            return CLI_FAILED;
        }
        json_object_set_new(root, "profiles", profiles);
    }
    return cli_print_json(root);
}
