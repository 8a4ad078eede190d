#include "davit/window.h"
#include "spatial.h"
#include "walk.h"

#include <math.h>
#include <string.h>

/* ---- RoiAlign ---- */

/* Most samples of a bin along an axis: what a region of interest can state and still be sane. */
#define MAX_GRID 65536

typedef struct region {
    const davit_kernel_call *call;
    int64_t height, width, bins_y, bins_x;
    double y, x, bin_y, bin_x; /* origin and size of a bin */
    int64_t grid_y, grid_x;    /* samples of a bin */
    bool max;
} region;

/* One rounding to the precision of the regions, so that counts of samples are as elsewhere. */
static double round_to(const davit_tensor *rois, double value)
{
    return rois->desc.dtype == DAVIT_F64 ? value : (double)(float)value;
}

/* Reads region i; false when its numbers make no sense. */
static bool read_region(const davit_kernel_call *call, int64_t i, region *r)
{
    const davit_tensor *rois = call->inputs[1];
    const char *transform =
        davit_node_string(call->node, "coordinate_transformation_mode", "half_pixel");
    bool half = strcmp(transform, "half_pixel") == 0;
    double scale = davit_node_float(call->node, "spatial_scale", 1.0f);
    double corners[4];
    for (int k = 0; k < 4; k++) {
        double value = round_to(rois, davit_load_f64(rois, 4 * i + k) * scale);
        corners[k] = half ? round_to(rois, value - 0.5) : value;
    }
    double width = round_to(rois, corners[2] - corners[0]);
    double height = round_to(rois, corners[3] - corners[1]);
    if (!half) {
        width = width < 1.0 ? 1.0 : width;
        height = height < 1.0 ? 1.0 : height;
    }
    r->x = corners[0];
    r->y = corners[1];
    r->bin_x = round_to(rois, width / (double)r->bins_x);
    r->bin_y = round_to(rois, height / (double)r->bins_y);
    int64_t ratio = davit_node_int(call->node, "sampling_ratio", 0);
    double grid_x = ratio > 0 ? (double)ratio : ceil(r->bin_x);
    double grid_y = ratio > 0 ? (double)ratio : ceil(r->bin_y);
    if (!isfinite(r->x) || !isfinite(r->y) || !(fabs(grid_x) <= MAX_GRID) ||
        !(fabs(grid_y) <= MAX_GRID)) {
        return false;
    }
    r->grid_x = (int64_t)grid_x;
    r->grid_y = (int64_t)grid_y;
    return true;
}

/* Bilinear taps of one coordinate: indices low and high, weight of high; false outside. */
static bool linear_taps(double at, int64_t count, int64_t taps[2], double *weight)
{
    if (!(at >= -1.0 && at <= (double)count)) {
        return false;
    }
    at = at > 0.0 ? at : 0.0;
    int64_t low = (int64_t)at;
    if (low >= count - 1) {
        taps[0] = taps[1] = count - 1;
        *weight = 0.0;
    } else {
        taps[0] = low;
        taps[1] = low + 1;
        *weight = at - (double)low;
    }
    return true;
}

/* One sample: the sum of four weighted neighbours, for max the greatest of them. */
static double sample_region(const region *r, int64_t plane, double y, double x)
{
    const davit_tensor *image = r->call->inputs[0];
    int64_t ys[2];
    int64_t xs[2];
    double wy;
    double wx;
    if (!linear_taps(y, r->height, ys, &wy) || !linear_taps(x, r->width, xs, &wx)) {
        return 0.0;
    }
    double result = r->max ? -INFINITY : 0.0;
    for (int i = 0; i < 4; i++) {
        double weight = (i / 2 != 0 ? wy : 1.0 - wy) * (i % 2 != 0 ? wx : 1.0 - wx);
        int64_t at = plane + ys[i / 2] * r->width + xs[i % 2];
        double value = weight * davit_load_f64(image, at);
        result = !r->max ? result + value : value > result ? value : result;
    }
    return result;
}

