#include "spatial.h"
#include "walk.h"

#include <math.h>
#include <string.h>

typedef enum padding_mode { PAD_ZEROS, PAD_BORDER, PAD_REFLECTION } padding_mode;
typedef enum sample_mode { SAMPLE_NEAREST, SAMPLE_LINEAR, SAMPLE_CUBIC } sample_mode;

#define AXES (DAVIT_MAX_RANK - 2)
#define MAX_TAPS 4

typedef struct sampler {
    const davit_kernel_call *call;
    padding_mode padding;
    sample_mode mode;
    bool align_corners;
    int axes;
    int taps;                        /* of each axis */
    int64_t in[AXES];                /* spatial dims of x */
    int64_t strides[AXES];           /* of x */
    int64_t places[AXES];            /* spatial dims of y */
    int64_t offsets[AXES][MAX_TAPS]; /* of the current place; -1: outside, worth 0 */
    double weights[AXES][MAX_TAPS];
} sampler;

/* Reflects x at the borders until it lies between them. */
static double reflect(double x, double low, double high)
{
    double range = high - low;
    if (!(range > 0.0) || !isfinite(x)) {
        return low;
    }
    if (x >= low && x <= high) {
        return x;
    }
    double past = x < low ? low - x : x - high;
    double turns = floor(past / range);
    double rest = past - turns * range;
    bool even = fmod(turns, 2.0) == 0.0;
    return (x < low) == even ? low + rest : high - rest;
}

/* The coordinate on x's axis of a normalised one; f32 arithmetic for grids of f32 and shorter, as
 * in the frameworks, since rounding to the nearest place depends on it. */
static double denormalize(const sampler *s, int axis, double n)
{
    double length = (double)s->in[axis];
    if (s->call->inputs[1]->desc.dtype != DAVIT_F64) {
        float f = (float)n + 1.0f;
        float l = (float)length;
        return s->align_corners ? f / 2.0f * (l - 1.0f) : (f * l - 1.0f) / 2.0f;
    }
    return s->align_corners ? (n + 1.0) / 2.0 * (length - 1.0) : ((n + 1.0) * length - 1.0) / 2.0;
}

/* The index that a tap reads, or -1 where it reads 0. */
static int64_t tap_index(const sampler *s, int axis, double at)
{
    double last = (double)(s->in[axis] - 1);
    double low = s->align_corners ? 0.0 : -0.5;
    double high = s->align_corners ? last : last + 0.5;
    if (at >= 0.0 && at <= last) {
        return (int64_t)at;
    }
    if (s->padding == PAD_ZEROS) {
        return -1;
    }
    if (s->padding == PAD_REFLECTION) {
        at = reflect(at, low, high);
    }
    return at > 0.0 ? at < last ? (int64_t)at : s->in[axis] - 1 : 0;
}

static void cubic_weights(double x, double *weights)
{
    const double a = -0.75;
    double y = 1.0 - x;
    weights[0] = ((a * (x + 1.0) - 5.0 * a) * (x + 1.0) + 8.0 * a) * (x + 1.0) - 4.0 * a;
    weights[1] = ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
    weights[2] = ((a + 2.0) * y - (a + 3.0)) * y * y + 1.0;
    weights[3] = ((a * (y + 1.0) - 5.0 * a) * (y + 1.0) + 8.0 * a) * (y + 1.0) - 4.0 * a;
}

/* Fills offsets and weights of one axis for a normalised coordinate. */
static void prepare_axis(sampler *s, int axis, double n)
{
    double last = (double)(s->in[axis] - 1);
    double low = s->align_corners ? 0.0 : -0.5;
    double high = s->align_corners ? last : last + 0.5;
    double x = denormalize(s, axis, n);
    if (s->mode == SAMPLE_NEAREST) {
        x = nearbyint(x);
    }
    if (!(x >= low && x <= high)) {
        if (s->padding == PAD_BORDER) {
            /* Cubic taps are moved to the border one by one, as in PyTorch and ONNX Runtime. */
            double past = s->mode == SAMPLE_CUBIC ? MAX_TAPS : 0.0;
            x = x > last + past ? last + past : x > -past ? x : -past;
        } else if (s->padding == PAD_REFLECTION) {
            x = reflect(x, low, high);
        }
    }
    double first = floor(x);
    double part = x - first;
    double *weights = s->weights[axis];
    if (s->mode == SAMPLE_NEAREST) {
        first = x;
        weights[0] = 1.0;
    } else if (s->mode == SAMPLE_LINEAR) {
        weights[0] = 1.0 - part;
        weights[1] = part;
    } else {
        cubic_weights(part, weights);
        first -= 1.0;
    }
    for (int t = 0; t < s->taps; t++) {
        int64_t index = tap_index(s, axis, first + t);
        s->offsets[axis][t] = index < 0 ? -1 : index * s->strides[axis];
    }
}

