#include "unit_cost.h"

static const davit_tensor_desc *input(const davit_graph *graph, const davit_node *node, uint32_t i)
{
    bool there = i < node->input_count && node->inputs[i] != DAVIT_NONE;
    return there ? &graph->values[node->inputs[i]].desc : NULL;
}

static uint64_t elems(const davit_tensor_desc *desc)
{
    return desc ? (uint64_t)davit_tensor_desc_elems(desc) : 0;
}

/* The largest output: what an element-wise operator computes. */
static uint64_t output_elems(const davit_graph *graph, const davit_node *node)
{
    uint64_t most = 0;
    for (uint32_t i = 0; i < node->output_count; i++) {
        if (node->outputs[i] != DAVIT_NONE) {
            uint64_t count = elems(&graph->values[node->outputs[i]].desc);
            most = count > most ? count : most;
        }
    }
    return most;
}

/* Elements of one filter: dimensions of the weights from 1 on. */
static uint64_t filter_elems(const davit_tensor_desc *weights)
{
    uint64_t count = 1;
    for (int i = 1; i < weights->rank; i++) {
        count *= (uint64_t)weights->dims[i];
    }
    return count;
}

/* Length of the sums of a matrix product: the last dimension of its left side. */
static uint64_t depth(const davit_tensor_desc *left, bool transposed)
{
    if (left->rank == 0) {
        return 1;
    }
    return (uint64_t)left->dims[transposed && left->rank > 1 ? left->rank - 2 : left->rank - 1];
}

static uint64_t kernel_elems(const davit_node *node)
{
    size_t count;
    uint64_t size = 1;
    const int64_t *kernel = davit_node_ints(node, "kernel_shape", &count);
    for (size_t i = 0; i < count; i++) {
        size *= (uint64_t)kernel[i];
    }
    return size;
}

/* X [sequence, batch, features] or [batch, sequence, features], W [directions, gates, features],
 * R [directions, gates, hidden]. */
static uint64_t recurrent_flops(const davit_graph *graph, const davit_node *node)
{
    const davit_tensor_desc *x = input(graph, node, 0);
    uint64_t steps = (uint64_t)x->dims[0] * (uint64_t)x->dims[1];
    return 2 * steps * (elems(input(graph, node, 1)) + elems(input(graph, node, 2)));
}

/* Convolutions, matrix products and recurrent layers; false for other operators. */
static bool multiply_flops(const davit_graph *graph, const davit_node *node, uint64_t *flops)
{
    const davit_tensor_desc *first = input(graph, node, 0);
    uint64_t out = output_elems(graph, node);
    switch (node->op->op) {
    case DAVIT_OP_Conv:
    case DAVIT_OP_ConvInteger:
    case DAVIT_OP_IntegerConv:
        *flops = 2 * out * filter_elems(input(graph, node, 1));
        return true;
    case DAVIT_OP_QLinearConv:
        *flops = 2 * out * filter_elems(input(graph, node, 3));
        return true;
    case DAVIT_OP_ConvTranspose:
    case DAVIT_OP_IntegerConvTranspose:
        *flops = 2 * elems(first) * filter_elems(input(graph, node, 1));
        return true;
    case DAVIT_OP_Gemm:
        *flops = 2 * out * depth(first, davit_node_int(node, "transA", 0) != 0);
        return true;
    case DAVIT_OP_IntegerMatMul:
    case DAVIT_OP_IntegerProduct:
    case DAVIT_OP_MatMul:
    case DAVIT_OP_MatMulInteger:
    case DAVIT_OP_QLinearMatMul:
        *flops = 2 * out * depth(first, false);
        return true;
    case DAVIT_OP_RNN:
    case DAVIT_OP_GRU:
    case DAVIT_OP_LSTM:
        *flops = recurrent_flops(graph, node);
        return true;
    default:
        return false;
    }
}

uint64_t davit_node_flops(const davit_graph *graph, const davit_node *node)
{
    uint64_t flops;
    if (multiply_flops(graph, node, &flops)) {
        return flops;
    }
    uint64_t in = elems(input(graph, node, 0));
    uint64_t out = output_elems(graph, node);
    switch (node->op->op) {
    case DAVIT_OP_Cast:
    case DAVIT_OP_Concat:
    case DAVIT_OP_ConstantOfShape:
    case DAVIT_OP_DepthToSpace:
    case DAVIT_OP_Expand:
    case DAVIT_OP_Flatten:
    case DAVIT_OP_Gather:
    case DAVIT_OP_GatherElements:
    case DAVIT_OP_GatherND:
    case DAVIT_OP_Identity:
    case DAVIT_OP_Pad:
    case DAVIT_OP_Reshape:
    case DAVIT_OP_Shape:
    case DAVIT_OP_Size:
    case DAVIT_OP_Slice:
    case DAVIT_OP_SpaceToDepth:
    case DAVIT_OP_Split:
    case DAVIT_OP_Squeeze:
    case DAVIT_OP_Tile:
    case DAVIT_OP_Transpose:
    case DAVIT_OP_Unsqueeze:
        return 0;
    case DAVIT_OP_AveragePool:
    case DAVIT_OP_IntegerAveragePool:
    case DAVIT_OP_LpPool:
    case DAVIT_OP_MaxPool:
        return out * kernel_elems(node);
    case DAVIT_OP_IntegerSoftmax:
    case DAVIT_OP_LogSoftmax:
    case DAVIT_OP_Softmax:
        return 4 * out;
    case DAVIT_OP_GroupNormalization:
    case DAVIT_OP_InstanceNormalization:
    case DAVIT_OP_LayerNormalization:
    case DAVIT_OP_MeanVarianceNormalization:
        return 6 * out;
    default:
        return in > out ? in : out; /* element-wise, reductions */
    }
}
