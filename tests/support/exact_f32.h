/* binary32 arithmetic by 128-bit integers: an oracle that shares no rounding with the processor. */
#ifndef DAVIT_TEST_EXACT_F32_H
#define DAVIT_TEST_EXACT_F32_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

__extension__ typedef __int128 exact_int;

/* significand * 2^exponent; |significand| < 2^126. */
typedef struct exact {
    exact_int significand;
    int exponent;
} exact;

/* value / 2^bits to an integer, nearest even; bits >= 0. */
static inline exact_int exact_shift(exact_int value, int bits)
{
    exact_int magnitude = value < 0 ? -value : value;
    if (bits == 0) {
        return value;
    }
    if (bits > 126) {
        return 0;
    }
    exact_int whole = magnitude >> bits;
    exact_int rest = magnitude - (whole << bits);
    exact_int half = (exact_int)1 << (bits - 1);
    whole += rest > half || (rest == half && (whole & 1) != 0);
    return value < 0 ? -whole : whole;
}

/* Rounds to f32 once. */
static inline float exact_round(exact value)
{
    exact_int magnitude = value.significand < 0 ? -value.significand : value.significand;
    int bits = 0;
    while (bits < 127 && magnitude >> bits != 0) {
        bits++;
    }
    int drop = bits - 24 > -149 - value.exponent ? bits - 24 : -149 - value.exponent;
    drop = drop > 0 ? drop : 0;
    exact_int kept = exact_shift(value.significand, drop);
    return (float)ldexp((double)(int64_t)kept, value.exponent + drop);
}

static inline exact exact_of(float value)
{
    int exponent;
    float fraction = frexpf(value, &exponent);
    return (exact){(exact_int)(int32_t)ldexpf(fraction, 24), exponent - 24};
}

static inline float exact_from_s64(int64_t value)
{
    return exact_round((exact){value, 0});
}

static inline float exact_multiply(float a, float b)
{
    exact x = exact_of(a);
    exact y = exact_of(b);
    return exact_round((exact){x.significand * y.significand, x.exponent + y.exponent});
}

static inline float exact_add(float a, float b)
{
    exact x = exact_of(a);
    exact y = exact_of(b);
    if (x.significand == 0 || y.significand == 0) {
        return x.significand == 0 ? b : a;
    }
    if (x.exponent < y.exponent) {
        exact swapped = x;
        x = y;
        y = swapped;
    }
    int apart = x.exponent - y.exponent;
    if (apart > 60) { /* only the sign of what is far below matters */
        y = (exact){y.significand < 0 ? -1 : 1, x.exponent - 60};
        apart = 60;
    }
    return exact_round(
        (exact){x.significand * ((exact_int)1 << apart) + y.significand, y.exponent});
}

static inline float exact_divide(float a, float b)
{
    exact x = exact_of(a);
    exact y = exact_of(b);
    exact_int scaled = x.significand * ((exact_int)1 << 64);
    exact_int quotient = scaled / y.significand;
    bool rest = quotient * y.significand != scaled;
    /* One more bit below all others says that something is left. */
    exact_int sticky = quotient < 0 || (quotient == 0 && (a < 0) != (b < 0)) ? -1 : 1;
    return exact_round((exact){quotient * 2 + (rest ? sticky : 0), x.exponent - y.exponent - 65});
}

/* Nearest even integer of |value| < 2^31. */
static inline int32_t exact_to_s32(float value)
{
    exact x = exact_of(value);
    return (int32_t)(x.exponent >= 0 ? x.significand * ((exact_int)1 << x.exponent)
                                     : exact_shift(x.significand, -x.exponent));
}

#endif
