#include "davit/graph.h"

#include "uses.h"

/* Kahn's algorithm with a heap of free nodes, so that the smallest index comes first. */
typedef struct sorter {
    davit_graph *graph;
    davit_uses uses;
    uint32_t *waiting;   /* by node: inputs not yet computed */
    davit_node_id *heap; /* free nodes, smallest index on top */
    size_t heap_count;
    davit_node_id *order;
    size_t order_count;
} sorter;

static void heap_push(sorter *s, davit_node_id node)
{
    size_t i = s->heap_count++;
    for (; i > 0 && s->heap[(i - 1) / 2] > node; i = (i - 1) / 2) {
        s->heap[i] = s->heap[(i - 1) / 2];
    }
    s->heap[i] = node;
}

static davit_node_id heap_pop(sorter *s)
{
    davit_node_id top = s->heap[0];
    davit_node_id last = s->heap[--s->heap_count];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child + 1 < s->heap_count && s->heap[child + 1] < s->heap[child]) {
            child++;
        }
        if (child >= s->heap_count || s->heap[child] >= last) {
            break;
        }
        s->heap[i] = s->heap[child];
        i = child;
    }
    s->heap[i] = last;
    return top;
}

static bool is_written(const davit_value *value)
{
    return value->producer != DAVIT_NONE || value->is_input || value->constant;
}

/* Counts uses, and inputs that each live node waits for. */
static davit_status count(sorter *s, const davit_diagnostics *diag)
{
    davit_graph *graph = s->graph;
    for (size_t v = 0; v < graph->value_count; v++) {
        graph->values[v].use_count = 0;
    }
    for (size_t n = 0; n < graph->node_count; n++) {
        const davit_node *node = &graph->nodes[n];
        for (uint32_t i = 0; i < node->input_count && !node->removed; i++) {
            if (node->inputs[i] == DAVIT_NONE) {
                continue;
            }
            davit_value *value = &graph->values[node->inputs[i]];
            if (!is_written(value)) {
                return davit_fail(diag, DAVIT_BAD_DATA,
                                  "node '%s' (%s): nothing computes its input '%s'", node->name,
                                  node->op->name, value->name);
            }
            value->use_count++;
            s->waiting[n] += value->producer != DAVIT_NONE;
        }
    }
    for (size_t i = 0; i < graph->output_count; i++) {
        davit_value *value = &graph->values[graph->outputs[i]];
        if (!is_written(value)) {
            return davit_fail(diag, DAVIT_BAD_DATA, "nothing computes the graph output '%s'",
                              value->name);
        }
        value->use_count++;
    }
    return DAVIT_OK;
}

static void release_readers(sorter *s, davit_value_id value)
{
    for (uint32_t u = s->uses.start[value]; u < s->uses.start[value + 1]; u++) {
        if (--s->waiting[s->uses.nodes[u]] == 0) {
            heap_push(s, s->uses.nodes[u]);
        }
    }
}

/* The producer of an input that the waiting node waits for. */
static davit_node_id waits_for(const sorter *s, davit_node_id id)
{
    const davit_node *node = &s->graph->nodes[id];
    for (uint32_t i = 0; i < node->input_count; i++) {
        davit_value_id value = node->inputs[i];
        davit_node_id producer =
            value == DAVIT_NONE ? DAVIT_NONE : s->graph->values[value].producer;
        if (producer != DAVIT_NONE && s->waiting[producer] > 0) {
            return producer;
        }
    }
    return id;
}

/* Reports a node on a cycle: going from any waiting node to one it waits for, and on, comes back
 * to one. */
static davit_status fail_cycle(sorter *s, const davit_diagnostics *diag)
{
    const davit_graph *graph = s->graph;
    uint32_t *visited = s->heap; /* free by now */
    davit_node_id node = 0;
    for (size_t n = 0; n < graph->node_count; n++) {
        visited[n] = 0;
    }
    while (s->waiting[node] == 0) {
        node++;
    }
    while (!visited[node]) {
        visited[node] = 1;
        node = waits_for(s, node);
    }
    return davit_fail(diag, DAVIT_BAD_DATA, "node '%s' (%s) is on a cycle: it needs its own result",
                      graph->nodes[node].name, graph->nodes[node].op->name);
}

static davit_status run(sorter *s, const davit_diagnostics *diag)
{
    davit_graph *graph = s->graph;
    size_t live = 0;
    davit_status status = count(s, diag);
    if (status != DAVIT_OK) {
        return status;
    }
    for (size_t n = 0; n < graph->node_count; n++) {
        live += !graph->nodes[n].removed;
        if (!graph->nodes[n].removed && s->waiting[n] == 0) {
            heap_push(s, (davit_node_id)n);
        }
    }
    while (s->heap_count > 0) {
        davit_node_id id = heap_pop(s);
        const davit_node *node = &graph->nodes[id];
        s->order[s->order_count++] = id;
        for (uint32_t i = 0; i < node->output_count; i++) {
            if (node->outputs[i] != DAVIT_NONE && graph->values[node->outputs[i]].producer == id) {
                release_readers(s, node->outputs[i]);
            }
        }
    }
    return s->order_count == live ? DAVIT_OK : fail_cycle(s, diag);
}

davit_status davit_graph_sort(davit_graph *graph, const davit_diagnostics *diag)
{
    const davit_allocator *allocator = graph->allocator;
    sorter s = {.graph = graph};
    s.waiting = davit_alloc_array(allocator, graph->node_count, sizeof(*s.waiting));
    s.heap = davit_alloc_array(allocator, graph->node_count, sizeof(*s.heap));
    s.order = davit_alloc_array(allocator, graph->node_count, sizeof(*s.order));
    davit_status status = davit_uses_build(graph, &s.uses);
    if (status != DAVIT_OK || !s.waiting || !s.heap || !s.order) {
        status = davit_fail(diag, DAVIT_OUT_OF_MEMORY, "out of memory while sorting %zu nodes",
                            graph->node_count);
    } else {
        status = run(&s, diag);
    }
    if (status == DAVIT_OK) {
        davit_free(allocator, graph->order);
        graph->order = s.order;
        graph->order_count = s.order_count;
        s.order = NULL;
    }
    davit_free(allocator, s.waiting);
    davit_free(allocator, s.heap);
    davit_free(allocator, s.order);
    davit_uses_clear(&s.uses);
    return status;
}
