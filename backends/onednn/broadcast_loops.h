/* Element-wise loops over two or three broadcast inputs, dense row-major, of any element type. */
#ifndef DAVIT_ONEDNN_BROADCAST_LOOPS_H
#define DAVIT_ONEDNN_BROADCAST_LOOPS_H

#include "builder.h"

#define DAVIT_ONEDNN_BROADCAST_INPUTS 3

/* Computes one row of n elements. strides[i] is 0 or 1: input i is one element or n. */
typedef void (*davit_onednn_row)(int64_t n, const void *const *inputs, const int64_t *strides,
                                 void *out);

/* The loop of an operator over inputs of a type; NULL when there is none. Where selects by its
 * first input; the type is that of the others. */
davit_onednn_row davit_onednn_row_of(davit_op op, davit_dtype dtype);

typedef struct davit_onednn_broadcast_params {
    davit_onednn_row row;
    int rank; /* after merging, >= 1 */
    int64_t dims[DAVIT_MAX_RANK];
    size_t input_count;
    int64_t strides[DAVIT_ONEDNN_BROADCAST_INPUTS][DAVIT_MAX_RANK]; /* elements; 0: broadcast */
    size_t elem_bytes[DAVIT_ONEDNN_BROADCAST_INPUTS];
    size_t out_bytes; /* of an element */
} davit_onednn_broadcast_params;

/* Fills everything but row for inputs and output of these dense descriptions. */
void davit_onednn_broadcast_prepare(davit_onednn_broadcast_params *params, size_t input_count,
                                    const davit_tensor_desc *const *inputs,
                                    const davit_tensor_desc *out);

/* The kernel: operands are the inputs, then the output. */
davit_status davit_onednn_run_broadcast(const davit_onednn_call *call);

#endif
