/* How product kernels bring a tile of x and a tile of weights to shared memory, stage by stage.
 *
 * Everything is in bytes: f32 and s8 differ in what the words mean. A stage holds rows of x (pixels)
 * and then rows of w (channels), `depth` bytes of k each, as chunks of 16 bytes; chunks of a row are
 * permuted so that eight consecutive rows of a chunk lie in different banks. */
#ifndef DAVIT_CUDA_TILE_H
#define DAVIT_CUDA_TILE_H

#include "matrix.h"

#include "davit/gpu_product.h"

template <int rows_x, int rows_w, int depth_, int stages_, int threads_> struct tile_shape {
    static constexpr int m = rows_x, n = rows_w, depth = depth_;
    static constexpr int stages = DAVIT_ARCH >= 800 ? stages_ : 2; /* through registers: two */
    static constexpr int threads = threads_;
    static constexpr int chunks = depth / 16;              /* of a row */
    static constexpr int pass = threads / chunks;          /* rows that all threads load at once */
    static constexpr int x_passes = (m + pass - 1) / pass; /* rows of x that a thread loads */
    static constexpr int w_passes = (n + pass - 1) / pass;
    static constexpr int stage_bytes = (m + n) * depth;
    static constexpr int bytes = stages * stage_bytes;
    static_assert(chunks == 4 || chunks == 8, "what chunk_at permutes");
    static_assert(bytes <= 48 * 1024, "static shared memory");
};

/* Where a chunk of a row is. */
template <class T> FUNCTION int chunk_at(int row, int chunk)
{
    int turn = T::chunks == 4 ? (row >> 1) & 3 : row & 7;
    return row * T::depth + ((chunk ^ turn) << 4);
}

/* What a thread loads: the chunk of the same column in some rows of x and of w. */
template <class T> struct tile_loader {
    const u8 *x, *w;
    int in_h, in_w, in_c, pitch, group_in, k, k_padded, n_padded;
    int kernel_w, dilation_h, dilation_w;
    int fill;          /* a word outside of the image */
    int width;         /* x can be read in units of 16, 4 or 1 bytes */
    int row, chunk;    /* of this thread in the first pass */
    int at;            /* its byte of k in the next stage */
    int c, ky, kx;     /* the same as channel and tap, for width 16 */
    int n0;
    int x_at[T::x_passes], top[T::x_passes], left[T::x_passes];
};

/* word: bytes of an element. */
template <class T>
FUNCTION void loader_begin(tile_loader<T> &l, const davit_gpu_product_params &p, const u8 *x,
                           const u8 *w, int word, int m0, int n0, int group)
{
    l.x = x;
    l.in_h = p.in_h;
    l.in_w = p.in_w;
    l.in_c = p.in_c * word;
    l.pitch = p.pitch * word;
    l.group_in = p.group_in * word;
    l.k = p.k * word;
    l.k_padded = p.k_padded * word;
    l.n_padded = p.n_padded;
    l.kernel_w = p.kernel_w;
    l.dilation_h = p.dilation_h;
    l.dilation_w = p.dilation_w;
    l.fill = word == 1 ? (int)(0x01010101u * (u32)((p.x_zero ^ (p.x_flip ? 0x80 : 0)) & 255)) : 0;
    int units = l.in_c | l.group_in;
    l.width = (units & 15) == 0 ? 16 : (units & 3) == 0 ? 4 : 1;
    l.w = w + (s64)group * p.n_padded * l.k_padded;
    l.n0 = n0;
    l.row = (int)threadIdx.x / T::chunks;
    l.chunk = (int)threadIdx.x % T::chunks;
    l.at = l.chunk * 16;
    int tap = l.at / l.pitch;
    l.c = l.at - tap * l.pitch;
    l.ky = tap / p.kernel_w;
    l.kx = tap - l.ky * p.kernel_w;
    UNROLL
    for (int i = 0; i < T::x_passes; i++) {
        int m = m0 + l.row + i * T::pass;
        int line = m / p.out_w;
        int image = line / p.out_h;
        int top = (line - image * p.out_h) * p.stride_h - p.pad_top;
        l.left[i] = (m - line * p.out_w) * p.stride_w - p.pad_left;
        l.x_at[i] = ((image * p.in_h + top) * p.in_w + l.left[i]) * l.in_c + group * l.group_in;
        l.top[i] = m < p.m ? top : -(1 << 30); /* outside of every image */
        l.x_at[i] = m < p.m ? l.x_at[i] : 0;
    }
}

