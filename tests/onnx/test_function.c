/* Model-local functions and branches of If. */
#include "loading.h"

static const int64_t dims[] = {2, 3};
static char local[] = "local"; /* the domain of functions */

/* The calls of a model: x -> ... -> y. */
static void begin(onnx_builder *builder)
{
    onnx_builder_init(builder, 17);
    onnx_add_input(builder, "x", DAVIT_F32, 2, dims);
    onnx_add_output(builder, "y");
}

static Onnx__NodeProto *add_call(onnx_builder *builder, const char *function, const char *inputs,
                                 const char *outputs)
{
    Onnx__NodeProto *call = onnx_add_node(builder, function, inputs, outputs);
    call->domain = local;
    return call;
}

static Onnx__NodeProto *body_node(onnx_builder *builder, Onnx__FunctionProto *function,
                                  const char *op, const char *inputs, const char *outputs)
{
    return onnx_add_node_to(builder, &function->node, &function->n_node, op, inputs, outputs);
}

static void add_attribute_name(onnx_builder *builder, Onnx__FunctionProto *function, char *name)
{
    char **names = davit_arena_alloc_array(&builder->arena, 1, sizeof(*names));
    names[0] = name;
    function->attribute = names;
    function->n_attribute = 1;
}

static void test_expands_a_call_twice(void **state)
{
    (void)state;
    onnx_builder builder;
    begin(&builder);
    Onnx__FunctionProto *twice = onnx_add_function(&builder, "local", "Twice", "a", "c", 17);
    body_node(&builder, twice, "Neg", "a", "b")->name = (char[]){"inner"};
    body_node(&builder, twice, "Abs", "b", "c");
    add_call(&builder, "Twice", "x", "h")->name = (char[]){"one"};
    add_call(&builder, "Twice", "h", "y")->name = (char[]){"two"};
    davit_graph *graph = load_good(&builder);
    assert_int_equal(graph->order_count, 4);
    const davit_node *neg = &graph->nodes[graph->order[0]];
    assert_string_equal(neg->name, "one/inner");
    assert_string_equal(graph->values[neg->outputs[0]].name, "one/b");
    assert_string_equal(graph->nodes[graph->order[2]].name, "two/inner");
    const davit_node *last = &graph->nodes[graph->order[3]];
    assert_int_equal(last->outputs[0], graph->outputs[0]);
    davit_graph_destroy(graph);
}

static void test_calls_without_names_stay_apart(void **state)
{
    (void)state;
    onnx_builder builder;
    begin(&builder);
    Onnx__FunctionProto *twice = onnx_add_function(&builder, "local", "Twice", "a", "c", 17);
    body_node(&builder, twice, "Neg", "a", "b");
    body_node(&builder, twice, "Abs", "b", "c");
    add_call(&builder, "Twice", "x", "h");
    add_call(&builder, "Twice", "h", "y");
    davit_graph *graph = load_good(&builder);
    assert_int_equal(graph->order_count, 4);
    for (size_t i = 0; i < graph->value_count; i++) {
        assert_int_equal(davit_graph_find_value(graph, graph->values[i].name), i);
    }
    davit_graph_destroy(graph);
}

static void test_attribute_references(void **state)
{
    (void)state;
    onnx_builder builder;
    begin(&builder);
    /* Outer passes its attribute "slope" on to Inner under another name. */
    Onnx__FunctionProto *inner = onnx_add_function(&builder, "local", "Inner", "a", "b", 17);
    add_attribute_name(&builder, inner, (char[]){"steepness"});
    onnx_set_reference(&builder, body_node(&builder, inner, "LeakyRelu", "a", "b"), "alpha",
                       ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT, "steepness");
    Onnx__FunctionProto *outer = onnx_add_function(&builder, "local", "Outer", "a", "b", 17);
    add_attribute_name(&builder, outer, (char[]){"slope"});
    Onnx__NodeProto *nested = body_node(&builder, outer, "Inner", "a", "b");
    nested->domain = local;
    onnx_set_reference(&builder, nested, "steepness", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT,
                       "slope");
    onnx_set_float(&builder, add_call(&builder, "Outer", "x", "y"), "slope", 0.25f);
    davit_graph *graph = load_good(&builder);
    const davit_node *node = find_node(graph, "LeakyRelu");
    assert_true(davit_node_float(node, "alpha", 0.0f) == 0.25f);
    davit_graph_destroy(graph);
}

