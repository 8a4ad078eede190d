/* What convolutions of every type must know of their windows, and f32 ones as those see them that
 * compute several together. */
#ifndef DAVIT_ONEDNN_CONVOLUTION_H
#define DAVIT_ONEDNN_CONVOLUTION_H

#include "davit/window.h"
#include "dense.h"
#include "depthwise.h"

typedef struct davit_onednn_convolution {
    const davit_unit *unit;
    const davit_node *node;
    bool transposed;
    int rank; /* of the data tensors */
    int64_t groups;
    int64_t channels; /* of the output */
    davit_window window;
    davit_onednn_operand src, weights, bias; /* bias only when there is one */
    bool has_bias;
    davit_onednn_fusion fusion;
} davit_onednn_convolution;

/* Resolves the window of a Conv or ConvTranspose, as far as the graph alone tells; false where it
 * is none of those or has no window. */
bool davit_onednn_convolution_of(const davit_graph *graph, const davit_unit *unit,
                                 davit_onednn_convolution *out);
/* Gets its operands but src, and what follows it. */
DAVIT_NODISCARD davit_status davit_onednn_convolution_gather(davit_onednn_builder *builder,
                                                             davit_onednn_convolution *convolution);

/* True for a product of places and weights. */
bool davit_onednn_is_pointwise(const davit_onednn_convolution *convolution);
/* As own loops see it, but for x and out; weights and bias are NULL where they are no constants. */
davit_dense_spec davit_onednn_pointwise_spec(const davit_onednn_builder *builder,
                                             const davit_onednn_convolution *convolution);
/* True where each channel has a filter of its own, and one output. */
bool davit_onednn_is_depthwise(const davit_graph *graph,
                               const davit_onednn_convolution *convolution);
davit_depthwise_spec davit_onednn_depthwise_spec(const davit_onednn_builder *builder,
                                                 const davit_onednn_convolution *convolution);

/* True when some window of a convolution lies in the padding with all its taps: oneDNN has kernels
 * that lose a residual there. */
bool davit_onednn_has_empty_window(const davit_window *window);

/* True when the windows of a transposed convolution lie side by side: each input place makes a tile
 * of the output, so that it is a product and a move of the result. */
bool davit_onednn_is_tiling(const davit_window *window);

#endif
