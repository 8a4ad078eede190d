#include "builder.h"

#include <math.h>
#include <string.h>

enum { BATCH = 2, IN = 6, OUT = 4 };

/* ---- anchors over 4 output channels ---- */

static davit_value_id convolution(builder *b, davit_op op, int64_t groups, bool bias)
{
    static const int64_t image[] = {BATCH, IN, 5, 7};
    static const int64_t kernel[] = {3, 2};
    bool transposed = op == DAVIT_OP_ConvTranspose;
    const int64_t weights[] = {transposed ? IN : OUT, (transposed ? OUT : IN) / groups, 3, 2};
    uint64_t seed = 1;
    davit_attribute attributes[] = {
        {.name = "kernel_shape", .type = DAVIT_ATTRIBUTE_INTS, .count = 2, .u.ints = kernel},
        {.name = "group", .type = DAVIT_ATTRIBUTE_INT, .u.i = groups},
    };
    davit_value_id inputs[] = {builder_input(b, "x", DAVIT_F32, 4, image),
                               builder_random(b, 4, weights, &seed),
                               builder_random(b, 1, (const int64_t[]){OUT}, &seed)};
    davit_node_spec spec = {.name = "anchor",
                            .op = op,
                            .input_count = bias ? 3 : 2,
                            .inputs = inputs,
                            .attribute_count = 2,
                            .attributes = attributes};
    return builder_node_with(b, &spec);
}

static davit_value_id gemm(builder *b, bool transposed, int bias_rank)
{
    const int64_t weights[] = {transposed ? OUT : IN, transposed ? IN : OUT};
    const int64_t bias[] = {1, OUT};
    uint64_t seed = 1;
    davit_attribute attributes[] = {
        {.name = "transB", .type = DAVIT_ATTRIBUTE_INT, .u.i = transposed},
        {.name = "alpha", .type = DAVIT_ATTRIBUTE_FLOAT, .u.f = 0.5f},
        {.name = "beta", .type = DAVIT_ATTRIBUTE_FLOAT, .u.f = -2.0f},
    };
    davit_value_id inputs[] = {
        builder_input(b, "x", DAVIT_F32, 2, (const int64_t[]){BATCH, IN}),
        builder_random(b, 2, weights, &seed),
        bias_rank >= 0 ? builder_random(b, bias_rank, bias + 2 - bias_rank, &seed) : DAVIT_NONE};
    davit_node_spec spec = {.name = "anchor",
                            .op = DAVIT_OP_Gemm,
                            .input_count = bias_rank >= 0 ? 3 : 2,
                            .inputs = inputs,
                            .attribute_count = 3,
                            .attributes = attributes};
    return builder_node_with(b, &spec);
}

static davit_value_id matmul(builder *b, int rank)
{
    const int64_t dims[] = {BATCH, OUT, IN};
    const int64_t weights[] = {IN, OUT};
    uint64_t seed = 1;
    return builder_node(b, DAVIT_OP_MatMul, "anchor",
                        builder_input(b, "x", DAVIT_F32, rank, dims + 3 - rank),
                        builder_random(b, 2, weights, &seed), DAVIT_NONE);
}

/* Anchor number i, -1 after the last. */
static davit_value_id build_anchor(builder *b, int i)
{
    builder_init(b, NULL);
    switch (i) {
    case 0:
        return convolution(b, DAVIT_OP_Conv, 1, true);
    case 1:
        return convolution(b, DAVIT_OP_Conv, 2, false);
    case 2:
        return convolution(b, DAVIT_OP_ConvTranspose, 1, false);
    case 3:
        return convolution(b, DAVIT_OP_ConvTranspose, 2, true);
    case 4:
        return gemm(b, false, 1);
    case 5:
        return gemm(b, true, 2);
    case 6:
        return gemm(b, true, -1);
    default:
        return matmul(b, 2);
    }
}
#define ANCHORS 8

/* ---- what follows ---- */

static davit_value_id channels(builder *b, davit_value_id like, uint64_t seed)
{
    static const int64_t image[] = {1, OUT, 1, 1};
    static const int64_t matrix[] = {OUT};
    bool is_image = b->graph->values[like].producer != DAVIT_NONE &&
                    b->graph->values[b->graph->inputs[0]].declared_rank == 4;
    return is_image ? builder_random(b, 4, image, &seed) : builder_random(b, 1, matrix, &seed);
}

static davit_value_id batch_norm(builder *b, davit_value_id x)
{
    const int64_t dims[] = {OUT};
    uint64_t seed = 9;
    davit_value_id inputs[] = {x, builder_random(b, 1, dims, &seed),
                               builder_random(b, 1, dims, &seed), builder_random(b, 1, dims, &seed),
                               builder_floats(b, 1, dims, (const float[]){0.5f, 1, 2, 3})};
    davit_attribute epsilon = {.name = "epsilon", .type = DAVIT_ATTRIBUTE_FLOAT, .u.f = 1e-3f};
    davit_node_spec spec = {.op = DAVIT_OP_BatchNormalization,
                            .input_count = 5,
                            .inputs = inputs,
                            .attribute_count = 1,
                            .attributes = &epsilon};
    return builder_node_with(b, &spec);
}

