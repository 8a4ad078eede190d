#include "epilogue.h"

#include "constants.h"

#include <math.h>
#include <string.h>

bool davit_op_is_anchor(davit_op op)
{
    return op == DAVIT_OP_Conv || op == DAVIT_OP_ConvTranspose || op == DAVIT_OP_Gemm ||
           op == DAVIT_OP_MatMul;
}

int davit_anchor_channel_axis(const davit_graph *graph, const davit_node *anchor)
{
    if (anchor->op->op == DAVIT_OP_Conv || anchor->op->op == DAVIT_OP_ConvTranspose) {
        return 1;
    }
    if (anchor->op->op == DAVIT_OP_MatMul && graph->values[anchor->inputs[1]].desc.rank < 2) {
        return -1;
    }
    return graph->values[anchor->outputs[0]].desc.rank - 1;
}

/* Reads a bound of Clip: absent is unbounded. */
static bool clip_bound(const davit_graph *graph, const davit_node *node, uint32_t i, float absent,
                       float *out)
{
    double bound;
    if (i >= node->input_count || node->inputs[i] == DAVIT_NONE) {
        *out = absent;
        return true;
    }
    if (!davit_constant_scalar(graph, node->inputs[i], &bound)) {
        return false;
    }
    *out = (float)bound;
    return true;
}

/* The activations without parameters. */
static bool plain_activation(const davit_node *node, davit_activation *out)
{
    switch (node->op->op) {
    case DAVIT_OP_Relu:
        *out = DAVIT_ACTIVATION_RELU;
        return true;
    case DAVIT_OP_HardSwish:
        *out = DAVIT_ACTIVATION_HARDSWISH;
        return true;
    case DAVIT_OP_Sigmoid:
        *out = DAVIT_ACTIVATION_SIGMOID;
        return true;
    case DAVIT_OP_Silu:
        *out = DAVIT_ACTIVATION_SILU;
        return true;
    case DAVIT_OP_Tanh:
        *out = DAVIT_ACTIVATION_TANH;
        return true;
    case DAVIT_OP_Gelu:
        *out = strcmp(davit_node_string(node, "approximate", "none"), "tanh") == 0
                   ? DAVIT_ACTIVATION_GELU_TANH
                   : DAVIT_ACTIVATION_GELU_ERF;
        return true;
    default:
        return false;
    }
}

static bool match_activation(const davit_graph *graph, const davit_node *node, davit_epilogue *out)
{
    out->kind = DAVIT_EPILOGUE_ACTIVATION;
    switch (node->op->op) {
    case DAVIT_OP_Clip:
        out->activation = DAVIT_ACTIVATION_CLIP;
        return clip_bound(graph, node, 1, -INFINITY, &out->alpha) &&
               clip_bound(graph, node, 2, INFINITY, &out->beta);
    case DAVIT_OP_HardSigmoid:
        out->activation = DAVIT_ACTIVATION_HARDSIGMOID;
        out->alpha = davit_node_float(node, "alpha", 0.2f);
        out->beta = davit_node_float(node, "beta", 0.5f);
        return true;
    case DAVIT_OP_LeakyRelu:
        out->activation = DAVIT_ACTIVATION_LEAKY_RELU;
        out->alpha = davit_node_float(node, "alpha", 0.01f);
        return true;
    default:
        return plain_activation(node, &out->activation);
    }
}

/* Add, Sub, Mul or Div of the value and one constant number that leaves the shape as it is. */
static bool match_linear(const davit_graph *graph, const davit_node *node, davit_value_id value,
                         davit_epilogue *out)
{
    double number;
    bool value_first = node->inputs[0] == value;
    davit_value_id other = node->inputs[value_first ? 1 : 0];
    if (!davit_constant_scalar(graph, other, &number) ||
        graph->values[other].desc.rank > graph->values[value].desc.rank) {
        return false;
    }
    *out = (davit_epilogue){.kind = DAVIT_EPILOGUE_ACTIVATION,
                            .activation = DAVIT_ACTIVATION_LINEAR,
                            .alpha = 1.0f,
                            .operand = DAVIT_NONE};
    switch (node->op->op) {
    case DAVIT_OP_Add:
        out->beta = (float)number;
        return true;
    case DAVIT_OP_Sub:
        out->alpha = value_first ? 1.0f : -1.0f;
        out->beta = (float)(value_first ? -number : number);
        return true;
    case DAVIT_OP_Mul:
        out->alpha = (float)number;
        return true;
    default: /* Div */
        out->alpha = (float)(1.0 / number);
        return value_first && isnormal(out->alpha);
    }
}

/* Add of a constant per channel, or of a computed value of the same shape. */
static bool match_add(const davit_graph *graph, const davit_node *anchor, const davit_node *node,
                      davit_value_id value, davit_epilogue *out)
{
    const davit_tensor_desc *desc = &graph->values[value].desc;
    davit_value_id other = node->inputs[node->inputs[0] == value ? 1 : 0];
    const davit_tensor *constant = graph->values[other].constant;
    int axis = davit_anchor_channel_axis(graph, anchor);
    out->operand = other;
    if (constant) {
        out->kind = DAVIT_EPILOGUE_BIAS;
        return axis >= 0 && davit_constant_along(constant, desc, axis) &&
               davit_tensor_desc_elems(&constant->desc) == desc->dims[axis];
    }
    out->kind = DAVIT_EPILOGUE_RESIDUAL;
    return davit_tensor_desc_same_shape(&graph->values[other].desc, desc);
}

bool davit_epilogue_match(const davit_graph *graph, const davit_node *anchor,
                          const davit_node *node, davit_value_id value, davit_epilogue *out)
{
    davit_dtype dtype = graph->values[value].desc.dtype;
    if (!davit_dtype_is_float(dtype) || dtype == DAVIT_F64 || node->output_count != 1) {
        return false;
    }
    *out = (davit_epilogue){.operand = DAVIT_NONE};
    switch (node->op->op) {
    case DAVIT_OP_Add:
        return match_add(graph, anchor, node, value, out) || match_linear(graph, node, value, out);
    case DAVIT_OP_Div:
    case DAVIT_OP_Mul:
    case DAVIT_OP_Sub:
        return match_linear(graph, node, value, out);
    default:
        return node->inputs[0] == value && match_activation(graph, node, out);
    }
}
