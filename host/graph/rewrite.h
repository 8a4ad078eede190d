/* Changes of nodes in place, for passes: names and order stay as they are. */
#ifndef DAVIT_REWRITE_H
#define DAVIT_REWRITE_H

#include "davit/graph.h"

/* Gives a node another operator, other inputs and attributes; name and outputs stay, and those of
 * spec are not looked at. Returns DAVIT_OUT_OF_MEMORY with the node unchanged. */
DAVIT_NODISCARD davit_status davit_graph_rewrite_node(davit_graph *graph, davit_node_id node,
                                                      const davit_node_spec *spec);

/* Makes node `to` compute the first output of node `from`, which is removed. The first output of
 * `to` is then computed by nobody and must have no use left. */
void davit_graph_move_output(davit_graph *graph, davit_node_id from, davit_node_id to);

#endif
