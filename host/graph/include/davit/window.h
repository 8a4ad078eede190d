/* The sliding window of convolutions and pools: kernel, strides, dilations and padding resolved to
 * numbers, once for inference and for every backend. */
#ifndef DAVIT_WINDOW_H
#define DAVIT_WINDOW_H

#include "davit/graph.h"

/* Spatial axes at most: those of the greatest rank without batch and channels. */
#define DAVIT_WINDOW_MAX_AXES (DAVIT_MAX_RANK - 2)

/* One entry for each spatial axis, outermost first. For a transposed convolution in and out are
 * those of the node, and the window slides over out. */
typedef struct davit_window {
    int axes;
    int64_t in[DAVIT_WINDOW_MAX_AXES];
    int64_t out[DAVIT_WINDOW_MAX_AXES];
    int64_t kernel[DAVIT_WINDOW_MAX_AXES];
    int64_t stride[DAVIT_WINDOW_MAX_AXES];
    int64_t dilation[DAVIT_WINDOW_MAX_AXES];
    /* As auto_pad makes them, or as given. Those of a transposed convolution are cropped. */
    int64_t pad_begin[DAVIT_WINDOW_MAX_AXES];
    int64_t pad_end[DAVIT_WINDOW_MAX_AXES];
} davit_window;

/* What a window is resolved for. */
typedef struct davit_window_spec {
    const davit_node *node;
    const davit_tensor_desc *x; /* [N, C, spatial...] */
    /* Weights whose axes from 2 on are the kernel, and agree with kernel_shape if that is given;
     * NULL: kernel_shape is required. */
    const davit_tensor_desc *weights;
    bool transposed; /* ConvTranspose: output_padding, output_shape */
} davit_window_spec;

/* Resolves the attributes kernel_shape, strides, dilations, pads, auto_pad, ceil_mode,
 * output_padding and output_shape as the ONNX specification (opset 21) does. With ceil_mode a last
 * window that would start in the padding after the input is left out.
 *
 * Reports "node 'NAME' (Op): text" and returns DAVIT_BAD_DATA for attributes of a wrong length or
 * sign, a kernel larger than the padded input, or an unknown auto_pad. Reentrant. */
DAVIT_NODISCARD davit_status davit_window_resolve(const davit_window_spec *spec,
                                                  const davit_diagnostics *diag, davit_window *out);

/* The window of a Col2Im node: blocks of the given shape that slide over an image of axes spatial
 * axes; out is how many blocks fit along each. Errors as above. */
DAVIT_NODISCARD davit_status davit_window_resolve_col2im(const davit_node *node, int axes,
                                                         const int64_t *image, const int64_t *block,
                                                         const davit_diagnostics *diag,
                                                         davit_window *out);

#endif
