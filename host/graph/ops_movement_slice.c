#include <string.h>

#include "davit/shape_rules.h"
#include "ops_movement.h"

/* Reads the axes in input i, or 0, 1, ... count - 1 when it is absent. */
static davit_status read_axes(const davit_infer *infer, int i, int rank, size_t count, int *axes)
{
    int64_t given[DAVIT_MAX_RANK];
    if (davit_infer_input(infer, i) == NULL) {
        if (count > (size_t)rank) {
            return davit_infer_fail(infer, DAVIT_BAD_DATA, "%zu values for an input of rank %d",
                                    count, rank);
        }
        for (size_t a = 0; a < count; a++) {
            axes[a] = (int)a;
        }
        return DAVIT_OK;
    }
    size_t given_count;
    davit_status status = davit_infer_ints(infer, i, given, DAVIT_MAX_RANK, &given_count);
    if (status != DAVIT_OK) {
        return status;
    }
    if (given_count != count) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "%zu axes for %zu values", given_count,
                                count);
    }
    return davit_infer_axes(infer, given, count, rank, axes);
}

int64_t davit_slice_resolve(int64_t dim, int64_t *start, int64_t end, int64_t step)
{
    /* Forward from [0, dim] to [0, dim]; backward from [0, dim - 1] to [-1, dim - 1]. */
    int64_t high = step > 0 ? dim : dim - 1;
    int64_t end_low = step > 0 ? 0 : -1;
    int64_t from = *start + (*start < 0 ? dim : 0);
    end += end < 0 ? dim : 0;
    from = from < 0 ? 0 : from > high ? high : from;
    end = end < end_low ? end_low : end > high ? high : end;
    *start = from;
    if (dim == 0) {
        return 0;
    }
    if (step > 0) {
        return end <= from ? 0 : (end - from - 1) / step + 1;
    }
    /* Distances are at most dim, so a longer step does not differ (and -INT64_MIN overflows). */
    int64_t stride = step < -DAVIT_MAX_DIM ? DAVIT_MAX_DIM : -step;
    return from <= end ? 0 : (from - end - 1) / stride + 1;
}

davit_status davit_infer_slice(davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    int64_t starts[DAVIT_MAX_RANK];
    int64_t ends[DAVIT_MAX_RANK];
    int64_t steps[DAVIT_MAX_RANK];
    int axes[DAVIT_MAX_RANK] = {0};
    size_t count;
    size_t end_count;
    davit_status status = davit_infer_ints(infer, 1, starts, DAVIT_MAX_RANK, &count);
    if (status == DAVIT_OK) {
        status = davit_infer_ints(infer, 2, ends, DAVIT_MAX_RANK, &end_count);
    }
    if (status == DAVIT_OK) {
        status = read_axes(infer, 3, x->rank, count, axes);
    }
    size_t step_count = count;
    for (size_t i = 0; i < count; i++) {
        steps[i] = 1;
    }
    if (status == DAVIT_OK && davit_infer_input(infer, 4) != NULL) {
        status = davit_infer_ints(infer, 4, steps, DAVIT_MAX_RANK, &step_count);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    if (end_count != count || step_count != count) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "%zu starts, %zu ends and %zu steps", count,
                                end_count, step_count);
    }
    int64_t dims[DAVIT_MAX_RANK];
    memcpy(dims, x->dims, sizeof(dims));
    for (size_t i = 0; i < count; i++) {
        if (steps[i] == 0) {
            return davit_infer_fail(infer, DAVIT_BAD_DATA, "a step is 0");
        }
        dims[axes[i]] = davit_slice_resolve(x->dims[axes[i]], &starts[i], ends[i], steps[i]);
    }
    return davit_infer_output(infer, 0, x->dtype, x->rank, dims);
}

/* Adds the padding of one dimension. Negative pads crop, before the others are made from what is
 * left; all modes but constant need something left. */
static davit_status pad_dim(const davit_infer *infer, const char *mode, const int64_t pads[2],
                            int64_t *dim)
{
    int64_t padded = *dim;
    int64_t left = *dim;
    for (int side = 0; side < 2; side++) {
        if (pads[side] > DAVIT_MAX_DIM || pads[side] < -DAVIT_MAX_DIM) {
            return davit_infer_fail(infer, DAVIT_BAD_DATA, "a padding of %lld is out of range",
                                    (long long)pads[side]);
        }
        padded += pads[side];
        left += pads[side] < 0 ? pads[side] : 0;
    }
    if (padded < 0) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "a dimension of %lld is padded to %lld",
                                (long long)*dim, (long long)padded);
    }
    if (strcmp(mode, "constant") != 0 && left <= 0 && padded > 0) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "mode %s cannot pad an empty dimension",
                                mode);
    }
    *dim = padded;
    return DAVIT_OK;
}

