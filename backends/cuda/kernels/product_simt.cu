/* Products without matrix instructions: dp4a on bytes, fused multiply-adds on f32.
 *
 * A warp makes 4 rows * rows x 8 columns * columns of y, lane l the rows l / 8 + 4 i and the columns
 * l % 8 + 8 j: so that eight lanes read eight different banks. k goes by chunks of 16 bytes. */
#include "finish.h"
#include "tile.h"

template <int m, int n, int rows_, int columns_, int stages>
struct simt_shape
    : tile_shape<m, n, 64, stages, 32 * (m / (4 * rows_)) * (n / (8 * columns_))> {
    static constexpr int rows = rows_, columns = columns_;
    static constexpr int warps_n = n / (8 * columns);
    static_assert(m * (n + 16) <= simt_shape::bytes, "the tile of y");
};

struct simt_s8 {
    typedef s32 sum;
    static constexpr int element = 1;
    FUNCTION void multiply(s32 &c, const uint4 &a, const uint4 &b)
    {
        c = dot4(c, (s32)a.x, (s32)b.x);
        c = dot4(c, (s32)a.y, (s32)b.y);
        c = dot4(c, (s32)a.z, (s32)b.z);
        c = dot4(c, (s32)a.w, (s32)b.w);
    }
};

struct simt_f32 {
    typedef float sum;
    static constexpr int element = 4;
    FUNCTION void multiply(float &c, const uint4 &a, const uint4 &b)
    {
        c = __fmaf_rn(as_f32(a.x), as_f32(b.x), c);
        c = __fmaf_rn(as_f32(a.y), as_f32(b.y), c);
        c = __fmaf_rn(as_f32(a.z), as_f32(b.z), c);
        c = __fmaf_rn(as_f32(a.w), as_f32(b.w), c);
    }
};

/* The first row and column of y of this lane, in the tile. */
struct lane_place {
    int m, n;
};

template <class T> FUNCTION lane_place place_of_lane()
{
    int warp = (int)threadIdx.x / 32;
    int lane = (int)threadIdx.x % 32;
    lane_place l;
    l.m = warp / T::warps_n * 4 * T::rows + lane / 8;
    l.n = warp % T::warps_n * 8 * T::columns + lane % 8;
    return l;
}

template <class T, class M>
FUNCTION void multiply_stage(const u8 *stage, const lane_place &l, u32 flip,
                             typename M::sum (*c)[T::columns])
{
    const u8 *stage_w = stage + T::m * T::depth;
    for (int chunk = 0; chunk < T::chunks; chunk++) {
        uint4 a[T::rows];
        UNROLL
        for (int i = 0; i < T::rows; i++) {
            a[i] = *(const uint4 *)(stage + chunk_at<T>(l.m + 4 * i, chunk));
            a[i] = make_uint4(a[i].x ^ flip, a[i].y ^ flip, a[i].z ^ flip, a[i].w ^ flip);
        }
        UNROLL
        for (int j = 0; j < T::columns; j++) {
            uint4 b = *(const uint4 *)(stage_w + chunk_at<T>(l.n + 8 * j, chunk));
            UNROLL
            for (int i = 0; i < T::rows; i++) {
                M::multiply(c[i][j], a[i], b);
            }
        }
    }
}

template <class T>
FUNCTION void finish(const davit_gpu_product_params &p, const product_end &e, const lane_place &l,
                     u8 *memory, s32 (*c)[T::columns])
{
    if (e.residual) {
        move_tile<T, false>(p, e, memory);
        __syncthreads();
    }
    UNROLL
    for (int j = 0; j < T::columns; j++) {
        column_end end = column_of(p, e, l.n + 8 * j);
        UNROLL
        for (int i = 0; i < T::rows; i++) {
            if (end.inside) {
                finish_in_tile(p, e, end, c[i][j],
                               memory + (l.m + 4 * i) * tile_pitch<T> + l.n + 8 * j);
            }
        }
    }
    __syncthreads();
    move_tile<T, true>(p, e, memory);
}

template <class T>
FUNCTION void finish(const davit_gpu_product_params &p, const product_end &e, const lane_place &l,
                     u8 *, float (*c)[T::columns])
{
    UNROLL
    for (int j = 0; j < T::columns; j++) {
        UNROLL
        for (int i = 0; i < T::rows; i++) {
            finish_f32_at(p, e, l.m + 4 * i, l.n + 8 * j, c[i][j]);
        }
    }
}

template <class T, class M>
FUNCTION void product_simt(const davit_gpu_product_params &p, const void *x, const void *weights,
                           const product_end &e)
{
    DAVIT_SHARED(u8, memory, T::bytes);
    lane_place l = place_of_lane<T>();
    typename M::sum c[T::rows][T::columns];
    UNROLL
    for (int i = 0; i < T::rows; i++) {
        UNROLL
        for (int j = 0; j < T::columns; j++) {
            c[i][j] = 0;
        }
    }
    tile_loader<T> loader;
    loader_begin(loader, p, (const u8 *)x, (const u8 *)weights, M::element, e.m0, e.n0, e.group);
    u32 flip = M::element == 1 && p.x_flip ? 0x80808080u : 0u;
    run_stages(loader, memory,
               [&](const u8 *stage) { multiply_stage<T, M>(stage, l, flip, c); });
    finish<T>(p, e, l, memory, c);
}

#define PRODUCT_SIMT(name, type, count, blocks, ...)                                               \
    typedef simt_shape<__VA_ARGS__> name##_shape;                                                  \
    PRODUCT_ENTRY(name, type, count, blocks, product_simt<name##_shape, simt_##type>)
#ifndef DAVIT_PRODUCTS /* some of them, for evidence.py */
#define DAVIT_PRODUCTS "products.def"
#endif
#include DAVIT_PRODUCTS
