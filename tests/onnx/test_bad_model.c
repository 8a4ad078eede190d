/* Well-formed protobuf that is no good model: each kind is one error that names what is wrong. */
#include "loading.h"

static const int64_t dims[] = {2, 3};

/* A case changes a good model (x -> Relu -> y, with initialiser w) in one way. */
typedef struct bad_case {
    const char *name;
    void (*spoil)(onnx_builder *builder);
    davit_status status;
    const char *needle;
} bad_case;

static char *text(onnx_builder *builder, const char *from)
{
    return davit_arena_strdup(&builder->arena, from);
}

/* ---- versions ---- */

static void newer_opset(onnx_builder *builder)
{
    builder->model.opset_import[0]->version = 22;
}

static void opset_zero(onnx_builder *builder)
{
    builder->model.opset_import[0]->version = 0;
}

static void two_opsets(onnx_builder *builder)
{
    static Onnx__OperatorSetIdProto second;
    static Onnx__OperatorSetIdProto *imports[2];
    second = *builder->model.opset_import[0];
    second.version--;
    imports[0] = builder->model.opset_import[0];
    imports[1] = &second;
    builder->model.opset_import = imports;
    builder->model.n_opset_import = 2;
}

static void no_opset(onnx_builder *builder)
{
    builder->model.n_opset_import = 0;
}

static void newer_ir(onnx_builder *builder)
{
    builder->model.ir_version = 15;
}

static void no_ir(onnx_builder *builder)
{
    builder->model.has_ir_version = 0;
}

static void no_graph(onnx_builder *builder)
{
    builder->model.graph = NULL;
}

/* ---- names ---- */

static void duplicate_initializer(onnx_builder *builder)
{
    onnx_add_initializer(builder, "w", DAVIT_F32, 2, dims, NULL)->has_raw_data = 1;
    builder->graph.initializer[1]->raw_data = builder->graph.initializer[0]->raw_data;
}

static void duplicate_node_output(onnx_builder *builder)
{
    onnx_add_node(builder, "Neg", "x", "y")->name = text(builder, "second");
}

static void output_overwrites_input(onnx_builder *builder)
{
    onnx_add_node(builder, "Neg", "y", "x");
}

static void duplicate_input(onnx_builder *builder)
{
    onnx_add_input(builder, "x", DAVIT_F32, 2, dims);
}

static void duplicate_output(onnx_builder *builder)
{
    onnx_add_output(builder, "y");
}

static void nameless_initializer(onnx_builder *builder)
{
    builder->graph.initializer[0]->name = NULL;
}

static void unknown_output(onnx_builder *builder)
{
    onnx_add_output(builder, "nowhere");
}

static void unknown_input(onnx_builder *builder)
{
    onnx_add_node(builder, "Neg", "nowhere", "z")->name = text(builder, "reader");
}

static void no_outputs(onnx_builder *builder)
{
    builder->graph.n_output = 0;
}

static void cycle(onnx_builder *builder)
{
    onnx_add_node(builder, "Add", "x b", "a")->name = text(builder, "one");
    onnx_add_node(builder, "Neg", "a", "b")->name = text(builder, "two");
    onnx_add_output(builder, "b");
}

/* ---- types of inputs ---- */

static void string_input(onnx_builder *builder)
{
    builder->graph.input[0]->type->tensor_type->elem_type = DAVIT_STRING;
}

static void unknown_type(onnx_builder *builder)
{
    builder->graph.input[0]->type->tensor_type->elem_type = 99;
}

static void sequence_input(onnx_builder *builder)
{
    Onnx__TypeProto__Sequence *sequence = davit_arena_alloc(&builder->arena, sizeof(*sequence));
    onnx__type_proto__sequence__init(sequence);
    builder->graph.input[0]->type->value_case = ONNX__TYPE_PROTO__VALUE_SEQUENCE_TYPE;
    builder->graph.input[0]->type->sequence_type = sequence;
}

static void untyped_input(onnx_builder *builder)
{
    builder->graph.input[0]->type = NULL;
}

