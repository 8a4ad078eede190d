/* The inner loops of 8-bit operators, and of bounds on f32, compiled once for each instruction set: sums of products of
 * s16 pairs (vpmaddwd), depthwise sums, and the ends of davit/requantize.h.
 *
 * All of them are exact: whatever the instruction set, the bytes are those of host/core. An 8-bit
 * element is read as (byte ^ flip) - offset, which is q - zero for u8 and s8 alike. */
#ifndef DAVIT_ONEDNN_INT8_LOOPS_H
#define DAVIT_ONEDNN_INT8_LOOPS_H

#include "davit/requantize.h"

#define DAVIT_INT8_COLUMNS 16 /* output channels of a panel of packed weights */
#define DAVIT_INT8_ROWS 8     /* rows of a tile at most */
#define DAVIT_INT8_PAIR_COLUMNS (2 * DAVIT_INT8_COLUMNS)

/* How the bytes of a value are read. */
typedef struct davit_int8_source {
    uint8_t flip;
    int16_t offset;
} davit_int8_source;

static inline davit_int8_source davit_int8_source_of(davit_dtype dtype, int32_t zero)
{
    bool is_signed = dtype == DAVIT_S8;
    return (davit_int8_source){.flip = is_signed ? 0x80 : 0,
                               .offset = (int16_t)(is_signed ? zero + 128 : zero)};
}

/* The two ends of davit/requantize.h in f32 numbers. */
typedef struct davit_int8_result {
    float low, high, zero, least, greatest;
    uint8_t after; /* added after rounding */
} davit_int8_result;

/* davit_result_finish: the zero point is added before rounding. */
davit_int8_result davit_int8_finishing(const davit_result *result);

/* davit_result_quantize: the zero point is added after rounding. Cut before that, at the integers
 * that the type's limits are without the zero point, which is the same as after. */
davit_int8_result davit_int8_quantizing(const davit_result *result);

/* davit_requantize_one for channels; scale and bias are padded to whole panels. */
typedef struct davit_int8_finish {
    const float *scale, *bias; /* of the first channel; never NULL */
    davit_int8_source residual;
    float residual_scale;
    davit_int8_result result;
} davit_int8_finish;

/* A tile of sums: sums[r][c] = sum over k of rows[r][k] * panel[k][c]. */
typedef struct davit_int8_tile {
    int64_t pairs;        /* pairs of elements of a row */
    const int16_t *rows;  /* row r begins at r * 2 * pairs */
    const int16_t *panel; /* [pairs][DAVIT_INT8_COLUMNS][2] */
    int count;            /* of rows, 1 .. DAVIT_INT8_ROWS */
} davit_int8_tile;

/* Depthwise sums of one output pixel: sums[c] = sum over taps of (x[tap][c]) * w[tap][c]. */
typedef struct davit_int8_taps {
    int64_t channels;
    int64_t count;
    const int64_t *offsets; /* [count] bytes from the image's start to the tap's first channel, or
                             * -1 for a tap in the padding */
    const uint8_t *image;
    davit_int8_source source;
    const int16_t *weights; /* [count][channels] */
} davit_int8_taps;

/* Two operands of add and multiply. */
typedef struct davit_int8_pair {
    davit_int8_source a, b;
    float a_scale, b_scale;
    bool a_single, b_single; /* one element for the whole row */
    davit_int8_result result;
} davit_int8_pair;

/* One scale and zero point for all elements. */
typedef struct davit_int8_linear {
    davit_int8_source source; /* of 8-bit elements */
    float scale;
    float zero, least, greatest;
} davit_int8_linear;

/* Rows of u8 times up to two panels of s8 weights, requantised: out[r][c] is the end of start[c]
 * plus the sum over k of x[r][k] * weights[c][k]. */
typedef struct davit_int8_dot {
    int64_t rows, columns, quads; /* a row has 4 * quads elements; columns: 1 .. 32 */
    const uint8_t *x;
    int64_t x_stride;
    const int8_t *weights; /* [panels][quads][DAVIT_INT8_COLUMNS][4] */
    int64_t line, jump;    /* quads after which a row goes on jump bytes further; 0: never */
    const int8_t *next; /* panels that are needed after these, or NULL: next_bytes for each quad */
    int64_t next_bytes;
    const int32_t *start; /* padded to whole panels, as all that follows */
    int32_t row_factor;   /* times the sum of a row's bytes: added to its sums too */
    bool has_bias_inside; /* start has the bias, that of finish is not added */
    bool saturates; /* has_bias_inside, no residual, no bounds but the type's, no value of 2^30 */
    const davit_int8_finish *finish;
    const uint8_t *residual; /* where out is, or NULL */
    uint8_t *out;
    int64_t out_stride;
} davit_int8_dot;

/* One panel of weights for davit_int8_dot from rows of bytes that are known only now. */
typedef struct davit_int8_panel {
    int64_t quads, columns; /* columns: 1 .. DAVIT_INT8_COLUMNS */
    const uint8_t *rows;    /* [4 * quads]; where it is transposed, [columns] of 4 * quads bytes */
    int64_t stride;
    bool transposed;
    uint8_t flip;   /* makes s8 of them */
    int32_t zero_x; /* of what they will be multiplied with */
    int32_t zero;   /* their own, once flipped */
    int8_t *packed; /* [quads][DAVIT_INT8_COLUMNS][4], aligned */
    int32_t *start; /* [DAVIT_INT8_COLUMNS]; row_factor is -zero */
} davit_int8_panel;

