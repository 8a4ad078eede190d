/* Each pattern that quantisers write becomes the expected operators, and the lowered graph computes
 * what the float graph between the bytes computes, to one step of the output. */
#include "quantized.h"

#include "counting_allocator.h"

#include "davit/integer.h"
#include "davit/reference.h"

#include <math.h>
#include <stdio.h>

static const int64_t image[] = {2, 6, 7, 9};
static const int64_t matrix[] = {5, 6};

static davit_status lower(davit_graph *graph, davit_diagnostics_buffer *diag)
{
    davit_diagnostics_buffer_init(diag);
    return davit_pass_lower_integer(graph, davit_reference_evaluator(), &diag->sink);
}

/* Lowers, and compares the first output with that of the graph before: f32, multiples of step. */
static void check_lowered(builder *b, float step)
{
    davit_graph *before;
    davit_diagnostics_buffer diag;
    builder_bind(b);
    assert_int_equal(davit_graph_clone(b->graph, &before), DAVIT_OK);
    assert_int_equal(lower(b->graph, &diag), DAVIT_OK);
    assert_string_equal(diag.text, "");
    for (uint64_t seed = 0; seed < 4; seed++) {
        davit_tensor *expected = builder_evaluate(before, 0, seed);
        davit_tensor *found = builder_evaluate(b->graph, 0, seed);
        assert_true(davit_tensor_desc_same_shape(&expected->desc, &found->desc));
        for (int64_t i = 0; i < davit_tensor_desc_elems(&expected->desc); i++) {
            float x = ((const float *)expected->data)[i];
            float y = ((const float *)found->data)[i];
            if (fabsf(x - y) > 1.001f * step) {
                fail_msg("element %lld: %g, not %g", (long long)i, (double)y, (double)x);
            }
        }
        davit_tensor_destroy(expected);
        davit_tensor_destroy(found);
    }
    davit_graph_destroy(before);
}

/* Quantises value, makes it the output, lowers, and asserts that nothing between the quantised
 * inputs and the output stays f32. */
static void check_integer(builder *b, davit_value_id value, const davit_quant8 *type)
{
    builder_output(b, quantized_both(b, value, type));
    check_lowered(b, type->scale);
    assert_int_equal(b->graph->kept_count, 0);
    assert_int_equal(builder_count(b, DAVIT_OP_DequantizeLinear), 1);
    assert_int_equal(builder_count(b, DAVIT_OP_QuantizeLinear), b->graph->input_count);
}

/* ---- convolutions and matrix products ---- */

typedef struct convolution {
    davit_op op;
    int64_t groups;
    quantized_weights weights;
    bool bias;
} convolution;

/* With an f32 bias of 4 channels. */
static davit_value_id convolve(builder *b, davit_value_id x, const convolution *c)
{
    static const int64_t pads[] = {1, 0, 2, 1};
    bool transposed = c->op == DAVIT_OP_ConvTranspose;
    const int64_t dims[] = {transposed ? 6 : 4, (transposed ? 4 : 6) / c->groups, 3, 2};
    uint64_t seed = 3;
    davit_attribute attributes[] = {
        {.name = "pads", .type = DAVIT_ATTRIBUTE_INTS, .count = 4, .u.ints = pads},
        {.name = "group", .type = DAVIT_ATTRIBUTE_INT, .u.i = c->groups},
    };
    davit_value_id inputs[] = {x, quantized_constant(b, 4, dims, &c->weights),
                               c->bias ? builder_random(b, 1, (const int64_t[]){4}, &seed)
                                       : DAVIT_NONE};
    davit_node_spec spec = {.name = "conv",
                            .op = c->op,
                            .input_count = c->bias ? 3 : 2,
                            .inputs = inputs,
                            .attribute_count = 2,
                            .attributes = attributes};
    return builder_node_with(b, &spec);
}

static const convolution plain = {DAVIT_OP_Conv, 1, {DAVIT_S8, 0, 0, 1}, true};

