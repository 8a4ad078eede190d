/* What patterns are made of: who computes a value, and operands that are one constant number. */
#ifndef DAVIT_MATCH_H
#define DAVIT_MATCH_H

#include "davit/graph.h"

/* The node that computes value, when its operator is op, else NULL. */
const davit_node *davit_match_producer(const davit_graph *graph, davit_value_id value, davit_op op);

/* True when found is expected up to the rounding of constants of that type. */
bool davit_match_number(davit_dtype dtype, double found, double expected);

/* Splits an Add or Mul of a value and one constant number, in either order, whose result has the
 * shape of the value; false when node is anything else. */
bool davit_match_with_number(const davit_graph *graph, const davit_node *node, davit_value_id *x,
                             double *number);

/* Splits x * number or x / number; factor is what x is multiplied by. */
bool davit_match_scaled(const davit_graph *graph, davit_value_id value, davit_value_id *x,
                        double *factor);

#endif
