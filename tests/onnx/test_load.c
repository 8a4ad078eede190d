/* What a well-formed model becomes, and what files that are none do. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "loading.h"

static const int64_t image[] = {1, 3, 4, 4};

/* x -> Relu -> y */
static void build_relu(onnx_builder *builder)
{
    onnx_builder_init(builder, 13);
    builder->model.ir_version = 14; /* what onnx 1.23 writes, whatever the opset */
    onnx_add_input(builder, "x", DAVIT_F32, 4, image);
    onnx_add_node(builder, "Relu", "x", "y");
    onnx_add_output(builder, "y");
}

static void test_keeps_names_and_metadata(void **state)
{
    (void)state;
    onnx_builder builder;
    build_relu(&builder);
    Onnx__StringStringEntryProto entry;
    onnx__string_string_entry_proto__init(&entry);
    entry.key = (char[]){"author"};
    entry.value = (char[]){"somebody"};
    Onnx__StringStringEntryProto *entries[] = {&entry};
    builder.model.metadata_props = entries;
    builder.model.n_metadata_props = 1;
    builder.model.producer_name = (char[]){"maker"};
    builder.model.producer_version = (char[]){"2.1"};
    builder.graph.node[0]->name = (char[]){"first"};
    davit_graph *graph = load_good(&builder);
    assert_string_equal(graph->name, "graph");
    assert_string_equal(graph->producer, "maker 2.1");
    assert_int_equal(graph->opset, 13);
    assert_int_equal(graph->metadata_count, 1);
    assert_string_equal(graph->metadata[0].key, "author");
    assert_string_equal(graph->metadata[0].value, "somebody");
    assert_string_equal(graph->nodes[0].name, "first");
    assert_int_equal(graph->input_count, 1);
    assert_string_equal(graph->values[graph->inputs[0]].name, "x");
    assert_true(graph->values[graph->inputs[0]].is_input);
    assert_int_equal(graph->output_count, 1);
    assert_string_equal(graph->values[graph->outputs[0]].name, "y");
    assert_true(graph->values[graph->outputs[0]].is_output);
    assert_int_equal(graph->order_count, 1);
    davit_graph_destroy(graph);
}

static void test_declares_dimensions(void **state)
{
    (void)state;
    onnx_builder builder;
    build_relu(&builder);
    Onnx__TypeProto__Tensor *type = builder.graph.input[0]->type->tensor_type;
    type->shape->dim[0]->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
    type->shape->dim[0]->dim_param = (char[]){"batch"};
    type->shape->dim[2]->dim_value = -1;
    type->shape->dim[3]->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE__NOT_SET;
    davit_graph *graph = load_good(&builder);
    const davit_value *x = &graph->values[graph->inputs[0]];
    assert_int_equal(x->declared_dtype, DAVIT_F32);
    assert_int_equal(x->declared_rank, 4);
    assert_int_equal(x->declared[0].value, -1);
    assert_string_equal(x->declared[0].symbol, "batch");
    assert_int_equal(x->declared[1].value, 3);
    assert_null(x->declared[1].symbol);
    assert_int_equal(x->declared[2].value, -1);
    assert_null(x->declared[2].symbol);
    assert_int_equal(x->declared[3].value, -1);
    davit_graph_destroy(graph);
}

static void test_input_without_shape(void **state)
{
    (void)state;
    onnx_builder builder;
    build_relu(&builder);
    builder.graph.input[0]->type->tensor_type->shape = NULL;
    davit_graph *graph = load_good(&builder);
    assert_int_equal(graph->values[graph->inputs[0]].declared_rank, -1);
    davit_graph_destroy(graph);
}

static void test_input_with_initializer_is_constant(void **state)
{
    (void)state;
    onnx_builder builder;
    build_relu(&builder);
    const float weight[] = {2.0f};
    const int64_t one = 1;
    onnx_add_input(&builder, "w", DAVIT_F32, 1, &one);
    onnx_add_initializer(&builder, "w", DAVIT_F32, 1, &one, weight);
    onnx_add_node(&builder, "Mul", "y w", "z");
    onnx_add_output(&builder, "z");
    davit_graph *graph = load_good(&builder);
    assert_int_equal(graph->input_count, 1);
    check_float(graph, find_node(graph, "Mul"), 1, 2.0f);
    davit_graph_destroy(graph);
}

