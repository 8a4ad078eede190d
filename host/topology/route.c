/* Ways between devices: PCIe bridges, links beside PCIe, distances of NUMA nodes. */
#include <string.h>

#include "state.h"

#define MEGA 1e6
enum { MAX_MATRICES = 16 };

/* The position of an object of a matrix among the devices (an OS device stands for the PCI device
 * that it is part of), or pci_count. */
static size_t device_of(const davit_topology *topology, hwloc_obj_t object)
{
    while (object != NULL && object->type == HWLOC_OBJ_OS_DEVICE) {
        object = object->parent;
    }
    size_t i = 0;
    while (i < topology->pci_count && topology->pci_objects[i] != object) {
        i++;
    }
    return i;
}

static bool is_switch(hwloc_obj_t object)
{
    return object != NULL && object->type == HWLOC_OBJ_PCI_DEVICE && object->subtype != NULL &&
           strcmp(object->subtype, "NVSwitch") == 0;
}

/* Bandwidth between two objects of a matrix: of their own link, else through the NVSwitches, which
 * are one fabric: what the one can send into it and the other take out of it. (hwloc's transitive
 * closure drops direct links.) */
static double bandwidth(const struct hwloc_distances_s *matrix, size_t from, size_t to)
{
    size_t count = matrix->nbobjs;
    double direct = (double)matrix->values[from * count + to] * MEGA;
    double in = 0, out = 0;
    for (size_t i = 0; i < count && direct <= 0; i++) {
        if (is_switch(matrix->objs[i])) {
            in += (double)matrix->values[from * count + i] * MEGA;
            out += (double)matrix->values[i * count + to] * MEGA;
        }
    }
    return direct > 0 ? direct : (in < out ? in : out);
}

static void use_row(davit_topology *topology, const struct hwloc_distances_s *matrix,
                    const size_t *devices, size_t from)
{
    size_t count = topology->pci_count;
    davit_pci_device *device = &topology->pci[devices[from]];
    for (size_t to = 0; to < matrix->nbobjs; to++) {
        hwloc_obj_t object = matrix->objs[to];
        if (devices[to] < count && devices[to] != devices[from]) {
            topology->direct[devices[from] * count + devices[to]] = bandwidth(matrix, from, to);
        } else if (object != NULL && object->type == HWLOC_OBJ_PACKAGE &&
                   object->os_index == device->package) {
            device->direct_bytes_per_s = bandwidth(matrix, from, to);
        }
    }
}

static davit_status use_bandwidths(davit_topology *topology, const struct hwloc_distances_s *matrix)
{
    size_t count = topology->pci_count; /* at most MAX_DEVICES: its square is small */
    size_t *devices = davit_arena_alloc_array(&topology->arena, matrix->nbobjs, sizeof(size_t));
    if (topology->direct == NULL) {
        topology->direct = davit_arena_alloc_array(&topology->arena, count * count, sizeof(double));
    }
    if (devices == NULL || topology->direct == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < matrix->nbobjs; i++) {
        devices[i] = device_of(topology, matrix->objs[i]);
    }
    for (size_t from = 0; from < matrix->nbobjs; from++) {
        if (devices[from] < count) {
            use_row(topology, matrix, devices, from);
        }
    }
    return DAVIT_OK;
}

