/* The loops of attention.h for the vectors that the including file defines. */
#include "attention.h"
#include "rows_body.h"
#include "vector_math.h"

#define BLOCK_ELEMS 32768 /* scores of a block of queries */
#define MOST_QUERIES 96

static int64_t padded(int64_t columns)
{
    return (columns + PANEL - 1) / PANEL * PANEL;
}

static int64_t block_queries(const davit_attention *a)
{
    int64_t rows = BLOCK_ELEMS / padded(a->keys) / ROWS * ROWS;
    rows = rows > MOST_QUERIES / ROWS * ROWS ? MOST_QUERIES / ROWS * ROWS : rows;
    return rows < ROWS ? ROWS : rows;
}

/* Packed keys and values, a block of scores. */
static size_t scratch_elems(const davit_attention *a)
{
    return (size_t)(padded(a->keys) * a->depth + padded(a->width) * a->keys +
                    block_queries(a) * padded(a->keys));
}

/* ---- packing ---- */

/* What is packed: element (k, c) is from[k * depth_stride + c * column_stride]. */
typedef struct source {
    const float *from;
    int64_t depth, columns, depth_stride, column_stride;
} source;

/* Four columns of four numbers each that lie side by side. */
static inline void transpose_four(const float *from, int64_t stride, float *to)
{
    __m128 r0 = _mm_loadu_ps(from), r1 = _mm_loadu_ps(from + stride);
    __m128 r2 = _mm_loadu_ps(from + 2 * stride), r3 = _mm_loadu_ps(from + 3 * stride);
    _MM_TRANSPOSE4_PS(r0, r1, r2, r3);
    _mm_storeu_ps(to, r0);
    _mm_storeu_ps(to + PANEL, r1);
    _mm_storeu_ps(to + (int64_t)2 * PANEL, r2);
    _mm_storeu_ps(to + (int64_t)3 * PANEL, r3);
}

static void pack_panel(const source *s, int64_t first, float *to)
{
    const int64_t left = s->columns - first, count = left < PANEL ? left : PANEL;
    const float *from = s->from + first * s->column_stride;
    if (s->column_stride == 1) {
        for (int64_t k = 0; k < s->depth; k++) {
            memcpy(to + k * PANEL, from + k * s->depth_stride, (size_t)count * sizeof(*to));
            memset(to + k * PANEL + count, 0, (size_t)(PANEL - count) * sizeof(*to));
        }
        return;
    }
    for (int64_t c = 0; c < PANEL; c += 4) {
        int64_t k = 0;
        for (; c + 4 <= count && s->depth_stride == 1 && k + 4 <= s->depth; k += 4) {
            transpose_four(from + c * s->column_stride + k, s->column_stride, to + k * PANEL + c);
        }
        for (; k < s->depth; k++) {
            for (int64_t i = c; i < c + 4; i++) {
                to[k * PANEL + i] =
                    i < count ? from[k * s->depth_stride + i * s->column_stride] : 0.0f;
            }
        }
    }
}

static void pack(const source *s, float *to)
{
    for (int64_t first = 0; first < s->columns; first += PANEL) {
        pack_panel(s, first, to + first * s->depth);
    }
}

/* ---- softmax ---- */

static inline vector mask_part(const float *mask, int64_t column, int64_t i, int64_t n)
{
    return column == 0 ? ALL(mask[0]) : load_some(mask + i, n);
}

/* The powers of a row of numbers of which greatest is the greatest, in their place; their sum. Of
 * row the lanes beyond count are -infinity. */
static inline __attribute__((always_inline)) float raise_row(float *row, int64_t count,
                                                             float greatest)
{
    const vector most = ALL(greatest), binary = ALL(1.44269504f);
    vector sum = ALL(0.0f);
    for (int64_t i = 0; i < count; i += LANES) {
        const vector e = power_of_two((LOAD(row + i) - most) * binary);
        STORE(row + i, e);
        sum = sum + e;
    }
    return sum_of(sum);
}

static inline void end_row(float *row, int64_t count)
{
    for (int64_t i = count; i % LANES != 0; i++) {
        row[i] = -INFINITY;
    }
}

/* Scores become weights times the sum that is returned. */
static float softmax(const davit_attention *a, const float *mask, float *row)
{
    const vector scale = ALL(a->scale);
    vector most = ALL(-INFINITY);
    for (int64_t i = 0; i < a->keys; i += LANES) {
        vector x = LOAD(row + i) * scale;
        if (mask != NULL) {
            x = x + mask_part(mask, a->mask_column, i, a->keys - i);
        }
        STORE(row + i, x);
        if (i + LANES > a->keys) {
            end_row(row, a->keys);
            x = LOAD(row + i);
        }
        most = GREATER(most, x);
    }
    return raise_row(row, a->keys, greatest_of(most));
}

