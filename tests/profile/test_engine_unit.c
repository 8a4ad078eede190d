/* The shape of the engine's call for a unit: every field typed by hand, no two alike. */
#include "unit_test.h"

#include <string.h>

#include "davit/engine_unit.h"
#include "tests/conformance/case.h"

static const davit_gemm_geometry geometry = DAVIT_GEMM_DEFAULT_GEOMETRY;

static davit_engine_call map(const char *text)
{
    unit_case built;
    davit_engine_call call;
    davit_diagnostics_buffer diag;
    davit_diagnostics_buffer_init(&diag);
    if (case_build(text, 1, NULL, &diag.sink, &built) != DAVIT_OK) {
        fail_msg("%s: %s", text, diag.text);
    }
    const char *why = davit_engine_unit(built.graph, built.graph->units, &geometry, &call);
    if (why != NULL) {
        fail_msg("%s: %s", text, why);
    }
    case_destroy(&built);
    return call;
}

#define BYTES " x_scale=0.02 x_zero=3 w_scale=0.01, y_scale=0.5 y_zero=1 y_type=3"
#define PAIR " a_scale=0.02 a_zero=3 b_scale=0.03 b_zero=1 y_scale=0.5 y_zero=1 y_type=3"

static void assert_gemm(const char *text, davit_gemm_shape expected)
{
    davit_engine_call call = map(text);
    assert_false(call.vector);
    const size_t bytes = offsetof(davit_gemm_shape, residual) + sizeof(bool); /* its last member */
    if (memcmp(&call.gemm_shape, &expected, bytes) != 0) {
        fail_msg("%s", text);
    }
}

static void assert_vector(const char *text, davit_vector_shape expected)
{
    davit_engine_call call = map(text);
    assert_true(call.vector);
    if (memcmp(&call.vector_shape, &expected, sizeof(expected)) != 0) {
        fail_msg("%s", text);
    }
}

/* images, in_h, in_w, channels, kernel, stride, dilation, pad_top, pad_left, out_h, out_w, columns,
 * residual. Pads are top, left, bottom, right. */
static void test_gemm(void **state)
{
    (void)state;
    assert_gemm("IntegerConv u:2x5x20x30 c:70x5x3x4 strides=2,3 pads=1,2,0,1 dilations=1,2" BYTES,
                (davit_gemm_shape){2, 20, 30, 5, 3, 4, 2, 3, 1, 2, 1, 2, 10, 9, 70, false});
    assert_gemm(
        "IntegerConv u:1x8x9x7 c:16x8x3x3 - u:1x16x9x7 pads=1,1,1,1 residual_scale=0.1" BYTES,
        (davit_gemm_shape){1, 9, 7, 8, 3, 3, 1, 1, 1, 1, 1, 1, 9, 7, 16, true});
    assert_gemm("IntegerMatMul u:3x5x40 c:40x24" BYTES,
                (davit_gemm_shape){1, 1, 15, 40, 1, 1, 1, 1, 1, 1, 0, 0, 1, 15, 24, false});
    /* 300 columns need two panels: padded to 320. */
    assert_gemm("IntegerMatMul u:4x2048 c:2048x300" BYTES,
                (davit_gemm_shape){1, 1, 4, 2048, 1, 1, 1, 1, 1, 1, 0, 0, 1, 4, 320, false});
}

static void test_vector(void **state)
{
    (void)state;
    assert_vector(
        "IntegerConv u:2x5x20x30 c:5x1x3x4 group=5 strides=2,3 pads=1,2,0,1" BYTES,
        (davit_vector_shape){DAVIT_VECTOR_DEPTHWISE, 2, 20, 30, 5, 3, 4, 2, 3, 1, 1, 1, 2, 10, 10});
    assert_vector(
        "MaxPool i:2x5x20x30 kernel_shape=3,4 strides=2,3 pads=1,2,0,1",
        (davit_vector_shape){DAVIT_VECTOR_MAXIMUM, 2, 20, 30, 5, 3, 4, 2, 3, 1, 1, 1, 2, 10, 10});
    assert_vector(
        "IntegerAveragePool u:1x6x4x9 kernel_shape=4,9" BYTES,
        (davit_vector_shape){DAVIT_VECTOR_AVERAGE, 1, 4, 9, 6, 4, 9, 1, 1, 1, 1, 0, 0, 1, 1});
    assert_vector(
        "IntegerAdd u:2x3x5x7 u:2x3x5x7" PAIR,
        (davit_vector_shape){DAVIT_VECTOR_ADDITION, 1, 1, 1, 210, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gemm),
        cmocka_unit_test(test_vector),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
