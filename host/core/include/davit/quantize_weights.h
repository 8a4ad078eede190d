/* Weights of integer convolutions and matrix products: their zero point, and how large the
 * accumulators can become. See davit/quantize.h for the arithmetic meant. */
#ifndef DAVIT_QUANTIZE_WEIGHTS_H
#define DAVIT_QUANTIZE_WEIGHTS_H

#include "davit/quantize.h"

/* Constant weights as [outer][channels][inner], row-major; channels are those of the output. A
 * convolution [O, C/g, kernel...] has outer 1; a matrix [K, N] has outer K and inner 1; a
 * transposed convolution [C, O/g, kernel...] is described group by group with outer C/g. */
typedef struct davit_weights {
    davit_dtype dtype; /* u8, s8; s16: shifted before, without zero points */
    const void *data;
    size_t outer, channels, inner;
    const int32_t *zero; /* [zero_count] */
    size_t zero_count;   /* 0 (all zero points are 0), 1 or channels */
} davit_weights;

/* Returns DAVIT_OK, or DAVIT_BAD_DATA with the reason: another type, a wrong number of zero points,
 * one out of range, more than DAVIT_MAX_TENSOR_BYTES elements. The functions below expect checked
 * weights. */
DAVIT_NODISCARD davit_status davit_weights_check(const davit_weights *weights,
                                                 davit_reason *reason);

/* The narrowest type that holds every w - zero: DAVIT_S8, or DAVIT_S16 (9 bits are used) when they
 * need kernels of a wider path. u8 weights with zero point 128 fit s8, with 0 only below 128. */
davit_dtype davit_weights_fit(const davit_weights *weights);

/* Writes w - zero, in the same order, as dtype (DAVIT_S8 or DAVIT_S16). Returns DAVIT_OK,
 * DAVIT_UNSUPPORTED with the reason when a difference does not fit s8, or DAVIT_INVALID_ARGUMENT
 * for another dtype; out is untouched then. */
DAVIT_NODISCARD davit_status davit_weights_shift(const davit_weights *weights, davit_dtype dtype,
                                                 void *out, davit_reason *reason);

/* The exact sum of w - zero for each channel. sum: [channels]. */
void davit_weights_sum(const davit_weights *weights, int64_t *sum);

/* The zero point of an input without padding as a start value of the accumulators:
 *
 *   sum (x - zx) * w = sum x * w + folded[o],    folded[o] = -zx * sum (w - zw)
 *
 * To be added as an integer: added in f32 it would be rounded a second time. With padding it is
 * wrong, as padding contributes 0 and not zx. Returns DAVIT_OK, or DAVIT_UNSUPPORTED with the
 * reason when one does not fit s32 (folded is then partly written). folded: [channels]. */
DAVIT_NODISCARD davit_status davit_fold_zero_point(const davit_weights *weights, int32_t x_zero,
                                                   int32_t *folded, davit_reason *reason);

/* How large accumulators can become, whatever the input holds and in whatever order they are
 * summed, for each channel:
 *
 *   bound[o] = 255 * sum |w - zw| + max(|zx|, zx - least of the type) * |sum (w - zw)|
 *
 * 255 is the greatest |x - zx| and the greatest |x| after an s8 input was shifted by 128; the
 * second term is the compensation of kernels that sum x * w, shifted or not, and correct by zx.
 *
 * x_dtype, x_zero  of the input: u8 or s8.
 * bound            [channels]. */
void davit_accumulator_bound(const davit_weights *weights, davit_dtype x_dtype, int32_t x_zero,
                             uint64_t *bound);

/* What a bound allows. */
typedef enum davit_exactness {
    /* bound + |bias| <= 2^24: every intermediate sum is exact in f32 too, so kernels may sum or
     * compensate in f32, and the bias may be added to the accumulator as an integer. */
    DAVIT_EXACT_F32,
    /* bound <= 2^31 - 1: s32 accumulators never wrap. Kernels that compensate in f32 are not
     * exact. The bias is added in f32, after the conversion: t = float(acc), t = t + float(bias)
     * rounds twice, float(acc + bias) once. */
    DAVIT_EXACT_S32,
    /* s32 accumulators could wrap: refuse, or sum in s64 (davit_requantize_wide). */
    DAVIT_OVERFLOWS_S32
} davit_exactness;

davit_exactness davit_bound_exactness(uint64_t bound, int32_t bias);

/* "exact in f32", "exact in s32", "can overflow s32"; never NULL. */
const char *davit_exactness_text(davit_exactness exactness);

#endif
