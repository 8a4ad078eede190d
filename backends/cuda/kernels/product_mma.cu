/* Products by matrix instructions: s8 (mma.sync m16n8k32, m8n8k16 before sm_80) and TF32.
 *
 * A warp makes warp_m x warp_n of y. With slices > 1 several warps share that and each takes other
 * steps of k; the first one adds up: for products of few pixels and long k. A step is 32 bytes of k:
 * an instruction of s8, two of TF32 at 16 bytes each. */
#include "finish.h"
#include "tile.h"

template <int m, int n, int warp_m_, int warp_n_, int slices_, int depth, int stages>
struct mma_shape
    : tile_shape<m, n, depth, stages, 32 * (m / warp_m_) * (n / warp_n_) * slices_> {
    static constexpr int warp_m = warp_m_, warp_n = warp_n_, slices = slices_;
    static constexpr int columns = n / warp_n; /* of warps */
    static constexpr int tiles_m = warp_m / 16, tiles_n = warp_n / 8;
    static constexpr int steps = depth / 32;
    static_assert(warp_n % 16 == 0, "ldmatrix loads 16 columns");
    static_assert(steps % slices == 0, "slices take whole steps");
    static_assert((slices - 1) * m * n * 4 <= mma_shape::bytes, "sums of slices");
    static_assert(m * (n + 16) <= mma_shape::bytes, "the tile of y");
};

struct warp_place {
    int m, n, slice, lane;
};

template <class T> FUNCTION warp_place place_of_warp()
{
    int warp = (int)threadIdx.x / 32;
    int tiles = warp / T::slices;
    warp_place w;
    w.lane = (int)threadIdx.x % 32;
    w.slice = warp % T::slices;
    w.m = tiles / T::columns * T::warp_m;
    w.n = tiles % T::columns * T::warp_n;
    return w;
}

struct mma_s8 {
    typedef s32 sum;
    static constexpr bool is_s8 = true;
    FUNCTION u32 operand(u32 word, u32 flip)
    {
        return word ^ flip;
    }
    FUNCTION void multiply(s32 *c, const u32 *a, const u32 *b)
    {
        matrix_s8(c, a, b);
    }
};

struct mma_tf32 {
    typedef float sum;
    static constexpr bool is_s8 = false;
    FUNCTION u32 operand(u32 word, u32)
    {
        return to_tf32(word);
    }
    FUNCTION void multiply(float *c, const u32 *a, const u32 *b)
    {
        matrix_tf32(c, a, b);
    }
};

/* All of a warp's products of one step: fragments come by ldmatrix, whose matrices are 8 rows of a
 * chunk: of x rows 0-7, 8-15 of chunk 0, then of chunk 1; of w chunks 0, 1 of columns 0-7, then
 * 8-15. */
template <class T, class M>
FUNCTION void multiply_step(const u8 *stage, const warp_place &w, int step, u32 flip,
                            typename M::sum (*c)[T::tiles_n][4])
{
    u32 a[T::tiles_m][4];
    int matrix = w.lane / 8;
    int line = w.lane % 8;
    UNROLL
    for (int i = 0; i < T::tiles_m; i++) {
        int row = w.m + i * 16 + (matrix & 1) * 8 + line;
        load_matrices(a[i], stage + chunk_at<T>(row, 2 * step + (matrix >> 1)));
        UNROLL
        for (int j = 0; j < 4; j++) {
            a[i][j] = M::operand(a[i][j], flip);
        }
    }
    const u8 *stage_w = stage + T::m * T::depth;
    UNROLL
    for (int n = 0; n < T::tiles_n; n += 2) {
        u32 b[4];
        int row = w.n + n * 8 + (matrix >> 1) * 8 + line;
        load_matrices(b, stage_w + chunk_at<T>(row, 2 * step + (matrix & 1)));
        UNROLL
        for (int j = 0; j < 4; j++) {
            b[j] = M::operand(b[j], 0);
        }
        UNROLL
        for (int i = 0; i < T::tiles_m; i++) {
            M::multiply(c[i][n], a[i], b);
            M::multiply(c[i][n + 1], a[i], b + 2);
        }
    }
}

