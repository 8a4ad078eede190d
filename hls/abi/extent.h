/* Shapes of windows: what gemm_layout.c and vector_layout.c check alike. */
#ifndef DAVIT_HLS_EXTENT_H
#define DAVIT_HLS_EXTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "davit/engine_abi.h"

/* One axis of a window. */
typedef struct davit_extent {
    uint32_t in, kernel, stride, dilation, pad, out;
} davit_extent;

static inline uint32_t davit_ceil_div(uint32_t a, uint32_t b)
{
    return a / b + (a % b != 0);
}

/* Words that hold so many bytes. */
static inline uint64_t davit_words(uint64_t bytes)
{
    return (bytes + DAVIT_ENGINE_WORD - 1) / DAVIT_ENGINE_WORD;
}

/* NULL, or what is wrong with the axis. */
const char *davit_extent_check(const davit_extent *axis);

/* a * b * c * d bytes are at most 128 MiB. */
bool davit_extent_bytes_fit(uint32_t a, uint32_t b, uint32_t c, uint32_t d);

/* The shift of the engine's input from u8 to s8 applied to its zero point. */
static inline int32_t davit_shifted_zero(bool is_u8, int32_t zero)
{
    return is_u8 ? zero - 128 : zero;
}

#endif
