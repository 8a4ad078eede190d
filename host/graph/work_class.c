#include "davit/work_class.h"

static davit_work_class convolution(const davit_graph *graph, const davit_node *node,
                                    uint32_t weights)
{
    const davit_tensor_desc *desc = &graph->values[node->inputs[weights]].desc;
    bool single = desc->dims[1] == 1 && davit_node_int(node, "group", 1) > 1;
    return single ? DAVIT_WORK_DEPTHWISE : DAVIT_WORK_CONVOLUTION;
}

/* True when channels-last and dense are the same order of elements. */
static bool has_one_order(const davit_tensor_desc *desc)
{
    return desc->rank != 4 || desc->dims[1] == 1 || desc->dims[2] * desc->dims[3] == 1;
}

static davit_work_class view(const davit_graph *graph, const davit_node *node)
{
    const davit_tensor_desc *from = &graph->values[node->inputs[0]].desc;
    const davit_tensor_desc *to = &graph->values[node->outputs[0]].desc;
    bool same =
        davit_tensor_desc_same_shape(from, to) || (has_one_order(from) && has_one_order(to));
    return same ? DAVIT_WORK_VIEW : DAVIT_WORK_OTHER;
}

davit_work_class davit_unit_work_class(const davit_graph *graph, const davit_unit *unit)
{
    const davit_node *anchor = &graph->nodes[unit->anchor];
    switch (anchor->op->op) {
    case DAVIT_OP_Conv:
    case DAVIT_OP_ConvInteger:
    case DAVIT_OP_ConvTranspose:
    case DAVIT_OP_IntegerConv:
    case DAVIT_OP_IntegerConvTranspose:
        return convolution(graph, anchor, 1);
    case DAVIT_OP_QLinearConv:
        return convolution(graph, anchor, 3);
    case DAVIT_OP_GRU:
    case DAVIT_OP_Gemm:
    case DAVIT_OP_IntegerMatMul:
    case DAVIT_OP_IntegerProduct:
    case DAVIT_OP_LSTM:
    case DAVIT_OP_MatMul:
    case DAVIT_OP_MatMulInteger:
    case DAVIT_OP_QLinearMatMul:
    case DAVIT_OP_RNN:
        return DAVIT_WORK_GEMM;
    case DAVIT_OP_Dropout:
    case DAVIT_OP_Flatten:
    case DAVIT_OP_Identity:
    case DAVIT_OP_Reshape:
    case DAVIT_OP_Squeeze:
    case DAVIT_OP_Unsqueeze:
        return view(graph, anchor);
    default:
        return DAVIT_WORK_OTHER;
    }
}
