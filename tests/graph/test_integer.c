/* Integer operators in a graph: their readers, bounds, costs, and what passes make of them. */
#include "builder.h"

#include <math.h>
#include <string.h>

#include "davit/integer.h"
#include "davit/reference.h"
#include "host/graph/unit_cost.h"

#define MAX_INPUTS 4
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static davit_attribute integer(const char *name, int64_t value)
{
    return (davit_attribute){.name = name, .type = DAVIT_ATTRIBUTE_INT, .u.i = value};
}

static davit_attribute number(const char *name, float value)
{
    return (davit_attribute){.name = name, .type = DAVIT_ATTRIBUTE_FLOAT, .u.f = value};
}

static davit_attribute list(const char *name, size_t count, const int64_t *values)
{
    return (davit_attribute){
        .name = name, .type = DAVIT_ATTRIBUTE_INTS, .count = count, .u.ints = values};
}

static const davit_node *producer(const builder *b, davit_value_id value)
{
    return &b->graph->nodes[b->graph->values[value].producer];
}

/* A 1x1 convolution of x [1, 2, 3] (a graph input or a constant) to three channels. */
static davit_value_id add_conv(builder *b, davit_value_id x, davit_value_id residual)
{
    static const int8_t w[] = {1, -2, 3, 4, -128, 127};
    static const int32_t bias[] = {10, -20, 1};
    static const float scales[] = {0.5f, 1.0f, 2.0f};
    davit_attribute attributes[] = {
        number("x_scale", 0.25f),
        integer("x_zero", 3),
        {.name = "w_scale", .type = DAVIT_ATTRIBUTE_FLOATS, .count = 3, .u.floats = scales},
        number("y_scale", 0.5f),
        integer("y_zero", -7),
        integer("y_type", DAVIT_S8),
        number("low", 0.0f),
        number("high", 6.0f),
        number("residual_scale", 4.0f),
        integer("residual_zero", 9),
    };
    davit_value_id inputs[MAX_INPUTS] = {
        x, builder_constant(b, DAVIT_S8, 3, (const int64_t[]){3, 2, 1}, w),
        builder_constant(b, DAVIT_S32, 1, (const int64_t[]){3}, bias), residual};
    davit_node_spec spec = {.name = "conv",
                            .op = DAVIT_OP_IntegerConv,
                            .input_count = residual == DAVIT_NONE ? 3 : 4,
                            .inputs = inputs,
                            .attribute_count =
                                (uint32_t)COUNT(attributes) - (residual == DAVIT_NONE ? 2 : 0),
                            .attributes = attributes};
    return builder_node_with(b, &spec);
}

static void assert_type(davit_quant8 type, davit_dtype dtype, float scale, int32_t zero)
{
    assert_int_equal(type.dtype, dtype);
    assert_true(type.scale == scale);
    assert_int_equal(type.zero, zero);
}

static void test_readers(void **state)
{
    (void)state;
    builder b;
    builder_init(&b, NULL);
    davit_value_id x = builder_input(&b, "x", DAVIT_U8, 3, (const int64_t[]){1, 2, 3});
    davit_value_id r = builder_input(&b, "r", DAVIT_U8, 3, (const int64_t[]){1, 3, 3});
    davit_value_id y = add_conv(&b, x, r);
    builder_output(&b, y);
    builder_bind(&b);
    const davit_node *node = producer(&b, y);
    assert_type(davit_integer_x(b.graph, node), DAVIT_U8, 0.25f, 3);
    davit_requantization_spec spec = davit_integer_requantization(b.graph, node);
    assert_type(spec.result.type, DAVIT_S8, 0.5f, -7);
    assert_true(spec.result.low == 0.0f && spec.result.high == 6.0f);
    assert_type(spec.residual, DAVIT_U8, 4.0f, 9);
    assert_int_equal(spec.channels, 3);
    assert_true(spec.x_scale == 0.25f && spec.w_scale_count == 3 && spec.w_scale[2] == 2.0f);
    assert_true(spec.bias_count == 3 && spec.bias[1] == -20);
    builder_clear(&b);
}

