#include "builder.h"

static const int64_t shape[] = {1, 3, 1, 5};

/* Binds x -> node -> Neg -> output, runs the pass and says whether the node went. */
static bool goes(builder *b, davit_value_id result)
{
    davit_node_id node = b->graph->values[result].producer;
    builder_output(b, builder_unary(b, DAVIT_OP_Neg, result));
    builder_bind(b);
    assert_int_equal(davit_pass_remove_identities(b->graph, &b->diag.sink), DAVIT_OK);
    bool gone = b->graph->nodes[node].removed;
    if (gone) {
        assert_int_equal(builder_only(b, DAVIT_OP_Neg)->inputs[0], b->graph->inputs[0]);
    }
    builder_clear(b);
    return gone;
}

static davit_value_id start(builder *b)
{
    builder_init(b, NULL);
    return builder_input(b, "x", DAVIT_F32, 4, shape);
}

static davit_value_id with_ints(builder *b, davit_op op, davit_value_id x, size_t count,
                                const int64_t *values)
{
    return builder_binary(b, op, x, builder_ints(b, count, values));
}

static void test_unary(void **state)
{
    (void)state;
    builder b;
    assert_true(goes(&b, builder_unary(&b, DAVIT_OP_Identity, start(&b))));
    assert_true(goes(&b, builder_unary(&b, DAVIT_OP_Dropout, start(&b))));
    assert_false(goes(&b, builder_unary(&b, DAVIT_OP_Relu, start(&b))));
}

/* The mask of a Dropout is all true, but it has to be made. */
static void test_dropout_with_mask_stays(void **state)
{
    (void)state;
    builder b;
    davit_value_id x = start(&b);
    davit_value_id outputs[2];
    davit_node_id node;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(davit_graph_add_value(b.graph, NULL, &outputs[i]), DAVIT_OK);
    }
    davit_node_spec spec = {.op = DAVIT_OP_Dropout,
                            .input_count = 1,
                            .inputs = &x,
                            .output_count = 2,
                            .outputs = outputs};
    assert_int_equal(davit_graph_add_node(b.graph, &spec, &node), DAVIT_OK);
    builder_output(&b, outputs[1]);
    assert_false(goes(&b, outputs[0]));
}

static void test_casts(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        builder b;
        davit_value_id x = start(&b);
        davit_attribute to = {
            .name = "to", .type = DAVIT_ATTRIBUTE_INT, .u.i = i ? DAVIT_F32 : DAVIT_F64};
        davit_node_spec spec = {.op = DAVIT_OP_Cast,
                                .input_count = 1,
                                .inputs = &x,
                                .attribute_count = 1,
                                .attributes = &to};
        assert_int_equal(goes(&b, builder_node_with(&b, &spec)), i);
    }
}

static void test_transposes(void **state)
{
    (void)state;
    static const struct {
        int64_t perm[4];
        bool goes;
    } cases[] = {
        {{0, 1, 2, 3}, true},
        {{2, 1, 0, 3}, true}, /* swaps dimensions of 1 */
        {{0, 3, 2, 1}, false},
        {{1, 0, 2, 3}, false}, /* moves nothing, but has another shape */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        builder b;
        davit_value_id x = start(&b);
        davit_attribute perm = {
            .name = "perm", .type = DAVIT_ATTRIBUTE_INTS, .count = 4, .u.ints = cases[i].perm};
        davit_node_spec spec = {.op = DAVIT_OP_Transpose,
                                .input_count = 1,
                                .inputs = &x,
                                .attribute_count = 1,
                                .attributes = &perm};
        assert_int_equal(goes(&b, builder_node_with(&b, &spec)), cases[i].goes);
    }
}

/* The same shape, and yet other elements: a square transposed. */
static void test_square_transpose_stays(void **state)
{
    (void)state;
    builder b;
    builder_init(&b, NULL);
    davit_value_id x = builder_input(&b, "x", DAVIT_F32, 2, (const int64_t[]){3, 3});
    assert_false(goes(&b, builder_unary(&b, DAVIT_OP_Transpose, x)));
}

static void test_reshapes(void **state)
{
    (void)state;
    builder b;
    davit_value_id x = start(&b);
    assert_true(goes(&b, with_ints(&b, DAVIT_OP_Reshape, x, 4, (const int64_t[]){0, 3, -1, 5})));
    x = start(&b);
    assert_false(goes(&b, with_ints(&b, DAVIT_OP_Reshape, x, 2, (const int64_t[]){3, 5})));
    x = start(&b);
    assert_true(goes(&b, with_ints(&b, DAVIT_OP_Expand, x, 2, (const int64_t[]){1, 5})));
    x = start(&b);
    assert_false(goes(&b, with_ints(&b, DAVIT_OP_Expand, x, 2, (const int64_t[]){2, 5})));
    x = start(&b);
    assert_true(goes(&b, with_ints(&b, DAVIT_OP_Tile, x, 4, (const int64_t[]){1, 1, 1, 1})));
}

