#include "builder.h"

#include <math.h>

static const int64_t shape[] = {2, 3, 4};

/* ---- activations: each form as a function of x ---- */

static davit_value_id number(builder *b, double value)
{
    return builder_number(b, (float)value);
}

static davit_value_id add(builder *b, davit_value_id x, davit_value_id y)
{
    return builder_binary(b, DAVIT_OP_Add, x, y);
}

static davit_value_id mul(builder *b, davit_value_id x, davit_value_id y)
{
    return builder_binary(b, DAVIT_OP_Mul, x, y);
}

static davit_value_id divide(builder *b, davit_value_id x, davit_value_id y)
{
    return builder_binary(b, DAVIT_OP_Div, x, y);
}

static davit_value_id erf1(builder *b, davit_value_id scaled)
{
    return add(b, builder_unary(b, DAVIT_OP_Erf, scaled), number(b, 1));
}

/* PyTorch: x * (erf(x / sqrt 2) + 1) * 0.5. */
static davit_value_id gelu_pytorch(builder *b, davit_value_id x)
{
    return mul(b, mul(b, x, erf1(b, divide(b, x, number(b, sqrt(2))))), number(b, 0.5));
}

static davit_value_id gelu_half_first(builder *b, davit_value_id x)
{
    davit_value_id half = mul(b, number(b, 0.5), x);
    return mul(b, half, erf1(b, mul(b, number(b, sqrt(0.5)), x)));
}

static davit_value_id gelu_half_of_gate(builder *b, davit_value_id x)
{
    return mul(b, divide(b, erf1(b, mul(b, x, number(b, sqrt(0.5)))), number(b, 2)), x);
}

/* 1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3)). */
static davit_value_id tanh1(builder *b, davit_value_id x, davit_value_id cube)
{
    davit_value_id sum = add(b, x, mul(b, cube, number(b, 0.044715)));
    sum = mul(b, sum, number(b, sqrt(2 / 3.14159265358979324)));
    return add(b, number(b, 1), builder_unary(b, DAVIT_OP_Tanh, sum));
}

static davit_value_id gelu_tanh_pow(builder *b, davit_value_id x)
{
    davit_value_id cube = builder_binary(b, DAVIT_OP_Pow, x, number(b, 3));
    return mul(b, mul(b, number(b, 0.5), x), tanh1(b, x, cube));
}

static davit_value_id gelu_tanh_mul(builder *b, davit_value_id x)
{
    return mul(b, number(b, 0.5), mul(b, tanh1(b, x, mul(b, x, mul(b, x, x))), x));
}

static davit_value_id relu6_3(builder *b, davit_value_id x)
{
    return builder_node(b, DAVIT_OP_Clip, NULL, add(b, x, number(b, 3)), number(b, 0),
                        number(b, 6));
}

/* Paddle: x * clip(x + 3, 0, 6) / 6. */
static davit_value_id hardswish_paddle(builder *b, davit_value_id x)
{
    return divide(b, mul(b, x, relu6_3(b, x)), number(b, 6));
}

/* PyTorch: x * (clip(x + 3, 0, 6) / 6). */
static davit_value_id hardswish_pytorch(builder *b, davit_value_id x)
{
    return mul(b, x, divide(b, relu6_3(b, x), number(b, 6)));
}

static davit_value_id hardswish_sixth(builder *b, davit_value_id x)
{
    return mul(b, number(b, 1.0 / 6), mul(b, relu6_3(b, x), x));
}

static davit_value_id hard_sigmoid(builder *b, davit_value_id x, float alpha)
{
    davit_attribute attribute = {.name = "alpha", .type = DAVIT_ATTRIBUTE_FLOAT, .u.f = alpha};
    davit_node_spec spec = {.op = DAVIT_OP_HardSigmoid,
                            .input_count = 1,
                            .inputs = &x,
                            .attribute_count = 1,
                            .attributes = &attribute};
    return builder_node_with(b, &spec);
}

static davit_value_id hardswish_gated(builder *b, davit_value_id x)
{
    return mul(b, hard_sigmoid(b, x, 1.0f / 6), x);
}

static davit_value_id hardsigmoid_written_out(builder *b, davit_value_id x)
{
    return divide(b, relu6_3(b, x), number(b, 6));
}

