/* Convolutions and matrix products as quantisers write them become one integer operator each, which
 * computes what the float graph between the bytes computes, to one step of the output. */
#include "quantized.h"

#include "davit/integer.h"

#include <math.h>

static void test_convolutions(void **state)
{
    (void)state;
    static const struct {
        quantized_convolution quantized_convolution;
        davit_dtype weights; /* expected */
    } cases[] = {
        {{DAVIT_OP_Conv, 1, {DAVIT_S8, 0, 0, 1}, false}, DAVIT_S8},
        {{DAVIT_OP_Conv, 1, {DAVIT_S8, 0, 0, 4}, true}, DAVIT_S8},
        {{DAVIT_OP_Conv, 2, {DAVIT_U8, 128, 0, 1}, true}, DAVIT_S8},
        {{DAVIT_OP_Conv, 2, {DAVIT_U8, 90, 0, 4}, true}, DAVIT_S16},
        {{DAVIT_OP_Conv, 1, {DAVIT_S8, -3, 0, 4}, false}, DAVIT_S16},
        {{DAVIT_OP_ConvTranspose, 1, {DAVIT_S8, 0, 1, 4}, true}, DAVIT_S8},
        {{DAVIT_OP_ConvTranspose, 2, {DAVIT_U8, 90, 1, 2}, true}, DAVIT_S16},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const davit_quant8 *type = i % 2 ? &quantized_b : &quantized_a;
        const davit_quant8 output = {i % 3 ? DAVIT_U8 : DAVIT_S8, 0.09f, i % 3 ? 130 : 1};
        builder b;
        builder_init(&b, NULL);
        davit_value_id x = quantized_input(&b, "x", 4, quantized_image, type);
        quantized_check_integer(&b, quantized_convolve(&b, x, &cases[i].quantized_convolution),
                                &output);
        const davit_node *node = builder_only(&b, cases[i].quantized_convolution.op == DAVIT_OP_Conv
                                                      ? DAVIT_OP_IntegerConv
                                                      : DAVIT_OP_IntegerConvTranspose);
        assert_string_equal(node->name, "conv");
        assert_int_equal(b.graph->values[node->inputs[1]].desc.dtype, cases[i].weights);
        assert_int_equal(b.graph->integer_count, 1);
        builder_clear(&b);
    }
}

/* What quantisers leave between a convolution and QuantizeLinear. */
static void test_what_follows_a_convolution(void **state)
{
    (void)state;
    static const struct {
        bool residual, relu, clip;
    } cases[] = {{false, true, false}, {false, false, true}, {true, false, false},
                 {true, true, false},  {true, false, true},  {false, true, true}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const davit_quant8 output = {DAVIT_S8, 0.06f, 3};
        builder b;
        builder_init(&b, NULL);
        davit_value_id y = quantized_convolve(
            &b, quantized_input(&b, "x", 4, quantized_image, &quantized_a), &quantized_plain);
        if (cases[i].residual) {
            static const int64_t result[] = {2, 4, 8, 9};
            davit_value_id other = quantized_input(&b, "residual", 4, result, &quantized_b);
            y = i == 3 ? builder_binary(&b, DAVIT_OP_Add, other, y)
                       : builder_binary(&b, DAVIT_OP_Add, y, other);
        }
        if (cases[i].relu) {
            y = builder_unary(&b, DAVIT_OP_Relu, y);
        }
        if (cases[i].clip) {
            y = builder_node(&b, DAVIT_OP_Clip, NULL, y, builder_number(&b, -1.0f),
                             builder_number(&b, 2.0f));
        }
        quantized_check_integer(&b, y, &output);
        const davit_node *node = builder_only(&b, DAVIT_OP_IntegerConv);
        davit_result_spec result = davit_integer_result(node);
        assert_true(result.low == (cases[i].relu ? 0.0f : cases[i].clip ? -1.0f : -INFINITY));
        assert_true(result.high == (cases[i].clip ? 2.0f : INFINITY));
        assert_int_equal(node->input_count, cases[i].residual ? 4 : 3);
        assert_int_equal(b.graph->integer_count, 1);
        builder_clear(&b);
    }
}

