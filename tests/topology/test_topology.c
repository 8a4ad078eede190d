/* The recorded machines are small hwloc XML files beside this test: two_nodes.xml was made with
 * hwloc_topology_set_synthetic("pack:2 [numa(memory=1073741824)] l3:1 core:4 pu:2"); what is
 * expected follows from that line. */
#define _GNU_SOURCE /* sched_getaffinity, mkdtemp */
#include "unit_test.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/topology/state.h"

static davit_topology *load(const char *path)
{
    davit_topology *topology;
    davit_diagnostics_buffer buffer;
    davit_diagnostics_buffer_init(&buffer);
    assert_int_equal(davit_topology_load(davit_allocator_default(), path, &buffer.sink, &topology),
                     DAVIT_OK);
    return topology;
}

static void test_recorded_machine(void **state)
{
    (void)state;
    davit_topology *topology = load(TEST_SOURCE_DIR "/two_nodes.xml");
    const davit_host_info *host = davit_topology_host(topology);
    assert_int_equal(host->core_count, 8);
    assert_int_equal(host->node_count, 2);
    assert_string_equal(host->isa, "");
    assert_int_equal(davit_topology_node_count(topology), 2);
    const davit_numa_node *node = davit_topology_node(topology, 1);
    assert_int_equal(node->os_index, 1);
    assert_int_equal(node->core_count, 4);
    assert_int_equal(node->thread_count, 8);
    assert_string_equal(node->cpus, "8-15");
    assert_int_equal(node->memory_bytes, (uint64_t)1 << 30);
    assert_int_equal(host->memory_bytes, (uint64_t)2 << 30);
    assert_int_equal(davit_topology_cache_count(topology), 1);
    const davit_cache *cache = davit_topology_cache(topology, 0);
    assert_int_equal(cache->level, 3);
    assert_int_equal(cache->count, 2);
    assert_int_equal(cache->kind, 'u');
    assert_int_equal(davit_topology_bind_thread(topology, 0), DAVIT_OK);
    davit_topology_destroy(topology);
}

static void test_binding_on_a_recorded_machine_is_refused(void **state)
{
    (void)state;
    davit_diagnostics_buffer buffer;
    davit_diagnostics_buffer_init(&buffer);
    davit_topology *topology;
    assert_int_equal(davit_topology_load(davit_allocator_default(),
                                         TEST_SOURCE_DIR "/two_nodes.xml", &buffer.sink, &topology),
                     DAVIT_OK);
    assert_int_equal(davit_topology_bind_thread(topology, 1), DAVIT_UNAVAILABLE);
    assert_int_equal(davit_topology_bind_thread(topology, 3), DAVIT_NOT_FOUND);
    assert_int_equal(buffer.error_count, 2);
    davit_topology_destroy(topology);
}

/* Against what the system says by another way. */
static void test_this_machine(void **state)
{
    (void)state;
    davit_topology *topology = load(NULL);
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    assert_int_equal(sched_getaffinity(0, sizeof(allowed), &allowed), 0);
    const davit_host_info *host = davit_topology_host(topology);
    assert_in_range(host->core_count, 1, (uintmax_t)CPU_COUNT(&allowed));
    assert_true(host->memory_bytes >=
                (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE));
    uint32_t threads = 0;
    for (size_t i = 0; i < davit_topology_node_count(topology); i++) {
        threads += davit_topology_node(topology, i)->thread_count;
    }
    assert_int_equal(threads, CPU_COUNT(&allowed));
    if (davit_topology_bind_thread(topology, 1) == DAVIT_OK) {
        cpu_set_t bound;
        CPU_ZERO(&bound);
        assert_int_equal(sched_getaffinity(0, sizeof(bound), &bound), 0);
        assert_true(CPU_COUNT(&bound) >= (int)davit_topology_node(topology, 0)->thread_count);
    }
    davit_topology_destroy(topology);
}

