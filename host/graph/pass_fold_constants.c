#include "davit/passes.h"

#include "evaluate.h"

/* How much larger than what it is computed from a folded constant may be. */
#define MAX_GROWTH_BYTES ((uint64_t)16 << 20)

davit_status davit_pass_fold_constants(davit_graph *graph, const davit_evaluator *evaluator,
                                       const davit_diagnostics *diag)
{
    davit_status status = DAVIT_OK;
    for (size_t n = 0; n < graph->order_count && status == DAVIT_OK; n++) {
        const davit_node *node = &graph->nodes[graph->order[n]];
        bool known = davit_op_reads_shape_only(node->op->op) ||
                     (evaluator && davit_node_is_constant(graph, node));
        if (known && davit_node_output_bytes(graph, node) <=
                         davit_node_input_bytes(graph, node) + MAX_GROWTH_BYTES) {
            status = davit_graph_evaluate(graph, graph->order[n], evaluator, diag);
        }
    }
    return status == DAVIT_OK ? davit_graph_sort(graph, diag) : status;
}
