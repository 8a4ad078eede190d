/* Rows times a panel of packed weights, for the vectors that are defined before. */
#include <stdbool.h>
#include <stdint.h>

#define PANEL (2 * LANES)
#define AHEAD 32 /* numbers of a row before which their weights are fetched */

/* Numbers to fetch while rows are multiplied: some for each number of a row. */
typedef struct fetched {
    const float *first;
    int64_t step;
} fetched;

/* Rows to multiply, and what is fetched meanwhile: weights to the second cache, the rows that
 * follow, or these again where there are none, to the first. */
typedef struct multiplied {
    const float *rows;
    int64_t row_stride;
    const float *weights;
    fetched next;
} multiplied;

/* What else is fetched, to the first cache. */
typedef struct fetched_rows {
    const float *after; /* rows to multiply then, side by side */
    fetched written;    /* rows as wide as the panel, one for each number */
} fetched_rows;

/* Adds the products of numbers begin to end of count rows with their weights to s[count][vectors];
 * of the weights, [depth][width], the first vectors count. also: or NULL; writes: what is written
 * too. count, vectors, width, writes and whether there is also are constants wherever this is
 * inlined. */
static inline __attribute__((always_inline)) void
add_products(int64_t begin, int64_t end, const multiplied *m, const fetched_rows *also, bool writes,
             int count, int vectors, int width, vector *s)
{
    const int64_t row_stride = m->row_stride;
    const float *weights = m->weights, *x[4];
    for (int i = 0; i < 4; i++) {
        x[i] = m->rows + (3 * i < count ? 3 * i : 0) * row_stride;
    }
    for (int64_t k = begin; k < end; k++) {
        vector w[3];
        __builtin_prefetch(m->next.first + k * m->next.step, 0, 2);
        if (also != NULL && count > 1) {
            __builtin_prefetch(also->after + k * count);
        }
        UNROLL
        for (int v = 0; v < vectors; v++) {
            if (also != NULL && writes) {
                __builtin_prefetch(also->written.first + k * also->written.step + v * LANES, 1);
            }
            __builtin_prefetch(weights + (k + AHEAD) * width + v * LANES);
            w[v] = LOAD(weights + k * width + v * LANES);
        }
        UNROLL
        for (int r = 0; r < count; r++) {
            const vector number = ALL(x[r / 3][(r % 3) * row_stride + k]);
            UNROLL
            for (int v = 0; v < vectors; v++) {
                s[r * vectors + v] = MULTIPLY_ADD(number, w[v], s[r * vectors + v]);
            }
        }
    }
}

/* sums[r][0 .. PANEL) = rows[r][0 .. depth) * weights[0 .. depth)[PANEL]; see add_products. */
static inline __attribute__((always_inline)) void multiply_block(int64_t depth, const multiplied *m,
                                                                 int count, int vectors,
                                                                 float *sums, int64_t stride)
{
    vector s[ROWS * 2];
    UNROLL
    for (int i = 0; i < count * vectors; i++) {
        s[i] = ALL(0.0f);
    }
    add_products(0, depth, m, NULL, false, count, vectors, PANEL, s);
    UNROLL
    for (int r = 0; r < count; r++) {
        UNROLL
        for (int v = 0; v < vectors; v++) {
            STORE(sums + r * stride + v * LANES, s[r * vectors + v]);
        }
    }
}

#define MULTIPLY_CASE(count)                                                                       \
    case count:                                                                                    \
        if (vectors > 1) {                                                                         \
            multiply_block(depth, m, count, 2, sums, stride);                                      \
        } else {                                                                                   \
            multiply_block(depth, m, count, 1, sums, stride);                                      \
        }                                                                                          \
        break

/* count: 1 .. ROWS; vectors: 1 or 2 of the panel. */
static inline void multiply_rows(int64_t depth, const multiplied *m, int64_t count, int vectors,
                                 float *sums, int64_t stride)
{
    switch (count) {
        MULTIPLY_CASE(1);
        MULTIPLY_CASE(2);
        MULTIPLY_CASE(3);
        MULTIPLY_CASE(4);
        MULTIPLY_CASE(5);
        MULTIPLY_CASE(6);
#if ROWS > 6
        MULTIPLY_CASE(7);
        MULTIPLY_CASE(8);
        MULTIPLY_CASE(9);
        MULTIPLY_CASE(10);
        MULTIPLY_CASE(11);
        MULTIPLY_CASE(12);
#endif
    default:
        break;
    }
}
