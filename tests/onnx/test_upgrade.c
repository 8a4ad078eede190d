/* The canonical form: what each older form of an operator becomes. One test an operator or family;
 * forms that are the same at all opsets have none. */
#include <float.h>

#include "loading.h"

static const int64_t image[] = {1, 4, 6, 6};

static void begin(onnx_builder *builder, int64_t opset)
{
    onnx_builder_init(builder, opset);
    onnx_add_input(builder, "x", DAVIT_F32, 4, image);
    onnx_add_output(builder, "y");
}

static void check_string(const davit_node *node, const char *name, const char *expected)
{
    assert_string_equal(davit_node_string(node, name, "(absent)"), expected);
}

/* ---- attributes that became inputs ---- */

static void test_clip(void **state)
{
    (void)state;
    onnx_builder builder;
    begin(&builder, 10);
    onnx_set_float(&builder, onnx_add_node(&builder, "Clip", "x", "y"), "max", 6.0f);
    davit_graph *graph = load_good(&builder);
    const davit_node *node = find_node(graph, "Clip");
    check_float(graph, node, 1, -FLT_MAX);
    check_float(graph, node, 2, 6.0f);
    assert_int_equal(node->attribute_count, 0);
    davit_graph_destroy(graph);
}

static void test_clip_of_other_types(void **state)
{
    (void)state;
    onnx_builder builder;
    begin(&builder, 10);
    builder.graph.input[0]->type->tensor_type->elem_type = DAVIT_F16;
    onnx_set_float(&builder, onnx_add_node(&builder, "Clip", "x", "h"), "max", 6.0f);
    onnx_set_float(&builder, onnx_add_node(&builder, "Clip", "h", "y"), "max", 5.0f);
    davit_graph *graph = load_good(&builder);
    /* The input's type is declared, that of h is found out by CastLike. */
    const davit_tensor *limit = input_constant(graph, &graph->nodes[0], 2);
    assert_int_equal(limit->desc.dtype, DAVIT_F16);
    assert_int_equal(*(const uint16_t *)limit->data, 0x4600);
    size_t casts = 0;
    for (size_t i = 0; i < graph->node_count; i++) {
        casts += strcmp(graph->nodes[i].op->name, "CastLike") == 0;
    }
    assert_int_equal(casts, 2);
    davit_graph_destroy(graph);
}

static void test_pad(void **state)
{
    (void)state;
    static const int64_t pads[] = {0, 0, 1, 1, 0, 0, 2, 2};
    onnx_builder builder;
    begin(&builder, 10);
    Onnx__NodeProto *proto = onnx_add_node(&builder, "Pad", "x", "y");
    onnx_set_ints(&builder, proto, "pads", 8, pads);
    onnx_set_float(&builder, proto, "value", 2.5f);
    onnx_set_string(&builder, proto, "mode", "constant");
    davit_graph *graph = load_good(&builder);
    const davit_node *node = find_node(graph, "Pad");
    check_ints(graph, node, 1, 1, 8, pads);
    check_float(graph, node, 2, 2.5f);
    check_string(node, "mode", "constant");
    assert_int_equal(node->attribute_count, 1);
    davit_graph_destroy(graph);
}

static void test_slice(void **state)
{
    (void)state;
    static const int64_t starts[] = {1, 2};
    static const int64_t ends[] = {3, 5};
    static const int64_t axes[] = {1, 2};
    onnx_builder builder;
    begin(&builder, 9);
    Onnx__NodeProto *proto = onnx_add_node(&builder, "Slice", "x", "h");
    onnx_set_ints(&builder, proto, "ends", 2, ends);
    onnx_set_ints(&builder, proto, "axes", 2, axes);
    onnx_set_ints(&builder, proto, "starts", 2, starts);
    proto = onnx_add_node(&builder, "Slice", "h", "y");
    onnx_set_ints(&builder, proto, "starts", 1, starts);
    onnx_set_ints(&builder, proto, "ends", 1, ends);
    davit_graph *graph = load_good(&builder);
    const davit_node *node = &graph->nodes[0];
    check_ints(graph, node, 1, 1, 2, starts);
    check_ints(graph, node, 2, 1, 2, ends);
    check_ints(graph, node, 3, 1, 2, axes);
    assert_int_equal(node->attribute_count, 0);
    assert_int_equal(graph->nodes[1].input_count, 3);
    davit_graph_destroy(graph);
}

