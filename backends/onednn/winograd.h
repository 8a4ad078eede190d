/* 3x3 convolutions by Winograd's algorithm F(4x4, 3x3) over channels-last images: each tile of 4x4
 * outputs is made from 6x6 inputs with 36 products in the place of 144. Interpolated at 0, 1, -1,
 * 1/2 and -2, which loses fewer bits than the usual points. */
#ifndef DAVIT_ONEDNN_WINOGRAD_H
#define DAVIT_ONEDNN_WINOGRAD_H

#include "builder.h"
#include "davit/window.h"

#define DAVIT_WINOGRAD_POINTS 36

/* A convolution, prepared. Blocks of tiles are transformed, multiplied and transformed back by one
 * thread, so that they stay in its cache; where there is one block, threads share each of the
 * steps, so that weights are read once. */
typedef struct davit_winograd {
    int64_t batch, inputs, outputs;
    int64_t in[2], out[2], pad[2], tiles[2]; /* height, width */
    int64_t block;                           /* tiles of a block at most */
    int64_t columns;                         /* outputs, padded to whole panels */
    const float *weights;                    /* [36][columns / panel][inputs][panel] */
    const float *bias;                       /* [columns] */
    float low, high;                         /* bounds of the result */
} davit_winograd;

typedef struct davit_winograd_loops {
    const char *name;
    int64_t panel;    /* output channels that are computed at once */
    int64_t multiple; /* of input channels */
    /* The three steps, for a block that begins with tile first: tiles from begin to end of it from
     * x to scratch; its count tiles times the weights at points begin to end; and tiles from
     * scratch to out. */
    void (*transform)(const davit_winograd *w, int64_t first, int64_t begin, int64_t end,
                      const float *x, float *scratch);
    void (*multiply)(const davit_winograd *w, int64_t count, int64_t begin, int64_t end,
                     float *scratch);
    void (*finish)(const davit_winograd *w, int64_t first, int64_t begin, int64_t end,
                   const float *scratch, const float *residual, float *out);
} davit_winograd_loops;

extern const davit_winograd_loops davit_winograd_avx2;
extern const davit_winograd_loops davit_winograd_avx512;

/* Where transformed inputs and products of a block lie: numbers from one of the 36 to the next,
 * with a cache line between them so that they do not all fall in one set. */
static inline int64_t davit_winograd_input_stride(const davit_winograd *w)
{
    return w->block * w->inputs + 16;
}

static inline int64_t davit_winograd_product_stride(const davit_winograd *w)
{
    return w->block * w->columns + 16;
}

/* A convolution to build. */
typedef struct davit_winograd_spec {
    const davit_window *window;
    davit_value_id source, output;
    const float *weights;                 /* [outputs][inputs][3][3] */
    const float *bias;                    /* [outputs], or NULL */
    const davit_onednn_operand *residual; /* added before the bounds; NULL: none */
    float low, high;
} davit_winograd_spec;

/* True where this machine and the convolution are what the algorithm needs. */
bool davit_winograd_can(const davit_onednn_builder *builder, const davit_winograd_spec *spec);
/* The rule: true where it can, and was faster than oneDNN's kernels. */
bool davit_winograd_fits(const davit_onednn_builder *builder, const davit_winograd_spec *spec);

/* Adds the step; *result is the output channels last. */
DAVIT_NODISCARD davit_status davit_winograd_add(davit_onednn_builder *builder,
                                                const davit_winograd_spec *spec,
                                                davit_onednn_operand *result);

#endif
