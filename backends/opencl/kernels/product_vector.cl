/* davit/gpu_product.h for devices whose threads are vectors by themselves (CPUs): a group is one
 * thread that makes ROWS x COLUMNS elements, by sums along k in vectors. The rows of x are gathered
 * first, a block of k at a time, so that the loops over the columns only read in sequence. Options of
 * the build: ROWS, COLUMNS, NAME_S8, NAME_F32. */

#define BLOCK 512 /* of k */

/* Where the window of pixel m begins. */
typedef struct vector_pixel {
    int image, top, left;
} vector_pixel;

FUNCTION vector_pixel vector_pixel_of(const davit_gpu_product_params p, int m)
{
    vector_pixel pixel;
    int row;
    m = m < p.m ? m : p.m - 1;
    row = m / p.out_w;
    pixel.image = row / p.out_h;
    pixel.top = (row - pixel.image * p.out_h) * p.stride_h - p.pad_top;
    pixel.left = (m - row * p.out_w) * p.stride_w - p.pad_left;
    return pixel;
}

/* Gathers k0 to k0 + depth of a pixel's window; `outside` beyond the image. */
#define VECTOR_GATHER(name, in, out, load)                                                         \
    FUNCTION void name(const davit_gpu_product_params p, GLOBAL const in *x, int group,            \
                       const vector_pixel pixel, int k0, int depth, out outside, out *to)          \
    {                                                                                              \
        int tap = k0 / p.pitch;                                                                    \
        int c = k0 - tap * p.pitch;                                                                \
        for (int k = 0; k < depth;) {                                                              \
            int ky = tap / p.kernel_w;                                                             \
            int y = pixel.top + ky * p.dilation_h;                                                 \
            int xx = pixel.left + (tap - ky * p.kernel_w) * p.dilation_w;                          \
            int count = p.pitch - c < depth - k ? p.pitch - c : depth - k;                         \
            if (k0 + k >= p.k || y < 0 || y >= p.in_h || xx < 0 || xx >= p.in_w) {                 \
                for (int i = 0; i < count; i++) {                                                  \
                    to[k + i] = outside;                                                           \
                }                                                                                  \
            } else {                                                                               \
                GLOBAL const in *from = x + ((pixel.image * p.in_h + y) * p.in_w + xx) * p.in_c +  \
                                        group * p.group_in + c;                                    \
                int there = p.group_in - c < count ? p.group_in - c : count;                       \
                for (int i = 0; i < there; i++) {                                                  \
                    to[k + i] = load;                                                              \
                }                                                                                  \
                for (int i = there > 0 ? there : 0; i < count; i++) {                              \
                    to[k + i] = 0;                                                                 \
                }                                                                                  \
            }                                                                                      \
            k += count;                                                                            \
            c = 0;                                                                                 \
            tap++;                                                                                 \
        }                                                                                          \
    }

VECTOR_GATHER(vector_gather_s8, u8, s16, (s16)(s8)(from[i] ^ (p.x_flip ? 0x80 : 0)))
VECTOR_GATHER(vector_gather_f32, float, float, from[i])

/* vector_madd: products of 16-bit integers, two neighbours added, in s32. Compilers do not find the
 * instruction of x86 behind the general form. */
#if defined(__AVX512BW__) && defined(__clang__)
#define STEP 32
typedef s8 vector_s8 __attribute__((ext_vector_type(32)));
typedef s16 vector_s16 __attribute__((ext_vector_type(32)));
typedef int16 vector_s32;
#define vector_madd(a, b) __builtin_ia32_pmaddwd512(a, b)
#define vector_halve(v) ((v).lo + (v).hi)
#elif defined(__AVX2__) && defined(__clang__)
#define STEP 16
typedef char16 vector_s8;
typedef short16 vector_s16;
typedef int8 vector_s32;
#define vector_madd(a, b) __builtin_ia32_pmaddwd256(a, b)
#define vector_halve(v) (v)
#else
#define STEP 16
typedef char16 vector_s8;
typedef short16 vector_s16;
typedef int8 vector_s32;
#define vector_madd(a, b)                                                                          \
    (convert_int8((a).even) * convert_int8((b).even) +                                             \
     convert_int8((a).odd) * convert_int8((b).odd))
#define vector_halve(v) (v)
#endif

#if STEP == 32
#define vector_widen(v) __builtin_convertvector(v, vector_s16)
#else
#define vector_widen(v) convert_short16(v)
#endif

FUNCTION s32 vector_sum_s8(vector_s32 v)
{
    int8 eight = vector_halve(v);
    int4 four = eight.lo + eight.hi;
    int2 two = four.lo + four.hi;
    return two.x + two.y;
}

FUNCTION float vector_sum_f32(float16 v)
{
    float8 eight = v.lo + v.hi;
    float4 four = eight.lo + eight.hi;
    float2 two = four.lo + four.hi;
    return two.x + two.y;
}

