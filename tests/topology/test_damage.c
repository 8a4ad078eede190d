/* Recorded topologies cut off anywhere or with some bytes changed: loaded or refused in one line,
 * never a crash, and nothing from hwloc on stderr. */
#define _GNU_SOURCE /* mkostemp */
#include "unit_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "davit/read_file.h"
#include "davit/topology.h"

enum { DRAWS = 60, MAX_CHANGES = 4 };

static void damage(uint64_t *seed, char *text, size_t *bytes)
{
    static const char likely[] = "0123456789abcdefx\"<>/ -,.";
    if (test_random_below(seed, 3) == 0) {
        *bytes = test_random_below(seed, *bytes);
        return;
    }
    for (uint64_t left = 1 + test_random_below(seed, MAX_CHANGES); left > 0; left--) {
        char *at = &text[test_random_below(seed, *bytes)];
        *at = test_random_below(seed, 2) == 0 ? (char)(*at ^ (1 << test_random_below(seed, 8)))
                                              : likely[test_random_below(seed, sizeof(likely) - 1)];
    }
}

/* Reads everything that there is to read. */
static size_t visit(const davit_topology *topology)
{
    size_t sum = davit_topology_host(topology)->core_count;
    for (size_t i = 0; i < davit_topology_node_count(topology); i++) {
        sum += strlen(davit_topology_node(topology, i)->cpus);
    }
    for (size_t i = 0; i < davit_topology_pci_count(topology); i++) {
        const davit_pci_device *device = davit_topology_pci(topology, i);
        sum += strlen(device->name) + strlen(device->os_devices) + strlen(device->refused);
        assert_true(davit_topology_find_pci(topology, device->address) <= i);
        for (size_t j = 0; j < davit_topology_pci_count(topology); j++) {
            davit_pci_route route = davit_topology_route(topology, i, j);
            assert_true(route.pcie_bytes_per_s >= 0 && route.direct_bytes_per_s >= 0);
            sum += route.numa_distance;
        }
    }
    return sum;
}

static bool load(const char *path, size_t *sum)
{
    davit_topology *topology = NULL;
    davit_diagnostics_buffer buffer;
    davit_diagnostics_buffer_init(&buffer);
    davit_status status =
        davit_topology_load_untrusted(davit_allocator_default(), path, &buffer.sink, &topology);
    assert_true((status == DAVIT_OK) == (topology != NULL));
    assert_int_equal(buffer.error_count, status == DAVIT_OK ? 0 : 1);
    if (topology != NULL) {
        *sum += visit(topology);
    }
    davit_topology_destroy(topology);
    return status == DAVIT_OK;
}

static void write_file(const char *path, const char *text, size_t bytes)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, bytes, file), bytes);
    assert_int_equal(fclose(file), 0);
}

static void damage_file(const char *name, const char *path, size_t *loaded, size_t *refused)
{
    char source[1024];
    char *text = NULL;
    size_t bytes, sum = 0;
    uint64_t seed = 1;
    snprintf(source, sizeof(source), "%s/%s", TEST_SOURCE_DIR, name);
    assert_int_equal(
        davit_read_file(davit_allocator_default(), source, 1 << 20, NULL, &text, &bytes), DAVIT_OK);
    char *copy = malloc(bytes);
    assert_non_null(copy);
    for (int i = 0; i < DRAWS; i++) {
        size_t left = bytes;
        memcpy(copy, text, bytes);
        damage(&seed, copy, &left);
        write_file(path, copy, left);
        if (load(path, &sum)) {
            ++*loaded;
        } else {
            ++*refused;
        }
    }
    free(copy);
    davit_free(davit_allocator_default(), text);
}

static void test_damaged_files(void **state)
{
    (void)state;
    static const char *const names[] = {"nvidiaDGX2.xml", "power8gpudistances.xml",
                                        "32em64t-2n8c2t-pci-wholeio.xml", "fpga-gpu-mixed.xml",
                                        "server.xml"};
    char path[] = "/tmp/davit-topology-XXXXXX";
    char noise[] = "/tmp/davit-noise-XXXXXX";
    int path_fd = mkostemp(path, 0);
    int noise_fd = mkostemp(noise, 0);
    int stderr_fd = dup(STDERR_FILENO);
    assert_true(path_fd >= 0 && noise_fd >= 0 && stderr_fd >= 0);
    assert_true(dup2(noise_fd, STDERR_FILENO) >= 0);
    size_t loaded = 0, refused = 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        damage_file(names[i], path, &loaded, &refused);
    }
    off_t noise_bytes = lseek(noise_fd, 0, SEEK_END);
    assert_true(dup2(stderr_fd, STDERR_FILENO) >= 0);
    close(stderr_fd);
    close(noise_fd);
    close(path_fd);
    unlink(path);
    unlink(noise);
    print_message("%zu loaded, %zu refused\n", loaded, refused);
    assert_int_equal(noise_bytes, 0);
    assert_true(loaded > 0 && refused > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_damaged_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
