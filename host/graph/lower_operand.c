#include "lower_integer.h"

#include "constants.h"

#include <math.h>

/* No bounds: what bytes of that type are. */
static davit_result_spec plain(const davit_quant8 *type)
{
    return (davit_result_spec){.type = *type, .low = -INFINITY, .high = INFINITY};
}

static davit_status dequantized(davit_lowering *l, davit_node_id id, davit_lowered *out)
{
    const davit_node *node = &l->graph->nodes[id];
    const char *reason = davit_lower_read_type(l->graph, node, &out->type);
    if (reason) {
        davit_lower_refuse(l, id, reason);
        return DAVIT_OK;
    }
    out->value = davit_lower_resolve(l, node->inputs[0]);
    return DAVIT_OK;
}

/* True when a Pad puts a number between the elements that bytes of the type can express. */
static bool keeps_type(const davit_graph *graph, const davit_node *node, const davit_quant8 *type)
{
    double number;
    if (node->op->op != DAVIT_OP_Pad || node->input_count < 3 || node->inputs[2] == DAVIT_NONE ||
        !davit_constant_scalar(graph, node->inputs[2], &number)) {
        return true;
    }
    double q = number / (double)type->scale + type->zero;
    return q == floor(q) && q >= davit_quantized_low(type->dtype) &&
           q <= davit_quantized_high(type->dtype);
}

/* All outputs of the node are found at once. */
static davit_status moved(davit_lowering *l, davit_node_id id)
{
    davit_lowered data;
    davit_value_id *outputs;
    davit_status status = davit_lower_operand(l, l->graph->nodes[id].inputs[0], &data);
    if (status != DAVIT_OK || data.value == DAVIT_NONE ||
        !keeps_type(l->graph, &l->graph->nodes[id], &data.type)) {
        return status;
    }
    davit_result_spec target = plain(&data.type);
    status = davit_lower_move(l, id, &data, &target, &outputs);
    const davit_node *node = &l->graph->nodes[id];
    for (uint32_t i = 0; i < node->output_count && status == DAVIT_OK; i++) {
        if (node->outputs[i] != DAVIT_NONE) {
            l->operands[node->outputs[i]] = (davit_lowered){outputs[i], data.type};
            l->asked[node->outputs[i]] = true;
        }
    }
    return status;
}

/* Relu of bytes has their type. */
static davit_status rectified(davit_lowering *l, davit_node_id id, davit_lowered *out)
{
    davit_lowered data;
    davit_status status = davit_lower_operand(l, l->graph->nodes[id].inputs[0], &data);
    if (status != DAVIT_OK || data.value == DAVIT_NONE) {
        return status;
    }
    davit_result_spec target = plain(&data.type);
    target.low = 0.0f;
    out->type = data.type;
    return davit_lower_requantize(l, id, &data, &target, &out->value);
}

/* Concat of bytes of one type. */
static davit_status joined(davit_lowering *l, davit_node_id id, davit_lowered *out)
{
    uint32_t count = l->graph->nodes[id].input_count;
    davit_value_id *inputs = davit_arena_alloc_array(&l->graph->arena, count, sizeof(*inputs));
    davit_lowered first = {.value = DAVIT_NONE};
    davit_status status = inputs ? DAVIT_OK : DAVIT_OUT_OF_MEMORY;
    for (uint32_t i = 0; i < count && status == DAVIT_OK; i++) {
        davit_lowered data;
        status = davit_lower_operand(l, l->graph->nodes[id].inputs[i], &data);
        if (status != DAVIT_OK || data.value == DAVIT_NONE) {
            return status;
        }
        first = i == 0 ? data : first;
        if (data.type.dtype != first.type.dtype || data.type.scale != first.type.scale ||
            data.type.zero != first.type.zero) {
            return DAVIT_OK;
        }
        inputs[i] = data.value;
    }
    if (status != DAVIT_OK || count == 0) {
        return status;
    }
    const davit_node *node = &l->graph->nodes[id];
    davit_node_spec spec = {.op = DAVIT_OP_Concat,
                            .input_count = count,
                            .output_count = 1,
                            .attribute_count = node->attribute_count,
                            .inputs = inputs,
                            .attributes = node->attributes};
    out->type = first.type;
    return davit_lower_add(l, id, &spec, &out->value);
}

static davit_status find(davit_lowering *l, davit_value_id value, davit_lowered *out)
{
    davit_node_id id = DAVIT_NONE;
    const davit_node *node = davit_lower_producer(l, value, &id);
    if (!node) {
        return DAVIT_OK;
    }
    switch (node->op->op) {
    case DAVIT_OP_DequantizeLinear:
        return dequantized(l, id, out);
    case DAVIT_OP_Relu:
        return rectified(l, id, out);
    case DAVIT_OP_Concat:
        return joined(l, id, out);
    default:
        return davit_lower_moves(l->graph, node) ? moved(l, id) : DAVIT_OK;
    }
}

davit_status davit_lower_operand(davit_lowering *l, davit_value_id value, davit_lowered *out)
{
    *out = (davit_lowered){.value = DAVIT_NONE};
    if (value == DAVIT_NONE || l->depth >= DAVIT_LOWER_MAX_DEPTH) {
        return DAVIT_OK;
    }
    if (!l->asked[value]) {
        davit_lowered found = {.value = DAVIT_NONE};
        l->depth++;
        davit_status status = find(l, value, &found);
        l->depth--;
        if (status != DAVIT_OK) {
            return status;
        }
        if (!l->asked[value]) {
            l->operands[value] = found;
            l->asked[value] = true;
        }
    }
    *out = l->operands[value];
    out->value = davit_lower_resolve(l, out->value);
    return DAVIT_OK;
}

davit_status davit_lower_find_x(davit_lowering *l, davit_node_id id,
                                davit_lower_attributes *attributes, davit_lowered *x)
{
    davit_status status = davit_lower_operand(l, l->graph->nodes[id].inputs[0], x);
    if (status == DAVIT_OK && x->value == DAVIT_NONE) {
        davit_lower_refuse(l, id, "its input is not quantised to 8 bits with one scale");
    }
    if (status == DAVIT_OK && x->value != DAVIT_NONE) {
        davit_lower_set_float(attributes, "x_scale", x->type.scale);
        davit_lower_set_int(attributes, "x_zero", x->type.zero);
    }
    return status;
}
