/* Integer operators: what quantised models are lowered to, before and independent of placement.
 *
 * They are nodes of the domain "davit", made by davit_pass_lower_integer and never read from files.
 * Each stands for several nodes of the file (dequantise, operator, activation, quantise) or for one
 * QLinear operator, and means what davit/requantize.h, davit/quantize_weights.h and
 * davit/quantize_table.h define: the same bytes on every device. Their units are single nodes; what
 * would be an epilogue (bias, residual, clip) is inside.
 *
 * Types: x, a, b, residual and y are u8 or s8, each with its own scale and zero point. Weights are
 * s8, or s16 where w - zw needs 9 bits (davit_weights_fit); their zero point has been subtracted.
 *
 *   operator              inputs (absent ones as in ONNX)             attributes besides the common
 *   IntegerConv           x, w [M, C/g, k...], bias s32 [M], residual strides pads dilations group
 *   IntegerConvTranspose  x, w [C, M/g, k...], bias s32 [M], residual the same, output_padding
 *   IntegerMatMul         x [..., K], w [K, N], bias s32 [N], residual
 *   IntegerProduct        a, b: as MatMul, neither constant          a_scale a_zero b_scale b_zero
 *   IntegerAdd            a, b: broadcast as Add                     a_scale a_zero b_scale b_zero
 *   IntegerMul            a, b: broadcast as Mul                     a_scale a_zero b_scale b_zero
 *   IntegerAveragePool    x                                          kernel_shape strides pads
 *                                                                    dilations count_include_pad
 *                                                                    ceil_mode
 *   IntegerLookup         x, table u8 or s8 [256]                    none, not even the common
 *   IntegerResize         x, y of rank 4, linear over the last two   those of Resize; inputs 1 to 3
 *                         axes                                       are roi, scales, sizes
 *   IntegerSoftmax        x                                          axis
 *
 * IntegerLookup gives table[byte of x]; the byte is q for u8 and q's two's complement for s8. It is
 * requantisation between different scales, and every function of one value: sigmoid, hardswish, ...
 * Maximum pooling, concat, nearest resize and movement need no operator of their own: the ONNX ones
 * run on the bytes, behind an IntegerLookup where scales differ.
 *
 * Common attributes (real units; all scales are positive and normal):
 *   x_scale (float), x_zero (int); w_scale (floats, 1 or M or N);
 *   y_scale (float), y_zero (int), y_type (int, DAVIT_U8 or DAVIT_S8);
 *   residual_scale (float), residual_zero (int): exactly where there is a residual;
 *   low, high (float): bounds of the activation in real units, -INFINITY and INFINITY if none. */
#ifndef DAVIT_INTEGER_H
#define DAVIT_INTEGER_H

#include "davit/graph.h"
#include "davit/requantize.h"

/* Reads the attributes of a node above. Absent ones are 1 for scales, 0 for zero points, none for
 * bounds. */
davit_quant8 davit_integer_x(const davit_graph *graph, const davit_node *node);
davit_quant8 davit_integer_a(const davit_graph *graph, const davit_node *node);
davit_quant8 davit_integer_b(const davit_graph *graph, const davit_node *node);
davit_result_spec davit_integer_result(const davit_node *node);

/* The requantisation of IntegerConv, IntegerConvTranspose, IntegerMatMul: everything that
 * davit_requantization_prepare needs. channels is M or N. Pointers belong to the graph. */
davit_requantization_spec davit_integer_requantization(const davit_graph *graph,
                                                       const davit_node *node);

/* True for the operators above. */
bool davit_op_is_integer(davit_op op);

#endif
