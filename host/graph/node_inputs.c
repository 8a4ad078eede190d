#include "davit/node.h"

uint32_t davit_node_input_count(const davit_node *node)
{
    uint32_t count = node->input_count;
    while (count > 0 && node->inputs[count - 1] == DAVIT_NONE) {
        count--;
    }
    return count;
}

bool davit_node_has_input(const davit_node *node, uint32_t i)
{
    return i < node->input_count && node->inputs[i] != DAVIT_NONE;
}

const davit_tensor_desc *davit_node_input(const davit_graph *graph, const davit_node *node,
                                          uint32_t i)
{
    return &graph->values[node->inputs[i]].desc;
}

const davit_tensor_desc *davit_node_output(const davit_graph *graph, const davit_node *node)
{
    return &graph->values[node->outputs[0]].desc;
}

const davit_tensor *davit_node_constant(const davit_graph *graph, const davit_node *node,
                                        uint32_t i)
{
    return davit_node_has_input(node, i) ? graph->values[node->inputs[i]].constant : NULL;
}

size_t davit_constant_ints(const davit_tensor *tensor, int64_t *values, size_t capacity)
{
    size_t count = (size_t)davit_tensor_desc_elems(&tensor->desc);
    count = count < capacity ? count : capacity;
    for (size_t i = 0; i < count; i++) {
        values[i] = tensor->desc.dtype == DAVIT_S32 ? ((const int32_t *)tensor->data)[i]
                                                    : ((const int64_t *)tensor->data)[i];
    }
    return count;
}

float davit_constant_float(const davit_tensor *tensor, float fallback)
{
    return tensor != NULL ? ((const float *)tensor->data)[0] : fallback;
}

int davit_node_axis(int64_t axis, int rank)
{
    return (int)(axis < 0 ? axis + rank : axis);
}