KERNEL(NAME_S8, 1)(PARAMS(davit_gpu_product_params, p), ARG(const u8, x), ARG(const s8, w),
                   ARG(const float, bias), ARG(const float, scale), ARG(const s32, correction),
                   ARG(const u8, residual), ARG(u8, y))
{
    BIND(const u8, x)
    BIND(const s8, w)
    BIND(const float, bias)
    BIND(const float, scale)
    BIND(const s32, correction)
    BIND(const u8, residual)
    BIND(u8, y)
    s16 xs[ROWS * BLOCK] __attribute__((aligned(64)));
    s32 sums[ROWS * COLUMNS];
    int m0 = GROUP(0) * ROWS;
    int n0 = GROUP(1) * COLUMNS;
    int group = GROUP(2);
    int columns = p.group_out - n0 < COLUMNS ? p.group_out - n0 : COLUMNS;
    for (int i = 0; i < ROWS * COLUMNS; i++) {
        sums[i] = 0;
    }
    for (int k0 = 0; k0 < p.k; k0 += BLOCK) {
        int depth = p.k_padded - k0 < BLOCK ? p.k_padded - k0 : BLOCK;
        for (int r = 0; r < ROWS; r++) {
            vector_gather_s8(p, x, group, vector_pixel_of(p, m0 + r), k0, depth, (s16)p.x_zero,
                             xs + r * BLOCK);
        }
        for (int n = 0; n < columns; n++) {
            GLOBAL const s8 *row = w + (group * p.n_padded + n0 + n) * p.k_padded + k0;
            vector_s32 parts[ROWS];
            UNROLL
            for (int r = 0; r < ROWS; r++) {
                parts[r] = 0;
            }
            for (int k = 0; k < depth; k += STEP) {
                vector_s16 b = vector_widen(*(GLOBAL const vector_s8 *)(row + k));
                UNROLL
                for (int r = 0; r < ROWS; r++) {
                    vector_s16 a = *(const vector_s16 *)(xs + r * BLOCK + k);
                    parts[r] += vector_madd(a, b);
                }
            }
            UNROLL
            for (int r = 0; r < ROWS; r++) {
                sums[r * COLUMNS + n] += vector_sum_s8(parts[r]);
            }
        }
    }
    int rows = p.m - m0 < ROWS ? p.m - m0 : ROWS;
    for (int r = 0; r < rows; r++) {
        for (int n = 0; n < columns; n++) {
            int o = group * p.group_out + n0 + n;
            int at = (m0 + r) * p.out_c + o;
            int previous =
                residual ? load_byte(residual, at, p.residual_unsigned) - p.residual_zero : 0;
            y[at] = (u8)requantize(p, sums[r * COLUMNS + n] + correction[o], bias ? bias[o] : 0.0f,
                                   scale[o], previous);
        }
    }
}

KERNEL(NAME_F32, 1)(PARAMS(davit_gpu_product_params, p), ARG(const float, x), ARG(const float, w),
                    ARG(const float, bias), ARG(const float, scale), ARG(const s32, correction),
                    ARG(const float, residual), ARG(float, y))
{
    BIND(const float, x)
    BIND(const float, w)
    BIND(const float, bias)
    BIND(const float, residual)
    BIND(float, y)
    float xs[ROWS * BLOCK] __attribute__((aligned(64)));
    float sums[ROWS * COLUMNS];
    int m0 = GROUP(0) * ROWS;
    int n0 = GROUP(1) * COLUMNS;
    int group = GROUP(2);
    int columns = p.group_out - n0 < COLUMNS ? p.group_out - n0 : COLUMNS;
    for (int i = 0; i < ROWS * COLUMNS; i++) {
        sums[i] = 0.0f;
    }
    for (int k0 = 0; k0 < p.k; k0 += BLOCK) {
        int depth = p.k_padded - k0 < BLOCK ? p.k_padded - k0 : BLOCK;
        for (int r = 0; r < ROWS; r++) {
            vector_gather_f32(p, x, group, vector_pixel_of(p, m0 + r), k0, depth, 0.0f,
                              xs + r * BLOCK);
        }
        for (int n = 0; n < columns; n++) {
            GLOBAL const float *row = w + (group * p.n_padded + n0 + n) * p.k_padded + k0;
            float16 parts[ROWS];
            UNROLL
            for (int r = 0; r < ROWS; r++) {
                parts[r] = 0.0f;
            }
            for (int k = 0; k < depth; k += 16) {
                float16 b = vload16(0, row + k);
                UNROLL
                for (int r = 0; r < ROWS; r++) {
                    parts[r] = mad(vload16(0, xs + r * BLOCK + k), b, parts[r]);
                }
            }
            UNROLL
            for (int r = 0; r < ROWS; r++) {
                sums[r * COLUMNS + n] += vector_sum_f32(parts[r]);
            }
        }
    }
    int rows = p.m - m0 < ROWS ? p.m - m0 : ROWS;
    for (int r = 0; r < rows; r++) {
        for (int n = 0; n < columns; n++) {
            int o = group * p.group_out + n0 + n;
            int at = (m0 + r) * p.out_c + o;
            y[at] = finish_f32(p, sums[r * COLUMNS + n], bias ? bias[o] : 0.0f,
                               residual ? residual[at] : 0.0f);
        }
    }
}
