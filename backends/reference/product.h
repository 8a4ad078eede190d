/* Sums of products, the core of convolutions and matrix products of every type: C = A * B in f64,
 * a panel of columns at a time, so that the innermost loops are short, dense and vectorised.
 *
 * Products of f32 (and shorter) elements are exact in f64, as are sums of 8-bit products. */
#ifndef DAVIT_REFERENCE_PRODUCT_H
#define DAVIT_REFERENCE_PRODUCT_H

#include "davit/allocator.h"

#include <stdint.h>

/* Columns of B in a panel. */
#define DAVIT_PANEL 16

typedef struct davit_product {
    int64_t rows, columns, depth;
    void *user; /* passed to the functions below */
    /* Loads A[row][first .. first + count). */
    void (*load_row)(const void *user, int64_t row, int64_t first, int64_t count, double *values);
    /* Loads B[first .. first + count)[column .. column + columns) into panel[count][DAVIT_PANEL];
     * columns <= DAVIT_PANEL. The panel is zeroed where columns fall short. */
    void (*load_panel)(const void *user, int64_t first, int64_t count, int64_t column,
                       int64_t columns, double *panel);
    /* Takes C[row][column .. column + columns). Called once for each element. */
    void (*store)(void *user, int64_t row, int64_t column, int64_t columns, const double *sums);
} davit_product;

/* Computes the product; with a depth of 0 the sums are 0. Reentrant. Returns DAVIT_OUT_OF_MEMORY
 * when the scratch memory (below 1 MiB) cannot be had. */
DAVIT_NODISCARD davit_status davit_product_run(const davit_product *product,
                                               const davit_allocator *allocator);

#endif
