/* What stays f32 is listed with its reason; scales that mean nothing and failed allocations are
 * reported. */
#include "quantized.h"

#include "counting_allocator.h"

#include <math.h>
#include <stdio.h>

static void check_kept(builder *b, davit_value_id output, const char *node, const char *reason)
{
    builder_output(b, output);
    quantized_check_lowered(b, 1e-6f);
    assert_int_equal(b->graph->kept_count, 1);
    assert_string_equal(b->graph->kept[0].node, node);
    assert_string_equal(b->graph->kept[0].reason, reason);
    builder_clear(b);
}

/* A convolution and its Relu, which both have to be computed in f32 anyway. */
static void check_two_kept(builder *b)
{
    quantized_check_lowered(b, 1e-6f);
    assert_int_equal(b->graph->kept_count, 2);
    assert_string_equal(b->graph->kept[0].reason,
                        "its result is also used unquantised, or in another type");
    assert_int_equal(b->graph->integer_count, 0);
    builder_clear(b);
}

static void test_what_stays_f32(void **state)
{
    (void)state;
    uint64_t seed = 1;
    builder b;
    builder_init(&b, NULL);
    davit_value_id x = quantized_input(&b, "x", 4, quantized_image, &quantized_a);
    check_kept(&b, quantized_convolve(&b, x, &quantized_plain), "conv",
               "its result is not quantised");

    builder_init(&b, NULL);
    x = builder_input(&b, "x", DAVIT_F32, 4, quantized_image);
    check_kept(&b, quantized_both(&b, quantized_convolve(&b, x, &quantized_plain), &quantized_a),
               "conv", "its input is not quantised to 8 bits with one scale");

    builder_init(&b, NULL);
    x = quantized_input(&b, "x", 4, quantized_image, &quantized_a);
    davit_value_id w = builder_random(&b, 4, (const int64_t[]){4, 6, 1, 1}, &seed);
    davit_value_id y = builder_node(&b, DAVIT_OP_Conv, "conv", x, w, DAVIT_NONE);
    check_kept(&b, quantized_both(&b, y, &quantized_a), "conv", "its weights are not quantised");

    builder_init(&b, NULL);
    const quantized_convolution wrong_axis = {DAVIT_OP_Conv, 1, {DAVIT_S8, 0, 1, 6}, false};
    x = quantized_input(&b, "x", 4, quantized_image, &quantized_a);
    check_kept(&b, quantized_both(&b, quantized_convolve(&b, x, &wrong_axis), &quantized_a), "conv",
               "its weights have a scale for each slice of another axis than the output channels");

    builder_init(&b, NULL);
    x = quantized_input(&b, "x", 4, quantized_image, &quantized_a);
    y = quantized_convolve(&b, x, &quantized_plain);
    builder_output(&b, quantized_both(&b, y, &quantized_a));
    check_kept(&b, builder_unary(&b, DAVIT_OP_Neg, y), "conv",
               "its result is also used unquantised, or in another type");

    builder_init(&b, NULL);
    x = quantized_input(&b, "x", 4, quantized_image, &quantized_a);
    y = builder_unary(&b, DAVIT_OP_Relu, quantized_convolve(&b, x, &quantized_plain));
    builder_output(&b, quantized_both(&b, y, &quantized_a));
    builder_output(&b, y);
    check_two_kept(&b);
}

static void test_operators_without_integer_form(void **state)
{
    (void)state;
    builder b;
    builder_init(&b, NULL);
    davit_value_id x = quantized_input(&b, "x", 4, quantized_image, &quantized_a);
    davit_value_id y = builder_node(&b, DAVIT_OP_Ceil, "ceil", x, DAVIT_NONE, DAVIT_NONE);
    check_kept(&b, quantized_both(&b, y, &quantized_a), "ceil", "no integer form of it is known");

    builder_init(&b, NULL);
    x = quantized_input(&b, "x", 4, quantized_image, &quantized_a);
    y = builder_node(&b, DAVIT_OP_Relu, "relu", x, DAVIT_NONE, DAVIT_NONE);
    y = builder_node(&b, DAVIT_OP_QuantizeLinear, NULL, y, quantized_scale(&b, 0.1f),
                     quantized_zero(&b, DAVIT_U16, 9));
    y = builder_node(&b, DAVIT_OP_DequantizeLinear, NULL, y, quantized_scale(&b, 0.1f),
                     quantized_zero(&b, DAVIT_U16, 9));
    check_kept(&b, y, "relu", "quantised to more than 8 bits");
}

static void test_bad_scales(void **state)
{
    (void)state;
    static const struct {
        float scale;
        const char *defect;
    } cases[] = {{0.0f, "is zero"},
                 {-1.0f, "is negative"},
                 {NAN, "is not a number"},
                 {INFINITY, "is infinite"},
                 {0x1p-130f, "is denormal"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char expected[128];
        builder b;
        davit_diagnostics_buffer diag;
        builder_init(&b, NULL);
        davit_value_id x = builder_input(&b, "x", DAVIT_F32, 2, quantized_matrix);
        builder_output(&b, builder_node(&b, DAVIT_OP_QuantizeLinear, "q", x,
                                        quantized_scale(&b, cases[i].scale),
                                        quantized_zero(&b, DAVIT_U8, 3)));
        builder_bind(&b);
        assert_int_equal(quantized_lower(b.graph, &diag), DAVIT_BAD_DATA);
        (void)snprintf(expected, sizeof(expected), "node 'q' (QuantizeLinear): its scale %s",
                       cases[i].defect);
        assert_string_equal(diag.text, expected);
        builder_clear(&b);
    }
}

static void test_failed_allocations_are_reported(void **state)
{
    (void)state;
    counting_allocator counting;
    counting_allocator_init(&counting);
    davit_status status = DAVIT_OUT_OF_MEMORY;
    for (size_t at = 1; status != DAVIT_OK; at++) {
        builder b;
        davit_diagnostics_buffer diag;
        counting_allocator_restart(&counting, 0);
        builder_init(&b, &counting.allocator);
        davit_value_id x = quantized_input(&b, "x", 4, quantized_image, &quantized_a);
        davit_value_id y =
            quantized_both(&b, quantized_convolve(&b, x, &quantized_plain), &quantized_b);
        y = builder_unary(&b, DAVIT_OP_Sigmoid, builder_unary(&b, DAVIT_OP_Transpose, y));
        builder_output(&b, quantized_both(&b, y, &quantized_c));
        builder_bind(&b);
        counting_allocator_restart(&counting, at);
        status = quantized_lower(b.graph, &diag);
        counting_allocator_restart(&counting, 0);
        assert_true(status == DAVIT_OK || status == DAVIT_OUT_OF_MEMORY);
        assert_int_equal(diag.error_count, status != DAVIT_OK);
        builder_clear(&b);
        assert_int_equal(atomic_load(&counting.live), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_stays_f32),
        cmocka_unit_test(test_operators_without_integer_form),
        cmocka_unit_test(test_bad_scales),
        cmocka_unit_test(test_failed_allocations_are_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
