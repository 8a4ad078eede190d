/* f32 rows times constant weights, with what follows them: pointwise convolutions over
 * channels-last images and matrix products, on our own loops for AVX2 and AVX-512. Weights lie
 * packed in panels and are fetched ahead. */
#ifndef DAVIT_ONEDNN_DENSE_H
#define DAVIT_ONEDNN_DENSE_H

#include <float.h>
#include <math.h>

#include "fusion.h"

/* What follows, in this order of kinds at most DAVIT_DENSE_ENDS times. */
typedef enum davit_dense_kind {
    DAVIT_DENSE_BOUND,     /* min(max(x, alpha), beta) */
    DAVIT_DENSE_HARDSWISH, /* x * min(max(alpha * x + beta, 0), 1) */
    DAVIT_DENSE_LINEAR,    /* alpha * x + beta */
    DAVIT_DENSE_GELU,      /* x / 2 * (1 + erf(x / sqrt 2)) */
    DAVIT_DENSE_SILU       /* x / (1 + e^-x) */
} davit_dense_kind;

typedef struct davit_dense_end {
    davit_dense_kind kind;
    float alpha, beta;
} davit_dense_end;

#define DAVIT_DENSE_ENDS 4

/* A product, prepared. */
typedef struct davit_dense {
    int64_t rows, depth, columns;
    int64_t row_stride;   /* of x */
    const float *weights; /* [panels][depth][width] */
    const float *bias;    /* padded to whole vectors */
    int end_count;
    davit_dense_end ends[DAVIT_DENSE_ENDS];
} davit_dense;

typedef struct davit_dense_loops {
    const char *name;
    /* Of a vector. Panels, columns that are computed at once, are of two, and the last of three
     * where their number is odd; but there is always one. */
    int64_t lanes;
    /* Computes rows first to first + count of a panel. residual: as out, or NULL; may be out. */
    void (*run)(const davit_dense *dense, int64_t first, int64_t count, int64_t panel,
                const float *x, const float *residual, float *out);
} davit_dense_loops;

/* Panels of that many columns. */
int64_t davit_dense_panels(int64_t columns, int64_t lanes);

extern const davit_dense_loops davit_dense_avx2;
extern const davit_dense_loops davit_dense_avx512;

/* Takes a residual that comes first from the fusion, and then what the loops have; returns the
 * residual, or NULL. */
const davit_onednn_operand *davit_dense_take(davit_onednn_fusion *fusion, davit_dense *dense);

/* Takes what the loops have from the fusion, beginning with item first; returns how many ends. */
int davit_dense_take_ends(davit_onednn_fusion *fusion, size_t first,
                          davit_dense_end ends[DAVIT_DENSE_ENDS]);

/* True where a function that takes many instructions is in the fusion, of those that the loops
 * have. */
bool davit_dense_has_function(const davit_onednn_fusion *fusion);

/* Numbers below all normal ones, which trained weights are full of, each take a processor a hundred
 * cycles and add less than 2^-126 of their row to a sum: they count as 0. */
static inline float davit_dense_without_denormal(float weight)
{
    return fabsf(weight) < FLT_MIN ? 0.0f : weight;
}

/* A product to build. */
typedef struct davit_dense_spec {
    davit_onednn_operand x; /* rows side by side */
    davit_dnnl_desc out;    /* likewise; a residual of the fusion is converted to it */
    int64_t rows, depth, columns;
    const float *weights; /* element (k, c) is weights[k * depth_stride + c * column_stride] */
    int64_t depth_stride, column_stride;
    const davit_tensor *borrowed; /* that they are in, or NULL */
    const float *bias;            /* [columns], or NULL */
    size_t ends;                  /* operations that follow */
    bool has_function;            /* that is an exponential or the like among them */
} davit_dense_spec;

/* True where this machine has the loops. */
bool davit_dense_can(const davit_dense_spec *spec);
/* The rule: true where it has, and they were faster than oneDNN's. */
bool davit_dense_fits(const davit_dense_spec *spec);

/* What the loops need of a spec, but for what follows. */
DAVIT_NODISCARD davit_status davit_dense_prepare(davit_onednn_builder *builder,
                                                 const davit_dense_spec *spec,
                                                 const davit_dense_loops **loops, davit_dense *out);

/* Adds the steps for the product and the whole fusion; *result is what they make. */
DAVIT_NODISCARD davit_status davit_dense_add(davit_onednn_builder *builder,
                                             const davit_dense_spec *spec,
                                             davit_onednn_fusion *fusion,
                                             davit_onednn_operand *result);

#endif
