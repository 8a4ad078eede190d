#include "lower_integer.h"

#include "evaluate.h"

#include <string.h>

davit_status davit_lowering_create(davit_lowering *l)
{
    davit_graph *graph = l->graph;
    const davit_allocator *allocator = graph->allocator;
    l->value_count = graph->value_count;
    l->node_count = graph->node_count;
    l->operands = davit_alloc_array(allocator, l->value_count, sizeof(*l->operands));
    l->asked = davit_alloc_array(allocator, l->value_count, sizeof(*l->asked));
    l->results = davit_alloc_array(allocator, l->value_count, sizeof(*l->results));
    l->reasons = davit_alloc_array(allocator, l->node_count, sizeof(*l->reasons));
    l->stands_for = davit_alloc_array(allocator, l->value_count, sizeof(*l->stands_for));
    if (!l->operands || !l->asked || !l->results || !l->reasons || !l->stands_for) {
        return DAVIT_OUT_OF_MEMORY;
    }
    l->stands_for_capacity = l->value_count;
    for (size_t v = 0; v < l->value_count; v++) {
        l->stands_for[v] = DAVIT_NONE;
    }
    return davit_uses_build(graph, &l->uses);
}

void davit_lowering_clear(davit_lowering *l)
{
    const davit_allocator *allocator = l->graph->allocator;
    if (l->uses.allocator) {
        davit_uses_clear(&l->uses);
    }
    davit_free(allocator, l->operands);
    davit_free(allocator, l->asked);
    davit_free(allocator, l->results);
    davit_free(allocator, (void *)l->reasons);
    davit_free(allocator, l->stands_for);
    davit_free(allocator, l->origins);
}

davit_value_id davit_lower_resolve(const davit_lowering *l, davit_value_id value)
{
    /* Values beyond the end are new constants. */
    while (value < l->stands_for_capacity && l->stands_for[value] != DAVIT_NONE) {
        value = l->stands_for[value];
    }
    return value;
}

void davit_lower_refuse(davit_lowering *l, davit_node_id node, const char *reason)
{
    if (!l->reasons[node]) {
        l->reasons[node] = reason;
    }
}

const davit_node *davit_lower_producer(const davit_lowering *l, davit_value_id value,
                                       davit_node_id *id)
{
    davit_node_id producer = value == DAVIT_NONE ? DAVIT_NONE : l->graph->values[value].producer;
    if (producer == DAVIT_NONE) {
        return NULL;
    }
    if (id) {
        *id = producer;
    }
    return &l->graph->nodes[producer];
}

static bool same_constant(const davit_graph *graph, const davit_node *a, const davit_node *b,
                          uint32_t i)
{
    davit_value_id x = i < a->input_count ? a->inputs[i] : DAVIT_NONE;
    davit_value_id y = i < b->input_count ? b->inputs[i] : DAVIT_NONE;
    if (x == y) {
        return true;
    }
    const davit_tensor *p = x == DAVIT_NONE ? NULL : graph->values[x].constant;
    const davit_tensor *q = y == DAVIT_NONE ? NULL : graph->values[y].constant;
    return p && q && p->desc.dtype == q->desc.dtype &&
           davit_tensor_desc_same_shape(&p->desc, &q->desc) &&
           memcmp(p->data, q->data, davit_tensor_desc_bytes(&p->desc)) == 0;
}

bool davit_lower_same_quantize(const davit_graph *graph, const davit_node *a, const davit_node *b)
{
    return a->op->op == DAVIT_OP_QuantizeLinear && b->op->op == DAVIT_OP_QuantizeLinear &&
           a->inputs[0] == b->inputs[0] && same_constant(graph, a, b, 1) &&
           same_constant(graph, a, b, 2) &&
           davit_node_int(a, "axis", 1) == davit_node_int(b, "axis", 1) &&
           davit_node_int(a, "block_size", 0) == davit_node_int(b, "block_size", 0) &&
           graph->values[a->outputs[0]].desc.dtype == graph->values[b->outputs[0]].desc.dtype;
}

