/* The FPGA engine as its callers see it: what the kernels gemm_s8 and vector_s8 can do, the order
 * of their arguments, and every layout in memory. hls/gemm_s8, hls/vector_s8, hls/rtl, hls/model
 * and the host code include this one header; hls/README.md draws the architecture.
 *
 * Plain C11 and C++14, no dependency. All memory is little endian; every buffer starts at a
 * multiple of 64 bytes and is readable to the next multiple of 64 (a *word*: one beat of a 512-bit
 * port).
 *
 * Arguments, all pointers to global memory, in this order (s_axilite offsets in brackets):
 *
 *   gemm_s8    a [0x10]  input, NHWC dense: images * in_h * in_w * channels bytes
 *              b [0x1c]  weights, packed (davit_gemm_pack_weights)
 *              p [0x28]  parameter block (davit_gemm_pack_parameters)
 *              r [0x34]  residual, as c; not read without one
 *              c [0x40]  result, NHWC dense: images * out_h * out_w * columns bytes; the kernel
 *                        writes whole words, so up to 63 bytes more
 *              e [0x4c]  end word: one word, written last (enum davit_end_field)
 *   vector_s8  a [0x10]  input, NHWC dense
 *              b [0x1c]  depthwise: weights, packed; addition: second operand; else not read
 *              p [0x28]  parameter block (davit_vector_pack_parameters)
 *              c [0x34]  result, NHWC dense, whole words
 *              e [0x40]  end word
 *
 * Everything of a call but the addresses is in the parameter block, which is made once, when a
 * program is built. A matrix product [M][K] x [K][N] is a 1x1 convolution with in_h = out_h = 1,
 * in_w = out_w = M, channels = K, columns = N. */
#ifndef DAVIT_ENGINE_ABI_H
#define DAVIT_ENGINE_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* First word of every parameter block: "DV", the kernel (0 gemm_s8, 1 vector_s8), the version. */
#define DAVIT_ENGINE_VERSION 2u
#define DAVIT_GEMM_MAGIC (0x44560000u | DAVIT_ENGINE_VERSION)
#define DAVIT_VECTOR_MAGIC (0x44560100u | DAVIT_ENGINE_VERSION)

#define DAVIT_ENGINE_WORD 64u       /* bytes of a word */
#define DAVIT_ENGINE_DESCRIPTOR 32u /* 32-bit fields at the start of a parameter block: 2 words */

/* ---- the end of a call ---- */

/* Fields of the end word, 32 bits each; those behind them are 0. A driver may take a kernel that
 * stopped for one that is done: so the host clears the word before a call, and believes in a result
 * only when the word is there. It is written behind the last word of the result. A block that is
 * not this kernel's is refused: nothing but the end word is written. */
enum davit_end_field {
    DAVIT_END_F_MAGIC, /* the kernel's */
    DAVIT_END_F_CODE,  /* enum davit_end_code */
    DAVIT_END_F_TAG,   /* of the descriptor that was read */
    DAVIT_END_F_WORDS, /* of the result that were written */
    DAVIT_END_F_SUM,   /* of the 32-bit fields of these words, modulo 2^32 */
    DAVIT_END_FIELDS
};

enum davit_end_code {
    DAVIT_END_DONE = 1,
    DAVIT_END_REFUSED = 2 /* the block is of another kernel, version or array */
};

/* What the host knows of a call before it runs. */
typedef struct davit_end_expected {
    uint32_t magic, tag, words;
} davit_end_expected;

/* Why a call cannot have made its result, by its end word; NULL when it has. */
const char *davit_end_check(const void *end, const davit_end_expected *expected);

/* The sum of DAVIT_END_F_SUM over `words` words. */
uint32_t davit_end_sum(const void *result, size_t words);

/* ---- gemm_s8 ---- */

/* Compile-time parameters of a gemm_s8. The array computes rows * columns sums of `depth` products
 * in a cycle, two products in a DSP slice. */
typedef struct davit_gemm_geometry {
    uint32_t rows;        /* output pixels of a tile */
    uint32_t columns;     /* output channels of a tile; 64 or a divisor of 64 */
    uint32_t depth;       /* products of a sum in a k-step; 8 */
    uint32_t map_words;   /* feature map buffer; a power of two */
    uint32_t tile_steps;  /* k-steps of one half of the row buffer (rows * depth bytes each) */
    uint32_t panel_steps; /* k-steps of one half of the weight buffer (columns * depth bytes) */
    uint32_t panel_tiles; /* column tiles that fit the reorder buffers of residual and result */
    uint32_t table_tiles; /* column tiles of the table of parameters per channel */
} davit_gemm_geometry;

