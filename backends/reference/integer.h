/* Kernels of the integer family that live in files of their own (davit/integer.h says what they
 * compute), and what those with weights share. */
#ifndef DAVIT_REFERENCE_INTEGER_H
#define DAVIT_REFERENCE_INTEGER_H

#include "davit/integer.h"
#include "kernel.h"

davit_status davit_run_integer_conv(const davit_kernel_call *call);
davit_status davit_run_integer_conv_transpose(const davit_kernel_call *call);
davit_status davit_run_integer_matmul(const davit_kernel_call *call);
davit_status davit_run_integer_product(const davit_kernel_call *call);
davit_status davit_run_integer_average_pool(const davit_kernel_call *call);
davit_status davit_run_integer_resize(const davit_kernel_call *call);

/* Reports why arithmetic could not be prepared; returns status. */
davit_status davit_integer_refuse(const davit_kernel_call *call, davit_status status,
                                  const davit_reason *reason);

/* Writes q - zero for count elements of u8, s8 or s16, each stride after the one before. */
void davit_integer_load(const davit_tensor *tensor, int64_t first, int64_t stride, int64_t count,
                        int32_t zero, int16_t *values);

/* From the sums of an operator with weights to its result. */
typedef struct davit_integer_weighted {
    const davit_kernel_call *call;
    davit_requantization requantization;
    float *scale, *bias; /* [channels], owned */
    bool wide;           /* s32 sums could wrap */
} davit_integer_weighted;

/* Prepares IntegerConv, IntegerConvTranspose or IntegerMatMul. *out needs davit_integer_close
 * whatever this returns. */
DAVIT_NODISCARD davit_status davit_integer_open(const davit_kernel_call *call,
                                                davit_integer_weighted *out);
void davit_integer_close(davit_integer_weighted *result);

/* Stores the element of that index, which belongs to channel. */
void davit_integer_store(const davit_integer_weighted *result, int64_t index, int64_t channel,
                         int64_t sum);

#endif
