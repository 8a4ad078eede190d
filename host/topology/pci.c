/* GPUs, FPGAs and their kin on PCI: what they are, where they are, how they reach the host. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state.h"

#define GIGA 1e9

enum { MAX_DEVICES = 512 }; /* virtual functions can be many; routes are the square of it */

/* Bytes per second of one lane: 2.5 and 5 GT/s at 8b/10b, then 8 GT/s and on at 128b/130b, 64 GT/s
 * at 242b/256b; hwloc before 2.10 counts the last as 128b/130b. */
static const struct {
    uint32_t generation;
    double lane_bytes_per_s;
} lanes[] = {
    {1, 2.5 / 8 * 8 / 10 * GIGA},     {2, 5.0 / 8 * 8 / 10 * GIGA},
    {3, 8.0 / 8 * 128 / 130 * GIGA},  {4, 16.0 / 8 * 128 / 130 * GIGA},
    {5, 32.0 / 8 * 128 / 130 * GIGA}, {6, 64.0 / 8 * 242 / 256 * GIGA},
    {6, 64.0 / 8 * 128 / 130 * GIGA},
};

/* Finds the widest link of that speed. 2.0 x2 and 3.0 x1 are only 1.5 % apart. */
static void find_generation(davit_pci_device *device)
{
    const double tolerance = 0.005;
    double speed = device->link_bytes_per_s;
    if (speed <= 0) {
        return;
    }
    for (uint32_t width = 16; width > 0; width /= 2) {
        for (size_t i = 0; i < sizeof(lanes) / sizeof(lanes[0]); i++) {
            double exact = width * lanes[i].lane_bytes_per_s;
            if (speed > exact * (1 - tolerance) && speed < exact * (1 + tolerance)) {
                device->link_generation = lanes[i].generation;
                device->link_width = width;
                return;
            }
        }
    }
}

static const struct hwloc_pcidev_attr_s *pci_attributes(hwloc_obj_t object)
{
    return object->type == HWLOC_OBJ_BRIDGE ? &object->attr->bridge.upstream.pci
                                            : &object->attr->pcidev;
}

double davit_pci_link_bytes_per_s(hwloc_obj_t object)
{
    double speed = (double)pci_attributes(object)->linkspeed;
    return speed > 0 && speed < 1e6 ? speed * GIGA : 0;
}

void davit_pci_write_address(hwloc_obj_t object, char text[DAVIT_PCI_ADDRESS_BYTES])
{
    const struct hwloc_pcidev_attr_s *pci = pci_attributes(object);
    snprintf(text, DAVIT_PCI_ADDRESS_BYTES, "%04x:%02x:%02x.%x", (unsigned)pci->domain,
             (unsigned)pci->bus, pci->dev & 0x1fu, pci->func & 0x7u);
}

hwloc_obj_t davit_pci_bridge_above(hwloc_obj_t object)
{
    hwloc_obj_t parent = object->parent;
    return parent != NULL && parent->type == HWLOC_OBJ_BRIDGE &&
                   parent->attr->bridge.upstream_type == HWLOC_OBJ_BRIDGE_PCI
               ? parent
               : NULL;
}

static void find_path(davit_pci_device *device, hwloc_obj_t object)
{
    device->link_bytes_per_s = davit_pci_link_bytes_per_s(object);
    device->path_bytes_per_s = device->link_bytes_per_s;
    device->path_known = device->link_bytes_per_s > 0;
    for (hwloc_obj_t bridge = davit_pci_bridge_above(object); bridge != NULL;
         bridge = davit_pci_bridge_above(bridge)) {
        double speed = davit_pci_link_bytes_per_s(bridge);
        device->bridge_count++;
        device->path_known = device->path_known && speed > 0;
        if (speed > 0 && (device->path_bytes_per_s <= 0 || speed < device->path_bytes_per_s)) {
            device->path_bytes_per_s = speed;
        }
    }
    find_generation(device);
}

/* A device that is attached to all of a machine of several nodes has no known place. */
static void find_locality(const davit_topology *topology, davit_pci_device *device,
                          hwloc_obj_t object)
{
    hwloc_obj_t place = hwloc_get_non_io_ancestor_obj(topology->hwloc, object);
    hwloc_obj_t root = hwloc_get_root_obj(topology->hwloc);
    device->numa_node = DAVIT_TOPOLOGY_NONE;
    device->package = DAVIT_TOPOLOGY_NONE;
    if (place == NULL) {
        return;
    }
    if (place->nodeset != NULL && !hwloc_bitmap_iszero(place->nodeset) &&
        (place != root || hwloc_bitmap_weight(place->nodeset) == 1)) {
        device->numa_node = (uint32_t)hwloc_bitmap_first(place->nodeset);
        hwloc_bitmap_list_snprintf(device->numa_nodes, sizeof(device->numa_nodes), place->nodeset);
    }
    hwloc_obj_t package = place;
    while (package != NULL && package->type != HWLOC_OBJ_PACKAGE) {
        package = package->parent;
    }
    if (package == NULL && davit_topology_package_count(topology) == 1) {
        package = hwloc_get_obj_by_type(topology->hwloc, HWLOC_OBJ_PACKAGE, 0);
    }
    if (package != NULL) {
        device->package = package->os_index;
    }
}

