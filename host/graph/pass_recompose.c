#include "davit/passes.h"

#include "recompose.h"

davit_status davit_pass_recompose(davit_graph *graph, const davit_diagnostics *diag)
{
    davit_uses uses;
    davit_status status = davit_uses_build(graph, &uses);
    for (size_t n = 0; n < graph->order_count && status == DAVIT_OK; n++) {
        status = davit_recompose_activation(graph, graph->order[n], &uses);
        if (status == DAVIT_OK) {
            status = davit_recompose_layer_norm(graph, graph->order[n], &uses);
        }
    }
    davit_uses_clear(&uses);
    if (status != DAVIT_OK) {
        return davit_fail(diag, status, "out of memory while recomposing operators");
    }
    status = davit_graph_sort(graph, diag);
    return status == DAVIT_OK ? davit_pass_remove_dead(graph, diag) : status;
}
