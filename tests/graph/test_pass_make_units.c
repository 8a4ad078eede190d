#include "random_graph.h"

#include <math.h>

#define ROUNDS 60

static const int64_t matrix[] = {4, 4};
static const int64_t columns[] = {4};

static void make_units(builder *b)
{
    builder_bind(b);
    assert_int_equal(davit_pass_make_units(b->graph, &b->diag.sink), DAVIT_OK);
}

static davit_value_id product(builder *b, davit_value_id x)
{
    uint64_t seed = 1;
    return builder_binary(b, DAVIT_OP_MatMul, x, builder_random(b, 2, matrix, &seed));
}

static void test_epilogues_in_order(void **state)
{
    (void)state;
    builder b;
    uint64_t seed = 2;
    builder_init(&b, NULL);
    davit_value_id x = builder_input(&b, "x", DAVIT_F32, 2, matrix);
    davit_value_id r = builder_input(&b, "r", DAVIT_F32, 2, matrix);
    davit_value_id bias = builder_random(&b, 1, columns, &seed);
    davit_value_id y = builder_binary(&b, DAVIT_OP_Add, bias, product(&b, x));
    y = builder_binary(&b, DAVIT_OP_Add, y, r);
    y = builder_node(&b, DAVIT_OP_Clip, NULL, y, builder_number(&b, -2), DAVIT_NONE);
    y = builder_binary(&b, DAVIT_OP_Mul, y, builder_number(&b, 3));
    y = builder_unary(&b, DAVIT_OP_Relu, y);
    builder_output(&b, y);
    make_units(&b);
    assert_int_equal(b.graph->unit_count, 1);
    const davit_unit *unit = &b.graph->units[0];
    assert_int_equal(unit->kind, DAVIT_UNIT_GEMM);
    assert_int_equal(unit->node_count, 6);
    assert_int_equal(unit->epilogue_count, 5);
    const davit_epilogue *e = unit->epilogues;
    assert_int_equal(e[0].kind, DAVIT_EPILOGUE_BIAS);
    assert_int_equal(e[0].operand, bias);
    assert_int_equal(e[1].kind, DAVIT_EPILOGUE_RESIDUAL);
    assert_int_equal(e[1].operand, r);
    assert_int_equal(e[2].activation, DAVIT_ACTIVATION_CLIP);
    assert_true(e[2].alpha == -2.0f && isinf(e[2].beta) && e[2].operand == DAVIT_NONE);
    assert_int_equal(e[3].activation, DAVIT_ACTIVATION_LINEAR);
    assert_true(e[3].alpha == 3.0f && e[3].beta == 0.0f);
    assert_int_equal(e[4].activation, DAVIT_ACTIVATION_RELU);
    assert_int_equal(unit->input_count, 2);
    assert_int_equal(unit->inputs[0], x);
    assert_int_equal(unit->inputs[1], r);
    assert_int_equal(unit->output_count, 1);
    assert_int_equal(unit->outputs[0], y);
    assert_int_equal(unit->flops, 2 * 4 * 4 * 4 + 5 * 16);
    assert_int_equal(unit->bytes, 4 * 16 * 4 + 4 * 4 + 2 * 4);
    builder_clear(&b);
}

