/* Rewrites of a bound graph. Each pass is one file with a test of its own, leaves the graph sorted
 * and inferred, and never changes a graph output's name, shape or type. */
#ifndef DAVIT_PASSES_H
#define DAVIT_PASSES_H

#include "davit/graph.h"
#include "davit/infer.h"

/* Rewrites quantised networks to integer operators (davit/integer.h): DequantizeLinear, operators,
 * QuantizeLinear as quantisers write them, and QLinearConv and QLinearMatMul. It defines the
 * results, so it runs first and whatever else is switched off.
 *
 * The value that a QuantizeLinear with one constant scale reads is computed on bytes where it is
 * - a convolution, transposed convolution, Gemm or MatMul of a quantised value and quantised
 * constant weights (one scale, or one for each output channel), with a bias, a quantised residual
 * added, and Relu or Clip; or a MatMul of two quantised values;
 * - Add, Mul, AveragePool, GlobalAveragePool, ReduceMean over the image, Softmax or linear Resize
 * of quantised values, with Relu or Clip;
 * - any function of one quantised value made of element-wise operators and constant numbers: a
 *   table;
 * - any of these behind operators that move values or pick the greatest (Reshape, Concat, MaxPool,
 *   ...), which then work on bytes.
 * A bias is s32 in units of x_scale * w_scale: taken as it is where that is its scale, else its
 * real value rounded to the nearest unit, half to even. Results differ from the f32 operators by
 * rounding alone: at most one step of the output. Sums that could leave s32 are lowered like
 * others: the operators mean exact sums, and kernels widen (davit_integer_bound).
 *
 * What stays f32 is listed in graph->kept with the reason, which is logged too. Refused as
 * DAVIT_BAD_DATA, naming the node: a constant scale that is zero, negative, denormal, infinite or
 * NaN (of an s32 bias: negative, infinite or NaN), a zero point of s32 that is not 0.
 *
 * evaluator may be NULL: then constants are not computed, and weights that are quantised by nodes
 * stay f32. */
DAVIT_NODISCARD davit_status davit_pass_lower_integer(davit_graph *graph,
                                                      const davit_evaluator *evaluator,
                                                      const davit_diagnostics *diag);

/* Evaluates every node whose inputs are constant, and Shape and Size of anything, except random
 * ones, and those whose result would be more than 16 MiB larger than their inputs (Expand,
 * ConstantOfShape). evaluator NULL: only Shape and Size. */
DAVIT_NODISCARD davit_status davit_pass_fold_constants(davit_graph *graph,
                                                       const davit_evaluator *evaluator,
                                                       const davit_diagnostics *diag);

/* Removes what does not change a value: Identity, Dropout at inference, Cast to the same type,
 * Reshape/Transpose/Expand/Tile/Slice/Pad that do nothing, Split into one, Concat and Sum of one
 * input, multiplication and division by 1. A copy of a graph input, of a constant or of another
 * graph output to a graph output stays. */
DAVIT_NODISCARD davit_status davit_pass_remove_identities(davit_graph *graph,
                                                          const davit_diagnostics *diag);

/* Removes nodes that no graph output depends on. */
DAVIT_NODISCARD davit_status davit_pass_remove_dead(davit_graph *graph,
                                                    const davit_diagnostics *diag);

/* Folds BatchNormalization (inference form, constant parameters) and Add, Sub, Mul, Div of
 * constants that change along the channels only into the constant weights and bias of the
 * convolution, transposed convolution, Gemm or MatMul before, where that result has no other use. A
 * whole chain is multiplied out in f64 and rounded once; it stays where the result would not be
 * finite. A MatMul of matrices that gets a bias becomes a Gemm; one of higher rank takes factors
 * only. */
DAVIT_NODISCARD davit_status davit_pass_fold_batch_norm(davit_graph *graph,
                                                        const davit_diagnostics *diag);

/* Recognises decomposed operators and makes them one node: GELU by erf and by tanh, x*sigmoid(x)
 * (Silu), x*hardsigmoid(x) and clip(x+3,0,6)*x/6 (HardSwish), clip(x+3,0,6)/6 (HardSigmoid),
 * LayerNormalization with its scale and bias; products in any order and association. Values are
 * those of the definition up to rounding. The last node of the old form becomes the new one and
 * keeps its name; what nothing reads any more is removed. */
DAVIT_NODISCARD davit_status davit_pass_recompose(davit_graph *graph,
                                                  const davit_diagnostics *diag);

/* Makes the units (graph->units): davit/graph.h says what they are. */
DAVIT_NODISCARD davit_status davit_pass_make_units(davit_graph *graph,
                                                   const davit_diagnostics *diag);

/* Makes a unit of each node, fusing nothing. */
DAVIT_NODISCARD davit_status davit_pass_make_single_units(davit_graph *graph,
                                                          const davit_diagnostics *diag);

/* All of the above in the right order, fused units last. */
DAVIT_NODISCARD davit_status davit_graph_optimize(davit_graph *graph,
                                                  const davit_evaluator *evaluator,
                                                  const davit_diagnostics *diag);

#endif
