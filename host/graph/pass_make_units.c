#include "davit/passes.h"

#include "epilogue.h"
#include "unit_cost.h"
#include "uses.h"

/* Every unit has one result that all its nodes lead to: a chain from the anchor on, whose values in
 * between have one use. So no path leaves a unit and comes back, and the units sorted by their last
 * nodes are in topological order. */
typedef struct maker {
    davit_graph *graph;
    bool fuse;
    davit_uses uses;
    davit_unit_id *unit_of; /* by node; DAVIT_NONE: not yet in a unit */
    davit_unit_id *seen;    /* by value: the last unit that listed it, plus 1 */
    davit_unit *units;      /* by anchor, in topological order of the anchors */
    davit_unit_id unit_count;
    davit_node_id *chain; /* scratch, as long as the longest possible chain */
    davit_epilogue *epilogues;
} maker;

static davit_status copy_chain(maker *m, davit_unit *unit)
{
    davit_arena *arena = &m->graph->arena;
    unit->nodes = davit_arena_alloc_array(arena, unit->node_count, sizeof(*unit->nodes));
    unit->epilogues =
        davit_arena_alloc_array(arena, unit->epilogue_count, sizeof(*unit->epilogues));
    if (!unit->nodes || !unit->epilogues) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (uint32_t i = 0; i < unit->node_count; i++) {
        unit->nodes[i] = m->chain[i];
    }
    for (uint32_t i = 0; i < unit->epilogue_count; i++) {
        unit->epilogues[i] = m->epilogues[i];
    }
    return DAVIT_OK;
}

/* Makes a unit of node, with the epilogues that follow when it is an anchor. */
static davit_status make_unit(maker *m, davit_node_id id)
{
    const davit_graph *graph = m->graph;
    const davit_node *anchor = &graph->nodes[id];
    davit_op op = anchor->op->op;
    davit_unit *unit = &m->units[m->unit_count];
    *unit = (davit_unit){
        .name = anchor->name, .kind = DAVIT_UNIT_SINGLE, .anchor = id, .node_count = 1};
    m->chain[0] = id;
    m->unit_of[id] = m->unit_count;
    if (davit_op_is_anchor(op)) {
        unit->kind = op == DAVIT_OP_Conv || op == DAVIT_OP_ConvTranspose ? DAVIT_UNIT_CONVOLUTION
                                                                         : DAVIT_UNIT_GEMM;
        davit_value_id value = anchor->outputs[0];
        davit_node_id next = davit_uses_single(&m->uses, graph, value);
        while (m->fuse && next != DAVIT_NONE && m->unit_of[next] == DAVIT_NONE &&
               davit_epilogue_match(graph, anchor, &graph->nodes[next], value,
                                    &m->epilogues[unit->epilogue_count])) {
            m->unit_of[next] = m->unit_count;
            m->chain[unit->node_count++] = next;
            unit->epilogue_count++;
            value = graph->nodes[next].outputs[0];
            next = davit_uses_single(&m->uses, graph, value);
        }
    }
    m->unit_count++;
    return copy_chain(m, unit);
}

/* Adds value to the unit's inputs or bytes when it comes from outside, once. */
static void add_input(maker *m, davit_unit_id id, davit_value_id value)
{
    const davit_value *v = &m->graph->values[value];
    davit_unit *unit = &m->units[id];
    bool inside = v->producer != DAVIT_NONE && m->unit_of[v->producer] == id;
    if (inside || m->seen[value] == id + 1) {
        return;
    }
    m->seen[value] = id + 1;
    unit->bytes += davit_tensor_desc_bytes(&v->desc);
    if (!v->constant) {
        unit->inputs[unit->input_count++] = value;
    }
}

static void add_output(maker *m, davit_unit_id id, davit_value_id value)
{
    const davit_value *v = &m->graph->values[value];
    davit_unit *unit = &m->units[id];
    bool used = v->is_output;
    for (uint32_t u = m->uses.start[value]; u < m->uses.start[value + 1] && !used; u++) {
        used = m->unit_of[m->uses.nodes[u]] != id;
    }
    if (used) {
        unit->outputs[unit->output_count++] = value;
        unit->bytes += davit_tensor_desc_bytes(&v->desc);
    }
}