static void test_convolutions(void **state)
{
    (void)state;
    static const struct {
        convolution convolution;
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
        davit_value_id x = quantized_input(&b, "x", 4, image, type);
        check_integer(&b, convolve(&b, x, &cases[i].convolution), &output);
        const davit_node *node = builder_only(&b, cases[i].convolution.op == DAVIT_OP_Conv
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
        davit_value_id y = convolve(&b, quantized_input(&b, "x", 4, image, &quantized_a), &plain);
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
        check_integer(&b, y, &output);
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
        check_integer(&b, y, &quantized_b);
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
        davit_value_id x = quantized_input(&b, "x", 2, matrix, &quantized_a);
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
        check_integer(&b, y, &output);
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
    check_integer(&b, builder_binary(&b, DAVIT_OP_MatMul, x, y), &quantized_b);
    (void)builder_only(&b, DAVIT_OP_IntegerProduct);
    builder_clear(&b);
}

/* ---- other operators ---- */

static davit_value_id concat(builder *b, davit_value_id x, davit_value_id y)
{
    const davit_attribute axis = {.name = "axis", .type = DAVIT_ATTRIBUTE_INT, .u.i = 1};
    const davit_value_id inputs[] = {x, y};
    davit_node_spec spec = {.op = DAVIT_OP_Concat,
                            .input_count = 2,
                            .inputs = inputs,
                            .attribute_count = 1,
                            .attributes = &axis};
    return builder_node_with(b, &spec);
}

static davit_value_id pool(builder *b, davit_op op, davit_value_id x)
{
    static const int64_t kernel[] = {3, 2};
    const davit_attribute attributes[] = {
        {.name = "kernel_shape", .type = DAVIT_ATTRIBUTE_INTS, .count = 2, .u.ints = kernel}};
    davit_node_spec spec = {
        .op = op, .input_count = 1, .inputs = &x, .attribute_count = 1, .attributes = attributes};
    return builder_node_with(b, &spec);
}

static davit_value_id resize(builder *b, const char *mode, size_t length, davit_value_id x)
{
    static const float scales[] = {1.0f, 1.0f, 2.0f, 1.5f};
    const davit_attribute attribute = {
        .name = "mode", .type = DAVIT_ATTRIBUTE_STRING, .count = length, .u.s = mode};
    const davit_value_id inputs[] = {x, DAVIT_NONE,
                                     builder_floats(b, 1, (const int64_t[]){4}, scales)};
    davit_node_spec spec = {.op = DAVIT_OP_Resize,
                            .input_count = 3,
                            .inputs = inputs,
                            .attribute_count = 1,
                            .attributes = &attribute};
    return builder_node_with(b, &spec);
}

static void test_sums_and_products(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        davit_op op = i % 2 ? DAVIT_OP_Mul : DAVIT_OP_Add;
        builder b;
        builder_init(&b, NULL);
        davit_value_id x = quantized_input(&b, "x", 4, image, &quantized_a);
        davit_value_id y = quantized_input(&b, "y", 1, (const int64_t[]){9}, &quantized_b);
        davit_value_id sum = builder_binary(&b, op, x, y);
        check_integer(&b, i < 2 ? sum : builder_unary(&b, DAVIT_OP_Relu, sum), &quantized_b);
        (void)builder_only(&b, i % 2 ? DAVIT_OP_IntegerMul : DAVIT_OP_IntegerAdd);
        assert_int_equal(b.graph->integer_count, 1);
        builder_clear(&b);
    }
}

static void test_one_operand(void **state)
{
    (void)state;
    static const davit_op expected[] = {DAVIT_OP_IntegerAveragePool,
                                        DAVIT_OP_IntegerAveragePool,
                                        DAVIT_OP_IntegerResize,
                                        DAVIT_OP_IntegerSoftmax,
                                        DAVIT_OP_MaxPool,
                                        DAVIT_OP_Resize};
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        builder b;
        builder_init(&b, NULL);
        davit_value_id x = quantized_input(&b, "x", 4, image, &quantized_b);
        davit_value_id y = i == 0   ? pool(&b, DAVIT_OP_AveragePool, x)
                           : i == 1 ? builder_unary(&b, DAVIT_OP_GlobalAveragePool, x)
                           : i == 2 ? resize(&b, "linear", 6, x)
                           : i == 3 ? builder_unary(&b, DAVIT_OP_Softmax, x)
                           : i == 4 ? pool(&b, DAVIT_OP_MaxPool, x)
                                    : resize(&b, "nearest", 7, x);
        check_integer(&b, y, &quantized_a);
        (void)builder_only(&b, expected[i]);
        assert_int_equal(builder_count(&b, DAVIT_OP_IntegerLookup), i > 3);
        builder_clear(&b);
    }
}

