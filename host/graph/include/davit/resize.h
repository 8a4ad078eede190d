/* The Resize operator's attributes and shape inputs, read once for inference and for backends. */
#ifndef DAVIT_RESIZE_H
#define DAVIT_RESIZE_H

#include "davit/graph.h"

typedef enum davit_resize_mode {
    DAVIT_RESIZE_NEAREST,
    DAVIT_RESIZE_LINEAR,
    DAVIT_RESIZE_CUBIC
} davit_resize_mode;

/* How an output coordinate becomes an input coordinate. */
typedef enum davit_resize_coordinates {
    DAVIT_RESIZE_HALF_PIXEL,
    DAVIT_RESIZE_HALF_PIXEL_SYMMETRIC,
    DAVIT_RESIZE_PYTORCH_HALF_PIXEL,
    DAVIT_RESIZE_ALIGN_CORNERS,
    DAVIT_RESIZE_ASYMMETRIC,
    DAVIT_RESIZE_TF_HALF_PIXEL_FOR_NN, /* opset 11 only: (x + 1/2) / scale */
    DAVIT_RESIZE_TF_CROP_AND_RESIZE
} davit_resize_coordinates;

typedef enum davit_resize_rounding {
    DAVIT_RESIZE_ROUND_PREFER_FLOOR,
    DAVIT_RESIZE_ROUND_PREFER_CEIL,
    DAVIT_RESIZE_FLOOR,
    DAVIT_RESIZE_CEIL
} davit_resize_rounding;

typedef struct davit_resize {
    davit_resize_mode mode;
    davit_resize_coordinates coordinates;
    davit_resize_rounding rounding; /* nearest only */
    bool antialias;                 /* linear and cubic, when shrinking */
    bool exclude_outside;           /* cubic: weights outside the input are 0, the rest sum to 1 */
    float cubic_a;
    float extrapolation; /* tf_crop_and_resize: the value outside the input */
    int rank;
    int64_t in[DAVIT_MAX_RANK];
    int64_t out[DAVIT_MAX_RANK];
    double scale[DAVIT_MAX_RANK];     /* as given, or out / in; 1 for axes that are not resized */
    double length[DAVIT_MAX_RANK];    /* in * scale: out before it became whole */
    double roi_begin[DAVIT_MAX_RANK]; /* normalised; 0 and 1 without roi */
    double roi_end[DAVIT_MAX_RANK];
} davit_resize;

/* Where the shape of a Resize comes from; NULL for an absent input, at least one of scales (f32)
 * and sizes (s64) present and not empty. */
typedef struct davit_resize_inputs {
    const davit_tensor_desc *x;
    const davit_tensor *roi;
    const davit_tensor *scales;
    const davit_tensor *sizes;
} davit_resize_inputs;

/* Resolves a Resize node (opset 19 form). Output sizes from scales are floor(in * scale) in f32;
 * keep_aspect_ratio_policy rounds half up. Reports "node 'NAME' (Resize): text" and returns
 * DAVIT_BAD_DATA. Reentrant. */
DAVIT_NODISCARD davit_status davit_resize_resolve(const davit_node *node,
                                                  const davit_resize_inputs *inputs,
                                                  const davit_diagnostics *diag, davit_resize *out);

/* Where output coordinate out of an axis lies on the input, in input elements; it may be outside.
 * f64 throughout, x * in / length rounded twice: every machine gets the same bits. Reentrant. */
double davit_resize_coordinate(const davit_resize *resize, int axis, int64_t out);

#endif
