#include "davit/resize.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

typedef struct resolver {
    const davit_node *node;
    const davit_resize_inputs *inputs;
    const davit_diagnostics *diag;
    davit_resize *out;
    int axis_count;
    int axes[DAVIT_MAX_RANK]; /* what roi, scales and sizes speak of, in their order */
} resolver;

static davit_status refuse(const resolver *r, const char *text)
{
    return davit_fail(r->diag, DAVIT_BAD_DATA, "node '%s' (Resize): %s", r->node->name, text);
}

/* The place of an attribute's value in a list of names, or a refusal. */
static davit_status read_name(const resolver *r, const char *attribute, const char *const *names,
                              int *out)
{
    const char *value = davit_node_string(r->node, attribute, names[0]);
    for (int i = 0; names[i] != NULL; i++) {
        if (strcmp(names[i], value) == 0) {
            *out = i;
            return DAVIT_OK;
        }
    }
    return davit_fail(r->diag, DAVIT_BAD_DATA, "node '%s' (Resize): %s '%s' is unknown",
                      r->node->name, attribute, value);
}

static davit_status read_modes(const resolver *r)
{
    static const char *const modes[] = {"nearest", "linear", "cubic", NULL};
    static const char *const coordinates[] = {
        "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners",
        "asymmetric", "tf_half_pixel_for_nn", "tf_crop_and_resize", NULL};
    static const char *const roundings[] = {"round_prefer_floor", "round_prefer_ceil", "floor",
                                            "ceil", NULL};
    int mode = 0;
    int coordinate = 0;
    int rounding = 0;
    davit_status status = read_name(r, "mode", modes, &mode);
    if (status == DAVIT_OK) {
        status = read_name(r, "coordinate_transformation_mode", coordinates, &coordinate);
    }
    if (status == DAVIT_OK) {
        status = read_name(r, "nearest_mode", roundings, &rounding);
    }
    r->out->mode = (davit_resize_mode)mode;
    r->out->coordinates = (davit_resize_coordinates)coordinate;
    r->out->rounding = (davit_resize_rounding)rounding;
    r->out->antialias = davit_node_int(r->node, "antialias", 0) != 0;
    r->out->exclude_outside = davit_node_int(r->node, "exclude_outside", 0) != 0;
    r->out->cubic_a = davit_node_float(r->node, "cubic_coeff_a", -0.75f);
    r->out->extrapolation = davit_node_float(r->node, "extrapolation_value", 0.0f);
    if (status == DAVIT_OK && r->out->antialias && r->out->mode == DAVIT_RESIZE_NEAREST) {
        return refuse(r, "antialias does not go with nearest");
    }
    return status;
}

static davit_status read_axes(resolver *r)
{
    int rank = r->inputs->x->rank;
    size_t count;
    const int64_t *axes = davit_node_ints(r->node, "axes", &count);
    r->axis_count = rank;
    for (int i = 0; i < rank; i++) {
        r->axes[i] = i;
    }
    if (axes == NULL) {
        return DAVIT_OK;
    }
    if (count > (size_t)rank) {
        return refuse(r, "more axes than the input has");
    }
    r->axis_count = (int)count;
    bool seen[DAVIT_MAX_RANK] = {false};
    for (size_t i = 0; i < count; i++) {
        int64_t axis = axes[i] < 0 ? axes[i] + rank : axes[i];
        if (axis < 0 || axis >= rank || seen[axis]) {
            return refuse(r, "an axis is out of range or given twice");
        }
        seen[axis] = true;
        r->axes[i] = (int)axis;
    }
    return DAVIT_OK;
}

static double load_float(const davit_tensor *tensor, int i)
{
    switch (tensor->desc.dtype) {
    case DAVIT_F64:
        return ((const double *)tensor->data)[i];
    case DAVIT_F16:
        return davit_f16_to_f32(((const uint16_t *)tensor->data)[i]);
    case DAVIT_BF16:
        return davit_bf16_to_f32(((const uint16_t *)tensor->data)[i]);
    default:
        return ((const float *)tensor->data)[i];
    }
}

static davit_status read_roi(const resolver *r)
{
    const davit_tensor *roi = r->inputs->roi;
    for (int i = 0; i < r->out->rank; i++) {
        r->out->roi_begin[i] = 0.0;
        r->out->roi_end[i] = 1.0;
    }
    if (r->out->coordinates != DAVIT_RESIZE_TF_CROP_AND_RESIZE) {
        return DAVIT_OK;
    }
    if (roi == NULL || davit_tensor_desc_elems(&roi->desc) != (int64_t)2 * r->axis_count) {
        return refuse(r, "tf_crop_and_resize needs a roi with a begin and an end for each axis");
    }
    for (int i = 0; i < r->axis_count; i++) {
        double begin = load_float(roi, i);
        double end = load_float(roi, i + r->axis_count);
        if (!isfinite(begin) || !isfinite(end)) {
            return refuse(r, "the roi is not finite");
        }
        r->out->roi_begin[r->axes[i]] = begin;
        r->out->roi_end[r->axes[i]] = end;
    }
    return DAVIT_OK;
}