static void test_activations(void **state)
{
    (void)state;
    static const struct {
        davit_op op;
        davit_activation activation;
        float alpha, beta;
    } cases[] = {
        {DAVIT_OP_Relu, DAVIT_ACTIVATION_RELU, 0, 0},
        {DAVIT_OP_HardSwish, DAVIT_ACTIVATION_HARDSWISH, 0, 0},
        {DAVIT_OP_HardSigmoid, DAVIT_ACTIVATION_HARDSIGMOID, 0.2f, 0.5f},
        {DAVIT_OP_Sigmoid, DAVIT_ACTIVATION_SIGMOID, 0, 0},
        {DAVIT_OP_Silu, DAVIT_ACTIVATION_SILU, 0, 0},
        {DAVIT_OP_Gelu, DAVIT_ACTIVATION_GELU_ERF, 0, 0},
        {DAVIT_OP_LeakyRelu, DAVIT_ACTIVATION_LEAKY_RELU, 0.01f, 0},
        {DAVIT_OP_Tanh, DAVIT_ACTIVATION_TANH, 0, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        builder b;
        builder_init(&b, NULL);
        davit_value_id x = builder_input(&b, "x", DAVIT_F32, 2, matrix);
        builder_output(&b, builder_unary(&b, cases[i].op, product(&b, x)));
        make_units(&b);
        assert_int_equal(b.graph->unit_count, 1);
        const davit_epilogue *epilogue = b.graph->units[0].epilogues;
        assert_int_equal(epilogue->kind, DAVIT_EPILOGUE_ACTIVATION);
        assert_int_equal(epilogue->activation, cases[i].activation);
        assert_true(epilogue->alpha == cases[i].alpha && epilogue->beta == cases[i].beta);
        builder_clear(&b);
    }
}

/* What must not be fused: a value with two readers, a graph output, an Add that enlarges, a
 * constant that is neither a bias nor a number, an activation of something else. */
static void test_chains_stop(void **state)
{
    (void)state;
    const int64_t larger[] = {2, 4, 4};
    uint64_t seed = 3;
    for (int i = 0; i < 6; i++) {
        builder b;
        builder_init(&b, NULL);
        davit_value_id x = builder_input(&b, "x", DAVIT_F32, 2, matrix);
        davit_value_id y = product(&b, x);
        if (i == 0) {
            builder_output(&b, builder_unary(&b, DAVIT_OP_Relu, y));
            builder_output(&b, builder_unary(&b, DAVIT_OP_Neg, y));
        } else if (i == 1) {
            builder_output(&b, y);
            builder_output(&b, builder_unary(&b, DAVIT_OP_Relu, y));
        } else if (i == 2) {
            davit_value_id r = builder_input(&b, "r", DAVIT_F32, 3, larger);
            builder_output(&b, builder_binary(&b, DAVIT_OP_Add, y, r));
        } else if (i == 3) {
            davit_value_id full = builder_random(&b, 2, matrix, &seed);
            builder_output(&b, builder_binary(&b, DAVIT_OP_Add, y, full));
        } else if (i == 4) {
            builder_output(&b, builder_binary(&b, DAVIT_OP_Div, builder_number(&b, 2), y));
        } else {
            davit_value_id low = builder_unary(&b, DAVIT_OP_Relu, builder_number(&b, 1));
            builder_output(&b, builder_node(&b, DAVIT_OP_Clip, NULL, y, low, DAVIT_NONE));
        }
        make_units(&b);
        for (size_t u = 0; u < b.graph->unit_count; u++) {
            assert_int_equal(b.graph->units[u].node_count, 1);
            assert_int_equal(b.graph->units[u].epilogue_count, 0);
        }
        builder_clear(&b);
    }
}

/* One number and the value, in any operation that is linear in the value. */
static void test_linear(void **state)
{
    (void)state;
    static const struct {
        davit_op op;
        bool swapped;
        float alpha, beta;
    } cases[] = {
        {DAVIT_OP_Add, false, 1, 4},    {DAVIT_OP_Add, true, 1, 4},  {DAVIT_OP_Sub, false, 1, -4},
        {DAVIT_OP_Sub, true, -1, 4},    {DAVIT_OP_Mul, false, 4, 0}, {DAVIT_OP_Mul, true, 4, 0},
        {DAVIT_OP_Div, false, .25f, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        builder b;
        builder_init(&b, NULL);
        davit_value_id y = product(&b, builder_input(&b, "x", DAVIT_F32, 2, matrix));
        davit_value_id four = builder_number(&b, 4);
        bool swapped = cases[i].swapped;
        builder_output(&b, builder_binary(&b, cases[i].op, swapped ? four : y, swapped ? y : four));
        make_units(&b);
        assert_int_equal(b.graph->unit_count, 1);
        const davit_epilogue *epilogue = b.graph->units[0].epilogues;
        assert_int_equal(epilogue->activation, DAVIT_ACTIVATION_LINEAR);
        assert_true(epilogue->alpha == cases[i].alpha && epilogue->beta == cases[i].beta);
        builder_clear(&b);
    }
}

/* Both convolutions of a residual block end in the same Add: it belongs to one of them. */
static void test_two_anchors_share_an_add(void **state)
{
    (void)state;
    builder b;
    builder_init(&b, NULL);
    davit_value_id x = builder_input(&b, "x", DAVIT_F32, 2, matrix);
    davit_value_id left = product(&b, x);
    davit_value_id right = product(&b, x);
    builder_output(&b, builder_binary(&b, DAVIT_OP_Add, left, right));
    make_units(&b);
    assert_int_equal(b.graph->unit_count, 2);
    assert_int_equal(b.graph->units[0].node_count, 1);
    assert_int_equal(b.graph->units[1].node_count, 2);
    assert_int_equal(b.graph->units[1].inputs[1], b.graph->units[0].outputs[0]);
    builder_clear(&b);
}

static void test_single_units(void **state)
{
    (void)state;
    builder b;
    random_graph_build(&b, RANDOM_MATRICES, 30, 5);
    assert_int_equal(davit_pass_make_single_units(b.graph, &b.diag.sink), DAVIT_OK);
    assert_int_equal(b.graph->unit_count, b.graph->order_count);
    for (size_t u = 0; u < b.graph->unit_count; u++) {
        assert_int_equal(b.graph->units[u].anchor, b.graph->order[u]);
        assert_int_equal(b.graph->units[u].node_count, 1);
    }
    builder_clear(&b);
}

/* ---- brute force over random graphs ---- */

static bool holds(const davit_value_id *list, uint32_t count, davit_value_id value)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < count; i++) {
        found += list[i] == value;
    }
    assert_true(found <= 1);
    return found == 1;
}