/* Matrices of links in MB/s, by the names that hwloc gives them. */
static bool is_link_matrix(hwloc_topology_t hwloc, struct hwloc_distances_s *matrix)
{
    static const char *const names[] = {"NVLinkBandwidth", "XGMIBandwidth", "XeLinkBandwidth"};
    const char *name = hwloc_distances_get_name(hwloc, matrix);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (name != NULL && strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static davit_status find_links(davit_topology *topology)
{
    struct hwloc_distances_s *matrices[MAX_MATRICES];
    unsigned matrix_count = MAX_MATRICES;
    davit_status status = DAVIT_OK;
    if (hwloc_distances_get(topology->hwloc, &matrix_count, matrices,
                            HWLOC_DISTANCES_KIND_MEANS_BANDWIDTH, 0) != 0) {
        return DAVIT_OK;
    }
    for (unsigned i = 0; i < matrix_count && i < MAX_MATRICES; i++) {
        if (status == DAVIT_OK && is_link_matrix(topology->hwloc, matrices[i])) {
            status = use_bandwidths(topology, matrices[i]);
        }
        hwloc_distances_release(topology->hwloc, matrices[i]);
    }
    return status;
}

static davit_status copy_numa_distances(davit_topology *topology,
                                        const struct hwloc_distances_s *matrix)
{
    size_t count = matrix->nbobjs;
    topology->numa_os_indices = davit_arena_alloc_array(&topology->arena, count, sizeof(uint32_t));
    topology->numa_distances =
        davit_arena_alloc_array(&topology->arena, count * count, sizeof(uint32_t));
    if (topology->numa_os_indices == NULL || topology->numa_distances == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        topology->numa_os_indices[i] =
            matrix->objs[i] != NULL ? matrix->objs[i]->os_index : DAVIT_TOPOLOGY_NONE;
    }
    for (size_t i = 0; i < count * count; i++) {
        uint64_t value = matrix->values[i];
        topology->numa_distances[i] = value <= UINT32_MAX ? (uint32_t)value : 0;
    }
    topology->numa_count = (uint32_t)count;
    return DAVIT_OK;
}

static davit_status find_numa_distances(davit_topology *topology)
{
    struct hwloc_distances_s *matrix = NULL;
    unsigned matrix_count = 1;
    if (hwloc_distances_get_by_type(topology->hwloc, HWLOC_OBJ_NUMANODE, &matrix_count, &matrix,
                                    HWLOC_DISTANCES_KIND_MEANS_LATENCY, 0) != 0 ||
        matrix_count == 0) {
        return DAVIT_OK;
    }
    davit_status status = copy_numa_distances(topology, matrix);
    hwloc_distances_release(topology->hwloc, matrix);
    return status;
}

davit_status davit_topology_find_distances(davit_topology *topology)
{
    davit_status status = find_links(topology);
    return status == DAVIT_OK ? find_numa_distances(topology) : status;
}

uint32_t davit_topology_numa_distance(const davit_topology *topology, uint32_t from, uint32_t to)
{
    uint32_t count = topology->numa_count;
    uint32_t row = 0, column = 0;
    while (row < count && topology->numa_os_indices[row] != from) {
        row++;
    }
    while (column < count && topology->numa_os_indices[column] != to) {
        column++;
    }
    bool known =
        from != DAVIT_TOPOLOGY_NONE && to != DAVIT_TOPOLOGY_NONE && row < count && column < count;
    return known ? topology->numa_distances[(size_t)row * count + column] : 0;
}

/* The nearest object above both, or NULL when no bridge is. */
static hwloc_obj_t shared_bridge(hwloc_obj_t a, hwloc_obj_t b)
{
    for (hwloc_obj_t x = a->parent; x != NULL && x->type == HWLOC_OBJ_BRIDGE; x = x->parent) {
        for (hwloc_obj_t y = b->parent; y != NULL && y->type == HWLOC_OBJ_BRIDGE; y = y->parent) {
            if (x == y) {
                return x;
            }
        }
    }
    return NULL;
}

/* Narrows the route by the links from an object up to below a bridge, or to the host bridge. */
static void add_links(davit_pci_route *route, hwloc_obj_t object, hwloc_obj_t below)
{
    for (; object != NULL && object != below; object = davit_pci_bridge_above(object)) {
        double speed = davit_pci_link_bytes_per_s(object);
        route->pcie_known = route->pcie_known && speed > 0;
        if (speed > 0 && (route->pcie_bytes_per_s <= 0 || speed < route->pcie_bytes_per_s)) {
            route->pcie_bytes_per_s = speed;
        }
    }
}

static davit_pci_meeting meeting_outside_pci(const davit_pci_device *from,
                                             const davit_pci_device *to)
{
    return from->package != DAVIT_TOPOLOGY_NONE && from->package == to->package ? DAVIT_PCI_PACKAGE
                                                                                : DAVIT_PCI_MACHINE;
}

davit_pci_route davit_topology_route(const davit_topology *topology, size_t from, size_t to)
{
    const davit_pci_device *a = &topology->pci[from];
    const davit_pci_device *b = &topology->pci[to];
    davit_pci_route route = {.meeting = DAVIT_PCI_SAME, .pcie_known = from != to};
    route.numa_distance = davit_topology_numa_distance(topology, a->numa_node, b->numa_node);
    if (from == to) {
        return route;
    }
    if (topology->direct != NULL) {
        route.direct_bytes_per_s = topology->direct[from * topology->pci_count + to];
    }
    hwloc_obj_t bridge = shared_bridge(topology->pci_objects[from], topology->pci_objects[to]);
    if (bridge == NULL) {
        route.meeting = meeting_outside_pci(a, b);
    } else if (bridge->attr->bridge.upstream_type == HWLOC_OBJ_BRIDGE_PCI) {
        route.meeting = DAVIT_PCI_SWITCH;
        davit_pci_write_address(bridge, route.bridge);
    } else {
        route.meeting = DAVIT_PCI_HOST_BRIDGE;
    }
    add_links(&route, topology->pci_objects[from], bridge);
    add_links(&route, topology->pci_objects[to], bridge);
    return route;
}