/* The default build, for one third of an SLR of an UltraScale+ card: 896 slices in the array. */
#define DAVIT_GEMM_ROWS 7u
#define DAVIT_GEMM_COLUMNS 32u
#define DAVIT_GEMM_DEPTH 8u
#define DAVIT_GEMM_MAP_WORDS 16384u
#define DAVIT_GEMM_TILE_STEPS 2048u
#define DAVIT_GEMM_PANEL_STEPS 2048u
#define DAVIT_GEMM_PANEL_TILES 64u
#define DAVIT_GEMM_TABLE_TILES 512u
#define DAVIT_GEMM_DEFAULT_GEOMETRY                                                                \
    {                                                                                              \
        DAVIT_GEMM_ROWS, DAVIT_GEMM_COLUMNS, DAVIT_GEMM_DEPTH, DAVIT_GEMM_MAP_WORDS,               \
            DAVIT_GEMM_TILE_STEPS, DAVIT_GEMM_PANEL_STEPS, DAVIT_GEMM_PANEL_TILES,                 \
            DAVIT_GEMM_TABLE_TILES                                                                 \
    }

/* A convolution without groups. Padding at the end follows from out_h, out_w. */
typedef struct davit_gemm_shape {
    uint32_t images, in_h, in_w, channels;
    uint32_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w;
    uint32_t pad_top, pad_left;
    uint32_t out_h, out_w, columns;
    bool residual;
} davit_gemm_shape;

/* The matrix product [m][k] x [k][n]. */
static inline davit_gemm_shape davit_gemm_matrix(uint32_t m, uint32_t k, uint32_t n)
{
    davit_gemm_shape shape = {1, 1, m, k, 1, 1, 1, 1, 1, 1, 0, 0, 1, m, n, false};
    return shape;
}

/* Fields of the descriptor of gemm_s8, 32 bits each.
 *
 * The sum over kernel and channels is a sum over *segments*: runs of SEGMENT_BYTES contiguous bytes
 * of the input. Without horizontal dilation a segment is a whole kernel row (kernel_w * channels
 * bytes), so that few channels still fill the depth of the array; else it is one kernel position.
 * A segment takes ceil(SEGMENT_BYTES / depth) k-steps; weights beyond its end are 0. */
enum davit_gemm_field {
    DAVIT_GEMM_F_MAGIC,
    DAVIT_GEMM_F_FLAGS,
    DAVIT_GEMM_F_IMAGES,
    DAVIT_GEMM_F_IN_H,
    DAVIT_GEMM_F_ROW_BYTES, /* in_w * channels */
    DAVIT_GEMM_F_OUT_H,
    DAVIT_GEMM_F_OUT_W,
    DAVIT_GEMM_F_SEGMENTS_Y, /* kernel_h */
    DAVIT_GEMM_F_SEGMENTS_X, /* 1, or kernel_w with horizontal dilation */
    DAVIT_GEMM_F_SEGMENT_BYTES,
    DAVIT_GEMM_F_SEGMENT_STEP_Y, /* dilation_h, in rows */
    DAVIT_GEMM_F_SEGMENT_STEP_X, /* dilation_w * channels, in bytes */
    DAVIT_GEMM_F_STRIDE_Y,       /* in rows */
    DAVIT_GEMM_F_STRIDE_X,       /* stride_w * channels, in bytes */
    DAVIT_GEMM_F_PAD_TOP,        /* in rows */
    DAVIT_GEMM_F_PAD_LEFT,       /* pad_left * channels, in bytes */
    DAVIT_GEMM_F_PAD_BYTE,       /* low 8 bits: the input's zero point, after the shift to s8 */
    DAVIT_GEMM_F_K_STEPS,        /* of one sum */
    DAVIT_GEMM_F_N,              /* columns */
    DAVIT_GEMM_F_N_TILES,        /* ceil(N / columns of the array) */
    DAVIT_GEMM_F_PANEL_TILES,    /* column tiles of a panel; the last panel has the rest */
    DAVIT_GEMM_F_PANELS,
    DAVIT_GEMM_F_M,              /* images * out_h * out_w */
    DAVIT_GEMM_F_M_TILES,        /* ceil(M / rows of the array) */
    DAVIT_GEMM_F_A_WORDS,        /* of the input */
    DAVIT_GEMM_F_RESIDUAL_ZERO,  /* s32 */
    DAVIT_GEMM_F_RESIDUAL_SCALE, /* f32 */
    DAVIT_GEMM_F_LOW,            /* f32, in steps */
    DAVIT_GEMM_F_HIGH,           /* f32, in steps */
    DAVIT_GEMM_F_ZERO,           /* f32: the result's zero point */
    DAVIT_GEMM_F_GEOMETRY, /* rows | columns << 8 | depth << 16: what the block was packed for */
    DAVIT_GEMM_F_TAG       /* any number, for the end word */
};

