#include "lower_integer.h"

#include "constants.h"

#include <string.h>

/* True when a ReduceMean is over all axes behind the channels. */
static bool is_spatial_mean(const davit_graph *graph, const davit_node *node)
{
    int rank = graph->values[node->inputs[0]].desc.rank;
    const davit_tensor *axes = davit_node_constant(graph, node, 1);
    unsigned seen = 0;
    if (!axes || axes->desc.dtype != DAVIT_S64 || rank < 3) {
        return false;
    }
    for (int64_t i = 0; i < davit_tensor_desc_elems(&axes->desc); i++) {
        int64_t axis = ((const int64_t *)axes->data)[i];
        seen |= 1u << (axis < 0 ? axis + rank : axis);
    }
    return seen == (1u << rank) - 4;
}

/* The window of an AveragePool as the file has it, else the whole image. desc must outlive them. */
static void set_window(davit_lower_attributes *attributes, const davit_node *node,
                       const davit_tensor_desc *desc)
{
    if (node->op->op == DAVIT_OP_AveragePool) {
        davit_lower_copy_attributes(attributes, node);
    } else if (desc->rank > 2) {
        davit_lower_set_ints(attributes, "kernel_shape", (size_t)desc->rank - 2, desc->dims + 2);
    }
}

/* [N, C, 1, ...] to the shape that the node has without the axes of its mean. */
static davit_status drop_axes(davit_lowering *l, davit_node_id id, davit_value_id pooled,
                              davit_value_id *out)
{
    const davit_tensor_desc *desc = &l->graph->values[l->graph->nodes[id].outputs[0]].desc;
    const int64_t rank = desc->rank;
    davit_value_id inputs[] = {pooled, DAVIT_NONE};
    davit_tensor *shape;
    davit_status status = davit_tensor_create(l->graph->allocator, DAVIT_S64, 1, &rank, &shape);
    if (status != DAVIT_OK) {
        return status;
    }
    memcpy(shape->data, desc->dims, (size_t)rank * sizeof(int64_t));
    status = davit_graph_add_constant(l->graph, NULL, shape, &inputs[1]);
    const davit_node_spec spec = {
        .op = DAVIT_OP_Reshape, .input_count = 2, .output_count = 1, .inputs = inputs};
    return status == DAVIT_OK ? davit_lower_add(l, id, &spec, out) : status;
}

davit_status davit_lower_average(davit_lowering *l, davit_node_id id,
                                 const davit_result_spec *target, davit_value_id *out)
{
    davit_lowered x;
    davit_lower_attributes attributes = {.count = 0};
    const davit_node *node = &l->graph->nodes[id];
    davit_tensor_desc desc = l->graph->values[node->inputs[0]].desc;
    bool mean = node->op->op == DAVIT_OP_ReduceMean;
    bool keeps_axes = !mean || davit_node_int(node, "keepdims", 1) != 0;
    if (mean && !is_spatial_mean(l->graph, node)) {
        davit_lower_refuse(l, id, "it is not a mean over all spatial axes");
        return DAVIT_OK;
    }
    set_window(&attributes, node, &desc);
    davit_status status = davit_lower_find_x(l, id, &attributes, &x);
    if (status != DAVIT_OK || x.value == DAVIT_NONE) {
        return status;
    }
    davit_lower_set_result(&attributes, target);
    const davit_node_spec spec = {.op = DAVIT_OP_IntegerAveragePool,
                                  .input_count = 1,
                                  .output_count = 1,
                                  .attribute_count = attributes.count,
                                  .inputs = &x.value,
                                  .attributes = attributes.items};
    davit_value_id pooled = DAVIT_NONE;
    status = davit_lower_add(l, id, &spec, &pooled);
    if (status != DAVIT_OK || pooled == DAVIT_NONE || keeps_axes) {
        *out = pooled;
        return status;
    }
    return drop_axes(l, id, pooled, out);
}