/* Functions of one value, alone and written out in several operators, are one table. */
static void test_functions(void **state)
{
    (void)state;
    static const davit_op unary[] = {DAVIT_OP_Relu,      DAVIT_OP_Sigmoid,    DAVIT_OP_Tanh,
                                     DAVIT_OP_HardSwish, DAVIT_OP_Gelu,       DAVIT_OP_LeakyRelu,
                                     DAVIT_OP_Silu,      DAVIT_OP_HardSigmoid};
    size_t count = sizeof(unary) / sizeof(unary[0]);
    for (size_t i = 0; i < count + 2; i++) {
        builder b;
        builder_init(&b, NULL);
        davit_value_id x = quantized_input(&b, "x", 2, matrix, &quantized_b);
        davit_value_id y;
        if (i < count) {
            y = builder_unary(&b, unary[i], x);
        } else if (i == count) { /* x * clip(x + 3, 0, 6) / 6 */
            y = builder_binary(&b, DAVIT_OP_Add, x, builder_number(&b, 3.0f));
            y = builder_node(&b, DAVIT_OP_Clip, NULL, y, builder_number(&b, 0.0f),
                             builder_number(&b, 6.0f));
            y = builder_binary(&b, DAVIT_OP_Mul, x, y);
            y = builder_binary(&b, DAVIT_OP_Div, y, builder_number(&b, 6.0f));
        } else { /* x / 2 * (1 + erf(x / sqrt 2)) */
            y = builder_binary(&b, DAVIT_OP_Div, x, builder_number(&b, 1.41421356f));
            y = builder_binary(&b, DAVIT_OP_Add, builder_unary(&b, DAVIT_OP_Erf, y),
                               builder_number(&b, 1.0f));
            y = builder_binary(&b, DAVIT_OP_Mul, builder_binary(&b, DAVIT_OP_Mul, x, y),
                               builder_number(&b, 0.5f));
        }
        check_integer(&b, y, &quantized_a);
        (void)builder_only(&b, DAVIT_OP_IntegerLookup);
        assert_int_equal(b.graph->integer_count, 1);
        builder_clear(&b);
    }
}

/* Concat of what differs needs a table for each input that is not of the output's type. */
static void test_concat(void **state)
{
    (void)state;
    for (size_t differing = 0; differing < 3; differing++) {
        builder b;
        builder_init(&b, NULL);
        davit_value_id x = quantized_input(&b, "x", 2, matrix, &quantized_a);
        davit_value_id y =
            quantized_input(&b, "y", 2, matrix, differing ? &quantized_b : &quantized_a);
        check_integer(&b, concat(&b, x, y), differing == 2 ? &quantized_c : &quantized_a);
        assert_int_equal(builder_count(&b, DAVIT_OP_IntegerLookup), differing);
        assert_int_equal(builder_count(&b, DAVIT_OP_Concat), 1);
        builder_clear(&b);
    }
}

static void test_movement(void **state)
{
    (void)state;
    const int64_t shape[] = {2, 54, 7};
    builder b;
    builder_init(&b, NULL);
    davit_value_id x = quantized_input(&b, "x", 4, image, &quantized_b);
    davit_value_id y = builder_unary(&b, DAVIT_OP_Transpose, x);
    y = builder_binary(&b, DAVIT_OP_Reshape, y, builder_ints(&b, 3, shape));
    y = builder_node(&b, DAVIT_OP_Pad, NULL, y,
                     builder_ints(&b, 6, (const int64_t[]){0, 1, 0, 0, 0, 2}), DAVIT_NONE);
    check_integer(&b, y, &quantized_b);
    assert_int_equal(b.graph->integer_count, 3);
    assert_int_equal(builder_count(&b, DAVIT_OP_IntegerLookup), 0);
    builder_clear(&b);
}

/* DequantizeLinear, QuantizeLinear: nothing where the types are the same, else one table. */
static void test_requantisation(void **state)
{
    (void)state;
    for (int same = 0; same < 2; same++) {
        builder b;
        builder_init(&b, NULL);
        davit_value_id x = quantized_input(&b, "x", 2, matrix, &quantized_a);
        check_integer(&b, x, same ? &quantized_a : &quantized_b);
        assert_int_equal(b.graph->order_count, same ? 2 : 3);
        assert_int_equal(builder_count(&b, DAVIT_OP_IntegerLookup), !same);
        builder_clear(&b);
    }
}