/* Chain number i of what is folded. */
static davit_value_id build_chain(builder *b, davit_value_id x, int i)
{
    switch (i) {
    case 0:
        return batch_norm(b, x);
    case 1:
        return builder_binary(b, DAVIT_OP_Mul, channels(b, x, 3), x);
    case 2:
        return builder_binary(b, DAVIT_OP_Add, x, channels(b, x, 4));
    case 3:
        return builder_binary(b, DAVIT_OP_Sub, channels(b, x, 5), x);
    case 4:
        return builder_binary(b, DAVIT_OP_Sub, x, channels(b, x, 6));
    case 5:
        return builder_binary(b, DAVIT_OP_Div, x, builder_number(b, -3));
    default: /* PP-LCNet: a bias, a batch norm, a scale and a shift */
        x = builder_binary(b, DAVIT_OP_Add, x, channels(b, x, 7));
        x = batch_norm(b, x);
        x = builder_binary(b, DAVIT_OP_Mul, builder_number(b, 1.5f), x);
        return builder_binary(b, DAVIT_OP_Add, x, builder_number(b, 0.25f));
    }
}
#define CHAINS 7

static void test_every_chain_folds_into_every_anchor(void **state)
{
    (void)state;
    for (int anchor = 0; anchor < ANCHORS; anchor++) {
        for (int chain = 0; chain < CHAINS; chain++) {
            builder b;
            davit_value_id x = build_anchor(&b, anchor);
            davit_value_id y = build_chain(&b, x, chain);
            builder_output(&b, y);
            builder_compare_pass(&b, davit_pass_fold_batch_norm);
            if (b.graph->order_count != 1) {
                fail_msg("anchor %d, chain %d: %zu nodes", anchor, chain, b.graph->order_count);
            }
            const davit_node *node = &b.graph->nodes[b.graph->order[0]];
            assert_string_equal(node->name, "anchor");
            assert_int_equal(node->outputs[0], y);
            builder_clear(&b);
        }
    }
}

/* Products of higher rank have no bias: a scale folds, a shift stays for the unit. */
static void test_matmul_of_rank_3(void **state)
{
    (void)state;
    builder b;
    builder_init(&b, NULL);
    davit_value_id x = matmul(&b, 3);
    x = builder_binary(&b, DAVIT_OP_Mul, x, builder_number(&b, 0.125f));
    x = builder_binary(&b, DAVIT_OP_Add, x, builder_number(&b, 1));
    builder_output(&b, x);
    builder_compare_pass(&b, davit_pass_fold_batch_norm);
    assert_int_equal(b.graph->order_count, 2);
    assert_int_equal(builder_count(&b, DAVIT_OP_MatMul), 1);
    assert_int_equal(builder_count(&b, DAVIT_OP_Add), 1);
    builder_clear(&b);
}

/* Not folded: another reader, a graph output between, constants along other axes, a number over
 * the result, computed weights, a variance of which there is no root. */
static davit_value_id build_unfoldable(builder *b, int i)
{
    uint64_t seed = 4;
    davit_value_id x = build_anchor(b, i == 6 ? 4 : 0);
    switch (i) {
    case 0:
        builder_output(b, builder_unary(b, DAVIT_OP_Relu, x));
        return builder_binary(b, DAVIT_OP_Mul, x, builder_number(b, 2));
    case 1:
        builder_output(b, x);
        return batch_norm(b, x);
    case 2:
        return builder_binary(b, DAVIT_OP_Mul, x,
                              builder_random(b, 1, (const int64_t[]){6}, &seed));
    case 3:
        return builder_binary(b, DAVIT_OP_Div, builder_number(b, 2), x);
    case 4:
        return builder_binary(b, DAVIT_OP_Mul, x, x);
    case 5:
        return builder_binary(b, DAVIT_OP_Mul, x,
                              builder_random(b, 5, (const int64_t[]){1, 1, OUT, 1, 1}, &seed));
    case 6:
        return builder_binary(b, DAVIT_OP_Add, x,
                              builder_random(b, 2, (const int64_t[]){BATCH, 1}, &seed));
    default:
        return builder_binary(b, DAVIT_OP_Mul, x, builder_number(b, INFINITY));
    }
}

static void test_the_rest_stays(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++) {
        builder b;
        builder_output(&b, build_unfoldable(&b, i));
        builder_bind(&b);
        size_t nodes = b.graph->order_count;
        assert_int_equal(davit_pass_fold_batch_norm(b.graph, &b.diag.sink), DAVIT_OK);
        assert_int_equal(b.graph->order_count, nodes);
        builder_clear(&b);
    }
}

/* Weights that two convolutions share are only changed for the one. */
static void test_shared_weights(void **state)
{
    (void)state;
    builder b;
    uint64_t seed = 1;
    builder_init(&b, NULL);
    davit_value_id x = builder_input(&b, "x", DAVIT_F32, 2, (const int64_t[]){OUT, OUT});
    davit_value_id weights = builder_random(&b, 2, (const int64_t[]){OUT, OUT}, &seed);
    davit_value_id left = builder_binary(&b, DAVIT_OP_MatMul, x, weights);
    left = builder_binary(&b, DAVIT_OP_Mul, left, builder_number(&b, 2));
    davit_value_id right = builder_binary(&b, DAVIT_OP_MatMul, x, weights);
    builder_output(&b, builder_binary(&b, DAVIT_OP_Sub, left, right));
    builder_compare_pass(&b, davit_pass_fold_batch_norm);
    assert_int_equal(b.graph->order_count, 3);
    builder_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_chain_folds_into_every_anchor),
        cmocka_unit_test(test_matmul_of_rank_3),
        cmocka_unit_test(test_the_rest_stays),
        cmocka_unit_test(test_shared_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
