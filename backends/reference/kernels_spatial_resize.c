#include "block.h"
#include "davit/resize.h"
#include "spatial.h"
#include "walk.h"

#include <math.h>
#include <string.h>

/* Most taps of one output coordinate: what shrinking by 2^23 needs. */
#define MAX_TAPS ((int64_t)1 << 25)

/* What one axis does: taps weights for each output coordinate, on neighbouring input coordinates
 * from first on, those outside the input meaning its edge. */
typedef struct axis_filter {
    int64_t taps;
    int64_t *first;  /* [out] */
    double *weights; /* [out][taps] */
} axis_filter;

static int64_t clamp_index(double x, int64_t count)
{
    if (!(x > 0.0)) {
        return 0;
    }
    return x >= (double)count ? count - 1 : (int64_t)x;
}

/* True when the axis is copied as it is. */
static bool is_identity(const davit_resize *r, int axis)
{
    bool whole = r->coordinates != DAVIT_RESIZE_TF_CROP_AND_RESIZE ||
                 (r->roi_begin[axis] == 0.0 && r->roi_end[axis] == 1.0);
    return whole && r->in[axis] == r->out[axis] && r->scale[axis] == 1.0;
}

/* ---- nearest ---- */

/* The coordinate is rounded to f32, in which scales are given: 8 / 1.6 is 5, not a little less. */
static int64_t nearest_index(const davit_resize *r, int axis, int64_t out)
{
    double x = (float)davit_resize_coordinate(r, axis, out);
    double low = floor(x);
    double part = x - low;
    switch (r->rounding) {
    case DAVIT_RESIZE_ROUND_PREFER_CEIL:
        x = part >= 0.5 ? low + 1.0 : low;
        break;
    case DAVIT_RESIZE_FLOOR:
        x = low;
        break;
    case DAVIT_RESIZE_CEIL:
        x = ceil(x);
        break;
    default:
        x = part > 0.5 ? low + 1.0 : low;
        break;
    }
    return clamp_index(x, r->in[axis]);
}

/* Offsets in the input of each output coordinate, axis after axis. */
static void fill_offsets(const davit_resize *r, int64_t *offsets)
{
    int64_t strides[DAVIT_MAX_RANK];
    davit_dense_strides(r->rank, r->in, strides);
    for (int axis = 0; axis < r->rank; axis++) {
        for (int64_t i = 0; i < r->out[axis]; i++) {
            int64_t at = is_identity(r, axis) ? i : nearest_index(r, axis, i);
            *offsets++ = at * strides[axis];
        }
    }
}

