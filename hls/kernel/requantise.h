/* One lane of requantisation: davit/requantize.h, operation by operation. */
#ifndef DAVIT_HLS_REQUANTISE_H
#define DAVIT_HLS_REQUANTISE_H

#include "word.h"

/* The end of every form: bounds in steps, zero point, and whether the result is u8. */
struct finish_t {
    float low, high, zero;
    bool is_u8;
};

/* t = f32(acc) + bias, times scale, plus f32(previous) * weight, within the bounds. Each operation
 * rounds once: HLS neither fuses nor reorders them without unsafe_math_optimizations. */
static float scale_lane(ap_int<32> acc, float bias, float scale, ap_int<9> previous, float weight,
                        finish_t finish)
{
#pragma HLS INLINE
    float t = (float)(int)acc;
    t = t + bias;
    t = t * scale;
    float residual = (float)(int)previous * weight;
#pragma HLS BIND_OP variable = t op = fmul impl = maxdsp
#pragma HLS BIND_OP variable = residual op = fmul impl = fabric
    t = t + residual;
    t = t > finish.low ? t : finish.low;
    return t < finish.high ? t : finish.high;
}

/* 1.5 * 2^23: added to a number below 2^22 in magnitude, it leaves the nearest integer, of two the
 * even one, in the low bits. */
static const float ROUNDER = 12582912.0f;
enum { ROUNDER_BITS = 0x4b400000 };

/* davit_result_finish: the zero point before rounding. Returns the byte. */
static inline ap_uint<8> requantise_lane(ap_int<32> acc, float bias, float scale,
                                         ap_int<9> previous, float weight, finish_t finish)
{
#pragma HLS INLINE
    float t = scale_lane(acc, bias, scale, previous, weight, finish);
    t = t + finish.zero;
    const float least = finish.is_u8 ? 0.0f : -128.0f;
    const float greatest = finish.is_u8 ? 255.0f : 127.0f;
    t = t > least ? t : least;
    t = t < greatest ? t : greatest;
    return ap_uint<8>(float_bits(t + ROUNDER) & 0xffu);
}

/* davit_result_quantize: the zero point after rounding. */
static inline ap_uint<8> quantise_lane(ap_int<32> acc, float scale, ap_int<9> other, float weight,
                                       finish_t finish)
{
#pragma HLS INLINE
    const float t = scale_lane(acc, 0.0f, scale, other, weight, finish);
    const int steps = (int)float_bits(t + ROUNDER) - (int)ROUNDER_BITS + (int)finish.zero;
    const int least = finish.is_u8 ? 0 : -128;
    const int greatest = finish.is_u8 ? 255 : 127;
    const int q = steps < least ? least : steps > greatest ? greatest : steps;
    return ap_uint<8>(q & 0xff);
}

#endif