static void test_nodes_in_any_order_are_sorted(void **state)
{
    (void)state;
    onnx_builder builder;
    onnx_builder_init(&builder, 13);
    onnx_add_input(&builder, "x", DAVIT_F32, 4, image);
    onnx_add_node(&builder, "Relu", "a", "y");
    onnx_add_node(&builder, "Neg", "x", "a");
    onnx_add_output(&builder, "y");
    davit_graph *graph = load_good(&builder);
    assert_int_equal(graph->order_count, 2);
    assert_string_equal(graph->nodes[graph->order[0]].op->name, "Neg");
    davit_graph_destroy(graph);
}

static void test_optional_inputs_and_outputs(void **state)
{
    (void)state;
    onnx_builder builder;
    onnx_builder_init(&builder, 13);
    const float high = 6.0f;
    onnx_add_input(&builder, "x", DAVIT_F32, 4, image);
    onnx_add_initializer(&builder, "high", DAVIT_F32, 0, NULL, &high);
    onnx_add_node(&builder, "Clip", "x - high", "c");
    onnx_add_node(&builder, "Dropout", "c - -", "y -");
    onnx_add_output(&builder, "y");
    davit_graph *graph = load_good(&builder);
    const davit_node *clip = find_node(graph, "Clip");
    assert_int_equal(clip->input_count, 3);
    assert_int_equal(clip->inputs[1], DAVIT_NONE);
    const davit_node *dropout = find_node(graph, "Dropout");
    assert_int_equal(dropout->input_count, 1);
    assert_int_equal(dropout->output_count, 1);
    davit_graph_destroy(graph);
}

static void test_constants(void **state)
{
    (void)state;
    onnx_builder builder;
    onnx_builder_init(&builder, 13);
    const int64_t axes[] = {0, 2};
    onnx_add_input(&builder, "x", DAVIT_F32, 4, image);
    Onnx__NodeProto *ints = onnx_add_node(&builder, "Constant", "", "axes");
    onnx_set_ints(&builder, ints, "value_ints", 2, axes);
    onnx_add_node(&builder, "Unsqueeze", "x axes", "u");
    Onnx__NodeProto *number = onnx_add_node(&builder, "Constant", "", "half");
    onnx_set_float(&builder, number, "value_float", 0.5f);
    onnx_add_node(&builder, "Mul", "u half", "y");
    onnx_add_output(&builder, "y");
    davit_graph *graph = load_good(&builder);
    assert_int_equal(graph->node_count, 2);
    check_ints(graph, find_node(graph, "Unsqueeze"), 1, 1, 2, axes);
    check_float(graph, find_node(graph, "Mul"), 1, 0.5f);
    davit_graph_destroy(graph);
}

/* ---- files ---- */

/* path: a template of mkstemp. */
static void write_file(char *path, const char *content, size_t size)
{
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, size), size);
    close(fd);
}

static davit_graph *load_path(const char *content, size_t size)
{
    char path[] = "/tmp/davit-test-XXXXXX";
    davit_graph *graph;
    write_file(path, content, size);
    assert_int_equal(davit_onnx_load(davit_allocator_default(), path, NULL, &graph), DAVIT_OK);
    unlink(path);
    return graph;
}

/* Writes a file of that content, and loads it by its path. */
static void load_file(const char *content, size_t size, davit_status expected, const char *needle)
{
    char path[] = "/tmp/davit-test-XXXXXX";
    write_file(path, content, size);
    davit_diagnostics_buffer diag;
    davit_diagnostics_buffer_init(&diag);
    davit_graph *graph = NULL;
    davit_status status = davit_onnx_load(davit_allocator_default(), path, &diag.sink, &graph);
    unlink(path);
    davit_graph_destroy(graph);
    if (expected == DAVIT_OK) {
        assert_int_equal(status, DAVIT_OK);
        return;
    }
    check_error(&diag, status, expected, needle);
    assert_non_null(strstr(diag.text, path));
}

static void test_loads_a_file(void **state)
{
    (void)state;
    onnx_builder builder;
    build_relu(&builder);
    size_t size;
    const uint8_t *bytes = onnx_serialize(&builder, &size);
    load_file((const char *)bytes, size, DAVIT_OK, "");
    onnx_builder_clear(&builder);
}

