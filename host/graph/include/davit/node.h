/* What builders of programs ask of a node: its inputs, their descriptions and constants. Pure. */
#ifndef DAVIT_NODE_H
#define DAVIT_NODE_H

#include "davit/graph.h"

/* Number of inputs without trailing absent ones. */
uint32_t davit_node_input_count(const davit_node *node);
/* True when input i is there. */
bool davit_node_has_input(const davit_node *node, uint32_t i);
/* Description of input i, which is there. */
const davit_tensor_desc *davit_node_input(const davit_graph *graph, const davit_node *node,
                                          uint32_t i);
/* Description of output 0. */
const davit_tensor_desc *davit_node_output(const davit_graph *graph, const davit_node *node);
/* The constant of input i; NULL when absent or not constant. */
const davit_tensor *davit_node_constant(const davit_graph *graph, const davit_node *node,
                                        uint32_t i);
/* Integers of a constant s32 or s64 tensor, at most capacity; returns how many. */
size_t davit_constant_ints(const davit_tensor *tensor, int64_t *values, size_t capacity);
/* The one element of a constant f32 tensor; fallback when it is NULL. */
float davit_constant_float(const davit_tensor *tensor, float fallback);
/* An axis attribute or value made non-negative. */
int davit_node_axis(int64_t axis, int rank);

#endif
