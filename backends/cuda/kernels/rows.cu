/* Softmax and normalisations of rows whose elements lie together, with the numbers of
 * davit_gpu_row_params (stride 1) and the results of softmax_f32, layer_norm_f32 and
 * instance_norm_f32 of the portable kernels. A warp makes a row that its registers hold: x is read
 * once. A block makes a longer one, and reads x again from a cache for each pass. */
#include "prelude.h"

#include "davit/gpu_product.h"

#include "../../gpu/kernels/params.h"

#define WARPS 4        /* rows of a block where a warp makes one */
#define BLOCK_WARPS 8  /* of a block that makes one row */

struct add_step {
    static __device__ __forceinline__ float join(float a, float b)
    {
        return a + b;
    }
};

/* A NaN wins. */
struct max_step {
    static __device__ __forceinline__ float join(float a, float b)
    {
        return b > a || F_ISNAN(b) ? b : a;
    }
};

template <class Step> FUNCTION float join_warp(float value)
{
    UNROLL
    for (int by = 16; by > 0; by /= 2) {
        value = Step::join(value, __shfl_xor_sync(0xffffffffu, value, by));
    }
    return value;
}

/* Joins the values of a block's threads; parts has BLOCK_WARPS of them, of this call alone. */
template <class Step> FUNCTION float join_block(float value, float *parts)
{
    value = join_warp<Step>(value);
    if (THREAD() % 32 == 0) {
        parts[THREAD() / 32] = value;
    }
    __syncthreads();
    value = parts[THREAD() % BLOCK_WARPS];
    UNROLL
    for (int by = BLOCK_WARPS / 2; by > 0; by /= 2) {
        value = Step::join(value, __shfl_xor_sync(0xffffffffu, value, by));
    }
    return value;
}

/* ---- softmax ---- */

template <int each>
FUNCTION void softmax_by_warp(const davit_gpu_row_params &p, const float *x, float *y)
{
    int row = GROUP(0) * WARPS + THREAD() / 32;
    int lane = THREAD() % 32;
    if (row >= p.rows) {
        return;
    }
    x += (s64)row * p.count;
    y += (s64)row * p.count;
    float values[each];
    float greatest = -F_INFINITY;
    UNROLL
    for (int j = 0; j < each; j++) {
        values[j] = j * 32 + lane < p.count ? x[j * 32 + lane] : -F_INFINITY;
        greatest = max_step::join(greatest, values[j]);
    }
    greatest = join_warp<max_step>(greatest);
    float sum = 0.0f;
    UNROLL
    for (int j = 0; j < each; j++) {
        float shifted = values[j] - greatest;
        float power = j * 32 + lane < p.count ? F_EXP(shifted) : 0.0f;
        sum += power;
        values[j] = p.log ? shifted : power;
    }
    sum = join_warp<add_step>(sum);
    float factor = 1.0f / sum;
    float shift = F_LOG(sum);
    UNROLL
    for (int j = 0; j < each; j++) {
        if (j * 32 + lane < p.count) {
            y[j * 32 + lane] = p.log ? values[j] - shift : values[j] * factor;
        }
    }
}

#define SOFTMAX_BY_WARP(name, each)                                                                \
    KERNEL(name, 32 * WARPS)                                                                       \
    (PARAMS(davit_gpu_row_params, p), ARG(const float, x), ARG(float, y))                          \
    {                                                                                              \
        softmax_by_warp<each>(p, x, y);                                                            \
    }

SOFTMAX_BY_WARP(softmax_f32_warp_128, 4)
SOFTMAX_BY_WARP(softmax_f32_warp_1024, 32)

KERNEL(softmax_f32_block, 32 * BLOCK_WARPS)
(PARAMS(davit_gpu_row_params, p), ARG(const float, x), ARG(float, y))
{
    DAVIT_SHARED(float, parts, 2 * BLOCK_WARPS);
    const float *from = x + (s64)GROUP(0) * p.count;
    float *to = y + (s64)GROUP(0) * p.count;
    float greatest = -F_INFINITY;
    for (int i = THREAD(); i < p.count; i += 32 * BLOCK_WARPS) {
        greatest = max_step::join(greatest, from[i]);
    }
    greatest = join_block<max_step>(greatest, parts);
    float sum = 0.0f;
    for (int i = THREAD(); i < p.count; i += 32 * BLOCK_WARPS) {
        sum += F_EXP(from[i] - greatest);
    }
    sum = join_block<add_step>(sum, parts + BLOCK_WARPS);
    float factor = 1.0f / sum;
    float shift = F_LOG(sum);
    for (int i = THREAD(); i < p.count; i += 32 * BLOCK_WARPS) {
        float shifted = from[i] - greatest;
        to[i] = p.log ? shifted - shift : F_EXP(shifted) * factor;
    }
}

