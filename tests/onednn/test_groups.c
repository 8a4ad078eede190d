/* Units that a program computes together (backends/onednn/group.h) against the reference kernels:
 * f32 within its tolerance; bytes the same where nothing but exact arithmetic makes them, else a
 * step off in few places, where an f32 function ends near the middle between two steps. */
#include "random_text.h"

#include "unit_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "davit/onednn.h"
#include "tests/conformance/case.h"

#define CASES 40
#define SHARE_OFF 0.02 /* of bytes */

static davit_registry registry;
static davit_device *devices[2]; /* of one and two threads */

static int open_devices(void **state)
{
    (void)state;
    davit_device_info info;
    size_t count;
    davit_registry_init(&registry, NULL);
    davit_backend *backend = &registry.backends[0];
    if (davit_registry_add(&registry, &davit_onednn_backend, NULL) != DAVIT_OK ||
        davit_onednn_backend.enumerate(backend, NULL, &info, 1, &count) != DAVIT_OK) {
        return -1;
    }
    for (uint32_t i = 0; i < 2; i++) {
        const davit_device_options options = {.threads = i + 1,
                                              .diag = davit_diagnostics_stderr(DAVIT_WARNING)};
        if (davit_device_open(backend, &info, &options, &devices[i]) != DAVIT_OK) {
            return -1;
        }
    }
    return 0;
}

static int close_devices(void **state)
{
    (void)state;
    davit_device_close(devices[0]);
    davit_device_close(devices[1]);
    return 0;
}

/* How many units of a case run in steps whose name begins like that. */
static size_t units_in(const unit_case *built, const char *name)
{
    case_spec spec;
    davit_program *program;
    davit_program_info info = {0};
    size_t count = 0;
    assert_int_equal(case_spec_create(built, false, &spec), DAVIT_OK);
    assert_int_equal(davit_program_build(devices[0], &spec.spec, &program), DAVIT_OK);
    davit_program_get_info(program, &info);
    for (size_t i = 0; i < spec.spec.unit_count; i++) {
        count += strncmp(info.unit_implementations[i], name, strlen(name)) == 0;
    }
    davit_program_free(program);
    case_spec_destroy(&spec);
    return count;
}

/* True when few bytes are off, and those by one step. */
static bool bytes_agree(const davit_tensor *got, const davit_tensor *expected)
{
    const uint8_t *a = got->data, *b = expected->data;
    int64_t count = davit_tensor_desc_elems(&expected->desc), off = 0;
    for (int64_t i = 0; i < count; i++) {
        uint8_t step = (uint8_t)(a[i] - b[i]);
        if (step != 0 && step != 1 && step != 255) {
            return false;
        }
        off += step != 0;
    }
    return (double)off <= 1.0 + SHARE_OFF * (double)count;
}

static void compare(const unit_case *built, davit_device *device, bool exact, const char *text)
{
    davit_tensor *got[CASE_MAX_OUTPUTS] = {NULL}, *expected[CASE_MAX_OUTPUTS] = {NULL};
    char problem[256] = "some bytes differ by more than a step, or many";
    assert_int_equal(case_evaluate(built, device->options.diag, expected), DAVIT_OK);
    davit_status status = case_run(device, built, false, NULL, got);
    bool same = status == DAVIT_OK;
    for (size_t i = 0; i < built->graph->output_count && same; i++) {
        bool close = !exact && expected[i]->desc.dtype != DAVIT_F32;
        same = close ? bytes_agree(got[i], expected[i])
                     : case_compare(got[i], expected[i], problem, sizeof(problem));
    }
    case_free_outputs(built, got);
    case_free_outputs(built, expected);
    if (!same) {
        fail_msg("%s: %s\n  with %u threads: '%s'", davit_status_text(status), problem,
                 (unsigned)device->options.threads, text);
    }
}

/* Builds and compares one case; returns how many of its units ran in steps of that name. */
static size_t check(const char *text, uint64_t seed, bool exact, const char *name)
{
    unit_case built;
    if (case_build(text, seed, NULL, devices[0]->options.diag, &built) != DAVIT_OK) {
        fail_msg("'%s' makes no graph", text);
    }
    size_t count = units_in(&built, name);
    compare(&built, devices[0], exact, text);
    compare(&built, devices[1], exact, text);
    case_destroy(&built);
    return count;
}