/* The amounts of memory that hwloc's components for drivers tell, in KiB. */
static uint64_t told_memory_bytes(hwloc_obj_t os_device)
{
    static const char *const names[] = {"CUDAGlobalMemorySize", "OpenCLGlobalMemorySize",
                                        "RSMIVRAMSize", "LevelZeroHBMSize", "LevelZeroDDRSize"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *text = hwloc_obj_get_info_by_name(os_device, names[i]);
        uint64_t kib = text != NULL && text[0] != '-' ? strtoull(text, NULL, 10) : 0;
        if (kib > 0 && kib < UINT64_MAX / 1024) {
            return kib * 1024;
        }
    }
    return 0;
}

static void describe_os_devices(davit_pci_device *device, hwloc_obj_t object)
{
    const char *model = hwloc_obj_get_info_by_name(object, "PCIDevice");
    size_t used = 0;
    for (hwloc_obj_t child = object->io_first_child; child != NULL; child = child->next_sibling) {
        if (child->type != HWLOC_OBJ_OS_DEVICE || child->name == NULL) {
            continue;
        }
        int length = snprintf(device->os_devices + used, sizeof(device->os_devices) - used, "%s%s",
                              used > 0 ? ", " : "", child->name);
        if (length > 0 && used + (size_t)length < sizeof(device->os_devices)) {
            used += (size_t)length;
        }
        device->os_devices[used] = '\0'; /* names that do not fit are left out */
        if (model == NULL) {
            model = hwloc_obj_get_info_by_name(child, "GPUModel");
        }
        uint64_t memory_bytes = told_memory_bytes(child);
        if (memory_bytes > device->memory_bytes) {
            device->memory_bytes = memory_bytes;
        }
    }
    davit_topology_copy_text(device->os_devices, sizeof(device->os_devices), device->os_devices);
    davit_topology_copy_text(device->name, sizeof(device->name), model != NULL ? model : "");
}

static int compare_addresses(const void *a, const void *b)
{
    const struct hwloc_pcidev_attr_s *x = &(*(const hwloc_obj_t *)a)->attr->pcidev;
    const struct hwloc_pcidev_attr_s *y = &(*(const hwloc_obj_t *)b)->attr->pcidev;
    const unsigned left[] = {x->domain, x->bus, x->dev, x->func};
    const unsigned right[] = {y->domain, y->bus, y->dev, y->func};
    for (size_t i = 0; i < 4; i++) {
        if (left[i] != right[i]) {
            return left[i] < right[i] ? -1 : 1;
        }
    }
    return 0;
}

static bool classify(hwloc_obj_t object, davit_pci_device *device)
{
    const struct hwloc_pcidev_attr_s *pci = &object->attr->pcidev;
    *device = (davit_pci_device){
        .vendor_id = pci->vendor_id, .device_id = pci->device_id, .class_id = pci->class_id};
    return davit_pci_classify(device);
}

davit_status davit_topology_find_pci_devices(davit_topology *topology)
{
    davit_pci_device device;
    size_t count = 0;
    hwloc_obj_t object = NULL;
    while ((object = hwloc_get_next_pcidev(topology->hwloc, object)) != NULL) {
        count += classify(object, &device);
    }
    topology->pci = davit_arena_alloc_array(&topology->arena, count, sizeof(davit_pci_device));
    topology->pci_objects = davit_arena_alloc_array(&topology->arena, count, sizeof(hwloc_obj_t));
    if (topology->pci == NULL || topology->pci_objects == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    while ((object = hwloc_get_next_pcidev(topology->hwloc, object)) != NULL) {
        if (classify(object, &device)) {
            topology->pci_objects[topology->pci_count++] = object;
        }
    }
    qsort(topology->pci_objects, count, sizeof(hwloc_obj_t), compare_addresses);
    if (count > MAX_DEVICES) {
        davit_log(topology->diag, DAVIT_WARNING,
                  "%zu GPUs and FPGAs on PCI: all after the first %d are left out", count,
                  MAX_DEVICES);
        topology->pci_count = MAX_DEVICES;
    }
    for (size_t i = 0; i < topology->pci_count; i++) {
        object = topology->pci_objects[i];
        (void)classify(object, &topology->pci[i]);
        davit_pci_write_address(object, topology->pci[i].address);
        describe_os_devices(&topology->pci[i], object);
        find_path(&topology->pci[i], object);
        find_locality(topology, &topology->pci[i], object);
    }
    return DAVIT_OK;
}

size_t davit_topology_pci_count(const davit_topology *topology)
{
    return topology->pci_count;
}

const davit_pci_device *davit_topology_pci(const davit_topology *topology, size_t index)
{
    return &topology->pci[index];
}

size_t davit_topology_find_pci(const davit_topology *topology, const char *address)
{
    unsigned domain = 0, bus, device, function;
    int used = 0;
    if (sscanf(address, "%8x:%2x:%2x.%1x%n", &domain, &bus, &device, &function, &used) != 4) {
        domain = 0;
        if (sscanf(address, "%2x:%2x.%1x%n", &bus, &device, &function, &used) != 3) {
            return topology->pci_count;
        }
    }
    char text[DAVIT_PCI_ADDRESS_BYTES];
    snprintf(text, sizeof(text), "%04x:%02x:%02x.%x", domain, bus & 0xffu, device & 0xffu,
             function & 0xfu);
    size_t i = 0;
    while (address[used] == '\0' && i < topology->pci_count &&
           strcmp(topology->pci[i].address, text) != 0) {
        i++;
    }
    return address[used] == '\0' ? i : topology->pci_count;
}
