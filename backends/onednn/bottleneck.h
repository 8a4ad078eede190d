/* Inverted bottlenecks in one step: a pointwise convolution that expands channels, or none, a
 * depthwise one and a pointwise one that projects them, over channels-last images, f32.
 *
 * Strips of output rows are done one after the other. For each the rows that its windows see, and
 * the strip before did not, are expanded into a ring of rows, a panel of channels at a time, which
 * the depthwise convolution reads from the nearest cache; its results for all channels are
 * projected from the next one. What is expanded is never whole anywhere. The loops are those of
 * dense.h and depthwise.h, so that each number is the one that these give unfused. */
#ifndef DAVIT_ONEDNN_BOTTLENECK_H
#define DAVIT_ONEDNN_BOTTLENECK_H

#include "dense.h"
#include "depthwise.h"
#include "group.h"

/* The three, prepared. */
typedef struct davit_bottleneck {
    const davit_dense_loops *dense_loops;
    const davit_depthwise_loops *depthwise_loops;
    bool expands, has_residual;
    davit_dense expand, project;
    davit_depthwise depthwise;
    int64_t images;
    int64_t strip;        /* output rows at a time */
    int64_t ring;         /* rows that are kept of what is expanded */
    int64_t ring_elems;   /* of all channels */
    int64_t thread_elems; /* with the depthwise results of a strip */
} davit_bottleneck;

/* Chooses strips, rings and room. */
void davit_bottleneck_plan(davit_bottleneck *bottleneck);

/* Kernel with such params. Operands: x, out, room for all threads, maybe the residual. */
DAVIT_NODISCARD davit_status davit_bottleneck_run(const davit_onednn_call *call);

/* Finds the bottleneck around the depthwise convolution at position, if it is one. */
DAVIT_NODISCARD davit_status davit_bottleneck_find(davit_onednn_builder *builder, size_t position);

#endif
