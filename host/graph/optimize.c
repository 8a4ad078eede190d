#include "davit/passes.h"

davit_status davit_graph_optimize(davit_graph *graph, const davit_evaluator *evaluator,
                                  const davit_diagnostics *diag)
{
    size_t nodes = graph->order_count;
    davit_status status = davit_pass_remove_dead(graph, diag);
    /* Before constants are folded: quantised weights stay bytes. */
    if (status == DAVIT_OK) {
        status = davit_pass_lower_integer(graph, evaluator, diag);
    }
    if (status == DAVIT_OK) {
        status = davit_pass_fold_constants(graph, evaluator, diag);
    }
    if (status == DAVIT_OK) {
        status = davit_pass_remove_identities(graph, diag);
    }
    /* Before the folding of batch norms: x + 3 of a HardSwish is not a bias. */
    if (status == DAVIT_OK) {
        status = davit_pass_recompose(graph, diag);
    }
    if (status == DAVIT_OK) {
        status = davit_pass_fold_batch_norm(graph, diag);
    }
    if (status == DAVIT_OK) {
        status = davit_pass_make_units(graph, diag);
    }
    if (status == DAVIT_OK) {
        davit_log(diag, DAVIT_INFO, "%zu nodes, %zu after optimisation, in %zu units", nodes,
                  graph->order_count, graph->unit_count);
    }
    return status;
}
