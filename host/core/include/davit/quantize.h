/* Linear quantisation: rounding, what a scale and a zero point may be, and the standalone
 * QuantizeLinear, DequantizeLinear and DynamicQuantizeLinear.
 *
 * This header, davit/requantize.h (convolution, GEMM, add, multiply, pooling, resize),
 * davit/quantize_weights.h (weights and the bound of accumulators) and davit/quantize_table.h
 * (functions of one value, softmax) are the definition of Davit's integer arithmetic. Every backend
 * and kernel gives these bytes; tests/golden holds vectors that prove it.
 *
 * Arithmetic. Every step written with f32 operands is one IEEE 754 binary32 operation with one
 * rounding to nearest even. Nothing is contracted into a fused multiply-add and nothing is kept in
 * wider registers: the project is compiled with -ffp-contract=off, and this header refuses x87
 * evaluation and -ffast-math. Callers run in the default floating-point environment (round to
 * nearest); only the conversions to integer below do not depend on it. No function here calls the
 * machine's libm.
 *
 * All functions of the four headers are reentrant, borrow their pointers for the call and allocate
 * nothing. */
#ifndef DAVIT_QUANTIZE_H
#define DAVIT_QUANTIZE_H

#include <float.h>
#include <stddef.h>
#include <stdint.h>

#include "davit/tensor.h"

#if FLT_EVAL_METHOD != 0
#error "f32 arithmetic is evaluated in a wider type here: compile with -msse2 -mfpmath=sse"
#endif
#ifdef __FAST_MATH__
#error "-ffast-math changes the bytes of quantised networks"
#endif

/* Why something was refused: one clause without a full stop, "scale 3 of the weights is zero", for
 * the caller to put behind the name of a node. */
typedef struct davit_reason {
    char text[128];
} davit_reason;

/* The integer nearest to t, the even one of two. |t| < 2^31. Does not depend on the rounding
 * mode: it truncates, and decides by the rest, which is exact. */
static inline int32_t davit_round_half_even(float t)
{
    int32_t whole = (int32_t)t;
    float rest = t - (float)whole;
    if (rest > 0.5f || (rest == 0.5f && (whole & 1) != 0)) {
        return whole + 1;
    }
    if (rest < -0.5f || (rest == -0.5f && (whole & 1) != 0)) {
        return whole - 1;
    }
    return whole;
}

/* t within [low, high]; low when t is NaN, as maxps(t, low), fmaxf(t, low) and CUDA's and OpenCL's
 * fmax give it. high wins when low > high, as in ONNX Clip. */
static inline float davit_clamp(float t, float low, float high)
{
    float raised = t > low ? t : low;
    return raised < high ? raised : high;
}

/* The 8-bit type of a value: real = (q - zero) * scale. dtype is DAVIT_U8 or DAVIT_S8. */
typedef struct davit_quant8 {
    davit_dtype dtype;
    float scale;
    int32_t zero;
} davit_quant8;

/* Element i of 8-bit values. */
static inline int32_t davit_load8(const void *data, davit_dtype dtype, size_t i)
{
    return dtype == DAVIT_U8 ? (int32_t)((const uint8_t *)data)[i] : ((const int8_t *)data)[i];
}

/* Stores a value that the type can hold. */
static inline void davit_store8(void *data, size_t i, int32_t q)
{
    ((uint8_t *)data)[i] = (uint8_t)q;
}

/* Least and greatest value of u8, s8, u16, s16, s32; 0 for other types. */
int32_t davit_quantized_low(davit_dtype dtype);
int32_t davit_quantized_high(davit_dtype dtype);

/* What makes a scale unusable: "is not a number", "is infinite", "is negative", "is zero",
 * "is denormal". NULL when it is a positive normal number. */
const char *davit_scale_defect(float scale);

/* Returns DAVIT_OK, or DAVIT_BAD_DATA with the reason: a type that is not u8 or s8, an unusable
 * scale, a zero point out of the type's range. what names the value ("the input") in it; reason
 * may be NULL. */
DAVIT_NODISCARD davit_status davit_quant8_check(const davit_quant8 *type, const char *what,
                                                davit_reason *reason);

/* The same for a tensor of u8, s8, u16, s16 or s32 with its quantization: one scale, or one for
 * each slice along the axis; all zero points of s32 are 0. Also refuses a number of scales that is
 * neither 1 nor that of the slices, and an axis that the tensor does not have. */
DAVIT_NODISCARD davit_status davit_quantization_check(const davit_tensor_desc *desc,
                                                      const char *what, davit_reason *reason);

/* QuantizeLinear (ONNX opset 21) of dense row-major elements:
 *
 *   q = saturate(round_half_even(x / scale) + zero)     one f32 division
 *
 * The zero point is added after rounding, unlike in requantisation. NaN becomes the type's least
 * value; infinities saturate.
 *
 * desc  of the result: u8, s8, u16 or s16, checked by davit_quantization_check.
 * x, q  davit_tensor_desc_elems(desc) elements each, not overlapping. */
void davit_quantize(const davit_tensor_desc *desc, const float *x, void *q);

/* DequantizeLinear: x = float(q - zero) * scale, one f32 multiplication after the exact difference
 * (of s32: rounded once to f32). desc describes q, which may also be s32. */
void davit_dequantize(const davit_tensor_desc *desc, const void *q, float *x);

/* The u8 type of DynamicQuantizeLinear for these elements:
 *
 *   low = min(0, x...), high = max(0, x...)
 *   scale = (high - low) / 255
 *   zero = round_half_even(clamp(0 - low / scale, 0, 255))
 *
 * Where ONNX leaves a division by 0 (all elements 0, or none) and where scale would be denormal,
 * scale is 1 and zero is 0. NaN elements are ignored; a scale above FLT_MAX is FLT_MAX. */
davit_quant8 davit_dynamic_quantization(const float *x, size_t count);

#endif
