/* Elementwise operators as functions over blocks of elements in two carrier types (block.h). */
#ifndef DAVIT_REFERENCE_ELEMENTWISE_H
#define DAVIT_REFERENCE_ELEMENTWISE_H

#include "kernel.h"

#define DAVIT_LANES 3

/* What a block function works on. f and s hold the operands, f for float nodes and s for integer
 * ones, NULL for absent inputs; the result replaces operand 0. A comparison writes 0 or 1 to s[0],
 * which does not overlap f. */
typedef struct davit_lanes {
    int64_t count;
    double *f[DAVIT_LANES];
    int64_t *s[DAVIT_LANES];
    bool is_u64[DAVIT_LANES]; /* s holds the operand modulo 2^64 */
    double attribute[2];
} davit_lanes;

typedef void (*davit_lane_function)(const davit_lanes *lanes);

/* A numeric attribute, or a string one that is 1 when it equals flag. */
typedef struct davit_lane_attribute {
    const char *name;
    float fallback;
    const char *flag;
} davit_lane_attribute;

typedef struct davit_elementwise {
    davit_lane_function f64; /* NULL: no float form */
    davit_lane_function s64; /* NULL: integers go through f64 */
    davit_lane_attribute attributes[2];
    davit_lane_function finish; /* after a fold, with the number of inputs as attribute[0] */
    bool is_predicate;          /* the result is in s[0] whatever the operands are */
    bool is_variadic;           /* folds all inputs, two at a time */
    davit_op op;
} davit_elementwise;

/* Entries of unary and of all other operators. */
const davit_elementwise *davit_elementwise_unary(davit_op op);
const davit_elementwise *davit_elementwise_nary(davit_op op);

/* The kernels: any operator of the two tables, and those with code of their own. */
davit_status davit_run_elementwise(const davit_kernel_call *call);
davit_status davit_run_cast(const davit_kernel_call *call);
davit_status davit_run_identity(const davit_kernel_call *call);
davit_status davit_run_dropout(const davit_kernel_call *call);
davit_status davit_run_where(const davit_kernel_call *call);

#endif