static double align_bin(const region *r, int64_t plane, int64_t bin_y, int64_t bin_x)
{
    double result = 0.0;
    bool first = true;
    for (int64_t iy = 0; iy < r->grid_y; iy++) {
        double y =
            r->y + (double)bin_y * r->bin_y + ((double)iy + 0.5) * r->bin_y / (double)r->grid_y;
        for (int64_t ix = 0; ix < r->grid_x; ix++) {
            double x =
                r->x + (double)bin_x * r->bin_x + ((double)ix + 0.5) * r->bin_x / (double)r->grid_x;
            double value = sample_region(r, plane, y, x);
            if (!r->max) {
                result += value;
            } else if (first || value > result) {
                result = value;
            }
            first = false;
        }
    }
    int64_t count = r->grid_y > 0 && r->grid_x > 0 ? r->grid_y * r->grid_x : 1;
    return r->max ? result : result / (double)count;
}

davit_status davit_run_roi_align(const davit_kernel_call *call)
{
    const int64_t *x = call->inputs[0]->desc.dims;
    const int64_t *y = call->outputs[0]->desc.dims;
    region r = {.call = call,
                .height = x[2],
                .width = x[3],
                .bins_y = y[2],
                .bins_x = y[3],
                .max = strcmp(davit_node_string(call->node, "mode", "avg"), "max") == 0};
    if (x[2] * x[3] == 0 && y[0] * y[1] != 0) {
        return davit_kernel_fail(call, DAVIT_BAD_DATA, "an empty input has nothing to align");
    }
    int64_t out = 0;
    for (int64_t i = 0; i < y[0]; i++) {
        int64_t batch = davit_load_s64(call->inputs[2], i);
        if (batch < 0 || batch >= x[0]) {
            return davit_kernel_fail(call, DAVIT_BAD_DATA, "a batch index is out of range");
        }
        if (!read_region(call, i, &r)) {
            return davit_kernel_fail(call, DAVIT_BAD_DATA, "a region is not finite or too large");
        }
        for (int64_t c = 0; c < y[1]; c++) {
            int64_t plane = (batch * x[1] + c) * x[2] * x[3];
            for (int64_t bin = 0; bin < y[2] * y[3]; bin++) {
                davit_store_f64(call->outputs[0], out++,
                                align_bin(&r, plane, bin / y[3], bin % y[3]));
            }
        }
    }
    return DAVIT_OK;
}

/* ---- MaxRoiPool ---- */

/* Bin i of bins over an extent from begin on, cut to [0, limit). */
static void bin_range(int64_t begin, int64_t extent, const int64_t bin_of[2], int64_t limit,
                      int64_t range[2])
{
    double size = (double)extent / (double)bin_of[1];
    range[0] = (int64_t)floor((double)bin_of[0] * size) + begin;
    range[1] = (int64_t)ceil((double)(bin_of[0] + 1) * size) + begin;
    for (int i = 0; i < 2; i++) {
        range[i] = range[i] < 0 ? 0 : range[i] > limit ? limit : range[i];
    }
}

/* The greatest element of a rectangle of a plane; 0 when it is empty. */
static double max_of(const davit_tensor *x, int64_t plane, const int64_t ys[2], const int64_t xs[2])
{
    double best = 0.0;
    bool first = true;
    for (int64_t y = ys[0]; y < ys[1]; y++) {
        for (int64_t at = xs[0]; at < xs[1]; at++) {
            double value = davit_load_f64(x, plane + y * x->desc.dims[3] + at);
            best = first || value > best ? value : best;
            first = false;
        }
    }
    return best;
}

/* Pools region i: corners are its rounded x1, y1, x2, y2. */
static void pool_region(const davit_kernel_call *call, int64_t i, int64_t batch,
                        const int64_t corners[4])
{
    const davit_tensor *x = call->inputs[0];
    const int64_t *in = x->desc.dims;
    const int64_t *out = call->outputs[0]->desc.dims;
    int64_t width = corners[2] < corners[0] ? 1 : corners[2] - corners[0] + 1;
    int64_t height = corners[3] < corners[1] ? 1 : corners[3] - corners[1] + 1;
    for (int64_t c = 0; c < in[1]; c++) {
        int64_t plane = (batch * in[1] + c) * in[2] * in[3];
        for (int64_t bin = 0; bin < out[2] * out[3]; bin++) {
            int64_t ys[2];
            int64_t xs[2];
            bin_range(corners[1], height, (int64_t[]){bin / out[3], out[2]}, in[2], ys);
            bin_range(corners[0], width, (int64_t[]){bin % out[3], out[3]}, in[3], xs);
            davit_store_f64(call->outputs[0], (i * in[1] + c) * out[2] * out[3] + bin,
                            max_of(x, plane, ys, xs));
        }
    }
}