static bool in_unit(const davit_unit *unit, davit_node_id node)
{
    return node != DAVIT_NONE && holds(unit->nodes, unit->node_count, node);
}

/* Every live node is in one unit. */
static void check_partition(const davit_graph *graph)
{
    size_t nodes = 0;
    for (size_t u = 0; u < graph->unit_count; u++) {
        nodes += graph->units[u].node_count;
    }
    assert_int_equal(nodes, graph->order_count);
    for (size_t n = 0; n < graph->order_count; n++) {
        size_t owners = 0;
        for (size_t u = 0; u < graph->unit_count; u++) {
            owners += in_unit(&graph->units[u], graph->order[n]);
        }
        assert_int_equal(owners, 1);
    }
}

/* Whether value is read outside the unit or is a graph output. */
static bool leaves(const davit_graph *graph, const davit_unit *unit, davit_value_id value)
{
    for (size_t n = 0; n < graph->order_count; n++) {
        const davit_node *node = &graph->nodes[graph->order[n]];
        for (uint32_t i = 0; i < node->input_count; i++) {
            if (node->inputs[i] == value && !in_unit(unit, graph->order[n])) {
                return true;
            }
        }
    }
    return graph->values[value].is_output;
}

/* Inputs and outputs are what the nodes say; every node but the anchor reads one of the unit. */
static void check_ends(const davit_graph *graph, const davit_unit *unit)
{
    uint32_t inputs = 0;
    uint32_t outputs = 0;
    for (size_t v = 0; v < graph->value_count; v++) {
        const davit_value *value = &graph->values[v];
        bool inside = in_unit(unit, value->producer);
        bool read = false;
        for (uint32_t n = 0; n < unit->node_count; n++) {
            const davit_node *node = &graph->nodes[unit->nodes[n]];
            for (uint32_t i = 0; i < node->input_count; i++) {
                read |= node->inputs[i] == v;
            }
        }
        bool input = read && !inside && !value->constant;
        bool output = inside && leaves(graph, unit, (davit_value_id)v);
        assert_int_equal(holds(unit->inputs, unit->input_count, (davit_value_id)v), input);
        assert_int_equal(holds(unit->outputs, unit->output_count, (davit_value_id)v), output);
        inputs += input;
        outputs += output;
    }
    assert_int_equal(inputs, unit->input_count);
    assert_int_equal(outputs, unit->output_count);
    assert_int_equal(unit->nodes[0], unit->anchor);
    for (uint32_t n = 1; n < unit->node_count; n++) {
        const davit_node *node = &graph->nodes[unit->nodes[n]];
        bool connected = false;
        for (uint32_t i = 0; i < node->input_count; i++) {
            connected |= node->inputs[i] == graph->nodes[unit->nodes[n - 1]].outputs[0];
        }
        assert_true(connected);
    }
    assert_int_equal(unit->epilogue_count, unit->node_count - 1);
}

/* Run unit by unit, every input is there when it is read: no cycles, and the order is right. */
static void check_order(const davit_graph *graph)
{
    for (size_t u = 0; u < graph->unit_count; u++) {
        for (uint32_t i = 0; i < graph->units[u].input_count; i++) {
            davit_value_id value = graph->units[u].inputs[i];
            bool there = graph->values[value].is_input;
            for (size_t before = 0; before < u && !there; before++) {
                const davit_unit *unit = &graph->units[before];
                there = holds(unit->outputs, unit->output_count, value);
            }
            assert_true(there);
        }
    }
}

static void test_random_graphs(void **state)
{
    (void)state;
    size_t fused = 0;
    for (uint64_t seed = 0; seed < ROUNDS; seed++) {
        builder b;
        random_graph_build(&b, seed % 2 ? RANDOM_MATRICES : RANDOM_IMAGES, 40, seed);
        if (seed % 3 == 0) {
            assert_int_equal(davit_pass_remove_dead(b.graph, NULL), DAVIT_OK);
        }
        assert_int_equal(davit_pass_make_units(b.graph, &b.diag.sink), DAVIT_OK);
        check_partition(b.graph);
        check_order(b.graph);
        for (size_t u = 0; u < b.graph->unit_count; u++) {
            check_ends(b.graph, &b.graph->units[u]);
            fused += b.graph->units[u].node_count > 1;
        }
        builder_clear(&b);
    }
    assert_true(fused > ROUNDS); /* the graphs do hold what is tested */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_epilogues_in_order),
        cmocka_unit_test(test_activations),
        cmocka_unit_test(test_chains_stop),
        cmocka_unit_test(test_linear),
        cmocka_unit_test(test_two_anchors_share_an_add),
        cmocka_unit_test(test_single_units),
        cmocka_unit_test(test_random_graphs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
