/* Graphs as such: values, names, nodes, attributes, order, copies. */
#include "builder.h"

#include "counting_allocator.h"

#include <stdio.h>
#include <string.h>

static const int64_t shape[] = {2, 3};

static void test_names(void **state)
{
    (void)state;
    builder b;
    builder_init(&b, NULL);
    davit_value_id x = builder_input(&b, "x", DAVIT_F32, 2, shape);
    davit_value_id y = builder_node(&b, DAVIT_OP_Relu, "y", x, DAVIT_NONE, DAVIT_NONE);
    davit_value_id z = builder_unary(&b, DAVIT_OP_Relu, y);
    assert_int_equal(davit_graph_find_value(b.graph, "x"), x);
    assert_int_equal(davit_graph_find_value(b.graph, "y"), y);
    assert_int_equal(davit_graph_find_value(b.graph, b.graph->values[z].name), z);
    assert_int_equal(davit_graph_find_value(b.graph, "w"), DAVIT_NONE);
    assert_string_equal(b.graph->nodes[0].name, "y");
    builder_clear(&b);
}

static void test_node_names_are_made_unique(void **state)
{
    (void)state;
    builder b;
    builder_init(&b, NULL);
    davit_value_id x = builder_input(&b, "x", DAVIT_F32, 2, shape);
    for (int i = 0; i < 50; i++) {
        davit_value_id inputs[] = {x};
        davit_node_spec spec = {
            .name = i % 2 ? "same" : NULL, .op = DAVIT_OP_Relu, .input_count = 1, .inputs = inputs};
        davit_value_id out;
        davit_node_id node;
        assert_int_equal(davit_graph_add_value(b.graph, NULL, &out), DAVIT_OK);
        spec.output_count = 1;
        spec.outputs = &out;
        assert_int_equal(davit_graph_add_node(b.graph, &spec, &node), DAVIT_OK);
        for (davit_node_id k = 0; k < node; k++) {
            assert_string_not_equal(b.graph->nodes[k].name, b.graph->nodes[node].name);
        }
        x = out;
    }
    builder_clear(&b);
}

static void test_attributes(void **state)
{
    (void)state;
    builder b;
    builder_init(&b, NULL);
    int64_t ints[] = {1, 2, 3};
    float floats[] = {0.5f};
    davit_attribute attributes[] = {
        {.name = "i", .type = DAVIT_ATTRIBUTE_INT, .u.i = 7},
        {.name = "f", .type = DAVIT_ATTRIBUTE_FLOAT, .u.f = 1.5f},
        {.name = "s", .type = DAVIT_ATTRIBUTE_STRING, .count = 3, .u.s = "abc"},
        {.name = "ints", .type = DAVIT_ATTRIBUTE_INTS, .count = 3, .u.ints = ints},
        {.name = "floats", .type = DAVIT_ATTRIBUTE_FLOATS, .count = 1, .u.floats = floats},
    };
    davit_value_id x = builder_input(&b, "x", DAVIT_F32, 2, shape);
    davit_node_spec spec = {.op = DAVIT_OP_Relu,
                            .input_count = 1,
                            .inputs = &x,
                            .attribute_count = 5,
                            .attributes = attributes};
    builder_node_with(&b, &spec);
    memset(ints, 0, sizeof(ints));
    const davit_node *node = &b.graph->nodes[0];
    size_t count;
    assert_int_equal(davit_node_int(node, "i", 0), 7);
    assert_int_equal(davit_node_int(node, "absent", 9), 9);
    assert_int_equal(davit_node_int(node, "f", 9), 9);
    assert_true(davit_node_float(node, "f", 0) == 1.5f);
    assert_string_equal(davit_node_string(node, "s", ""), "abc");
    assert_int_equal(davit_node_ints(node, "ints", &count)[2], 3);
    assert_int_equal(count, 3);
    assert_true(davit_node_floats(node, "floats", &count)[0] == 0.5f);
    assert_null(davit_node_floats(node, "none", &count));
    assert_int_equal(count, 0);
    builder_clear(&b);
}

