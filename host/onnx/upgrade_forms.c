/* Defaults that changed, made explicit, and operators that others replaced. */
#include "upgrade.h"

#include <string.h>

/* Up to 13: more than one output, or what opsets up to 8 called spatial = 0, is another
 * computation. */
static davit_status batch_normalization(davit_onnx_importer *importer, davit_onnx_node *node)
{
    bool training = node->opset < 7 && davit_onnx_node_int(node, "is_test", 0) == 0;
    for (uint32_t i = 1; i < node->output_count; i++) {
        training = training || node->outputs[i] != DAVIT_NONE;
    }
    if (training) {
        return davit_fail(importer->diag, DAVIT_UNSUPPORTED,
                          "%s: the training form of BatchNormalization of opset %lld is not "
                          "supported",
                          node->shown, (long long)node->opset);
    }
    if (davit_onnx_node_int(node, "spatial", 1) == 0) {
        return davit_fail(importer->diag, DAVIT_UNSUPPORTED,
                          "%s: BatchNormalization with spatial=0 is not supported", node->shown);
    }
    davit_onnx_drop_attribute(node, "spatial");
    davit_onnx_drop_attribute(node, "is_test");
    return DAVIT_OK;
}

/* Softmax, LogSoftmax and Hardmax up to 12: over all dimensions from axis on at once. */
static davit_status coerce_2d(davit_onnx_importer *importer, davit_onnx_node *node)
{
    (void)importer;
    davit_onnx_set_int(node, "axis", davit_onnx_node_int(node, "axis", 1));
    davit_onnx_set_int(node, "coerce_2d", 1);
    return DAVIT_OK;
}

/* Up to 10: the same operator under its first name. */
static davit_status scatter(davit_onnx_importer *importer, davit_onnx_node *node)
{
    (void)importer;
    node->op_type = "ScatterElements";
    return DAVIT_OK;
}

/* ---- resizing ---- */

/* Inputs that are empty tensors, as opset 11 had to pass them, are absent ones. */
static davit_status resize(davit_onnx_importer *importer, davit_onnx_node *node)
{
    for (uint32_t i = 1; i < node->input_count; i++) {
        davit_value_id id = node->inputs[i];
        const davit_tensor *constant =
            id != DAVIT_NONE ? importer->graph->values[id].constant : NULL;
        if (constant != NULL && davit_tensor_desc_elems(&constant->desc) == 0) {
            node->inputs[i] = DAVIT_NONE;
        }
    }
    return DAVIT_OK;
}

/* How opset 10 rounds coordinates: down where it enlarges, up where it shrinks (the cases that ONNX
 * gave at that time, and ONNX Runtime). One attribute can say one of both. */
static davit_status nearest_mode(davit_onnx_importer *importer, davit_onnx_node *node,
                                 const char **mode)
{
    *mode = "floor";
    const davit_attribute *kind = davit_onnx_node_attribute(node, "mode");
    davit_value_id id = node->input_count == 2 ? node->inputs[1] : DAVIT_NONE;
    if ((kind != NULL && strcmp(kind->u.s, "nearest") != 0) || id == DAVIT_NONE) {
        return DAVIT_OK;
    }
    const davit_tensor *scales = importer->graph->values[id].constant;
    if (scales == NULL || scales->desc.dtype != DAVIT_F32) {
        davit_log(importer->diag, DAVIT_WARNING,
                  "%s: taken to enlarge, since its scales are computed", node->shown);
        return DAVIT_OK;
    }
    bool enlarges = false;
    bool shrinks = false;
    for (int64_t i = 0; i < davit_tensor_desc_elems(&scales->desc); i++) {
        enlarges = enlarges || ((const float *)scales->data)[i] > 1.0f;
        shrinks = shrinks || ((const float *)scales->data)[i] < 1.0f;
    }
    if (enlarges && shrinks) {
        return davit_fail(importer->diag, DAVIT_UNSUPPORTED,
                          "%s: Resize of opset 10 to the nearest that enlarges one dimension and "
                          "shrinks another is not supported",
                          node->shown);
    }
    *mode = shrinks ? "ceil" : "floor";
    return DAVIT_OK;
}

/* Resize of 10 and Upsample: (X, scales), coordinates divided by the scale. */
static davit_status resize_by_scales(davit_onnx_importer *importer, davit_onnx_node *node)
{
    const char *mode;
    davit_status status = nearest_mode(importer, node, &mode);
    if (status != DAVIT_OK) {
        return status;
    }
    if (node->input_count == 2) {
        davit_value_id scales = node->inputs[1];
        davit_onnx_set_input(node, 2, scales);
        node->inputs[1] = DAVIT_NONE;
    }
    node->op_type = "Resize";
    davit_onnx_set_string(node, "coordinate_transformation_mode", "asymmetric");
    davit_onnx_set_string(node, "nearest_mode", mode);
    return DAVIT_OK;
}

static davit_status resize_or_older(davit_onnx_importer *importer, davit_onnx_node *node)
{
    return node->opset <= 10 ? resize_by_scales(importer, node) : resize(importer, node);
}

static davit_status upsample(davit_onnx_importer *importer, davit_onnx_node *node)
{
    const davit_attribute *scales = davit_onnx_node_attribute(node, "scales");
    if (scales != NULL && node->input_count == 1) {
        davit_value_id value;
        davit_status status =
            davit_onnx_floats(importer, 1, scales->count, scales->u.floats, &value);
        if (status != DAVIT_OK) {
            return status;
        }
        davit_onnx_set_input(node, 1, value);
        davit_onnx_drop_attribute(node, "scales");
    }
    return resize_by_scales(importer, node);
}

/* ---- sampling ---- */

