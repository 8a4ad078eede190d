/* Chains of functions: one table, one rounding. */
#include <math.h>
#include <string.h>

#include "fixture.h"

static const int64_t image[] = {1, 3, 8, 8};

/* x, Conv, c, HardSwish, h, * 2, m, + 0.5, a, Conv, y. */
static void build(onnx_builder *b)
{
    onnx_builder_init(b, 14);
    onnx_add_input(b, "x", DAVIT_F32, 4, image);
    fixture_random(b, "w1", 4, (const int64_t[]){8, 3, 3, 3}, 1);
    fixture_random(b, "w2", 4, (const int64_t[]){4, 8, 1, 1}, 2);
    onnx_add_initializer(b, "two", DAVIT_F32, 0, NULL, (const float[]){2});
    onnx_add_initializer(b, "half", DAVIT_F32, 1, (const int64_t[]){1}, (const float[]){0.5f});
    onnx_add_node(b, "Conv", "x w1", "c");
    onnx_add_node(b, "HardSwish", "c", "h");
    onnx_add_node(b, "Mul", "two h", "m");
    onnx_add_node(b, "Add", "m half", "a");
    onnx_add_node(b, "Conv", "a w2", "y");
    onnx_add_output(b, "y");
}

static void test_nothing_is_quantised_between(void **state)
{
    (void)state;
    onnx_builder b;
    fixture f;
    build(&b);
    fixture_init(&f, &b, 4, image);
    fixture_quantize(&f);
    assert_true(fixture_is_quantized(&f, "c"));
    assert_false(fixture_is_quantized(&f, "h"));
    assert_false(fixture_is_quantized(&f, "m"));
    assert_true(fixture_is_quantized(&f, "a"));
    assert_string_equal(fixture_node(&f, "Mul", 0)->input[0], "two");
    assert_string_equal(fixture_node(&f, "Add", 0)->input[1], "half");
    assert_int_equal(f.report.quantized_count, 5);
    fixture_clear(&f);
}

/* Davit runs the chain as one look-up, the convolutions as integer units: three units. */
static void test_the_chain_is_one_unit(void **state)
{
    (void)state;
    onnx_builder b;
    fixture f;
    davit_context *context;
    davit_model *model;
    davit_session *session;
    build(&b);
    fixture_init(&f, &b, 4, image);
    fixture_quantize(&f);
    assert_int_equal(davit_context_create(NULL, &context), DAVIT_OK);
    assert_int_equal(davit_model_load(context, f.output, &model), DAVIT_OK);
    assert_int_equal(davit_session_create(model, NULL, &session), DAVIT_OK);
    const davit_graph *graph = davit_session_graph(session);
    size_t lookups = 0;
    size_t functions = 0;
    for (size_t n = 0; n < graph->order_count; n++) {
        davit_op op = graph->nodes[graph->order[n]].op->op;
        lookups += op == DAVIT_OP_IntegerLookup;
        functions += op == DAVIT_OP_HardSwish || op == DAVIT_OP_Mul || op == DAVIT_OP_Add;
    }
    assert_int_equal(graph->kept_count, 0);
    assert_int_equal(lookups, 1);
    assert_int_equal(functions, 0);
    davit_session_destroy(session);
    davit_model_destroy(model);
    davit_context_destroy(context);
    fixture_clear(&f);
}

/* What HardSwish takes for 0 takes no steps: the convolution's range starts at about -3. */
static void test_range_starts_where_the_function_does(void **state)
{
    (void)state;
    onnx_builder b;
    fixture f;
    float scale;
    build(&b);
    fixture_init(&f, &b, 4, image);
    fixture_quantize(&f);
    const Onnx__NodeProto *hardswish = fixture_node(&f, "HardSwish", 0);
    const Onnx__NodeProto *pair = fixture_producer(&f, hardswish->input[0]);
    memcpy(&scale, fixture_initializer(&f, pair->input[1])->raw_data.data, sizeof(scale));
    int zero = fixture_initializer(&f, pair->input[2])->raw_data.data[0];
    assert_true(fabsf(-(float)zero * scale + 3) < 0.1f);
    fixture_clear(&f);
}

/* What something else reads is quantised for it; a Relu belongs to the convolution before it. */
static void test_where_chains_end(void **state)
{
    (void)state;
    onnx_builder b;
    fixture f;
    onnx_builder_init(&b, 14);
    onnx_add_input(&b, "x", DAVIT_F32, 4, image);
    fixture_random(&b, "w", 4, (const int64_t[]){3, 3, 3, 3}, 1);
    onnx_add_initializer(&b, "two", DAVIT_F32, 0, NULL, (const float[]){2});
    onnx_add_node(&b, "Conv", "x w", "c");
    onnx_add_node(&b, "Relu", "c", "r");
    onnx_add_node(&b, "Sigmoid", "r", "s");
    onnx_add_node(&b, "Mul", "s two", "m");
    onnx_add_node(&b, "MaxPool", "s", "p");
    onnx_set_ints(&b, b.graph.node[b.graph.n_node - 1], "kernel_shape", 2, (const int64_t[]){1, 1});
    onnx_add_node(&b, "Add", "m p", "y");
    onnx_add_output(&b, "y");
    fixture_init(&f, &b, 4, image);
    fixture_quantize(&f);
    assert_false(fixture_is_quantized(&f, "c"));
    assert_true(fixture_is_quantized(&f, "r"));
    assert_true(fixture_is_quantized(&f, "s"));
    assert_true(fixture_is_quantized(&f, "m"));
    fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_quantised_between),
        cmocka_unit_test(test_the_chain_is_one_unit),
        cmocka_unit_test(test_range_starts_where_the_function_does),
        cmocka_unit_test(test_where_chains_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