/* Bits of FLAGS (both kernels). The input is shifted from u8 to s8 by -128 when it is read (the top
 * bit is flipped); zero points and corrections count from there. */
enum davit_engine_flag {
    DAVIT_ENGINE_A_U8 = 1,
    DAVIT_ENGINE_RESIDUAL = 2,    /* there is one */
    DAVIT_ENGINE_RESIDUAL_U8 = 4, /* of vector_s8: the second operand of an addition is u8 */
    DAVIT_ENGINE_C_U8 = 8,
    DAVIT_ENGINE_RESIDENT = 16, /* the input fits the map: it is read once, not once per panel */
    DAVIT_ENGINE_COUNTED = 32   /* of vector_s8: the factor depends on the taps inside the input */
};

/* Everything that follows from a shape and a geometry. */
typedef struct davit_gemm_layout {
    uint32_t segments_y, segments_x, segment_bytes;
    uint32_t k_steps; /* kt */
    uint32_t m, m_tiles;
    uint32_t n_tiles, panel_tiles, panels;
    uint32_t a_words; /* of the input */
    bool resident;
    uint32_t weight_words;    /* n_tiles * kt * columns * depth / 64 */
    uint32_t parameter_words; /* 2 + n_tiles * columns * 12 / 64 */
    uint32_t result_words;    /* ceil(m * n / 64) */
} davit_gemm_layout;

/* Why a shape does not fit the engine; NULL when it does, and then *out is set. Limits:
 * - all extents at least 1, pads smaller than the (dilated) kernel, tensors of up to
 *   128 MiB;
 * - kt <= tile_steps and <= panel_steps (K up to 16,384 in the default build);
 * - columns of the result <= table_tiles * columns of the array;
 * - all column tiles in one panel, or N a multiple of 64 (the host adds columns of zero weights);
 * - the input fits the map, or the rows that one tile of pixels needs do. */
const char *davit_gemm_plan(const davit_gemm_geometry *geometry, const davit_gemm_shape *shape,
                            davit_gemm_layout *out);

/* What gemm_s8 needs to know of the values; arrays as davit/requantize.h makes them. */
typedef struct davit_gemm_values {
    bool a_u8, c_u8, residual_u8;
    int32_t a_zero;        /* in the input's own type */
    const int8_t *weights; /* [columns][channels][kernel_h][kernel_w], zero points subtracted */
    const float *scale;    /* [columns] */
    const float *bias;     /* [columns], or NULL */
    int32_t residual_zero;
    float residual_scale; /* of 16 significant bits */
    float low, high;      /* in steps */
    int32_t c_zero;
    uint32_t tag;
} davit_gemm_values;

/* Packs weights: [column tile][k-step][column of the tile][depth], 0 where there is no weight.
 * out: layout->weight_words * 64 bytes. */
void davit_gemm_pack_weights(const davit_gemm_geometry *geometry, const davit_gemm_shape *shape,
                             const davit_gemm_layout *layout, const int8_t *weights, void *out);

/* Packs the parameter block: the descriptor, then for each column tile
 *
 *   s32 correction[columns]   - (zero point after the shift) * (sum of the channel's weights)
 *   f32 bias[columns]         0 without
 *   f32 scale[columns]
 *
 * out: layout->parameter_words * 64 bytes. */
void davit_gemm_pack_parameters(const davit_gemm_geometry *geometry, const davit_gemm_shape *shape,
                                const davit_gemm_layout *layout, const davit_gemm_values *values,
                                void *out);

/* ---- vector_s8 ---- */

typedef enum davit_vector_kind {
    DAVIT_VECTOR_DEPTHWISE, /* one multiplier: columns = channels */
    DAVIT_VECTOR_MAXIMUM,   /* the type and scale of the input; every window has an element */
    DAVIT_VECTOR_AVERAGE,
    DAVIT_VECTOR_ADDITION /* elementwise, no broadcast */
} davit_vector_kind;

#define DAVIT_VECTOR_LANES 64u          /* channels of a step */
#define DAVIT_VECTOR_MAP_WORDS 8192u    /* feature map buffer */
#define DAVIT_VECTOR_WEIGHT_WORDS 4096u /* depthwise: channel blocks * taps */
#define DAVIT_VECTOR_BLOCKS 64u         /* channel blocks of 64 with parameters per channel */
#define DAVIT_VECTOR_FACTORS 256u       /* factors of averages by number of taps */

/* An addition of count elements is images = in_h = in_w = out_h = out_w = 1, channels = count. */
typedef struct davit_vector_shape {
    davit_vector_kind kind;
    uint32_t images, in_h, in_w, channels;
    uint32_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w;
    uint32_t pad_top, pad_left;
    uint32_t out_h, out_w;
} davit_vector_shape;