/* ---- normalisations: the mean first, then the squares of differences; all of differences from the
 * first element, so that a mean far from 0 costs no digits ---- */

/* What one element becomes; at: of scale and bias, which may be absent. */
FUNCTION float normalized(float difference, float factor, const float *scale, const float *bias,
                          int at)
{
    float t = difference * factor;
    t = scale ? t * scale[at] : t;
    return bias ? t + bias[at] : t;
}

KERNEL(layer_norm_f32_warp_1024, 32 * WARPS)
(PARAMS(davit_gpu_row_params, p), ARG(const float, x), ARG(const float, scale),
 ARG(const float, bias), ARG(float, y))
{
    int row = GROUP(0) * WARPS + THREAD() / 32;
    int lane = THREAD() % 32;
    if (row >= p.rows) {
        return;
    }
    const float *from = x + (s64)row * p.count;
    float *to = y + (s64)row * p.count;
    float values[32];
    float pivot = p.rms ? 0.0f : from[0];
    float sum = 0.0f;
    UNROLL
    for (int j = 0; j < 32; j++) {
        values[j] = j * 32 + lane < p.count ? from[j * 32 + lane] - pivot : 0.0f;
        sum += values[j];
    }
    float mean = p.rms ? 0.0f : join_warp<add_step>(sum) / (float)p.count;
    float square = 0.0f;
    UNROLL
    for (int j = 0; j < 32; j++) {
        values[j] -= mean;
        square += j * 32 + lane < p.count ? values[j] * values[j] : 0.0f;
    }
    square = join_warp<add_step>(square);
    float factor = 1.0f / F_SQRT(square / (float)p.count + p.epsilon);
    UNROLL
    for (int j = 0; j < 32; j++) {
        if (j * 32 + lane < p.count) {
            to[j * 32 + lane] = normalized(values[j], factor, scale, bias, j * 32 + lane);
        }
    }
}

/* channels: 0, or scale and bias are those of the row. */
FUNCTION void normalize_by_block(const davit_gpu_row_params &p, const float *x, const float *scale,
                                 const float *bias, float *y, int channels, float *parts)
{
    int row = GROUP(0);
    x += (s64)row * p.count;
    y += (s64)row * p.count;
    float pivot = p.rms ? 0.0f : x[0];
    float sum = 0.0f;
    for (int i = THREAD(); i < p.count; i += 32 * BLOCK_WARPS) {
        sum += x[i] - pivot;
    }
    sum = join_block<add_step>(sum, parts);
    float mean = p.rms ? 0.0f : sum / (float)p.count;
    float square = 0.0f;
    for (int i = THREAD(); i < p.count; i += 32 * BLOCK_WARPS) {
        float t = x[i] - pivot - mean;
        square += t * t;
    }
    square = join_block<add_step>(square, parts + BLOCK_WARPS);
    float factor = 1.0f / F_SQRT(square / (float)p.count + p.epsilon);
    int channel = channels > 0 ? row % channels : 0;
    for (int i = THREAD(); i < p.count; i += 32 * BLOCK_WARPS) {
        y[i] = normalized(x[i] - pivot - mean, factor, scale, bias, channels > 0 ? channel : i);
    }
}

#define NORMALIZE_BY_BLOCK(name, channels)                                                         \
    KERNEL(name, 32 * BLOCK_WARPS)                                                                 \
    (PARAMS(davit_gpu_row_params, p), ARG(const float, x), ARG(const float, scale),                \
     ARG(const float, bias), ARG(float, y))                                                        \
    {                                                                                              \
        DAVIT_SHARED(float, parts, 2 * BLOCK_WARPS);                                               \
        normalize_by_block(p, x, scale, bias, y, channels, parts);                                 \
    }

NORMALIZE_BY_BLOCK(layer_norm_f32_block, 0)
NORMALIZE_BY_BLOCK(instance_norm_f32_block, p.channels)