davit_status davit_run_max_roi_pool(const davit_kernel_call *call)
{
    const davit_tensor *rois = call->inputs[1];
    double scale = davit_node_float(call->node, "spatial_scale", 1.0f);
    for (int64_t i = 0; i < rois->desc.dims[0]; i++) {
        double batch = davit_load_f64(rois, 5 * i);
        int64_t corners[4];
        bool sane = batch >= 0.0 && batch < (double)call->inputs[0]->desc.dims[0];
        for (int k = 0; k < 4; k++) {
            double value = round(round_to(rois, davit_load_f64(rois, 5 * i + 1 + k) * scale));
            sane = sane && fabs(value) < 1e9;
            corners[k] = sane ? (int64_t)value : 0;
        }
        if (!sane) {
            return davit_kernel_fail(call, DAVIT_BAD_DATA, "a region is out of range");
        }
        pool_region(call, i, (int64_t)batch, corners);
    }
    return DAVIT_OK;
}

/* ---- Col2Im ---- */

/* Where in the columns an image place is found for one place of the block, or -1. */
static int64_t column_of(const davit_window *w, const int64_t *at, const int64_t *block)
{
    int64_t column = 0;
    for (int i = 0; i < w->axes; i++) {
        int64_t moved = at[i] + w->pad_begin[i] - block[i] * w->dilation[i];
        if (moved < 0 || moved % w->stride[i] != 0 || moved / w->stride[i] >= w->out[i]) {
            return -1;
        }
        column = column * w->out[i] + moved / w->stride[i];
    }
    return column;
}

/* Sums what the blocks hold for an image place. base is the first of its rows of columns. */
static void sum_blocks(const davit_kernel_call *call, const davit_window *w, const int64_t *at,
                       int64_t base, int64_t out)
{
    const davit_tensor *x = call->inputs[0];
    bool is_float = davit_dtype_is_float(x->desc.dtype);
    double sum = 0.0;
    uint64_t integer_sum = 0;
    davit_walk block = davit_walk_make(w->axes, w->kernel);
    for (bool more = davit_walk_start(&block); more; more = davit_walk_next(&block)) {
        int64_t column = column_of(w, at, block.index);
        if (column >= 0 && is_float) {
            sum += davit_load_f64(x, base + column);
        } else if (column >= 0) {
            integer_sum += (uint64_t)davit_load_s64(x, base + column);
        }
        base += x->desc.dims[2];
    }
    if (is_float) {
        davit_store_f64(call->outputs[0], out, sum);
    } else {
        davit_store_s64(call->outputs[0], out, (int64_t)integer_sum);
    }
}

davit_status davit_run_col2im(const davit_kernel_call *call)
{
    const davit_tensor_desc *y = &call->outputs[0]->desc;
    int64_t block[DAVIT_WINDOW_MAX_AXES];
    int axes = y->rank - 2;
    int64_t places = 1;
    int64_t block_places = 1;
    for (int i = 0; i < axes; i++) {
        block[i] = davit_load_s64(call->inputs[2], i);
        places *= y->dims[i + 2];
        block_places *= block[i];
    }
    davit_window w;
    davit_status status =
        davit_window_resolve_col2im(call->node, axes, y->dims + 2, block, call->diag, &w);
    if (status != DAVIT_OK || places == 0) {
        return status;
    }
    for (int64_t plane = 0; plane < y->dims[0] * y->dims[1]; plane++) {
        int64_t base = plane * block_places * call->inputs[0]->desc.dims[2];
        int64_t out = plane * places;
        davit_walk walk = davit_walk_make(axes, y->dims + 2);
        for (bool more = davit_walk_start(&walk); more; more = davit_walk_next(&walk)) {
            sum_blocks(call, &w, walk.index, base, out++);
        }
    }
    return DAVIT_OK;
}
