/* Devices on PCI of a recorded machine (tests/topology/server.xml, desktop.xml), joined with
 * made-up devices of backends. */
#include "unit_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "davit/inventory.h"

static davit_topology *load(const char *path)
{
    davit_topology *topology;
    assert_int_equal(davit_topology_load(davit_allocator_default(), path, NULL, &topology),
                     DAVIT_OK);
    return topology;
}

static davit_device_info device(davit_device_kind kind, const char *name, const char *address,
                                const char *unusable)
{
    davit_device_info info = {.profile = {.kind = kind}};
    snprintf(info.name, sizeof(info.name), "%s", name);
    snprintf(info.pci_address, sizeof(info.pci_address), "%s", address);
    snprintf(info.unusable, sizeof(info.unusable), "%s", unusable);
    return info;
}

static davit_inventory_entry *join(const davit_topology *topology, const davit_device_info *devices,
                                   const char *const *backends, size_t count)
{
    davit_inventory_entry *entries;
    assert_int_equal(davit_inventory_join(davit_allocator_default(), topology, devices, backends,
                                          count, &entries),
                     DAVIT_OK);
    return entries;
}

static const davit_inventory_entry *at(const davit_topology *topology,
                                       const davit_inventory_entry *entries, const char *address)
{
    size_t index = davit_topology_find_pci(topology, address);
    assert_true(index < davit_topology_pci_count(topology));
    return &entries[index];
}

/* Addresses are matched in every form that drivers give. */
static void test_claimed(void **state)
{
    (void)state;
    davit_topology *topology = load(TEST_TOPOLOGIES "/server.xml");
    const davit_device_info devices[] = {
        device(DAVIT_DEVICE_CPU, "cpu", "", ""),
        device(DAVIT_DEVICE_GPU, "cuda:0", "00000000:13:00.0", ""),
        device(DAVIT_DEVICE_GPU, "opencl:0", "13:00.0", ""),
        device(DAVIT_DEVICE_GPU, "opencl:1", "0001:01:00.0", "out of date"),
        device(DAVIT_DEVICE_FPGA, "fpga:0", "0000:14:00.1", ""),
        device(DAVIT_DEVICE_GPU, "opencl:2", "0000:77:00.0", ""),
        device(DAVIT_DEVICE_GPU, "opencl:3", "nonsense", ""),
    };
    const char *backends[] = {"onednn", "cuda", "opencl", "opencl", "xrt", "opencl", "opencl"};
    davit_inventory_entry *entries = join(topology, devices, backends, 7);
    const davit_inventory_entry *gpu = at(topology, entries, "0000:13:00.0");
    assert_string_equal(gpu->devices, "cuda:0, opencl:0");
    assert_string_equal(gpu->unusable, "");
    assert_string_equal(at(topology, entries, "0000:14:00.1")->devices, "fpga:0");
    assert_string_equal(at(topology, entries, "0000:14:00.0")->devices, "");
    assert_string_equal(at(topology, entries, "0001:01:00.0")->devices, "");
    for (size_t i = 0; i < davit_topology_pci_count(topology); i++) {
        assert_true((entries[i].devices[0] == '\0') != (entries[i].unusable[0] == '\0'));
    }
    davit_free(davit_allocator_default(), entries);
    davit_topology_destroy(topology);
}

/* On a recorded machine no driver is a reason, but what the device is stays one. */
static void test_recorded(void **state)
{
    (void)state;
    davit_topology *topology = load(TEST_TOPOLOGIES "/server.xml");
    davit_inventory_entry *entries = join(topology, NULL, NULL, 0);
    assert_non_null(strstr(at(topology, entries, "0000:13:00.0")->unusable, "recorded"));
    assert_non_null(strstr(at(topology, entries, "0000:17:00.0")->unusable, "management"));
    davit_free(davit_allocator_default(), entries);
    davit_topology_destroy(topology);
}

/* The machine of a context, which hwloc is made to read from a file as if it were this one. */
static void test_reasons(void **state)
{
    (void)state;
    assert_int_equal(setenv("HWLOC_XMLFILE", TEST_TOPOLOGIES "/server.xml", 1), 0);
    assert_int_equal(setenv("HWLOC_THISSYSTEM", "1", 1), 0);
    davit_topology *topology = load(NULL);
    assert_false(davit_topology_is_recorded(topology));
    const davit_device_info devices[] = {
        device(DAVIT_DEVICE_GPU, "cuda", "", "libcuda.so.1 is not there"),
        device(DAVIT_DEVICE_GPU, "opencl:0", "0001:01:00.0", "out of date"),
    };
    const char *backends[] = {"cuda", "opencl"};
    davit_inventory_entry *entries = join(topology, devices, backends, 2);
    assert_string_equal(at(topology, entries, "0000:13:00.0")->unusable,
                        "cuda: libcuda.so.1 is not there");
    assert_string_equal(at(topology, entries, "0001:01:00.0")->unusable, "opencl: out of date");
    /* CUDA's absence does not matter to a GPU of AMD, and OpenCL works but did not report it. */
    assert_string_equal(at(topology, entries, "0000:15:00.0")->unusable, "no driver reports it");
    assert_string_equal(at(topology, entries, "0000:14:00.0")->unusable,
                        "this build has no backend for it");
    assert_non_null(strstr(at(topology, entries, "0000:17:00.0")->unusable, "management"));
    davit_free(davit_allocator_default(), entries);
    davit_topology_destroy(topology);
    unsetenv("HWLOC_XMLFILE");
    unsetenv("HWLOC_THISSYSTEM");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_claimed),
        cmocka_unit_test(test_recorded),
        cmocka_unit_test(test_reasons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
