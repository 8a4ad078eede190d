#include "builder.h"

#include "davit/reference.h"

#include <math.h>
#include <string.h>

void builder_init(builder *b, const davit_allocator *allocator)
{
    davit_diagnostics_buffer_init(&b->diag);
    allocator = allocator ? allocator : davit_allocator_default();
    assert_int_equal(davit_graph_create(allocator, &b->graph), DAVIT_OK);
    davit_arena *arena = &b->graph->arena;
    b->graph->inputs = davit_arena_alloc_array(arena, BUILDER_MAX_ENDS, sizeof(davit_value_id));
    b->graph->outputs = davit_arena_alloc_array(arena, BUILDER_MAX_ENDS, sizeof(davit_value_id));
    assert_non_null(b->graph->inputs);
    assert_non_null(b->graph->outputs);
}

void builder_clear(builder *b)
{
    davit_graph_destroy(b->graph);
    b->graph = NULL;
}

davit_value_id builder_input(builder *b, const char *name, davit_dtype dtype, int rank,
                             const int64_t *dims)
{
    davit_value_id id;
    assert_int_equal(davit_graph_add_value(b->graph, name, &id), DAVIT_OK);
    davit_value *value = &b->graph->values[id];
    value->is_input = true;
    value->declared_dtype = dtype;
    value->declared_rank = rank;
    if (rank > 0) {
        value->declared =
            davit_arena_alloc_array(&b->graph->arena, (size_t)rank, sizeof(davit_dim));
        assert_non_null(value->declared);
    }
    for (int i = 0; i < rank; i++) {
        value->declared[i].value = dims[i];
    }
    assert_true(b->graph->input_count < BUILDER_MAX_ENDS);
    b->graph->inputs[b->graph->input_count++] = id;
    return id;
}

static davit_tensor *create(builder *b, davit_dtype dtype, int rank, const int64_t *dims)
{
    davit_tensor *tensor;
    assert_int_equal(davit_tensor_create(b->graph->allocator, dtype, rank, dims, &tensor),
                     DAVIT_OK);
    return tensor;
}

static davit_value_id add_constant(builder *b, davit_tensor *tensor)
{
    davit_value_id id;
    assert_int_equal(davit_graph_add_constant(b->graph, NULL, tensor, &id), DAVIT_OK);
    return id;
}

davit_value_id builder_constant(builder *b, davit_dtype dtype, int rank, const int64_t *dims,
                                const void *values)
{
    davit_tensor *tensor = create(b, dtype, rank, dims);
    memcpy(tensor->data, values, davit_tensor_desc_bytes(&tensor->desc));
    return add_constant(b, tensor);
}

davit_value_id builder_floats(builder *b, int rank, const int64_t *dims, const float *values)
{
    return builder_constant(b, DAVIT_F32, rank, dims, values);
}

davit_value_id builder_number(builder *b, float value)
{
    return builder_floats(b, 0, NULL, &value);
}

davit_value_id builder_random(builder *b, int rank, const int64_t *dims, uint64_t *seed)
{
    davit_tensor *tensor = create(b, DAVIT_F32, rank, dims);
    for (int64_t i = 0; i < davit_tensor_desc_elems(&tensor->desc); i++) {
        ((float *)tensor->data)[i] = test_random_float(seed);
    }
    return add_constant(b, tensor);
}

davit_value_id builder_ints(builder *b, size_t count, const int64_t *values)
{
    return builder_constant(b, DAVIT_S64, 1, (const int64_t[]){(int64_t)count}, values);
}

davit_value_id builder_node_with(builder *b, const davit_node_spec *spec)
{
    davit_value_id output;
    davit_node_id node;
    davit_node_spec with_output = *spec;
    assert_int_equal(davit_graph_add_value(b->graph, spec->name, &output), DAVIT_OK);
    with_output.output_count = 1;
    with_output.outputs = &output;
    assert_int_equal(davit_graph_add_node(b->graph, &with_output, &node), DAVIT_OK);
    return output;
}

davit_value_id builder_node(builder *b, davit_op op, const char *name, davit_value_id x,
                            davit_value_id y, davit_value_id z)
{
    davit_value_id inputs[] = {x, y, z};
    davit_node_spec spec = {.name = name, .op = op, .inputs = inputs};
    spec.input_count = z != DAVIT_NONE ? 3 : y != DAVIT_NONE ? 2 : x != DAVIT_NONE ? 1 : 0;
    return builder_node_with(b, &spec);
}

void builder_output(builder *b, davit_value_id value)
{
    assert_true(b->graph->output_count < BUILDER_MAX_ENDS);
    b->graph->values[value].is_output = true;
    b->graph->outputs[b->graph->output_count++] = value;
}

void builder_bind(builder *b)
{
    davit_status status =
        davit_graph_bind(b->graph, NULL, 0, davit_reference_evaluator(), &b->diag.sink);
    assert_string_equal(b->diag.text, "");
    assert_int_equal(status, DAVIT_OK);
}

size_t builder_count(const builder *b, davit_op op)
{
    size_t count = 0;
    for (size_t n = 0; n < b->graph->order_count; n++) {
        count += b->graph->nodes[b->graph->order[n]].op->op == op;
    }
    return count;
}

