/* Operations of a node, on sizes small enough to count by hand. */
#include "builder.h"

#include "host/graph/unit_cost.h"

static void assert_flops(builder *b, davit_value_id result, uint64_t expected)
{
    builder_output(b, result);
    builder_bind(b);
    const davit_node *node = &b->graph->nodes[b->graph->values[result].producer];
    assert_int_equal(davit_node_flops(b->graph, node), expected);
    builder_clear(b);
}

static davit_value_id convolution(builder *b, davit_op op)
{
    static const int64_t strides[] = {2, 2};
    uint64_t seed = 1;
    builder_init(b, NULL);
    davit_attribute attributes[] = {
        {.name = "group", .type = DAVIT_ATTRIBUTE_INT, .u.i = 2},
        {.name = "strides", .type = DAVIT_ATTRIBUTE_INTS, .count = 2, .u.ints = strides},
    };
    davit_value_id inputs[] = {builder_input(b, "x", DAVIT_F32, 4, (const int64_t[]){1, 4, 5, 5}),
                               builder_random(b, 4, (const int64_t[]){4, 2, 3, 3}, &seed)};
    davit_node_spec spec = {.op = op,
                            .input_count = 2,
                            .inputs = inputs,
                            .attribute_count = 2,
                            .attributes = attributes};
    return builder_node_with(b, &spec);
}

static void test_convolutions(void **state)
{
    (void)state;
    builder b;
    /* 4 x 2 x 2 results of 2 channels x 3 x 3. */
    davit_value_id y = convolution(&b, DAVIT_OP_Conv);
    assert_flops(&b, y, 2 * 4 * 2 * 2 * 2 * 9);
    /* Each of 4 x 5 x 5 inputs goes to 2 channels x 3 x 3. */
    y = convolution(&b, DAVIT_OP_ConvTranspose);
    assert_flops(&b, y, 2 * 4 * 5 * 5 * 2 * 9);
}

static void test_products(void **state)
{
    (void)state;
    builder b;
    builder_init(&b, NULL);
    davit_value_id x = builder_input(&b, "x", DAVIT_F32, 3, (const int64_t[]){2, 3, 4});
    davit_value_id w = builder_input(&b, "w", DAVIT_F32, 2, (const int64_t[]){4, 5});
    assert_flops(&b, builder_binary(&b, DAVIT_OP_MatMul, x, w), 2 * 2 * 3 * 5 * 4);

    builder_init(&b, NULL);
    davit_value_id inputs[] = {
        builder_input(&b, "x", DAVIT_F32, 2, (const int64_t[]){4, 3}), /* transposed */
        builder_input(&b, "w", DAVIT_F32, 2, (const int64_t[]){4, 5})};
    davit_attribute transposed = {.name = "transA", .type = DAVIT_ATTRIBUTE_INT, .u.i = 1};
    davit_node_spec spec = {.op = DAVIT_OP_Gemm,
                            .input_count = 2,
                            .inputs = inputs,
                            .attribute_count = 1,
                            .attributes = &transposed};
    assert_flops(&b, builder_node_with(&b, &spec), 2 * 3 * 5 * 4);
}

static void test_the_rest(void **state)
{
    (void)state;
    const int64_t image[] = {1, 2, 4, 4};
    const int64_t kernel[] = {2, 2};
    builder b;
    builder_init(&b, NULL);
    davit_value_id x = builder_input(&b, "x", DAVIT_F32, 4, image);
    davit_attribute attribute = {
        .name = "kernel_shape", .type = DAVIT_ATTRIBUTE_INTS, .count = 2, .u.ints = kernel};
    davit_node_spec spec = {.op = DAVIT_OP_MaxPool,
                            .input_count = 1,
                            .inputs = &x,
                            .attribute_count = 1,
                            .attributes = &attribute};
    assert_flops(&b, builder_node_with(&b, &spec), 2 * 3 * 3 * 4);

    static const struct {
        davit_op op;
        uint64_t flops;
    } cases[] = {
        {DAVIT_OP_Relu, 32},     {DAVIT_OP_GlobalAveragePool, 32}, {DAVIT_OP_Softmax, 4 * 32},
        {DAVIT_OP_Transpose, 0}, {DAVIT_OP_Identity, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        builder_init(&b, NULL);
        x = builder_input(&b, "x", DAVIT_F32, 4, image);
        assert_flops(&b, builder_unary(&b, cases[i].op, x), cases[i].flops);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_convolutions),
        cmocka_unit_test(test_products),
        cmocka_unit_test(test_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