static davit_value_id silu(builder *b, davit_value_id x)
{
    return mul(b, x, builder_unary(b, DAVIT_OP_Sigmoid, x));
}

static davit_value_id silu_swapped(builder *b, davit_value_id x)
{
    return mul(b, builder_unary(b, DAVIT_OP_Sigmoid, x), x);
}

/* ---- what looks like one and is none ---- */

static davit_value_id gate_of_another(builder *b, davit_value_id x)
{
    return mul(b, x, builder_unary(b, DAVIT_OP_Sigmoid, builder_unary(b, DAVIT_OP_Neg, x)));
}

static davit_value_id hard_sigmoid_of_a_fifth(builder *b, davit_value_id x)
{
    return mul(b, x, hard_sigmoid(b, x, 0.2f));
}

static davit_value_id swish_with_2(builder *b, davit_value_id x)
{
    return divide(b, mul(b, x, relu6_3(b, x)), number(b, 5));
}

static davit_value_id clip_from_1(builder *b, davit_value_id x)
{
    davit_value_id gate =
        builder_node(b, DAVIT_OP_Clip, NULL, add(b, x, number(b, 3)), number(b, 1), number(b, 6));
    return divide(b, mul(b, x, gate), number(b, 6));
}

static davit_value_id gelu_of_3(builder *b, davit_value_id x)
{
    return mul(b, mul(b, x, erf1(b, divide(b, x, number(b, sqrt(3))))), number(b, 0.5));
}

static davit_value_id three_factors(builder *b, davit_value_id x)
{
    davit_value_id y = builder_unary(b, DAVIT_OP_Neg, x);
    return mul(b, mul(b, x, y), builder_unary(b, DAVIT_OP_Sigmoid, x));
}

static davit_value_id number_that_enlarges(builder *b, davit_value_id x)
{
    const int64_t ones[] = {1, 1, 1, 1};
    davit_value_id six = builder_floats(b, 4, ones, (const float[]){6});
    return divide(b, mul(b, x, relu6_3(b, x)), six);
}

#define NOTHING DAVIT_OP_COUNT

static const struct {
    const char *name;
    davit_value_id (*build)(builder *b, davit_value_id x);
    davit_op becomes;
} forms[] = {
    {"gelu, PyTorch", gelu_pytorch, DAVIT_OP_Gelu},
    {"gelu, half first", gelu_half_first, DAVIT_OP_Gelu},
    {"gelu, half of the gate", gelu_half_of_gate, DAVIT_OP_Gelu},
    {"gelu by tanh, Pow", gelu_tanh_pow, DAVIT_OP_Gelu},
    {"gelu by tanh, products", gelu_tanh_mul, DAVIT_OP_Gelu},
    {"hardswish, Paddle", hardswish_paddle, DAVIT_OP_HardSwish},
    {"hardswish, PyTorch", hardswish_pytorch, DAVIT_OP_HardSwish},
    {"hardswish, times a sixth", hardswish_sixth, DAVIT_OP_HardSwish},
    {"hardswish, gated", hardswish_gated, DAVIT_OP_HardSwish},
    {"hardsigmoid", hardsigmoid_written_out, DAVIT_OP_HardSigmoid},
    {"silu", silu, DAVIT_OP_Silu},
    {"silu, swapped", silu_swapped, DAVIT_OP_Silu},
    {"gate of another value", gate_of_another, NOTHING},
    {"hard sigmoid with 1/5", hard_sigmoid_of_a_fifth, NOTHING},
    {"a fifth of hardswish", swish_with_2, NOTHING},
    {"clip from 1 on", clip_from_1, NOTHING},
    {"erf(x / sqrt 3)", gelu_of_3, NOTHING},
    {"three factors", three_factors, NOTHING},
    {"a number of higher rank", number_that_enlarges, NOTHING},
};

