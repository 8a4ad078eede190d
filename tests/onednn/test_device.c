/* Devices of the backend: which there are, what they say of themselves, the threads they run on,
 * and the pure functions. */
#include "unit_test.h"

#include <stdatomic.h>
#include <string.h>

#include "backends/onednn/parallel.h"
#include "davit/onednn.h"
#include "tests/conformance/case.h"

#define MAX_DEVICES 8

static const davit_host_info one_node = {
    .processor = "Test processor", .core_count = 4, .node_count = 1, .memory_bytes = 1ull << 34};
static const davit_host_info two_nodes = {
    .processor = "Test processor", .core_count = 8, .node_count = 2, .memory_bytes = 1ull << 35};

static size_t enumerate(davit_registry *registry, const davit_host_info *host,
                        davit_device_info *infos)
{
    size_t count = 0;
    davit_registry_init(registry, host);
    assert_int_equal(davit_registry_add(registry, &davit_onednn_backend, NULL), DAVIT_OK);
    assert_int_equal(
        davit_onednn_backend.enumerate(&registry->backends[0], NULL, infos, MAX_DEVICES, &count),
        DAVIT_OK);
    return count;
}

static void test_one_node_is_one_device(void **state)
{
    (void)state;
    davit_registry registry;
    davit_device_info infos[MAX_DEVICES];
    assert_int_equal(enumerate(&registry, &one_node, infos), 1);
    assert_string_equal(infos[0].name, "cpu");
    assert_string_equal(infos[0].unusable, "");
    assert_non_null(strstr(infos[0].description, "Test processor, 4 cores; oneDNN "));
    assert_int_equal(infos[0].profile.kind, DAVIT_DEVICE_CPU);
    assert_true(infos[0].profile.f32_flops_per_s > 1e9);
    assert_int_equal(infos[0].profile.memory_bytes, one_node.memory_bytes);
}

static void test_nodes_are_devices(void **state)
{
    (void)state;
    davit_registry registry;
    davit_device_info infos[MAX_DEVICES];
    assert_int_equal(enumerate(&registry, &two_nodes, infos), 3);
    assert_string_equal(infos[0].name, "cpu");
    assert_string_equal(infos[1].name, "cpu:0");
    assert_string_equal(infos[2].name, "cpu:1");
    assert_int_equal(infos[2].ordinal, 2);
    assert_true(infos[1].profile.f32_flops_per_s < infos[0].profile.f32_flops_per_s);
    assert_int_equal(infos[1].profile.memory_bytes, two_nodes.memory_bytes / 2);
}

static void test_unknown_host_is_one_device(void **state)
{
    (void)state;
    davit_registry registry;
    davit_device_info infos[MAX_DEVICES];
    assert_int_equal(enumerate(&registry, NULL, infos), 1);
}

static void test_reasons_name_the_operator(void **state)
{
    (void)state;
    static const char *const refused[][2] = {
        {"ArgMax x:3x7 axis=1", "ArgMax"},
        {"Resize x:1x2x6x6 - f:1,1,1.5,1.5 mode=cubic", "mode"},
        {"Relu x:0x3", "empty"},
        {"ReduceMax x:2x3x4x5 l:0,2", "axes"},
        {"Pad x:3x3 l:1,1,1,1 mode=reflect", "mode"}};
    davit_registry registry;
    davit_device_info infos[MAX_DEVICES];
    (void)enumerate(&registry, &one_node, infos);
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        unit_case built;
        char reason[96] = "";
        assert_int_equal(case_build(refused[i][0], 1, NULL, NULL, &built), DAVIT_OK);
        assert_false(davit_backend_supports(&registry.backends[0], &infos[0].profile, built.graph,
                                            &built.graph->units[0], reason, sizeof(reason)));
        assert_non_null(strstr(reason, refused[i][1]));
        case_destroy(&built);
    }
}

