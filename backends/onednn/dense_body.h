/* The loops of dense.h for the vectors that the including file defines. */
#include "ends_body.h"
#include "rows_body.h"

#define FINISH 4 /* rows that are ended together */
#define LONG_DEPTH 64

/* Adds bias and residual to a vector of count rows, a constant wherever this is inlined, and ends
 * them from sums to out; left columns of it are there. */
static inline __attribute__((always_inline)) void finish_vectors(const davit_dense *d, int count,
                                                                 const float *bias, int64_t left,
                                                                 const float *sums,
                                                                 const float *residual, float *out)
{
    vector v[FINISH];
    UNROLL
    for (int r = 0; r < count; r++) {
        v[r] = LOAD(sums + r * PANEL) + LOAD(bias);
    }
    if (residual != NULL) {
        UNROLL
        for (int r = 0; r < count; r++) {
            const float *at = residual + r * d->columns;
            v[r] = v[r] + (left >= LANES ? LOAD(at) : LOAD_PART(at, left));
        }
    }
    apply_ends(d->ends, d->end_count, v, count);
    UNROLL
    for (int r = 0; r < count; r++) {
        if (left >= LANES) {
            STORE(out + r * d->columns, v[r]);
        } else {
            STORE_PART(out + r * d->columns, left, v[r]);
        }
    }
}

static inline __attribute__((always_inline)) void finish_rows(const davit_dense *d, int64_t count,
                                                              int64_t column, const float *sums,
                                                              const float *residual, float *out)
{
    const int64_t columns = d->columns - column;
    for (int64_t c = 0; c < PANEL && c < columns; c += LANES) {
        const float *bias = d->bias + column + c;
        for (int64_t r = 0; r < count;) {
            const int64_t at = r * d->columns + c;
            const float *from = residual != NULL ? residual + at : NULL;
            if (count - r >= FINISH) {
                finish_vectors(d, FINISH, bias, columns - c, sums + r * PANEL + c, from, out + at);
                r += FINISH;
            } else {
                finish_vectors(d, 1, bias, columns - c, sums + r * PANEL + c, from, out + at);
                r++;
            }
        }
    }
}

/* A block of at most ROWS rows and a panel of columns. */
typedef struct block {
    multiplied m;
    const float *bias;
    const float *residual; /* NULL: none */
    float *out;
    int64_t left; /* columns from the panel's first on */
} block;

/* Sums that are ended in registers. Where they are long, what is added to or written over is
 * fetched before. count and vectors are constants wherever this is inlined. */
static inline __attribute__((always_inline)) void run_block(const davit_dense *d, const block *b,
                                                            int count, int vectors)
{
    vector s[ROWS][2];
    const int64_t fetching = d->depth >= LONG_DEPTH ? count : 0;
    const fetched written = {b->residual != NULL ? b->residual : b->out, d->columns};
    UNROLL
    for (int r = 0; r < count; r++) {
        s[r][0] = LOAD(b->bias);
        s[r][1] = LOAD(b->bias + LANES);
    }
    add_products(0, fetching, &b->m, &written, count, vectors, s);
    add_products(fetching, d->depth, &b->m, NULL, count, vectors, s);
    if (b->residual != NULL) {
        UNROLL
        for (int r = 0; r < count; r++) {
            const float *from = b->residual + r * d->columns;
            for (int i = 0; i < vectors; i++) {
                s[r][i] = s[r][i] + load_some(from + i * LANES, b->left - i * LANES);
            }
        }
    }
    apply_ends_as(d->ends, d->end_count, true, &s[0][0], 2 * count);
    UNROLL
    for (int r = 0; r < count; r++) {
        for (int i = 0; i < vectors; i++) {
            store_some(b->out + r * d->columns + i * LANES, b->left - i * LANES, s[r][i]);
        }
    }
}

#define RUN_CASE(count)                                                                            \
    case count:                                                                                    \
        if (b->left > LANES) {                                                                     \
            run_block(d, b, count, 2);                                                             \
        } else {                                                                                   \
            run_block(d, b, count, 1);                                                             \
        }                                                                                          \
        break

static void run_light(const davit_dense *d, const block *b, int64_t count)
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

static void run_heavy(const davit_dense *d, const block *b, int64_t column, int64_t count)
{
    float sums[ROWS * PANEL];
    multiply_rows(d->depth, &b->m, count, b->left > LANES ? 2 : 1, sums, PANEL);
    finish_rows(d, count, column, sums, b->residual, b->out);
}

static void run(const davit_dense *d, int64_t first, int64_t count, int64_t panel, const float *x,
                const float *residual, float *out)
{
    const int64_t column = panel * PANEL;
    const int64_t blocks = (count + ROWS - 1) / ROWS;
    const int64_t step = (PANEL + blocks - 1) / blocks;
    const bool light = are_light(d->ends, d->end_count);
    const float *weights = d->weights + column * d->depth;
    block b = {.bias = d->bias + column, .left = d->columns - column};
    for (int64_t i = 0, done = 0; i < blocks; i++) {
        int64_t height = (count - done + blocks - i - 1) / (blocks - i);
        int64_t row = first + done, at = row * d->columns + column;
        b.m = (multiplied){.rows = x + row * d->row_stride,
                           .row_stride = d->row_stride,
                           .weights = weights,
                           .next = {weights + (PANEL + i * step) * d->depth, step}};
        b.m.after = b.m.rows + (row + height < d->rows ? height * d->row_stride : 0);
        b.residual = residual != NULL ? residual + at : NULL;
        b.out = out + at;
        if (light) {
            run_light(d, &b, height);
        } else {
            run_heavy(d, &b, column, height);
        }
        done += height;
    }
}

const davit_dense_loops DAVIT_DENSE_TABLE = {.name = DAVIT_DENSE_NAME, .panel = PANEL, .run = run};