static void test_activations(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        builder b;
        builder_init(&b, NULL);
        davit_value_id x = builder_input(&b, "x", DAVIT_F32, 3, shape);
        /* Wider than [-1, 1), so that clips clip; itself a product, which must not be taken
         * apart. */
        davit_value_id wide = mul(&b, x, number(&b, 5));
        builder_output(&b, forms[i].build(&b, wide));
        builder_compare_pass(&b, davit_pass_recompose);
        bool one = b.graph->order_count == 2;
        if (one != (forms[i].becomes != NOTHING)) {
            fail_msg("%s: %zu nodes", forms[i].name, b.graph->order_count);
        }
        if (one) {
            assert_int_equal(builder_only(&b, forms[i].becomes)->inputs[0], wide);
        }
        builder_clear(&b);
    }
}

/* The product in the middle has another reader: it is computed anyway, and stays. */
static void test_shared_parts_stay(void **state)
{
    (void)state;
    builder b;
    builder_init(&b, NULL);
    davit_value_id x = builder_input(&b, "x", DAVIT_F32, 3, shape);
    davit_value_id product = mul(&b, x, relu6_3(&b, x));
    builder_output(&b, divide(&b, product, number(&b, 6)));
    builder_output(&b, product);
    builder_compare_pass(&b, davit_pass_recompose);
    assert_int_equal(b.graph->order_count, 4);
    builder_clear(&b);
}

/* ---- layer normalisation ---- */

typedef struct layer_norm_form {
    bool two_subs, square_by_mul, reciprocal, negative_axis;
    int axes; /* how many of the last ones */
    bool scale, bias;
    bool leading_ones; /* parameters of the rank of x */
} layer_norm_form;

static davit_value_id mean(builder *b, davit_value_id x, const layer_norm_form *form)
{
    int64_t axes[3];
    for (int i = 0; i < form->axes; i++) {
        axes[i] = form->negative_axis ? -1 - i : 2 - i;
    }
    return builder_binary(b, DAVIT_OP_ReduceMean, x, builder_ints(b, (size_t)form->axes, axes));
}

static davit_value_id parameter(builder *b, const layer_norm_form *form, uint64_t seed)
{
    int64_t dims[] = {1, form->axes > 1 ? 3 : 1, 4};
    return form->leading_ones ? builder_random(b, 3, dims, &seed)
                              : builder_random(b, form->axes, shape + 3 - form->axes, &seed);
}

static davit_value_id build_layer_norm(builder *b, davit_value_id x, const layer_norm_form *form)
{
    davit_value_id middle = mean(b, x, form);
    davit_value_id centred = builder_binary(b, DAVIT_OP_Sub, x, middle);
    davit_value_id again = form->two_subs ? builder_binary(b, DAVIT_OP_Sub, x, middle) : centred;
    davit_value_id square = form->square_by_mul
                                ? mul(b, again, again)
                                : builder_binary(b, DAVIT_OP_Pow, again, number(b, 2));
    davit_value_id variance = add(b, mean(b, square, form), number(b, 1e-5));
    davit_value_id root = builder_unary(b, DAVIT_OP_Sqrt, variance);
    davit_value_id y = form->reciprocal
                           ? mul(b, builder_unary(b, DAVIT_OP_Reciprocal, root), centred)
                           : divide(b, centred, root);
    if (form->scale) {
        y = mul(b, parameter(b, form, 5), y);
    }
    return form->bias ? add(b, y, parameter(b, form, 6)) : y;
}