static void test_axes(void **state)
{
    (void)state;
    static const struct {
        const char *op;
        int64_t last_opset;
    } cases[] = {{"Squeeze", 12},         {"Unsqueeze", 12},  {"ReduceSum", 12},
                 {"ReduceL1", 17},        {"ReduceL2", 17},   {"ReduceLogSum", 17},
                 {"ReduceLogSumExp", 17}, {"ReduceMax", 17},  {"ReduceMean", 17},
                 {"ReduceMin", 17},       {"ReduceProd", 17}, {"ReduceSumSquare", 17}};
    static const int64_t axes[] = {0, -1};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        onnx_builder builder;
        begin(&builder, cases[i].last_opset);
        Onnx__NodeProto *proto = onnx_add_node(&builder, cases[i].op, "x", "y");
        onnx_set_ints(&builder, proto, "axes", 2, axes);
        davit_graph *graph = load_good(&builder);
        check_ints(graph, find_node(graph, cases[i].op), 1, 1, 2, axes);
        assert_int_equal(find_node(graph, cases[i].op)->attribute_count, 0);
        davit_graph_destroy(graph);
        begin(&builder, cases[i].last_opset + 1);
        proto = onnx_add_node(&builder, cases[i].op, "x", "y");
        onnx_set_ints(&builder, proto, "axes", 2, axes);
        load_bad(&builder, DAVIT_UNSUPPORTED, "'axes'");
    }
}

static void test_split(void **state)
{
    (void)state;
    static const int64_t sizes[] = {1, 3};
    onnx_builder builder;
    begin(&builder, 12);
    Onnx__NodeProto *proto = onnx_add_node(&builder, "Split", "x", "y z");
    onnx_set_ints(&builder, proto, "split", 2, sizes);
    davit_graph *graph = load_good(&builder);
    check_ints(graph, find_node(graph, "Split"), 1, 1, 2, sizes);
    assert_null(davit_node_attribute(find_node(graph, "Split"), "num_outputs"));
    davit_graph_destroy(graph);
    begin(&builder, 13);
    (void)onnx_add_node(&builder, "Split", "x", "y -");
    graph = load_good(&builder);
    assert_int_equal(davit_node_int(find_node(graph, "Split"), "num_outputs", 0), 2);
    davit_graph_destroy(graph);
}

static void test_top_k(void **state)
{
    (void)state;
    static const int64_t k = 3;
    onnx_builder builder;
    begin(&builder, 9);
    onnx_set_int(&builder, onnx_add_node(&builder, "TopK", "x", "y z"), "k", k);
    davit_graph *graph = load_good(&builder);
    check_ints(graph, find_node(graph, "TopK"), 1, 1, 1, &k);
    davit_graph_destroy(graph);
}

static void test_dropout(void **state)
{
    (void)state;
    onnx_builder builder;
    begin(&builder, 11);
    onnx_set_float(&builder, onnx_add_node(&builder, "Dropout", "x", "y m"), "ratio", 0.25f);
    davit_graph *graph = load_good(&builder);
    check_float(graph, find_node(graph, "Dropout"), 1, 0.25f);
    assert_int_equal(find_node(graph, "Dropout")->output_count, 2);
    davit_graph_destroy(graph);
    /* Up to opset 9 the mask has the element type of the data. */
    begin(&builder, 9);
    (void)onnx_add_node(&builder, "Dropout", "x", "h y");
    graph = load_good(&builder);
    check_float(graph, find_node(graph, "Dropout"), 1, 0.5f);
    const davit_node *cast = find_node(graph, "CastLike");
    assert_int_equal(cast->inputs[0], find_node(graph, "Dropout")->outputs[1]);
    assert_int_equal(cast->outputs[0], graph->outputs[0]);
    davit_graph_destroy(graph);
    begin(&builder, 6);
    (void)onnx_add_node(&builder, "Dropout", "x", "y");
    load_bad(&builder, DAVIT_UNSUPPORTED, "training form of Dropout");
}

static void test_dft(void **state)
{
    (void)state;
    static const int64_t axes[] = {1, 2};
    onnx_builder builder;
    begin(&builder, 19);
    (void)onnx_add_node(&builder, "DFT", "x", "h");
    onnx_set_int(&builder, onnx_add_node(&builder, "DFT", "h", "y"), "axis", 2);
    davit_graph *graph = load_good(&builder);
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(graph->nodes[i].inputs[1], DAVIT_NONE);
        check_ints(graph, &graph->nodes[i], 2, 0, 1, &axes[i]);
    }
    davit_graph_destroy(graph);
}

