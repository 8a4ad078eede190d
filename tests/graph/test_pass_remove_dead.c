#include "builder.h"

static const int64_t shape[] = {2, 3};

static void test_only_what_outputs_need_stays(void **state)
{
    (void)state;
    builder b;
    builder_init(&b, NULL);
    davit_value_id x = builder_input(&b, "x", DAVIT_F32, 2, shape);
    davit_value_id kept = builder_unary(&b, DAVIT_OP_Relu, x);
    davit_value_id dead = builder_unary(&b, DAVIT_OP_Neg, kept);
    dead = builder_binary(&b, DAVIT_OP_Add, dead, kept);
    builder_output(&b, kept);
    builder_bind(&b);
    assert_int_equal(b.graph->order_count, 3);
    assert_int_equal(davit_pass_remove_dead(b.graph, &b.diag.sink), DAVIT_OK);
    assert_int_equal(b.graph->order_count, 1);
    assert_int_equal(b.graph->values[dead].producer, DAVIT_NONE);
    assert_int_equal(b.graph->values[kept].use_count, 1);
    builder_clear(&b);
}

static void test_node_with_one_used_output_stays(void **state)
{
    (void)state;
    builder b;
    builder_init(&b, NULL);
    davit_value_id inputs[] = {builder_input(&b, "x", DAVIT_F32, 1, (const int64_t[]){6}),
                               builder_ints(&b, 2, (const int64_t[]){2, 4})};
    davit_value_id outputs[2];
    davit_node_id node;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(davit_graph_add_value(b.graph, NULL, &outputs[i]), DAVIT_OK);
    }
    davit_node_spec split = {.op = DAVIT_OP_Split,
                             .input_count = 2,
                             .inputs = inputs,
                             .output_count = 2,
                             .outputs = outputs};
    assert_int_equal(davit_graph_add_node(b.graph, &split, &node), DAVIT_OK);
    builder_output(&b, outputs[1]);
    builder_bind(&b);
    assert_int_equal(davit_pass_remove_dead(b.graph, &b.diag.sink), DAVIT_OK);
    assert_int_equal(b.graph->order_count, 1);
    assert_int_equal(davit_pass_make_units(b.graph, &b.diag.sink), DAVIT_OK);
    assert_int_equal(b.graph->units[0].output_count, 1);
    assert_int_equal(b.graph->units[0].outputs[0], outputs[1]);
    builder_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_what_outputs_need_stays),
        cmocka_unit_test(test_node_with_one_used_output_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