/* To the next stage. */
template <class T> FUNCTION void loader_advance(tile_loader<T> &l)
{
    l.at += T::depth;
    l.c += T::depth;
    while (l.width == 16 && l.c >= l.pitch) {
        l.c -= l.pitch;
        l.kx++;
        if (l.kx == l.kernel_w) {
            l.kx = 0;
            l.ky++;
        }
    }
}

/* A word of x that may straddle nothing: byte `at` of k in row i; not beyond k. */
template <class T> FUNCTION const u8 *word_of_x(const tile_loader<T> &l, int i, int at, int *channel)
{
    int tap = at / l.pitch;
    *channel = at - tap * l.pitch;
    int dy = tap / l.kernel_w;
    int dx = (tap - dy * l.kernel_w) * l.dilation_w;
    dy *= l.dilation_h;
    bool inside = (u32)(l.top[i] + dy) < (u32)l.in_h && (u32)(l.left[i] + dx) < (u32)l.in_w;
    return inside ? l.x + l.x_at[i] + (dy * l.in_w + dx) * l.in_c + *channel : nullptr;
}

template <class T> FUNCTION u32 read_word(const tile_loader<T> &l, const u8 *from, int channel)
{
    if (from == nullptr) {
        return (u32)l.fill;
    }
    if (l.width == 4) {
        return *(const u32 *)from;
    }
    u32 word = 0;
    for (int j = 0; j < 4 && channel + j < l.group_in; j++) {
        word |= (u32)from[j] << (8 * j);
    }
    return word;
}

/* The chunk of x of row i when width is 16, else a null pointer outside of the image. */
template <class T> FUNCTION const u8 *chunk_of_x(const tile_loader<T> &l, int i)
{
    int dy = l.ky * l.dilation_h;
    int dx = l.kx * l.dilation_w;
    bool inside = l.at < l.k && (u32)(l.top[i] + dy) < (u32)l.in_h &&
                  (u32)(l.left[i] + dx) < (u32)l.in_w;
    return inside ? l.x + l.x_at[i] + (dy * l.in_w + dx) * l.in_c + l.c : nullptr;
}

template <class T> FUNCTION const u8 *chunk_of_w(const tile_loader<T> &l, int i)
{
    int n = l.n0 + l.row + i * T::pass;
    bool inside = l.at < l.k_padded && n < l.n_padded;
    return inside ? l.w + (s64)n * l.k_padded + l.at : nullptr;
}

/* ---- asynchronous: memory to shared memory behind the threads' back ---- */

template <class T> FUNCTION void copy_x_words(const tile_loader<T> &l, int i, u8 *to)
{
    for (int j = 0; j < 4; j++) {
        int channel = 0;
        int at = l.at + 4 * j;
        const u8 *from = at < l.k ? word_of_x(l, i, at, &channel) : nullptr;
        if (from != nullptr && l.width == 4) {
            copy_4_async(to + 4 * j, from);
        } else {
            *(u32 *)(to + 4 * j) = read_word(l, from, channel);
        }
    }
}

template <class T> FUNCTION void load_async(tile_loader<T> &l, u8 *stage)
{
    u32 fill = (u32)l.fill;
    UNROLL
    for (int i = 0; i < T::x_passes; i++) {
        int row = l.row + i * T::pass;
        if (T::m % T::pass != 0 && row >= T::m) {
            break;
        }
        u8 *to = stage + chunk_at<T>(row, l.chunk);
        if (l.width != 16) {
            copy_x_words(l, i, to);
            continue;
        }
        const u8 *from = chunk_of_x(l, i);
        if (from != nullptr) {
            copy_16_async(to, from);
        } else {
            *(uint4 *)to = make_uint4(fill, fill, fill, fill);
        }
    }
    UNROLL
    for (int i = 0; i < T::w_passes; i++) {
        int row = l.row + i * T::pass;
        if (T::n % T::pass != 0 && row >= T::n) {
            break;
        }
        u8 *to = stage + T::m * T::depth + chunk_at<T>(row, l.chunk);
        const u8 *from = chunk_of_w(l, i);
        if (from != nullptr) {
            copy_16_async(to, from);
        } else {
            *(uint4 *)to = make_uint4(0, 0, 0, 0);
        }
    }
    loader_advance(l);
}

