/* The loops of winograd.h for the vectors that the including file defines. */
#include "rows_body.h"
#include "winograd.h"

#define POINTS DAVIT_WINOGRAD_POINTS
/* ---- to 36 points and back ---- */

/* Six values to six points, in place; step is the distance of the values. */
static inline __attribute__((always_inline)) void to_points(vector *d, int step)
{
    const vector d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step], d4 = d[4 * step],
                 d5 = d[5 * step];
    const vector u = d3 - d1, v = d4 - d2;
    d[0] = MULTIPLY_ADD(ALL(1.5f), u, d0 - d2 + v);
    d[step] = MULTIPLY_ADD(ALL(2.5f), d3, MULTIPLY_ADD(ALL(0.5f), d2, d4 - d1));
    d[2 * step] = MULTIPLY_ADD(ALL(-2.5f), d2, MULTIPLY_ADD(ALL(0.5f), d3, d4 + d1));
    d[3 * step] = MULTIPLY_ADD(ALL(2.0f), u, v);
    d[4 * step] = MULTIPLY_ADD(ALL(-0.5f), u, v);
    d[5 * step] = MULTIPLY_ADD(ALL(1.5f), v, d5 - d3 - u);
}

/* Six points to four values. */
static inline __attribute__((always_inline)) void from_points(const vector *m, int step, vector *y,
                                                              int y_step)
{
    const vector s = m[step] + m[2 * step], t = m[step] - m[2 * step];
    const vector m3 = m[3 * step], m4 = m[4 * step];
    y[0] = m[0] + s + (m3 + m4);
    y[y_step] = MULTIPLY_ADD(ALL(-2.0f), m4, MULTIPLY_ADD(ALL(0.5f), m3, t));
    y[2 * y_step] = MULTIPLY_ADD(ALL(4.0f), m4, MULTIPLY_ADD(ALL(0.25f), m3, s));
    y[3 * y_step] = MULTIPLY_ADD(ALL(-8.0f), m4, MULTIPLY_ADD(ALL(0.125f), m3, t + m[5 * step]));
}

/* A tile's place: the image and the first output. */
typedef struct place {
    int64_t image, at[2];
} place;

static place place_of(const davit_winograd *w, int64_t tile)
{
    int64_t line = tile / w->tiles[1];
    return (place){.image = line / w->tiles[0],
                   .at = {line % w->tiles[0] * 4, tile % w->tiles[1] * 4}};
}

/* 6x6 inputs of LANES channels; outside of the image they are 0. */
static inline __attribute__((always_inline)) void
read_tile(const davit_winograd *w, const float *corner, bool inside, const place *p, vector *d)
{
    const int64_t line = w->in[1] * w->inputs;
    UNROLL
    for (int i = 0; i < 6; i++) {
        int64_t row = p->at[0] - w->pad[0] + i;
        UNROLL
        for (int j = 0; j < 6; j++) {
            int64_t column = p->at[1] - w->pad[1] + j;
            bool there = inside || (row >= 0 && row < w->in[0] && column >= 0 && column < w->in[1]);
            d[6 * i + j] = there ? LOAD(corner + i * line + j * w->inputs) : ALL(0.0f);
        }
    }
}

static inline __attribute__((always_inline)) void
transform_part(const davit_winograd *w, const float *corner, bool inside, const place *p, float *to)
{
    vector d[POINTS];
    const int64_t stride = davit_winograd_input_stride(w);
    read_tile(w, corner, inside, p, d);
    UNROLL
    for (int i = 0; i < 6; i++) {
        to_points(d + i, 6);
    }
    UNROLL
    for (int i = 0; i < 6; i++) {
        to_points(d + 6 * i, 1);
        UNROLL
        for (int j = 0; j < 6; j++) {
            STORE(to + (6 * i + j) * stride, d[6 * i + j]);
        }
    }
}

static void transform_tile(const davit_winograd *w, const float *x, int64_t tile, float *to)
{
    const place p = place_of(w, tile);
    const int64_t row = p.at[0] - w->pad[0], column = p.at[1] - w->pad[1];
    const bool inside = row >= 0 && column >= 0 && row + 6 <= w->in[0] && column + 6 <= w->in[1];
    const float *corner = x + ((p.image * w->in[0] + row) * w->in[1] + column) * w->inputs;
    for (int64_t c = 0; c < w->inputs; c += LANES) {
        if (inside) {
            transform_part(w, corner + c, true, &p, to + c);
        } else {
            transform_part(w, corner + c, false, &p, to + c);
        }
    }
}

