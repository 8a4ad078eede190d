#include "davit/passes.h"

#include "constants.h"

typedef struct remover {
    davit_graph *graph;
    davit_value_id *stands_for; /* by value: what to read instead, DAVIT_NONE: itself */
} remover;

static davit_value_id resolve(const remover *r, davit_value_id value)
{
    while (value != DAVIT_NONE && r->stands_for[value] != DAVIT_NONE) {
        value = r->stands_for[value];
    }
    return value;
}

static bool present(const davit_node *node, uint32_t i)
{
    return i < node->input_count && node->inputs[i] != DAVIT_NONE;
}

static bool is_inference_dropout(const davit_graph *graph, const davit_node *node)
{
    const davit_tensor *training = davit_node_constant(graph, node, 2);
    bool off = training && davit_tensor_desc_elems(&training->desc) == 1 &&
               *(const uint8_t *)training->data == 0;
    bool mask_used = node->output_count > 1 && node->outputs[1] != DAVIT_NONE &&
                     graph->values[node->outputs[1]].use_count > 0;
    return (off || !present(node, 2)) && !mask_used;
}

/* True when the elements of input i are all `expected`; an absent input is. */
static bool all_equal(const davit_graph *graph, const davit_node *node, uint32_t i,
                      int64_t expected)
{
    const davit_tensor *tensor = davit_node_constant(graph, node, i);
    if (!tensor) {
        return !present(node, i);
    }
    for (int64_t e = 0; e < davit_tensor_desc_elems(&tensor->desc); e++) {
        int64_t value = tensor->desc.dtype == DAVIT_S64 ? ((const int64_t *)tensor->data)[e]
                                                        : ((const int32_t *)tensor->data)[e];
        if (value != expected) {
            return false;
        }
    }
    return true;
}

/* True when the axes longer than 1 keep their order, so that no element moves. */
static bool keeps_order(const davit_graph *graph, const davit_node *node)
{
    const davit_tensor_desc *in = &graph->values[node->inputs[0]].desc;
    size_t count;
    const int64_t *perm = davit_node_ints(node, "perm", &count);
    int64_t last = -1;
    for (int i = 0; i < in->rank; i++) {
        int64_t axis = perm ? perm[i] : in->rank - 1 - i;
        if (in->dims[axis] != 1) {
            if (axis < last) {
                return false;
            }
            last = axis;
        }
    }
    return true;
}

/* True for x * 1 and x / 1. */
static bool multiplies_by_one(const davit_graph *graph, const davit_node *node)
{
    double number;
    return davit_constant_scalar(graph, node->inputs[1], &number) && number == 1.0;
}

/* True when node, whose first input and output have the same shape and type, hands its first input
 * on. */
static bool is_identity(const davit_graph *graph, const davit_node *node)
{
    switch (node->op->op) {
    case DAVIT_OP_Identity:
    case DAVIT_OP_Cast:
    case DAVIT_OP_CastLike:
    case DAVIT_OP_Reshape:
    case DAVIT_OP_Flatten:
    case DAVIT_OP_Squeeze:
    case DAVIT_OP_Unsqueeze:
    case DAVIT_OP_Expand:
    case DAVIT_OP_Tile:
        return true;
    case DAVIT_OP_Dropout:
        return is_inference_dropout(graph, node);
    case DAVIT_OP_Transpose:
        return keeps_order(graph, node);
    case DAVIT_OP_Slice:
        return all_equal(graph, node, 4, 1);
    case DAVIT_OP_Pad:
        return present(node, 1) && all_equal(graph, node, 1, 0);
    case DAVIT_OP_Split:
        return node->output_count == 1;
    case DAVIT_OP_Concat:
    case DAVIT_OP_Sum:
        return node->input_count == 1;
    case DAVIT_OP_Mul:
    case DAVIT_OP_Div:
        return multiplies_by_one(graph, node);
    default:
        return false;
    }
}

static bool same_shape_and_type(const davit_graph *graph, davit_value_id a, davit_value_id b)
{
    const davit_tensor_desc *x = &graph->values[a].desc;
    const davit_tensor_desc *y = &graph->values[b].desc;
    return x->dtype == y->dtype && davit_tensor_desc_same_shape(x, y);
}

/* Makes the producer of value `from` compute `to` instead. */
static void redirect(davit_graph *graph, davit_value_id from, davit_value_id to)
{
    davit_node_id producer = graph->values[from].producer;
    davit_node *node = &graph->nodes[producer];
    for (uint32_t i = 0; i < node->output_count; i++) {
        if (node->outputs[i] == from) {
            node->outputs[i] = to;
        }
    }
    graph->values[from].producer = DAVIT_NONE;
    graph->values[to].producer = producer;
}

static void try_remove(remover *r, davit_node_id id)
{
    davit_graph *graph = r->graph;
    davit_node *node = &graph->nodes[id];
    /* x * 1 may be written 1 * x. */
    if (node->op->op == DAVIT_OP_Mul && graph->values[node->inputs[0]].constant) {
        davit_value_id constant = node->inputs[0];
        node->inputs[0] = node->inputs[1];
        node->inputs[1] = constant;
    }
    if (node->input_count == 0 || node->inputs[0] == DAVIT_NONE || node->output_count == 0 ||
        node->outputs[0] == DAVIT_NONE ||
        !same_shape_and_type(graph, node->inputs[0], node->outputs[0]) ||
        !is_identity(graph, node)) {
        return;
    }
    davit_value_id in = resolve(r, node->inputs[0]);
    davit_value_id out = node->outputs[0];
    if (!graph->values[out].is_output) {
        r->stands_for[out] = in;
        davit_graph_remove_node(graph, id);
        return;
    }
    /* A graph output keeps its name: whoever computes the input computes it, unless that is the
     * graph's caller or the input is a graph output too. */
    if (graph->values[in].producer != DAVIT_NONE && !graph->values[in].is_output) {
        r->stands_for[in] = out;
        davit_graph_remove_node(graph, id);
        redirect(graph, in, out);
    }
}

davit_status davit_pass_remove_identities(davit_graph *graph, const davit_diagnostics *diag)
{
    remover r = {.graph = graph};
    r.stands_for = davit_alloc_array(graph->allocator, graph->value_count, sizeof(*r.stands_for));
    if (!r.stands_for) {
        return davit_fail(diag, DAVIT_OUT_OF_MEMORY, "out of memory while removing identities");
    }
    for (size_t v = 0; v < graph->value_count; v++) {
        r.stands_for[v] = DAVIT_NONE;
    }
    for (size_t n = 0; n < graph->order_count; n++) {
        try_remove(&r, graph->order[n]);
    }
    for (size_t n = 0; n < graph->node_count; n++) {
        davit_node *node = &graph->nodes[n];
        for (uint32_t i = 0; i < node->input_count && !node->removed; i++) {
            node->inputs[i] = resolve(&r, node->inputs[i]);
        }
    }
    davit_free(graph->allocator, r.stands_for);
    return davit_graph_sort(graph, diag);
}
