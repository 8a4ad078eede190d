#include "davit/passes.h"

davit_status davit_pass_remove_dead(davit_graph *graph, const davit_diagnostics *diag)
{
    bool *live = davit_alloc_array(graph->allocator, graph->value_count, sizeof(*live));
    if (!live) {
        return davit_fail(diag, DAVIT_OUT_OF_MEMORY, "out of memory while removing dead nodes");
    }
    for (size_t i = 0; i < graph->output_count; i++) {
        live[graph->outputs[i]] = true;
    }
    for (size_t n = graph->order_count; n-- > 0;) {
        const davit_node *node = &graph->nodes[graph->order[n]];
        bool needed = false;
        for (uint32_t i = 0; i < node->output_count; i++) {
            needed |= node->outputs[i] != DAVIT_NONE && live[node->outputs[i]];
        }
        for (uint32_t i = 0; i < node->input_count && needed; i++) {
            if (node->inputs[i] != DAVIT_NONE) {
                live[node->inputs[i]] = true;
            }
        }
        if (!needed) {
            davit_graph_remove_node(graph, graph->order[n]);
        }
    }
    davit_free(graph->allocator, live);
    return davit_graph_sort(graph, diag);
}
