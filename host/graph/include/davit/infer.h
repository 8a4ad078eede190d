/* Binding of inputs, inference of shapes and types, and evaluation of what is constant.
 *
 * Shapes are static once a graph is bound: inference walks the nodes in topological order and
 * evaluates, as it goes, nodes whose inputs are all known when a shape depends on them (Shape ->
 * Gather -> Concat -> Reshape); their results are constants from then on and the nodes removed. Where a shape depends on the value of a graph input (Reshape with
 * its shape as an input), that input is a *shape input* (TensorRT's term): its value must be given
 * when the graph is bound and becomes a constant. Operators whose output shape depends on computed
 * data (NonZero) are supported only where their input is constant. */
#ifndef DAVIT_INFER_H
#define DAVIT_INFER_H

#include "davit/graph.h"

/* Computes one node whose inputs are all constant. Given by the caller, since kernels live in
 * backends: davit_reference_evaluator() is one. */
typedef struct davit_evaluator {
    /* Computes outputs[i] (tensors created dense with the inferred shape by the caller; NULL for
     * outputs that nobody asked for) of node from inputs (NULL for absent ones). */
    davit_status (*evaluate)(void *user, const davit_graph *graph, const davit_node *node,
                             const davit_tensor *const *inputs, davit_tensor *const *outputs,
                             const davit_diagnostics *diag);
    void *user;
} davit_evaluator;

/* What is given for one graph input at binding. */
typedef struct davit_binding {
    const char *name;
    int rank; /* -1: not given; that of value, else the declaration must say all */
    int64_t dims[DAVIT_MAX_RANK];
    const davit_tensor *value; /* NULL, or the input's value: used if it is a shape input; borrowed
                                  for the graph's life */
} davit_binding;

/* Binds inputs to shapes: the given ones, else the declared ones. A symbol must get one value
 * everywhere; symbols that stay unbound are an error that names the input, the symbol and --shape.
 * A given shape that contradicts the declaration (rank, fixed dimension) is refused.
 * Then infers the whole graph, in place. evaluator may be NULL: then nothing is evaluated, and
 * what needs it is refused. On failure the graph is only good for davit_graph_destroy. */
DAVIT_NODISCARD davit_status davit_graph_bind(davit_graph *graph, const davit_binding *bindings,
                                              size_t binding_count,
                                              const davit_evaluator *evaluator,
                                              const davit_diagnostics *diag);

/* Infers a single node again, after a pass has changed it: its inputs must be inferred. */
DAVIT_NODISCARD davit_status davit_graph_infer_node(davit_graph *graph, davit_node_id node,
                                                    const davit_diagnostics *diag);

/* ---- for the infer functions of the operator table ---- */

typedef struct davit_infer {
    davit_graph *graph;
    const davit_node *node;
    const davit_diagnostics *diag;
} davit_infer;

/* Reports "node 'NAME' (Op): text" and returns status. */
DAVIT_PRINTF(3, 4) davit_status davit_infer_fail(const davit_infer *infer, davit_status status,
                                                 const char *format, ...);
/* Number of inputs as written (trailing absent ones included). */
int davit_infer_input_count(const davit_infer *infer);
/* Description of input i; NULL when absent. */
const davit_tensor_desc *davit_infer_input(const davit_infer *infer, int i);
/* The constant of input i; NULL when absent or not constant. */
const davit_tensor *davit_infer_constant(const davit_infer *infer, int i);
/* Reads the constant integer tensor (s32 or s64, rank 0 or 1) of input i into values (at most
 * capacity, *count set). */
DAVIT_NODISCARD davit_status davit_infer_ints(const davit_infer *infer, int i, int64_t *values,
                                              size_t capacity, size_t *count);
/* Sets output i; checks dims and size. A call for an absent output does nothing. */
DAVIT_NODISCARD davit_status davit_infer_output(davit_infer *infer, int i, davit_dtype dtype,
                                                int rank, const int64_t *dims);
/* True when output i exists. */
bool davit_infer_has_output(const davit_infer *infer, int i);
/* axis in [-rank, rank) made non-negative, or DAVIT_BAD_DATA. */
DAVIT_NODISCARD davit_status davit_infer_axis(const davit_infer *infer, int64_t axis, int rank,
                                              int *out);
/* Multidirectional (numpy) broadcast of two shapes. */
DAVIT_NODISCARD davit_status davit_infer_broadcast(const davit_infer *infer, int rank_a,
                                                   const int64_t *a, int rank_b, const int64_t *b,
                                                   int *rank, int64_t *dims);

#endif
