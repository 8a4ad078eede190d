/* One lane of requantisation: davit/requantize.h, operation by operation. */
#ifndef DAVIT_HLS_REQUANTISE_H
#define DAVIT_HLS_REQUANTISE_H

#include "word.h"

/* The end of every form: bounds in steps, zero point, and whether the result is u8. */
struct finish_t {
    float low, high, zero;
    bool is_u8;
};

/* t = f32(acc) + bias, times scale, plus f32(previous) * weight; then bounds, zero point, limits of
 * the type, and the nearest integer, of two the even one: with |t| < 2^22, adding 1.5 * 2^23 leaves
 * it in the low bits. Each operation rounds once; bind_op keeps HLS from fusing or reordering none
 * (it does neither without unsafe_math_optimizations). Returns the byte. */
static ap_uint<8> requantise_lane(ap_int<32> acc, float bias, float scale, ap_int<9> previous,
                                  float weight, finish_t finish)
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
    t = t < finish.high ? t : finish.high;
    t = t + finish.zero;
    const float least = finish.is_u8 ? 0.0f : -128.0f;
    const float greatest = finish.is_u8 ? 255.0f : 127.0f;
    t = t > least ? t : least;
    t = t < greatest ? t : greatest;
    return ap_uint<8>(float_bits(t + 12582912.0f) & 0xffu);
}

#endif
