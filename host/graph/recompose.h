/* The parts of davit_pass_recompose. A rewritten node keeps its name; what only the old form read
 * is left for davit_pass_remove_dead. */
#ifndef DAVIT_RECOMPOSE_H
#define DAVIT_RECOMPOSE_H

#include "davit/graph.h"
#include "uses.h"

/* Makes node an activation (Gelu, HardSigmoid, HardSwish, Silu) when it is the last of one written
 * as a product. Returns DAVIT_OUT_OF_MEMORY. */
DAVIT_NODISCARD davit_status davit_recompose_activation(davit_graph *graph, davit_node_id node,
                                                        const davit_uses *uses);

/* Makes the last node of a written-out layer normalisation whose division is node a
 * LayerNormalization. Returns DAVIT_OUT_OF_MEMORY. */
DAVIT_NODISCARD davit_status davit_recompose_layer_norm(davit_graph *graph, davit_node_id node,
                                                        const davit_uses *uses);

#endif