static void test_reference_that_is_left_out(void **state)
{
    (void)state;
    onnx_builder builder;
    begin(&builder);
    Onnx__FunctionProto *leaky = onnx_add_function(&builder, "local", "Leaky", "a", "b", 17);
    add_attribute_name(&builder, leaky, (char[]){"slope"});
    onnx_set_reference(&builder, body_node(&builder, leaky, "LeakyRelu", "a", "b"), "alpha",
                       ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT, "slope");
    add_call(&builder, "Leaky", "x", "y");
    davit_graph *graph = load_good(&builder);
    assert_null(davit_node_attribute(find_node(graph, "LeakyRelu"), "alpha"));
    davit_graph_destroy(graph);
}

/* Default values of attributes came with IR version 9 as field 11, which older versions of
 * onnx.proto keep as an unknown field. */
static void test_attribute_defaults(void **state)
{
    (void)state;
    onnx_builder builder;
    begin(&builder);
    Onnx__FunctionProto *leaky = onnx_add_function(&builder, "local", "Leaky", "a", "b", 17);
    onnx_set_reference(&builder, body_node(&builder, leaky, "LeakyRelu", "a", "b"), "alpha",
                       ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT, "slope");
    add_call(&builder, "Leaky", "x", "y");
    uint8_t field[64];
    Onnx__AttributeProto slope = ONNX__ATTRIBUTE_PROTO__INIT;
    slope.name = (char[]){"slope"};
    slope.has_type = 1;
    slope.type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT;
    slope.has_f = 1;
    slope.f = 0.125f;
    size_t size = onnx__attribute_proto__pack(&slope, field + 1);
    field[0] = (uint8_t)size; /* the length before the message */
    ProtobufCMessageUnknownField unknown = {11, PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED, size + 1,
                                            field};
    leaky->base.n_unknown_fields = 1;
    leaky->base.unknown_fields = &unknown;
    davit_graph *graph = load_good(&builder);
    assert_true(davit_node_float(find_node(graph, "LeakyRelu"), "alpha", 0.0f) == 0.125f);
    davit_graph_destroy(graph);
}

/* Overloads came with IR version 10: field 8 of a node, field 13 of a function. */
static void test_overloads(void **state)
{
    (void)state;
    onnx_builder builder;
    begin(&builder);
    Onnx__FunctionProto *plain = onnx_add_function(&builder, "local", "F", "a", "b", 17);
    body_node(&builder, plain, "Neg", "a", "b");
    Onnx__FunctionProto *other = onnx_add_function(&builder, "local", "F", "a", "b", 17);
    body_node(&builder, other, "Abs", "a", "b");
    Onnx__NodeProto *call = add_call(&builder, "F", "x", "y");
    uint8_t name[] = {3, 'a', 'b', 's'};
    ProtobufCMessageUnknownField of_function = {13, PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED,
                                                sizeof(name), name};
    ProtobufCMessageUnknownField of_node = {8, PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED, sizeof(name),
                                            name};
    other->base.n_unknown_fields = 1;
    other->base.unknown_fields = &of_function;
    call->base.n_unknown_fields = 1;
    call->base.unknown_fields = &of_node;
    davit_graph *graph = load_good(&builder);
    assert_int_equal(graph->node_count, 1);
    (void)find_node(graph, "Abs");
    davit_graph_destroy(graph);
}

static void test_opset_of_the_function(void **state)
{
    (void)state;
    onnx_builder builder;
    begin(&builder);
    Onnx__FunctionProto *old = onnx_add_function(&builder, "local", "Old", "a", "b", 11);
    const int64_t axes[] = {0};
    onnx_set_ints(&builder, body_node(&builder, old, "Unsqueeze", "a", "b"), "axes", 1, axes);
    add_call(&builder, "Old", "x", "y");
    davit_graph *graph = load_good(&builder);
    check_ints(graph, find_node(graph, "Unsqueeze"), 1, 1, 1, axes);
    davit_graph_destroy(graph);
}

