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
 * w, bias and table are constants. A residual has the shape of y. w of IntegerMatMul may lie in
 * memory as [N, K]: strides[0] of its tensor is then 1; all other constants are dense row-major.
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
 *   IntegerSoftmax        x                                          axis (-1)
 *
 * Padding of a convolution is real 0: it contributes nothing to a sum. auto_pad and output_shape
 * are read as in the ONNX operators.
 *
 * IntegerProduct is the exact sum of (a - a_zero) * (b - b_zero) over K, rescaled by
 * (a_scale * b_scale) / y_scale: davit_multiplication_prepare, then davit_rescale_one.
 *
 * IntegerResize refuses what is not linear, antialias and tf_crop_and_resize; the first two axes
 * keep their size. The source coordinates are those of davit_resize_coordinate.
 *
 * IntegerLookup gives table[byte of x]; the byte is q for u8 and q's two's complement for s8. It is
 * requantisation between different scales, and every function of one value: sigmoid, hardswish, ...
 * y has the type of the table. Maximum pooling, concat, nearest resize and movement need no operator
 * of their own: the ONNX ones run on the bytes, behind an IntegerLookup where scales differ.
 *
 * Common attributes (real units; all scales are positive and normal):
 *   x_scale (float), x_zero (int); w_scale (floats, 1 or M or N);
 *   y_scale (float), y_zero (int), y_type (int, DAVIT_U8 or DAVIT_S8; never absent);
 *   residual_scale (float), residual_zero (int): exactly where there is a residual;
 *   low, high (float): bounds of the activation in real units, -INFINITY and INFINITY if none.
 *
 * Inference prepares the arithmetic once, with the functions of the headers above: where it accepts
 * a node, the same preparation in a backend succeeds. */
#ifndef DAVIT_INTEGER_H
#define DAVIT_INTEGER_H

#include "davit/graph.h"
#include "davit/quantize_weights.h"
#include "davit/requantize.h"

/* Reads the attributes of a node above. Absent ones are 1 for scales, 0 for zero points, none for
 * bounds. Integers beyond s32 are read as its limits. */
davit_quant8 davit_integer_x(const davit_graph *graph, const davit_node *node);
davit_quant8 davit_integer_a(const davit_graph *graph, const davit_node *node);
davit_quant8 davit_integer_b(const davit_graph *graph, const davit_node *node);
davit_result_spec davit_integer_result(const davit_node *node);

/* The requantisation of IntegerConv, IntegerConvTranspose, IntegerMatMul: everything that
 * davit_requantization_prepare needs. channels is M or N. Pointers belong to the graph. */
davit_requantization_spec davit_integer_requantization(const davit_graph *graph,
                                                       const davit_node *node);

/* How large the accumulators of these three can become (davit_bound_exactness), for each channel.
 *
 * bound  [channels]. */
void davit_integer_bound(const davit_graph *graph, const davit_node *node, uint64_t *bound);

/* True when no sum of one of these three can leave s32, whatever the input holds; false also when
 * memory is short. */
bool davit_integer_fits_s32(const davit_graph *graph, const davit_node *node);

/* True for the operators above. */
bool davit_op_is_integer(davit_op op);

#endif
