/* The loops of dense.h for the vectors that the including file defines. */
#include "ends_body.h"
#include "rows_body.h"

/* Adds bias and residual, and ends rows from sums to out. */
static inline __attribute__((always_inline)) void finish_rows(const davit_dense *d, int64_t count,
                                                              int64_t column, const float *sums,
                                                              const float *residual, bool plain,
                                                              float *out)
{
    const int64_t left = d->columns - column;
    for (int64_t c = 0; c < PANEL && c < left; c += LANES) {
        const vector bias = LOAD(d->bias + column + c);
        for (int64_t r = 0; r < count; r++) {
            const int64_t at = r * d->columns + c;
            vector v = LOAD(sums + r * PANEL + c) + bias;
            if (residual != NULL) {
                v = v +
                    (left - c >= LANES ? LOAD(residual + at) : LOAD_PART(residual + at, left - c));
            }
            if (plain) { /* in this order what is no number stays */
                v = LESSER(ALL(d->ends[0].beta), GREATER(ALL(d->ends[0].alpha), v));
            } else {
                apply_ends(d->ends, d->end_count, &v, 1);
            }
            if (left - c >= LANES) {
                STORE(out + at, v);
            } else {
                STORE_PART(out + at, left - c, v);
            }
        }
    }
}

static void run(const davit_dense *d, int64_t first, int64_t count, int64_t panel, const float *x,
                const float *residual, float *out)
{
    const int64_t column = panel * PANEL;
    const bool plain = d->end_count == 1 && d->ends[0].kind == DAVIT_DENSE_BOUND;
    const int64_t blocks = (count + ROWS - 1) / ROWS;
    const float *weights = d->weights + column * d->depth;
    const int64_t step = (PANEL + blocks - 1) / blocks;
    float sums[ROWS * PANEL];
    for (int64_t i = 0, done = 0; i < blocks; i++) {
        int64_t height = (count - done + blocks - i - 1) / (blocks - i);
        const fetched next = {weights + (PANEL + i * step) * d->depth, step};
        int64_t row = first + done, at = row * d->columns + column;
        multiply_rows(d->depth, x + row * d->row_stride, d->row_stride, weights, next, height, sums,
                      PANEL);
        const float *from = residual != NULL ? residual + at : NULL;
        if (plain) {
            finish_rows(d, height, column, sums, from, true, out + at);
        } else {
            finish_rows(d, height, column, sums, from, false, out + at);
        }
        done += height;
    }
}

const davit_dense_loops DAVIT_DENSE_TABLE = {.name = DAVIT_DENSE_NAME, .panel = PANEL, .run = run};