static uint64_t first_seed(void)
{
    const char *given = getenv("DAVIT_TEST_SEED");
    return given != NULL ? strtoull(given, NULL, 10) : 1;
}

/* Whether this machine has the loops at all. */
static bool has_loops(const char *text, const char *name)
{
    return check(text, 1, false, name) > 0;
}

static void check_attention(random_text write, bool exact, const char *probe)
{
    bool loops = has_loops(probe, "own_attention");
    for (uint64_t seed = first_seed(); seed < first_seed() + CASES; seed++) {
        char text[RANDOM_TEXT_BYTES];
        write(seed, text);
        assert_int_equal(check(text, seed, exact, "own_attention") >= 3, loops);
    }
}

static void test_attention(void **state)
{
    (void)state;
    check_attention(random_attention_text, true,
                    "MatMul x:1x8x16 x:1x16x8 ; Softmax ; MatMul x:1x8x16");
}

static void test_bytes_attention(void **state)
{
    (void)state;
    check_attention(random_bytes_attention_text, false,
                    "IntegerProduct u:1x8x16 u:1x16x8 a_scale=0.01 a_zero=128 b_scale=0.01 "
                    "b_zero=128 y_scale=0.1 y_zero=100 y_type=2 ; DequantizeLinear s:0.1 t:1 ; "
                    "Softmax ; QuantizeLinear s:0.00392 t:1 ; IntegerProduct u:1x8x16 a_scale=0.01 "
                    "a_zero=0 b_scale=0.01 b_zero=128 y_scale=0.1 y_zero=100 y_type=2");
}

static void test_chain(void **state)
{
    (void)state;
    bool loops = has_loops("DequantizeLinear u:2x3 s:0.1 t:1 ; Add w:3 ; QuantizeLinear s:0.2 t:1",
                           "own_chain");
    for (uint64_t seed = first_seed(); seed < first_seed() + 2 * CASES; seed++) {
        char text[RANDOM_TEXT_BYTES];
        bool has_function;
        random_chain_text(seed, text, &has_function);
        size_t units = check(text, seed, !has_function, "own_chain");
        assert_true(!loops || units != 1);
    }
}

static void test_bottleneck(void **state)
{
    (void)state;
    case_ask_kernel("fused");
    bool loops = has_loops("Conv x:1x8x9x9 w:8x1x3x3 group=8 ; Conv w:4x8x1x1", "own_bottleneck");
    for (uint64_t seed = first_seed(); seed < first_seed() + 2 * CASES; seed++) {
        char text[RANDOM_TEXT_BYTES];
        random_bottleneck_text(seed, false, text);
        size_t units = check(text, seed, false, "own_bottleneck");
        if ((units >= 2) != loops) {
            fail_msg("%zu units in one step: '%s'", units, text);
        }
    }
    case_ask_kernel(NULL);
}

/* The rule takes them where what lies between is large. */
static void test_large_bottleneck(void **state)
{
    (void)state;
    const char *text = "Relu x:1x16x112x60 ; Conv w:48x16x1x1 ; Clip s:0 s:6 ; Conv w:48x1x3x3 "
                       "group=48 pads=1,1,1,1 ; Clip s:0 s:6 ; Conv w:16x48x1x1 ; Add @0";
    bool loops = has_loops("MatMul x:1x8x16 x:1x16x8 ; Softmax ; MatMul x:1x8x16", "own_attention");
    assert_int_equal(check(text, 1, false, "own_bottleneck"), loops ? 3 : 0);
}

/* Where there is no group, "fused" is the rule's kernel. */
static void test_fused_alone(void **state)
{
    (void)state;
    static const char *const kernels[] = {NULL, "fused", "fused/1", "onednn"};
    size_t loops[4];
    unit_case built;
    assert_int_equal(case_build("Conv x:1x48x40x40 w:48x1x3x3 group=48 pads=1,1,1,1 ; Clip s:0 s:6",
                                1, NULL, NULL, &built),
                     DAVIT_OK);
    for (int i = 0; i < 4; i++) {
        case_ask_kernel(kernels[i]);
        loops[i] = units_in(&built, "own_depthwise");
    }
    case_ask_kernel(NULL);
    assert_true(loops[1] == loops[0] && loops[2] == loops[0] && loops[3] == 0);
    case_destroy(&built);
}

