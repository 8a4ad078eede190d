/* Random quantised types, scales, shapes and contents, in a stated order of a seed. */
#ifndef DAVIT_TEST_INTEGER_RANDOM_H
#define DAVIT_TEST_INTEGER_RANDOM_H

#include <math.h>

#include "integer_node.h"

/* In [low, high]. */
static inline int64_t random_in(uint64_t *seed, int64_t low, int64_t high)
{
    return low + (int64_t)test_random_below(seed, (uint64_t)(high - low + 1));
}

/* A power of two now and then, which makes ties. */
static inline float random_scale(uint64_t *seed, int least_exponent, int greatest_exponent)
{
    float power = ldexpf(1.0f, (int)random_in(seed, least_exponent, greatest_exponent));
    return random_in(seed, 0, 3) == 0 ? power
                                      : power * (1.0f + fabsf(test_random_float(seed)) * 0.999f);
}

/* u8 or s8, the zero point often at an end or odd. */
static inline davit_quant8 random_type(uint64_t *seed, float scale)
{
    davit_dtype dtype = random_in(seed, 0, 1) ? DAVIT_U8 : DAVIT_S8;
    int32_t low = dtype == DAVIT_U8 ? 0 : -128;
    const int32_t zeros[] = {low, low + 255, low + 128, low + (int32_t)random_in(seed, 0, 255)};
    return (davit_quant8){dtype, scale, zeros[random_in(seed, 0, 3)]};
}

static inline davit_result_spec random_result(uint64_t *seed, float scale)
{
    static const float lows[] = {-INFINITY, 0.0f, -1.5f, -INFINITY};
    static const float highs[] = {INFINITY, INFINITY, 6.0f, INFINITY};
    int64_t kind = random_in(seed, 0, 3);
    return (davit_result_spec){random_type(seed, scale), lows[kind], highs[kind]};
}

/* Random bytes, or only the least and greatest ones. */
static inline void random_bytes(uint64_t *seed, davit_tensor *tensor)
{
    uint8_t *data = tensor->data;
    size_t bytes = davit_tensor_desc_bytes(&tensor->desc);
    bool extreme = random_in(seed, 0, 4) == 0;
    for (size_t i = 0; i < bytes; i++) {
        uint8_t end = tensor->desc.dtype == DAVIT_U8 ? (uint8_t)-random_in(seed, 0, 1)
                                                     : (uint8_t)(127 + random_in(seed, 0, 1));
        data[i] = extreme ? end : (uint8_t)random_in(seed, 0, 255);
    }
}

/* s8 weights, or s16 ones in [-255, 255]. */
static inline void random_weights(uint64_t *seed, davit_tensor *tensor)
{
    if (tensor->desc.dtype == DAVIT_S8) {
        random_bytes(seed, tensor);
        return;
    }
    for (int64_t i = 0; i < davit_tensor_desc_elems(&tensor->desc); i++) {
        ((int16_t *)tensor->data)[i] = (int16_t)random_in(seed, -255, 255);
    }
}

#endif
