/* Matrix products of every type, stacked and broadcast as numpy's matmul. */
#ifndef DAVIT_REFERENCE_MATMUL_H
#define DAVIT_REFERENCE_MATMUL_H

#include "kernel.h"
#include "walk.h"

/* A dense or strided matrix within a tensor. */
typedef struct davit_matrix {
    const davit_tensor *tensor;
    int64_t offset, row_stride, column_stride; /* in elements */
    const double *zero; /* NULL, or subtracted: one for each row (left) or column (right operand) */
} davit_matrix;

/* Where sums belong. */
typedef struct davit_matmul_place {
    int64_t batch_a, batch_b; /* which matrix of each operand */
    int64_t row, column;      /* of the first sum; the others follow in the row */
    int64_t out;              /* its index in the output tensor */
} davit_matmul_place;

typedef struct davit_matmul {
    const davit_allocator *allocator;
    const davit_tensor *a, *b;
    const davit_tensor_desc *y;
    const double *a_zero; /* NULL, or [matrices of a][rows], subtracted */
    const double *b_zero; /* NULL, or [matrices of b][columns] */
    void *user;
    void (*store)(void *user, const davit_matmul_place *place, int64_t count, const double *sums);
} davit_matmul;

/* Sizes of a stacked product; vectors count as a row (a) or a column (b). */
typedef struct davit_matmul_shape {
    int64_t rows, columns, depth;
    int64_t a_matrices, b_matrices;
} davit_matmul_shape;

davit_matmul_shape davit_matmul_sizes(const davit_tensor_desc *a, const davit_tensor_desc *b);

/* Goes through the pairs of matrices of a stacked product, in the order of the output. */
typedef struct davit_matmul_walk {
    davit_walk walk;
    davit_matmul_shape shape;
    davit_matrix a, b; /* the current pair */
    int64_t batch_a, batch_b;
    int64_t out; /* index of the pair's first element in the output */
} davit_matmul_walk;

/* Goes to the first pair, or the next one; false when there is none. */
bool davit_matmul_walk_start(davit_matmul_walk *walk, const davit_tensor *a, const davit_tensor *b,
                             const davit_tensor_desc *y);
bool davit_matmul_walk_next(davit_matmul_walk *walk);

/* Computes the sums in f64 (exact for 8-bit operands). Reentrant. Returns DAVIT_OUT_OF_MEMORY. */
DAVIT_NODISCARD davit_status davit_matmul_run(const davit_matmul *matmul);

/* One product of shape->rows x shape->depth by shape->depth x shape->columns. */
typedef struct davit_matrix_product {
    davit_matrix a, b;
    davit_matmul_shape shape;
    void *user;
    void (*store)(void *user, int64_t row, int64_t column, int64_t columns, const double *sums);
} davit_matrix_product;

DAVIT_NODISCARD davit_status davit_matrix_product_run(const davit_matrix_product *product,
                                                      const davit_allocator *allocator);

#endif