static void test_shared_constant_is_read_once(void **state)
{
    (void)state;
    onnx_builder builder;
    begin(&builder);
    static const float number = 3.0f;
    Onnx__FunctionProto *scale = onnx_add_function(&builder, "local", "Scale", "a", "b", 17);
    onnx_set_tensor(&builder, body_node(&builder, scale, "Constant", "", "k"), "value",
                    onnx_tensor(&builder, "", DAVIT_F32, 0, NULL, &number));
    body_node(&builder, scale, "Mul", "a k", "b");
    add_call(&builder, "Scale", "x", "h");
    add_call(&builder, "Scale", "h", "y");
    davit_graph *graph = load_good(&builder);
    assert_int_equal(graph->tensor_count, 1);
    check_float(graph, &graph->nodes[0], 1, 3.0f);
    check_float(graph, &graph->nodes[1], 1, 3.0f);
    davit_graph_destroy(graph);
}

static void test_inputs_left_out_and_passed_through(void **state)
{
    (void)state;
    onnx_builder builder;
    begin(&builder);
    Onnx__FunctionProto *f = onnx_add_function(&builder, "local", "F", "a low high", "b a c", 17);
    body_node(&builder, f, "Clip", "a low high", "b");
    body_node(&builder, f, "Neg", "a", "c");
    add_call(&builder, "F", "x", "y same");
    onnx_add_output(&builder, "same");
    davit_graph *graph = load_good(&builder);
    assert_int_equal(find_node(graph, "Clip")->input_count, 1);
    const davit_node *copy = find_node(graph, "Identity");
    assert_int_equal(copy->inputs[0], graph->inputs[0]);
    assert_int_equal(copy->outputs[0], graph->outputs[1]);
    davit_graph_destroy(graph);
}

/* ---- bad functions ---- */

static void test_recursion(void **state)
{
    (void)state;
    onnx_builder builder;
    begin(&builder);
    Onnx__FunctionProto *f = onnx_add_function(&builder, "local", "F", "a", "b", 17);
    Onnx__FunctionProto *g = onnx_add_function(&builder, "local", "G", "a", "b", 17);
    body_node(&builder, f, "G", "a", "b")->domain = local;
    body_node(&builder, g, "F", "a", "b")->domain = local;
    add_call(&builder, "F", "x", "y");
    load_bad(&builder, DAVIT_BAD_DATA, "function 'F' calls itself");
}