/* s32 in the units of the accumulator is taken as it is; other scales are converted. */
static void test_quantised_bias(void **state)
{
    (void)state;
    for (int exact = 0; exact < 2; exact++) {
        static const int64_t dims[] = {1, 2, 1, 1};
        const int32_t weights[] = {0x40};
        const float unit = quantized_a.scale * 0.5f;
        const int64_t one = 1;
        builder b;
        davit_tensor *bias;
        davit_value_id inputs[3];
        builder_init(&b, NULL);
        inputs[0] = quantized_input(&b, "x", 4, dims, &quantized_a);
        davit_tensor *w;
        assert_int_equal(davit_tensor_create(b.graph->allocator, DAVIT_S8, 4, dims, &w), DAVIT_OK);
        ((int8_t *)w->data)[0] = (int8_t)weights[0];
        assert_int_equal(davit_graph_add_constant(b.graph, NULL, w, &inputs[1]), DAVIT_OK);
        inputs[1] =
            builder_binary(&b, DAVIT_OP_DequantizeLinear, inputs[1], quantized_scale(&b, 0.5f));
        assert_int_equal(davit_tensor_create(b.graph->allocator, DAVIT_S32, 1, &one, &bias),
                         DAVIT_OK);
        ((int32_t *)bias->data)[0] = 12345;
        assert_int_equal(davit_graph_add_constant(b.graph, NULL, bias, &inputs[2]), DAVIT_OK);
        inputs[2] = builder_binary(&b, DAVIT_OP_DequantizeLinear, inputs[2],
                                   quantized_scale(&b, exact ? unit : unit / 2.0f));
        davit_value_id y = builder_node(&b, DAVIT_OP_Conv, NULL, inputs[0], inputs[1], inputs[2]);
        quantized_check_integer(&b, y, &quantized_b);
        const davit_node *node = builder_only(&b, DAVIT_OP_IntegerConv);
        const davit_tensor *found = b.graph->values[node->inputs[2]].constant;
        assert_int_equal(((const int32_t *)found->data)[0], exact ? 12345 : 6172);
        builder_clear(&b);
    }
}

static void test_matrix_products(void **state)
{
    (void)state;
    for (int form = 0; form < 4; form++) {
        const davit_quant8 output = {DAVIT_U8, 0.05f, 121};
        const int64_t dims[] = {form == 1 ? 4 : 6, form == 1 ? 6 : 4};
        const quantized_weights weights = {DAVIT_S8, 0, form == 1 ? 0 : 1, form == 3 ? 1 : 4};
        uint64_t seed = 9;
        builder b;
        builder_init(&b, NULL);
        davit_value_id x = quantized_input(&b, "x", 2, quantized_matrix, &quantized_a);
        davit_value_id w = quantized_constant(&b, 2, dims, &weights);
        davit_value_id bias = builder_random(&b, 1, (const int64_t[]){4}, &seed);
        davit_value_id y;
        if (form == 0 || form == 3) {
            y = builder_binary(&b, DAVIT_OP_Add, bias, builder_binary(&b, DAVIT_OP_MatMul, x, w));
        } else {
            const davit_attribute transposed = {
                .name = "transB", .type = DAVIT_ATTRIBUTE_INT, .u.i = form == 1};
            const davit_value_id inputs[] = {x, w, bias};
            davit_node_spec spec = {.op = DAVIT_OP_Gemm,
                                    .input_count = 3,
                                    .inputs = inputs,
                                    .attribute_count = 1,
                                    .attributes = &transposed};
            y = builder_node_with(&b, &spec);
        }
        quantized_check_integer(&b, y, &output);
        (void)builder_only(&b, DAVIT_OP_IntegerMatMul);
        builder_clear(&b);
    }
}

static void test_product_of_two_values(void **state)
{
    (void)state;
    builder b;
    builder_init(&b, NULL);
    davit_value_id x = quantized_input(&b, "x", 3, (const int64_t[]){2, 5, 6}, &quantized_a);
    davit_value_id y = quantized_input(&b, "y", 3, (const int64_t[]){2, 6, 3}, &quantized_b);
    quantized_check_integer(&b, builder_binary(&b, DAVIT_OP_MatMul, x, y), &quantized_b);
    (void)builder_only(&b, DAVIT_OP_IntegerProduct);
    builder_clear(&b);
}

/* What PyTorch writes: f32 weights behind QuantizeLinear, a Flatten without nodes of its own, a
 * transposed matrix, the mean over the image as ReduceMean. */
static void test_pytorch(void **state)
{
    (void)state;
    static const davit_quant8 of_weights = {DAVIT_S8, 0.007f, 0};
    uint64_t seed = 4;
    for (int64_t keep = 0; keep < 2; keep++) {
        builder b;
        builder_init(&b, NULL);
        davit_value_id x = quantized_input(&b, "x", 4, quantized_image, &quantized_a);
        const davit_value_id inputs[] = {x, builder_ints(&b, 2, (const int64_t[]){-1, -2})};
        const davit_attribute keepdims = {
            .name = "keepdims", .type = DAVIT_ATTRIBUTE_INT, .u.i = keep};
        const davit_node_spec mean = {.op = DAVIT_OP_ReduceMean,
                                      .input_count = 2,
                                      .inputs = inputs,
                                      .attribute_count = 1,
                                      .attributes = &keepdims};
        davit_value_id y = quantized_both(&b, builder_node_with(&b, &mean), &quantized_b);
        y = keep ? builder_unary(&b, DAVIT_OP_Flatten, y) : y;
        davit_value_id w = builder_random(&b, 2, (const int64_t[]){4, 6}, &seed);
        w = builder_unary(&b, DAVIT_OP_Transpose, quantized_both(&b, w, &of_weights));
        y = builder_binary(&b, DAVIT_OP_Add, builder_binary(&b, DAVIT_OP_MatMul, y, w),
                           builder_random(&b, 1, (const int64_t[]){4}, &seed));
        quantized_check_integer(&b, builder_unary(&b, DAVIT_OP_Relu, y), &quantized_c);
        (void)builder_only(&b, DAVIT_OP_IntegerMatMul);
        (void)builder_only(&b, DAVIT_OP_IntegerAveragePool);
        assert_int_equal(b.graph->integer_count, 3);
        builder_clear(&b);
    }
}