static void test_reshape(void **state)
{
    (void)state;
    static const int64_t shape[] = {4, -1};
    onnx_builder builder;
    begin(&builder, 4);
    onnx_set_ints(&builder, onnx_add_node(&builder, "Reshape", "x", "y"), "shape", 2, shape);
    davit_graph *graph = load_good(&builder);
    check_ints(graph, find_node(graph, "Reshape"), 1, 1, 2, shape);
    davit_graph_destroy(graph);
}

/* ---- defaults and operators that changed ---- */

static void test_softmax(void **state)
{
    (void)state;
    static const char *const ops[] = {"Softmax", "LogSoftmax", "Hardmax"};
    for (size_t i = 0; i < 3; i++) {
        onnx_builder builder;
        begin(&builder, 12);
        (void)onnx_add_node(&builder, ops[i], "x", "y");
        davit_graph *graph = load_good(&builder);
        assert_int_equal(davit_node_int(find_node(graph, ops[i]), "axis", -9), 1);
        assert_int_equal(davit_node_int(find_node(graph, ops[i]), "coerce_2d", 0), 1);
        davit_graph_destroy(graph);
        begin(&builder, 13);
        (void)onnx_add_node(&builder, ops[i], "x", "y");
        graph = load_good(&builder);
        assert_int_equal(find_node(graph, ops[i])->attribute_count, 0);
        davit_graph_destroy(graph);
    }
}

static void build_batch_norm(onnx_builder *builder, int64_t opset, const char *outputs)
{
    static const int64_t four = 4;
    static const float numbers[4];
    begin(builder, opset);
    onnx_add_initializer(builder, "c", DAVIT_F32, 1, &four, numbers);
    (void)onnx_add_node(builder, "BatchNormalization", "x c c c c", outputs);
}

static void test_batch_normalization(void **state)
{
    (void)state;
    onnx_builder builder;
    build_batch_norm(&builder, 7, "y");
    onnx_set_int(&builder, builder.graph.node[0], "spatial", 1);
    davit_graph *graph = load_good(&builder);
    assert_int_equal(find_node(graph, "BatchNormalization")->attribute_count, 0);
    davit_graph_destroy(graph);
    build_batch_norm(&builder, 7, "y");
    onnx_set_int(&builder, builder.graph.node[0], "spatial", 0);
    load_bad(&builder, DAVIT_UNSUPPORTED, "spatial=0");
    build_batch_norm(&builder, 9, "y mean var");
    load_bad(&builder, DAVIT_UNSUPPORTED, "training form of BatchNormalization");
    build_batch_norm(&builder, 6, "y");
    load_bad(&builder, DAVIT_UNSUPPORTED, "training form of BatchNormalization");
    build_batch_norm(&builder, 6, "y");
    onnx_set_int(&builder, builder.graph.node[0], "is_test", 1);
    graph = load_good(&builder);
    assert_int_equal(find_node(graph, "BatchNormalization")->attribute_count, 0);
    davit_graph_destroy(graph);
}

static void check_resize(onnx_builder *builder, const char *nearest_mode)
{
    davit_graph *graph = load_good(builder);
    const davit_node *node = find_node(graph, "Resize");
    assert_int_equal(node->input_count, 3);
    assert_int_equal(node->inputs[1], DAVIT_NONE);
    assert_int_equal(input_constant(graph, node, 2)->desc.dtype, DAVIT_F32);
    check_string(node, "coordinate_transformation_mode", "asymmetric");
    check_string(node, "nearest_mode", nearest_mode);
    assert_null(davit_node_attribute(node, "scales"));
    davit_graph_destroy(graph);
}

static void test_upsample(void **state)
{
    (void)state;
    static const float scales[] = {1, 1, 2, 2};
    static const int64_t four = 4;
    onnx_builder builder;
    begin(&builder, 7);
    Onnx__NodeProto *proto = onnx_add_node(&builder, "Upsample", "x", "y");
    onnx_set_floats(&builder, proto, "scales", 4, scales);
    onnx_set_string(&builder, proto, "mode", "linear");
    check_resize(&builder, "floor");
    begin(&builder, 9);
    onnx_add_initializer(&builder, "s", DAVIT_F32, 1, &four, scales);
    (void)onnx_add_node(&builder, "Upsample", "x s", "y");
    check_resize(&builder, "floor");
}

static void build_resize(onnx_builder *builder, float height, float width)
{
    static const int64_t four = 4;
    const float scales[] = {1, 1, height, width};
    begin(builder, 10);
    onnx_add_initializer(builder, "s", DAVIT_F32, 1, &four, scales);
    (void)onnx_add_node(builder, "Resize", "x s", "y");
}

