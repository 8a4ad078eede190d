#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "isa.h"
#include "state.h"

void davit_topology_copy_text(char *target, size_t bytes, const char *source)
{
    size_t i = 0;
    for (; i + 1 < bytes && source[i] != '\0'; i++) {
        target[i] = source[i] >= ' ' && source[i] <= '~' ? source[i] : '?';
    }
    target[i] = '\0';
}

/* Chooses what hwloc looks for: no plugins that would load OpenCL and X11 libraries. Of what is on
 * PCI hwloc's choice of important devices leaves out the classes of many FPGAs. */
static void configure(hwloc_topology_t hwloc, enum hwloc_type_filter_e pci)
{
    static const char *const unwanted[] = {"opencl", "gl", "cuda", "nvml", "rsmi", "levelzero"};
    enum hwloc_type_filter_e os_devices =
        pci == HWLOC_TYPE_FILTER_KEEP_NONE ? pci : HWLOC_TYPE_FILTER_KEEP_IMPORTANT;
    for (size_t i = 0; i < sizeof(unwanted) / sizeof(unwanted[0]); i++) {
        hwloc_topology_set_components(hwloc, HWLOC_TOPOLOGY_COMPONENTS_FLAG_BLACKLIST, unwanted[i]);
    }
    hwloc_topology_set_type_filter(hwloc, HWLOC_OBJ_PCI_DEVICE, pci);
    hwloc_topology_set_type_filter(hwloc, HWLOC_OBJ_BRIDGE, pci);
    hwloc_topology_set_type_filter(hwloc, HWLOC_OBJ_OS_DEVICE, os_devices);
}

static davit_status load_this_host(davit_topology *topology)
{
    return hwloc_topology_load(topology->hwloc) == 0
               ? DAVIT_OK
               : davit_fail(topology->diag, DAVIT_UNAVAILABLE,
                            "this host: hwloc cannot load the topology: %s", strerror(errno));
}

static davit_status load_recorded(davit_topology *topology, const char *path, const char *text,
                                  size_t bytes)
{
    if (hwloc_topology_set_xmlbuffer(topology->hwloc, text, (int)bytes + 1) != 0 ||
        hwloc_topology_load(topology->hwloc) != 0) {
        return davit_topology_refuse(path, text, topology->diag);
    }
    davit_topology_warn_of_wide_domains(path, text, topology->diag);
    return DAVIT_OK;
}

static davit_status load_hwloc(davit_topology *topology, const char *path, const char *text,
                               size_t bytes)
{
    if (hwloc_topology_init(&topology->hwloc) != 0) {
        topology->hwloc = NULL;
        return DAVIT_OUT_OF_MEMORY;
    }
    configure(topology->hwloc, path != NULL ? HWLOC_TYPE_FILTER_KEEP_ALL
                                            : davit_topology_pci_filter("/sys/bus/pci/devices"));
    return path != NULL ? load_recorded(topology, path, text, bytes) : load_this_host(topology);
}