/* One DequantizeLinear read by several operators, one value quantised twice in the same way. */
static void test_shared_nodes(void **state)
{
    (void)state;
    builder b;
    builder_init(&b, NULL);
    davit_value_id x = quantized_input(&b, "x", 4, image, &quantized_a);
    davit_value_id y = convolve(&b, x, &plain);
    davit_value_id first = quantized_both(&b, y, &quantized_b);
    davit_value_id second = quantized_both(&b, builder_unary(&b, DAVIT_OP_Neg, x), &quantized_a);
    davit_value_id third = quantized_both(&b, y, &quantized_b);
    davit_value_id sum = builder_binary(&b, DAVIT_OP_Add, first, third);
    davit_value_id mean = builder_unary(&b, DAVIT_OP_GlobalAveragePool, second);
    davit_value_id mean_of_sum =
        builder_unary(&b, DAVIT_OP_GlobalAveragePool, quantized_both(&b, sum, &quantized_b));
    check_integer(&b,
                  concat(&b, quantized_both(&b, mean, &quantized_b),
                         quantized_both(&b, mean_of_sum, &quantized_b)),
                  &quantized_b);
    assert_int_equal(builder_count(&b, DAVIT_OP_IntegerConv), 1);
    builder_clear(&b);
}

/* A graph output that is bytes keeps its name and type. */
static void test_outputs_of_bytes(void **state)
{
    (void)state;
    for (int copies = 0; copies < 2; copies++) {
        builder b;
        davit_diagnostics_buffer diag;
        builder_init(&b, NULL);
        davit_value_id x = quantized_input(&b, "x", 4, image, &quantized_a);
        davit_value_id y = quantized_quantize(&b, convolve(&b, x, &plain), &quantized_b);
        davit_value_id again =
            quantized_quantize(&b, quantized_dequantize(&b, y, &quantized_b), &quantized_b);
        builder_output(&b, y);
        if (copies) {
            builder_output(&b, again);
        }
        builder_bind(&b);
        assert_int_equal(lower(b.graph, &diag), DAVIT_OK);
        assert_int_equal(b.graph->values[y].producer, b.graph->order[1]);
        assert_int_equal(b.graph->nodes[b.graph->order[1]].op->op, DAVIT_OP_IntegerConv);
        assert_int_equal(b.graph->values[y].desc.dtype, DAVIT_S8);
        assert_int_equal(builder_count(&b, DAVIT_OP_Identity), copies);
        builder_clear(&b);
    }
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
        davit_value_id x = quantized_input(&b, "x", 4, image, &quantized_a);
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
        check_integer(&b, builder_unary(&b, DAVIT_OP_Relu, y), &quantized_c);
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
    davit_value_id x = quantized_input(&b, "x", 2, matrix, &quantized_a);
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
    check_integer(&b, y, &quantized_a);
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
    davit_value_id x = builder_input(&b, "x", DAVIT_F32, 2, matrix);
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
    assert_int_equal(lower(b.graph, &diag), DAVIT_OK);
    assert_string_equal(builder_only(&b, DAVIT_OP_IntegerMatMul)->name, "product");
    assert_int_equal(b.graph->order_count, 3);
    builder_clear(&b);
}

/* ---- what stays f32 ---- */

static void check_kept(builder *b, davit_value_id output, const char *node, const char *reason)
{
    builder_output(b, output);
    check_lowered(b, 1e-6f);
    assert_int_equal(b->graph->kept_count, 1);
    assert_string_equal(b->graph->kept[0].node, node);
    assert_string_equal(b->graph->kept[0].reason, reason);
    builder_clear(b);
}

