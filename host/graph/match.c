#include "match.h"

#include "constants.h"

#include <math.h>

const davit_node *davit_match_producer(const davit_graph *graph, davit_value_id value, davit_op op)
{
    davit_node_id producer = graph->values[value].producer;
    bool found = producer != DAVIT_NONE && graph->nodes[producer].op->op == op;
    return found ? &graph->nodes[producer] : NULL;
}

bool davit_match_number(davit_dtype dtype, double found, double expected)
{
    double tolerance = dtype == DAVIT_F16 ? 2.5e-4 : dtype == DAVIT_BF16 ? 2e-3 : 5e-7;
    return fabs(found - expected) <= tolerance * fabs(expected);
}

static bool keeps_shape(const davit_graph *graph, davit_value_id in, davit_value_id out)
{
    return davit_tensor_desc_same_shape(&graph->values[in].desc, &graph->values[out].desc);
}

bool davit_match_with_number(const davit_graph *graph, const davit_node *node, davit_value_id *x,
                             double *number)
{
    if (node->op->op != DAVIT_OP_Add && node->op->op != DAVIT_OP_Mul) {
        return false;
    }
    for (uint32_t i = 0; i < 2; i++) {
        if (davit_constant_scalar(graph, node->inputs[i], number) &&
            keeps_shape(graph, node->inputs[1 - i], node->outputs[0])) {
            *x = node->inputs[1 - i];
            return true;
        }
    }
    return false;
}

bool davit_match_scaled(const davit_graph *graph, davit_value_id value, davit_value_id *x,
                        double *factor)
{
    const davit_node *mul = davit_match_producer(graph, value, DAVIT_OP_Mul);
    const davit_node *div = davit_match_producer(graph, value, DAVIT_OP_Div);
    if (mul) {
        return davit_match_with_number(graph, mul, x, factor);
    }
    if (!div || !davit_constant_scalar(graph, div->inputs[1], factor) ||
        !keeps_shape(graph, div->inputs[0], value)) {
        return false;
    }
    *x = div->inputs[0];
    *factor = 1.0 / *factor;
    return true;
}
