/* Which nodes can be applied to the result of a convolution or matrix product, element by
 * element. */
#ifndef DAVIT_EPILOGUE_H
#define DAVIT_EPILOGUE_H

#include "davit/graph.h"

/* True for the anchors of units: Conv, ConvTranspose, Gemm, MatMul. */
bool davit_op_is_anchor(davit_op op);

/* The axis of a Conv's or ConvTranspose's channels or of a Gemm's or MatMul's columns in its
 * result; -1 when there are none (a matrix times a vector). */
int davit_anchor_channel_axis(const davit_graph *graph, const davit_node *anchor);

/* Describes node, which reads value (the result of the anchor or of an epilogue before) once and
 * nobody else does, as an epilogue of the anchor. False when it is none. */
bool davit_epilogue_match(const davit_graph *graph, const davit_node *anchor,
                          const davit_node *node, davit_value_id value, davit_epilogue *out);

#endif
