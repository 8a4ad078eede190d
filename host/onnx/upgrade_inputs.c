/* Attributes that later opsets made inputs: they become constants. */
#include "upgrade.h"

#include <float.h>
#include <string.h>

/* Squeeze, Unsqueeze and ReduceSum up to 12, other reductions up to 17. */
static davit_status axes_to_input(davit_onnx_importer *importer, davit_onnx_node *node)
{
    return davit_onnx_ints_to_input(importer, node, "axes", 1);
}

/* Up to 10. The defaults of opset 6 clamp infinities too, so they are written out. */
static davit_status clip(davit_onnx_importer *importer, davit_onnx_node *node)
{
    static const char *const names[] = {"min", "max"};
    const float limits[] = {-FLT_MAX, FLT_MAX};
    for (uint32_t i = 0; i < 2 && node->input_count > 0; i++) {
        const davit_attribute *attribute = davit_onnx_node_attribute(node, names[i]);
        if (attribute == NULL && node->opset < 6) {
            continue;
        }
        float limit = attribute != NULL ? attribute->u.f : limits[i];
        davit_value_id value;
        davit_status status = davit_onnx_scalar_like(importer, limit, node->inputs[0], &value);
        if (status != DAVIT_OK) {
            return status;
        }
        davit_onnx_set_input(node, i + 1, value);
        davit_onnx_drop_attribute(node, names[i]);
    }
    return DAVIT_OK;
}

/* Up to 10. */
static davit_status pad(davit_onnx_importer *importer, davit_onnx_node *node)
{
    const davit_attribute *attribute = davit_onnx_node_attribute(node, "value");
    float number = attribute != NULL ? attribute->u.f : 0.0f;
    davit_value_id value;
    if (node->input_count != 1) {
        return DAVIT_OK; /* the check of the operator table tells */
    }
    davit_status status = davit_onnx_scalar_like(importer, number, node->inputs[0], &value);
    if (status == DAVIT_OK) {
        davit_onnx_set_input(node, 2, value);
        davit_onnx_drop_attribute(node, "value");
        status = davit_onnx_ints_to_input(importer, node, "pads", 1);
    }
    return status;
}

/* Up to 9. */
static davit_status slice(davit_onnx_importer *importer, davit_onnx_node *node)
{
    davit_status status = davit_onnx_ints_to_input(importer, node, "starts", 1);
    if (status == DAVIT_OK) {
        status = davit_onnx_ints_to_input(importer, node, "ends", 2);
    }
    return status == DAVIT_OK ? davit_onnx_ints_to_input(importer, node, "axes", 3) : status;
}

/* Up to 17. Without sizes, equal parts: their number is written out, as opset 18 wants it. */
static davit_status split(davit_onnx_importer *importer, davit_onnx_node *node)
{
    davit_status status = davit_onnx_ints_to_input(importer, node, "split", 1);
    if (status == DAVIT_OK && node->input_count < 2) {
        davit_onnx_set_int(node, "num_outputs", node->output_count);
    }
    return status;
}

/* Up to 9. */
static davit_status top_k(davit_onnx_importer *importer, davit_onnx_node *node)
{
    int64_t k = davit_onnx_node_int(node, "k", 0);
    davit_value_id value;
    davit_status status = davit_onnx_ints(importer, 1, 1, &k, &value);
    if (status == DAVIT_OK) {
        davit_onnx_set_input(node, 1, value);
        davit_onnx_drop_attribute(node, "k");
    }
    return status;
}

/* The mask of opsets up to 9 has the element type of the data, and is bool since. */
static davit_status convert_mask(davit_onnx_importer *importer, davit_onnx_node *node)
{
    davit_value_id mask;
    davit_status status = davit_graph_add_value(importer->graph, NULL, &mask);
    if (status != DAVIT_OK) {
        return status;
    }
    davit_value_id inputs[] = {mask, node->inputs[0]};
    davit_node_spec spec = {.op = DAVIT_OP_CastLike,
                            .input_count = 2,
                            .output_count = 1,
                            .inputs = inputs,
                            .outputs = &node->outputs[1]};
    davit_node_id id;
    status = davit_graph_add_node(importer->graph, &spec, &id);
    node->outputs[1] = mask;
    return status;
}

/* Up to 11; training was never asked for by an input then. */
static davit_status dropout(davit_onnx_importer *importer, davit_onnx_node *node)
{
    if (node->opset < 7 && davit_onnx_node_int(node, "is_test", 0) == 0) {
        return davit_fail(importer->diag, DAVIT_UNSUPPORTED,
                          "%s: the training form of Dropout is not supported", node->shown);
    }
    davit_onnx_drop_attribute(node, "is_test");
    const davit_attribute *attribute = davit_onnx_node_attribute(node, "ratio");
    float ratio = attribute != NULL ? attribute->u.f : 0.5f;
    davit_value_id value;
    davit_status status = davit_onnx_floats(importer, 0, 1, &ratio, &value);
    if (status != DAVIT_OK) {
        return status;
    }
    bool mask = node->output_count > 1 && node->outputs[1] != DAVIT_NONE;
    if (mask && node->opset < 10 && node->input_count == 1) {
        status = convert_mask(importer, node);
    }
    davit_onnx_set_input(node, 1, value);
    davit_onnx_drop_attribute(node, "ratio");
    return status;
}

/* Up to 19: the axis, 1 by default then and -2 since. */
static davit_status dft(davit_onnx_importer *importer, davit_onnx_node *node)
{
    int64_t axis = davit_onnx_node_int(node, "axis", 1);
    davit_value_id value;
    davit_status status = davit_onnx_ints(importer, 0, 1, &axis, &value);
    if (status == DAVIT_OK) {
        davit_onnx_set_input(node, 2, value);
        davit_onnx_drop_attribute(node, "axis");
    }
    return status;
}

/* Up to 4. */
static davit_status reshape(davit_onnx_importer *importer, davit_onnx_node *node)
{
    return davit_onnx_ints_to_input(importer, node, "shape", 1);
}

static const davit_onnx_upgrade rules[] = {
    {"Clip", 10, clip},
    {"DFT", 19, dft},
    {"Dropout", 11, dropout},
    {"Pad", 10, pad},
    {"ReduceL1", 17, axes_to_input},
    {"ReduceL2", 17, axes_to_input},
    {"ReduceLogSum", 17, axes_to_input},
    {"ReduceLogSumExp", 17, axes_to_input},
    {"ReduceMax", 17, axes_to_input},
    {"ReduceMean", 17, axes_to_input},
    {"ReduceMin", 17, axes_to_input},
    {"ReduceProd", 17, axes_to_input},
    {"ReduceSum", 12, axes_to_input},
    {"ReduceSumSquare", 17, axes_to_input},
    {"Reshape", 4, reshape},
    {"Slice", 9, slice},
    {"Split", 17, split},
    {"Squeeze", 12, axes_to_input},
    {"TopK", 9, top_k},
    {"Unsqueeze", 12, axes_to_input},
};

const davit_onnx_upgrades davit_onnx_upgrades_inputs = {rules, sizeof(rules) / sizeof(rules[0])};
