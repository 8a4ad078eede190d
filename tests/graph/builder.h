/* Small graphs for tests, and their evaluation by the reference kernels. Failures fail the test. */
#ifndef DAVIT_TEST_GRAPH_BUILDER_H
#define DAVIT_TEST_GRAPH_BUILDER_H

#include "unit_test.h"

#include "davit/passes.h"

#define BUILDER_MAX_ENDS 16

typedef struct builder {
    davit_graph *graph;
    davit_diagnostics_buffer diag;
} builder;

/* allocator NULL: the default one. */
void builder_init(builder *b, const davit_allocator *allocator);
void builder_clear(builder *b);

/* Adds a graph input; a dimension of -1 stays open. */
davit_value_id builder_input(builder *b, const char *name, davit_dtype dtype, int rank,
                             const int64_t *dims);
/* Adds a constant; values are copied. */
davit_value_id builder_constant(builder *b, davit_dtype dtype, int rank, const int64_t *dims,
                                const void *values);
/* Adds an f32 constant. */
davit_value_id builder_floats(builder *b, int rank, const int64_t *dims, const float *values);
davit_value_id builder_number(builder *b, float value);
/* An f32 constant of numbers in [-1, 1). */
davit_value_id builder_random(builder *b, int rank, const int64_t *dims, uint64_t *seed);
/* Adds an s64 list. */
davit_value_id builder_ints(builder *b, size_t count, const int64_t *values);

/* Adds a node with one output, called name (NULL: made up). Inputs end with a negative number when
 * there are fewer than three. */
davit_value_id builder_node(builder *b, davit_op op, const char *name, davit_value_id x,
                            davit_value_id y, davit_value_id z);
#define builder_unary(b, op, x) builder_node(b, op, NULL, x, DAVIT_NONE, DAVIT_NONE)
#define builder_binary(b, op, x, y) builder_node(b, op, NULL, x, y, DAVIT_NONE)
/* The same with attributes. */
davit_value_id builder_node_with(builder *b, const davit_node_spec *spec);

void builder_output(builder *b, davit_value_id value);

/* Binds to the declared shapes; asserts success. */
void builder_bind(builder *b);

/* Number of live nodes of an operator. */
size_t builder_count(const builder *b, davit_op op);
/* The only live node of an operator. */
const davit_node *builder_only(const builder *b, davit_op op);

/* Computes the first graph output of a bound graph: inputs get numbers in [-1, 1) from seed (the
 * same for inputs of the same name and shape). Free with davit_tensor_destroy. */
davit_tensor *builder_evaluate(const davit_graph *graph, size_t output, uint64_t seed);

/* Asserts that two f32 tensors have one shape, are finite, and differ by at most tolerance in
 * relative L2; bit by bit the same for tolerance 0. */
void builder_assert_close(const davit_tensor *a, const davit_tensor *b, double tolerance);

/* Binds the graph, runs the pass on it, and asserts that the first output is what it was before, up
 * to 1e-6 relative L2. */
void builder_compare_pass(builder *b,
                          davit_status (*pass)(davit_graph *graph, const davit_diagnostics *diag));

#endif