static davit_status resize_nearest(const davit_kernel_call *call, const davit_resize *r)
{
    const davit_tensor *x = call->inputs[0];
    davit_tensor *y = call->outputs[0];
    size_t bytes = davit_dtype_bytes(x->desc.dtype);
    int64_t bases[DAVIT_MAX_RANK];
    size_t count = 0;
    for (int axis = 0; axis < r->rank; axis++) {
        bases[axis] = (int64_t)count;
        count += (size_t)r->out[axis];
    }
    int64_t *offsets = davit_alloc_array(call->allocator, count, sizeof(*offsets));
    if (offsets == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    fill_offsets(r, offsets);
    char *to = y->data;
    davit_walk walk = davit_walk_make(r->rank, r->out);
    for (bool more = davit_walk_start(&walk); more; more = davit_walk_next(&walk)) {
        int64_t from = 0;
        for (int axis = 0; axis < r->rank; axis++) {
            from += offsets[bases[axis] + walk.index[axis]];
        }
        memcpy(to, (const char *)x->data + (size_t)from * bytes, bytes);
        to += bytes;
    }
    davit_free(call->allocator, offsets);
    return DAVIT_OK;
}

/* ---- linear and cubic ---- */

static double kernel_weight(const davit_resize *r, double x)
{
    x = fabs(x);
    if (r->mode == DAVIT_RESIZE_LINEAR) {
        return x < 1.0 ? 1.0 - x : 0.0;
    }
    double a = r->cubic_a;
    if (x <= 1.0) {
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
    }
    return x < 2.0 ? ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a : 0.0;
}

/* The weights of one output coordinate, on the taps around its source coordinate. */
static void fill_weights(const davit_resize *r, int axis, int64_t out, double shrink,
                         axis_filter *f)
{
    double x = davit_resize_coordinate(r, axis, out);
    /* Coordinates far outside mean the edge; this keeps their conversion defined. */
    double limit = (double)r->in[axis] + (double)f->taps;
    x = x > limit ? limit : x >= -limit ? x : -limit;
    double base = ceil(x) - 1.0;
    int64_t first = (int64_t)base - (f->taps / 2 - 1);
    double *weights = f->weights + out * f->taps;
    double sum = 0.0;
    for (int64_t t = 0; t < f->taps; t++) {
        int64_t at = first + t;
        bool outside = at < 0 || at >= r->in[axis];
        double weight = kernel_weight(r, ((double)at - x) * shrink);
        weights[t] = r->exclude_outside && outside ? 0.0 : weight;
        sum += weights[t];
    }
    f->first[out] = first;
    if ((r->antialias || r->exclude_outside) && sum != 0.0) {
        for (int64_t t = 0; t < f->taps; t++) {
            weights[t] /= sum;
        }
    }
}

static void free_filter(const davit_allocator *allocator, axis_filter *f)
{
    davit_free(allocator, f->weights);
    davit_free(allocator, f->first);
}

static davit_status make_filter(const davit_kernel_call *call, const davit_resize *r, int axis,
                                axis_filter *f)
{
    double shrink = r->antialias && r->scale[axis] < 1.0 ? r->scale[axis] : 1.0;
    double reach = r->mode == DAVIT_RESIZE_LINEAR ? 1.0 : 2.0;
    double taps = -2.0 * floor(-reach / shrink);
    if (!(taps <= (double)MAX_TAPS)) {
        return davit_kernel_fail(call, DAVIT_UNSUPPORTED, "the scale of axis %d is too small",
                                 axis);
    }
    *f = (axis_filter){.taps = (int64_t)taps};
    size_t count;
    if (!davit_mul_size((size_t)r->out[axis], (size_t)f->taps, &count)) {
        return DAVIT_OUT_OF_MEMORY;
    }
    f->first = davit_alloc_array(call->allocator, (size_t)r->out[axis], sizeof(*f->first));
    f->weights = davit_alloc_array(call->allocator, count, sizeof(*f->weights));
    if (f->first == NULL || f->weights == NULL) {
        free_filter(call->allocator, f);
        return DAVIT_OUT_OF_MEMORY;
    }
    for (int64_t i = 0; i < r->out[axis]; i++) {
        fill_weights(r, axis, i, shrink, f);
    }
    return DAVIT_OK;
}

/* Resizes one axis: x [outer][in][inner] to y [outer][out][inner]. */
static void filter_axis(const axis_filter *f, const int64_t sizes[4], const double *x, double *y)
{
    int64_t outer = sizes[0];
    int64_t in = sizes[1];
    int64_t out = sizes[2];
    int64_t inner = sizes[3];
    memset(y, 0, (size_t)(outer * out * inner) * sizeof(*y));
    for (int64_t o = 0; o < outer; o++) {
        for (int64_t i = 0; i < out; i++) {
            double *to = y + (o * out + i) * inner;
            for (int64_t t = 0; t < f->taps; t++) {
                double weight = f->weights[i * f->taps + t];
                int64_t at = f->first[i] + t;
                at = at < 0 ? 0 : at >= in ? in - 1 : at;
                const double *from = x + (o * in + at) * inner;
                for (int64_t j = 0; j < inner && weight != 0.0; j++) {
                    to[j] += weight * from[j];
                }
            }
        }
    }
}

/* One pass over *values, which is replaced. dims are those of *values and follow. */
static davit_status resize_axis(const davit_kernel_call *call, const davit_resize *r, int axis,
                                int64_t *dims, double **values)
{
    int64_t sizes[4] = {1, r->in[axis], r->out[axis], 1};
    for (int i = 0; i < r->rank; i++) {
        sizes[0] *= i < axis ? dims[i] : 1;
        sizes[3] *= i > axis ? dims[i] : 1;
    }
    axis_filter filter;
    davit_status status = make_filter(call, r, axis, &filter);
    if (status != DAVIT_OK) {
        return status;
    }
    size_t count;
    double *result = NULL;
    if (davit_mul_size((size_t)(sizes[0] * sizes[3]), (size_t)sizes[2], &count)) {
        result = davit_alloc_array(call->allocator, count, sizeof(*result));
    }
    if (result != NULL) {
        filter_axis(&filter, sizes, *values, result);
        davit_free(call->allocator, *values);
        *values = result;
        dims[axis] = r->out[axis];
    }
    free_filter(call->allocator, &filter);
    return result != NULL ? DAVIT_OK : DAVIT_OUT_OF_MEMORY;
}

/* tf_crop_and_resize: what lies outside the input is extrapolation_value. */
static void extrapolate(const davit_resize *r, double *values)
{
    davit_walk walk = davit_walk_make(r->rank, r->out);
    for (bool more = davit_walk_start(&walk); more; more = davit_walk_next(&walk), values++) {
        for (int axis = 0; axis < r->rank; axis++) {
            double x = davit_resize_coordinate(r, axis, walk.index[axis]);
            if (!is_identity(r, axis) && !(x >= 0.0 && x <= (double)(r->in[axis] - 1))) {
                *values = r->extrapolation;
            }
        }
    }
}

/* Loads, resizes axis after axis in f64, stores. */
static davit_status resize_smooth(const davit_kernel_call *call, const davit_resize *r)
{
    const davit_tensor *x = call->inputs[0];
    int64_t dims[DAVIT_MAX_RANK];
    memcpy(dims, r->in, sizeof(dims));
    int64_t count = davit_tensor_desc_elems(&x->desc);
    double *values = davit_alloc_array(call->allocator, (size_t)count, sizeof(*values));
    if (values == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    davit_load_f64_run(x, 0, 1, count, values);
    davit_status status = DAVIT_OK;
    for (int axis = r->rank - 1; axis >= 0 && status == DAVIT_OK; axis--) {
        if (!is_identity(r, axis)) {
            status = resize_axis(call, r, axis, dims, &values);
        }
    }
    if (status == DAVIT_OK) {
        if (r->coordinates == DAVIT_RESIZE_TF_CROP_AND_RESIZE) {
            extrapolate(r, values);
        }
        int64_t outputs = davit_tensor_desc_elems(&call->outputs[0]->desc);
        davit_store_f64_run(call->outputs[0], 0, outputs, values);
    }
    davit_free(call->allocator, values);
    return status;
}

/* Puts extrapolation_value where a nearest crop lies outside the input. */
static void extrapolate_nearest(const davit_resize *r, davit_tensor *y)
{
    int64_t i = 0;
    davit_walk walk = davit_walk_make(r->rank, r->out);
    for (bool more = davit_walk_start(&walk); more; more = davit_walk_next(&walk), i++) {
        for (int axis = 0; axis < r->rank; axis++) {
            double x = davit_resize_coordinate(r, axis, walk.index[axis]);
            if (!is_identity(r, axis) && !(x >= 0.0 && x <= (double)(r->in[axis] - 1))) {
                davit_store_f64(y, i, r->extrapolation);
            }
        }
    }
}

davit_status davit_run_resize(const davit_kernel_call *call)
{
    const davit_tensor *given[3] = {NULL, NULL, NULL};
    for (uint32_t i = 1; i < call->node->input_count && i < 4; i++) {
        given[i - 1] = call->inputs[i];
    }
    davit_resize_inputs inputs = {&call->inputs[0]->desc, given[0], given[1], given[2]};
    davit_resize resize;
    davit_status status = davit_resize_resolve(call->node, &inputs, call->diag, &resize);
    if (status != DAVIT_OK || davit_tensor_desc_elems(&call->outputs[0]->desc) == 0) {
        return status;
    }
    if (davit_tensor_desc_elems(&call->inputs[0]->desc) == 0) {
        return davit_kernel_fail(call, DAVIT_BAD_DATA, "an empty input has nothing to resize");
    }
    if (resize.mode != DAVIT_RESIZE_NEAREST) {
        return resize_smooth(call, &resize);
    }
    status = resize_nearest(call, &resize);
    if (status == DAVIT_OK && resize.coordinates == DAVIT_RESIZE_TF_CROP_AND_RESIZE) {
        extrapolate_nearest(&resize, call->outputs[0]);
    }
    return status;
}