static davit_value_id slice(builder *b, davit_value_id x, int64_t from, int64_t to, int64_t by)
{
    davit_value_id inputs[] = {x, builder_ints(b, 1, &from), builder_ints(b, 1, &to),
                               builder_ints(b, 1, (const int64_t[]){3}), builder_ints(b, 1, &by)};
    davit_node_spec spec = {.op = DAVIT_OP_Slice, .input_count = 5, .inputs = inputs};
    return builder_node_with(b, &spec);
}

static void test_slices(void **state)
{
    (void)state;
    builder b;
    davit_value_id x = start(&b);
    assert_true(goes(&b, slice(&b, x, 0, INT64_MAX, 1)));
    x = start(&b);
    assert_false(goes(&b, slice(&b, x, 1, 5, 1)));
    x = start(&b);
    assert_false(goes(&b, slice(&b, x, -1, INT64_MIN, -1))); /* the other way round */
}

static void test_pads(void **state)
{
    (void)state;
    builder b;
    davit_value_id x = start(&b);
    assert_true(goes(&b, with_ints(&b, DAVIT_OP_Pad, x, 8, (const int64_t[8]){0})));
    x = start(&b);
    assert_false(
        goes(&b, with_ints(&b, DAVIT_OP_Pad, x, 8, (const int64_t[]){0, 0, 0, 1, 0, 0, 0, -1})));
}

static void test_arithmetic(void **state)
{
    (void)state;
    builder b;
    davit_value_id x = start(&b);
    assert_true(goes(&b, builder_binary(&b, DAVIT_OP_Mul, x, builder_number(&b, 1))));
    x = start(&b);
    assert_true(goes(&b, builder_binary(&b, DAVIT_OP_Mul, builder_number(&b, 1), x)));
    x = start(&b);
    assert_true(goes(&b, builder_binary(&b, DAVIT_OP_Div, x, builder_number(&b, 1))));
    x = start(&b);
    assert_false(goes(&b, builder_binary(&b, DAVIT_OP_Div, builder_number(&b, 1), x)));
    x = start(&b);
    assert_false(goes(&b, builder_binary(&b, DAVIT_OP_Mul, x, builder_number(&b, 2))));
    x = start(&b);
    assert_true(goes(&b, builder_unary(&b, DAVIT_OP_Sum, x)));
    x = start(&b);
    assert_false(goes(&b, builder_binary(&b, DAVIT_OP_Sum, x, x)));
}

/* An output keeps its name: the node before computes it. */
static void test_output_keeps_its_name(void **state)
{
    (void)state;
    builder b;
    davit_value_id x = start(&b);
    davit_value_id relu = builder_unary(&b, DAVIT_OP_Relu, x);
    davit_value_id same = builder_unary(&b, DAVIT_OP_Identity, relu);
    davit_value_id y = builder_node(&b, DAVIT_OP_Identity, "y", same, DAVIT_NONE, DAVIT_NONE);
    davit_value_id other = builder_unary(&b, DAVIT_OP_Neg, relu);
    builder_output(&b, y);
    builder_output(&b, other);
    builder_bind(&b);
    assert_int_equal(davit_pass_remove_identities(b.graph, &b.diag.sink), DAVIT_OK);
    assert_int_equal(b.graph->order_count, 2);
    assert_int_equal(b.graph->outputs[0], y);
    assert_string_equal(b.graph->values[y].name, "y");
    assert_int_equal(builder_only(&b, DAVIT_OP_Relu)->outputs[0], y);
    assert_int_equal(builder_only(&b, DAVIT_OP_Neg)->inputs[0], y);
    builder_clear(&b);
}

/* Nobody else could compute these outputs: the copies stay. */
static void test_copies_that_stay(void **state)
{
    (void)state;
    builder b;
    davit_value_id x = start(&b);
    davit_value_id relu = builder_unary(&b, DAVIT_OP_Relu, x);
    builder_output(&b, builder_unary(&b, DAVIT_OP_Identity, x));
    builder_output(&b, relu);
    builder_output(&b, builder_unary(&b, DAVIT_OP_Identity, relu));
    builder_output(&b, builder_unary(&b, DAVIT_OP_Identity, builder_number(&b, 1)));
    builder_bind(&b);
    assert_int_equal(davit_pass_remove_identities(b.graph, &b.diag.sink), DAVIT_OK);
    assert_int_equal(builder_count(&b, DAVIT_OP_Identity), 3);
    builder_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unary),
        cmocka_unit_test(test_dropout_with_mask_stays),
        cmocka_unit_test(test_casts),
        cmocka_unit_test(test_transposes),
        cmocka_unit_test(test_square_transpose_stays),
        cmocka_unit_test(test_reshapes),
        cmocka_unit_test(test_slices),
        cmocka_unit_test(test_pads),
        cmocka_unit_test(test_arithmetic),
        cmocka_unit_test(test_output_keeps_its_name),
        cmocka_unit_test(test_copies_that_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
