/* Binding of inputs and inference of shapes. */
#include "builder.h"

#include "counting_allocator.h"

#include "davit/reference.h"

#include <string.h>

static davit_status bind(builder *b, const davit_binding *bindings, size_t count)
{
    davit_diagnostics_buffer_init(&b->diag);
    return davit_graph_bind(b->graph, bindings, count, davit_reference_evaluator(), &b->diag.sink);
}

static void assert_shape(const builder *b, davit_value_id value, const char *expected)
{
    char text[64];
    const davit_tensor_desc *desc = &b->graph->values[value].desc;
    assert_true(b->graph->values[value].inferred);
    assert_string_equal(davit_shape_text(desc->dims, desc->rank, text, sizeof(text)), expected);
}

/* Asserts that binding failed with one error that holds all of the texts. */
static void assert_refused(const builder *b, davit_status status, davit_status expected,
                           const char *first, const char *second)
{
    assert_int_equal(status, expected);
    assert_int_equal(b->diag.error_count, 1);
    if (!strstr(b->diag.text, first) || !strstr(b->diag.text, second)) {
        fail_msg("'%s' lacks '%s' or '%s'", b->diag.text, first, second);
    }
}

/* x of 1 x 3 x HEIGHT x ?, and y of HEIGHT, both given to Relu. */
static void build_open(builder *b, davit_value_id *x, davit_value_id *y)
{
    builder_init(b, NULL);
    *x = builder_input(b, "x", DAVIT_F32, 4, (const int64_t[]){1, 3, -1, -1});
    *y = builder_input(b, "y", DAVIT_F32, 1, (const int64_t[]){-1});
    b->graph->values[*x].declared[2].symbol = "HEIGHT";
    b->graph->values[*y].declared[0].symbol = "HEIGHT";
    builder_output(b, builder_unary(b, DAVIT_OP_Relu, *x));
    builder_output(b, builder_unary(b, DAVIT_OP_Relu, *y));
}

static void test_symbols_go_from_input_to_input(void **state)
{
    (void)state;
    builder b;
    davit_value_id x;
    davit_value_id y;
    build_open(&b, &x, &y);
    const davit_binding binding = {.name = "x", .rank = 4, .dims = {1, 3, 5, 7}};
    assert_int_equal(bind(&b, &binding, 1), DAVIT_OK);
    assert_shape(&b, b.graph->outputs[0], "1x3x5x7");
    assert_shape(&b, b.graph->outputs[1], "5");
    builder_clear(&b);
}

/* Paddle's exporter writes "?" for each dimension that it has no name for. */
static void test_question_mark_is_no_symbol(void **state)
{
    (void)state;
    builder b;
    davit_value_id x;
    davit_value_id y;
    build_open(&b, &x, &y);
    b.graph->values[x].declared[2].symbol = "?";
    b.graph->values[x].declared[3].symbol = "?";
    const davit_binding bindings[] = {{.name = "x", .rank = 4, .dims = {1, 3, 5, 7}},
                                      {.name = "y", .rank = 1, .dims = {9}}};
    assert_int_equal(bind(&b, bindings, 2), DAVIT_OK);
    assert_shape(&b, b.graph->outputs[0], "1x3x5x7");
    builder_clear(&b);
}