static void test_layer_norms(void **state)
{
    (void)state;
    static const layer_norm_form cases[] = {
        {.axes = 1, .negative_axis = true, .scale = true, .bias = true},
        {.axes = 1, .scale = true, .bias = true, .leading_ones = true},
        {.axes = 2, .scale = true, .bias = true},
        {.axes = 2, .scale = true, .leading_ones = true},
        {.axes = 1, .two_subs = true, .bias = true},
        {.axes = 1, .square_by_mul = true},
        {.axes = 3, .reciprocal = true, .negative_axis = true, .scale = true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        builder b;
        builder_init(&b, NULL);
        davit_value_id x = builder_input(&b, "x", DAVIT_F32, 3, shape);
        builder_output(&b, build_layer_norm(&b, x, &cases[i]));
        builder_compare_pass(&b, davit_pass_recompose);
        assert_int_equal(b.graph->order_count, 1);
        const davit_node *node = builder_only(&b, DAVIT_OP_LayerNormalization);
        assert_int_equal(davit_node_int(node, "axis", -1), 3 - cases[i].axes);
        assert_int_equal(node->input_count, cases[i].bias ? 3 : 2);
        builder_clear(&b);
    }
}

/* A scale that changes along an axis that is not normalised stays a node of its own. */
static void test_foreign_scale_stays(void **state)
{
    (void)state;
    builder b;
    uint64_t seed = 8;
    const layer_norm_form form = {.axes = 1};
    builder_init(&b, NULL);
    davit_value_id x = builder_input(&b, "x", DAVIT_F32, 3, shape);
    davit_value_id scale = builder_random(&b, 2, (const int64_t[]){3, 4}, &seed);
    builder_output(&b, mul(&b, build_layer_norm(&b, x, &form), scale));
    builder_compare_pass(&b, davit_pass_recompose);
    assert_int_equal(b.graph->order_count, 2);
    assert_int_equal(builder_count(&b, DAVIT_OP_LayerNormalization), 1);
    builder_clear(&b);
}

/* The mean of another value is taken off: the deviation is that of x, the centre is not. */
static void test_foreign_centre_stays(void **state)
{
    (void)state;
    builder b;
    const layer_norm_form form = {.axes = 1};
    builder_init(&b, NULL);
    davit_value_id x = builder_input(&b, "x", DAVIT_F32, 3, shape);
    davit_value_id y = builder_input(&b, "y", DAVIT_F32, 3, shape);
    davit_value_id middle = mean(&b, x, &form);
    davit_value_id centred = builder_binary(&b, DAVIT_OP_Sub, x, middle);
    davit_value_id variance = add(&b, mean(&b, mul(&b, centred, centred), &form), number(&b, 1));
    davit_value_id root = builder_unary(&b, DAVIT_OP_Sqrt, variance);
    builder_output(&b, divide(&b, builder_binary(&b, DAVIT_OP_Sub, y, middle), root));
    builder_compare_pass(&b, davit_pass_recompose);
    assert_int_equal(builder_count(&b, DAVIT_OP_LayerNormalization), 0);
    builder_clear(&b);
}

/* The mean is taken over other axes than the variance. */
static void test_two_sets_of_axes_stay(void **state)
{
    (void)state;
    builder b;
    const layer_norm_form one = {.axes = 1};
    const layer_norm_form two = {.axes = 2};
    builder_init(&b, NULL);
    davit_value_id x = builder_input(&b, "x", DAVIT_F32, 3, shape);
    davit_value_id centred = builder_binary(&b, DAVIT_OP_Sub, x, mean(&b, x, &two));
    davit_value_id variance = add(&b, mean(&b, mul(&b, centred, centred), &one), number(&b, 1));
    builder_output(&b, divide(&b, centred, builder_unary(&b, DAVIT_OP_Sqrt, variance)));
    builder_compare_pass(&b, davit_pass_recompose);
    assert_int_equal(builder_count(&b, DAVIT_OP_LayerNormalization), 0);
    builder_clear(&b);
}

/* Means over the first axes are no layer normalisation. */
static void test_first_axes_stay(void **state)
{
    (void)state;
    builder b;
    builder_init(&b, NULL);
    davit_value_id x = builder_input(&b, "x", DAVIT_F32, 3, shape);
    davit_value_id axes = builder_ints(&b, 1, (const int64_t[]){0});
    davit_value_id centred =
        builder_binary(&b, DAVIT_OP_Sub, x, builder_binary(&b, DAVIT_OP_ReduceMean, x, axes));
    davit_value_id variance =
        builder_binary(&b, DAVIT_OP_ReduceMean, mul(&b, centred, centred), axes);
    davit_value_id root = builder_unary(&b, DAVIT_OP_Sqrt, add(&b, variance, number(&b, 1e-5)));
    builder_output(&b, divide(&b, centred, root));
    builder_compare_pass(&b, davit_pass_recompose);
    assert_int_equal(builder_count(&b, DAVIT_OP_LayerNormalization), 0);
    builder_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_activations),          cmocka_unit_test(test_shared_parts_stay),
        cmocka_unit_test(test_layer_norms),          cmocka_unit_test(test_foreign_scale_stays),
        cmocka_unit_test(test_foreign_centre_stays), cmocka_unit_test(test_two_sets_of_axes_stay),
        cmocka_unit_test(test_first_axes_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
