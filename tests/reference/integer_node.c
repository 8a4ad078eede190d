#include "integer_node.h"

#include <string.h>

#include "davit/infer.h"
#include "davit/reference.h"

void integer_node_init(integer_node *n, davit_op op)
{
    *n = (integer_node){.op = op};
    for (int i = 0; i < INTEGER_NODE_INPUTS; i++) {
        n->ids[i] = DAVIT_NONE;
    }
    assert_int_equal(davit_graph_create(davit_allocator_default(), &n->graph), DAVIT_OK);
}

void integer_node_clear(integer_node *n)
{
    davit_tensor_destroy(n->y);
    davit_graph_destroy(n->graph);
}

davit_tensor *integer_node_input(integer_node *n, int i, davit_dtype dtype, int rank,
                                 const int64_t *dims)
{
    davit_tensor *tensor;
    assert_int_equal(davit_tensor_create(davit_allocator_default(), dtype, rank, dims, &tensor),
                     DAVIT_OK);
    assert_int_equal(davit_graph_add_constant(n->graph, NULL, tensor, &n->ids[i]), DAVIT_OK);
    n->graph->values[n->ids[i]].desc = tensor->desc;
    n->graph->values[n->ids[i]].inferred = true;
    n->inputs[i] = tensor;
    return tensor;
}

static davit_attribute *add_attribute(integer_node *n, const char *name, davit_attribute_type type)
{
    assert_true(n->attribute_count < INTEGER_NODE_ATTRIBUTES);
    davit_attribute *attribute = &n->attributes[n->attribute_count++];
    *attribute =
        (davit_attribute){.name = davit_arena_strdup(&n->graph->arena, name), .type = type};
    assert_non_null(attribute->name);
    return attribute;
}

void integer_node_int(integer_node *n, const char *name, int64_t value)
{
    add_attribute(n, name, DAVIT_ATTRIBUTE_INT)->u.i = value;
}

void integer_node_float(integer_node *n, const char *name, float value)
{
    add_attribute(n, name, DAVIT_ATTRIBUTE_FLOAT)->u.f = value;
}

void integer_node_string(integer_node *n, const char *name, const char *value)
{
    davit_attribute *attribute = add_attribute(n, name, DAVIT_ATTRIBUTE_STRING);
    attribute->count = strlen(value);
    attribute->u.s = value;
}

void integer_node_ints(integer_node *n, const char *name, size_t count, const int64_t *values)
{
    davit_attribute *attribute = add_attribute(n, name, DAVIT_ATTRIBUTE_INTS);
    attribute->count = count;
    attribute->u.ints = values;
}

void integer_node_floats(integer_node *n, const char *name, size_t count, const float *values)
{
    davit_attribute *attribute = add_attribute(n, name, DAVIT_ATTRIBUTE_FLOATS);
    attribute->count = count;
    attribute->u.floats = values;
}

void integer_node_type(integer_node *n, char name, const davit_quant8 *type)
{
    char scale[] = "?_scale";
    char zero[] = "?_zero";
    scale[0] = name;
    zero[0] = name;
    integer_node_float(n, scale, type->scale);
    integer_node_int(n, zero, type->zero);
}

void integer_node_result(integer_node *n, const davit_result_spec *y)
{
    integer_node_type(n, 'y', &y->type);
    integer_node_int(n, "y_type", y->type.dtype);
    integer_node_float(n, "low", y->low);
    integer_node_float(n, "high", y->high);
}

void integer_node_run(integer_node *n)
{
    davit_diagnostics_buffer diag;
    davit_diagnostics_buffer_init(&diag);
    davit_value_id out;
    davit_node_id id;
    davit_node_spec spec = {.op = n->op,
                            .output_count = 1,
                            .inputs = n->ids,
                            .outputs = &out,
                            .attribute_count = n->attribute_count,
                            .attributes = n->attributes};
    for (uint32_t i = 0; i < INTEGER_NODE_INPUTS; i++) {
        spec.input_count = n->inputs[i] != NULL ? i + 1 : spec.input_count;
    }
    assert_int_equal(davit_graph_add_value(n->graph, NULL, &out), DAVIT_OK);
    assert_int_equal(davit_graph_add_node(n->graph, &spec, &id), DAVIT_OK);
    if (davit_graph_infer_node(n->graph, id, &diag.sink) != DAVIT_OK) {
        fail_msg("%s", diag.text);
    }
    const davit_tensor_desc *desc = &n->graph->values[out].desc;
    assert_int_equal(
        davit_tensor_create(davit_allocator_default(), desc->dtype, desc->rank, desc->dims, &n->y),
        DAVIT_OK);
    const davit_evaluator *evaluator = davit_reference_evaluator();
    if (evaluator->evaluate(evaluator->user, n->graph, &n->graph->nodes[id],
                            (const davit_tensor *const *)n->inputs, &n->y,
                            &diag.sink) != DAVIT_OK) {
        fail_msg("%s", diag.text);
    }
}
