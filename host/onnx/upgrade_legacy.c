/* What opsets 1 to 6 did otherwise: broadcasting by attributes, and other defaults. */
#include "upgrade.h"

#include <string.h>

/* Puts trailing dimensions of 1 behind those of *value, of the given rank. */
static davit_status unsqueeze(davit_onnx_importer *importer, int rank, int trailing,
                              davit_value_id *value)
{
    int64_t axes[DAVIT_MAX_RANK];
    for (int i = 0; i < trailing; i++) {
        axes[i] = rank + i;
    }
    davit_value_id inputs[] = {*value, DAVIT_NONE};
    davit_status status = davit_onnx_ints(importer, 1, (size_t)trailing, axes, &inputs[1]);
    davit_node_spec spec = {.op = DAVIT_OP_Unsqueeze, .input_count = 2, .inputs = inputs};
    return status == DAVIT_OK ? davit_onnx_emit(importer, &spec, value) : status;
}

/* Binary operators: the second operand is aligned with the first from dimension axis on; without
 * an axis at its end, as numpy does. */
static davit_status broadcast(davit_onnx_importer *importer, davit_onnx_node *node)
{
    const davit_attribute *attribute = davit_onnx_node_attribute(node, "axis");
    bool aligned = attribute != NULL && davit_onnx_node_int(node, "broadcast", 0) != 0;
    int64_t axis = attribute != NULL ? attribute->u.i : 0;
    davit_onnx_drop_attribute(node, "axis");
    davit_onnx_drop_attribute(node, "broadcast");
    if (!aligned || node->input_count != 2 || node->inputs[0] == DAVIT_NONE) {
        return DAVIT_OK;
    }
    int rank = davit_onnx_rank(importer, node->inputs[0]);
    int other = davit_onnx_rank(importer, node->inputs[1]);
    if (rank < 0 || other < 0) {
        return davit_fail(importer->diag, DAVIT_UNSUPPORTED,
                          "%s: broadcast with an axis needs inputs of declared rank at opset %lld",
                          node->shown, (long long)node->opset);
    }
    axis += axis < 0 ? rank : 0;
    if (axis < 0 || axis + other > rank) {
        return davit_fail(importer->diag, DAVIT_BAD_DATA, "%s: axis %lld does not fit its inputs",
                          node->shown, (long long)axis);
    }
    int trailing = rank - other - (int)axis;
    return trailing > 0 ? unsqueeze(importer, other, trailing, &node->inputs[1]) : DAVIT_OK;
}

/* Gemm: the third operand was broadcast on request only. */
static davit_status gemm(davit_onnx_importer *importer, davit_onnx_node *node)
{
    (void)importer;
    davit_onnx_drop_attribute(node, "broadcast");
    return DAVIT_OK;
}

/* PRelu: a slope of one dimension goes with the channels, dimension 1 of the data. */
static davit_status prelu(davit_onnx_importer *importer, davit_onnx_node *node)
{
    if (node->input_count != 2 || node->inputs[0] == DAVIT_NONE) {
        return DAVIT_OK; /* the check of the operator table tells */
    }
    const davit_tensor *slope = importer->graph->values[node->inputs[1]].constant;
    if (slope != NULL && davit_tensor_desc_elems(&slope->desc) == 1) {
        return DAVIT_OK;
    }
    int rank = davit_onnx_rank(importer, node->inputs[0]);
    int slope_rank = davit_onnx_rank(importer, node->inputs[1]);
    if (rank < 0 || slope_rank < 0) {
        return davit_fail(importer->diag, DAVIT_UNSUPPORTED,
                          "%s: PRelu needs inputs of declared rank at opset %lld", node->shown,
                          (long long)node->opset);
    }
    return slope_rank == 1 && rank > 2 ? unsqueeze(importer, 1, rank - 2, &node->inputs[1])
                                       : DAVIT_OK;
}

/* Up to 3 the axis had a default. */
static davit_status concat(davit_onnx_importer *importer, davit_onnx_node *node)
{
    (void)importer;
    davit_onnx_set_int(node, "axis", davit_onnx_node_int(node, "axis", 1));
    return DAVIT_OK;
}

/* Up to 5 with coarser constants. */
static davit_status selu(davit_onnx_importer *importer, davit_onnx_node *node)
{
    (void)importer;
    if (davit_onnx_node_attribute(node, "alpha") == NULL) {
        davit_onnx_set_float(node, "alpha", 1.6732f);
    }
    if (davit_onnx_node_attribute(node, "gamma") == NULL) {
        davit_onnx_set_float(node, "gamma", 1.0507f);
    }
    return DAVIT_OK;
}

static const davit_onnx_upgrade rules[] = {
    {"Add", 6, broadcast},  {"And", 6, broadcast},     {"Concat", 3, concat},
    {"Div", 6, broadcast},  {"Equal", 6, broadcast},   {"Gemm", 6, gemm},
    {"Less", 6, broadcast}, {"Greater", 6, broadcast}, {"Mul", 6, broadcast},
    {"Or", 6, broadcast},   {"PRelu", 6, prelu},       {"Pow", 6, broadcast},
    {"Selu", 5, selu},      {"Sub", 6, broadcast},     {"Xor", 6, broadcast},
};

const davit_onnx_upgrades davit_onnx_upgrades_legacy = {rules, sizeof(rules) / sizeof(rules[0])};
