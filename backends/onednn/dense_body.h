/* The loops of dense.h for the vectors that the including file defines. */
#include "ends_body.h"
#include "rows_body.h"

#define FINISH 4 /* rows that are ended together */
#define LONG_DEPTH 64
#define WIDE_PANEL (3 * LANES)
#define WIDE_ROWS (2 * ROWS / 3) /* of a block of such a panel */

/* A block of rows and a panel of one to three vectors of columns. */
typedef struct block {
    multiplied m;
    const float *after; /* rows that are multiplied then, or these again */
    const float *bias;
    const float *residual; /* NULL: none */
    float *out;
    int64_t left; /* columns from the panel's first on */
    bool light;
} block;

/* Adds the residual to a vector of count rows, a constant wherever this is inlined, and ends them
 * from sums to out; left columns of it are there. */
static inline __attribute__((always_inline)) void finish_vectors(const davit_dense *d, int count,
                                                                 int64_t left, const float *sums,
                                                                 int64_t stride,
                                                                 const float *residual, float *out)
{
    vector v[FINISH];
    UNROLL
    for (int r = 0; r < count; r++) {
        v[r] = LOAD(sums + r * stride);
        if (residual != NULL) {
            v[r] = v[r] + load_some(residual + r * d->columns, left);
        }
    }
    apply_ends(d->ends, d->end_count, v, count);
    UNROLL
    for (int r = 0; r < count; r++) {
        store_some(out + r * d->columns, left, v[r]);
    }
}

static void finish_rows(const davit_dense *d, const block *b, int64_t count, int64_t width,
                        const float *sums)
{
    for (int64_t c = 0; c < width; c += LANES) {
        for (int64_t r = 0; r < count;) {
            const int64_t at = r * d->columns + c;
            const float *from = b->residual != NULL ? b->residual + at : NULL;
            const float *sum = sums + r * width + c;
            if (count - r >= FINISH) {
                finish_vectors(d, FINISH, b->left - c, sum, width, from, b->out + at);
                r += FINISH;
            } else {
                finish_vectors(d, 1, b->left - c, sum, width, from, b->out + at);
                r++;
            }
        }
    }
}

/* Sums that are ended in registers where that takes few. Where they are long, what is added to or
 * written over is fetched before. count and vectors are constants wherever this is inlined. */
static inline __attribute__((always_inline)) void run_block(const davit_dense *d, const block *b,
                                                            int count, int vectors)
{
    vector s[ROWS * 2];
    const int width = vectors * LANES;
    const int64_t fetching = d->depth >= LONG_DEPTH ? count : 0;
    const fetched_rows also = {b->after, {b->residual != NULL ? b->residual : b->out, d->columns}};
    UNROLL
    for (int i = 0; i < count * vectors; i++) {
        s[i] = LOAD(b->bias + i % vectors * LANES);
    }
    add_products(0, fetching, &b->m, &also, true, count, vectors, width, s);
    add_products(fetching, d->depth, &b->m, &also, false, count, vectors, width, s);
    if (!b->light) {
        float sums[ROWS * 2 * LANES];
        UNROLL
        for (int i = 0; i < count * vectors; i++) {
            STORE(sums + i * LANES, s[i]);
        }
        finish_rows(d, b, count, width, sums);
        return;
    }
    const int64_t last = b->left - (vectors - 1) * LANES;
    if (b->residual != NULL) {
        UNROLL
        for (int i = 0; i < count * vectors; i++) {
            const float *at = b->residual + i / vectors * d->columns + i % vectors * LANES;
            s[i] = s[i] + (i % vectors < vectors - 1 ? LOAD(at) : load_some(at, last));
        }
    }
    apply_ends_as(d->ends, d->end_count, true, s, count * vectors);
    UNROLL
    for (int i = 0; i < count * vectors; i++) {
        float *at = b->out + i / vectors * d->columns + i % vectors * LANES;
        if (i % vectors < vectors - 1) {
            STORE(at, s[i]);
        } else {
            store_some(at, last, s[i]);
        }
    }
}

#define RUN_CASE(count)                                                                            \
    case count:                                                                                    \
        if (b->left <= LANES) {                                                                    \
            run_block(d, b, count, 1);                                                             \
        } else {                                                                                   \
            run_block(d, b, count, 2);                                                             \
        }                                                                                          \
        break
#define RUN_WIDE_CASE(count)                                                                       \
    case count:                                                                                    \
        run_block(d, b, count, 3);                                                                 \
        break

/* count: 1 .. ROWS. */
static void run_rows(const davit_dense *d, const block *b, int64_t count)
{
    switch (count) {
        RUN_CASE(1);
        RUN_CASE(2);
        RUN_CASE(3);
        RUN_CASE(4);
        RUN_CASE(5);
        RUN_CASE(6);
#if ROWS > 6
        RUN_CASE(7);
        RUN_CASE(8);
        RUN_CASE(9);
        RUN_CASE(10);
        RUN_CASE(11);
        RUN_CASE(12);
#endif
    default:
        break;
    }
}

/* count: 1 .. WIDE_ROWS. */
static void run_wide_rows(const davit_dense *d, const block *b, int64_t count)
{
    switch (count) {
        RUN_WIDE_CASE(1);
        RUN_WIDE_CASE(2);
        RUN_WIDE_CASE(3);
        RUN_WIDE_CASE(4);
#if ROWS > 6
        RUN_WIDE_CASE(5);
        RUN_WIDE_CASE(6);
        RUN_WIDE_CASE(7);
        RUN_WIDE_CASE(8);
#endif
    default:
        break;
    }
}

static void run(const davit_dense *d, int64_t first, int64_t count, int64_t panel, const float *x,
                const float *residual, float *out)
{
    const int64_t column = panel * PANEL;
    const float *weights = d->weights + column * d->depth;
    block b = {.bias = d->bias + column,
               .left = d->columns - column,
               .light = are_light(d->ends, d->end_count)};
    const bool wide = b.left > PANEL && b.left <= WIDE_PANEL;
    const int64_t most = wide ? WIDE_ROWS : ROWS, width = wide ? WIDE_PANEL : PANEL;
    const int64_t blocks = (count + most - 1) / most;
    const int64_t step = (width + blocks - 1) / blocks;
    for (int64_t i = 0, done = 0; i < blocks; i++) {
        int64_t height = (count - done + blocks - i - 1) / (blocks - i);
        int64_t row = first + done, at = row * d->columns + column;
        b.m = (multiplied){.rows = x + row * d->row_stride,
                           .row_stride = d->row_stride,
                           .weights = weights,
                           .next = {weights + (width + i * step) * d->depth, step}};
        b.after = b.m.rows + (row + height < d->rows ? height * d->row_stride : 0);
        b.residual = residual != NULL ? residual + at : NULL;
        b.out = out + at;
        if (wide) {
            run_wide_rows(d, &b, height);
        } else {
            run_rows(d, &b, height);
        }
        done += height;
    }
}

const davit_dense_loops DAVIT_DENSE_TABLE = {.name = DAVIT_DENSE_NAME, .lanes = LANES, .run = run};
