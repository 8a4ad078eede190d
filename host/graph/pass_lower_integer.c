#include "davit/passes.h"

#include "evaluate.h"
#include "lower_integer.h"
#include "rewrite.h"

#include <math.h>

/* How much larger than what it is computed from a folded constant may be. */
#define MAX_GROWTH_BYTES ((uint64_t)16 << 20)

static bool has_quantization(const davit_graph *graph)
{
    for (size_t n = 0; n < graph->order_count; n++) {
        switch (graph->nodes[graph->order[n]].op->op) {
        case DAVIT_OP_ConvInteger:
        case DAVIT_OP_DequantizeLinear:
        case DAVIT_OP_MatMulInteger:
        case DAVIT_OP_QLinearConv:
        case DAVIT_OP_QLinearMatMul:
        case DAVIT_OP_QuantizeLinear:
            return true;
        default:
            break;
        }
    }
    return false;
}

/* Constants are computed, but not dequantised: quantised weights stay bytes. */
static davit_status fold(davit_lowering *l)
{
    davit_graph *graph = l->graph;
    davit_status status = DAVIT_OK;
    for (size_t n = 0; n < graph->order_count && status == DAVIT_OK; n++) {
        const davit_node *node = &graph->nodes[graph->order[n]];
        if (l->evaluator && node->op->op != DAVIT_OP_DequantizeLinear &&
            davit_node_is_constant(graph, node) &&
            davit_node_output_bytes(graph, node) <=
                davit_node_input_bytes(graph, node) + MAX_GROWTH_BYTES) {
            status = davit_graph_evaluate(graph, graph->order[n], l->evaluator, l->diag);
        }
    }
    return status;
}

/* The result of an earlier QuantizeLinear that is the same, DAVIT_NONE: none is known. */
static davit_value_id find_twin(const davit_lowering *l, davit_node_id id)
{
    const davit_graph *graph = l->graph;
    const davit_node *node = &graph->nodes[id];
    davit_value_id value = node->inputs[0];
    uint32_t first = l->uses.start[value];
    for (uint32_t u = first; u < first + DAVIT_LOWER_MAX_READERS && u < l->uses.start[value + 1];
         u++) {
        davit_node_id other = l->uses.nodes[u];
        if (other == id) {
            return DAVIT_NONE;
        }
        if (davit_lower_same_quantize(graph, &graph->nodes[other], node)) {
            return davit_lower_resolve(l, graph->nodes[other].outputs[0]);
        }
    }
    return DAVIT_NONE;
}

/* Makes value stand for the result of a QuantizeLinear. A graph output keeps its name: whoever
 * computes value computes it, unless that is a constant, an input or an output of the graph. */
static davit_status replace(davit_lowering *l, davit_node_id id, davit_value_id value)
{
    davit_graph *graph = l->graph;
    davit_value_id result = graph->nodes[id].outputs[0];
    davit_node_id producer = graph->values[value].producer;
    if (!graph->values[result].is_output) {
        l->stands_for[result] = value;
        davit_graph_remove_node(graph, id);
        return DAVIT_OK;
    }
    if (producer == DAVIT_NONE || graph->values[value].is_output) {
        const davit_node_spec spec = {.op = DAVIT_OP_Identity, .input_count = 1, .inputs = &value};
        return davit_graph_rewrite_node(graph, id, &spec);
    }
    davit_graph_remove_node(graph, id);
    davit_node *node = &graph->nodes[producer];
    for (uint32_t i = 0; i < node->output_count; i++) {
        if (node->outputs[i] == value) {
            node->outputs[i] = result;
        }
    }
    graph->values[value].producer = DAVIT_NONE;
    graph->values[result].producer = producer;
    l->stands_for[value] = result;
    return DAVIT_OK;
}

static davit_status lower_one(davit_lowering *l, davit_node_id id)
{
    const davit_node *node = &l->graph->nodes[id];
    davit_result_spec target = {.low = -INFINITY, .high = INFINITY};
    davit_value_id value = DAVIT_NONE;
    davit_node_id before = DAVIT_NONE;
    const char *reason = davit_lower_read_type(l->graph, node, &target.type);
    davit_status status = DAVIT_OK;
    l->depth = 0;
    l->shared = false;
    l->steps = DAVIT_LOWER_MAX_STEPS;
    if (reason) {
        if (davit_lower_producer(l, node->inputs[0], &before)) {
            davit_lower_refuse(l, before, reason);
        }
        return DAVIT_OK;
    }
    value = find_twin(l, id);
    if (value == DAVIT_NONE) {
        status = davit_lower_result(l, node->inputs[0], &target, &value);
    }
    return status == DAVIT_OK && value != DAVIT_NONE ? replace(l, id, value) : status;
}

/* What was added takes the names of what it stands for and is gone. */
static void pass_names_on(davit_lowering *l)
{
    davit_graph *graph = l->graph;
    for (size_t i = 0; i < l->origin_count; i++) {
        davit_node *made = &graph->nodes[l->origins[i].node];
        davit_node *gone = &graph->nodes[l->origins[i].of];
        const char *name = made->name;
        if (!made->removed && gone->removed) {
            made->name = gone->name;
            gone->name = name;
        }
    }
}

/* Lowers what it can; the graph is not sorted and old nodes are left. */
static davit_status lower(davit_lowering *l)
{
    davit_graph *graph = l->graph;
    davit_status status = davit_lowering_create(l);
    for (size_t n = 0; n < graph->order_count && status == DAVIT_OK; n++) {
        if (graph->nodes[graph->order[n]].op->op == DAVIT_OP_QuantizeLinear) {
            status = lower_one(l, graph->order[n]);
        }
    }
    for (size_t n = 0; n < graph->node_count && status == DAVIT_OK; n++) {
        davit_node *node = &graph->nodes[n];
        for (uint32_t i = 0; i < node->input_count && !node->removed; i++) {
            node->inputs[i] = davit_lower_resolve(l, node->inputs[i]);
        }
    }
    return status;
}

static davit_status fail_memory(const davit_diagnostics *diag)
{
    return davit_fail(diag, DAVIT_OUT_OF_MEMORY,
                      "out of memory while lowering to integer operators");
}

static davit_status lower_and_clean(davit_lowering *l)
{
    davit_status status = lower(l);
    if (status != DAVIT_OK) {
        return fail_memory(l->diag);
    }
    status = davit_graph_sort(l->graph, l->diag);
    if (status == DAVIT_OK) {
        status = davit_pass_remove_dead(l->graph, l->diag);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    pass_names_on(l);
    return davit_lower_note(l) == DAVIT_OK ? DAVIT_OK : fail_memory(l->diag);
}

davit_status davit_pass_lower_integer(davit_graph *graph, const davit_evaluator *evaluator,
                                      const davit_diagnostics *diag)
{
    davit_lowering l = {.graph = graph, .evaluator = evaluator, .diag = diag};
    if (!has_quantization(graph)) {
        return DAVIT_OK;
    }
    davit_status status = davit_lower_expand_qlinear(graph, diag);
    if (status == DAVIT_OK) {
        status = davit_graph_sort(graph, diag);
    }
    if (status == DAVIT_OK) {
        status = davit_lower_check_scales(graph, diag);
    }
    if (status == DAVIT_OK) {
        status = fold(&l);
    }
    if (status == DAVIT_OK) {
        status = davit_graph_sort(graph, diag);
    }
    if (status == DAVIT_OK) {
        status = lower_and_clean(&l);
        davit_lowering_clear(&l);
    }
    return status;
}
