/* Words, floats as bits, and the two byte shifters of the engine. */
#ifndef DAVIT_HLS_WORD_H
#define DAVIT_HLS_WORD_H

#include <stdint.h>

#include "ap_int.h"
#include "davit/engine_abi.h"

enum { WORD = 64 }; /* bytes */

typedef ap_uint<512> word_t;
typedef ap_uint<1024> two_words_t;

/* The bits of a value as a signed number, and back. */
template <int W> ap_int<W> as_signed(uint64_t bits)
{
#pragma HLS INLINE
    ap_int<W> out;
    out.range(W - 1, 0) = bits;
    return out;
}

static inline float as_float(uint32_t bits)
{
#pragma HLS INLINE
    union {
        uint32_t bits;
        float value;
    } u;
    u.bits = bits;
    return u.value;
}

static inline uint32_t float_bits(float value)
{
#pragma HLS INLINE
    union {
        uint32_t bits;
        float value;
    } u;
    u.value = value;
    return u.bits;
}

/* Field i of a word as 32 bits. */
static inline uint32_t field32(const word_t &word, int i)
{
#pragma HLS INLINE
    return (uint32_t)word.range(32 * i + 31, 32 * i);
}

/* 64 bytes from byte `shift` (0..63) of two neighbouring words. */
static inline word_t take_bytes(const word_t &low, const word_t &high, int shift)
{
#pragma HLS INLINE
    two_words_t both = (two_words_t)low | ((two_words_t)high << 512);
    return (word_t)(both >> (8 * shift));
}

/* u8 to s8: flips the top bit of every byte. */
static inline word_t shift_bytes(const word_t &word)
{
#pragma HLS INLINE
    word_t flip;
    for (int i = 0; i < WORD / 8; i++) {
#pragma HLS UNROLL
        flip.range(64 * i + 63, 64 * i) = 0x8080808080808080ull;
    }
    return word ^ flip;
}

/* Bytes first to last of a word stay, the others become pad. */
static inline word_t pad_outside(const word_t &word, int first, int last, ap_uint<8> pad)
{
#pragma HLS INLINE
    word_t out = word;
    if (first > 0 || last < WORD - 1) {
        for (int i = 0; i < WORD; i++) {
#pragma HLS UNROLL
            if (i < first || i > last) {
                out.range(8 * i + 7, 8 * i) = pad;
            }
        }
    }
    return out;
}

#endif