/* Parts of one product, quantised alike, are parts of one integer product. */
static void test_split_product(void **state)
{
    (void)state;
    static const quantized_weights weights = {DAVIT_S8, 0, 1, 4};
    const davit_attribute attributes[] = {
        {.name = "axis", .type = DAVIT_ATTRIBUTE_INT, .u.i = 1},
        {.name = "num_outputs", .type = DAVIT_ATTRIBUTE_INT, .u.i = 2}};
    builder b;
    builder_init(&b, NULL);
    davit_value_id x = quantized_input(&b, "x", 2, quantized_matrix, &quantized_a);
    davit_value_id w = quantized_constant(&b, 2, (const int64_t[]){6, 4}, &weights);
    davit_value_id y = builder_binary(&b, DAVIT_OP_MatMul, x, w);
    davit_value_id parts[2];
    davit_node_id node;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(davit_graph_add_value(b.graph, NULL, &parts[i]), DAVIT_OK);
    }
    const davit_node_spec split = {.op = DAVIT_OP_Split,
                                   .input_count = 1,
                                   .output_count = 2,
                                   .attribute_count = 2,
                                   .inputs = &y,
                                   .outputs = parts,
                                   .attributes = attributes};
    assert_int_equal(davit_graph_add_node(b.graph, &split, &node), DAVIT_OK);
    y = builder_binary(&b, DAVIT_OP_Mul, quantized_both(&b, parts[0], &quantized_b),
                       quantized_both(&b, parts[1], &quantized_b));
    quantized_check_integer(&b, y, &quantized_a);
    assert_int_equal(builder_count(&b, DAVIT_OP_IntegerMatMul), 1);
    assert_int_equal(builder_count(&b, DAVIT_OP_Split), 1);
    builder_clear(&b);
}

static void test_qlinear(void **state)
{
    (void)state;
    static const int64_t dims[] = {4, 6};
    builder b;
    davit_diagnostics_buffer diag;
    builder_init(&b, NULL);
    davit_value_id x = builder_input(&b, "x", DAVIT_F32, 2, quantized_matrix);
    davit_tensor *w;
    davit_value_id inputs[8] = {quantized_quantize(&b, x, &quantized_a),
                                quantized_scale(&b, quantized_a.scale),
                                quantized_zero(&b, quantized_a.dtype, quantized_a.zero),
                                DAVIT_NONE,
                                builder_floats(&b, 1, dims, (const float[]){0.01f, 1, 2, 0.5f}),
                                quantized_zero(&b, DAVIT_S8, 0),
                                quantized_scale(&b, quantized_b.scale),
                                quantized_zero(&b, quantized_b.dtype, quantized_b.zero)};
    assert_int_equal(
        davit_tensor_create(b.graph->allocator, DAVIT_S8, 2, (const int64_t[]){6, 4}, &w),
        DAVIT_OK);
    ((int8_t *)w->data)[7] = -9;
    assert_int_equal(davit_graph_add_constant(b.graph, NULL, w, &inputs[3]), DAVIT_OK);
    davit_node_spec spec = {
        .name = "product", .op = DAVIT_OP_QLinearMatMul, .input_count = 8, .inputs = inputs};
    davit_value_id y = builder_node_with(&b, &spec);
    builder_output(&b, quantized_dequantize(&b, y, &quantized_b));
    builder_bind(&b);
    assert_int_equal(quantized_lower(b.graph, &diag), DAVIT_OK);
    assert_string_equal(builder_only(&b, DAVIT_OP_IntegerMatMul)->name, "product");
    assert_int_equal(b.graph->order_count, 3);
    builder_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_convolutions),
        cmocka_unit_test(test_what_follows_a_convolution),
        cmocka_unit_test(test_quantised_bias),
        cmocka_unit_test(test_matrix_products),
        cmocka_unit_test(test_product_of_two_values),
        cmocka_unit_test(test_pytorch),
        cmocka_unit_test(test_split_product),
        cmocka_unit_test(test_qlinear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
