#include "uses.h"

davit_status davit_uses_build(const davit_graph *graph, davit_uses *uses)
{
    *uses = (davit_uses){.allocator = graph->allocator};
    uses->start = davit_alloc_array(graph->allocator, graph->value_count + 2, sizeof(uint32_t));
    if (!uses->start) {
        return DAVIT_OUT_OF_MEMORY;
    }
    /* Counting sort: start is shifted by one while it counts and by one more while it fills. */
    uint32_t *next = uses->start + 1;
    size_t total = 0;
    for (size_t n = 0; n < graph->node_count; n++) {
        const davit_node *node = &graph->nodes[n];
        for (uint32_t i = 0; i < node->input_count && !node->removed; i++) {
            if (node->inputs[i] != DAVIT_NONE) {
                next[node->inputs[i] + 1]++;
                total++;
            }
        }
    }
    uses->nodes = davit_alloc_array(graph->allocator, total, sizeof(*uses->nodes));
    if (!uses->nodes || total > UINT32_MAX) {
        davit_uses_clear(uses);
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t v = 0; v < graph->value_count; v++) {
        next[v + 1] += next[v];
    }
    for (size_t n = 0; n < graph->node_count; n++) {
        const davit_node *node = &graph->nodes[n];
        for (uint32_t i = 0; i < node->input_count && !node->removed; i++) {
            if (node->inputs[i] != DAVIT_NONE) {
                uses->nodes[next[node->inputs[i]]++] = (davit_node_id)n;
            }
        }
    }
    return DAVIT_OK;
}

void davit_uses_clear(davit_uses *uses)
{
    davit_free(uses->allocator, uses->start);
    davit_free(uses->allocator, uses->nodes);
    *uses = (davit_uses){.allocator = uses->allocator};
}

davit_node_id davit_uses_single(const davit_uses *uses, const davit_graph *graph,
                                davit_value_id value)
{
    bool single = uses->start[value + 1] - uses->start[value] == 1;
    return single && !graph->values[value].is_output ? uses->nodes[uses->start[value]] : DAVIT_NONE;
}
