/* From sums to y. Bytes go through shared memory, so that y and the residual are read and written in
 * whole words; what finishes a sum is that of the portable kernels (arithmetic.inc). */
#ifndef DAVIT_CUDA_FINISH_H
#define DAVIT_CUDA_FINISH_H

#include "prelude.h"

#include "davit/gpu_product.h"

#include "../../gpu/kernels/params.h"

#include "../../gpu/kernels/arithmetic.inc"

/* The pieces of a product kernel's arguments that its end needs, and where the tile of y lies. */
struct product_end {
    const float *bias, *scale;
    const s32 *correction;
    const void *residual;
    void *y;
    int m0, n0, group;
};

/* y's tile in shared memory; the pitch keeps rows of a fragment in different banks. */
template <class T> constexpr int tile_pitch = T::n + 16;

template <class W, bool to_memory>
FUNCTION void move_rows(const davit_gpu_product_params &p, const product_end &e, u8 *tile, int pitch,
                        int rows, int columns, int threads)
{
    int each = (int)sizeof(W);
    int words = columns / each;
    const u8 *residual = (const u8 *)e.residual;
    u8 *y = (u8 *)e.y;
    for (int i = (int)threadIdx.x; i < rows * words; i += threads) {
        int row = i / words;
        int n = (i - row * words) * each;
        int m = e.m0 + row;
        if (m >= p.m || e.n0 + n >= p.group_out) {
            continue;
        }
        s64 at = (s64)m * p.out_c + e.group * p.group_out + e.n0 + n;
        W *word = (W *)(tile + row * pitch + n);
        if (to_memory) {
            *(W *)(y + at) = *word;
        } else {
            *word = *(const W *)(residual + at);
        }
    }
}

/* Moves the tile: to y, or from the residual. */
template <class T, bool to_memory>
FUNCTION void move_tile(const davit_gpu_product_params &p, const product_end &e, u8 *tile)
{
    int units = p.out_c | p.group_out;
    if ((units & 15) == 0) {
        move_rows<uint4, to_memory>(p, e, tile, tile_pitch<T>, T::m, T::n, T::threads);
    } else if ((units & 3) == 0) {
        move_rows<u32, to_memory>(p, e, tile, tile_pitch<T>, T::m, T::n, T::threads);
    } else {
        move_rows<u8, to_memory>(p, e, tile, tile_pitch<T>, T::m, T::n, T::threads);
    }
}

/* What a column of y needs. */
struct column_end {
    float bias, scale;
    s32 correction;
    bool inside;
};

FUNCTION column_end column_of(const davit_gpu_product_params &p, const product_end &e, int n)
{
    column_end c = {0.0f, 0.0f, 0, e.n0 + n < p.group_out};
    if (c.inside) {
        int o = e.group * p.group_out + e.n0 + n;
        c.bias = e.bias ? e.bias[o] : 0.0f;
        c.scale = e.scale[o];
        c.correction = e.correction[o];
    }
    return c;
}

/* Replaces the residual's byte, if there is one, by the result. */
FUNCTION void finish_in_tile(const davit_gpu_product_params &p, const product_end &e,
                             const column_end &c, s32 sum, u8 *byte)
{
    int residual = e.residual ? load_byte(byte, 0, p.residual_unsigned) - p.residual_zero : 0;
    *byte = (u8)requantize(p, sum + c.correction, c.bias, c.scale, residual);
}

/* Not inlined: a tile finishes up to 64 sums a thread, and functions such as erf are long. */
DAVIT_NOINLINE float activate_called(int activation, float alpha, float beta, float t)
{
    return activate(activation, alpha, beta, t);
}

/* finish_f32 of the portable kernels. */
FUNCTION void finish_f32_at(const davit_gpu_product_params &p, const product_end &e, int row,
                            int n, float sum)
{
    int m = e.m0 + row;
    if (m < p.m && e.n0 + n < p.group_out) {
        int o = e.group * p.group_out + e.n0 + n;
        s64 at = (s64)m * p.out_c + o;
        float residual = e.residual ? ((const float *)e.residual)[at] : 0.0f;
        float t = sum + (e.bias ? e.bias[o] : 0.0f);
        t = p.residual_last ? t : t + residual;
        t = p.activation < 0 ? t : activate_called(p.activation, p.alpha, p.beta, t);
        ((float *)e.y)[at] = p.residual_last ? t + residual : t;
    }
}

#define s8_element u8
#define f32_element float
#define tf32_element float

/* The entry of a product kernel on tiles of name_shape; the last argument is the function template that
 * computes a tile. */
#define PRODUCT_ENTRY(name, type, count, blocks, ...)                                              \
    static_assert(name##_shape::threads == count, "threads in products.def");                      \
    DAVIT_KERNEL_BLOCKS(name, count, blocks)                                                       \
    (PARAMS(davit_gpu_product_params, p), ARG(const type##_element, x),                            \
     ARG(const type##_element, w), ARG(const float, bias), ARG(const float, scale),                \
     ARG(const s32, correction), ARG(const type##_element, residual), ARG(type##_element, y))      \
    {                                                                                              \
        product_end e = {bias, scale, correction, residual, y, GROUP(0) * name##_shape::m,         \
                         GROUP(1) * name##_shape::n, GROUP(2)};                                    \
        __VA_ARGS__(p, x, w, e);                                                                   \
    }

#endif
