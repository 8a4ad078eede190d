/* The operators of com.microsoft that onnxruntime.quantization writes become DequantizeLinear, the
 * operator of ai.onnx, QuantizeLinear; everything else of that domain is refused. */
#include "loading.h"

static char microsoft[] = "com.microsoft";

/* A model whose node reads bytes q, w and the types s* (scale), z* (zero point), c (s32). */
static Onnx__NodeProto *begin(onnx_builder *builder, const char *op, const char *inputs)
{
    static const float scale = 0.5f;
    static const uint8_t zero = 7;
    static const int32_t bias[] = {1, 2, 3};
    static const uint8_t weights[12] = {1};
    onnx_builder_init(builder, 17);
    onnx_add_input(builder, "q", DAVIT_U8, 2, (const int64_t[]){3, 4});
    onnx_add_initializer(builder, "w", DAVIT_U8, 2, (const int64_t[]){3, 4}, weights);
    onnx_add_initializer(builder, "c", DAVIT_S32, 1, (const int64_t[]){3}, bias);
    onnx_add_initializer(builder, "s", DAVIT_F32, 0, NULL, &scale);
    onnx_add_initializer(builder, "z", DAVIT_U8, 0, NULL, &zero);
    onnx_add_output(builder, "y");
    Onnx__NodeProto *node = onnx_add_node(builder, op, inputs, "y");
    node->domain = microsoft;
    return node;
}

static size_t count(const davit_graph *graph, davit_op op)
{
    size_t found = 0;
    for (size_t n = 0; n < graph->node_count; n++) {
        found += graph->nodes[n].op->op == op;
    }
    return found;
}

static void test_forms(void **state)
{
    (void)state;
    static const struct {
        const char *op, *inputs;
        davit_op expected;
        uint32_t operands;
    } cases[] = {
        {"QLinearAdd", "q s z w s z s z", DAVIT_OP_Add, 2},
        {"QLinearMul", "q s z w s z s z", DAVIT_OP_Mul, 2},
        {"QLinearSigmoid", "q s z s z", DAVIT_OP_Sigmoid, 1},
        {"QLinearLeakyRelu", "q s z s z", DAVIT_OP_LeakyRelu, 1},
        {"QLinearSoftmax", "q s z s z", DAVIT_OP_Softmax, 1},
        {"QLinearGlobalAveragePool", "q s z s z", DAVIT_OP_GlobalAveragePool, 1},
        {"QLinearConcat", "s z q s z w s z q s z", DAVIT_OP_Concat, 3},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        onnx_builder builder;
        Onnx__NodeProto *node = begin(&builder, cases[i].op, cases[i].inputs);
        if (cases[i].expected == DAVIT_OP_Concat) {
            onnx_set_int(&builder, node, "axis", 1);
        }
        davit_graph *graph = load_good(&builder);
        const davit_node *made = find_node(graph, davit_op_get(cases[i].expected)->name);
        const davit_value *y = &graph->values[graph->outputs[0]];
        assert_int_equal(made->input_count, cases[i].operands);
        assert_int_equal(count(graph, DAVIT_OP_DequantizeLinear), cases[i].operands);
        assert_int_equal(graph->nodes[y->producer].op->op, DAVIT_OP_QuantizeLinear);
        assert_int_equal(graph->nodes[y->producer].inputs[0], made->outputs[0]);
        for (uint32_t k = 0; k < made->input_count; k++) {
            davit_node_id before = graph->values[made->inputs[k]].producer;
            assert_int_equal(graph->nodes[before].op->op, DAVIT_OP_DequantizeLinear);
            assert_string_equal(graph->values[graph->nodes[before].inputs[0]].name,
                                k == 1 ? "w" : "q");
        }
        davit_graph_destroy(graph);
    }
}

/* The bias is in units of the product of the scales; without a type the result is a float. */
static void test_gemm(void **state)
{
    (void)state;
    for (int quantized = 0; quantized < 2; quantized++) {
        onnx_builder builder;
        Onnx__NodeProto *node =
            begin(&builder, "QGemm", quantized ? "q s z w s z c s z" : "q s z w s z c");
        onnx_set_int(&builder, node, "transB", 1);
        davit_graph *graph = load_good(&builder);
        const davit_node *gemm = find_node(graph, "Gemm");
        assert_int_equal(gemm->input_count, 3);
        assert_int_equal(davit_node_int(gemm, "transB", 0), 1);
        assert_int_equal(count(graph, DAVIT_OP_QuantizeLinear), quantized);
        assert_int_equal(count(graph, DAVIT_OP_Mul), 1);
        const davit_node *weights = &graph->nodes[graph->values[gemm->inputs[1]].producer];
        assert_int_equal(davit_node_int(weights, "axis", 1), 0);
        davit_graph_destroy(graph);
    }
}

/* Softmax says which ONNX it follows: up to 12 it works over all axes from the first on. */
static void test_softmax_of_old(void **state)
{
    (void)state;
    onnx_builder builder;
    Onnx__NodeProto *node = begin(&builder, "QLinearSoftmax", "q s z s z");
    onnx_set_int(&builder, node, "opset", 11);
    onnx_set_int(&builder, node, "axis", 1);
    davit_graph *graph = load_good(&builder);
    assert_int_equal(davit_node_int(find_node(graph, "Softmax"), "coerce_2d", 0), 1);
    davit_graph_destroy(graph);
}

static void test_refused(void **state)
{
    (void)state;
    onnx_builder builder;
    begin(&builder, "QLinearWhere", "q s z w s z s z");
    load_bad(&builder, DAVIT_UNSUPPORTED, "QLinearWhere of domain com.microsoft");
    begin(&builder, "QLinearAdd", "q s z w - z s z");
    load_bad(&builder, DAVIT_BAD_DATA, "lacks an operand or its scale");
    begin(&builder, "QLinearSigmoid", "q s z s");
    load_bad(&builder, DAVIT_UNSUPPORTED, "a result without scale and zero point");
    Onnx__NodeProto *node = begin(&builder, "QLinearGlobalAveragePool", "q s z s z");
    onnx_set_int(&builder, node, "channels_last", 1);
    load_bad(&builder, DAVIT_UNSUPPORTED, "channels_last");
    node = begin(&builder, "QLinearSigmoid", "q s z s z");
    onnx_set_int(&builder, node, "axis", 1);
    load_bad(&builder, DAVIT_UNSUPPORTED, "'axis'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_gemm),
        cmocka_unit_test(test_softmax_of_old),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
