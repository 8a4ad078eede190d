/* What holds for every pass: the graph computes the same, keeps its ends and stays sorted and
 * inferred; failed allocations are reported; large and deep graphs take no time. */
#include "random_graph.h"

#include "counting_allocator.h"

#include "davit/reference.h"

#include <stdlib.h>
#include <time.h>

#define ROUNDS 40
#define STEPS 25
#define LARGE 50000

typedef davit_status (*pass_function)(davit_graph *graph, const davit_diagnostics *diag);

static davit_status fold_constants(davit_graph *graph, const davit_diagnostics *diag)
{
    return davit_pass_fold_constants(graph, davit_reference_evaluator(), diag);
}

static davit_status optimize(davit_graph *graph, const davit_diagnostics *diag)
{
    return davit_graph_optimize(graph, davit_reference_evaluator(), diag);
}

static const struct {
    const char *name;
    pass_function run;
    double tolerance; /* 0: the same bits */
} passes[] = {
    {"fold_constants", fold_constants, 0},
    {"remove_identities", davit_pass_remove_identities, 0},
    {"remove_dead", davit_pass_remove_dead, 0},
    {"make_units", davit_pass_make_units, 0},
    {"recompose", davit_pass_recompose, 1e-5},
    {"fold_batch_norm", davit_pass_fold_batch_norm, 1e-5},
    {"optimize", optimize, 2e-5},
};
#define PASSES (sizeof(passes) / sizeof(passes[0]))

/* Every live node reads what is written before it and inferred. */
static void check_sorted(const davit_graph *graph)
{
    bool *known = calloc(graph->value_count, sizeof(*known));
    assert_non_null(known);
    for (size_t v = 0; v < graph->value_count; v++) {
        known[v] = graph->values[v].is_input || graph->values[v].constant;
    }
    for (size_t n = 0; n < graph->order_count; n++) {
        const davit_node *node = &graph->nodes[graph->order[n]];
        assert_false(node->removed);
        for (uint32_t i = 0; i < node->input_count; i++) {
            assert_true(node->inputs[i] == DAVIT_NONE || known[node->inputs[i]]);
        }
        for (uint32_t i = 0; i < node->output_count; i++) {
            if (node->outputs[i] != DAVIT_NONE) {
                known[node->outputs[i]] = true;
                assert_true(graph->values[node->outputs[i]].inferred);
                assert_int_equal(graph->values[node->outputs[i]].producer, graph->order[n]);
            }
        }
    }
    free(known);
}

static void check_pass(const davit_graph *before, size_t pass, uint64_t seed)
{
    davit_graph *after;
    davit_diagnostics_buffer diag;
    davit_diagnostics_buffer_init(&diag);
    assert_int_equal(davit_graph_clone(before, &after), DAVIT_OK);
    assert_int_equal(passes[pass].run(after, &diag.sink), DAVIT_OK);
    assert_int_equal(diag.error_count, 0);
    check_sorted(after);
    assert_int_equal(after->output_count, before->output_count);
    for (size_t i = 0; i < before->output_count; i++) {
        const davit_value *a = &before->values[before->outputs[i]];
        const davit_value *b = &after->values[after->outputs[i]];
        assert_string_equal(a->name, b->name);
        assert_true(davit_tensor_desc_same_shape(&a->desc, &b->desc));
        davit_tensor *expected = builder_evaluate(before, i, seed);
        davit_tensor *found = builder_evaluate(after, i, seed);
        builder_assert_close(expected, found, passes[pass].tolerance);
        davit_tensor_destroy(expected);
        davit_tensor_destroy(found);
    }
    davit_graph_destroy(after);
}

static void test_passes_keep_what_is_computed(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < ROUNDS; seed++) {
        builder b;
        random_domain domain = seed % 2 ? RANDOM_IMAGES : RANDOM_MATRICES;
        random_graph_build(&b, domain, STEPS, seed);
        for (size_t pass = 0; pass < PASSES; pass++) {
            check_pass(b.graph, pass, seed);
        }
        builder_clear(&b);
    }
}