static void test_absent_attributes(void **state)
{
    (void)state;
    builder b;
    builder_init(&b, NULL);
    davit_attribute attributes[] = {integer("y_type", DAVIT_U8), integer("a_zero", INT64_MIN),
                                    integer("b_zero", INT64_MAX)};
    davit_value_id inputs[] = {
        builder_input(&b, "x", DAVIT_U8, 2, (const int64_t[]){1, 2}),
        builder_constant(&b, DAVIT_S8, 2, (const int64_t[]){2, 1}, (const int8_t[]){1, 2})};
    davit_node_spec spec = {.op = DAVIT_OP_IntegerMatMul,
                            .input_count = 2,
                            .inputs = inputs,
                            .attribute_count = 3,
                            .attributes = attributes};
    davit_value_id y = builder_node_with(&b, &spec);
    builder_output(&b, y);
    builder_bind(&b);
    const davit_node *node = producer(&b, y);
    davit_requantization_spec read = davit_integer_requantization(b.graph, node);
    assert_true(read.w_scale_count == 1 && read.w_scale[0] == 1.0f && read.x_scale == 1.0f);
    assert_true(read.bias_count == 0 && read.residual.dtype == DAVIT_DTYPE_NONE);
    assert_type(read.result.type, DAVIT_U8, 1.0f, 0);
    assert_true(read.result.low == -INFINITY && read.result.high == INFINITY);
    assert_type(davit_integer_a(b.graph, node), DAVIT_U8, 1.0f, INT32_MIN);
    assert_type(davit_integer_b(b.graph, node), DAVIT_S8, 1.0f, INT32_MAX);
    builder_clear(&b);
}

static void test_integer_operators(void **state)
{
    (void)state;
    size_t count = 0;
    for (int op = 0; op < DAVIT_OP_COUNT; op++) {
        const davit_op_info *info = davit_op_get((davit_op)op);
        bool named = strncmp(info->name, "Integer", 7) == 0;
        assert_int_equal(davit_op_is_integer((davit_op)op), named);
        assert_string_equal(info->domain, named || (davit_op)op == DAVIT_OP_Silu ? "davit" : "");
        assert_true(!named || davit_op_find("", info->name) == NULL);
        count += named;
    }
    assert_int_equal(count, 10);
}

/* Bounds by the formula of davit/quantize_weights.h, summed here for x of u8 with zero point 200:
 * weight i of each operator is i + 1, with the sign of the channel. */
static void check_bounds(davit_op op, int rank, const int64_t *w_dims, davit_dtype dtype,
                         const uint64_t *sums, size_t channels)
{
    int16_t wide[64];
    int8_t narrow[64];
    for (int i = 0; i < 64; i++) {
        wide[i] = (int16_t)(i + 1);
        narrow[i] = (int8_t)(i + 1);
    }
    builder b;
    builder_init(&b, NULL);
    davit_attribute attributes[] = {integer("y_type", DAVIT_U8), integer("x_zero", 200),
                                    integer("group", 2)};
    bool matmul = op == DAVIT_OP_IntegerMatMul;
    const int64_t x_dims[] = {1, matmul ? w_dims[0] : 4, 5};
    davit_value_id inputs[] = {
        builder_input(&b, "x", DAVIT_U8, matmul ? 2 : 3, x_dims),
        builder_constant(&b, dtype, rank, w_dims,
                         dtype == DAVIT_S8 ? (const void *)narrow : (const void *)wide)};
    davit_node_spec spec = {.op = op,
                            .input_count = 2,
                            .inputs = inputs,
                            .attribute_count = 3,
                            .attributes = attributes};
    davit_value_id y = builder_node_with(&b, &spec);
    uint64_t bound[8];
    builder_output(&b, y);
    builder_bind(&b);
    davit_integer_bound(b.graph, producer(&b, y), bound);
    for (size_t o = 0; o < channels; o++) {
        assert_int_equal(bound[o], sums[o] * (255 + 200));
    }
    builder_clear(&b);
}

