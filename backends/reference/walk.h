/* Walks of N-dimensional index spaces and strided copies, written once for all kernels.
 *
 *     davit_walk walk = davit_walk_make(rank, dims);
 *     davit_walk_add(&walk, strides_of_a);
 *     davit_walk_add(&walk, strides_of_b);
 *     for (bool more = davit_walk_start(&walk); more; more = davit_walk_next(&walk)) {
 *         ... a[walk.offset[0]], b[walk.offset[1]], walk.index[] ...
 *     }
 *
 * The last dimension runs fastest. All functions are reentrant and cannot fail. */
#ifndef DAVIT_REFERENCE_WALK_H
#define DAVIT_REFERENCE_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "davit/tensor.h"

/* Twice DAVIT_MAX_RANK: Tile splits every dimension in two. */
#define DAVIT_WALK_RANK 16
#define DAVIT_WALK_OPERANDS 3

typedef struct davit_walk {
    int rank;
    int operands;
    int64_t dims[DAVIT_WALK_RANK];
    int64_t index[DAVIT_WALK_RANK];
    /* In elements, of any sign; 0 repeats the operand along that dimension. */
    int64_t strides[DAVIT_WALK_OPERANDS][DAVIT_WALK_RANK];
    int64_t offset[DAVIT_WALK_OPERANDS]; /* sum of index * stride */
} davit_walk;

/* A walk over dims (rank of them, at most DAVIT_WALK_RANK) without operands. */
davit_walk davit_walk_make(int rank, const int64_t *dims);

/* Adds an operand; the first one gets offset[0]. At most DAVIT_WALK_OPERANDS. */
void davit_walk_add(davit_walk *walk, const int64_t *strides);

/* Drops dimensions of 1 and merges neighbours that every operand passes through as one. Index
 * then no longer names the original dimensions. */
void davit_walk_collapse(davit_walk *walk);

/* Goes to the first position; false when there is none (a dimension of 0). Rank 0 has one. */
bool davit_walk_start(davit_walk *walk);

/* Goes to the next position; false after the last one. */
bool davit_walk_next(davit_walk *walk);

/* Row-major strides of dense dims. */
void davit_dense_strides(int rank, const int64_t *dims, int64_t *strides);

/* Strides with which a dense tensor is read as if broadcast (numpy rules) to dims: 0 along repeated
 * dimensions. */
void davit_broadcast_strides(const davit_tensor_desc *desc, int rank, const int64_t *dims,
                             int64_t *strides);

/* Copies elements over the whole of a walk with two operands: to (operand 0) and from (operand 1),
 * which point at index 0 and must not overlap. elem_bytes is 1, 2, 4 or 8. Contiguous runs are
 * copied as bytes. The walk is collapsed and used up. */
void davit_walk_copy(davit_walk *walk, size_t elem_bytes, void *to, const void *from);

#endif
