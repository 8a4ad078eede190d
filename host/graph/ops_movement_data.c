#include <string.h>

#include "davit/shape_rules.h"
#include "ops_movement.h"

davit_status davit_infer_compress(davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    const davit_tensor *condition = davit_infer_constant(infer, 1);
    bool is_flat = davit_node_attribute(infer->node, "axis") == NULL;
    int axis = 0;
    if (!is_flat) {
        davit_status status =
            davit_infer_axis(infer, davit_node_int(infer->node, "axis", 0), x->rank, &axis);
        if (status != DAVIT_OK) {
            return status;
        }
    }
    int64_t dims[DAVIT_MAX_RANK];
    memcpy(dims, x->dims, sizeof(dims));
    int64_t limit = is_flat ? davit_tensor_desc_elems(x) : x->dims[axis];
    if (condition->desc.rank != 1 || condition->desc.dims[0] > limit) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA,
                                "the condition is not a list of at most %lld", (long long)limit);
    }
    int64_t count = 0;
    for (int64_t i = 0; i < condition->desc.dims[0]; i++) {
        count += ((const uint8_t *)condition->data)[i] != 0;
    }
    dims[axis] = count;
    return davit_infer_output(infer, 0, x->dtype, is_flat ? 1 : x->rank, dims);
}

davit_status davit_infer_non_zero(davit_infer *infer)
{
    const davit_tensor *x = davit_infer_constant(infer, 0);
    davit_dtype dtype = x->desc.dtype;
    size_t bytes = davit_dtype_bytes(dtype);
    int64_t elems = davit_tensor_desc_elems(&x->desc);
    int64_t count = 0;
    for (int64_t i = 0; i < elems; i++) {
        uint64_t bits = 0;
        memcpy(&bits, (const char *)x->data + (size_t)i * bytes, bytes);
        if (davit_dtype_is_float(dtype)) {
            bits &= ~((uint64_t)1 << (8 * bytes - 1)); /* -0 is zero */
        }
        count += bits != 0;
    }
    int64_t dims[2] = {x->desc.rank, count};
    return davit_infer_output(infer, 0, DAVIT_S64, 2, dims);
}

davit_status davit_infer_unique(davit_infer *infer)
{
    const davit_tensor *x = davit_infer_constant(infer, 0);
    bool is_flat = davit_node_attribute(infer->node, "axis") == NULL;
    int axis = -1;
    if (!is_flat) {
        davit_status status =
            davit_infer_axis(infer, davit_node_int(infer->node, "axis", 0), x->desc.rank, &axis);
        if (status != DAVIT_OK) {
            return status;
        }
    }
    davit_unique unique;
    davit_status status = davit_unique_find(infer->graph->allocator, x, axis, true, &unique);
    if (status != DAVIT_OK) {
        return davit_infer_fail(infer, status, "no memory to find unique elements");
    }
    int64_t slice_count = unique.slice_count;
    int64_t count = unique.count;
    davit_unique_free(&unique);
    int64_t dims[DAVIT_MAX_RANK];
    memcpy(dims, x->desc.dims, sizeof(dims));
    dims[is_flat ? 0 : axis] = count;
    status = davit_infer_output(infer, 0, x->desc.dtype, is_flat ? 1 : x->desc.rank, dims);
    if (status == DAVIT_OK) {
        status = davit_infer_output(infer, 1, DAVIT_S64, 1, &count);
    }
    if (status == DAVIT_OK) {
        status = davit_infer_output(infer, 2, DAVIT_S64, 1, &slice_count);
    }
    return status != DAVIT_OK ? status : davit_infer_output(infer, 3, DAVIT_S64, 1, &count);
}

davit_status davit_infer_non_max_suppression(davit_infer *infer)
{
    const davit_tensor *inputs[5];
    for (int i = 0; i < 5; i++) {
        inputs[i] = davit_infer_constant(infer, i);
        if (i >= 2 && inputs[i] != NULL && davit_tensor_desc_elems(&inputs[i]->desc) != 1) {
            return davit_infer_fail(infer, DAVIT_BAD_DATA, "input %d is not a scalar", i);
        }
    }
    const davit_tensor_desc *boxes = &inputs[0]->desc;
    const davit_tensor_desc *scores = &inputs[1]->desc;
    if (boxes->rank != 3 || scores->rank != 3 || boxes->dims[2] != 4 ||
        boxes->dims[0] != scores->dims[0] || boxes->dims[1] != scores->dims[2]) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA,
                                "boxes are not [batches, boxes, 4] with scores [batches, classes, "
                                "boxes]");
    }
    davit_box_query query =
        davit_box_query_make(inputs, davit_node_int(infer->node, "center_point_box", 0) != 0);
    int64_t *selected = NULL;
    size_t count = 0;
    davit_status status = davit_select_boxes(infer->graph->allocator, &query, &selected, &count);
    if (status != DAVIT_OK) {
        return davit_infer_fail(infer, status, "no memory to select boxes");
    }
    davit_free(infer->graph->allocator, selected);
    int64_t dims[2] = {(int64_t)count, 3};
    return davit_infer_output(infer, 0, DAVIT_S64, 2, dims);
}