static void test_bad_bindings_are_refused(void **state)
{
    (void)state;
    static const struct {
        davit_binding bindings[2];
        size_t count;
        const char *first, *second;
    } cases[] = {
        {{{.name = "x", .rank = -1}}, 0, "input 'x'", "--shape x=1x3xHEIGHTx?"},
        {{{.name = "y", .rank = 1, .dims = {5}}}, 1, "dimension 3", "--shape x="},
        {{{.name = "z", .rank = 1, .dims = {5}}}, 1, "no input 'z'", "'x', 'y'"},
        {{{.name = "x", .rank = 3, .dims = {3, 5, 7}}}, 1, "3x5x7", "1x3xHEIGHTx?"},
        {{{.name = "x", .rank = 4, .dims = {1, 4, 5, 7}}}, 1, "1x4x5x7", "1x3xHEIGHTx?"},
        {{{.name = "x", .rank = 4, .dims = {1, 3, 5, 7}}, {.name = "y", .rank = 1, .dims = {6}}},
         2,
         "'HEIGHT'",
         "input 'y'"},
        {{{.name = "x", .rank = 4, .dims = {1, 3, 5, 7}},
          {.name = "x", .rank = 4, .dims = {1, 3, 5, 7}}},
         2,
         "'x'",
         "twice"},
        {{{.name = "x", .rank = 4, .dims = {1, 3, 5, -7}}}, 1, "input 'x'", "not possible"},
        {{{.name = "x", .rank = 9}}, 1, "input 'x'", "rank 9"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        builder b;
        davit_value_id x;
        davit_value_id y;
        build_open(&b, &x, &y);
        davit_status status = bind(&b, cases[i].bindings, cases[i].count);
        assert_refused(&b, status, DAVIT_INVALID_ARGUMENT, cases[i].first, cases[i].second);
        builder_clear(&b);
    }
}

static void test_huge_shape_is_refused(void **state)
{
    (void)state;
    builder b;
    davit_value_id x;
    davit_value_id y;
    build_open(&b, &x, &y);
    const davit_binding binding = {
        .name = "x", .rank = 4, .dims = {1, 3, INT64_MAX / 4, INT64_MAX / 4}};
    assert_refused(&b, bind(&b, &binding, 1), DAVIT_OUT_OF_MEMORY, "input 'x'", "too large");
    builder_clear(&b);
}

static void test_undeclared_rank_must_be_given(void **state)
{
    (void)state;
    builder b;
    for (int given = 0; given < 2; given++) {
        builder_init(&b, NULL);
        davit_value_id x = builder_input(&b, "x", DAVIT_F32, -1, NULL);
        builder_output(&b, builder_unary(&b, DAVIT_OP_Relu, x));
        const davit_binding binding = {.name = "x", .rank = 2, .dims = {4, 5}};
        davit_status status = bind(&b, &binding, (size_t)given);
        if (given) {
            assert_int_equal(status, DAVIT_OK);
            assert_shape(&b, b.graph->outputs[0], "4x5");
        } else {
            assert_refused(&b, status, DAVIT_INVALID_ARGUMENT, "input 'x'", "--shape x=");
        }
        builder_clear(&b);
    }
}

static void test_unsupported_types_are_named(void **state)
{
    (void)state;
    builder b;
    builder_init(&b, NULL);
    davit_value_id x = builder_input(&b, "x", DAVIT_BOOL, 1, (const int64_t[]){3});
    builder_output(&b, builder_node(&b, DAVIT_OP_Relu, "r", x, DAVIT_NONE, DAVIT_NONE));
    assert_refused(&b, bind(&b, NULL, 0), DAVIT_UNSUPPORTED,
                   "node 'r' (Relu): input 0 of type bool is not supported", "");
    builder_clear(&b);

    builder_init(&b, NULL);
    x = builder_input(&b, "text", DAVIT_STRING, 1, (const int64_t[]){3});
    builder_output(&b, builder_unary(&b, DAVIT_OP_Relu, x));
    assert_refused(&b, bind(&b, NULL, 0), DAVIT_UNSUPPORTED, "input 'text'", "string");
    builder_clear(&b);
}

static void test_wrong_number_of_inputs_is_refused(void **state)
{
    (void)state;
    builder b;
    builder_init(&b, NULL);
    davit_value_id x = builder_input(&b, "x", DAVIT_F32, 1, (const int64_t[]){3});
    builder_output(&b, builder_node(&b, DAVIT_OP_Add, "a", x, DAVIT_NONE, DAVIT_NONE));
    assert_refused(&b, bind(&b, NULL, 0), DAVIT_BAD_DATA, "node 'a' (Add)", "input 1 is missing");
    builder_clear(&b);

    builder_init(&b, NULL);
    x = builder_input(&b, "x", DAVIT_F32, 1, (const int64_t[]){3});
    builder_output(&b, builder_node(&b, DAVIT_OP_Relu, "r", x, x, DAVIT_NONE));
    assert_refused(&b, bind(&b, NULL, 0), DAVIT_BAD_DATA, "node 'r' (Relu)", "2 inputs");
    builder_clear(&b);
}

static void test_shapes_must_broadcast(void **state)
{
    (void)state;
    builder b;
    builder_init(&b, NULL);
    davit_value_id x = builder_input(&b, "x", DAVIT_F32, 2, (const int64_t[]){2, 3});
    davit_value_id y = builder_input(&b, "y", DAVIT_F32, 2, (const int64_t[]){2, 4});
    builder_output(&b, builder_node(&b, DAVIT_OP_Add, "a", x, y, DAVIT_NONE));
    assert_refused(&b, bind(&b, NULL, 0), DAVIT_BAD_DATA, "node 'a' (Add)", "2x3 and 2x4");
    builder_clear(&b);
}

/* Reshape(x, [Shape(x)[0], -1]): the exporters' way to flatten. */
static davit_value_id build_flatten(builder *b, davit_value_id x)
{
    davit_value_id shape = builder_unary(b, DAVIT_OP_Shape, x);
    davit_value_id first =
        builder_binary(b, DAVIT_OP_Gather, shape, builder_ints(b, 1, (const int64_t[]){0}));
    davit_attribute axis = {.name = "axis", .type = DAVIT_ATTRIBUTE_INT, .u.i = 0};
    davit_value_id parts[] = {first, builder_ints(b, 1, (const int64_t[]){-1})};
    davit_node_spec concat = {.op = DAVIT_OP_Concat,
                              .input_count = 2,
                              .inputs = parts,
                              .attribute_count = 1,
                              .attributes = &axis};
    return builder_binary(b, DAVIT_OP_Reshape, x, builder_node_with(b, &concat));
}

static void test_computed_shapes_are_evaluated(void **state)
{
    (void)state;
    builder b;
    builder_init(&b, NULL);
    davit_value_id x = builder_input(&b, "x", DAVIT_F32, 3, (const int64_t[]){2, 3, 5});
    davit_value_id computed = builder_unary(&b, DAVIT_OP_Relu, x);
    davit_value_id y = build_flatten(&b, computed);
    builder_output(&b, y);
    builder_bind(&b);
    assert_shape(&b, y, "2x15");
    assert_null(b.graph->values[computed].constant);
    assert_int_equal(b.graph->order_count, 2); /* Relu and Reshape: the rest is known */
    builder_clear(&b);
}

static void test_computed_shapes_need_an_evaluator(void **state)
{
    (void)state;
    builder b;
    builder_init(&b, NULL);
    davit_value_id x = builder_input(&b, "x", DAVIT_F32, 3, (const int64_t[]){2, 3, 5});
    builder_output(&b, build_flatten(&b, x));
    davit_status status = davit_graph_bind(b.graph, NULL, 0, NULL, &b.diag.sink);
    assert_refused(&b, status, DAVIT_UNSUPPORTED, "(Gather)", "evaluator");
    builder_clear(&b);
}

static void test_shape_input_takes_its_value(void **state)
{
    (void)state;
    int64_t wanted[] = {3, 2};
    davit_tensor_desc desc;
    davit_tensor *value;
    assert_int_equal(davit_tensor_desc_dense(&desc, DAVIT_S64, 1, (const int64_t[]){2}), DAVIT_OK);
    assert_int_equal(davit_tensor_borrow(davit_allocator_default(), &desc, wanted, &value),
                     DAVIT_OK);
    for (int given = 0; given < 2; given++) {
        builder b;
        builder_init(&b, NULL);
        davit_value_id x = builder_input(&b, "x", DAVIT_F32, 2, (const int64_t[]){2, 3});
        davit_value_id shape = builder_input(&b, "to", DAVIT_S64, 1, (const int64_t[]){2});
        davit_value_id sum =
            builder_binary(&b, DAVIT_OP_Add, shape, builder_ints(&b, 1, (const int64_t[]){0}));
        davit_value_id y = builder_node(&b, DAVIT_OP_Reshape, "y", x, sum, DAVIT_NONE);
        builder_output(&b, y);
        const davit_binding binding = {.name = "to", .rank = -1, .value = given ? value : NULL};
        davit_status status = bind(&b, &binding, 1);
        if (given) {
            assert_int_equal(status, DAVIT_OK);
            assert_shape(&b, y, "3x2");
            assert_ptr_equal(b.graph->values[shape].constant, value);
            assert_null(b.graph->values[x].constant);
        } else {
            assert_refused(&b, status, DAVIT_INVALID_ARGUMENT, "shape of 'y'", "--input to=FILE");
        }
        builder_clear(&b);
    }
    davit_tensor_destroy(value);
}

/* A value that is given stays an input where only its shape is looked at. */
static void test_given_value_is_not_bound_for_its_shape(void **state)
{
    (void)state;
    builder b;
    davit_tensor *value;
    const int64_t dims[] = {2, 3, 5};
    assert_int_equal(davit_tensor_create(davit_allocator_default(), DAVIT_F32, 3, dims, &value),
                     DAVIT_OK);
    builder_init(&b, NULL);
    davit_value_id x = builder_input(&b, "x", DAVIT_F32, 3, dims);
    builder_output(&b, build_flatten(&b, builder_unary(&b, DAVIT_OP_Relu, x)));
    const davit_binding binding = {.name = "x", .rank = -1, .value = value};
    assert_int_equal(bind(&b, &binding, 1), DAVIT_OK);
    assert_null(b.graph->values[x].constant);
    builder_clear(&b);
    davit_tensor_destroy(value);
}

static void test_shape_from_computed_data_is_refused(void **state)
{
    (void)state;
    builder b;
    builder_init(&b, NULL);
    davit_value_id x = builder_input(&b, "x", DAVIT_F32, 2, (const int64_t[]){2, 3});
    davit_value_id relu = builder_unary(&b, DAVIT_OP_Relu, x);
    builder_output(&b, builder_node(&b, DAVIT_OP_NonZero, "n", relu, DAVIT_NONE, DAVIT_NONE));
    assert_refused(&b, bind(&b, NULL, 0), DAVIT_INVALID_ARGUMENT, "shape of 'n'", "--input x=FILE");
    builder_clear(&b);
}

static void test_huge_constants_are_not_computed(void **state)
{
    (void)state;
    builder b;
    builder_init(&b, NULL);
    davit_value_id x = builder_input(&b, "x", DAVIT_F32, 1, (const int64_t[]){1});
    davit_value_id shape = builder_ints(&b, 2, (const int64_t[]){1 << 18, 1 << 18});
    davit_value_id huge =
        builder_node(&b, DAVIT_OP_ConstantOfShape, "huge", shape, DAVIT_NONE, DAVIT_NONE);
    davit_value_id list = builder_unary(&b, DAVIT_OP_NonZero, huge);
    builder_output(&b, list);
    builder_output(&b, builder_unary(&b, DAVIT_OP_Relu, x));
    assert_refused(&b, bind(&b, NULL, 0), DAVIT_UNSUPPORTED, "node 'huge'", "bytes");
    builder_clear(&b);
}

static void test_failed_allocations_are_reported_once(void **state)
{
    (void)state;
    counting_allocator counting;
    counting_allocator_init(&counting);
    davit_status status = DAVIT_OUT_OF_MEMORY;
    for (size_t at = 1; status != DAVIT_OK; at++) {
        builder b;
        counting_allocator_restart(&counting, 0);
        builder_init(&b, &counting.allocator);
        davit_value_id x = builder_input(&b, "x", DAVIT_F32, 3, (const int64_t[]){-1, 3, 5});
        b.graph->values[x].declared[0].symbol = "N";
        builder_output(&b, build_flatten(&b, x));
        counting_allocator_restart(&counting, at);
        const davit_binding binding = {.name = "x", .rank = 3, .dims = {2, 3, 5}};
        status = bind(&b, &binding, 1);
        counting_allocator_restart(&counting, 0);
        if (status != DAVIT_OK) {
            assert_refused(&b, status, DAVIT_OUT_OF_MEMORY, "", "");
        }
        builder_clear(&b);
        assert_int_equal(atomic_load(&counting.live), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_symbols_go_from_input_to_input),
        cmocka_unit_test(test_question_mark_is_no_symbol),
        cmocka_unit_test(test_bad_bindings_are_refused),
        cmocka_unit_test(test_huge_shape_is_refused),
        cmocka_unit_test(test_undeclared_rank_must_be_given),
        cmocka_unit_test(test_unsupported_types_are_named),
        cmocka_unit_test(test_wrong_number_of_inputs_is_refused),
        cmocka_unit_test(test_shapes_must_broadcast),
        cmocka_unit_test(test_computed_shapes_are_evaluated),
        cmocka_unit_test(test_computed_shapes_need_an_evaluator),
        cmocka_unit_test(test_shape_input_takes_its_value),
        cmocka_unit_test(test_given_value_is_not_bound_for_its_shape),
        cmocka_unit_test(test_shape_from_computed_data_is_refused),
        cmocka_unit_test(test_huge_constants_are_not_computed),
        cmocka_unit_test(test_failed_allocations_are_reported_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
