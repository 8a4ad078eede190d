/* Random units against the reference kernels: what the backend says it supports, it builds, and it
 * computes what they compute. A failure prints the line that shows it again. */
#include "random_text.h"

#include "unit_test.h"

#include <stdio.h>
#include <stdlib.h>

#include "davit/onednn.h"
#include "tests/conformance/case.h"

#define CASES_PER_KIND 30
#define MAX_OUTPUTS 8

static davit_registry registry;
static davit_device *device;

static int open_device(void **state)
{
    (void)state;
    davit_device_info info;
    size_t count;
    const davit_device_options options = {.threads = 2,
                                          .diag = davit_diagnostics_stderr(DAVIT_WARNING)};
    davit_registry_init(&registry, NULL);
    davit_backend *backend = &registry.backends[0];
    return davit_registry_add(&registry, &davit_onednn_backend, NULL) == DAVIT_OK &&
                   davit_onednn_backend.enumerate(backend, NULL, &info, 1, &count) == DAVIT_OK &&
                   davit_device_open(backend, &info, &options, &device) == DAVIT_OK
               ? 0
               : -1;
}

static int close_device(void **state)
{
    (void)state;
    davit_device_close(device);
    return 0;
}

static bool is_supported(const unit_case *built)
{
    const davit_graph *graph = built->graph;
    for (size_t i = 0; i < graph->unit_count; i++) {
        if (!davit_backend_supports(&registry.backends[0], &device->info.profile, graph,
                                    &graph->units[i], NULL, 0)) {
            return false;
        }
    }
    return true;
}

static void compare(const unit_case *built, bool channels_last, const char *text, uint64_t seed)
{
    davit_tensor *got[MAX_OUTPUTS] = {NULL}, *expected[MAX_OUTPUTS] = {NULL};
    char problem[256] = "";
    assert_true(built->graph->output_count <= MAX_OUTPUTS);
    assert_int_equal(case_evaluate(built, device->options.diag, expected), DAVIT_OK);
    davit_status status = case_run(device, built, channels_last, NULL, got);
    bool same = status == DAVIT_OK;
    for (size_t i = 0; i < built->graph->output_count && same; i++) {
        same = case_compare(got[i], expected[i], problem, sizeof(problem));
    }
    case_free_outputs(built, got);
    case_free_outputs(built, expected);
    if (!same) {
        fail_msg("%s: %s\n  again: test_conformance_onednn --seed %llu --layout %s --case '%s'",
                 davit_status_text(status), problem, (unsigned long long)seed,
                 channels_last ? "nhwc" : "dense", text);
    }
}

/* At least four in five must be supported. */
static void check_kind(random_text write)
{
    const char *given = getenv("DAVIT_TEST_SEED");
    uint64_t first = given != NULL ? strtoull(given, NULL, 10) : 1;
    unsigned supported = 0;
    for (uint64_t seed = first; seed < first + CASES_PER_KIND; seed++) {
        char text[RANDOM_TEXT_BYTES];
        unit_case built;
        write(seed, text);
        if (case_build(text, seed, NULL, NULL, &built) != DAVIT_OK) {
            continue; /* the numbers made no node that ONNX allows */
        }
        if (is_supported(&built)) {
            supported++;
            compare(&built, false, text, seed);
            compare(&built, true, text, seed);
        }
        case_destroy(&built);
    }
    assert_true(supported >= CASES_PER_KIND / 2);
}

static void test_convolution(void **state)
{
    (void)state;
    check_kind(random_convolution_text);
}

static void test_winograd(void **state)
{
    (void)state;
    check_kind(random_winograd_text);
}

static void test_depthwise(void **state)
{
    (void)state;
    check_kind(random_depthwise_text);
}

static void test_dense(void **state)
{
    (void)state;
    check_kind(random_dense_text);
}

static void test_transposed(void **state)
{
    (void)state;
    check_kind(random_transposed_text);
}

static void test_gemm(void **state)
{
    (void)state;
    check_kind(random_gemm_text);
}

static void test_matmul(void **state)
{
    (void)state;
    check_kind(random_matmul_text);
}

static void test_pool(void **state)
{
    (void)state;
    check_kind(random_pool_text);
}

static void test_blocked(void **state)
{
    (void)state;
    check_kind(random_blocked_text);
}

static void test_broadcast(void **state)
{
    (void)state;
    check_kind(random_broadcast_text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_convolution), cmocka_unit_test(test_winograd),
        cmocka_unit_test(test_depthwise),   cmocka_unit_test(test_dense),
        cmocka_unit_test(test_transposed),  cmocka_unit_test(test_gemm),
        cmocka_unit_test(test_matmul),      cmocka_unit_test(test_pool),
        cmocka_unit_test(test_blocked),     cmocka_unit_test(test_broadcast)};
    return cmocka_run_group_tests(tests, open_device, close_device);
}