/* Nodes are added in any order; the sorted order keeps the given one where it can. */
static void test_sort_is_topological_and_stable(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (int round = 0; round < 30; round++) {
        enum { NODES = 40 };
        builder b;
        builder_init(&b, NULL);
        davit_value_id values[NODES + 1];
        uint32_t rank[NODES];
        values[0] = builder_input(&b, "x", DAVIT_F32, 2, shape);
        for (int i = 1; i <= NODES; i++) {
            assert_int_equal(davit_graph_add_value(b.graph, NULL, &values[i]), DAVIT_OK);
            rank[i - 1] = (uint32_t)i - 1;
        }
        for (size_t i = NODES; i-- > 1;) {
            size_t k = (size_t)test_random_below(&seed, i + 1);
            uint32_t swap = rank[i];
            rank[i] = rank[k];
            rank[k] = swap;
        }
        for (int i = 0; i < NODES; i++) {
            uint32_t at = rank[i];
            davit_value_id inputs[] = {values[test_random_below(&seed, at + 1)],
                                       values[test_random_below(&seed, at + 1)]};
            davit_node_spec spec = {.op = DAVIT_OP_Add,
                                    .input_count = 2,
                                    .inputs = inputs,
                                    .output_count = 1,
                                    .outputs = &values[at + 1]};
            davit_node_id node;
            assert_int_equal(davit_graph_add_node(b.graph, &spec, &node), DAVIT_OK);
        }
        builder_output(&b, values[NODES]);
        assert_int_equal(davit_graph_sort(b.graph, &b.diag.sink), DAVIT_OK);
        assert_int_equal(b.graph->order_count, NODES);
        size_t position[NODES];
        for (size_t i = 0; i < NODES; i++) {
            position[b.graph->order[i]] = i;
        }
        for (size_t n = 0; n < NODES; n++) {
            size_t earliest = 0; /* the first place after the node's producers */
            for (uint32_t i = 0; i < 2; i++) {
                davit_node_id producer = b.graph->values[b.graph->nodes[n].inputs[i]].producer;
                if (producer != DAVIT_NONE) {
                    assert_true(position[producer] < position[n]);
                    earliest =
                        position[producer] + 1 > earliest ? position[producer] + 1 : earliest;
                }
            }
            for (size_t i = earliest; i < position[n]; i++) {
                assert_true(b.graph->order[i] < n);
            }
        }
        builder_clear(&b);
    }
}

static void test_sort_counts_uses(void **state)
{
    (void)state;
    builder b;
    builder_init(&b, NULL);
    davit_value_id x = builder_input(&b, "x", DAVIT_F32, 2, shape);
    davit_value_id y = builder_binary(&b, DAVIT_OP_Add, x, x);
    builder_output(&b, y);
    builder_output(&b, y);
    assert_int_equal(davit_graph_sort(b.graph, NULL), DAVIT_OK);
    assert_int_equal(b.graph->values[x].use_count, 2);
    assert_int_equal(b.graph->values[y].use_count, 2);
    builder_clear(&b);
}

static void test_cycle_is_named(void **state)
{
    (void)state;
    builder b;
    builder_init(&b, NULL);
    davit_value_id x = builder_input(&b, "x", DAVIT_F32, 2, shape);
    davit_value_id loop = builder_node(&b, DAVIT_OP_Relu, "in", x, DAVIT_NONE, DAVIT_NONE);
    davit_value_id back = builder_node(&b, DAVIT_OP_Relu, "back", loop, DAVIT_NONE, DAVIT_NONE);
    davit_value_id after = builder_node(&b, DAVIT_OP_Relu, "after", back, DAVIT_NONE, DAVIT_NONE);
    b.graph->nodes[0].inputs[0] = back;
    builder_output(&b, after);
    assert_int_equal(davit_graph_sort(b.graph, &b.diag.sink), DAVIT_BAD_DATA);
    assert_non_null(strstr(b.diag.text, "cycle"));
    assert_null(strstr(b.diag.text, "'after'"));
    builder_clear(&b);
}

