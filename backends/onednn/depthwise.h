/* f32 convolutions in which every channel has a filter of its own, over channels-last images, on
 * our own loops for AVX2 and AVX-512: outputs that lie side by side in a row are summed together,
 * so that each input is read once for them. */
#ifndef DAVIT_ONEDNN_DEPTHWISE_H
#define DAVIT_ONEDNN_DEPTHWISE_H

#include "davit/window.h"
#include "dense.h"

/* A convolution, prepared. */
typedef struct davit_depthwise {
    int64_t channels;
    int64_t in[2], out[2], kernel[2], stride[2], pad[2]; /* height, width */
    int64_t dilation;                                    /* of rows */
    int64_t ring;         /* rows of x that are there: row y is at y % ring */
    int64_t out_stride;   /* from one place of a row to the next */
    const float *weights; /* [vectors][kernel height][kernel width][lanes] */
    const float *bias;    /* padded to whole vectors */
    int end_count;
    davit_dense_end ends[DAVIT_DENSE_ENDS];
} davit_depthwise;

/* Vectors of channels from first to end in row y of an image. */
typedef struct davit_depthwise_part {
    int64_t y, first, end;
    const float *x; /* the image */
    float *out;     /* the row */
} davit_depthwise_part;

typedef struct davit_depthwise_loops {
    const char *name;
    int64_t lanes; /* of a vector */
    void (*run)(const davit_depthwise *depthwise, const davit_depthwise_part *part);
} davit_depthwise_loops;

extern const davit_depthwise_loops davit_depthwise_avx2;
extern const davit_depthwise_loops davit_depthwise_avx512;

/* A convolution to build. */
typedef struct davit_depthwise_spec {
    const davit_window *window;
    davit_value_id source, output;
    const float *weights; /* [channels][1][kernel height][kernel width] */
    const float *bias;    /* [channels], or NULL */
} davit_depthwise_spec;

/* What the loops need of a spec and the first operations of the fusion, of which in_primitive says
 * how many. */
DAVIT_NODISCARD davit_status davit_depthwise_prepare(davit_onednn_builder *builder,
                                                     const davit_depthwise_spec *spec,
                                                     davit_onednn_fusion *fusion,
                                                     const davit_depthwise_loops **loops,
                                                     davit_depthwise *out);

/* True where this machine has loops for the window. */
bool davit_depthwise_can(const davit_depthwise_spec *spec);

/* Adds the steps for it and the whole fusion; *result is the output channels last. */
DAVIT_NODISCARD davit_status davit_depthwise_add(davit_onednn_builder *builder,
                                                 const davit_depthwise_spec *spec,
                                                 davit_onednn_fusion *fusion,
                                                 davit_onednn_operand *result);

#endif
