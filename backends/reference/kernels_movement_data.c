#include <string.h>

#include "davit/shape_rules.h"
#include "movement.h"
#include "walk.h"

/* The shape of these results was inferred from the values of constant inputs; other values here
 * would be a defect of the caller, and must not write beyond the result. */
static davit_status check_count(const davit_kernel_call *call, int64_t found, int64_t inferred)
{
    if (found != inferred) {
        return davit_kernel_fail(call, DAVIT_INVALID_ARGUMENT,
                                 "%lld elements, but %lld when its shape was inferred",
                                 (long long)found, (long long)inferred);
    }
    return DAVIT_OK;
}

davit_status davit_run_compress(const davit_kernel_call *call)
{
    const davit_tensor *x = call->inputs[0];
    const davit_tensor *condition = call->inputs[1];
    davit_tensor *out = call->outputs[0];
    bool is_flat = davit_node_attribute(call->node, "axis") == NULL;
    davit_axis_view view = {1, davit_tensor_desc_elems(&x->desc), 1};
    int axis = is_flat ? 0 : davit_kernel_axis(call, 0, x->desc.rank);
    if (!is_flat) {
        view = davit_axis_view_make(&x->desc, axis);
    }
    int64_t length = davit_tensor_desc_elems(&condition->desc);
    int64_t count = 0;
    for (int64_t i = 0; i < length; i++) {
        count += davit_load_s64(condition, i) != 0;
    }
    davit_status status = check_count(call, count, out->desc.dims[axis]);
    if (status != DAVIT_OK) {
        return status;
    }
    size_t bytes = (size_t)view.inner * davit_dtype_bytes(x->desc.dtype);
    char *to = out->data;
    for (int64_t o = 0; o < view.outer; o++) {
        for (int64_t i = 0; i < length; i++) {
            if (davit_load_s64(condition, i) != 0) {
                memcpy(to, (const char *)x->data + (size_t)(o * view.dim + i) * bytes, bytes);
                to += bytes;
            }
        }
    }
    return DAVIT_OK;
}

static bool is_nonzero(const davit_tensor *x, int64_t i)
{
    return davit_dtype_is_float(x->desc.dtype) ? davit_load_f64(x, i) != 0.0
                                               : davit_load_s64(x, i) != 0;
}

davit_status davit_run_non_zero(const davit_kernel_call *call)
{
    const davit_tensor *x = call->inputs[0];
    davit_tensor *out = call->outputs[0];
    int64_t elems = davit_tensor_desc_elems(&x->desc);
    int64_t count = 0;
    for (int64_t i = 0; i < elems; i++) {
        count += is_nonzero(x, i);
    }
    davit_status status = check_count(call, count, out->desc.dims[1]);
    if (status != DAVIT_OK) {
        return status;
    }
    davit_walk walk = davit_walk_make(x->desc.rank, x->desc.dims);
    int64_t i = 0;
    int64_t column = 0;
    for (bool more = davit_walk_start(&walk); more; more = davit_walk_next(&walk)) {
        if (is_nonzero(x, i++)) {
            for (int d = 0; d < x->desc.rank; d++) {
                ((int64_t *)out->data)[d * count + column] = walk.index[d];
            }
            column++;
        }
    }
    return DAVIT_OK;
}

/* Copies the first occurrence of each distinct slice. */
static void copy_slices(const davit_tensor *x, davit_tensor *out, int axis,
                        const davit_unique *unique)
{
    davit_axis_view view = {1, unique->slice_count, 1};
    if (axis >= 0) {
        view = davit_axis_view_make(&x->desc, axis);
    }
    size_t bytes = (size_t)view.inner * davit_dtype_bytes(x->desc.dtype);
    char *to = out->data;
    for (int64_t o = 0; o < view.outer; o++) {
        for (int64_t u = 0; u < unique->count; u++, to += bytes) {
            int64_t from = o * view.dim + unique->first[u];
            memcpy(to, (const char *)x->data + (size_t)from * bytes, bytes);
        }
    }
}

davit_status davit_run_unique(const davit_kernel_call *call)
{
    const davit_tensor *x = call->inputs[0];
    bool is_flat = davit_node_attribute(call->node, "axis") == NULL;
    int axis = is_flat ? -1 : davit_kernel_axis(call, 0, x->desc.rank);
    davit_unique unique;
    davit_status status = davit_unique_find(call->allocator, x, axis,
                                            davit_node_int(call->node, "sorted", 1) != 0, &unique);
    if (status != DAVIT_OK) {
        return status;
    }
    const int64_t *const lists[3] = {unique.first, unique.inverse, unique.repeats};
    const int64_t lengths[3] = {unique.count, unique.slice_count, unique.count};
    for (uint32_t i = 0; i < call->node->output_count && status == DAVIT_OK; i++) {
        davit_tensor *out = call->outputs[i];
        if (out == NULL) {
            continue;
        }
        int along = i == 0 && axis > 0 ? axis : 0;
        status = check_count(call, i == 0 ? unique.count : lengths[i - 1], out->desc.dims[along]);
        if (status == DAVIT_OK && i == 0) {
            copy_slices(x, out, axis, &unique);
        } else if (status == DAVIT_OK) {
            memcpy(out->data, lists[i - 1], (size_t)lengths[i - 1] * sizeof(int64_t));
        }
    }
    davit_unique_free(&unique);
    return status;
}

davit_status davit_run_non_max_suppression(const davit_kernel_call *call)
{
    const davit_tensor *inputs[5] = {NULL};
    for (uint32_t i = 0; i < call->node->input_count; i++) {
        inputs[i] = call->inputs[i];
    }
    davit_box_query query =
        davit_box_query_make(inputs, davit_node_int(call->node, "center_point_box", 0) != 0);
    int64_t *selected = NULL;
    size_t count = 0;
    davit_status status = davit_select_boxes(call->allocator, &query, &selected, &count);
    if (status != DAVIT_OK) {
        return status;
    }
    status = check_count(call, (int64_t)count, call->outputs[0]->desc.dims[0]);
    if (status == DAVIT_OK && count > 0) {
        memcpy(call->outputs[0]->data, selected, 3 * count * sizeof(*selected));
    }
    davit_free(call->allocator, selected);
    return status;
}