bool davit_lower_read_once(const davit_lowering *l, davit_value_id value)
{
    const davit_graph *graph = l->graph;
    uint32_t first = l->uses.start[value];
    if (graph->values[value].is_output ||
        l->uses.start[value + 1] - first > DAVIT_LOWER_MAX_READERS) {
        return false;
    }
    for (uint32_t u = first + 1; u < l->uses.start[value + 1]; u++) {
        if (!davit_lower_same_quantize(graph, &graph->nodes[l->uses.nodes[first]],
                                       &graph->nodes[l->uses.nodes[u]])) {
            return false;
        }
    }
    return true;
}

/* ---- new nodes ---- */

static davit_status add_value(davit_lowering *l, davit_value_id *out)
{
    davit_status status = davit_graph_add_value(l->graph, NULL, out);
    if (status != DAVIT_OK) {
        return status;
    }
    void *stands_for = l->stands_for;
    size_t before = l->stands_for_capacity;
    status = davit_array_grow(l->graph->allocator, &stands_for, &l->stands_for_capacity, before,
                              l->graph->value_count, sizeof(*l->stands_for));
    l->stands_for = stands_for;
    for (size_t v = before; v < l->stands_for_capacity; v++) {
        l->stands_for[v] = DAVIT_NONE;
    }
    return status;
}

static davit_status add_origin(davit_lowering *l, davit_node_id node, davit_node_id of)
{
    void *origins = l->origins;
    davit_status status =
        davit_array_grow(l->graph->allocator, &origins, &l->origin_capacity, l->origin_count,
                         l->origin_count + 1, sizeof(*l->origins));
    l->origins = origins;
    if (status == DAVIT_OK) {
        l->origins[l->origin_count++] = (davit_lower_origin){node, of};
    }
    return status;
}

/* What a message says after "node 'NAME' (Op): ". */
static const char *reason_of(const char *message)
{
    const char *at = strstr(message, "): ");
    return at ? at + 3 : message;
}

static davit_status infer(davit_lowering *l, davit_node_id of, davit_node_id node, bool *refused)
{
    davit_diagnostics_buffer buffer;
    davit_diagnostics_buffer_init(&buffer);
    davit_status status = davit_graph_infer_node(l->graph, node, &buffer.sink);
    *refused = status != DAVIT_OK && status != DAVIT_OUT_OF_MEMORY;
    if (!*refused) {
        return status;
    }
    const char *reason = davit_arena_strdup(&l->graph->arena, reason_of(buffer.text));
    davit_graph_remove_node(l->graph, node);
    if (!reason) {
        return DAVIT_OUT_OF_MEMORY;
    }
    davit_lower_refuse(l, of, reason);
    return DAVIT_OK;
}

davit_status davit_lower_add(davit_lowering *l, davit_node_id of, const davit_node_spec *spec,
                             davit_value_id *outputs)
{
    davit_node_spec complete = *spec;
    davit_node_id node = DAVIT_NONE;
    bool refused = false;
    davit_status status = DAVIT_OK;
    for (uint32_t i = 0; i < spec->output_count && status == DAVIT_OK; i++) {
        status = add_value(l, &outputs[i]);
    }
    complete.name = l->graph->nodes[of].name;
    complete.outputs = outputs;
    if (status == DAVIT_OK) {
        status = davit_graph_add_node(l->graph, &complete, &node);
    }
    if (status == DAVIT_OK) {
        status = infer(l, of, node, &refused);
    }
    if (status == DAVIT_OK && !refused) {
        status = add_origin(l, node, of);
    }
    if (status == DAVIT_OK && !refused && l->evaluator &&
        davit_node_is_constant(l->graph, &l->graph->nodes[node])) {
        /* What a kernel refuses is left to run, and be refused, later. */
        status = davit_graph_evaluate(l->graph, node, l->evaluator, NULL);
        status = status == DAVIT_OUT_OF_MEMORY ? status : DAVIT_OK;
    }
    for (uint32_t i = 0; i < spec->output_count && (refused || status != DAVIT_OK); i++) {
        outputs[i] = DAVIT_NONE;
    }
    return status;
}
