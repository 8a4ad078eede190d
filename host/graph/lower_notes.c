#include "lower_integer.h"

static bool is_quantization(davit_op op)
{
    return op == DAVIT_OP_QuantizeLinear || op == DAVIT_OP_DequantizeLinear;
}

static bool is_byte(const davit_graph *graph, davit_value_id value)
{
    davit_dtype dtype = value == DAVIT_NONE ? DAVIT_DTYPE_NONE : graph->values[value].desc.dtype;
    return dtype == DAVIT_U8 || dtype == DAVIT_S8;
}

/* True for what computes bytes, or exact sums, of bytes. */
static bool is_integer_unit(const davit_graph *graph, const davit_node *node)
{
    if (node->op->op == DAVIT_OP_ConvInteger || node->op->op == DAVIT_OP_MatMulInteger) {
        return true;
    }
    return node->input_count > 0 && node->output_count > 0 && !is_quantization(node->op->op) &&
           is_byte(graph, node->inputs[0]) && is_byte(graph, node->outputs[0]);
}

/* True when a QuantizeLinear that was not lowered reads a result of the node. */
static bool is_quantized_later(const davit_lowering *l, const davit_node *node)
{
    for (uint32_t i = 0; i < node->output_count; i++) {
        davit_value_id value = node->outputs[i];
        uint32_t first = value == DAVIT_NONE ? 0 : l->uses.start[value];
        uint32_t end = value == DAVIT_NONE ? 0 : l->uses.start[value + 1];
        for (uint32_t u = first; u < end; u++) {
            const davit_node *reader = &l->graph->nodes[l->uses.nodes[u]];
            if (reader->op->op == DAVIT_OP_QuantizeLinear && !reader->removed) {
                return true;
            }
        }
    }
    return false;
}

static bool reads_quantized(const davit_lowering *l, const davit_node *node)
{
    for (uint32_t i = 0; i < node->input_count; i++) {
        const davit_node *producer = davit_lower_producer(l, node->inputs[i], NULL);
        if (producer && producer->op->op == DAVIT_OP_DequantizeLinear) {
            return true;
        }
    }
    return false;
}

static const char *reason_for(const davit_lowering *l, davit_node_id id)
{
    const davit_node *node = &l->graph->nodes[id];
    if (l->reasons[id]) {
        return l->reasons[id];
    }
    if (!is_quantized_later(l, node)) {
        return "its result is not quantised";
    }
    return reads_quantized(l, node) ? "no integer form of it is known"
                                    : "its inputs are not quantised";
}

davit_status davit_lower_note(davit_lowering *l)
{
    davit_graph *graph = l->graph;
    graph->integer_count = 0;
    graph->kept_count = 0;
    graph->kept = davit_arena_alloc_array(&graph->arena, graph->order_count, sizeof(*graph->kept));
    if (!graph->kept) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t n = 0; n < graph->order_count; n++) {
        davit_node_id id = graph->order[n];
        const davit_node *node = &graph->nodes[id];
        if (is_integer_unit(graph, node)) {
            graph->integer_count++;
        } else if (id < l->node_count && !is_quantization(node->op->op) &&
                   !davit_lower_moves(graph, node) &&
                   (reads_quantized(l, node) || is_quantized_later(l, node))) {
            davit_kept_node *kept = &graph->kept[graph->kept_count++];
            *kept = (davit_kept_node){node->name, reason_for(l, id)};
            davit_log(l->diag, DAVIT_INFO, "node '%s' (%s) stays f32: %s", kept->node,
                      node->op->name, kept->reason);
        }
    }
    if (graph->integer_count > 0 || graph->kept_count > 0) {
        davit_log(l->diag, DAVIT_INFO, "%zu integer units, %zu units kept in f32",
                  graph->integer_count, graph->kept_count);
    }
    return DAVIT_OK;
}
