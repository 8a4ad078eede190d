/* Random products of davit/gpu_product.h, packed as it says, and what comes out by definition. */
#ifndef DAVIT_TEST_CUDA_PRODUCT_CASE_H
#define DAVIT_TEST_CUDA_PRODUCT_CASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "davit/gpu_product.h"

typedef struct product_case {
    davit_gpu_product_params p;
    bool s8;
    size_t x_bytes, w_bytes, y_bytes, channels;
    void *x, *w, *residual; /* residual NULL: none */
    float *bias, *scale;    /* bias NULL: none */
    int32_t *correction;
    void *y, *expected;
    double *weight; /* expected |sum|, for the tolerance of f32 */
} product_case;

typedef enum product_kind {
    PRODUCT_ANY,       /* also matrix products and groups */
    PRODUCT_DEPTHWISE, /* groups of one channel, channels a multiple of 4 */
    PRODUCT_PADDED     /* any whose weights are padded: more than one channel a group */
} product_kind;

/* Makes a case and computes `expected`. operations: about how many multiplications at most. */
void product_case_make(product_case *c, product_kind kind, bool s8, uint64_t seed,
                       size_t operations);
void product_case_free(product_case *c);

/* One line that says which it is. */
void product_case_text(const product_case *c, char *text, size_t bytes);

/* Bytes (s8), or elements beyond the tolerance, of y that are wrong; *first is where. relative: of
 * the sum of magnitudes. */
size_t product_case_compare(const product_case *c, double relative, size_t *first);

#endif