static void test_bounds(void **state)
{
    (void)state;
    const int64_t conv[] = {4, 2, 2};
    const uint64_t conv_sums[] = {1 + 2 + 3 + 4, 5 + 6 + 7 + 8, 9 + 10 + 11 + 12,
                                  13 + 14 + 15 + 16};
    check_bounds(DAVIT_OP_IntegerConv, 3, conv, DAVIT_S8, conv_sums, 4);
    check_bounds(DAVIT_OP_IntegerConv, 3, conv, DAVIT_S16, conv_sums, 4);
    /* Two groups of two input channels, each to two output channels. */
    const int64_t transposed[] = {4, 2, 2};
    const uint64_t transposed_sums[] = {1 + 2 + 5 + 6, 3 + 4 + 7 + 8, 9 + 10 + 13 + 14,
                                        11 + 12 + 15 + 16};
    check_bounds(DAVIT_OP_IntegerConvTranspose, 3, transposed, DAVIT_S8, transposed_sums, 4);
    check_bounds(DAVIT_OP_IntegerConvTranspose, 3, transposed, DAVIT_S16, transposed_sums, 4);
    const int64_t matrix[] = {3, 2};
    const uint64_t matrix_sums[] = {1 + 3 + 5, 2 + 4 + 6};
    check_bounds(DAVIT_OP_IntegerMatMul, 2, matrix, DAVIT_S8, matrix_sums, 2);
    check_bounds(DAVIT_OP_IntegerMatMul, 2, matrix, DAVIT_S16, matrix_sums, 2);
}

/* IntegerConv, an identity table, IntegerAdd with a constant of real 0: nothing of it may go. */
static davit_value_id add_chain(builder *b, davit_value_id x)
{
    uint8_t table[256];
    for (int i = 0; i < 256; i++) {
        table[i] = (uint8_t)i;
    }
    davit_value_id conv = add_conv(b, x, DAVIT_NONE);
    davit_value_id lookup =
        builder_binary(b, DAVIT_OP_IntegerLookup, conv,
                       builder_constant(b, DAVIT_S8, 1, (const int64_t[]){256}, table));
    davit_attribute attributes[] = {integer("y_type", DAVIT_S8)};
    davit_value_id inputs[] = {
        lookup, builder_constant(b, DAVIT_S8, 1, (const int64_t[]){1}, (const int8_t[]){0})};
    davit_node_spec spec = {.op = DAVIT_OP_IntegerAdd,
                            .input_count = 2,
                            .inputs = inputs,
                            .attribute_count = 1,
                            .attributes = attributes};
    return builder_node_with(b, &spec);
}

static void test_passes_leave_them_alone(void **state)
{
    (void)state;
    builder b;
    builder_init(&b, NULL);
    davit_value_id x = builder_input(&b, "x", DAVIT_U8, 3, (const int64_t[]){1, 2, 3});
    builder_output(&b, add_chain(&b, x));
    builder_bind(&b);
    assert_int_equal(davit_graph_optimize(b.graph, davit_reference_evaluator(), &b.diag.sink),
                     DAVIT_OK);
    static const davit_op ops[] = {DAVIT_OP_IntegerConv, DAVIT_OP_IntegerLookup,
                                   DAVIT_OP_IntegerAdd};
    /* 9 results of 2 products each; one operation an element. */
    static const uint64_t flops[] = {UINT64_C(2) * 9 * 2, 9, 9};
    assert_int_equal(b.graph->unit_count, 3);
    for (size_t u = 0; u < 3; u++) {
        const davit_unit *unit = &b.graph->units[u];
        assert_int_equal(b.graph->nodes[unit->anchor].op->op, ops[u]);
        assert_int_equal(unit->kind, DAVIT_UNIT_SINGLE);
        assert_int_equal(unit->node_count, 1);
        assert_int_equal(unit->epilogue_count, 0);
        assert_int_equal(unit->flops, flops[u]);
    }
    assert_int_equal(b.graph->units[0].bytes, 2 * 3 + 3 * 2 + 3 * 4 + 9);
    builder_clear(&b);
}

/* (x - 3) w + bias, times 0.25 * w_scale / 0.5, within 0..12 steps, minus 7: the first is
 * 2.5 - 7, a tie that goes to -4. */
