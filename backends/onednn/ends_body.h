/* What follows a product (davit_dense_end), for the vectors that are defined before. */
#include "dense.h"
#include "vector_math.h"

/* True where all of them are few instructions. */
static inline bool are_light(const davit_dense_end *ends, int end_count)
{
    bool light = true;
    for (int e = 0; e < end_count; e++) {
        light = light && ends[e].kind != DAVIT_DENSE_GELU && ends[e].kind != DAVIT_DENSE_SILU;
    }
    return light;
}

/* Of count vectors, a constant wherever this is inlined, as is light: see are_light. */
static inline __attribute__((always_inline)) void
apply_ends_as(const davit_dense_end *ends, int end_count, bool light, vector *x, int count)
{
    for (int e = 0; e < end_count; e++) {
        const vector alpha = ALL(ends[e].alpha), beta = ALL(ends[e].beta);
        switch (ends[e].kind) {
        case DAVIT_DENSE_BOUND: /* in this order what is no number stays */
            UNROLL
            for (int i = 0; i < count; i++) {
                x[i] = LESSER(beta, GREATER(alpha, x[i]));
            }
            break;
        case DAVIT_DENSE_HARDSWISH:
            UNROLL
            for (int i = 0; i < count; i++) {
                const vector factor = GREATER(MULTIPLY_ADD(alpha, x[i], beta), ALL(0.0f));
                x[i] = x[i] * LESSER(factor, ALL(1.0f));
            }
            break;
        case DAVIT_DENSE_GELU:
            UNROLL
            for (int i = 0; i < count && !light; i++) {
                x[i] = gelu(x[i]);
            }
            break;
        case DAVIT_DENSE_LINEAR:
            UNROLL
            for (int i = 0; i < count; i++) {
                x[i] = MULTIPLY_ADD(alpha, x[i], beta);
            }
            break;
        case DAVIT_DENSE_SILU:
            UNROLL
            for (int i = 0; i < count && !light; i++) {
                x[i] = silu(x[i]);
            }
            break;
        }
    }
}

static inline __attribute__((always_inline)) void apply_ends(const davit_dense_end *ends,
                                                             int end_count, vector *x, int count)
{
    apply_ends_as(ends, end_count, false, x, count);
}
