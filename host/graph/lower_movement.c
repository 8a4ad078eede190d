#include "lower_integer.h"

#include "constants.h"

#include <math.h>
#include <string.h>

static bool is_absent(const davit_node *node, uint32_t i)
{
    return i >= node->input_count || node->inputs[i] == DAVIT_NONE;
}

/* Elements between those of the input must be real 0 or clear: a crop's extrapolation is neither.
 */
static bool picks_elements(const davit_node *node)
{
    return strcmp(davit_node_string(node, "mode", "nearest"), "nearest") == 0 &&
           strcmp(davit_node_string(node, "coordinate_transformation_mode", "half_pixel"),
                  "tf_crop_and_resize") != 0;
}

/* The number between the elements of a Pad. */
static bool pad_value(const davit_graph *graph, const davit_node *node, double *value)
{
    *value = 0.0;
    return is_absent(node, 2) || davit_constant_scalar(graph, node->inputs[2], value);
}

bool davit_lower_moves(const davit_graph *graph, const davit_node *node)
{
    double value;
    if (node->input_count == 0 || node->output_count == 0 || node->outputs[0] == DAVIT_NONE) {
        return false;
    }
    switch (node->op->op) {
    case DAVIT_OP_DepthToSpace:
    case DAVIT_OP_Expand:
    case DAVIT_OP_Flatten:
    case DAVIT_OP_Gather:
    case DAVIT_OP_GatherElements:
    case DAVIT_OP_GatherND:
    case DAVIT_OP_Identity:
    case DAVIT_OP_Reshape:
    case DAVIT_OP_Slice:
    case DAVIT_OP_SpaceToDepth:
    case DAVIT_OP_Split:
    case DAVIT_OP_Squeeze:
    case DAVIT_OP_Tile:
    case DAVIT_OP_Transpose:
    case DAVIT_OP_Unsqueeze:
        return true;
    case DAVIT_OP_Dropout:
        return is_absent(node, 2) && (node->output_count < 2 || node->outputs[1] == DAVIT_NONE);
    case DAVIT_OP_MaxPool:
        return node->output_count < 2 || node->outputs[1] == DAVIT_NONE;
    case DAVIT_OP_Pad:
        return pad_value(graph, node, &value) && isfinite((float)value);
    case DAVIT_OP_Resize:
        return picks_elements(node);
    default:
        return false;
    }
}

/* The byte for a real number within the bounds of target. */
static uint8_t quantize_number(float number, const davit_result_spec *target)
{
    davit_tensor_desc desc = {.dtype = target->type.dtype, .rank = 1, .dims = {1}};
    uint8_t byte;
    float clamped = davit_clamp(number, target->low, target->high);
    desc.strides[0] = 1;
    desc.quantization = (davit_quantization){&target->type.scale, &target->type.zero, 1, 0};
    davit_quantize(&desc, &clamped, &byte);
    return byte;
}

static davit_status add_pad_byte(davit_lowering *l, const davit_node *node,
                                 const davit_result_spec *target, davit_value_id *out)
{
    double number;
    davit_tensor *tensor;
    (void)pad_value(l->graph, node, &number);
    davit_status status =
        davit_tensor_create(l->graph->allocator, target->type.dtype, 0, NULL, &tensor);
    if (status != DAVIT_OK) {
        return status;
    }
    *(uint8_t *)tensor->data = quantize_number((float)number, target);
    return davit_graph_add_constant(l->graph, NULL, tensor, out);
}

/* Dropout at inference is an Identity. */
static davit_op op_on_bytes(const davit_node *node)
{
    return node->op->op == DAVIT_OP_Dropout ? DAVIT_OP_Identity : node->op->op;
}

davit_status davit_lower_move(davit_lowering *l, davit_node_id id, const davit_lowered *data,
                              const davit_result_spec *target, davit_value_id **out)
{
    const davit_node *node = &l->graph->nodes[id];
    davit_op op = op_on_bytes(node);
    uint32_t count = node->input_count < 3 && op == DAVIT_OP_Pad ? 3 : node->input_count;
    davit_value_id *inputs = davit_arena_alloc_array(&l->graph->arena, count, sizeof(*inputs));
    *out = davit_arena_alloc_array(&l->graph->arena, node->output_count, sizeof(**out));
    davit_status status = inputs && *out ? DAVIT_OK : DAVIT_OUT_OF_MEMORY;
    for (uint32_t i = 0; i < count && status == DAVIT_OK; i++) {
        inputs[i] = i < node->input_count ? node->inputs[i] : DAVIT_NONE;
    }
    if (status == DAVIT_OK && op == DAVIT_OP_Pad) {
        status = add_pad_byte(l, node, target, &inputs[2]);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    inputs[0] = data->value;
    davit_node_spec spec = {.op = op,
                            .input_count = count,
                            .output_count = node->output_count,
                            .attribute_count = node->attribute_count,
                            .inputs = inputs,
                            .attributes = node->attributes};
    if (op == DAVIT_OP_Identity) {
        spec.input_count = 1;
        spec.output_count = 1;
        spec.attribute_count = 0;
    }
    return davit_lower_add(l, id, &spec, *out);
}