/* Fields of the descriptor of vector_s8. */
enum davit_vector_field {
    DAVIT_VECTOR_F_MAGIC,
    DAVIT_VECTOR_F_FLAGS,
    DAVIT_VECTOR_F_KIND,
    DAVIT_VECTOR_F_IMAGES,
    DAVIT_VECTOR_F_IN_H,
    DAVIT_VECTOR_F_ROW_BYTES, /* in_w * channels */
    DAVIT_VECTOR_F_CHANNELS,
    DAVIT_VECTOR_F_OUT_H,
    DAVIT_VECTOR_F_OUT_W,
    DAVIT_VECTOR_F_KERNEL_H,
    DAVIT_VECTOR_F_KERNEL_W,
    DAVIT_VECTOR_F_STEP_Y,   /* dilation_h, in rows */
    DAVIT_VECTOR_F_STEP_X,   /* dilation_w * channels, in bytes */
    DAVIT_VECTOR_F_STRIDE_Y, /* in rows */
    DAVIT_VECTOR_F_STRIDE_X, /* stride_w * channels, in bytes */
    DAVIT_VECTOR_F_PAD_TOP,  /* in rows */
    DAVIT_VECTOR_F_PAD_LEFT, /* pad_left * channels, in bytes */
    DAVIT_VECTOR_F_BLOCKS,   /* ceil(channels / 64) */
    DAVIT_VECTOR_F_PIXELS,   /* images * out_h * out_w */
    DAVIT_VECTOR_F_A_WORDS,
    DAVIT_VECTOR_F_B_WORDS,     /* weights or second operand */
    DAVIT_VECTOR_F_TABLE_WORDS, /* of the parameter block, behind the descriptor */
    DAVIT_VECTOR_F_PAD_BYTE,    /* low 8 bits: what stands outside the input, after the shift */
    DAVIT_VECTOR_F_CORRECTION,  /* s32, average: - taps * (zero point after the shift) */
    DAVIT_VECTOR_F_A_ZERO,      /* s32, addition: after the shift */
    DAVIT_VECTOR_F_B_ZERO,      /* s32, addition: after the shift */
    DAVIT_VECTOR_F_A_SCALE,     /* f32, addition */
    DAVIT_VECTOR_F_B_SCALE,     /* f32, addition */
    DAVIT_VECTOR_F_LOW,         /* f32, in steps */
    DAVIT_VECTOR_F_HIGH,        /* f32, in steps */
    DAVIT_VECTOR_F_ZERO,        /* f32: the result's zero point */
    DAVIT_VECTOR_F_TAG          /* any number, for the end word */
};

typedef struct davit_vector_layout {
    uint32_t taps, blocks, pixels;
    uint32_t a_words, b_words, parameter_words, result_words;
} davit_vector_layout;

/* Why a shape does not fit the engine; NULL when it does, and then *out is set. Limits:
 * - as of gemm_s8 for extents, pads and the rows that one pixel needs (the map is smaller);
 * - depthwise: up to 4,096 channels, blocks * taps <= DAVIT_VECTOR_WEIGHT_WORDS. */
const char *davit_vector_plan(const davit_vector_shape *shape, davit_vector_layout *out);

/* What vector_s8 needs to know of the values. */
typedef struct davit_vector_values {
    bool a_u8, b_u8, c_u8;
    int32_t a_zero, b_zero; /* in the operands' own types */
    const int8_t *weights;  /* depthwise: [channels][kernel_h][kernel_w] */
    const float *scale;     /* depthwise: [channels] */
    const float *bias;      /* depthwise: [channels], or NULL */
    const float *factors;   /* average: [factor_count] by number of taps inside the input; or */
    uint32_t factor_count;  /* one, when every window has the same divisor. At most
                             * DAVIT_VECTOR_FACTORS, else taps + 1 */
    float a_scale, b_scale; /* addition: of 16 significant bits */
    float low, high;        /* in steps; not for maximum */
    int32_t c_zero;
    uint32_t tag;
} davit_vector_values;

/* Packs the weights of a depthwise convolution: [channel block][tap][64], 0 beyond the channels.
 * out: layout->b_words * 64 bytes. */
void davit_vector_pack_weights(const davit_vector_shape *shape, const davit_vector_layout *layout,
                               const int8_t *weights, void *out);

/* Packs the parameter block: the descriptor, then
 *   depthwise: for each block of 64 channels s32 correction[64], f32 bias[64], f32 scale[64];
 *   average:   f32 factors, padded to a word.
 * out: davit_vector_layout.parameter_words * 64 bytes. */
void davit_vector_pack_parameters(const davit_vector_shape *shape,
                                  const davit_vector_layout *layout,
                                  const davit_vector_values *values, void *out);

#ifdef __cplusplus
}
#endif
#endif