const davit_node *builder_only(const builder *b, davit_op op)
{
    assert_int_equal(builder_count(b, op), 1);
    size_t n = 0;
    while (b->graph->nodes[b->graph->order[n]].op->op != op) {
        n++;
    }
    return &b->graph->nodes[b->graph->order[n]];
}

/* ---- evaluation ---- */

static davit_tensor *random_input(const davit_value *value, uint64_t seed)
{
    davit_tensor *tensor;
    assert_int_equal(davit_tensor_create(davit_allocator_default(), value->desc.dtype,
                                         value->desc.rank, value->desc.dims, &tensor),
                     DAVIT_OK);
    assert_int_equal(value->desc.dtype, DAVIT_F32);
    for (const char *c = value->name; *c; c++) {
        seed = seed * 31 + (unsigned char)*c;
    }
    for (int64_t i = 0; i < davit_tensor_desc_elems(&tensor->desc); i++) {
        ((float *)tensor->data)[i] = test_random_float(&seed);
    }
    return tensor;
}

static void evaluate_node(const davit_graph *graph, const davit_node *node, davit_tensor **tensors)
{
    const davit_evaluator *evaluator = davit_reference_evaluator();
    const davit_tensor *inputs[BUILDER_MAX_ENDS] = {NULL};
    davit_tensor *outputs[BUILDER_MAX_ENDS] = {NULL};
    davit_diagnostics_buffer diag;
    davit_diagnostics_buffer_init(&diag);
    assert_true(node->input_count <= BUILDER_MAX_ENDS && node->output_count <= BUILDER_MAX_ENDS);
    for (uint32_t i = 0; i < node->input_count; i++) {
        if (node->inputs[i] != DAVIT_NONE) {
            const davit_tensor *constant = graph->values[node->inputs[i]].constant;
            inputs[i] = constant ? constant : tensors[node->inputs[i]];
            assert_non_null(inputs[i]);
        }
    }
    for (uint32_t i = 0; i < node->output_count; i++) {
        if (node->outputs[i] != DAVIT_NONE) {
            const davit_tensor_desc *desc = &graph->values[node->outputs[i]].desc;
            assert_int_equal(davit_tensor_create(davit_allocator_default(), desc->dtype, desc->rank,
                                                 desc->dims, &outputs[i]),
                             DAVIT_OK);
            tensors[node->outputs[i]] = outputs[i];
        }
    }
    davit_status status =
        evaluator->evaluate(evaluator->user, graph, node, inputs, outputs, &diag.sink);
    assert_string_equal(diag.text, "");
    assert_int_equal(status, DAVIT_OK);
}

davit_tensor *builder_evaluate(const davit_graph *graph, size_t output, uint64_t seed)
{
    const davit_allocator *allocator = davit_allocator_default();
    davit_tensor **tensors = davit_alloc_array(allocator, graph->value_count, sizeof(void *));
    davit_value_id result = graph->outputs[output];
    davit_tensor *copy;
    assert_non_null(tensors);
    for (size_t i = 0; i < graph->input_count; i++) {
        tensors[graph->inputs[i]] = random_input(&graph->values[graph->inputs[i]], seed);
    }
    for (size_t n = 0; n < graph->order_count; n++) {
        evaluate_node(graph, &graph->nodes[graph->order[n]], tensors);
    }
    const davit_tensor *constant = graph->values[result].constant;
    assert_int_equal(davit_tensor_clone(allocator, constant ? constant : tensors[result], &copy),
                     DAVIT_OK);
    for (size_t v = 0; v < graph->value_count; v++) {
        davit_tensor_destroy(tensors[v]);
    }
    davit_free(allocator, tensors);
    return copy;
}

void builder_assert_close(const davit_tensor *a, const davit_tensor *b, double tolerance)
{
    double difference = 0;
    double norm = 0;
    assert_true(davit_tensor_desc_same_shape(&a->desc, &b->desc));
    assert_int_equal(a->desc.dtype, DAVIT_F32);
    assert_int_equal(b->desc.dtype, DAVIT_F32);
    for (int64_t i = 0; i < davit_tensor_desc_elems(&a->desc); i++) {
        double x = (double)((const float *)a->data)[i];
        double y = (double)((const float *)b->data)[i];
        assert_true(isfinite(x) && isfinite(y));
        difference += (x - y) * (x - y);
        norm += x * x;
    }
    if (sqrt(difference) > tolerance * sqrt(norm)) {
        fail_msg("relative L2 %g", sqrt(difference / norm));
    }
}

void builder_compare_pass(builder *b,
                          davit_status (*pass)(davit_graph *graph, const davit_diagnostics *diag))
{
    davit_graph *before;
    builder_bind(b);
    assert_int_equal(davit_graph_clone(b->graph, &before), DAVIT_OK);
    assert_int_equal(pass(b->graph, &b->diag.sink), DAVIT_OK);
    davit_tensor *expected = builder_evaluate(before, 0, 3);
    davit_tensor *found = builder_evaluate(b->graph, 0, 3);
    builder_assert_close(expected, found, 1e-6);
    davit_tensor_destroy(expected);
    davit_tensor_destroy(found);
    davit_graph_destroy(before);
}