/* The first slice gets the sums of all. */
template <class T, class S>
FUNCTION void add_slices(const warp_place &w, u8 *memory, S (*c)[T::tiles_n][4])
{
    S *sums = (S *)memory;
    constexpr int each = T::tiles_m * T::tiles_n * 4;
    int tile = (int)threadIdx.x / 32 / T::slices;
    for (int i = 0; i < T::tiles_m; i++) {
        for (int n = 0; n < T::tiles_n; n++) {
            UNROLL
            for (int j = 0; j < 4; j++) {
                int word = (i * T::tiles_n + n) * 4 + j;
                if (w.slice > 0) {
                    sums[((tile * (T::slices - 1) + w.slice - 1) * each + word) * 32 + w.lane] =
                        c[i][n][j];
                }
            }
        }
    }
    __syncthreads();
    UNROLL
    for (int i = 0; i < T::tiles_m; i++) {
        UNROLL
        for (int n = 0; n < T::tiles_n; n++) {
            UNROLL
            for (int j = 0; j < 4; j++) {
                int word = (i * T::tiles_n + n) * 4 + j;
                for (int s = 0; w.slice == 0 && s < T::slices - 1; s++) {
                    c[i][n][j] += sums[((tile * (T::slices - 1) + s) * each + word) * 32 + w.lane];
                }
            }
        }
    }
    __syncthreads();
}

/* c[i][n][j] is at row lane / 4 + 8 (j / 2), column 2 (lane % 4) + j % 2 of its 16 x 8. */
template <class T>
FUNCTION void finish(const davit_gpu_product_params &p, const product_end &e, const warp_place &w,
                     u8 *memory, s32 (*c)[T::tiles_n][4])
{
    if (e.residual) {
        move_tile<T, false>(p, e, memory);
        __syncthreads();
    }
    UNROLL
    for (int n = 0; n < T::tiles_n; n++) {
        UNROLL
        for (int odd = 0; odd < 2; odd++) {
            int column = w.n + n * 8 + w.lane % 4 * 2 + odd;
            column_end end = column_of(p, e, column);
            UNROLL
            for (int i = 0; i < 2 * T::tiles_m; i++) {
                int row = w.m + i * 8 + w.lane / 4;
                if (w.slice == 0 && end.inside) {
                    finish_in_tile(p, e, end, c[i / 2][n][i % 2 * 2 + odd],
                                   memory + row * tile_pitch<T> + column);
                }
            }
        }
    }
    __syncthreads();
    move_tile<T, true>(p, e, memory);
}

template <class T>
FUNCTION void finish(const davit_gpu_product_params &p, const product_end &e, const warp_place &w,
                     u8 *, float (*c)[T::tiles_n][4])
{
    UNROLL
    for (int i = 0; i < T::tiles_m; i++) {
        UNROLL
        for (int n = 0; n < T::tiles_n; n++) {
            UNROLL
            for (int j = 0; j < 4; j++) {
                int row = w.m + i * 16 + j / 2 * 8 + w.lane / 4;
                if (w.slice == 0) {
                    finish_f32_at(p, e, row, w.n + n * 8 + w.lane % 4 * 2 + j % 2, c[i][n][j]);
                }
            }
        }
    }
}

template <class T, class M>
FUNCTION void product_mma(const davit_gpu_product_params &p, const void *x, const void *weights,
                          const product_end &e)
{
    DAVIT_SHARED(u8, memory, T::bytes);
    warp_place w = place_of_warp<T>();
    typename M::sum c[T::tiles_m][T::tiles_n][4];
    UNROLL
    for (int i = 0; i < T::tiles_m; i++) {
        UNROLL
        for (int n = 0; n < T::tiles_n; n++) {
            UNROLL
            for (int j = 0; j < 4; j++) {
                c[i][n][j] = 0;
            }
        }
    }
    tile_loader<T> loader;
    loader_begin(loader, p, (const u8 *)x, (const u8 *)weights, M::is_s8 ? 1 : 4, e.m0, e.n0,
                 e.group);
    u32 flip = p.x_flip ? 0x80808080u : 0u;
    run_stages(loader, memory, [&](const u8 *stage) {
        UNROLL
        for (int step = 0; step < T::steps / T::slices; step++) {
            multiply_step<T, M>(stage, w, step * T::slices + w.slice, flip, c);
        }
    });
    if constexpr (T::slices > 1) {
        add_slices<T>(w, memory, c);
    }
    finish<T>(p, e, w, memory, c);
}

#define PRODUCT_MMA(name, type, count, blocks, ...)                                                \
    typedef mma_shape<__VA_ARGS__> name##_shape;                                                   \
    PRODUCT_ENTRY(name, type, count, blocks, product_mma<name##_shape, mma_##type>)
#ifndef DAVIT_PRODUCTS /* some of them, for evidence.py */
#define DAVIT_PRODUCTS "products.def"
#endif
#include DAVIT_PRODUCTS