static davit_status size_from_scales(const resolver *r)
{
    const davit_tensor *scales = r->inputs->scales;
    if (davit_tensor_desc_elems(&scales->desc) != r->axis_count) {
        return refuse(r, "scales does not have one value for each axis");
    }
    for (int i = 0; i < r->axis_count; i++) {
        int axis = r->axes[i];
        float scale = ((const float *)scales->data)[i];
        if (!(scale > 0.0f) || !isfinite(scale)) {
            return refuse(r, "a scale is not positive and finite");
        }
        float length = (float)r->out->in[axis] * scale;
        if (r->out->coordinates == DAVIT_RESIZE_TF_CROP_AND_RESIZE) {
            length *= (float)(r->out->roi_end[axis] - r->out->roi_begin[axis]);
        }
        if (!(length >= 0.0f && length < 1e15f)) {
            return refuse(r, "an output dimension is out of range");
        }
        r->out->out[axis] = (int64_t)floorf(length);
        r->out->scale[axis] = scale;
        r->out->length[axis] = (double)r->out->in[axis] * scale;
    }
    return DAVIT_OK;
}

/* One scale for all axes so that no output is larger (or none smaller) than asked for. */
static davit_status keep_aspect_ratio(const resolver *r, bool larger)
{
    double scale = larger ? 0.0 : INFINITY;
    for (int i = 0; i < r->axis_count; i++) {
        int axis = r->axes[i];
        double ratio = (double)r->out->out[axis] / (double)r->out->in[axis];
        scale = larger ? fmax(scale, ratio) : fmin(scale, ratio);
    }
    for (int i = 0; i < r->axis_count; i++) {
        int axis = r->axes[i];
        double length = floor(scale * (double)r->out->in[axis] + 0.5);
        if (!(length >= 0.0 && length < 1e15)) {
            return refuse(r, "an output dimension is out of range");
        }
        r->out->out[axis] = (int64_t)length;
        r->out->scale[axis] = scale;
        r->out->length[axis] = scale * (double)r->out->in[axis];
    }
    return DAVIT_OK;
}

static davit_status size_from_sizes(const resolver *r)
{
    static const char *const policies[] = {"stretch", "not_larger", "not_smaller", NULL};
    const davit_tensor *sizes = r->inputs->sizes;
    if (davit_tensor_desc_elems(&sizes->desc) != r->axis_count) {
        return refuse(r, "sizes does not have one value for each axis");
    }
    for (int i = 0; i < r->axis_count; i++) {
        int axis = r->axes[i];
        int64_t size = ((const int64_t *)sizes->data)[i];
        if (size < 0 || (r->out->in[axis] == 0 && size != 0)) {
            return refuse(r, "a size is negative, or not 0 where the input is empty");
        }
        r->out->out[axis] = size;
        r->out->length[axis] = (double)size;
        r->out->scale[axis] = r->out->in[axis] == 0 ? 1.0 : (double)size / (double)r->out->in[axis];
    }
    int policy = 0;
    davit_status status = read_name(r, "keep_aspect_ratio_policy", policies, &policy);
    if (status != DAVIT_OK || policy == 0) {
        return status;
    }
    for (int i = 0; i < r->axis_count; i++) {
        if (r->out->in[r->axes[i]] == 0) {
            return refuse(r, "an empty input has no aspect ratio");
        }
    }
    return keep_aspect_ratio(r, policy == 2);
}

static bool present(const davit_tensor *tensor)
{
    return tensor != NULL && davit_tensor_desc_elems(&tensor->desc) != 0;
}

davit_status davit_resize_resolve(const davit_node *node, const davit_resize_inputs *inputs,
                                  const davit_diagnostics *diag, davit_resize *out)
{
    memset(out, 0, sizeof(*out));
    resolver r = {.node = node, .inputs = inputs, .diag = diag, .out = out};
    out->rank = inputs->x->rank;
    for (int i = 0; i < out->rank; i++) {
        out->in[i] = inputs->x->dims[i];
        out->out[i] = out->in[i];
        out->scale[i] = 1.0;
        out->length[i] = (double)out->in[i];
    }
    davit_status status = read_modes(&r);
    if (status == DAVIT_OK) {
        status = read_axes(&r);
    }
    if (status == DAVIT_OK) {
        status = read_roi(&r);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    bool by_scales = present(inputs->scales);
    bool by_sizes = present(inputs->sizes);
    if (by_scales == by_sizes && (by_scales || r.axis_count != 0)) {
        return refuse(&r, "exactly one of scales and sizes must be given");
    }
    return by_scales ? size_from_scales(&r) : by_sizes ? size_from_sizes(&r) : DAVIT_OK;
}

double davit_resize_coordinate(const davit_resize *r, int axis, int64_t out)
{
    double x = (double)out;
    double in = (double)r->in[axis];
    double length = r->length[axis];
    double half = (x + 0.5) * in / length;
    double span = r->roi_end[axis] - r->roi_begin[axis];
    switch (r->coordinates) {
    case DAVIT_RESIZE_HALF_PIXEL_SYMMETRIC:
        return in / 2.0 * (1.0 - (double)r->out[axis] / length) + half - 0.5;
    case DAVIT_RESIZE_PYTORCH_HALF_PIXEL:
        return r->out[axis] > 1 ? half - 0.5 : 0.0;
    case DAVIT_RESIZE_ALIGN_CORNERS:
        return length == 1.0 || r->out[axis] == 1 ? 0.0 : x * (in - 1.0) / (length - 1.0);
    case DAVIT_RESIZE_ASYMMETRIC:
        return x * in / length;
    case DAVIT_RESIZE_TF_HALF_PIXEL_FOR_NN:
        return half;
    case DAVIT_RESIZE_TF_CROP_AND_RESIZE:
        return r->roi_begin[axis] * (in - 1.0) + (r->out[axis] > 1
                                                      ? x * span * (in - 1.0) / (length - 1.0)
                                                      : span * (in - 1.0) / 2.0);
    default:
        return half - 0.5;
    }
}
