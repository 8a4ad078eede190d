#define _XOPEN_SOURCE 700 /* mkdtemp */
/* What happens when the table of implementations lets a wrong one in: every name is accepted here.
 * On a processor limited to less than VNNI oneDNN's sums of 8-bit products saturate; on any, two
 * defects that oneDNN has had are planted: a kernel that writes past its result, and one that gives
 * other bytes in a second run. The check must say so, and the result must still be the reference's.
 * Linked with -Wl,--wrap for the functions below. */
#include "unit_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/onednn/int8_allow.h"
#include "backends/onednn/int8_check.h"
#include "davit/onednn.h"
#include "tests/conformance/case.h"

bool __wrap_davit_int8_allowed(const davit_int8_case *what, const char *implementation);
davit_status __wrap_davit_int8_check_run(davit_onednn_builder *builder,
                                         const davit_int8_check *check, const char **problem);
davit_status __real_davit_int8_check_run(davit_onednn_builder *builder,
                                         const davit_int8_check *check, const char **problem);
dnnl_status_t __wrap_dnnl_primitive_execute(const_dnnl_primitive_t primitive, dnnl_stream_t stream,
                                            int count, const dnnl_exec_arg_t *args);
dnnl_status_t __real_dnnl_primitive_execute(const_dnnl_primitive_t primitive, dnnl_stream_t stream,
                                            int count, const dnnl_exec_arg_t *args);

static enum { NO_DEFECT, WRITES_PAST, UNSTEADY } defect;
static size_t checked_bytes; /* of the result of the primitive that is checked; 0: none is */
static unsigned executions;

bool __wrap_davit_int8_allowed(const davit_int8_case *what, const char *implementation)
{
    (void)what;
    (void)implementation;
    return true;
}

davit_status __wrap_davit_int8_check_run(davit_onednn_builder *builder,
                                         const davit_int8_check *check, const char **problem)
{
    for (size_t i = 0; i < check->arg_count; i++) {
        if (check->args[i].index == DNNL_ARG_DST) {
            checked_bytes = davit_dnnl_desc_bytes(check->args[i].operand.desc);
        }
    }
    davit_status status = __real_davit_int8_check_run(builder, check, problem);
    checked_bytes = 0;
    return status;
}

dnnl_status_t __wrap_dnnl_primitive_execute(const_dnnl_primitive_t primitive, dnnl_stream_t stream,
                                            int count, const dnnl_exec_arg_t *args)
{
    dnnl_status_t status = __real_dnnl_primitive_execute(primitive, stream, count, args);
    for (int i = 0; i < count && checked_bytes != 0; i++) {
        void *bytes = NULL;
        if (args[i].arg != DNNL_ARG_DST ||
            dnnl_memory_get_data_handle(args[i].memory, &bytes) != dnnl_success) {
            continue;
        }
        if (defect == WRITES_PAST) {
            memset((uint8_t *)bytes + checked_bytes, 0, 480); /* as many as jit_1x1 with AMX */
        } else if (defect == UNSTEADY && executions++ % 2 == 1) {
            ((uint8_t *)bytes)[checked_bytes / 2] ^= 1;
        }
    }
    return status;
}

static davit_registry registry;

static davit_diagnostics_buffer messages; /* of the last case */
static bool keeps_weights;

/* Runs a case on the cpu device; returns how many warnings its building gave. */
static unsigned run_exactly(const char *text, uint64_t seed, uint32_t threads)
{
    davit_tensor *got[1] = {NULL}, *expected[1] = {NULL};
    davit_device_info info;
    davit_device *device;
    unit_case built;
    char problem[256] = "";
    size_t count;
    davit_diagnostics_buffer_init(&messages);
    const davit_device_options options = {
        .threads = threads, .diag = &messages.sink, .keeps_weights = keeps_weights};
    davit_backend *backend = &registry.backends[0];
    assert_int_equal(davit_onednn_backend.enumerate(backend, NULL, &info, 1, &count), DAVIT_OK);
    assert_int_equal(davit_device_open(backend, &info, &options, &device), DAVIT_OK);
    assert_int_equal(case_build(text, seed, NULL, &messages.sink, &built), DAVIT_OK);
    assert_int_equal(case_evaluate(&built, &messages.sink, expected), DAVIT_OK);
    assert_int_equal(case_run(device, &built, false, NULL, got), DAVIT_OK);
    if (!case_compare(got[0], expected[0], problem, sizeof(problem))) {
        fail_msg("seed %llu: %s: %s", (unsigned long long)seed, text, problem);
    }
    case_free_outputs(&built, got);
    case_free_outputs(&built, expected);
    case_destroy(&built);
    davit_device_close(device);
    return messages.warning_count;
}

/* What runs on oneDNN wherever there is VNNI. */
static const char *const cases[] = {
    "IntegerConv u:1x64x11x11 c:32x64x3x3 x_scale=0.02 w_scale=0.01, y_scale=1.0 y_type=2 y_zero=128",
    "IntegerConv i:1x64x9x9 c:32x64x3x3 x_scale=0.02 w_scale=0.01, y_scale=1.0 y_type=2 y_zero=128",
    "IntegerConv i:1x64x9x9 c:32x64x1x1 x_scale=0.02 w_scale=0.01, y_scale=0.5 y_type=2 y_zero=128",
    "IntegerMatMul i:19x64 c:64x48 x_scale=0.02 w_scale=0.01, y_scale=0.5 y_type=2 y_zero=128"};

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

static void test_planted_defects_are_found(void **state)
{
    (void)state;
    static const char *const found[] = {
        [WRITES_PAST] = "writes outside its result", [UNSTEADY] = "other bytes in a second run"};
    for (defect = WRITES_PAST; defect <= UNSTEADY; defect++) {
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            assert_true(run_exactly(cases[i], 1, 2) > 0);
            assert_non_null(strstr(messages.warning_text, found[defect]));
        }
    }
    defect = NO_DEFECT;
}

/* Weights that were packed for a wrong kernel are not found by the next start. */
static void test_wrong_kernels_keep_no_weights(void **state)
{
    (void)state;
    static const char large[] = "IntegerMatMul i:2x4096 c:4096x8320 x_scale=0.02 w_scale=0.01, "
                                "y_scale=0.5 y_type=2 y_zero=128";
    char folder[] = "/tmp/davit-alarm-XXXXXX", command[64];
    assert_non_null(mkdtemp(folder));
    assert_int_equal(setenv("XDG_CACHE_HOME", folder, 1), 0);
    keeps_weights = true;
    defect = WRITES_PAST;
    unsigned first = run_exactly(large, 1, 2);
    unsigned second = run_exactly(large, 1, 2);
    defect = NO_DEFECT;
    keeps_weights = false;
    (void)snprintf(command, sizeof(command), "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
    assert_int_equal(second, first);
    assert_true(first > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_wrong_kernels_are_found),
                                       cmocka_unit_test(test_planted_defects_are_found),
                                       cmocka_unit_test(test_wrong_kernels_keep_no_weights)};
    davit_registry_init(&registry, NULL);
    if (davit_registry_add(&registry, &davit_onednn_backend, NULL) != DAVIT_OK) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