/* Each of ten functions calls the next ten times: ten thousand million nodes from 3 kB. */
static void test_expansion_is_limited(void **state)
{
    (void)state;
    static const char *const names[] = {"F0", "F1", "F2", "F3", "F4", "F5", "F6", "F7", "F8", "F9"};
    static const char *const values[] = {"v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "b"};
    onnx_builder builder;
    begin(&builder);
    for (int level = 0; level < 10; level++) {
        Onnx__FunctionProto *f = onnx_add_function(&builder, "local", names[level], "a", "b", 17);
        for (int i = 0; i < 10; i++) {
            const char *next = level < 9 ? names[level + 1] : "Neg";
            body_node(&builder, f, next, "a", values[i])->domain = level < 9 ? local : NULL;
        }
    }
    add_call(&builder, "F0", "x", "y");
    load_bad(&builder, DAVIT_UNSUPPORTED, "nodes when functions are expanded");
}

static void test_bad_calls(void **state)
{
    (void)state;
    onnx_builder builder;
    begin(&builder);
    Onnx__FunctionProto *f = onnx_add_function(&builder, "local", "F", "a", "b", 17);
    body_node(&builder, f, "Neg", "a", "b");
    add_call(&builder, "F", "x x", "y");
    load_bad(&builder, DAVIT_BAD_DATA, "has 2 inputs, its function takes 1");
    begin(&builder);
    f = onnx_add_function(&builder, "local", "F", "a", "b", 17);
    body_node(&builder, f, "Neg", "a", "b");
    add_call(&builder, "F", "x", "y z");
    load_bad(&builder, DAVIT_BAD_DATA, "function 'F' has 1 outputs, its caller uses 2");
    begin(&builder);
    f = onnx_add_function(&builder, "local", "F", "a", "b", 17);
    body_node(&builder, f, "Neg", "x", "b"); /* x is the model's, not the function's */
    add_call(&builder, "F", "x", "y");
    load_bad(&builder, DAVIT_BAD_DATA, "nothing computes its input 'x'");
    begin(&builder);
    f = onnx_add_function(&builder, "local", "F", "a", "c", 17);
    body_node(&builder, f, "Neg", "a", "b");
    add_call(&builder, "F", "x", "y");
    load_bad(&builder, DAVIT_BAD_DATA, "function 'F': nothing computes its output 'c'");
    begin(&builder);
    onnx_add_function(&builder, "local", "F", "a", "b", 17);
    onnx_add_function(&builder, "local", "F", "a", "b", 17);
    onnx_add_node(&builder, "Neg", "x", "y");
    load_bad(&builder, DAVIT_BAD_DATA, "function 'F' is defined twice");
    begin(&builder);
    onnx_add_function(&builder, "local", "F", "a a", "b", 17);
    add_call(&builder, "F", "x x", "y");
    load_bad(&builder, DAVIT_BAD_DATA, "function 'F' has input 'a' twice");
}

/* ---- If ---- */

static void add_branch(onnx_builder *builder, Onnx__NodeProto *node, const char *name,
                       const char *op)
{
    Onnx__GraphProto *branch = davit_arena_alloc(&builder->arena, sizeof(*branch));
    onnx__graph_proto__init(branch);
    onnx_add_node_to(builder, &branch->node, &branch->n_node, op, "x", "result");
    Onnx__ValueInfoProto *output = davit_arena_alloc(&builder->arena, sizeof(*output));
    onnx__value_info_proto__init(output);
    output->name = davit_arena_strdup(&builder->arena, "result");
    branch->output = davit_arena_alloc(&builder->arena, sizeof(void *));
    branch->output[0] = output;
    branch->n_output = 1;
    onnx_attribute(builder, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH)->g = branch;
}

static void build_if(onnx_builder *builder, bool condition)
{
    const uint8_t byte = condition;
    begin(builder);
    onnx_add_initializer(builder, "c", DAVIT_BOOL, 0, NULL, &byte);
    Onnx__NodeProto *node = onnx_add_node(builder, "If", "c", "y");
    add_branch(builder, node, "then_branch", "Neg");
    add_branch(builder, node, "else_branch", "Abs");
}

static void test_constant_condition(void **state)
{
    (void)state;
    for (int condition = 0; condition < 2; condition++) {
        onnx_builder builder;
        build_if(&builder, condition != 0);
        davit_graph *graph = load_good(&builder);
        assert_int_equal(graph->node_count, 1);
        const davit_node *node = find_node(graph, condition != 0 ? "Neg" : "Abs");
        assert_int_equal(node->inputs[0], graph->inputs[0]);
        assert_int_equal(node->outputs[0], graph->outputs[0]);
        davit_graph_destroy(graph);
    }
}

static void test_bad_conditions(void **state)
{
    (void)state;
    onnx_builder builder;
    build_if(&builder, true);
    builder.graph.node[0]->input[0] = (char[]){"x"};
    load_bad(&builder, DAVIT_UNSUPPORTED, "constant condition");
    build_if(&builder, true);
    builder.graph.initializer[0]->data_type = DAVIT_U8;
    load_bad(&builder, DAVIT_BAD_DATA, "not one bool");
    build_if(&builder, true);
    builder.graph.node[0]->n_attribute = 0;
    load_bad(&builder, DAVIT_BAD_DATA, "lacks its then branch");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_expands_a_call_twice),
        cmocka_unit_test(test_calls_without_names_stay_apart),
        cmocka_unit_test(test_attribute_references),
        cmocka_unit_test(test_reference_that_is_left_out),
        cmocka_unit_test(test_attribute_defaults),
        cmocka_unit_test(test_overloads),
        cmocka_unit_test(test_opset_of_the_function),
        cmocka_unit_test(test_shared_constant_is_read_once),
        cmocka_unit_test(test_inputs_left_out_and_passed_through),
        cmocka_unit_test(test_recursion),
        cmocka_unit_test(test_expansion_is_limited),
        cmocka_unit_test(test_bad_calls),
        cmocka_unit_test(test_constant_condition),
        cmocka_unit_test(test_bad_conditions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
