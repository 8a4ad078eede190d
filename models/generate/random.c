#include "random.h"

#define GAMMA UINT64_C(0x9e3779b97f4a7c15)

static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

uint64_t random_stream(uint64_t seed, const char *tensor_name)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (const char *c = tensor_name; *c; c++)
        hash = (hash ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
    return mix(hash + mix(seed + GAMMA));
}

void random_fill(uint64_t stream, float mean, float deviation, float *out, size_t count)
{
    /* Four uniform integers of 0..65535: mean 131070, variance 4 (2^32 - 1) / 12. */
    const float inverse_deviation = 1.0f / 37837.227f;
    const float scale = deviation * inverse_deviation;
    for (size_t i = 0; i < count; i++) {
        uint64_t bits = mix(stream + (uint64_t)(i + 1) * GAMMA);
        int32_t sum = (int32_t)((bits & 0xffff) + ((bits >> 16) & 0xffff) +
                                ((bits >> 32) & 0xffff) + (bits >> 48));
        out[i] = mean + scale * (float)(sum - 131070);
    }
}
