/* Rewrites of a bound graph. Each pass is one file with a test of its own, leaves the graph sorted
 * and inferred, and never changes a graph output's name, shape or type. */
#ifndef DAVIT_PASSES_H
#define DAVIT_PASSES_H

#include "davit/graph.h"
#include "davit/infer.h"

/* Evaluates every node whose inputs are constant, except random ones, and those whose result would
 * be more than 16 MiB larger than their inputs (Expand, ConstantOfShape). */
DAVIT_NODISCARD davit_status davit_pass_fold_constants(davit_graph *graph,
                                                       const davit_evaluator *evaluator,
                                                       const davit_diagnostics *diag);

/* Removes what does not change a value: Identity, Dropout at inference, Cast to the same type,
 * Reshape/Transpose/Expand/Slice/Pad that do nothing, Concat and Sum of one input. */
DAVIT_NODISCARD davit_status davit_pass_remove_identities(davit_graph *graph,
                                                          const davit_diagnostics *diag);

/* Removes nodes that no graph output depends on. */
DAVIT_NODISCARD davit_status davit_pass_remove_dead(davit_graph *graph,
                                                    const davit_diagnostics *diag);

/* Folds BatchNormalization (inference form, constant parameters) and constant per-channel Mul/Add
 * into the convolution, transposed convolution or Gemm before it, where that result has no other
 * use; in f64, rounded once. */
DAVIT_NODISCARD davit_status davit_pass_fold_batch_norm(davit_graph *graph,
                                                        const davit_diagnostics *diag);

/* Recognises decomposed operators and makes them one node: Erf-GELU, x*sigmoid(x), x*hardsigmoid(x)
 * (HardSwish), clip(x+3,0,6)*x/6, LayerNormalization. Values are those of the definition up to
 * rounding. */
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