static void test_failed_allocations_are_reported(void **state)
{
    (void)state;
    counting_allocator counting;
    counting_allocator_init(&counting);
    builder b;
    random_graph_build(&b, RANDOM_MATRICES, STEPS, 7);
    for (size_t pass = 0; pass < PASSES; pass++) {
        davit_status status = DAVIT_OUT_OF_MEMORY;
        for (size_t at = 1; status != DAVIT_OK; at++) {
            davit_graph *copy;
            davit_diagnostics_buffer diag;
            davit_diagnostics_buffer_init(&diag);
            const davit_allocator *allocator = b.graph->allocator;
            counting_allocator_restart(&counting, 0);
            b.graph->allocator = &counting.allocator;
            assert_int_equal(davit_graph_clone(b.graph, &copy), DAVIT_OK);
            b.graph->allocator = allocator;
            counting_allocator_restart(&counting, at);
            status = passes[pass].run(copy, &diag.sink);
            counting_allocator_restart(&counting, 0);
            assert_true(status == DAVIT_OK || status == DAVIT_OUT_OF_MEMORY);
            assert_int_equal(diag.error_count, status != DAVIT_OK);
            davit_graph_destroy(copy);
            assert_int_equal(atomic_load(&counting.live), 0);
        }
    }
    builder_clear(&b);
}

/* ---- size ---- */

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Binds and optimises; a quadratic step would take minutes. */
static void check_fast(builder *b, const char *what)
{
    double start = seconds();
    builder_bind(b);
    double bound = seconds();
    assert_int_equal(davit_graph_optimize(b->graph, davit_reference_evaluator(), &b->diag.sink),
                     DAVIT_OK);
    double end = seconds();
    print_message("%s: bound in %.3f s, optimised in %.3f s\n", what, bound - start, end - bound);
    assert_true(end - start < 10); /* sanitizers included */
    builder_clear(b);
}

static void test_deep_chain(void **state)
{
    (void)state;
    static const davit_op ops[] = {DAVIT_OP_Relu, DAVIT_OP_Identity, DAVIT_OP_Neg};
    builder b;
    builder_init(&b, NULL);
    davit_value_id x = builder_input(&b, "x", DAVIT_F32, 2, (const int64_t[]){2, 2});
    for (size_t i = 0; i < LARGE; i++) {
        x = builder_unary(&b, ops[i % 3], x);
    }
    builder_output(&b, x);
    check_fast(&b, "a chain of 50,000 nodes");
}

static void test_wide_graph(void **state)
{
    (void)state;
    builder b;
    builder_init(&b, NULL);
    davit_value_id x = builder_input(&b, "x", DAVIT_F32, 2, (const int64_t[]){2, 2});
    davit_value_id *parts = calloc(LARGE / 2, sizeof(*parts));
    assert_non_null(parts);
    for (size_t i = 0; i < LARGE / 2; i++) {
        davit_value_id gate = builder_unary(&b, DAVIT_OP_Sigmoid, x);
        parts[i] = builder_binary(&b, DAVIT_OP_Mul, gate, x);
    }
    davit_node_spec sum = {.op = DAVIT_OP_Sum, .input_count = LARGE / 2, .inputs = parts};
    builder_output(&b, builder_node_with(&b, &sum));
    free(parts);
    check_fast(&b, "50,000 nodes side by side");
}

/* One MatMul and a chain of 50,000 additions and activations after it. */
static void test_long_epilogue(void **state)
{
    (void)state;
    builder b;
    uint64_t seed = 1;
    const int64_t dims[] = {2, 2};
    builder_init(&b, NULL);
    davit_value_id x = builder_input(&b, "x", DAVIT_F32, 2, dims);
    davit_value_id y = builder_binary(&b, DAVIT_OP_MatMul, x, builder_random(&b, 2, dims, &seed));
    davit_value_id number = builder_number(&b, 1e-3f);
    for (size_t i = 0; i < LARGE; i++) {
        y = i % 2 ? builder_unary(&b, DAVIT_OP_Relu, y)
                  : builder_binary(&b, DAVIT_OP_Add, y, number);
    }
    builder_output(&b, y);
    check_fast(&b, "50,000 nodes after one MatMul");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_passes_keep_what_is_computed),
        cmocka_unit_test(test_failed_allocations_are_reported),
        cmocka_unit_test(test_deep_chain),
        cmocka_unit_test(test_wide_graph),
        cmocka_unit_test(test_long_epilogue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