static void test_resize_10(void **state)
{
    (void)state;
    onnx_builder builder;
    build_resize(&builder, 2.0f, 1.0f);
    check_resize(&builder, "floor");
    build_resize(&builder, 0.5f, 0.75f);
    check_resize(&builder, "ceil");
    build_resize(&builder, 0.5f, 2.0f);
    onnx_set_string(&builder, builder.graph.node[0], "mode", "linear");
    check_resize(&builder, "floor"); /* which does not matter then */
    build_resize(&builder, 0.5f, 2.0f);
    load_bad(&builder, DAVIT_UNSUPPORTED, "enlarges one dimension and shrinks another");
}

static void test_resize_with_empty_inputs(void **state)
{
    (void)state;
    static const int64_t zero = 0;
    static const int64_t four = 4;
    static const int64_t sizes[] = {1, 4, 3, 3};
    onnx_builder builder;
    begin(&builder, 11);
    onnx_add_initializer(&builder, "none", DAVIT_F32, 1, &zero, sizes);
    onnx_add_initializer(&builder, "sizes", DAVIT_S64, 1, &four, sizes);
    (void)onnx_add_node(&builder, "Resize", "x none none sizes", "y");
    davit_graph *graph = load_good(&builder);
    const davit_node *node = find_node(graph, "Resize");
    assert_int_equal(node->inputs[1], DAVIT_NONE);
    assert_int_equal(node->inputs[2], DAVIT_NONE);
    check_ints(graph, node, 3, 1, 4, sizes);
    davit_graph_destroy(graph);
}

static void test_scatter(void **state)
{
    (void)state;
    static const int64_t one = 1;
    static const int64_t index = 0;
    static const float update = 1.0f;
    onnx_builder builder;
    begin(&builder, 9);
    onnx_add_initializer(&builder, "i", DAVIT_S64, 1, &one, &index);
    onnx_add_initializer(&builder, "u", DAVIT_F32, 1, &one, &update);
    onnx_set_int(&builder, onnx_add_node(&builder, "Scatter", "x i u", "y"), "axis", 2);
    davit_graph *graph = load_good(&builder);
    assert_int_equal(davit_node_int(find_node(graph, "ScatterElements"), "axis", 0), 2);
    davit_graph_destroy(graph);
}

static void test_grid_sample(void **state)
{
    (void)state;
    static const char *const modes[][2] = {
        {NULL, "linear"}, {"bilinear", "linear"}, {"bicubic", "cubic"}, {"nearest", "nearest"}};
    for (size_t i = 0; i < 4; i++) {
        onnx_builder builder;
        begin(&builder, 16);
        onnx_add_input(&builder, "grid", DAVIT_F32, 4, (int64_t[]){1, 3, 3, 2});
        Onnx__NodeProto *proto = onnx_add_node(&builder, "GridSample", "x grid", "y");
        if (modes[i][0] != NULL) {
            onnx_set_string(&builder, proto, "mode", modes[i][0]);
        }
        davit_graph *graph = load_good(&builder);
        check_string(find_node(graph, "GridSample"), "mode", modes[i][1]);
        davit_graph_destroy(graph);
    }
}

static void test_roi_align(void **state)
{
    (void)state;
    static const int64_t one = 1;
    static const int64_t index = 0;
    onnx_builder builder;
    begin(&builder, 15);
    onnx_add_input(&builder, "rois", DAVIT_F32, 2, (int64_t[]){1, 4});
    onnx_add_initializer(&builder, "i", DAVIT_S64, 1, &one, &index);
    (void)onnx_add_node(&builder, "RoiAlign", "x rois i", "y");
    davit_graph *graph = load_good(&builder);
    check_string(find_node(graph, "RoiAlign"), "coordinate_transformation_mode",
                 "output_half_pixel");
    davit_graph_destroy(graph);
}

static void test_group_normalization(void **state)
{
    (void)state;
    static const int64_t two = 2;
    static const float numbers[] = {1.0f, 2.0f};
    onnx_builder builder;
    begin(&builder, 18);
    onnx_add_initializer(&builder, "s", DAVIT_F32, 1, &two, numbers);
    onnx_add_initializer(&builder, "b", DAVIT_F32, 1, &two, numbers);
    Onnx__NodeProto *proto = onnx_add_node(&builder, "GroupNormalization", "x s b", "y");
    onnx_set_int(&builder, proto, "num_groups", 2);
    davit_graph *graph = load_good(&builder);
    /* The parameters are repeated for every channel by nodes before the operator. */
    const davit_node *node = find_node(graph, "GroupNormalization");
    for (uint32_t i = 1; i < 3; i++) {
        davit_node_id producer = graph->values[node->inputs[i]].producer;
        assert_int_not_equal(producer, DAVIT_NONE);
        assert_string_equal(graph->nodes[producer].op->name, "Reshape");
    }
    davit_graph_destroy(graph);
}

