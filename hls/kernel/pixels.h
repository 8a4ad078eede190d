/* Positions of output pixels in the input, by counters: no division, and multiplications only once
 * in a call. */
#ifndef DAVIT_HLS_PIXELS_H
#define DAVIT_HLS_PIXELS_H

#include "word.h"

/* How pixels lie. */
struct pixel_grid {
    uint32_t images, out_h, out_w;
    int32_t in_h, row_bytes, stride_y, stride_x, pad_top, pad_left;
};

struct pixel_t {
    uint32_t image, y, x; /* of the output */
    int32_t image_byte;   /* first byte of the image */
    int32_t first_row;    /* first input row, above the image where it is padding */
    int32_t line;         /* byte address of that row */
    int32_t byte;         /* first byte in a row, negative where it is padding */
};

/* A step forward by a number of pixels: its digits, and what they change. */
struct pixel_step {
    uint32_t images, ys, xs;
    int32_t row, line, byte;                /* of ys and xs */
    int32_t carry_row, carry_line;          /* one more output row */
    int32_t wrap_row, wrap_line, wrap_byte; /* back from behind the last row or column */
    int32_t images_bytes, image_bytes;      /* of images; one more */
};

static inline pixel_t first_pixel(const pixel_grid &g)
{
#pragma HLS INLINE
    pixel_t p;
    p.image = 0;
    p.y = 0;
    p.x = 0;
    p.image_byte = 0;
    p.first_row = -g.pad_top;
    p.line = -g.pad_top * g.row_bytes;
    p.byte = -g.pad_left;
    return p;
}

/* The step with these digits. */
static inline pixel_step step_of(const pixel_grid &g, uint32_t images, uint32_t ys, uint32_t xs)
{
    pixel_step s;
    s.images = images;
    s.ys = ys;
    s.xs = xs;
    s.carry_row = g.stride_y;
    s.carry_line = g.stride_y * g.row_bytes;
    s.row = (int32_t)ys * g.stride_y;
    s.line = (int32_t)ys * s.carry_line;
    s.byte = (int32_t)xs * g.stride_x;
    s.wrap_row = (int32_t)g.out_h * g.stride_y;
    s.wrap_line = (int32_t)g.out_h * s.carry_line;
    s.wrap_byte = (int32_t)g.out_w * g.stride_x;
    s.image_bytes = g.in_h * g.row_bytes;
    s.images_bytes = (int32_t)images * s.image_bytes;
    return s;
}

/* A pixel some pixels later: addition in mixed radix. */
static inline pixel_t advance(const pixel_grid &g, const pixel_t &from, const pixel_step &s)
{
#pragma HLS INLINE
    pixel_t p = from;
    p.x += s.xs;
    p.byte += s.byte;
    const bool next_row = p.x >= g.out_w;
    if (next_row) {
        p.x -= g.out_w;
        p.byte -= s.wrap_byte;
    }
    p.y += s.ys + (next_row ? 1 : 0);
    p.first_row += s.row + (next_row ? s.carry_row : 0);
    p.line += s.line + (next_row ? s.carry_line : 0);
    const bool next_image = p.y >= g.out_h;
    if (next_image) {
        p.y -= g.out_h;
        p.first_row -= s.wrap_row;
        p.line -= s.wrap_line;
    }
    const int32_t bytes = s.images_bytes + (next_image ? s.image_bytes : 0);
    p.line += bytes;
    p.image_byte += bytes;
    p.image += s.images + (next_image ? 1 : 0);
    return p;
}

/* The first byte that this pixel and all later ones need: a bound that never falls. */
static inline int32_t first_needed(const pixel_t &p)
{
#pragma HLS INLINE
    if (p.first_row < 0) {
        return p.image_byte;
    }
    return p.line + (p.byte > 0 ? p.byte : 0);
}

#endif