static void test_constants_are_folded(void **state)
{
    (void)state;
    builder b;
    builder_init(&b, NULL);
    static const uint8_t x[] = {3, 4, 23, 3, 5, 3};
    static const int8_t wanted[] = {-4, -5, 0, -7, -7, 5, -6, 5, -7};
    davit_value_id y =
        add_chain(&b, builder_constant(&b, DAVIT_U8, 3, (const int64_t[]){1, 2, 3}, x));
    builder_output(&b, y);
    builder_bind(&b);
    assert_int_equal(davit_pass_fold_constants(b.graph, davit_reference_evaluator(), &b.diag.sink),
                     DAVIT_OK);
    assert_int_equal(b.graph->order_count, 0);
    const davit_tensor *folded = b.graph->values[y].constant;
    assert_non_null(folded);
    for (int i = 0; i < 9; i++) {
        assert_int_equal(((const int8_t *)folded->data)[i], wanted[i]);
    }
    builder_clear(&b);
}

static void assert_flops(builder *b, davit_value_id result, uint64_t expected)
{
    builder_output(b, result);
    builder_bind(b);
    assert_int_equal(davit_node_flops(b->graph, producer(b, result)), expected);
    builder_clear(b);
}

static void test_flops(void **state)
{
    (void)state;
    static const int64_t two[] = {2};
    static const int8_t w[64] = {1};
    davit_attribute attributes[] = {integer("y_type", DAVIT_U8), list("strides", 1, two),
                                    list("kernel_shape", 1, two)};
    davit_node_spec spec = {.attribute_count = 3, .attributes = attributes};
    builder b;

    builder_init(&b, NULL);
    davit_value_id inputs[2];
    spec.inputs = inputs;
    spec.input_count = 2;
    spec.op = DAVIT_OP_IntegerConvTranspose;
    inputs[0] = builder_input(&b, "x", DAVIT_U8, 3, (const int64_t[]){1, 4, 5});
    inputs[1] = builder_constant(&b, DAVIT_S8, 3, (const int64_t[]){4, 3, 2}, w);
    assert_flops(&b, builder_node_with(&b, &spec), UINT64_C(2) * 4 * 5 * 3 * 2);

    builder_init(&b, NULL);
    spec.op = DAVIT_OP_IntegerProduct;
    inputs[0] = builder_input(&b, "a", DAVIT_U8, 3, (const int64_t[]){2, 3, 4});
    inputs[1] = builder_input(&b, "b", DAVIT_U8, 2, (const int64_t[]){4, 5});
    assert_flops(&b, builder_node_with(&b, &spec), UINT64_C(2) * 2 * 3 * 5 * 4);

    builder_init(&b, NULL);
    spec.op = DAVIT_OP_IntegerMatMul;
    inputs[0] = builder_input(&b, "x", DAVIT_U8, 3, (const int64_t[]){2, 3, 4});
    inputs[1] = builder_constant(&b, DAVIT_S8, 2, (const int64_t[]){4, 5}, w);
    assert_flops(&b, builder_node_with(&b, &spec), UINT64_C(2) * 2 * 3 * 5 * 4);

    builder_init(&b, NULL);
    spec.op = DAVIT_OP_IntegerAveragePool;
    spec.input_count = 1;
    inputs[0] = builder_input(&b, "x", DAVIT_U8, 3, (const int64_t[]){1, 4, 6});
    assert_flops(&b, builder_node_with(&b, &spec), UINT64_C(4) * 3 * 2);

    builder_init(&b, NULL);
    spec.op = DAVIT_OP_IntegerSoftmax;
    inputs[0] = builder_input(&b, "x", DAVIT_U8, 3, (const int64_t[]){1, 4, 6});
    assert_flops(&b, builder_node_with(&b, &spec), UINT64_C(4) * 24);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_readers),
        cmocka_unit_test(test_absent_attributes),
        cmocka_unit_test(test_integer_operators),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_passes_leave_them_alone),
        cmocka_unit_test(test_constants_are_folded),
        cmocka_unit_test(test_flops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
