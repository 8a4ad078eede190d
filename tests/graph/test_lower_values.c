/* Sums, functions, pools and movement of quantised values become integer operators, which compute
 * what the float graph between the bytes computes, to one step of the output. */
#include "quantized.h"

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
        davit_value_id x = quantized_input(&b, "x", 4, quantized_image, &quantized_a);
        davit_value_id y = quantized_input(&b, "y", 1, (const int64_t[]){9}, &quantized_b);
        davit_value_id sum = builder_binary(&b, op, x, y);
        quantized_check_integer(&b, i < 2 ? sum : builder_unary(&b, DAVIT_OP_Relu, sum),
                                &quantized_b);
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
        davit_value_id x = quantized_input(&b, "x", 4, quantized_image, &quantized_b);
        davit_value_id y = i == 0   ? pool(&b, DAVIT_OP_AveragePool, x)
                           : i == 1 ? builder_unary(&b, DAVIT_OP_GlobalAveragePool, x)
                           : i == 2 ? resize(&b, "linear", 6, x)
                           : i == 3 ? builder_unary(&b, DAVIT_OP_Softmax, x)
                           : i == 4 ? pool(&b, DAVIT_OP_MaxPool, x)
                                    : resize(&b, "nearest", 7, x);
        quantized_check_integer(&b, y, &quantized_a);
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
    for (size_t i = 0; i < count + 3; i++) {
        builder b;
        builder_init(&b, NULL);
        davit_value_id x = quantized_input(&b, "x", 2, quantized_matrix, &quantized_b);
        davit_value_id y;
        if (i < count) {
            y = builder_unary(&b, unary[i], x);
        } else if (i == count) { /* x * clip(x + 3, 0, 6) / 6 */
            y = builder_binary(&b, DAVIT_OP_Add, x, builder_number(&b, 3.0f));
            y = builder_node(&b, DAVIT_OP_Clip, NULL, y, builder_number(&b, 0.0f),
                             builder_number(&b, 6.0f));
            y = builder_binary(&b, DAVIT_OP_Mul, x, y);
            y = builder_binary(&b, DAVIT_OP_Div, y, builder_number(&b, 6.0f));
        } else if (i == count + 1) { /* a number that is quantised too */
            y = quantized_dequantize(&b, quantized_zero(&b, quantized_c.dtype, 200), &quantized_c);
            y = builder_binary(&b, DAVIT_OP_Add, x, y);
        } else { /* x / 2 * (1 + erf(x / sqrt 2)) */
            y = builder_binary(&b, DAVIT_OP_Div, x, builder_number(&b, 1.41421356f));
            y = builder_binary(&b, DAVIT_OP_Add, builder_unary(&b, DAVIT_OP_Erf, y),
                               builder_number(&b, 1.0f));
            y = builder_binary(&b, DAVIT_OP_Mul, builder_binary(&b, DAVIT_OP_Mul, x, y),
                               builder_number(&b, 0.5f));
        }
        quantized_check_integer(&b, y, &quantized_a);
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
        davit_value_id x = quantized_input(&b, "x", 2, quantized_matrix, &quantized_a);
        davit_value_id y =
            quantized_input(&b, "y", 2, quantized_matrix, differing ? &quantized_b : &quantized_a);
        quantized_check_integer(&b, concat(&b, x, y), differing == 2 ? &quantized_c : &quantized_a);
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
    davit_value_id x = quantized_input(&b, "x", 4, quantized_image, &quantized_b);
    davit_value_id y = builder_unary(&b, DAVIT_OP_Transpose, x);
    y = builder_binary(&b, DAVIT_OP_Reshape, y, builder_ints(&b, 3, shape));
    y = builder_node(&b, DAVIT_OP_Pad, NULL, y,
                     builder_ints(&b, 6, (const int64_t[]){0, 1, 0, 0, 0, 2}), DAVIT_NONE);
    quantized_check_integer(&b, y, &quantized_b);
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
        davit_value_id x = quantized_input(&b, "x", 2, quantized_matrix, &quantized_a);
        quantized_check_integer(&b, x, same ? &quantized_a : &quantized_b);
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
    davit_value_id x = quantized_input(&b, "x", 4, quantized_image, &quantized_a);
    davit_value_id y = quantized_convolve(&b, x, &quantized_plain);
    davit_value_id first = quantized_both(&b, y, &quantized_b);
    davit_value_id second = quantized_both(&b, builder_unary(&b, DAVIT_OP_Neg, x), &quantized_a);
    davit_value_id third = quantized_both(&b, y, &quantized_b);
    davit_value_id sum = builder_binary(&b, DAVIT_OP_Add, first, third);
    davit_value_id mean = builder_unary(&b, DAVIT_OP_GlobalAveragePool, second);
    davit_value_id mean_of_sum =
        builder_unary(&b, DAVIT_OP_GlobalAveragePool, quantized_both(&b, sum, &quantized_b));
    quantized_check_integer(&b,
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
        davit_value_id x = quantized_input(&b, "x", 4, quantized_image, &quantized_a);
        davit_value_id y =
            quantized_quantize(&b, quantized_convolve(&b, x, &quantized_plain), &quantized_b);
        davit_value_id again =
            quantized_quantize(&b, quantized_dequantize(&b, y, &quantized_b), &quantized_b);
        builder_output(&b, y);
        if (copies) {
            builder_output(&b, again);
        }
        builder_bind(&b);
        assert_int_equal(quantized_lower(b.graph, &diag), DAVIT_OK);
        assert_int_equal(b.graph->values[y].producer, b.graph->order[1]);
        assert_int_equal(b.graph->nodes[b.graph->order[1]].op->op, DAVIT_OP_IntegerConv);
        assert_int_equal(b.graph->values[y].desc.dtype, DAVIT_S8);
        assert_int_equal(builder_count(&b, DAVIT_OP_Identity), copies);
        builder_clear(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums_and_products), cmocka_unit_test(test_one_operand),
        cmocka_unit_test(test_functions),         cmocka_unit_test(test_concat),
        cmocka_unit_test(test_movement),          cmocka_unit_test(test_requantisation),
        cmocka_unit_test(test_shared_nodes),      cmocka_unit_test(test_outputs_of_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
