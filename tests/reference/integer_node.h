/* One node of an integer operator (davit/integer.h) with its tensors, for tests that make them by
 * the thousand. What fails fails the test. */
#ifndef DAVIT_TEST_INTEGER_NODE_H
#define DAVIT_TEST_INTEGER_NODE_H

#include "unit_test.h"

#include "davit/integer.h"

#define INTEGER_NODE_INPUTS 4
#define INTEGER_NODE_ATTRIBUTES 20

typedef struct integer_node {
    davit_graph *graph;
    davit_op op;
    davit_tensor *inputs[INTEGER_NODE_INPUTS]; /* NULL: absent; constants of the graph */
    davit_tensor *y;                           /* after integer_node_run */
    davit_value_id ids[INTEGER_NODE_INPUTS];
    davit_attribute attributes[INTEGER_NODE_ATTRIBUTES];
    uint32_t attribute_count;
} integer_node;

void integer_node_init(integer_node *n, davit_op op);
void integer_node_clear(integer_node *n);

/* Makes input i, of zeros, and returns it. */
davit_tensor *integer_node_input(integer_node *n, int i, davit_dtype dtype, int rank,
                                 const int64_t *dims);

/* Attributes; lists are borrowed until integer_node_run. Types are written as name_scale and
 * name_zero, for name "y" also y_type. */
void integer_node_int(integer_node *n, const char *name, int64_t value);
void integer_node_float(integer_node *n, const char *name, float value);
void integer_node_string(integer_node *n, const char *name, const char *value);
void integer_node_ints(integer_node *n, const char *name, size_t count, const int64_t *values);
void integer_node_floats(integer_node *n, const char *name, size_t count, const float *values);
void integer_node_type(integer_node *n, char name, const davit_quant8 *type);
void integer_node_result(integer_node *n, const davit_result_spec *y);

/* Infers the node and computes y with the reference kernel. */
void integer_node_run(integer_node *n);

#endif