/* Fills in what goes in and out of a unit, and its cost. */
static davit_status describe_unit(maker *m, davit_unit_id id)
{
    davit_graph *graph = m->graph;
    davit_unit *unit = &m->units[id];
    size_t inputs = 0;
    size_t outputs = 0;
    for (uint32_t n = 0; n < unit->node_count; n++) {
        inputs += graph->nodes[unit->nodes[n]].input_count;
        outputs += graph->nodes[unit->nodes[n]].output_count;
    }
    unit->inputs = davit_arena_alloc_array(&graph->arena, inputs, sizeof(*unit->inputs));
    unit->outputs = davit_arena_alloc_array(&graph->arena, outputs, sizeof(*unit->outputs));
    if (!unit->inputs || !unit->outputs) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (uint32_t n = 0; n < unit->node_count; n++) {
        const davit_node *node = &graph->nodes[unit->nodes[n]];
        unit->flops += davit_node_flops(graph, node);
        for (uint32_t i = 0; i < node->input_count; i++) {
            if (node->inputs[i] != DAVIT_NONE) {
                add_input(m, id, node->inputs[i]);
            }
        }
        for (uint32_t i = 0; i < node->output_count; i++) {
            if (node->outputs[i] != DAVIT_NONE) {
                add_output(m, id, node->outputs[i]);
            }
        }
    }
    return DAVIT_OK;
}

/* Hands the units over to the graph in the order of their last nodes. */
static davit_status publish(maker *m)
{
    davit_graph *graph = m->graph;
    davit_unit *units = davit_arena_alloc_array(&graph->arena, m->unit_count, sizeof(*units));
    if (!units) {
        return DAVIT_OUT_OF_MEMORY;
    }
    size_t count = 0;
    for (size_t n = 0; n < graph->order_count; n++) {
        const davit_unit *unit = &m->units[m->unit_of[graph->order[n]]];
        if (unit->nodes[unit->node_count - 1] == graph->order[n]) {
            units[count++] = *unit;
        }
    }
    graph->units = units;
    graph->unit_count = count;
    return DAVIT_OK;
}

static davit_status make_all(maker *m)
{
    const davit_graph *graph = m->graph;
    davit_status status = DAVIT_OK;
    for (size_t n = 0; n < graph->node_count; n++) {
        m->unit_of[n] = DAVIT_NONE;
    }
    for (size_t n = 0; n < graph->order_count && status == DAVIT_OK; n++) {
        if (m->unit_of[graph->order[n]] == DAVIT_NONE) {
            status = make_unit(m, graph->order[n]);
        }
    }
    for (davit_unit_id u = 0; u < m->unit_count && status == DAVIT_OK; u++) {
        status = describe_unit(m, u);
    }
    return status == DAVIT_OK ? publish(m) : status;
}

static davit_status make_units(davit_graph *graph, bool fuse, const davit_diagnostics *diag)
{
    const davit_allocator *allocator = graph->allocator;
    size_t nodes = graph->node_count;
    maker m = {.graph = graph, .fuse = fuse};
    m.unit_of = davit_alloc_array(allocator, nodes, sizeof(*m.unit_of));
    m.seen = davit_alloc_array(allocator, graph->value_count, sizeof(*m.seen));
    m.units = davit_alloc_array(allocator, graph->order_count, sizeof(*m.units));
    m.chain = davit_alloc_array(allocator, nodes, sizeof(*m.chain));
    m.epilogues = davit_alloc_array(allocator, nodes, sizeof(*m.epilogues));
    davit_status status = davit_uses_build(graph, &m.uses);
    if (!m.unit_of || !m.seen || !m.units || !m.chain || !m.epilogues) {
        status = DAVIT_OUT_OF_MEMORY;
    }
    if (status == DAVIT_OK) {
        status = make_all(&m);
    }
    davit_uses_clear(&m.uses);
    davit_free(allocator, m.unit_of);
    davit_free(allocator, m.seen);
    davit_free(allocator, m.units);
    davit_free(allocator, m.chain);
    davit_free(allocator, m.epilogues);
    if (status != DAVIT_OK) {
        return davit_fail(diag, status, "out of memory while making the units of %zu nodes", nodes);
    }
    return DAVIT_OK;
}

davit_status davit_pass_make_units(davit_graph *graph, const davit_diagnostics *diag)
{
    return make_units(graph, true, diag);
}

davit_status davit_pass_make_single_units(davit_graph *graph, const davit_diagnostics *diag)
{
    return make_units(graph, false, diag);
}
