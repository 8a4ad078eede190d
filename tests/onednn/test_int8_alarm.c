/* What happens when the table of implementations lets a wrong one in: every name is accepted here,
 * and on a processor limited to less than VNNI oneDNN's sums of 8-bit products saturate. Its check
 * must say so, and the result must still be the reference's. Linked with
 * -Wl,--wrap=davit_int8_allowed. */
#include "unit_test.h"

#include "backends/onednn/int8_allow.h"
#include "davit/onednn.h"
#include "tests/conformance/case.h"

bool __wrap_davit_int8_allowed(const davit_int8_case *what, const char *implementation);

bool __wrap_davit_int8_allowed(const davit_int8_case *what, const char *implementation)
{
    (void)what;
    (void)implementation;
    return true;
}

static davit_registry registry;

/* Runs a case on the cpu device; returns how many warnings its building gave. */
static unsigned run_exactly(const char *text, uint64_t seed, uint32_t threads)
{
    static davit_diagnostics_buffer log;
    davit_tensor *got[1] = {NULL}, *expected[1] = {NULL};
    davit_device_info info;
    davit_device *device;
    unit_case built;
    char problem[256] = "";
    size_t count;
    davit_diagnostics_buffer_init(&log);
    const davit_device_options options = {.threads = threads, .diag = &log.sink};
    davit_backend *backend = &registry.backends[0];
    assert_int_equal(davit_onednn_backend.enumerate(backend, NULL, &info, 1, &count), DAVIT_OK);
    assert_int_equal(davit_device_open(backend, &info, &options, &device), DAVIT_OK);
    assert_int_equal(case_build(text, seed, NULL, &log.sink, &built), DAVIT_OK);
    assert_int_equal(case_evaluate(&built, &log.sink, expected), DAVIT_OK);
    assert_int_equal(case_run(device, &built, false, NULL, got), DAVIT_OK);
    if (!case_compare(got[0], expected[0], problem, sizeof(problem))) {
        fail_msg("seed %llu: %s: %s", (unsigned long long)seed, text, problem);
    }
    case_free_outputs(&built, got);
    case_free_outputs(&built, expected);
    case_destroy(&built);
    davit_device_close(device);
    return log.warning_count;
}

static const char *const cases[] = {
    "IntegerConv u:1x64x9x9 c:32x64x3x3 x_scale=0.02 w_scale=0.01, y_scale=1.0 y_type=2 y_zero=128",
    "IntegerConv i:1x64x9x9 c:32x64x3x3 x_scale=0.02 w_scale=0.01, y_scale=1.0 y_type=2 y_zero=128",
    "IntegerConv u:1x64x9x9 c:32x64x1x1 x_scale=0.02 w_scale=0.01, y_scale=0.5 y_type=2 y_zero=128",
    "IntegerMatMul u:19x64 c:64x48 x_scale=0.02 w_scale=0.01, y_scale=0.5 y_type=2 y_zero=128"};

static void test_wrong_kernels_are_found(void **state)
{
    (void)state;
    unsigned warnings = 0;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (uint64_t seed = 1; seed <= 8; seed++) {
            warnings += run_exactly(cases[i], seed, 1 + (uint32_t)(seed % 2));
        }
    }
    /* With VNNI what is accepted here is right. */
    assert_true(davit_dnnl_version_get().vnni || warnings > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_wrong_kernels_are_found)};
    davit_registry_init(&registry, NULL);
    if (davit_registry_add(&registry, &davit_onednn_backend, NULL) != DAVIT_OK) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