/* ---- opsets 1 to 6 ---- */

static void test_broadcast(void **state)
{
    (void)state;
    static const int64_t four = 4;
    static const float numbers[4];
    onnx_builder builder;
    begin(&builder, 6);
    onnx_add_initializer(&builder, "c", DAVIT_F32, 1, &four, numbers);
    Onnx__NodeProto *proto = onnx_add_node(&builder, "Add", "x c", "y");
    onnx_set_int(&builder, proto, "broadcast", 1);
    onnx_set_int(&builder, proto, "axis", 1);
    davit_graph *graph = load_good(&builder);
    static const int64_t axes[] = {1, 2};
    check_ints(graph, find_node(graph, "Unsqueeze"), 1, 1, 2, axes);
    assert_int_equal(find_node(graph, "Add")->attribute_count, 0);
    davit_graph_destroy(graph);
    /* Without an axis the last dimensions are aligned, as ever since. */
    begin(&builder, 6);
    onnx_add_initializer(&builder, "c", DAVIT_F32, 1, &four, numbers);
    proto = onnx_add_node(&builder, "Mul", "x c", "y");
    onnx_set_int(&builder, proto, "broadcast", 1);
    graph = load_good(&builder);
    assert_int_equal(graph->node_count, 1);
    davit_graph_destroy(graph);
    begin(&builder, 6);
    onnx_add_initializer(&builder, "c", DAVIT_F32, 1, &four, numbers);
    proto = onnx_add_node(&builder, "Sub", "x c", "y");
    onnx_set_int(&builder, proto, "broadcast", 1);
    onnx_set_int(&builder, proto, "axis", 4);
    load_bad(&builder, DAVIT_BAD_DATA, "axis 4 does not fit");
}

static void test_prelu(void **state)
{
    (void)state;
    static const int64_t four = 4;
    static const float numbers[4];
    onnx_builder builder;
    begin(&builder, 6);
    onnx_add_initializer(&builder, "slope", DAVIT_F32, 1, &four, numbers);
    (void)onnx_add_node(&builder, "PRelu", "x slope", "y");
    davit_graph *graph = load_good(&builder);
    static const int64_t axes[] = {1, 2};
    check_ints(graph, find_node(graph, "Unsqueeze"), 1, 1, 2, axes);
    davit_graph_destroy(graph);
}

static void test_other_defaults_of_old(void **state)
{
    (void)state;
    onnx_builder builder;
    begin(&builder, 3);
    (void)onnx_add_node(&builder, "Concat", "x x", "h");
    Onnx__NodeProto *proto = onnx_add_node(&builder, "Selu", "h", "y");
    static const int64_t hint = 0;
    onnx_set_ints(&builder, proto, "consumed_inputs", 1, &hint);
    davit_graph *graph = load_good(&builder);
    assert_int_equal(davit_node_int(find_node(graph, "Concat"), "axis", 0), 1);
    const davit_node *selu = find_node(graph, "Selu");
    assert_true(davit_node_float(selu, "alpha", 0.0f) == 1.6732f);
    assert_true(davit_node_float(selu, "gamma", 0.0f) == 1.0507f);
    assert_null(davit_node_attribute(selu, "consumed_inputs"));
    davit_graph_destroy(graph);
    begin(&builder, 5);
    onnx_set_string(&builder, onnx_add_node(&builder, "Cast", "x", "y"), "to", "FLOAT");
    load_bad(&builder, DAVIT_UNSUPPORTED, "Cast of opset 5");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clip),
        cmocka_unit_test(test_clip_of_other_types),
        cmocka_unit_test(test_pad),
        cmocka_unit_test(test_slice),
        cmocka_unit_test(test_axes),
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_top_k),
        cmocka_unit_test(test_dropout),
        cmocka_unit_test(test_dft),
        cmocka_unit_test(test_reshape),
        cmocka_unit_test(test_softmax),
        cmocka_unit_test(test_batch_normalization),
        cmocka_unit_test(test_upsample),
        cmocka_unit_test(test_resize_10),
        cmocka_unit_test(test_resize_with_empty_inputs),
        cmocka_unit_test(test_scatter),
        cmocka_unit_test(test_grid_sample),
        cmocka_unit_test(test_roi_align),
        cmocka_unit_test(test_group_normalization),
        cmocka_unit_test(test_broadcast),
        cmocka_unit_test(test_prelu),
        cmocka_unit_test(test_other_defaults_of_old),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
