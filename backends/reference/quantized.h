/* Kernels of the quantized family that live in a file of their own: products of integers. */
#ifndef DAVIT_REFERENCE_QUANTIZED_H
#define DAVIT_REFERENCE_QUANTIZED_H

#include "kernel.h"

davit_status davit_run_conv_integer(const davit_kernel_call *call);
davit_status davit_run_matmul_integer(const davit_kernel_call *call);
davit_status davit_run_qlinear_conv(const davit_kernel_call *call);
davit_status davit_run_qlinear_matmul(const davit_kernel_call *call);

/* saturate(nearest_even(value) + zero) for u8, s8, u16 or s16, as ONNX defines; NaN gives the
 * type's least value. */
double davit_round_and_saturate(double value, double zero, davit_dtype dtype);

#endif
