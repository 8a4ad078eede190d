/* Loads what an onnx_builder holds and checks how that ends. */
#ifndef DAVIT_TEST_LOADING_H
#define DAVIT_TEST_LOADING_H

#include <string.h>

#include "onnx_builder.h"
#include "unit_test.h"

/* Loads, clears the builder; the test fails with the message where loading does. */
static inline davit_graph *load_good(onnx_builder *builder)
{
    davit_diagnostics_buffer diag;
    davit_diagnostics_buffer_init(&diag);
    davit_graph *graph;
    davit_status status = onnx_load_built(builder, NULL, &diag.sink, &graph);
    onnx_builder_clear(builder);
    if (status != DAVIT_OK) {
        fail_msg("%s", diag.text);
    }
    assert_int_equal(diag.error_count, 0);
    return graph;
}

/* Checks that one error of that status was told that starts with the file's name and holds
 * needle. */
static inline void check_error(const davit_diagnostics_buffer *diag, davit_status status,
                               davit_status expected, const char *needle)
{
    if (status != expected || strstr(diag->text, needle) == NULL) {
        fail_msg("expected '%s' and '%s', got '%s' and '%s'", davit_status_text(expected), needle,
                 davit_status_text(status), diag->text);
    }
    assert_int_equal(diag->error_count, 1);
    assert_int_equal(diag->status, expected);
}

/* Loads with external data in folder, clears the builder, expects one error. */
static inline void load_bad_in(onnx_builder *builder, const char *folder, davit_status expected,
                               const char *needle)
{
    davit_diagnostics_buffer diag;
    davit_diagnostics_buffer_init(&diag);
    davit_graph *graph = NULL;
    davit_status status = onnx_load_built(builder, folder, &diag.sink, &graph);
    onnx_builder_clear(builder);
    check_error(&diag, status, expected, needle);
    assert_null(graph);
    assert_true(strncmp(diag.text, "test.onnx: ", 11) == 0);
}

static inline void load_bad(onnx_builder *builder, davit_status expected, const char *needle)
{
    load_bad_in(builder, NULL, expected, needle);
}

/* The graph's only node of that operator, or the one with that index in the order. */
static inline const davit_node *find_node(const davit_graph *graph, const char *op)
{
    const davit_node *found = NULL;
    for (size_t i = 0; i < graph->node_count; i++) {
        if (strcmp(graph->nodes[i].op->name, op) == 0) {
            assert_null(found);
            found = &graph->nodes[i];
        }
    }
    assert_non_null(found);
    return found;
}

/* The constant that is input index of a node. */
static inline const davit_tensor *input_constant(const davit_graph *graph, const davit_node *node,
                                                 uint32_t index)
{
    assert_true(index < node->input_count);
    assert_true(node->inputs[index] != DAVIT_NONE);
    const davit_tensor *tensor = graph->values[node->inputs[index]].constant;
    assert_non_null(tensor);
    return tensor;
}

/* Checks that input index of a node is a constant of these int64 values and this rank. */
static inline void check_ints(const davit_graph *graph, const davit_node *node, uint32_t index,
                              int rank, size_t count, const int64_t *values)
{
    const davit_tensor *tensor = input_constant(graph, node, index);
    assert_int_equal(tensor->desc.dtype, DAVIT_S64);
    assert_int_equal(tensor->desc.rank, rank);
    assert_int_equal(davit_tensor_desc_elems(&tensor->desc), count);
    assert_memory_equal(tensor->data, values, count * sizeof(*values));
}

/* The same for one f32 number. */
static inline void check_float(const davit_graph *graph, const davit_node *node, uint32_t index,
                               float value)
{
    const davit_tensor *tensor = input_constant(graph, node, index);
    assert_int_equal(tensor->desc.dtype, DAVIT_F32);
    assert_int_equal(davit_tensor_desc_elems(&tensor->desc), 1);
    assert_true(*(const float *)tensor->data == value);
}

#endif
