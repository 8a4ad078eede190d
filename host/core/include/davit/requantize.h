/* The integer forms of convolution, GEMM, matmul, add, multiply, average pooling and linear resize:
 * from exact integer sums to 8-bit values. See davit/quantize.h for the arithmetic meant.
 *
 * A form is prepared once, on the host, when a unit is built; what a kernel then needs is a few f32
 * numbers. Two rules make every machine agree on these:
 *
 * - A factor (s, r, m below) is refused above 2^64 and is 0 when it, or the product of scales that
 *   it is made from, is below 2^-126 (a channel of weights that are almost 0 has such a factor).
 *   Bounds of an activation are cut to +-2^20, which is beyond every 8-bit value, and are 0 when
 *   denormal. So no step overflows, none makes a NaN, and the bytes do not depend on whether a
 *   machine flushes denormal numbers to 0.
 * - A factor that is multiplied and then added to something else (a residual, an operand of add)
 *   is rounded to 16 significant bits, nearest even: |q - zero| has at most 8, so the product is
 *   exact in f32 and a fused multiply-add gives the same bytes as two operations. */
#ifndef DAVIT_REQUANTIZE_H
#define DAVIT_REQUANTIZE_H

#include "davit/quantize.h"

/* The type of a result and the activation before it: low and high are bounds in real units,
 * -INFINITY and INFINITY for none, 0 and INFINITY for relu. With low > high all results are high.
 */
typedef struct davit_result_spec {
    davit_quant8 type;
    float low, high;
} davit_result_spec;

/* A prepared result: bounds in steps. */
typedef struct davit_result {
    davit_dtype dtype;
    int32_t zero;
    float low, high; /* real bounds / scale, one f32 division, cut to +-2^20 */
} davit_result;

/* Returns DAVIT_OK, or DAVIT_BAD_DATA with the reason: as davit_quant8_check, or a NaN bound. *out
 * is untouched then. */
DAVIT_NODISCARD davit_status davit_result_prepare(const davit_result_spec *spec, davit_result *out,
                                                  davit_reason *reason);

/* The end of convolution, GEMM and matmul with weights. The zero point is added before rounding, as
 * in the fast kernels:
 *
 *   t = min(max(t, low), high)
 *   t = t + float(zero)
 *   q = round_half_even(clamp(t, least of the type, greatest of the type)) */
int32_t davit_result_finish(const davit_result *result, float t);

/* The end of every other form. The zero point is added after rounding, as ONNX's QuantizeLinear
 * does; the two ends differ by one step on exact ties when it is odd:
 *
 *   t = min(max(t, low), high)
 *   q = clamp(round_half_even(t) + zero, least of the type, greatest of the type)
 *
 * Scales of weights make ties rare in convolutions. Elsewhere they are common (x + x with twice the
 * scale, a mean of two values with the same scale), and every second one would be off. */
int32_t davit_result_quantize(const davit_result *result, float t);

/* ---- convolution, GEMM, matmul ---- */

/* What a requantisation is made from. */
typedef struct davit_requantization_spec {
    davit_result_spec result;
    size_t channels;       /* of the output */
    float x_scale;         /* of the input */
    const float *w_scale;  /* [w_scale_count] */
    size_t w_scale_count;  /* 1 or channels */
    const int32_t *bias;   /* [bias_count], unit: x_scale * w_scale */
    size_t bias_count;     /* 0 (none) or channels */
    davit_quant8 residual; /* dtype DAVIT_DTYPE_NONE: no residual */
} davit_requantization_spec;

/* A prepared requantisation; scale and bias are the caller's arrays. */
typedef struct davit_requantization {
    davit_result result;
    size_t channels;
    const float *scale;         /* [channels], s[o] = (x_scale * w_scale[o]) / y_scale: f32 product,
                                 * then f32 quotient */
    const float *bias;          /* [channels], float(s32 bias); NULL: none */
    davit_dtype residual_dtype; /* DAVIT_DTYPE_NONE: no residual */
    int32_t residual_zero;
    float residual_scale; /* r = residual.scale / y_scale, f32 quotient, then 16 bits; 0 if none */
} davit_requantization;

/* Prepares a requantisation.
 *
 * scale  [channels], written and then borrowed by *out.
 * bias   [channels], likewise; may be NULL when bias_count is 0.
 * Returns DAVIT_OK; DAVIT_BAD_DATA for unusable scales, zero points, bounds or counts;
 * DAVIT_UNSUPPORTED for a factor above 2^64. *out is untouched then, and reason tells why. */
DAVIT_NODISCARD davit_status davit_requantization_prepare(const davit_requantization_spec *spec,
                                                          float *scale, float *bias,
                                                          davit_requantization *out,
                                                          davit_reason *reason);

/* One value of output channel o:
 *
 *   t = float(acc)                        nearest even; acc = exact sum of (x - zx) * w
 *   t = t + bias[o]
 *   t = t * scale[o]
 *   t = t + float(previous) * residual_scale          previous = residual's q - its zero, or 0
 *   q = davit_result_finish(t)
 *
 * acc is s64 so that sums beyond s32 can be handed over; within s32 the result is that of an s32
 * accumulator. */
int32_t davit_requantize_one(const davit_requantization *p, size_t o, int64_t acc,
                             int32_t previous);

/* Requantises rows of channels.
 *
 * acc       [rows][channels] row-major.
 * residual  [rows][channels] of residual_dtype; NULL exactly when there is none.
 * out       [rows][channels] of the result's type; may be residual itself. */