/* A folder like /sys/bus/pci/devices with one device of each modalias. */
static enum hwloc_type_filter_e filter_of(const char *const *aliases, size_t count)
{
    char folder[] = "/tmp/davit-pci-XXXXXX";
    char path[128];
    assert_non_null(mkdtemp(folder));
    for (size_t i = 0; i < count; i++) {
        snprintf(path, sizeof(path), "%s/%zu", folder, i);
        assert_int_equal(mkdir(path, 0700), 0);
        snprintf(path, sizeof(path), "%s/%zu/modalias", folder, i);
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fprintf(file, "%s\n", aliases[i]);
        assert_int_equal(fclose(file), 0);
    }
    enum hwloc_type_filter_e filter = davit_topology_pci_filter(folder);
    for (size_t i = 0; i < count; i++) {
        snprintf(path, sizeof(path), "%s/%zu/modalias", folder, i);
        unlink(path);
        snprintf(path, sizeof(path), "%s/%zu", folder, i);
        rmdir(path);
    }
    rmdir(folder);
    return filter;
}

static void test_what_hwloc_is_asked_for(void **state)
{
    (void)state;
    static const char *const network = "pci:v00008086d000015F3sv00008086sd00000000bc02sc00i00";
    static const char *const gpu = "pci:v000010DEd000020B5sv000010DEsd00001533bc03sc02i00";
    static const char *const fpga = "pci:v00001D0Fd0000F010sv00001D0Fsd0000000Ebc11sc80i00";
    const char *plain[] = {network, network};
    const char *with_gpu[] = {network, gpu, network};
    const char *with_fpga[] = {gpu, fpga, gpu};
    const char *odd[] = {network, "pci:nonsense"};
    assert_int_equal(filter_of(plain, 0), HWLOC_TYPE_FILTER_KEEP_NONE);
    assert_int_equal(filter_of(plain, 2), HWLOC_TYPE_FILTER_KEEP_NONE);
    assert_int_equal(filter_of(with_gpu, 3), HWLOC_TYPE_FILTER_KEEP_IMPORTANT);
    assert_int_equal(filter_of(with_fpga, 3), HWLOC_TYPE_FILTER_KEEP_ALL);
    assert_int_equal(filter_of(odd, 2), HWLOC_TYPE_FILTER_KEEP_ALL);
    assert_int_equal(davit_topology_pci_filter("/nonexistent"), HWLOC_TYPE_FILTER_KEEP_ALL);
}

static void test_bad_files(void **state)
{
    (void)state;
    static const char *const paths[] = {TEST_SOURCE_DIR "/CMakeLists.txt", "/nonexistent.xml"};
    for (size_t i = 0; i < 2; i++) {
        davit_diagnostics_buffer buffer;
        davit_diagnostics_buffer_init(&buffer);
        davit_topology *topology = (davit_topology *)&buffer;
        assert_int_not_equal(
            davit_topology_load(davit_allocator_default(), paths[i], &buffer.sink, &topology),
            DAVIT_OK);
        assert_null(topology);
        assert_int_equal(buffer.error_count, 1);
        assert_non_null(strstr(buffer.text, paths[i]));
    }
}

/* The node of each device as hwloc itself finds it in the recorded file. */
static void check_nodes_near(const char *path, size_t least_nodes)
{
    davit_topology *topology = load(path);
    size_t nodes = davit_topology_node_count(topology);
    assert_true(nodes >= least_nodes);
    assert_true(davit_topology_pci_count(topology) > 0);
    for (size_t i = 0; i < davit_topology_pci_count(topology); i++) {
        const davit_pci_device *device = davit_topology_pci(topology, i);
        hwloc_obj_t place = hwloc_get_non_io_ancestor_obj(
            topology->hwloc, hwloc_get_pcidev_by_busidstring(topology->hwloc, device->address));
        size_t near = davit_topology_node_near(topology, device->address);
        assert_true(near < nodes);
        assert_true(
            hwloc_bitmap_isset(place->nodeset, davit_topology_node(topology, near)->os_index));
    }
    assert_int_equal(davit_topology_node_near(topology, ""), nodes);
    assert_int_equal(davit_topology_node_near(topology, "ffff:ff:1f.7"), nodes);
    davit_topology_destroy(topology);
}

static void test_nodes_near_devices(void **state)
{
    (void)state;
    check_nodes_near(TEST_SOURCE_DIR "/fpga-gpu-mixed.xml", 2);
    check_nodes_near(TEST_SOURCE_DIR "/nvidiaDGX2.xml", 2);
    check_nodes_near(TEST_SOURCE_DIR "/power8gpudistances.xml", 2);
    check_nodes_near(TEST_SOURCE_DIR "/desktop.xml", 1);
}