/* The weighted sum over all taps for one plane of x. */
static double sample_plane(const sampler *s, int64_t plane)
{
    static const int64_t taps[3][AXES] = {
        {1, 1, 1, 1, 1, 1}, {2, 2, 2, 2, 2, 2}, {4, 4, 4, 4, 4, 4}};
    double sum = 0.0;
    davit_walk walk = davit_walk_make(s->axes, taps[s->mode]);
    for (bool more = davit_walk_start(&walk); more; more = davit_walk_next(&walk)) {
        double weight = 1.0;
        int64_t offset = plane;
        bool outside = false;
        for (int axis = 0; axis < s->axes; axis++) {
            int64_t tap = walk.index[axis];
            outside |= s->offsets[axis][tap] < 0;
            offset += s->offsets[axis][tap];
            weight *= s->weights[axis][tap];
        }
        if (!outside) {
            sum += weight * davit_load_f64(s->call->inputs[0], offset);
        }
    }
    return sum;
}

/* Copies the nearest element as it is, of any type; 0 outside. */
static void copy_nearest(const sampler *s, int64_t plane, int64_t out)
{
    const davit_tensor *x = s->call->inputs[0];
    size_t bytes = davit_dtype_bytes(x->desc.dtype);
    char *to = (char *)s->call->outputs[0]->data + (size_t)out * bytes;
    int64_t offset = plane;
    for (int axis = 0; axis < s->axes; axis++) {
        if (s->offsets[axis][0] < 0) {
            memset(to, 0, bytes);
            return;
        }
        offset += s->offsets[axis][0];
    }
    memcpy(to, (const char *)x->data + (size_t)offset * bytes, bytes);
}

static sampler make_sampler(const davit_kernel_call *call)
{
    const davit_tensor_desc *x = &call->inputs[0]->desc;
    const char *mode = davit_node_string(call->node, "mode", "linear");
    const char *padding = davit_node_string(call->node, "padding_mode", "zeros");
    sampler s = {.call = call,
                 .padding = PAD_ZEROS,
                 .mode = SAMPLE_LINEAR,
                 .align_corners = davit_node_int(call->node, "align_corners", 0) != 0,
                 .axes = x->rank - 2,
                 .taps = 2};
    if (strcmp(mode, "nearest") == 0) {
        s.mode = SAMPLE_NEAREST;
        s.taps = 1;
    } else if (strcmp(mode, "cubic") == 0) {
        s.mode = SAMPLE_CUBIC;
        s.taps = 4;
    }
    if (strcmp(padding, "border") == 0) {
        s.padding = PAD_BORDER;
    } else if (strcmp(padding, "reflection") == 0) {
        s.padding = PAD_REFLECTION;
    }
    for (int axis = 0; axis < s.axes; axis++) {
        s.in[axis] = x->dims[axis + 2];
        s.places[axis] = call->outputs[0]->desc.dims[axis + 2];
    }
    davit_dense_strides(s.axes, s.in, s.strides);
    return s;
}

davit_status davit_run_grid_sample(const davit_kernel_call *call)
{
    sampler s = make_sampler(call);
    int64_t batches = call->inputs[0]->desc.dims[0];
    int64_t channels = call->inputs[0]->desc.dims[1];
    int64_t in_places = 1;
    int64_t places = 1;
    for (int axis = 0; axis < s.axes; axis++) {
        in_places *= s.in[axis];
        places *= s.places[axis];
    }
    if (in_places == 0 && places != 0) {
        return davit_kernel_fail(call, DAVIT_BAD_DATA, "an empty input has nothing to sample");
    }
    for (int64_t i = 0; i < batches * places; i++) {
        for (int axis = 0; axis < s.axes; axis++) {
            /* The grid names the innermost axis first. */
            int64_t at = i * s.axes + (s.axes - 1 - axis);
            prepare_axis(&s, axis, davit_load_f64(call->inputs[1], at));
        }
        for (int64_t c = 0; c < channels; c++) {
            int64_t plane = i / places * channels + c;
            int64_t out = plane * places + i % places;
            if (s.mode == SAMPLE_NEAREST) {
                copy_nearest(&s, plane * in_places, out);
            } else {
                davit_store_f64(call->outputs[0], out, sample_plane(&s, plane * in_places));
            }
        }
    }
    return DAVIT_OK;
}