/* The hardware threads of the topology less those that the process is kept off. */
static davit_status find_usable(davit_topology *topology)
{
    topology->usable = hwloc_bitmap_dup(hwloc_topology_get_allowed_cpuset(topology->hwloc));
    if (topology->usable == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    if (!hwloc_topology_is_thissystem(topology->hwloc)) {
        return DAVIT_OK;
    }
    hwloc_bitmap_t bound = hwloc_bitmap_alloc();
    if (bound == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    if (hwloc_get_cpubind(topology->hwloc, bound, HWLOC_CPUBIND_THREAD) == 0 &&
        hwloc_bitmap_intersects(bound, topology->usable)) {
        hwloc_bitmap_and(topology->usable, topology->usable, bound);
    }
    hwloc_bitmap_free(bound);
    return DAVIT_OK;
}

/* Counts the objects of a type with at least one hardware thread in set. */
static uint32_t count_inside(const davit_topology *topology, hwloc_obj_type_t type,
                             hwloc_const_bitmap_t set)
{
    uint32_t count = 0;
    hwloc_obj_t object = NULL;
    while ((object = hwloc_get_next_obj_by_type(topology->hwloc, type, object)) != NULL) {
        count += object->cpuset != NULL && hwloc_bitmap_intersects(object->cpuset, set);
    }
    return count;
}

static void describe_host(davit_topology *topology)
{
    davit_host_info *host = &topology->host;
    hwloc_obj_t root = hwloc_get_root_obj(topology->hwloc);
    hwloc_obj_t package = hwloc_get_obj_by_type(topology->hwloc, HWLOC_OBJ_PACKAGE, 0);
    const char *model = package != NULL ? hwloc_obj_get_info_by_name(package, "CPUModel") : NULL;
    if (model == NULL) {
        model = hwloc_obj_get_info_by_name(root, "CPUModel");
    }
    davit_topology_copy_text(host->processor, sizeof(host->processor),
                             model != NULL ? model : "CPU");
    if (hwloc_topology_is_thissystem(topology->hwloc)) {
        snprintf(host->isa, sizeof(host->isa), "%s", davit_isa_name());
    }
    host->core_count = count_inside(topology, HWLOC_OBJ_CORE, topology->usable);
    if (host->core_count == 0) { /* not every system tells cores */
        host->core_count = (uint32_t)hwloc_bitmap_weight(topology->usable);
    }
    host->memory_bytes = root->total_memory;
    long pages = sysconf(_SC_PHYS_PAGES);
    long page_bytes = sysconf(_SC_PAGESIZE);
    if (hwloc_topology_is_thissystem(topology->hwloc) && pages > 0 && page_bytes > 0) {
        /* Memory plugged in later is missing from the nodes of some virtual machines. */
        uint64_t bytes = (uint64_t)pages * (uint64_t)page_bytes;
        host->memory_bytes = bytes > host->memory_bytes ? bytes : host->memory_bytes;
    }
    host->node_count = (uint32_t)topology->node_count;
}

static davit_status describe_node(davit_topology *topology, hwloc_obj_t object,
                                  davit_numa_node *node)
{
    hwloc_bitmap_t inside = hwloc_bitmap_dup(object->cpuset);
    if (inside == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    hwloc_bitmap_and(inside, inside, topology->usable);
    node->os_index = object->os_index;
    node->memory_bytes = object->attr->numanode.local_memory;
    node->core_count = count_inside(topology, HWLOC_OBJ_CORE, inside);
    node->thread_count = (uint32_t)hwloc_bitmap_weight(inside);
    hwloc_bitmap_list_snprintf(node->cpus, sizeof(node->cpus), inside);
    hwloc_bitmap_free(inside);
    return DAVIT_OK;
}

/* Nodes without usable processors (memory only) are no place for threads and left out. */
static davit_status find_nodes(davit_topology *topology)
{
    int total = hwloc_get_nbobjs_by_type(topology->hwloc, HWLOC_OBJ_NUMANODE);
    size_t capacity = total > 0 ? (size_t)total : 0;
    topology->nodes = davit_arena_alloc_array(&topology->arena, capacity, sizeof(davit_numa_node));
    topology->node_objects =
        davit_arena_alloc_array(&topology->arena, capacity, sizeof(hwloc_obj_t));
    if (topology->nodes == NULL || topology->node_objects == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    hwloc_obj_t object = NULL;
    while ((object = hwloc_get_next_obj_by_type(topology->hwloc, HWLOC_OBJ_NUMANODE, object)) !=
           NULL) {
        if (!hwloc_bitmap_intersects(object->cpuset, topology->usable)) {
            continue;
        }
        davit_status status =
            describe_node(topology, object, &topology->nodes[topology->node_count]);
        if (status != DAVIT_OK) {
            return status;
        }
        topology->node_objects[topology->node_count++] = object;
    }
    return DAVIT_OK;
}

static char cache_kind(hwloc_obj_cache_type_t type)
{
    switch (type) {
    case HWLOC_OBJ_CACHE_DATA:
        return 'd';
    case HWLOC_OBJ_CACHE_INSTRUCTION:
        return 'i';
    default:
        return 'u';
    }
}

/* One entry per cache type; the first object's size stands for all. */
static davit_status find_caches(davit_topology *topology)
{
    static const hwloc_obj_type_t types[] = {HWLOC_OBJ_L1ICACHE, HWLOC_OBJ_L1CACHE,
                                             HWLOC_OBJ_L2CACHE, HWLOC_OBJ_L3CACHE,
                                             HWLOC_OBJ_L4CACHE};
    size_t type_count = sizeof(types) / sizeof(types[0]);
    topology->caches = davit_arena_alloc_array(&topology->arena, type_count, sizeof(davit_cache));
    if (topology->caches == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < type_count; i++) {
        hwloc_obj_t first = hwloc_get_obj_by_type(topology->hwloc, types[i], 0);
        uint32_t count = count_inside(topology, types[i], topology->usable);
        if (first == NULL || count == 0) {
            continue;
        }
        topology->caches[topology->cache_count++] = (davit_cache){
            .level = (int)first->attr->cache.depth,
            .bytes = first->attr->cache.size,
            .count = count,
            .kind = cache_kind(first->attr->cache.type),
        };
    }
    return DAVIT_OK;
}

/* What is looked up once hwloc has loaded. */
static davit_status find_all(davit_topology *topology)
{
    davit_status status = find_usable(topology);
    if (status == DAVIT_OK) {
        status = find_nodes(topology);
    }
    if (status == DAVIT_OK) {
        status = find_caches(topology);
    }
    if (status == DAVIT_OK) {
        status = davit_topology_find_pci_devices(topology);
    }
    if (status == DAVIT_OK) {
        status = davit_topology_find_distances(topology);
    }
    if (status == DAVIT_OK) {
        describe_host(topology);
    }
    return status;
}

davit_status davit_topology_make(const davit_allocator *allocator, const char *path,
                                 const char *text, size_t bytes, const davit_diagnostics *diag,
                                 davit_topology **out)
{
    davit_status status = DAVIT_OUT_OF_MEMORY;
    *out = NULL;
    davit_topology *topology = davit_alloc(allocator, sizeof(*topology));
    if (topology != NULL) {
        topology->allocator = allocator;
        topology->diag = diag;
        davit_arena_init(&topology->arena, allocator);
        status = load_hwloc(topology, path, text, bytes);
        if (status == DAVIT_OK) {
            status = find_all(topology);
        }
    }
    if (status != DAVIT_OK) {
        davit_topology_destroy(topology);
        return status == DAVIT_OUT_OF_MEMORY
                   ? davit_fail(diag, status, "out of memory while reading the topology")
                   : status;
    }
    *out = topology;
    return DAVIT_OK;
}

davit_status davit_topology_load(const davit_allocator *allocator, const char *path,
                                 const davit_diagnostics *diag, davit_topology **out)
{
    char *text = NULL;
    size_t bytes = 0;
    davit_status status = DAVIT_OK;
    *out = NULL;
    if (path != NULL) {
        status = davit_topology_read(allocator, path, diag, &text, &bytes);
    }
    if (status == DAVIT_OK) {
        status = davit_topology_make(allocator, path, text, bytes, diag, out);
    }
    davit_free(allocator, text);
    return status;
}

void davit_topology_destroy(davit_topology *topology)
{
    if (topology == NULL) {
        return;
    }
    hwloc_bitmap_free(topology->usable);
    if (topology->hwloc != NULL) {
        hwloc_topology_destroy(topology->hwloc);
    }
    davit_arena_clear(&topology->arena);
    davit_free(topology->allocator, topology);
}

bool davit_topology_is_recorded(const davit_topology *topology)
{
    return !hwloc_topology_is_thissystem(topology->hwloc);
}

const davit_host_info *davit_topology_host(const davit_topology *topology)
{
    return &topology->host;
}

size_t davit_topology_node_count(const davit_topology *topology)
{
    return topology->node_count;
}

const davit_numa_node *davit_topology_node(const davit_topology *topology, size_t index)
{
    return &topology->nodes[index];
}

size_t davit_topology_cache_count(const davit_topology *topology)
{
    return topology->cache_count;
}

const davit_cache *davit_topology_cache(const davit_topology *topology, size_t index)
{
    return &topology->caches[index];
}

uint32_t davit_topology_package_count(const davit_topology *topology)
{
    int count = hwloc_get_nbobjs_by_type(topology->hwloc, HWLOC_OBJ_PACKAGE);
    return count > 0 ? (uint32_t)count : 0;
}

davit_status davit_topology_bind_thread(void *user, uint32_t ordinal)
{
    davit_topology *topology = user;
    if (ordinal == 0) {
        return DAVIT_OK;
    }
    uint32_t node = ordinal - 1;
    if (node >= topology->node_count) {
        return davit_fail(topology->diag, DAVIT_NOT_FOUND,
                          "NUMA node %u does not exist: this host has %zu", (unsigned)node,
                          topology->node_count);
    }
    if (!hwloc_topology_is_thissystem(topology->hwloc)) {
        return davit_fail(topology->diag, DAVIT_UNAVAILABLE,
                          "threads cannot be bound to NUMA node %u of a recorded topology",
                          (unsigned)node);
    }
    hwloc_obj_t object = topology->node_objects[node];
    if (hwloc_set_cpubind(topology->hwloc, object->cpuset, HWLOC_CPUBIND_THREAD) != 0) {
        return davit_fail(topology->diag, DAVIT_UNAVAILABLE,
                          "cannot bind a thread to NUMA node %u: %s", (unsigned)node,
                          strerror(errno));
    }
    /* Containers often forbid memory policies; first touch from bound threads then does it. */
    if (hwloc_set_membind(topology->hwloc, object->nodeset, HWLOC_MEMBIND_BIND,
                          HWLOC_MEMBIND_THREAD | HWLOC_MEMBIND_BYNODESET) != 0) {
        davit_log(topology->diag, DAVIT_INFO,
                  "NUMA node %u: memory is not bound (%s), only threads are", (unsigned)node,
                  strerror(errno));
    }
    return DAVIT_OK;
}
