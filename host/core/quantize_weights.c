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

/* True when the type and the zero points alone say that every w - zero fits s8. */
static bool always_fits(const davit_weights *weights)
{
    int32_t only = weights->dtype == DAVIT_U8 ? 128 : 0;
    for (size_t o = 0; o < weights->zero_count; o++) {
        if (weights->zero[o] != only) {
            return false;
        }
    }
    return weights->dtype == DAVIT_S8 || (weights->dtype == DAVIT_U8 && weights->zero_count > 0);
}

/* The first channel with a w - zero out of s8; channels when there is none. */
static size_t wide_channel(const davit_weights *weights)
{
    if (always_fits(weights)) {
        return weights->channels;
    }
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
    if (dtype == DAVIT_S8 && always_fits(weights)) {
        size_t elems = weights->outer * weights->channels * weights->inner;
        uint8_t flip = weights->dtype == DAVIT_U8 ? 0x80 : 0; /* u8 - 128 is its highest bit turned */
        for (size_t i = 0; i < elems; i++) {
            ((uint8_t *)out)[i] = ((const uint8_t *)weights->data)[i] ^ flip;
        }
        return DAVIT_OK;
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

enum { SUMMED_CHANNELS = 64, S32_TERMS = 1 << 22 }; /* sums of so many s8 fit s32 */

/* Adds those of count s8 side by side. */
static void sum_bytes(const int8_t *w, size_t count, channel_sums *sums)
{
    for (size_t first = 0; first < count; first += S32_TERMS) {
        size_t end = first + S32_TERMS < count ? first + S32_TERMS : count;
        int32_t sum = 0, magnitude = 0;
        for (size_t i = first; i < end; i++) {
            sum += w[i];
            magnitude += w[i] < 0 ? -w[i] : w[i];
        }
        sums->sum += sum;
        sums->magnitude += (uint64_t)magnitude;
    }
}

/* Adds those of count columns of a matrix of s8. */
static void sum_columns(const davit_weights *weights, size_t first, size_t count,
                        channel_sums *sums)
{
    const int8_t *row = (const int8_t *)weights->data + first;
    for (size_t begin = 0; begin < weights->outer; begin += S32_TERMS) {
        size_t end = begin + S32_TERMS < weights->outer ? begin + S32_TERMS : weights->outer;
        int32_t sum[SUMMED_CHANNELS] = {0}, magnitude[SUMMED_CHANNELS] = {0};
        for (size_t a = begin; a < end; a++, row += weights->channels) {
            for (size_t k = 0; k < count; k++) {
                sum[k] += row[k];
                magnitude[k] += row[k] < 0 ? -row[k] : row[k];
            }
        }
        for (size_t k = 0; k < count; k++) {
            sums[k].sum += sum[k];
            sums[k].magnitude += (uint64_t)magnitude[k];
        }
    }
}

/* Adds those of one channel in one outer slice. */
static void sum_slice(const davit_weights *weights, size_t outer, size_t channel,
                      channel_sums *sums)
{
    size_t begin = first_of(weights, outer, channel);
    int32_t zero = zero_of(weights, channel);
    int64_t sum = 0, magnitude = 0;
    for (size_t i = begin; i < begin + weights->inner; i++) {
        int32_t w = load_weight(weights, i) - zero;
        sum += w;
        magnitude += w < 0 ? -w : w;
    }
    sums->sum += sum;
    sums->magnitude += (uint64_t)magnitude;
}

/* Of channels first to first + count, at most SUMMED_CHANNELS: whole cache lines where the weights
 * of neighbouring channels lie side by side. */
static void sum_channels(const davit_weights *weights, size_t first, size_t count,
                         channel_sums *sums)
{
    bool bytes = weights->dtype == DAVIT_S8 && weights->zero_count == 0;
    memset(sums, 0, count * sizeof(*sums));
    if (bytes && weights->inner == 1) {
        sum_columns(weights, first, count, sums);
        return;
    }
    for (size_t a = 0; a < weights->outer; a++) {
        for (size_t k = 0; k < count; k++) {
            if (bytes) {
                sum_bytes((const int8_t *)weights->data + first_of(weights, a, first + k),
                          weights->inner, &sums[k]);
            } else {
                sum_slice(weights, a, first + k, &sums[k]);
            }
        }
    }
}

/* Calls take(user, channel, sums) for every channel in order, until it is false. */
static void each_channel(const davit_weights *weights,
                         bool (*take)(void *user, size_t channel, const channel_sums *sums),
                         void *user)
{
    channel_sums sums[SUMMED_CHANNELS];
    for (size_t first = 0; first < weights->channels; first += SUMMED_CHANNELS) {
        size_t left = weights->channels - first;
        size_t count = left < SUMMED_CHANNELS ? left : SUMMED_CHANNELS;
        sum_channels(weights, first, count, sums);
        for (size_t k = 0; k < count; k++) {
            if (!take(user, first + k, &sums[k])) {
                return;
            }
        }
    }
}

static bool take_sum(void *user, size_t channel, const channel_sums *sums)
{
    ((int64_t *)user)[channel] = sums->sum;
    return true;
}

void davit_weights_sum(const davit_weights *weights, int64_t *sum)
{
    each_channel(weights, take_sum, sum);
}

typedef struct folding {
    int32_t x_zero;
    int32_t *folded;
    size_t too_large; /* channel; NO_CHANNEL: none */
} folding;
#define NO_CHANNEL SIZE_MAX

static bool take_folded(void *user, size_t channel, const channel_sums *sums)
{
    folding *f = user;
    int64_t value = -(int64_t)f->x_zero * sums->sum;
    if (value < INT32_MIN || value > INT32_MAX) {
        f->too_large = channel;
        return false;
    }
    f->folded[channel] = (int32_t)value;
    return true;
}

davit_status davit_fold_zero_point(const davit_weights *weights, int32_t x_zero, int32_t *folded,
                                   davit_reason *reason)
{
    folding f = {x_zero, folded, NO_CHANNEL};
    each_channel(weights, take_folded, &f);
    if (f.too_large != NO_CHANNEL) {
        return davit_refuse(reason, DAVIT_UNSUPPORTED,
                            "the zero point times the weights of channel %zu does not fit s32",
                            f.too_large);
    }
    return DAVIT_OK;
}

typedef struct bounding {
    uint64_t zero;
    uint64_t *bound;
} bounding;

static bool take_bound(void *user, size_t channel, const channel_sums *sums)
{
    const bounding *b = user;
    uint64_t compensation = (uint64_t)(sums->sum < 0 ? -sums->sum : sums->sum);
    b->bound[channel] = 255 * sums->magnitude + b->zero * compensation;
    return true;
}

void davit_accumulator_bound(const davit_weights *weights, davit_dtype x_dtype, int32_t x_zero,
                             uint64_t *bound)
{
    int32_t magnitude = x_zero < 0 ? -x_zero : x_zero;
    int32_t shifted = x_zero - davit_quantized_low(x_dtype);
    bounding b = {(uint64_t)(magnitude > shifted ? magnitude : shifted), bound};
    each_channel(weights, take_bound, &b);
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
