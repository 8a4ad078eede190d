/* Which float types a model names. Values get their types from inputs, constants and attributes
 * such as Cast's: where all of these say f32, no value has another float type. */
#include <string.h>

#include "upgrade.h"

static bool is_other_float(int64_t dtype)
{
    return dtype == DAVIT_F16 || dtype == DAVIT_F64 || dtype == DAVIT_BF16;
}

static bool graph_names_other(const Onnx__GraphProto *graph);

/* Any attribute with a number that could be a type and a name that could ask for one. */
static bool attribute_names_other(const Onnx__AttributeProto *attribute)
{
    const char *name = davit_onnx_text(attribute->name);
    bool type = strcmp(name, "to") == 0 || strstr(name, "type") != NULL;
    if (type && is_other_float(attribute->i)) {
        return true;
    }
    if (attribute->t != NULL && is_other_float(attribute->t->data_type)) {
        return true;
    }
    if (attribute->sparse_tensor != NULL && attribute->sparse_tensor->values != NULL &&
        is_other_float(attribute->sparse_tensor->values->data_type)) {
        return true;
    }
    return attribute->g != NULL && graph_names_other(attribute->g);
}

static bool nodes_name_other(size_t count, Onnx__NodeProto *const *nodes)
{
    for (size_t n = 0; n < count; n++) {
        for (size_t i = 0; i < nodes[n]->n_attribute; i++) {
            if (attribute_names_other(nodes[n]->attribute[i])) {
                return true;
            }
        }
    }
    return false;
}

static bool graph_names_other(const Onnx__GraphProto *graph)
{
    for (size_t i = 0; i < graph->n_input; i++) {
        const Onnx__TypeProto *type = graph->input[i]->type;
        if (type != NULL && type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE &&
            is_other_float(type->tensor_type->elem_type)) {
            return true;
        }
    }
    for (size_t i = 0; i < graph->n_initializer; i++) {
        if (is_other_float(graph->initializer[i]->data_type)) {
            return true;
        }
    }
    for (size_t i = 0; i < graph->n_sparse_initializer; i++) {
        const Onnx__TensorProto *values = graph->sparse_initializer[i]->values;
        if (values != NULL && is_other_float(values->data_type)) {
            return true;
        }
    }
    return nodes_name_other(graph->n_node, graph->node);
}

bool davit_onnx_only_f32(const Onnx__ModelProto *model)
{
    for (size_t i = 0; i < model->n_functions; i++) {
        /* Defaults of a function's attributes are not looked at: a function could get any type. */
        const Onnx__FunctionProto *function = model->functions[i];
        if (function->n_attribute > 0 || function->base.n_unknown_fields > 0 ||
            nodes_name_other(function->n_node, function->node)) {
            return false;
        }
    }
    return !graph_names_other(model->graph);
}