static void too_many_dimensions(onnx_builder *builder)
{
    static const int64_t many[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    onnx_add_input(builder, "z", DAVIT_F32, 9, many);
}

/* ---- operators and attributes ---- */

static void unknown_operator(onnx_builder *builder)
{
    onnx_add_node(builder, "Frobnicate", "x", "z");
}

/* The operators that passes make are not for files, with their domain or without. */
static void own_domain(onnx_builder *builder)
{
    onnx_add_node(builder, "IntegerAdd", "x", "z")->domain = text(builder, "davit");
}

static void integer_operator(onnx_builder *builder)
{
    onnx_add_node(builder, "IntegerAdd", "x", "z");
}

static void other_domain(onnx_builder *builder)
{
    onnx_add_node(builder, "Relu", "x", "z")->domain = text(builder, "com.example");
}

static void operator_of_later_opset(onnx_builder *builder)
{
    onnx_add_node(builder, "Gelu", "x", "z");
}

static void removed_operator(onnx_builder *builder)
{
    onnx_add_node(builder, "Upsample", "x w", "z");
}

static void unknown_attribute(onnx_builder *builder)
{
    onnx_set_int(builder, builder->graph.node[0], "colour", 3);
}

static void internal_attribute(onnx_builder *builder)
{
    onnx_set_int(builder, onnx_add_node(builder, "Softmax", "x", "z"), "coerce_2d", 1);
}

static void wrong_attribute_type(onnx_builder *builder)
{
    onnx_set_float(builder, onnx_add_node(builder, "Flatten", "x", "z"), "axis", 1.0f);
}

static void list_for_number(onnx_builder *builder)
{
    onnx_set_ints(builder, onnx_add_node(builder, "Flatten", "x", "z"), "axis", 2, dims);
}

static void attribute_twice(onnx_builder *builder)
{
    Onnx__NodeProto *node = onnx_add_node(builder, "Flatten", "x", "z");
    onnx_set_int(builder, node, "axis", 1);
    onnx_set_int(builder, node, "axis", 0);
}

static void missing_attribute(onnx_builder *builder)
{
    onnx_add_node(builder, "Concat", "x w", "z");
}

static void too_few_inputs(onnx_builder *builder)
{
    onnx_add_node(builder, "Add", "x", "z");
}

static void too_many_inputs(onnx_builder *builder)
{
    onnx_add_node(builder, "Add", "x x x", "z");
}

static void too_many_outputs(onnx_builder *builder)
{
    onnx_add_node(builder, "Neg", "x", "z1 z2");
}

static void no_node_outputs(onnx_builder *builder)
{
    onnx_add_node(builder, "Neg", "x", "-");
}

static void absent_first_input(onnx_builder *builder)
{
    onnx_add_node(builder, "Add", "- x", "z");
}

static void string_constant(onnx_builder *builder)
{
    onnx_set_string(builder, onnx_add_node(builder, "Constant", "", "z"), "value_string", "text");
}

static void empty_constant(onnx_builder *builder)
{
    onnx_add_node(builder, "Constant", "", "z");
}

static void computed_condition(onnx_builder *builder)
{
    onnx_add_node(builder, "If", "x", "z");
}

static const bad_case cases[] = {
    {"newer opset", newer_opset, DAVIT_UNSUPPORTED, "opset 22; supported are 7 to 21"},
    {"opset 0", opset_zero, DAVIT_UNSUPPORTED, "opset 0"},
    {"two opsets", two_opsets, DAVIT_BAD_DATA, "of ai.onnx at once"},
    {"no opset", no_opset, DAVIT_BAD_DATA, "no opset of ai.onnx"},
    {"newer IR", newer_ir, DAVIT_UNSUPPORTED, "IR version 15"},
    {"no IR", no_ir, DAVIT_BAD_DATA, "IR version"},
    {"no graph", no_graph, DAVIT_BAD_DATA, "no graph"},
    {"duplicate initialiser", duplicate_initializer, DAVIT_BAD_DATA, "'w' is defined twice"},
    {"duplicate node output", duplicate_node_output, DAVIT_BAD_DATA, "node 'second' (Neg)"},
    {"output overwrites input", output_overwrites_input, DAVIT_BAD_DATA, "'x' is defined twice"},
    {"duplicate input", duplicate_input, DAVIT_BAD_DATA, "input 'x' is listed twice"},
    {"duplicate output", duplicate_output, DAVIT_BAD_DATA, "output 'y' is listed twice"},
    {"nameless initialiser", nameless_initializer, DAVIT_BAD_DATA, "initialiser has no name"},
    {"unknown output", unknown_output, DAVIT_BAD_DATA, "nothing computes the output 'nowhere'"},
    {"unknown input", unknown_input, DAVIT_BAD_DATA, "node 'reader' (Neg): nothing computes"},
    {"no outputs", no_outputs, DAVIT_BAD_DATA, "no outputs"},
    {"cycle", cycle, DAVIT_BAD_DATA, "node '"},
    {"string input", string_input, DAVIT_UNSUPPORTED, "input 'x': element type string"},
    {"unknown type", unknown_type, DAVIT_BAD_DATA, "element type 99"},
    {"sequence input", sequence_input, DAVIT_UNSUPPORTED, "input 'x' is a sequence"},
    {"untyped input", untyped_input, DAVIT_BAD_DATA, "input 'x' has no type"},
    {"too many dimensions", too_many_dimensions, DAVIT_UNSUPPORTED, "9 dimensions"},
    {"unknown operator", unknown_operator, DAVIT_UNSUPPORTED, "operator Frobnicate"},
    {"integer operator of Davit", integer_operator, DAVIT_UNSUPPORTED, "IntegerAdd"},
    {"domain of Davit", own_domain, DAVIT_UNSUPPORTED, "domain davit"},
    {"other domain", other_domain, DAVIT_UNSUPPORTED, "com.example"},
    {"operator of a later opset", operator_of_later_opset, DAVIT_UNSUPPORTED, "Gelu of opset 13"},
    {"removed operator", removed_operator, DAVIT_UNSUPPORTED, "Upsample of opset 13"},
    {"unknown attribute", unknown_attribute, DAVIT_UNSUPPORTED, "'colour'"},
    {"attribute of ours", internal_attribute, DAVIT_UNSUPPORTED, "'coerce_2d'"},
    {"wrong attribute type", wrong_attribute_type, DAVIT_BAD_DATA, "'axis' has the wrong type"},
    {"list for a number", list_for_number, DAVIT_BAD_DATA, "'axis' has the wrong type"},
    {"attribute twice", attribute_twice, DAVIT_BAD_DATA, "'axis' twice"},
    {"missing attribute", missing_attribute, DAVIT_BAD_DATA, "lacks attribute 'axis'"},
    {"too few inputs", too_few_inputs, DAVIT_BAD_DATA, "1 inputs"},
    {"too many inputs", too_many_inputs, DAVIT_BAD_DATA, "3 inputs"},
    {"too many outputs", too_many_outputs, DAVIT_BAD_DATA, "2 outputs"},
    {"no node outputs", no_node_outputs, DAVIT_BAD_DATA, "has no outputs"},
    {"absent first input", absent_first_input, DAVIT_BAD_DATA, "lacks its first input"},
    {"string constant", string_constant, DAVIT_UNSUPPORTED, "element type string"},
    {"empty constant", empty_constant, DAVIT_BAD_DATA, "exactly one attribute"},
    {"computed condition", computed_condition, DAVIT_UNSUPPORTED, "operator If"},
};

static void test_bad_models(void **state)
{
    (void)state;
    static const float weight[6];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        print_message("%s\n", cases[i].name);
        onnx_builder builder;
        onnx_builder_init(&builder, 13);
        onnx_add_input(&builder, "x", DAVIT_F32, 2, dims);
        onnx_add_initializer(&builder, "w", DAVIT_F32, 2, dims, weight);
        onnx_add_node(&builder, "Relu", "x", "y");
        onnx_add_output(&builder, "y");
        cases[i].spoil(&builder);
        load_bad(&builder, cases[i].status, cases[i].needle);
    }
}

static void test_without_a_sink(void **state)
{
    (void)state;
    davit_graph *graph;
    assert_int_equal(
        davit_onnx_load_memory(davit_allocator_default(), "x", 1, "test.onnx", NULL, NULL, &graph),
        DAVIT_BAD_DATA);
    assert_null(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_models),
        cmocka_unit_test(test_without_a_sink),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
