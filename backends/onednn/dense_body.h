/* The loops of dense.h for the vectors that the including file defines. */
#include "ends_body.h"
#include "rows_body.h"

#define FINISH 4 /* rows that are ended together */

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

static void run(const davit_dense *d, int64_t first, int64_t count, int64_t panel, const float *x,
                const float *residual, float *out)
{
    const int64_t column = panel * PANEL;
    const int vectors = d->columns - column > LANES ? 2 : 1;
    const int64_t blocks = (count + ROWS - 1) / ROWS;
    const float *weights = d->weights + column * d->depth;
    const int64_t step = (PANEL + blocks - 1) / blocks;
    float sums[ROWS * PANEL];
    for (int64_t i = 0, done = 0; i < blocks; i++) {
        int64_t height = (count - done + blocks - i - 1) / (blocks - i);
        const fetched next = {weights + (PANEL + i * step) * d->depth, step};
        int64_t row = first + done, at = row * d->columns + column;
        multiply_rows(d->depth, x + row * d->row_stride, d->row_stride, weights, next, height,
                      vectors, sums, PANEL);
        const float *from = residual != NULL ? residual + at : NULL;
        finish_rows(d, height, column, sums, from, out + at);
        done += height;
    }
}

const davit_dense_loops DAVIT_DENSE_TABLE = {.name = DAVIT_DENSE_NAME, .panel = PANEL, .run = run};