/* Large weights stay in the file, wherever they begin: at all four places of an f32. */
static void test_large_weights_are_mapped(void **state)
{
    (void)state;
    enum { ROWS = 64, COLUMNS = 80 };
    static float weights[ROWS * COLUMNS], small[3] = {1, 2, 3};
    const int64_t dims[2] = {ROWS, COLUMNS}, three = 3, outer[2] = {1, ROWS};
    for (int i = 0; i < ROWS * COLUMNS; i++) {
        weights[i] = (float)i - 7.5f;
    }
    for (int shift = 0; shift < 4; shift++) {
        onnx_builder builder;
        char name[] = "name";
        onnx_builder_init(&builder, 13);
        builder.graph.name = name + shift;
        onnx_add_input(&builder, "x", DAVIT_F32, 2, outer);
        onnx_add_initializer(&builder, "s", DAVIT_F32, 1, &three, small);
        onnx_add_initializer(&builder, "w", DAVIT_F32, 2, dims, weights);
        onnx_add_initializer(&builder, "t", DAVIT_F32, 1, &three, small);
        onnx_add_node(&builder, "MatMul", "x w", "y");
        onnx_add_output(&builder, "y");
        size_t size;
        const uint8_t *bytes = onnx_serialize(&builder, &size);
        davit_graph *graph = load_path((const char *)bytes, size);
        onnx_builder_clear(&builder);
        assert_string_equal(graph->name, &"name"[shift]);
        const davit_tensor *w = graph->values[davit_graph_find_value(graph, "w")].constant;
        assert_true(w->mapped);
        assert_memory_equal(w->data, weights, sizeof(weights));
        davit_tensor_rest(w);
        assert_memory_equal(w->data, weights, sizeof(weights));
        assert_false(graph->values[davit_graph_find_value(graph, "t")].constant->mapped);
        assert_int_equal(davit_graph_align_constant(graph, davit_graph_find_value(graph, "w")),
                         DAVIT_OK);
        w = graph->values[davit_graph_find_value(graph, "w")].constant;
        assert_true(davit_tensor_is_aligned(w));
        assert_memory_equal(w->data, weights, sizeof(weights));
        davit_graph_destroy(graph);
    }
}

/* Raw data of another size than the shape's is refused in the file as in memory. */
static void test_large_weights_of_a_wrong_size(void **state)
{
    (void)state;
    static float weights[64 * 80];
    const int64_t dims[2] = {64, 80}, outer[2] = {1, 64};
    onnx_builder builder;
    onnx_builder_init(&builder, 13);
    onnx_add_input(&builder, "x", DAVIT_F32, 2, outer);
    onnx_add_initializer(&builder, "w", DAVIT_F32, 2, dims, weights)->dims[1] = 81;
    onnx_add_node(&builder, "MatMul", "x w", "y");
    onnx_add_output(&builder, "y");
    size_t size;
    const uint8_t *bytes = onnx_serialize(&builder, &size);
    load_file((const char *)bytes, size, DAVIT_BAD_DATA, "its shape needs");
    load_file((const char *)bytes, size - 1, DAVIT_BAD_DATA, "truncated");
    onnx_builder_clear(&builder);
}

static void test_other_files(void **state)
{
    (void)state;
    static const char text[] = "This is not a model.\nIt is text.\n";
    load_file(text, sizeof(text) - 1, DAVIT_BAD_DATA, "not an ONNX ModelProto");
    load_file("", 0, DAVIT_BAD_DATA, "no graph");
}

static void check_path(const char *path, davit_status expected, const char *needle)
{
    davit_diagnostics_buffer diag;
    davit_diagnostics_buffer_init(&diag);
    davit_graph *graph = NULL;
    davit_status status = davit_onnx_load(davit_allocator_default(), path, &diag.sink, &graph);
    check_error(&diag, status, expected, needle);
    assert_non_null(strstr(diag.text, path));
    assert_null(graph);
}

static void test_unreadable_files(void **state)
{
    (void)state;
    check_path("/nonexistent/model.onnx", DAVIT_NOT_FOUND, "cannot be opened");
    check_path("/tmp", DAVIT_IO_ERROR, "not a regular file");
}

static void test_file_beyond_protobuf(void **state)
{
    (void)state;
    char path[] = "/tmp/davit-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)3 << 30), 0); /* sparse */
    close(fd);
    check_path(path, DAVIT_UNSUPPORTED, "2 GiB");
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keeps_names_and_metadata),
        cmocka_unit_test(test_declares_dimensions),
        cmocka_unit_test(test_input_without_shape),
        cmocka_unit_test(test_input_with_initializer_is_constant),
        cmocka_unit_test(test_nodes_in_any_order_are_sorted),
        cmocka_unit_test(test_optional_inputs_and_outputs),
        cmocka_unit_test(test_constants),
        cmocka_unit_test(test_loads_a_file),
        cmocka_unit_test(test_large_weights_are_mapped),
        cmocka_unit_test(test_large_weights_of_a_wrong_size),
        cmocka_unit_test(test_other_files),
        cmocka_unit_test(test_unreadable_files),
        cmocka_unit_test(test_file_beyond_protobuf),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