/* More work costs more, the same work the same; unknown rates are no reason to fail. */
static void test_cost(void **state)
{
    (void)state;
    davit_registry registry;
    davit_device_info infos[MAX_DEVICES];
    davit_unit_cost small, large, again, unknown;
    const davit_device_profile nothing = {.kind = DAVIT_DEVICE_CPU};
    unit_case a, b;
    (void)enumerate(&registry, &one_node, infos);
    assert_int_equal(case_build("Conv x:1x16x14x14 w:16x16x3x3", 1, NULL, NULL, &a), DAVIT_OK);
    assert_int_equal(case_build("Conv x:1x64x28x28 w:64x64x3x3", 1, NULL, NULL, &b), DAVIT_OK);
    const davit_backend *backend = &registry.backends[0];
    const davit_device_profile *profile = &infos[0].profile;
    assert_int_equal(davit_backend_cost(backend, profile, a.graph, a.graph->units, &small), 0);
    assert_int_equal(davit_backend_cost(backend, profile, b.graph, b.graph->units, &large), 0);
    assert_int_equal(davit_backend_cost(backend, profile, b.graph, b.graph->units, &again), 0);
    assert_int_equal(davit_backend_cost(backend, &nothing, b.graph, b.graph->units, &unknown), 0);
    assert_true(small.seconds > 0.0 && large.seconds > small.seconds);
    assert_true(large.seconds == again.seconds);
    assert_true(large.confidence > 0.0 && unknown.confidence == 0.0);
    case_destroy(&a);
    case_destroy(&b);
}

static davit_status count_threads(void *user, const davit_device_info *info)
{
    assert_int_equal(info->ordinal, 0);
    (void)atomic_fetch_add((atomic_uint *)user, 1);
    return DAVIT_OK;
}

static davit_status refuse_thread(void *user, const davit_device_info *info)
{
    (void)user;
    (void)info;
    return DAVIT_UNAVAILABLE;
}

/* The thread that builds and the thread that runs are bound; a device whose threads cannot be
 * bound neither builds nor runs. */
static void test_threads_are_bound(void **state)
{
    (void)state;
    davit_registry registry;
    davit_device_info infos[MAX_DEVICES];
    atomic_uint bound;
    davit_device *device;
    davit_tensor *outputs[2] = {NULL};
    unit_case built;
    atomic_init(&bound, 0);
    davit_device_options options = {
        .threads = 1, .bind_thread = count_threads, .bind_user = &bound};
    (void)enumerate(&registry, &one_node, infos);
    assert_int_equal(case_build("Relu x:3x4", 1, NULL, NULL, &built), DAVIT_OK);
    assert_int_equal(davit_device_open(&registry.backends[0], &infos[0], &options, &device), 0);
    assert_int_equal(case_run(device, &built, false, NULL, outputs), DAVIT_OK);
    case_free_outputs(&built, outputs);
    davit_device_close(device);
    assert_int_equal(atomic_load(&bound), 2);

    options.bind_thread = refuse_thread;
    assert_int_equal(davit_device_open(&registry.backends[0], &infos[0], &options, &device), 0);
    assert_int_equal(case_run(device, &built, false, NULL, outputs), DAVIT_UNAVAILABLE);
    case_free_outputs(&built, outputs);
    davit_device_close(device);
    case_destroy(&built);
}

void GOMP_parallel(void (*body)(void *), void *data, unsigned threads, unsigned flags);

static void note_index(const void *context, int64_t begin, int64_t end)
{
    (void)begin;
    (void)end;
    if (davit_onednn_thread_index() != 0) {
        atomic_store(*(atomic_bool *const *)context, true);
    }
}

static void loop_in_region(void *data)
{
    (void)davit_onednn_set_threads(1);
    davit_onednn_parallel(1, 1, note_index, &data);
}

/* A device of one thread computes on its callers', which may have threads of OpenMP themselves:
 * room for threads is taken by the index. */
static void test_threads_are_counted_by_loop(void **state)
{
    (void)state;
    atomic_bool other = false;
    GOMP_parallel(loop_in_region, &other, 3, 0);
    assert_false(atomic_load(&other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_one_node_is_one_device),
                                       cmocka_unit_test(test_nodes_are_devices),
                                       cmocka_unit_test(test_unknown_host_is_one_device),
                                       cmocka_unit_test(test_reasons_name_the_operator),
                                       cmocka_unit_test(test_cost),
                                       cmocka_unit_test(test_threads_are_bound),
                                       cmocka_unit_test(test_threads_are_counted_by_loop)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