static void test_value_never_written_is_named(void **state)
{
    (void)state;
    builder b;
    builder_init(&b, NULL);
    davit_value_id nobody;
    assert_int_equal(davit_graph_add_value(b.graph, "nobody", &nobody), DAVIT_OK);
    davit_value_id y = builder_node(&b, DAVIT_OP_Relu, "reader", nobody, DAVIT_NONE, DAVIT_NONE);
    builder_output(&b, y);
    assert_int_equal(davit_graph_sort(b.graph, &b.diag.sink), DAVIT_BAD_DATA);
    assert_non_null(strstr(b.diag.text, "'nobody'"));
    assert_non_null(strstr(b.diag.text, "'reader'"));
    builder_clear(&b);
}

static void test_clone_is_independent(void **state)
{
    (void)state;
    builder b;
    builder_init(&b, NULL);
    davit_graph *copy;
    davit_value_id x = builder_input(&b, "x", DAVIT_F32, 2, shape);
    davit_value_id c = builder_floats(&b, 1, (const int64_t[]){3}, (const float[]){1, 2, 3});
    davit_value_id dead = builder_unary(&b, DAVIT_OP_Relu, x);
    davit_value_id y = builder_binary(&b, DAVIT_OP_Add, x, c);
    builder_output(&b, y);
    davit_graph_remove_node(b.graph, b.graph->values[dead].producer);
    assert_int_equal(davit_graph_sort(b.graph, NULL), DAVIT_OK);
    assert_int_equal(davit_graph_clone(b.graph, &copy), DAVIT_OK);
    assert_int_equal(copy->order_count, 1);
    assert_int_equal(copy->node_count, 2);
    assert_true(copy->nodes[0].removed);
    assert_int_equal(copy->outputs[0], y);
    assert_int_equal(davit_graph_find_value(copy, "x"), x);
    assert_ptr_equal(copy->values[c].constant, b.graph->values[c].constant);
    assert_ptr_not_equal(copy->values[x].name, b.graph->values[x].name);
    assert_string_equal(copy->nodes[1].name, b.graph->nodes[1].name);
    assert_int_equal(copy->values[y].producer, 1);
    davit_graph_remove_node(copy, 1);
    assert_false(b.graph->nodes[1].removed);
    davit_graph_destroy(copy);
    builder_clear(&b);
}

static void test_failed_allocations_leave_nothing_behind(void **state)
{
    (void)state;
    builder b;
    builder_init(&b, NULL);
    davit_value_id x = builder_input(&b, "x", DAVIT_F32, 2, shape);
    for (int i = 0; i < 100; i++) {
        x = builder_unary(&b, DAVIT_OP_Relu, x);
    }
    builder_output(&b, x);
    assert_int_equal(davit_graph_sort(b.graph, NULL), DAVIT_OK);
    counting_allocator counting;
    counting_allocator_init(&counting);
    const davit_allocator *allocator = b.graph->allocator;
    davit_status status = DAVIT_OUT_OF_MEMORY;
    for (size_t at = 1; status != DAVIT_OK; at++) {
        davit_graph *copy;
        counting_allocator_restart(&counting, at);
        b.graph->allocator = &counting.allocator;
        status = davit_graph_clone(b.graph, &copy);
        b.graph->allocator = allocator;
        assert_true(status == DAVIT_OK || (status == DAVIT_OUT_OF_MEMORY && !copy));
        davit_graph_destroy(copy);
        assert_int_equal(atomic_load(&counting.live), 0);
    }
    builder_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_node_names_are_made_unique),
        cmocka_unit_test(test_attributes),
        cmocka_unit_test(test_sort_is_topological_and_stable),
        cmocka_unit_test(test_sort_counts_uses),
        cmocka_unit_test(test_cycle_is_named),
        cmocka_unit_test(test_value_never_written_is_named),
        cmocka_unit_test(test_clone_is_independent),
        cmocka_unit_test(test_failed_allocations_leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