void davit_requantize(const davit_requantization *p, size_t rows, const int32_t *acc,
                      const void *residual, void *out);

/* The same for accumulators that do not fit s32 (davit/quantize_weights.h says when). */
void davit_requantize_wide(const davit_requantization *p, size_t rows, const int64_t *acc,
                           const void *residual, void *out);

/* ---- add ---- */

/* y = a + b:
 *
 *   t = float(qa - za) * ra + float(qb - zb) * rb     both products exact, one rounding
 *   q = davit_result_quantize(t) */
typedef struct davit_addition {
    davit_result result;
    davit_dtype a_dtype, b_dtype;
    int32_t a_zero, b_zero;
    float a_scale, b_scale; /* ra, rb: scale / y_scale, f32 quotient, then 16 bits */
} davit_addition;

/* Returns as davit_requantization_prepare. */
DAVIT_NODISCARD davit_status davit_addition_prepare(const davit_quant8 *a, const davit_quant8 *b,
                                                    const davit_result_spec *y, davit_addition *out,
                                                    davit_reason *reason);

int32_t davit_add_one(const davit_addition *p, int32_t qa, int32_t qb);

/* Adds count elements; out may be a or b. */
void davit_add(const davit_addition *p, size_t count, const void *a, const void *b, void *out);

/* ---- one factor: multiply, average pooling, linear resize ---- */

/* t = float(sum) * scale, q = davit_result_quantize(t). sum is an exact integer. */
typedef struct davit_rescale {
    davit_result result;
    float scale;
} davit_rescale;

int32_t davit_rescale_one(const davit_rescale *p, int64_t sum);

/* y = a * b: a rescale of (qa - za) * (qb - zb), at most 65025 in magnitude, by
 * m = (a_scale * b_scale) / y_scale: f32 product, then f32 quotient. Returns as
 * davit_requantization_prepare. */
typedef struct davit_multiplication {
    davit_rescale rescale;
    davit_dtype a_dtype, b_dtype;
    int32_t a_zero, b_zero;
} davit_multiplication;

DAVIT_NODISCARD davit_status davit_multiplication_prepare(const davit_quant8 *a,
                                                          const davit_quant8 *b,
                                                          const davit_result_spec *y,
                                                          davit_multiplication *out,
                                                          davit_reason *reason);

int32_t davit_multiply_one(const davit_multiplication *p, int32_t qa, int32_t qb);

/* Multiplies count elements; out may be a or b. */
void davit_multiply(const davit_multiplication *p, size_t count, const void *a, const void *b,
                    void *out);

/* Average over a window: a rescale of the exact sum of (q - zero) over the elements inside the
 * input, by m = (x_scale / y_scale) / float(divisor): two f32 quotients. Windows at the border have
 * other divisors: prepare one rescale for each, on the host, so that kernels only multiply.
 *
 * divisor  the product over the axes of davit_average_extent. 0 (a window without elements) gives
 *          m = 0: the result is what real 0 is.
 * A sum of more than 2^31 / 255 elements needs an s64 accumulator.
 * Returns as davit_requantization_prepare; DAVIT_INVALID_ARGUMENT for a negative divisor. */
DAVIT_NODISCARD davit_status davit_average_prepare(const davit_quant8 *x,
                                                   const davit_result_spec *y, int64_t divisor,
                                                   davit_rescale *out, davit_reason *reason);

/* One axis of a pooling window. */
typedef struct davit_average_axis {
    int64_t in, kernel, stride, dilation, pad_begin, pad_end;
    bool include_pad; /* ONNX count_include_pad */
} davit_average_axis;

/* How many of the kernel's positions along the axis count in the divisor of output o: those inside
 * the input, with include_pad also those inside the padding (but not those beyond it, where a last
 * window of ceil_mode may reach), as in ONNX AveragePool opset 19. */
int64_t davit_average_extent(const davit_average_axis *axis, int64_t o);

/* Linear resize: along each resized axis an output is low + (high - low) * weight / 2^11, with an
 * integer weight; over axes it is separable, so with the exact integer sum
 *
 *   sum over the 2^axes corners of (q - zero) * product of the corner's weights
 *
 * (a corner's weight along an axis is 2^11 - weight for low, weight for high) the result is a
 * rescale by m = (x_scale / y_scale) * 2^(-11 * axes): f32 quotient, then exact. One or two axes
 * fit an s32 sum, three and four an s64 sum. The weights' rounding moves a result by at most
 * axes * 255 * 2^-12 input steps. */
#define DAVIT_RESIZE_WEIGHT_BITS 11

/* Returns as davit_requantization_prepare; DAVIT_UNSUPPORTED for axes not in 1..4. */
DAVIT_NODISCARD davit_status davit_linear_resize_prepare(const davit_quant8 *x,
                                                         const davit_result_spec *y, int axes,
                                                         davit_rescale *out, davit_reason *reason);

typedef struct davit_resize_tap {
    int64_t low, high; /* indices in the input: high is low or low + 1 */
    int32_t weight;    /* of high, 0..2^11 */
} davit_resize_tap;

/* The neighbours and the weight of a source coordinate (in input elements, as ONNX Resize computes
 * it, here in f64):
 *
 *   c = clamp(coordinate, 0, size - 1), NaN as 0
 *   low = floor(c), weight = round_half_even((c - low) * 2^11)
 *
 * At the last element high is low and weight 0. size > 0. */
davit_resize_tap davit_resize_tap_at(double coordinate, int64_t size);

#endif