/* A convolution and its Relu, which both have to be computed in f32 anyway. */
static void check_two_kept(builder *b)
{
    check_lowered(b, 1e-6f);
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
    davit_value_id x = quantized_input(&b, "x", 4, image, &quantized_a);
    check_kept(&b, convolve(&b, x, &plain), "conv", "its result is not quantised");

    builder_init(&b, NULL);
    x = builder_input(&b, "x", DAVIT_F32, 4, image);
    check_kept(&b, quantized_both(&b, convolve(&b, x, &plain), &quantized_a), "conv",
               "its input is not quantised to 8 bits with one scale");

    builder_init(&b, NULL);
    x = quantized_input(&b, "x", 4, image, &quantized_a);
    davit_value_id w = builder_random(&b, 4, (const int64_t[]){4, 6, 1, 1}, &seed);
    davit_value_id y = builder_node(&b, DAVIT_OP_Conv, "conv", x, w, DAVIT_NONE);
    check_kept(&b, quantized_both(&b, y, &quantized_a), "conv", "its weights are not quantised");

    builder_init(&b, NULL);
    const convolution wrong_axis = {DAVIT_OP_Conv, 1, {DAVIT_S8, 0, 1, 6}, false};
    x = quantized_input(&b, "x", 4, image, &quantized_a);
    check_kept(&b, quantized_both(&b, convolve(&b, x, &wrong_axis), &quantized_a), "conv",
               "its weights have a scale for each slice of another axis than the output channels");

    builder_init(&b, NULL);
    x = quantized_input(&b, "x", 4, image, &quantized_a);
    y = convolve(&b, x, &plain);
    builder_output(&b, quantized_both(&b, y, &quantized_a));
    check_kept(&b, builder_unary(&b, DAVIT_OP_Neg, y), "conv",
               "its result is also used unquantised, or in another type");

    builder_init(&b, NULL);
    x = quantized_input(&b, "x", 4, image, &quantized_a);
    y = builder_unary(&b, DAVIT_OP_Relu, convolve(&b, x, &plain));
    builder_output(&b, quantized_both(&b, y, &quantized_a));
    builder_output(&b, y);
    check_two_kept(&b);

    builder_init(&b, NULL);
    x = quantized_input(&b, "x", 4, image, &quantized_a);
    y = builder_node(&b, DAVIT_OP_Ceil, "ceil", x, DAVIT_NONE, DAVIT_NONE);
    check_kept(&b, quantized_both(&b, y, &quantized_a), "ceil", "no integer form of it is known");

    builder_init(&b, NULL);
    x = quantized_input(&b, "x", 4, image, &quantized_a);
    y = builder_node(&b, DAVIT_OP_Relu, "relu", x, DAVIT_NONE, DAVIT_NONE);
    y = builder_node(&b, DAVIT_OP_QuantizeLinear, NULL, y, quantized_scale(&b, 0.1f),
                     quantized_zero(&b, DAVIT_U16, 9));
    y = builder_node(&b, DAVIT_OP_DequantizeLinear, NULL, y, quantized_scale(&b, 0.1f),
                     quantized_zero(&b, DAVIT_U16, 9));
    check_kept(&b, y, "relu", "quantised to more than 8 bits");
}

/* ---- refusals ---- */

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
        davit_value_id x = builder_input(&b, "x", DAVIT_F32, 2, matrix);
        builder_output(&b, builder_node(&b, DAVIT_OP_QuantizeLinear, "q", x,
                                        quantized_scale(&b, cases[i].scale),
                                        quantized_zero(&b, DAVIT_U8, 3)));
        builder_bind(&b);
        assert_int_equal(lower(b.graph, &diag), DAVIT_BAD_DATA);
        (void)snprintf(expected, sizeof(expected), "node 'q' (QuantizeLinear): scale 0 %s",
                       cases[i].defect);
        assert_string_equal(diag.text, expected);
        builder_clear(&b);
    }
}

/* ---- memory ---- */

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
        davit_value_id x = quantized_input(&b, "x", 4, image, &quantized_a);
        davit_value_id y = quantized_both(&b, convolve(&b, x, &plain), &quantized_b);
        y = builder_unary(&b, DAVIT_OP_Sigmoid, pool(&b, DAVIT_OP_MaxPool, y));
        builder_output(&b, quantized_both(&b, y, &quantized_c));
        builder_bind(&b);
        counting_allocator_restart(&counting, at);
        status = lower(b.graph, &diag);
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
        cmocka_unit_test(test_convolutions),
        cmocka_unit_test(test_what_follows_a_convolution),
        cmocka_unit_test(test_quantised_bias),
        cmocka_unit_test(test_matrix_products),
        cmocka_unit_test(test_product_of_two_values),
        cmocka_unit_test(test_sums_and_products),
        cmocka_unit_test(test_one_operand),
        cmocka_unit_test(test_functions),
        cmocka_unit_test(test_concat),
        cmocka_unit_test(test_movement),
        cmocka_unit_test(test_requantisation),
        cmocka_unit_test(test_shared_nodes),
        cmocka_unit_test(test_outputs_of_bytes),
        cmocka_unit_test(test_pytorch),
        cmocka_unit_test(test_split_product),
        cmocka_unit_test(test_qlinear),
        cmocka_unit_test(test_what_stays_f32),
        cmocka_unit_test(test_bad_scales),
        cmocka_unit_test(test_failed_allocations_are_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
