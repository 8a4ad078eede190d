/* Depthwise convolutions: groups of one channel, their number a multiple of 4, at most
 * DEPTHWISE_TAPS taps. A block makes 32 pixels of 64 channels, a thread 2 pixels of 4 channels. */
#include "prelude.h"

#include "davit/gpu_product.h"

#include "../../gpu/kernels/params.h"

#include "../../gpu/kernels/arithmetic.inc"

#define DEPTHWISE_PIXELS 32
#define DEPTHWISE_CHANNELS 64
#define DEPTHWISE_WORDS (DEPTHWISE_CHANNELS / 4)
#define DEPTHWISE_LINES (256 / DEPTHWISE_WORDS)
#define DEPTHWISE_TAPS 128

/* The window of a pixel: where x of tap 0 is, and which taps are inside. */
struct window {
    int at, top, left;
};

FUNCTION window window_of(const davit_gpu_product_params &p, int m)
{
    int line = m / p.out_w;
    int image = line / p.out_h;
    window w;
    w.top = (line - image * p.out_h) * p.stride_h - p.pad_top;
    w.left = (m - line * p.out_w) * p.stride_w - p.pad_left;
    w.at = ((image * p.in_h + w.top) * p.in_w + w.left) * p.in_c;
    return w;
}

/* The offset of x under a tap, negative outside of the image. */
FUNCTION int tap_at(const davit_gpu_product_params &p, const window &w, int tap)
{
    int ky = tap / p.kernel_w;
    int dy = ky * p.dilation_h;
    int dx = (tap - ky * p.kernel_w) * p.dilation_w;
    bool inside = (u32)(w.top + dy) < (u32)p.in_h && (u32)(w.left + dx) < (u32)p.in_w;
    return inside ? w.at + (dy * p.in_w + dx) * p.in_c : -1;
}

/* Words of four channels of four taps to words of four taps of a channel. */
FUNCTION void turn(const u32 *x, u32 *c)
{
    u32 low_01 = __byte_perm(x[0], x[1], 0x5140);
    u32 low_23 = __byte_perm(x[2], x[3], 0x5140);
    u32 high_01 = __byte_perm(x[0], x[1], 0x7362);
    u32 high_23 = __byte_perm(x[2], x[3], 0x7362);
    c[0] = __byte_perm(low_01, low_23, 0x5410);
    c[1] = __byte_perm(low_01, low_23, 0x7632);
    c[2] = __byte_perm(high_01, high_23, 0x5410);
    c[3] = __byte_perm(high_01, high_23, 0x7632);
}

/* The sums of four channels at one pixel. */
FUNCTION void sum_s8(const davit_gpu_product_params &p, const u8 *x, const u32 *weights, int m,
                     int taps, s32 *sums)
{
    window w = window_of(p, m);
    u32 outside = 0x01010101u * (u32)(p.x_zero & 255);
    u32 flip = p.x_flip ? 0x80808080u : 0u;
    for (int tap = 0; tap < taps; tap += 4) {
        u32 words[4];
        u32 channels[4];
        UNROLL
        for (int i = 0; i < 4; i++) {
            int at = tap + i < taps ? tap_at(p, w, tap + i) : -1;
            words[i] = at >= 0 ? *(const u32 *)(x + at) ^ flip : outside;
        }
        turn(words, channels);
        uint4 by = *(const uint4 *)(weights + tap / 4 * DEPTHWISE_CHANNELS);
        sums[0] = dot4(sums[0], (s32)channels[0], (s32)by.x);
        sums[1] = dot4(sums[1], (s32)channels[1], (s32)by.y);
        sums[2] = dot4(sums[2], (s32)channels[2], (s32)by.z);
        sums[3] = dot4(sums[3], (s32)channels[3], (s32)by.w);
    }
}

