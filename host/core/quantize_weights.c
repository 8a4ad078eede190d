#include "davit/quantize_weights.h"

#include <string.h>

#include "quantize_private.h"

davit_status davit_weights_check(const davit_weights *weights, davit_reason *reason)
{
    bool shifted = weights->dtype == DAVIT_S16 && weights->zero_count == 0;
    if (weights->dtype != DAVIT_U8 && weights->dtype != DAVIT_S8 && !shifted) {
        return davit_refuse(reason, DAVIT_BAD_DATA, "the weights are %s, not u8 or s8",
                            davit_dtype_name(weights->dtype));
    }
    size_t elems;
    if (!davit_mul_size(weights->outer, weights->channels, &elems) ||
        !davit_mul_size(elems, weights->inner, &elems) || elems > DAVIT_MAX_TENSOR_BYTES) {
        return davit_refuse(reason, DAVIT_BAD_DATA, "the weights have too many elements");
    }
    size_t count = weights->zero_count;
    if (count > 1 && count != weights->channels) {
        return davit_refuse(reason, DAVIT_BAD_DATA,
                            "the weights have %zu zero points for %zu channels", count,
                            weights->channels);
    }
    davit_status status = DAVIT_OK;
    for (size_t i = 0; i < count && status == DAVIT_OK; i++) {
        status = davit_check_zero(weights->dtype, weights->zero[i], "the weights",
                                  count == 1 ? -1 : (int64_t)i, reason);
    }
    return status;
}

static int32_t load_weight(const davit_weights *weights, size_t i)
{
    return weights->dtype == DAVIT_S16 ? ((const int16_t *)weights->data)[i]
                                       : davit_load8(weights->data, weights->dtype, i);
}

static int32_t zero_of(const davit_weights *weights, size_t channel)
{
    switch (weights->zero_count) {
    case 0:
        return 0;
    case 1:
        return weights->zero[0];
    default:
        return weights->zero[channel];
    }
}

/* First element of a channel in one outer slice. */
static size_t first_of(const davit_weights *weights, size_t outer, size_t channel)
{
    return (outer * weights->channels + channel) * weights->inner;
}

/* The first channel with a w - zero out of s8; channels when there is none. */
static size_t wide_channel(const davit_weights *weights)
{
    for (size_t o = 0; o < weights->channels; o++) {
        int32_t zero = zero_of(weights, o);
        for (size_t a = 0; a < weights->outer; a++) {
            size_t first = first_of(weights, a, o);
            for (size_t i = first; i < first + weights->inner; i++) {
                int32_t w = load_weight(weights, i) - zero;
                if (w < INT8_MIN || w > INT8_MAX) {
                    return o;
                }
            }
        }
    }
    return weights->channels;
}

davit_dtype davit_weights_fit(const davit_weights *weights)
{
    return wide_channel(weights) == weights->channels ? DAVIT_S8 : DAVIT_S16;
}

davit_status davit_weights_shift(const davit_weights *weights, davit_dtype dtype, void *out,
                                 davit_reason *reason)
{
    if (dtype != DAVIT_S8 && dtype != DAVIT_S16) {
        return davit_refuse(reason, DAVIT_INVALID_ARGUMENT, "weights cannot be shifted to %s",
                            davit_dtype_name(dtype));
    }
    size_t wide = dtype == DAVIT_S8 ? wide_channel(weights) : weights->channels;
    if (wide != weights->channels) {
        return davit_refuse(reason, DAVIT_UNSUPPORTED,
                            "the weights of channel %zu without their zero point do not fit s8",
                            wide);
    }
    size_t i = 0;
    for (size_t a = 0; a < weights->outer; a++) {
        for (size_t o = 0; o < weights->channels; o++) {
            int32_t zero = zero_of(weights, o);
            for (size_t k = 0; k < weights->inner; k++, i++) {
                int32_t w = load_weight(weights, i) - zero;
                if (dtype == DAVIT_S8) {
                    ((int8_t *)out)[i] = (int8_t)w;
                } else {
                    ((int16_t *)out)[i] = (int16_t)w;
                }
            }
        }
    }
    return DAVIT_OK;
}

/* Sums of w - zero and of |w - zero| of a channel; at most 2^40 * 255. */
typedef struct channel_sums {
    int64_t sum;
    uint64_t magnitude;
} channel_sums;

static channel_sums sum_channel(const davit_weights *weights, size_t o)
{
    channel_sums sums = {0, 0};
    int32_t zero = zero_of(weights, o);
    for (size_t a = 0; a < weights->outer; a++) {
        size_t first = first_of(weights, a, o);
        for (size_t i = first; i < first + weights->inner; i++) {
            int32_t w = load_weight(weights, i) - zero;
            sums.sum += w;
            sums.magnitude += (uint64_t)(w < 0 ? -w : w);
        }
    }
    return sums;
}

void davit_weights_sum(const davit_weights *weights, int64_t *sum)
{
    for (size_t o = 0; o < weights->channels; o++) {
        sum[o] = sum_channel(weights, o).sum;
    }
}

davit_status davit_fold_zero_point(const davit_weights *weights, int32_t x_zero, int32_t *folded,
                                   davit_reason *reason)
{
    for (size_t o = 0; o < weights->channels; o++) {
        int64_t value = -(int64_t)x_zero * sum_channel(weights, o).sum;
        if (value < INT32_MIN || value > INT32_MAX) {
            return davit_refuse(reason, DAVIT_UNSUPPORTED,
                                "the zero point times the weights of channel %zu does not fit s32",
                                o);
        }
        folded[o] = (int32_t)value;
    }
    return DAVIT_OK;
}

void davit_accumulator_bound(const davit_weights *weights, davit_dtype x_dtype, int32_t x_zero,
                             uint64_t *bound)
{
    int32_t magnitude = x_zero < 0 ? -x_zero : x_zero;
    int32_t shifted = x_zero - davit_quantized_low(x_dtype);
    uint64_t zero = (uint64_t)(magnitude > shifted ? magnitude : shifted);
    for (size_t o = 0; o < weights->channels; o++) {
        channel_sums sums = sum_channel(weights, o);
        uint64_t compensation = (uint64_t)(sums.sum < 0 ? -sums.sum : sums.sum);
        bound[o] = 255 * sums.magnitude + zero * compensation;
    }
}

davit_exactness davit_bound_exactness(uint64_t bound, int32_t bias)
{
    uint64_t magnitude = (uint64_t)(bias < 0 ? -(int64_t)bias : bias);
    if (bound + magnitude <= (uint64_t)1 << 24) {
        return DAVIT_EXACT_F32;
    }
    return bound <= INT32_MAX ? DAVIT_EXACT_S32 : DAVIT_OVERFLOWS_S32;
}

const char *davit_exactness_text(davit_exactness exactness)
{
    switch (exactness) {
    case DAVIT_EXACT_F32:
        return "exact in f32";
    case DAVIT_EXACT_S32:
        return "exact in s32";
    default:
        return "can overflow s32";
    }
}
