#include "builder.h"

#include "davit/reference.h"

#include <string.h>

static const int64_t shape[] = {2, 3};

static void fold(builder *b)
{
    builder_bind(b);
    assert_int_equal(
        davit_pass_fold_constants(b->graph, davit_reference_evaluator(), &b->diag.sink), DAVIT_OK);
}

static void test_constant_nodes_become_constants(void **state)
{
    (void)state;
    builder b;
    builder_init(&b, NULL);
    davit_value_id x = builder_input(&b, "x", DAVIT_F32, 2, shape);
    davit_value_id sum =
        builder_binary(&b, DAVIT_OP_Add, builder_number(&b, 1), builder_number(&b, 2));
    davit_value_id product = builder_binary(&b, DAVIT_OP_Mul, sum, builder_number(&b, 5));
    builder_output(&b, builder_binary(&b, DAVIT_OP_Mul, x, product));
    fold(&b);
    assert_int_equal(b.graph->order_count, 1);
    assert_non_null(b.graph->values[product].constant);
    assert_true(*(const float *)b.graph->values[product].constant->data == 15.0f);
    assert_int_equal(b.graph->values[product].producer, DAVIT_NONE);
    builder_clear(&b);
}

static void test_shapes_of_computed_values_are_constants(void **state)
{
    (void)state;
    builder b;
    builder_init(&b, NULL);
    davit_value_id x = builder_input(&b, "x", DAVIT_F32, 2, shape);
    davit_value_id relu = builder_unary(&b, DAVIT_OP_Relu, x);
    davit_value_id dims = builder_unary(&b, DAVIT_OP_Shape, relu);
    davit_value_id size = builder_unary(&b, DAVIT_OP_Size, relu);
    builder_output(&b, relu);
    builder_output(&b, dims);
    builder_output(&b, size);
    fold(&b);
    assert_int_equal(b.graph->order_count, 1);
    assert_int_equal(((const int64_t *)b.graph->values[dims].constant->data)[1], 3);
    assert_int_equal(*(const int64_t *)b.graph->values[size].constant->data, 6);
    builder_clear(&b);
}

static void test_part_of_a_shape(void **state)
{
    (void)state;
    static const struct {
        int64_t start, end, count, first;
    } cases[] = {{1, 4, 3, 3}, {-2, 9, 2, 4}, {-9, 1, 1, 2}, {3, 2, 0, 0}, {0, -1, 3, 2}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        builder b;
        builder_init(&b, NULL);
        davit_value_id x = builder_input(&b, "x", DAVIT_F32, 4, (const int64_t[]){2, 3, 4, 5});
        davit_attribute attributes[] = {
            {.name = "start", .type = DAVIT_ATTRIBUTE_INT, .u.i = cases[i].start},
            {.name = "end", .type = DAVIT_ATTRIBUTE_INT, .u.i = cases[i].end},
        };
        davit_node_spec spec = {.op = DAVIT_OP_Shape,
                                .input_count = 1,
                                .inputs = &x,
                                .attribute_count = 2,
                                .attributes = attributes};
        davit_value_id dims = builder_node_with(&b, &spec);
        builder_output(&b, dims);
        fold(&b);
        const davit_tensor *constant = b.graph->values[dims].constant;
        assert_int_equal(constant->desc.dims[0], cases[i].count);
        if (cases[i].count > 0) {
            assert_int_equal(*(const int64_t *)constant->data, cases[i].first);
        }
        builder_clear(&b);
    }
}

static void test_large_results_are_not_folded(void **state)
{
    (void)state;
    builder b;
    builder_init(&b, NULL);
    for (int large = 0; large < 2; large++) {
        davit_value_id dims = builder_ints(&b, 1, (const int64_t[]){large ? 5 << 20 : 5});
        builder_output(&b, builder_unary(&b, DAVIT_OP_ConstantOfShape, dims));
    }
    fold(&b);
    assert_int_equal(b.graph->order_count, 1);
    assert_non_null(b.graph->values[b.graph->outputs[0]].constant);
    assert_null(b.graph->values[b.graph->outputs[1]].constant);
    builder_clear(&b);
}

static void test_evaluation_errors_are_passed_on(void **state)
{
    (void)state;
    builder b;
    builder_init(&b, NULL);
    davit_value_id data = builder_floats(&b, 1, (const int64_t[]){2}, (const float[]){1, 2});
    davit_value_id index = builder_ints(&b, 1, (const int64_t[]){7});
    builder_output(&b, builder_node(&b, DAVIT_OP_Gather, "outside", data, index, DAVIT_NONE));
    builder_bind(&b);
    davit_status status =
        davit_pass_fold_constants(b.graph, davit_reference_evaluator(), &b.diag.sink);
    assert_int_equal(status, DAVIT_BAD_DATA);
    assert_int_equal(b.diag.error_count, 1);
    assert_non_null(strstr(b.diag.text, "'outside'"));
    builder_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_constant_nodes_become_constants),
        cmocka_unit_test(test_shapes_of_computed_values_are_constants),
        cmocka_unit_test(test_part_of_a_shape),
        cmocka_unit_test(test_large_results_are_not_folded),
        cmocka_unit_test(test_evaluation_errors_are_passed_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
