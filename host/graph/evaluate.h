/* Evaluation of nodes whose inputs are all constant, for inference and for constant folding. */
#ifndef DAVIT_EVALUATE_H
#define DAVIT_EVALUATE_H

#include "davit/infer.h"

/* True when every input is absent or constant, and the result does not depend on chance. */
bool davit_node_is_constant(const davit_graph *graph, const davit_node *node);

/* Shape and Size: what they compute is known once their input has a shape. */
bool davit_op_reads_shape_only(davit_op op);

/* Bytes of all outputs, and of all inputs, of an inferred node. */
uint64_t davit_node_output_bytes(const davit_graph *graph, const davit_node *node);
uint64_t davit_node_input_bytes(const davit_graph *graph, const davit_node *node);

/* Makes the outputs of an inferred Shape or Size, or of any other inferred node whose inputs are
 * all constant, constants, and removes the node. */
DAVIT_NODISCARD davit_status davit_graph_evaluate(davit_graph *graph, davit_node_id node,
                                                  const davit_evaluator *evaluator,
                                                  const davit_diagnostics *diag);

#endif
