#include "lower_integer.h"

#include <math.h>

/* The side of a QuantizeLinear or DequantizeLinear that is quantised. */
static davit_value_id quantised_side(const davit_node *node)
{
    return node->op->op == DAVIT_OP_QuantizeLinear ? node->outputs[0] : node->inputs[0];
}

const char *davit_lower_read_scales(const davit_graph *graph, const davit_node *node,
                                    davit_lower_scales *out)
{
    const davit_tensor_desc *desc = &graph->values[quantised_side(node)].desc;
    const davit_tensor *scale = graph->values[node->inputs[1]].constant;
    bool has_zero = node->input_count > 2 && node->inputs[2] != DAVIT_NONE;
    const davit_tensor *zero = has_zero ? graph->values[node->inputs[2]].constant : NULL;
    if (!scale || (has_zero && !zero)) {
        return scale ? "its zero point is not constant" : "its scale is not constant";
    }
    if (davit_node_int(node, "block_size", 0) != 0) {
        return "it is quantised in blocks";
    }
    if (scale->desc.dtype != DAVIT_F32) {
        return "its scale is not f32";
    }
    int64_t axis = davit_node_int(node, "axis", 1);
    *out = (davit_lower_scales){.dtype = desc->dtype,
                                .scale = scale->data,
                                .zero = zero ? zero->data : NULL,
                                .count = (size_t)davit_tensor_desc_elems(&scale->desc),
                                .axis = (int)(axis < 0 ? axis + desc->rank : axis)};
    return NULL;
}

int32_t davit_lower_zero(const davit_lower_scales *scales, size_t i)
{
    if (!scales->zero) {
        return 0;
    }
    switch (scales->dtype) {
    case DAVIT_U8:
        return ((const uint8_t *)scales->zero)[i];
    case DAVIT_S8:
        return ((const int8_t *)scales->zero)[i];
    case DAVIT_U16:
        return ((const uint16_t *)scales->zero)[i];
    case DAVIT_S16:
        return ((const int16_t *)scales->zero)[i];
    default:
        return ((const int32_t *)scales->zero)[i];
    }
}

const char *davit_lower_read_type(const davit_graph *graph, const davit_node *node,
                                  davit_quant8 *out)
{
    davit_lower_scales scales;
    const char *reason = davit_lower_read_scales(graph, node, &scales);
    if (reason) {
        return reason;
    }
    if (scales.dtype != DAVIT_U8 && scales.dtype != DAVIT_S8) {
        return "quantised to more than 8 bits";
    }
    if (scales.count != 1) {
        return "quantised with a scale for each channel";
    }
    *out = (davit_quant8){scales.dtype, scales.scale[0], davit_lower_zero(&scales, 0)};
    return NULL;
}

static davit_status check_node(const davit_graph *graph, const davit_node *node,
                               const davit_diagnostics *diag)
{
    davit_lower_scales scales;
    if (davit_lower_read_scales(graph, node, &scales)) {
        return DAVIT_OK;
    }
    for (size_t i = 0; i < scales.count; i++) {
        float scale = scales.scale[i];
        bool small = scales.dtype == DAVIT_S32 && scale >= 0.0f && scale < 1.0f;
        const char *defect = small ? NULL : davit_scale_defect(scale);
        if (defect && scales.count == 1) {
            return davit_fail(diag, DAVIT_BAD_DATA, "node '%s' (%s): its scale %s", node->name,
                              node->op->name, defect);
        }
        if (defect) {
            return davit_fail(diag, DAVIT_BAD_DATA, "node '%s' (%s): scale %zu of %zu %s",
                              node->name, node->op->name, i, scales.count, defect);
        }
        if (scales.dtype == DAVIT_S32 && davit_lower_zero(&scales, i) != 0) {
            return davit_fail(diag, DAVIT_BAD_DATA,
                              "node '%s' (%s): zero point %zu is %d, that of s32 is 0", node->name,
                              node->op->name, i, (int)davit_lower_zero(&scales, i));
        }
    }
    return DAVIT_OK;
}

davit_status davit_lower_check_scales(const davit_graph *graph, const davit_diagnostics *diag)
{
    davit_status status = DAVIT_OK;
    for (size_t n = 0; n < graph->order_count && status == DAVIT_OK; n++) {
        const davit_node *node = &graph->nodes[graph->order[n]];
        if (node->op->op == DAVIT_OP_QuantizeLinear || node->op->op == DAVIT_OP_DequantizeLinear) {
            status = check_node(graph, node, diag);
        }
    }
    return status;
}