/* ---- a head ---- */

static void score(const davit_attention *a, const float *q, const float *keys, int64_t count,
                  float *scores)
{
    const int64_t stride = padded(a->keys);
    for (int64_t first = 0; first < a->keys; first += PANEL) {
        const float *panel = keys + first * a->depth;
        for (int64_t r = 0; r < count; r += ROWS) {
            const multiplied m = {q + r * a->q_row, a->q_row, panel, {panel, 0}};
            multiply_rows(a->depth, &m, count - r < ROWS ? count - r : ROWS,
                          a->keys - first > LANES ? 2 : 1, scores + r * stride + first, stride);
        }
    }
}

static void weigh(const davit_attention *a, const float *scores, const float *sums,
                  const float *values, int64_t count, float *out)
{
    const int64_t stride = padded(a->keys);
    float block[ROWS * PANEL];
    for (int64_t first = 0; first < a->width; first += PANEL) {
        const float *panel = values + first * a->keys;
        for (int64_t r = 0; r < count; r += ROWS) {
            const int64_t rows = count - r < ROWS ? count - r : ROWS;
            const multiplied m = {scores + r * stride, stride, panel, {panel, 0}};
            multiply_rows(a->keys, &m, rows, a->width - first > LANES ? 2 : 1, block, PANEL);
            for (int64_t i = 0; i < rows; i++) {
                const vector part = ALL(1.0f / sums[r + i]);
                float *to = out + (r + i) * a->out_row + first;
                for (int64_t c = 0; c < PANEL && first + c < a->width; c += LANES) {
                    store_some(to + c, a->width - first - c, LOAD(block + i * PANEL + c) * part);
                }
            }
        }
    }
}

static void run(const davit_attention *a, const davit_attention_head *h)
{
    const int64_t block = block_queries(a), stride = padded(a->keys);
    float *keys = h->scratch, *values = keys + stride * a->depth;
    float *scores = values + padded(a->width) * a->keys;
    float sums[MOST_QUERIES];
    const source k = {h->k, a->depth, a->keys, a->k_column, a->k_row};
    const source v = {h->v, a->keys, a->width, a->v_row, a->v_column};
    pack(&k, keys);
    pack(&v, values);
    for (int64_t r = h->first; r < h->first + h->count; r += block) {
        const int64_t left = h->first + h->count - r, count = left < block ? left : block;
        score(a, h->q + r * a->q_row, keys, count, scores);
        for (int64_t i = 0; i < count; i++) {
            const float *mask = h->mask != NULL ? h->mask + (r + i) * a->mask_row : NULL;
            sums[i] = softmax(a, mask, scores + i * stride);
        }
        weigh(a, scores, sums, values, count, h->out + r * a->out_row);
    }
}

/* ---- bytes ---- */

static void softmax_bytes(const davit_softmax_bytes *s, const uint8_t *q, const float *mask,
                          float *row, uint8_t *out)
{
    const vector scale = ALL(s->scale);
    vector most = ALL(-INFINITY);
    for (int64_t i = 0; i < s->count; i += LANES) {
        vector x = load_bytes(q + i, s->count - i, s->flip, s->offset) * scale;
        if (mask != NULL) {
            x = x + mask_part(mask, s->mask_column, i, s->count - i);
        }
        STORE(row + i, x);
        if (i + LANES > s->count) {
            end_row(row, s->count);
            x = LOAD(row + i);
        }
        most = GREATER(most, x);
    }
    const float sum = raise_row(row, s->count, greatest_of(most));
    const vector factor = ALL(1.0f / sum / s->out_scale);
    const vector low = ALL((float)(s->out_low - s->out_zero));
    const vector high = ALL((float)(s->out_high - s->out_zero));
    for (int64_t i = 0; i < s->count; i += LANES) {
        const vector x = LESSER(GREATER(LOAD(row + i) * factor, low), high);
        store_bytes(out + i, s->count - i, x, s->out_zero);
    }
}

const davit_attention_loops DAVIT_ATTENTION_TABLE = {.name = DAVIT_ATTENTION_NAME,
                                                     .scratch_elems = scratch_elems,
                                                     .run = run,
                                                     .softmax_bytes = softmax_bytes};
