/* Rows times a panel of packed weights, for the vectors that are defined before. */
#include <stdint.h>

#define PANEL (2 * LANES)
#define AHEAD 32 /* numbers of a row before which their weights are fetched */

/* Numbers to fetch while rows are multiplied: some for each number of a row. */
typedef struct fetched {
    const float *first;
    int64_t step;
} fetched;

/* sums[r][0 .. PANEL) = rows[r][0 .. depth) * weights[0 .. depth)[PANEL], of one or both vectors of
 * the panel; count and vectors are constants wherever this is inlined. */
static inline __attribute__((always_inline)) void
multiply_block(int64_t depth, const float *rows, int64_t row_stride, const float *weights,
               fetched next, int count, int vectors, float *sums, int64_t stride)
{
    vector s[ROWS][2];
    const float *x[4];
    for (int i = 0; i < 4; i++) {
        x[i] = rows + (3 * i < count ? 3 * i : 0) * row_stride;
    }
    UNROLL
    for (int r = 0; r < count; r++) {
        s[r][0] = s[r][1] = ALL(0.0f);
    }
    for (int64_t k = 0; k < depth; k++) {
        __builtin_prefetch(next.first + k * next.step, 0, 2);
        __builtin_prefetch(weights + (k + AHEAD) * PANEL);
        __builtin_prefetch(weights + (k + AHEAD) * PANEL + LANES);
        const vector w0 = LOAD(weights + k * PANEL), w1 = LOAD(weights + k * PANEL + LANES);
        UNROLL
        for (int r = 0; r < count; r++) {
            const vector v = ALL(x[r / 3][(r % 3) * row_stride + k]);
            s[r][0] = MULTIPLY_ADD(v, w0, s[r][0]);
            if (vectors > 1) {
                s[r][1] = MULTIPLY_ADD(v, w1, s[r][1]);
            }
        }
    }
    UNROLL
    for (int r = 0; r < count; r++) {
        STORE(sums + r * stride, s[r][0]);
        if (vectors > 1) {
            STORE(sums + r * stride + LANES, s[r][1]);
        }
    }
}

#define MULTIPLY_CASE(count)                                                                       \
    case count:                                                                                    \
        if (vectors > 1) {                                                                         \
            multiply_block(depth, rows, row_stride, weights, next, count, 2, sums, stride);        \
        } else {                                                                                   \
            multiply_block(depth, rows, row_stride, weights, next, count, 1, sums, stride);        \
        }                                                                                          \
        break

/* count: 1 .. ROWS. */
static void multiply_rows(int64_t depth, const float *rows, int64_t row_stride,
                          const float *weights, fetched next, int64_t count, int vectors,
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