/* A device on a node whose processors are not ours: the nearest of the others. */
static void test_a_node_that_may_not_be_used(void **state)
{
    (void)state;
    davit_topology *topology = load(TEST_SOURCE_DIR "/fpga-gpu-mixed.xml");
    davit_pci_device *device = &topology->pci[0];
    assert_int_equal(topology->node_count, 2);
    for (size_t i = 0; i < 2; i++) { /* only node i is left */
        davit_numa_node *all = topology->nodes;
        topology->nodes = &all[i];
        topology->node_count = 1;
        for (size_t k = 0; k < 2; k++) {
            device->numa_node = all[k].os_index;
            assert_int_equal(davit_topology_node_near(topology, device->address), 0);
        }
        topology->nodes = all;
        topology->node_count = 2;
    }
    /* Of two, that with the least distance, whatever their order. */
    uint32_t from = 77;
    uint32_t distances[] = {10, 40, 20, 40, 10, 30, 20, 30, 10};
    uint32_t indices[] = {topology->nodes[0].os_index, topology->nodes[1].os_index, from};
    topology->numa_count = 3;
    topology->numa_os_indices = indices;
    topology->numa_distances = distances;
    device->numa_node = from;
    assert_int_equal(davit_topology_node_near(topology, device->address), 0);
    distances[2] = distances[6] = 50;
    assert_int_equal(davit_topology_node_near(topology, device->address), 1);
    davit_topology_destroy(topology);
}

static void test_memory_near_devices(void **state)
{
    (void)state;
    const size_t bytes = 123457;
    const char *const files[] = {NULL, TEST_SOURCE_DIR "/fpga-gpu-mixed.xml"};
    for (size_t i = 0; i < 2; i++) {
        davit_topology *topology = load(files[i]);
        const char *address =
            files[i] != NULL ? davit_topology_pci(topology, 0)->address : "0000:3b:00.0";
        char *memory = davit_topology_alloc_near(topology, address, bytes);
        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % DAVIT_ALIGNMENT, 0);
        memset(memory, 1, bytes);
        davit_topology_free_near(topology, memory, bytes);
        davit_topology_free_near(topology, NULL, bytes);
        assert_int_equal(davit_topology_bind_thread_near(topology, ""), DAVIT_OK);
        davit_topology_destroy(topology);
    }
}

/* With its memory policy, where the system lets programs choose. */
static void test_memory_on_the_node_of_a_device(void **state)
{
    (void)state;
    davit_topology *topology = load(NULL);
    davit_pci_device device = {.address = "0000:3b:00.0",
                               .numa_node = davit_topology_node(topology, 0)->os_index};
    davit_pci_device *found = topology->pci;
    size_t count = topology->pci_count;
    topology->pci = &device;
    topology->pci_count = 1;
    const size_t bytes = 1 << 20;
    char *memory = davit_topology_alloc_near(topology, device.address, bytes);
    assert_non_null(memory);
    memset(memory, 1, bytes);
    hwloc_bitmap_t where = hwloc_bitmap_alloc();
    if (hwloc_get_area_memlocation(topology->hwloc, memory, bytes, where,
                                   HWLOC_MEMBIND_BYNODESET) == 0) {
        assert_true(hwloc_bitmap_isset(where, device.numa_node));
        assert_int_equal(hwloc_bitmap_weight(where), 1);
    }
    hwloc_bitmap_free(where);
    davit_topology_free_near(topology, memory, bytes);
    topology->pci = found;
    topology->pci_count = count;
    davit_topology_destroy(topology);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recorded_machine),
        cmocka_unit_test(test_binding_on_a_recorded_machine_is_refused),
        cmocka_unit_test(test_what_hwloc_is_asked_for),
        cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_nodes_near_devices),
        cmocka_unit_test(test_a_node_that_may_not_be_used),
        cmocka_unit_test(test_memory_near_devices),
        cmocka_unit_test(test_memory_on_the_node_of_a_device),
        cmocka_unit_test(test_this_machine), /* last: it binds this thread */
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
