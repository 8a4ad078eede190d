/* Sums of products of 8- and 9-bit integers: C = A * B exactly, the core of the integer
 * convolutions and matrix products. Elements are carried as s16, in which x - zx and w - zw fit. */
#ifndef DAVIT_REFERENCE_INTEGER_PRODUCT_H
#define DAVIT_REFERENCE_INTEGER_PRODUCT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "davit/allocator.h"

/* Columns of B that are held at once. */
#define DAVIT_INTEGER_PANEL 16

/* The stride of a row of A, and of a column of B, for sums of depth products: elements behind depth
 * are 0. */
size_t davit_integer_stride(int64_t depth);

typedef struct davit_integer_product {
    int64_t rows, columns, depth;
    const int16_t *a; /* [rows][davit_integer_stride(depth)] */
    bool wide;        /* s32 sums could wrap: they are made in s64 */
    void *user;       /* passed to the functions below */
    /* Writes the depth elements of a column of B. */
    void (*load_column)(void *user, int64_t column, int16_t *values);
    /* Takes C[row][column .. column + count), count <= DAVIT_INTEGER_PANEL. Called once for each
     * element. */
    void (*store)(void *user, int64_t row, int64_t column, int64_t count, const int64_t *sums);
} davit_integer_product;

/* Computes the product; with a depth of 0 the sums are 0. Reentrant. Returns
 * DAVIT_OUT_OF_MEMORY. */
DAVIT_NODISCARD davit_status davit_integer_product_run(const davit_integer_product *product,
                                                       const davit_allocator *allocator);

#endif
