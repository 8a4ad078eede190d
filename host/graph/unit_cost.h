/* How much work a unit is: floating-point operations and bytes. */
#ifndef DAVIT_UNIT_COST_H
#define DAVIT_UNIT_COST_H

#include "davit/graph.h"

/* Operations of one inferred node: 2 per multiply-add of convolutions, matrix products and
 * recurrent layers; the rest is estimated from the sizes of what goes in and out; 0 for what only
 * moves data. */
uint64_t davit_node_flops(const davit_graph *graph, const davit_node *node);

#endif