/* A 3x3 convolution (int8_winograd.h), prepared. Tiles of 4x4 outputs are counted over all images;
 * a block of them is transformed to 36 points each, and then multiplied with the weights and
 * transformed back for a group of panels at a time. */
typedef struct davit_int8_winograd {
    int64_t inputs, outputs;
    int64_t in[2], out[2], pad[2], tiles[2]; /* height, width */
    int64_t block;                           /* tiles of a block at most */
    int64_t columns;                         /* outputs, padded to whole panels */
    int64_t group;                           /* of them at once, up to DAVIT_INT8_GROUP */
    bool is_signed;                          /* the inputs */
    int16_t zero;                            /* of the inputs, which the padding holds */
    const int16_t *weights;                  /* [36][panels][inputs / 2][DAVIT_INT8_COLUMNS][2] */
    const int32_t *start;                    /* as davit_int8_dot's, as all that follows */
    bool has_bias_inside, saturates;
    davit_int8_finish finish;
} davit_int8_winograd;

#define DAVIT_INT8_POINTS 36
#define DAVIT_INT8_GROUP 128

/* Elements from one of the 36 points to the next, of transformed tiles and of products with a group
 * of panels: with a cache line between them, so that they do not all fall in one set. */
static inline int64_t davit_int8_points_stride(const davit_int8_winograd *w)
{
    return w->block * w->inputs + 32;
}

static inline int64_t davit_int8_sums_stride(const davit_int8_winograd *w)
{
    return w->block * w->group + 16;
}

typedef struct davit_int8_loops {
    const char *name; /* "own:avx2" */
    /* Sums must fit s32. sums: [count][DAVIT_INT8_COLUMNS]. */
    void (*tile)(const davit_int8_tile *tile, int32_t *sums);
    /* For channels first to first + count, count <= DAVIT_INT8_COLUMNS. */
    void (*depthwise)(const davit_int8_taps *taps, int64_t first, int64_t count, int32_t *sums);
    /* values[i] = q - zero */
    void (*widen)(davit_int8_source source, int64_t count, const uint8_t *x, int16_t *values);
    /* Requantises a row of count channels; residual may be NULL. out may be residual. */
    void (*finish)(const davit_int8_finish *finish, int64_t count, const int32_t *sums,
                   const uint8_t *residual, uint8_t *out);
    /* davit_rescale_one */
    void (*rescale)(const davit_int8_result *result, float scale, int64_t count,
                    const int32_t *sums, uint8_t *out);
    /* QuantizeLinear with one scale; least and greatest are the type's limits. */
    void (*quantize)(const davit_int8_linear *linear, int64_t count, const float *x, uint8_t *out);
    /* DequantizeLinear with one scale. */
    void (*dequantize)(const davit_int8_linear *linear, int64_t count, const uint8_t *x,
                       float *out);
    /* davit_add_one */
    void (*add)(const davit_int8_pair *pair, int64_t count, const uint8_t *a, const uint8_t *b,
                uint8_t *out);
    /* davit_multiply_one, with a_scale as the factor. */
    void (*multiply)(const davit_int8_pair *pair, int64_t count, const uint8_t *a, const uint8_t *b,
                     uint8_t *out);
    /* The greatest of count bytes at each offset that is not -1; bytes ^ flip compare as u8. */
    void (*greatest)(uint8_t flip, int64_t taps, const int64_t *offsets, const uint8_t *x,
                     int64_t count, uint8_t *out);
    /* NULL where there is no dot product of bytes. */
    void (*dot)(const davit_int8_dot *dot);
    void (*pack_panel)(const davit_int8_panel *panel);
    /* NULL where there are no vectors. Tiles begin to end of the block that begins with tile
     * first. */
    void (*winograd_transform)(const davit_int8_winograd *w, int64_t first, int64_t begin,
                               int64_t end, const uint8_t *x, int16_t *points);
    /* The block's count tiles times the group of panels that begins with column. */
    void (*winograd_multiply)(const davit_int8_winograd *w, int64_t first, int64_t count,
                              int64_t column, const int16_t *points, int32_t *products,
                              const uint8_t *residual, uint8_t *out);
    /* out[i] = x[i] within [low, high]; NaN stays. out may be x. */
    void (*bound)(float low, float high, int64_t count, const float *x, float *out);
    /* davit_table_apply */
    void (*look_up)(const uint8_t table[256], int64_t count, const uint8_t *x, uint8_t *out);
} davit_int8_loops;

/* Those for the widest instruction set that this machine has and oneDNN may use
 * (DNNL_MAX_CPU_ISA). */
const davit_int8_loops *davit_int8_loops_choose(void);

extern const davit_int8_loops davit_int8_loops_plain;
extern const davit_int8_loops davit_int8_loops_sse41;
extern const davit_int8_loops davit_int8_loops_avx2;
extern const davit_int8_loops davit_int8_loops_avx512;
extern const davit_int8_loops davit_int8_loops_avx512_vnni; /* with VBMI */

#endif