static void transform(const davit_winograd *w, int64_t first, int64_t begin, int64_t end,
                      const float *x, float *scratch)
{
    for (int64_t t = begin; t < end; t++) {
        transform_tile(w, x, first + t, scratch + t * w->inputs);
    }
}

/* ---- products ---- */

/* All tiles of a block at one of the points. */
static void multiply_point(const davit_winograd *w, int64_t count, const float *rows,
                           const float *weights, float *sums)
{
    const int64_t blocks = (count + ROWS - 1) / ROWS;
    const int64_t step = (PANEL + blocks - 1) / blocks;
    for (int64_t column = 0; column < w->columns; column += PANEL) {
        const float *panel = weights + column * w->inputs;
        for (int64_t i = 0, first = 0; i < blocks; i++) {
            int64_t height = (count - first + blocks - i - 1) / (blocks - i);
            const multiplied m = {.rows = rows + first * w->inputs,
                                  .row_stride = w->inputs,
                                  .weights = panel,
                                  .next = {panel + (PANEL + i * step) * w->inputs, step}};
            multiply_rows(w->inputs, &m, height, 2, sums + first * w->columns + column, w->columns);
            first += height;
        }
    }
}

static void multiply(const davit_winograd *w, int64_t count, int64_t begin, int64_t end,
                     float *scratch)
{
    const int64_t stride = davit_winograd_input_stride(w);
    float *products = scratch + POINTS * stride;
    for (int64_t p = begin; p < end; p++) {
        multiply_point(w, count, scratch + p * stride, w->weights + p * w->inputs * w->columns,
                       products + p * davit_winograd_product_stride(w));
    }
}

/* ---- results ---- */

static inline __attribute__((always_inline)) void finish_part(const davit_winograd *w,
                                                              const float *from, const place *p,
                                                              int64_t column, const float *residual,
                                                              float *out)
{
    vector m[POINTS], half[24], y[16];
    const int64_t stride = davit_winograd_product_stride(w);
    const int64_t left = w->outputs - column;
    UNROLL
    for (int j = 0; j < 6; j++) {
        UNROLL
        for (int i = 0; i < 6; i++) {
            m[6 * i + j] = LOAD(from + (6 * i + j) * stride);
        }
        from_points(m + j, 6, half + j, 6);
    }
    UNROLL
    for (int i = 0; i < 4; i++) {
        from_points(half + 6 * i, 1, y + 4 * i, 1);
    }
    const vector bias = LOAD(w->bias + column), low = ALL(w->low), high = ALL(w->high);
    for (int i = 0; i < 4 && p->at[0] + i < w->out[0]; i++) {
        int64_t line = (p->image * w->out[0] + p->at[0] + i) * w->out[1];
        for (int j = 0; j < 4 && p->at[1] + j < w->out[1]; j++) {
            int64_t at = (line + p->at[1] + j) * w->outputs + column;
            vector value = y[4 * i + j] + bias;
            if (residual != NULL) {
                value =
                    value + (left >= LANES ? LOAD(residual + at) : LOAD_PART(residual + at, left));
            }
            /* In this order the bounds keep what is no number. */
            value = LESSER(high, GREATER(low, value));
            if (left >= LANES) {
                STORE(out + at, value);
            } else {
                STORE_PART(out + at, left, value);
            }
        }
    }
}

static void finish(const davit_winograd *w, int64_t first, int64_t begin, int64_t end,
                   const float *scratch, const float *residual, float *out)
{
    const float *products = scratch + POINTS * davit_winograd_input_stride(w);
    for (int64_t t = begin; t < end; t++) {
        const place p = place_of(w, first + t);
        for (int64_t column = 0; column < w->outputs; column += LANES) {
            finish_part(w, products + t * w->columns + column, &p, column, residual, out);
        }
    }
}

const davit_winograd_loops DAVIT_WINOGRAD_TABLE = {.name = DAVIT_WINOGRAD_NAME,
                                                   .panel = PANEL,
                                                   .multiple = LANES,
                                                   .transform = transform,
                                                   .multiply = multiply,
                                                   .finish = finish};