/* The numbers are those of the same loops one by one. */
static void test_bottleneck_is_as_unfused(void **state)
{
    (void)state;
    for (uint64_t seed = first_seed(); seed < first_seed() + CASES / 2; seed++) {
        char text[RANDOM_TEXT_BYTES];
        static const char *const kernels[] = {"fused", "depthwise"};
        davit_tensor *got[2][CASE_MAX_OUTPUTS] = {{NULL}};
        unit_case built;
        random_bottleneck_text(seed, true, text);
        assert_int_equal(case_build(text, seed, NULL, NULL, &built), DAVIT_OK);
        for (int i = 0; i < 2; i++) {
            case_ask_kernel(kernels[i]);
            assert_int_equal(case_run(devices[i], &built, true, NULL, got[i]), DAVIT_OK);
        }
        case_ask_kernel(NULL);
        bool loops = units_in(&built, "own_depthwise") > 0;
        if (loops && memcmp(got[0][0]->data, got[1][0]->data,
                            davit_tensor_desc_bytes(&got[0][0]->desc)) != 0) {
            fail_msg("other numbers than unfused: '%s'", text);
        }
        case_free_outputs(&built, got[0]);
        case_free_outputs(&built, got[1]);
        case_destroy(&built);
    }
}

/* A value that something else reads, or that is an output, is made. */
static void test_what_is_read_elsewhere_is_made(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "MatMul x:1x8x16 x:1x16x8 ; Softmax axis=-1 ; MatMul x:1x8x8 ; Add @1",
        "MatMul x:1x8x16 x:1x16x8 ; Mul s:2 ; Softmax axis=-1 ; MatMul x:1x8x8 ; Add @0",
        "Transpose x:1x8x2x16 perm=0,2,1,3 ; MatMul x:1x2x16x8 ; Softmax axis=-1 ; MatMul @0 ; Add "
        "@0",
        "Transpose x:1x16x2x16 perm=0,2,1,3 ; MatMul x:1x2x16x16 ; Add @0 ; Softmax axis=-1 ; "
        "MatMul x:1x2x16x8",
        "Transpose x:1x16x2x16 perm=0,2,1,3 ; MatMul x:1x2x16x16 ; Mul s:0.125 ; Add @0 ; "
        "Softmax axis=-1 ; MatMul x:1x2x16x8",
        "DequantizeLinear u:4x9 s:0.1 t:1 ; Add w:9 ; QuantizeLinear s:0.2 t:1 ; "
        "DequantizeLinear s:0.2 t:1 ; Add @1",
        "Conv x:1x16x112x60 w:48x16x1x1 ; Relu ; Conv w:48x1x3x3 group=48 pads=1,1,1,1 ; "
        "Conv w:48x48x1x1 ; Add @1",
        "Conv x:1x16x112x60 w:48x16x1x1 ; Conv w:48x1x3x3 group=48 pads=1,1,1,1 ; Relu ; "
        "Conv w:48x48x1x1 ; Add @2"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        unit_case built;
        davit_diagnostics_buffer diag;
        davit_diagnostics_buffer_init(&diag);
        if (case_build(texts[i], 1, NULL, &diag.sink, &built) != DAVIT_OK) {
            fail_msg("%s: %s", texts[i], diag.text);
        }
        compare(&built, devices[1], false, texts[i]);
        case_destroy(&built);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_attention),
                                       cmocka_unit_test(test_bytes_attention),
                                       cmocka_unit_test(test_chain),
                                       cmocka_unit_test(test_bottleneck),
                                       cmocka_unit_test(test_large_bottleneck),
                                       cmocka_unit_test(test_fused_alone),
                                       cmocka_unit_test(test_bottleneck_is_as_unfused),
                                       cmocka_unit_test(test_what_is_read_elsewhere_is_made)};
    return cmocka_run_group_tests(tests, open_devices, close_devices);
}
