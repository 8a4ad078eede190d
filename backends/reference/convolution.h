/* Convolution and transposed convolution of every type, in any number of spatial dimensions, as
 * products of the weights with the windows of the input. */
#ifndef DAVIT_REFERENCE_CONVOLUTION_H
#define DAVIT_REFERENCE_CONVOLUTION_H

#include "kernel.h"

typedef struct davit_convolution {
    const davit_kernel_call *call; /* its node's attributes, checked by inference */
    const davit_tensor *x;         /* [N, C, spatial...] */
    const davit_tensor *w;         /* [M, C / group, kernel...]; transposed: [C, M / group, ...] */
    bool transposed;
    double x_zero;        /* subtracted from x; padding contributes 0 */
    const double *w_zero; /* NULL, or [M]: subtracted from the weights of each output channel */
    void *user;
    /* Takes the sums of count outputs of a channel, from index first of the output tensor. */
    void (*store)(void *user, int64_t channel, int64_t first, int64_t count, const double *sums);
} davit_convolution;

/* Computes the sums; exact for 8-bit operands, in f64 for all others. Reentrant. Returns
 * DAVIT_OUT_OF_MEMORY. */
DAVIT_NODISCARD davit_status davit_convolution_run(const davit_convolution *convolution);

#endif