/* Up to 19: other names for the modes. */
static davit_status grid_sample(davit_onnx_importer *importer, davit_onnx_node *node)
{
    (void)importer;
    const davit_attribute *mode = davit_onnx_node_attribute(node, "mode");
    if (mode == NULL || strcmp(mode->u.s, "bilinear") == 0) {
        davit_onnx_set_string(node, "mode", "linear");
    } else if (strcmp(mode->u.s, "bicubic") == 0) {
        davit_onnx_set_string(node, "mode", "cubic");
    }
    return DAVIT_OK;
}

/* Up to 15: without the shift of half a pixel that 16 made the default. */
static davit_status roi_align(davit_onnx_importer *importer, davit_onnx_node *node)
{
    (void)importer;
    davit_onnx_set_string(node, "coordinate_transformation_mode", "output_half_pixel");
    return DAVIT_OK;
}

/* ---- group normalisation ---- */

static davit_attribute int_attribute(const char *name, int64_t value)
{
    return (davit_attribute){.name = name, .type = DAVIT_ATTRIBUTE_INT, .u.i = value};
}

/* The shape [groups, channels of x / groups], computed in the graph. */
static davit_status group_shape(davit_onnx_importer *importer, davit_value_id x, int64_t groups,
                                davit_value_id *out)
{
    davit_value_id count;
    davit_status status = davit_onnx_ints(importer, 1, 1, &groups, &count);
    if (status != DAVIT_OK) {
        return status;
    }
    davit_attribute span[] = {int_attribute("start", 1), int_attribute("end", 2)};
    davit_node_spec shape = {.op = DAVIT_OP_Shape,
                             .input_count = 1,
                             .inputs = &x,
                             .attribute_count = 2,
                             .attributes = span};
    davit_value_id channels;
    status = davit_onnx_emit(importer, &shape, &channels);
    if (status != DAVIT_OK) {
        return status;
    }
    davit_value_id operands[] = {channels, count};
    davit_node_spec divide = {.op = DAVIT_OP_Div, .input_count = 2, .inputs = operands};
    davit_value_id parts[] = {count, DAVIT_NONE};
    status = davit_onnx_emit(importer, &divide, &parts[1]);
    if (status != DAVIT_OK) {
        return status;
    }
    davit_attribute axis = int_attribute("axis", 0);
    davit_node_spec join = {.op = DAVIT_OP_Concat,
                            .input_count = 2,
                            .inputs = parts,
                            .attribute_count = 1,
                            .attributes = &axis};
    return davit_onnx_emit(importer, &join, out);
}

static davit_status emit_pair(davit_onnx_importer *importer, davit_op op, davit_value_id first,
                              davit_value_id second, davit_value_id *out)
{
    davit_value_id inputs[] = {first, second};
    davit_node_spec spec = {.op = op, .input_count = 2, .inputs = inputs};
    return davit_onnx_emit(importer, &spec, out);
}

/* Repeats each of the groups' values for every channel of its group: Reshape to a column, Expand
 * to [groups, channels / groups], Reshape to [channels]. */
static davit_status per_channel(davit_onnx_importer *importer, davit_value_id shape, int64_t groups,
                                davit_value_id *values)
{
    const int64_t column_dims[] = {groups, 1};
    const int64_t all = -1;
    davit_value_id column_shape;
    davit_value_id flat_shape;
    davit_value_id column;
    davit_value_id wide;
    davit_status status = davit_onnx_ints(importer, 1, 2, column_dims, &column_shape);
    if (status == DAVIT_OK) {
        status = davit_onnx_ints(importer, 1, 1, &all, &flat_shape);
    }
    if (status == DAVIT_OK) {
        status = emit_pair(importer, DAVIT_OP_Reshape, *values, column_shape, &column);
    }
    if (status == DAVIT_OK) {
        status = emit_pair(importer, DAVIT_OP_Expand, column, shape, &wide);
    }
    return status == DAVIT_OK ? emit_pair(importer, DAVIT_OP_Reshape, wide, flat_shape, values)
                              : status;
}

/* Up to 20: scale and bias have one value for each group, since then one for each channel. */
static davit_status group_normalization(davit_onnx_importer *importer, davit_onnx_node *node)
{
    int64_t groups = davit_onnx_node_int(node, "num_groups", 0);
    if (groups <= 0) {
        return davit_fail(importer->diag, DAVIT_BAD_DATA, "%s: num_groups is not positive",
                          node->shown);
    }
    bool complete = node->input_count == 3;
    for (uint32_t i = 0; i < 3 && complete; i++) {
        complete = node->inputs[i] != DAVIT_NONE;
    }
    if (!complete) {
        return DAVIT_OK; /* the check of the operator table tells */
    }
    davit_value_id shape;
    davit_status status = group_shape(importer, node->inputs[0], groups, &shape);
    for (uint32_t i = 1; i < 3 && status == DAVIT_OK; i++) {
        status = per_channel(importer, shape, groups, &node->inputs[i]);
    }
    return status;
}

static const davit_onnx_upgrade rules[] = {
    {"BatchNormalization", 13, batch_normalization},
    {"GridSample", 19, grid_sample},
    {"GroupNormalization", 20, group_normalization},
    {"Hardmax", 12, coerce_2d},
    {"LogSoftmax", 12, coerce_2d},
    {"Resize", 21, resize_or_older},
    {"RoiAlign", 15, roi_align},
    {"Scatter", 10, scatter},
    {"Softmax", 12, coerce_2d},
    {"Upsample", 9, upsample},
};

const davit_onnx_upgrades davit_onnx_upgrades_forms = {rules, sizeof(rules) / sizeof(rules[0])};