KERNEL(product_s8_depthwise, 256)
(PARAMS(davit_gpu_product_params, p), ARG(const u8, x), ARG(const u8, w), ARG(const float, bias),
 ARG(const float, scale), ARG(const s32, correction), ARG(const u8, residual), ARG(u8, y))
{
    DAVIT_SHARED(u32, weights, DEPTHWISE_TAPS / 4 * DEPTHWISE_CHANNELS);
    int taps = p.kernel_h * p.kernel_w;
    int first = GROUP(2) * DEPTHWISE_CHANNELS;
    for (int i = THREAD(); i < (taps + 3) / 4 * DEPTHWISE_CHANNELS; i += 256) {
        int channel = first + i % DEPTHWISE_CHANNELS;
        u32 word = 0;
        for (int j = 0; j < 4; j++) {
            int tap = i / DEPTHWISE_CHANNELS * 4 + j;
            if (tap < taps && channel < p.groups) {
                word |= (u32)w[channel * p.k_padded + 4 * tap] << (8 * j);
            }
        }
        weights[i] = word;
    }
    __syncthreads();
    int inner = THREAD() % DEPTHWISE_WORDS * 4;
    int channel = first + inner;
    if (channel >= p.groups) {
        return;
    }
    int end = min(p.m, (GROUP(0) + 1) * DEPTHWISE_PIXELS);
    for (int m = GROUP(0) * DEPTHWISE_PIXELS + THREAD() / DEPTHWISE_WORDS; m < end;
         m += DEPTHWISE_LINES) {
        s32 sums[4] = {0, 0, 0, 0};
        sum_s8(p, x + channel, weights + inner, m, taps, sums);
        int at = m * p.out_c + channel;
        u32 before = residual ? *(const u32 *)(residual + at) : 0;
        u32 word = 0;
        UNROLL
        for (int j = 0; j < 4; j++) {
            int o = channel + j;
            int previous = (int)(before >> (8 * j) & 255);
            previous = p.residual_unsigned ? previous : (int)(s8)previous;
            int q = requantize(p, sums[j] + correction[o], bias ? bias[o] : 0.0f, scale[o],
                               residual ? previous - p.residual_zero : 0);
            word |= (u32)(q & 255) << (8 * j);
        }
        *(u32 *)(y + at) = word;
    }
}

KERNEL(product_f32_depthwise, 256)
(PARAMS(davit_gpu_product_params, p), ARG(const float, x), ARG(const float, w),
 ARG(const float, bias), ARG(const float, scale), ARG(const s32, correction),
 ARG(const float, residual), ARG(float, y))
{
    DAVIT_SHARED(float, weights, DEPTHWISE_TAPS * DEPTHWISE_CHANNELS);
    int taps = p.kernel_h * p.kernel_w;
    int first = GROUP(2) * DEPTHWISE_CHANNELS;
    for (int i = THREAD(); i < taps * DEPTHWISE_CHANNELS; i += 256) {
        int channel = first + i % DEPTHWISE_CHANNELS;
        weights[i] =
            channel < p.groups ? w[channel * p.k_padded + i / DEPTHWISE_CHANNELS] : 0.0f;
    }
    __syncthreads();
    int inner = THREAD() % DEPTHWISE_WORDS * 4;
    int channel = first + inner;
    if (channel >= p.groups) {
        return;
    }
    int end = min(p.m, (GROUP(0) + 1) * DEPTHWISE_PIXELS);
    for (int m = GROUP(0) * DEPTHWISE_PIXELS + THREAD() / DEPTHWISE_WORDS; m < end;
         m += DEPTHWISE_LINES) {
        window v = window_of(p, m);
        float sums[4] = {0.0f, 0.0f, 0.0f, 0.0f};
        for (int tap = 0; tap < taps; tap++) {
            int at = tap_at(p, v, tap);
            if (at >= 0) {
                float4 a = *(const float4 *)(x + at + channel);
                float4 b = *(const float4 *)(weights + tap * DEPTHWISE_CHANNELS + inner);
                sums[0] = __fmaf_rn(a.x, b.x, sums[0]);
                sums[1] = __fmaf_rn(a.y, b.y, sums[1]);
                sums[2] = __fmaf_rn(a.z, b.z, sums[2]);
                sums[3] = __fmaf_rn(a.w, b.w, sums[3]);
            }
        }
        int at = m * p.out_c + channel;
        UNROLL
        for (int j = 0; j < 4; j++) {
            y[at + j] = finish_f32(p, sums[j], bias ? bias[channel + j] : 0.0f,
                                   residual ? residual[at + j] : 0.0f);
        }
    }
}