davit_status davit_infer_pad(davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    const davit_tensor_desc *value = davit_infer_input(infer, 2);
    const char *mode = davit_node_string(infer->node, "mode", "constant");
    if (strcmp(mode, "constant") != 0 && strcmp(mode, "reflect") != 0 &&
        strcmp(mode, "edge") != 0 && strcmp(mode, "wrap") != 0) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "mode '%s' does not exist", mode);
    }
    if (value != NULL && (value->dtype != x->dtype || davit_tensor_desc_elems(value) != 1)) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "the constant is not one %s",
                                davit_dtype_name(x->dtype));
    }
    int64_t pads[2 * DAVIT_MAX_RANK];
    int axes[DAVIT_MAX_RANK] = {0};
    size_t count;
    davit_status status = davit_infer_ints(infer, 1, pads, sizeof(pads) / sizeof(pads[0]), &count);
    if (status == DAVIT_OK) {
        status = read_axes(infer, 3, x->rank, count / 2, axes);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    bool is_whole = davit_infer_input(infer, 3) != NULL || count / 2 == (size_t)x->rank;
    if (count % 2 != 0 || !is_whole) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "%zu pads for an input of rank %d", count,
                                x->rank);
    }
    int64_t dims[DAVIT_MAX_RANK];
    memcpy(dims, x->dims, sizeof(dims));
    for (size_t i = 0; i < count / 2; i++) {
        int64_t sides[2] = {pads[i], pads[i + count / 2]};
        status = pad_dim(infer, mode, sides, &dims[axes[i]]);
        if (status != DAVIT_OK) {
            return status;
        }
    }
    return davit_infer_output(infer, 0, x->dtype, x->rank, dims);
}

davit_status davit_infer_center_crop_pad(davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    int64_t shape[DAVIT_MAX_RANK];
    size_t count;
    davit_status status = davit_infer_ints(infer, 1, shape, DAVIT_MAX_RANK, &count);
    if (status != DAVIT_OK) {
        return status;
    }
    size_t axis_count;
    const int64_t *given = davit_node_ints(infer->node, "axes", &axis_count);
    int axes[DAVIT_MAX_RANK] = {0};
    if (given == NULL) {
        axis_count = (size_t)x->rank;
    }
    if (count != axis_count || count > DAVIT_MAX_RANK) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "a shape of %zu dimensions for %zu axes",
                                count, axis_count);
    }
    for (int d = 0; d < x->rank; d++) {
        axes[d] = d;
    }
    if (given != NULL) {
        status = davit_infer_axes(infer, given, axis_count, x->rank, axes);
        if (status != DAVIT_OK) {
            return status;
        }
    }
    int64_t dims[DAVIT_MAX_RANK];
    memcpy(dims, x->dims, sizeof(dims));
    for (size_t i = 0; i < count; i++) {
        dims[axes[i]] = shape[i];
    }
    return davit_infer_output(infer, 0, x->dtype, x->rank, dims);
}

/* The sizes that input 1 gives must be one for each output and add up to dim. */
static davit_status check_split_sizes(const davit_infer *infer, const int64_t *sizes, size_t count,
                                      int64_t dim)
{
    int64_t left = dim;
    for (size_t i = 0; i < count; i++) {
        if (sizes[i] < 0 || sizes[i] > left) {
            return davit_infer_fail(infer, DAVIT_BAD_DATA,
                                    "size %lld does not fit a dimension of %lld",
                                    (long long)sizes[i], (long long)dim);
        }
        left -= sizes[i];
    }
    if (left != 0 || count != infer->node->output_count) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA,
                                "%zu sizes for %u outputs leave %lld of a dimension of %lld", count,
                                infer->node->output_count, (long long)left, (long long)dim);
    }
    return DAVIT_OK;
}

/* Without sizes: equal parts, the last one smaller where they do not divide the dimension. */
static davit_status split_equally(const davit_infer *infer, int64_t *sizes, int64_t dim)
{
    int64_t count = infer->node->output_count;
    if (davit_node_int(infer->node, "num_outputs", count) != count) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA,
                                "num_outputs is not the %lld outputs there are", (long long)count);
    }
    int64_t part = (dim + count - 1) / count;
    if (part * (count - 1) > dim) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "a dimension of %lld has no %lld parts",
                                (long long)dim, (long long)count);
    }
    for (int64_t i = 0; i < count; i++) {
        sizes[i] = i + 1 < count ? part : dim - part * (count - 1);
    }
    return DAVIT_OK;
}

davit_status davit_infer_split(davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    size_t outputs = infer->node->output_count;
    int axis;
    davit_status status =
        davit_infer_axis(infer, davit_node_int(infer->node, "axis", 0), x->rank, &axis);
    if (status != DAVIT_OK) {
        return status;
    }
    int64_t *sizes = davit_alloc_array(infer->graph->allocator, outputs, sizeof(*sizes));
    if (sizes == NULL) {
        return davit_infer_fail(infer, DAVIT_OUT_OF_MEMORY, "no memory for %zu sizes", outputs);
    }
    if (davit_infer_input(infer, 1) != NULL) {
        size_t count;
        status = davit_infer_ints(infer, 1, sizes, outputs, &count);
        if (status == DAVIT_OK) {
            status = check_split_sizes(infer, sizes, count, x->dims[axis]);
        }
    } else {
        status = split_equally(infer, sizes, x->dims[axis]);
    }
    int64_t dims[DAVIT_MAX_RANK];
    memcpy(dims, x->dims, sizeof(dims));
    for (size_t i = 0; i < outputs && status == DAVIT_OK; i++) {
        dims[axis] = sizes[i];
        status = davit_infer_output(infer, (int)i, x->dtype, x->rank, dims);
    }
    davit_free(infer->graph->allocator, sizes);
    return status;
}