/* ---- through registers, where there are no asynchronous copies ---- */

template <class T> struct tile_registers {
    uint4 x[T::x_passes], w[T::w_passes];
};

template <class T> FUNCTION uint4 fetch_x_words(const tile_loader<T> &l, int i)
{
    u32 words[4];
    UNROLL
    for (int j = 0; j < 4; j++) {
        int channel = 0;
        int at = l.at + 4 * j;
        const u8 *from = at < l.k ? word_of_x(l, i, at, &channel) : nullptr;
        words[j] = read_word(l, from, channel);
    }
    return make_uint4(words[0], words[1], words[2], words[3]);
}

template <class T> FUNCTION void fetch(tile_loader<T> &l, tile_registers<T> &r)
{
    u32 fill = (u32)l.fill;
    UNROLL
    for (int i = 0; i < T::x_passes; i++) {
        if (l.width != 16) {
            r.x[i] = fetch_x_words(l, i);
            continue;
        }
        const u8 *from = chunk_of_x(l, i);
        r.x[i] = from != nullptr ? *(const uint4 *)from : make_uint4(fill, fill, fill, fill);
    }
    UNROLL
    for (int i = 0; i < T::w_passes; i++) {
        const u8 *from = chunk_of_w(l, i);
        r.w[i] = from != nullptr ? *(const uint4 *)from : make_uint4(0, 0, 0, 0);
    }
    loader_advance(l);
}

template <class T>
FUNCTION void store(const tile_loader<T> &l, const tile_registers<T> &r, u8 *stage)
{
    UNROLL
    for (int i = 0; i < T::x_passes; i++) {
        int row = l.row + i * T::pass;
        if (T::m % T::pass == 0 || row < T::m) {
            *(uint4 *)(stage + chunk_at<T>(row, l.chunk)) = r.x[i];
        }
    }
    UNROLL
    for (int i = 0; i < T::w_passes; i++) {
        int row = l.row + i * T::pass;
        if (T::n % T::pass == 0 || row < T::n) {
            *(uint4 *)(stage + T::m * T::depth + chunk_at<T>(row, l.chunk)) = r.w[i];
        }
    }
}

/* ---- the pipeline ---- */

/* Calls multiply(stage) for each stage in order. On return all threads are past the last one. */
template <class T, class F> FUNCTION void run_stages(tile_loader<T> &l, u8 *memory, F multiply)
{
    int count = (l.k_padded + T::depth - 1) / T::depth;
#if DAVIT_ARCH >= 800
    UNROLL
    for (int i = 0; i < T::stages - 1; i++) {
        if (i < count) {
            load_async(l, memory + i * T::stage_bytes);
        }
        copy_commit();
    }
    int slot = 0;
    for (int i = 0; i < count; i++) {
        copy_wait<T::stages - 2>();
        __syncthreads();
        if (i + T::stages - 1 < count) {
            int next = slot == 0 ? T::stages - 1 : slot - 1;
            load_async(l, memory + next * T::stage_bytes);
        }
        copy_commit();
        multiply(memory + slot * T::stage_bytes);
        slot = slot == T::stages - 1 ? 0 : slot + 1;
    }
#else
    tile_registers<T> r;
    fetch(l, r);
    store(l, r, memory);
    __syncthreads();
    for (int i = 0; i < count; i++) {
        if (i + 1 < count) {
            fetch(l, r);
        }
        multiply(memory + (i & 1) * T::stage_bytes);
        if (i + 1 < count) {
            store(l, r, memory + ((i + 1) & 1) * T::stage_bytes);
        }
        __syncthreads();
    }
#endif
    __syncthreads();
}

#endif
