#include "movement.h"

#include <string.h>

#include "walk.h"

static size_t elem_bytes(const davit_tensor *tensor)
{
    return davit_dtype_bytes(tensor->desc.dtype);
}

davit_axis_view davit_axis_view_make(const davit_tensor_desc *desc, int axis)
{
    davit_axis_view view = {1, desc->dims[axis], 1};
    for (int d = 0; d < desc->rank; d++) {
        if (d < axis) {
            view.outer *= desc->dims[d];
        } else if (d > axis) {
            view.inner *= desc->dims[d];
        }
    }
    return view;
}

/* Reshape, Flatten, Squeeze, Unsqueeze. */
static davit_status run_copy(const davit_kernel_call *call)
{
    const davit_tensor *x = call->inputs[0];
    memcpy(call->outputs[0]->data, x->data, davit_tensor_desc_bytes(&x->desc));
    return DAVIT_OK;
}

static davit_status run_transpose(const davit_kernel_call *call)
{
    const davit_tensor *x = call->inputs[0];
    davit_tensor *out = call->outputs[0];
    int rank = x->desc.rank;
    size_t count;
    const int64_t *perm = davit_node_ints(call->node, "perm", &count);
    int64_t dense[DAVIT_MAX_RANK];
    int64_t from[DAVIT_MAX_RANK];
    int64_t to[DAVIT_MAX_RANK];
    davit_dense_strides(rank, x->desc.dims, dense);
    davit_dense_strides(rank, out->desc.dims, to);
    for (int d = 0; d < rank; d++) {
        int64_t axis = perm != NULL ? perm[d] : rank - 1 - d;
        from[d] = dense[axis < 0 ? axis + rank : axis];
    }
    davit_walk walk = davit_walk_make(rank, out->desc.dims);
    davit_walk_add(&walk, to);
    davit_walk_add(&walk, from);
    davit_walk_copy(&walk, elem_bytes(x), out->data, x->data);
    return DAVIT_OK;
}

static davit_status run_expand(const davit_kernel_call *call)
{
    const davit_tensor *x = call->inputs[0];
    davit_tensor *out = call->outputs[0];
    int64_t from[DAVIT_MAX_RANK];
    int64_t to[DAVIT_MAX_RANK];
    davit_dense_strides(out->desc.rank, out->desc.dims, to);
    davit_broadcast_strides(&x->desc, out->desc.rank, out->desc.dims, from);
    davit_walk walk = davit_walk_make(out->desc.rank, out->desc.dims);
    davit_walk_add(&walk, to);
    davit_walk_add(&walk, from);
    davit_walk_copy(&walk, elem_bytes(x), out->data, x->data);
    return DAVIT_OK;
}

/* Every dimension becomes two: the repeats, which do not move in x, and the dimension itself. */
static davit_status run_tile(const davit_kernel_call *call)
{
    const davit_tensor *x = call->inputs[0];
    davit_tensor *out = call->outputs[0];
    int rank = x->desc.rank;
    int64_t x_strides[DAVIT_MAX_RANK];
    int64_t out_strides[DAVIT_MAX_RANK];
    int64_t dims[DAVIT_WALK_RANK];
    int64_t from[DAVIT_WALK_RANK];
    int64_t to[DAVIT_WALK_RANK];
    davit_dense_strides(rank, x->desc.dims, x_strides);
    davit_dense_strides(rank, out->desc.dims, out_strides);
    for (int d = 0; d < rank; d++) {
        int repeat = 2 * d;
        int within = repeat + 1;
        dims[repeat] = davit_load_s64(call->inputs[1], d);
        from[repeat] = 0;
        to[repeat] = out_strides[d] * x->desc.dims[d];
        dims[within] = x->desc.dims[d];
        from[within] = x_strides[d];
        to[within] = out_strides[d];
    }
    davit_walk walk = davit_walk_make(2 * rank, dims);
    davit_walk_add(&walk, to);
    davit_walk_add(&walk, from);
    davit_walk_copy(&walk, elem_bytes(x), out->data, x->data);
    return DAVIT_OK;
}

static davit_status run_concat(const davit_kernel_call *call)
{
    davit_tensor *out = call->outputs[0];
    int axis = davit_kernel_axis(call, 0, out->desc.rank);
    davit_axis_view whole = davit_axis_view_make(&out->desc, axis);
    size_t bytes = elem_bytes(out);
    size_t row = (size_t)(whole.dim * whole.inner) * bytes;
    char *to = out->data;
    for (uint32_t i = 0; i < call->node->input_count; i++) {
        const davit_tensor *x = call->inputs[i];
        size_t part = (size_t)(x->desc.dims[axis] * whole.inner) * bytes;
        for (size_t o = 0; part > 0 && o < (size_t)whole.outer; o++) {
            memcpy(to + o * row, (const char *)x->data + o * part, part);
        }
        to += part;
    }
    return DAVIT_OK;
}

static davit_status run_split(const davit_kernel_call *call)
{
    const davit_tensor *x = call->inputs[0];
    int axis = davit_kernel_axis(call, 0, x->desc.rank);
    davit_axis_view whole = davit_axis_view_make(&x->desc, axis);
    size_t bytes = elem_bytes(x);
    size_t row = (size_t)(whole.dim * whole.inner) * bytes;
    int64_t equal = (whole.dim + call->node->output_count - 1) / call->node->output_count;
    int64_t left = whole.dim;
    const char *from = x->data;
    for (uint32_t i = 0; i < call->node->output_count; i++) {
        bool is_given = davit_kernel_input(call, 1) != NULL;
        int64_t size = is_given ? davit_load_s64(call->inputs[1], i) : equal;
        size = size < left ? size : left;
        left -= size;
        size_t part = (size_t)(size * whole.inner) * bytes;
        for (size_t o = 0; call->outputs[i] != NULL && part > 0 && o < (size_t)whole.outer; o++) {
            memcpy((char *)call->outputs[i]->data + o * part, from + o * row, part);
        }
        from += part;
    }
    return DAVIT_OK;
}

/* Copies between [N, depth, H, W] and [N, C, H * b, W * b]. The walk goes over N, C, H, b, W, b. */
static davit_status move_blocks(const davit_kernel_call *call, bool to_depth)
{
    const davit_tensor *x = call->inputs[0];
    davit_tensor *out = call->outputs[0];
    const int64_t *deep = to_depth ? out->desc.dims : x->desc.dims;
    const int64_t *wide = to_depth ? x->desc.dims : out->desc.dims;
    int64_t block = davit_node_int(call->node, "blocksize", 1);
    bool is_crd = !to_depth && strcmp(davit_node_string(call->node, "mode", "DCR"), "CRD") == 0;
    int64_t channels = wide[1];
    int64_t plane = deep[2] * deep[3];
    int64_t channel_stride = is_crd ? block * block * plane : plane;
    int64_t block_stride = is_crd ? plane : channels * plane;
    const int64_t dims[6] = {deep[0], channels, deep[2], block, deep[3], block};
    const int64_t deep_strides[6] = {
        deep[1] * plane, channel_stride, deep[3], block * block_stride, 1, block_stride};
    int64_t wide_strides[6];
    davit_dense_strides(6, dims, wide_strides);
    davit_walk walk = davit_walk_make(6, dims);
    davit_walk_add(&walk, to_depth ? deep_strides : wide_strides);
    davit_walk_add(&walk, to_depth ? wide_strides : deep_strides);
    davit_walk_copy(&walk, elem_bytes(x), out->data, x->data);
    return DAVIT_OK;
}

static davit_status run_depth_to_space(const davit_kernel_call *call)
{
    return move_blocks(call, false);
}

static davit_status run_space_to_depth(const davit_kernel_call *call)
{
    return move_blocks(call, true);
}

static int64_t clamp(int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : value > high ? high : value;
}

static davit_status run_trilu(const davit_kernel_call *call)
{
    const davit_tensor *x = call->inputs[0];
    davit_tensor *out = call->outputs[0];
    bool is_upper = davit_node_int(call->node, "upper", 1) != 0;
    bool has_k = davit_kernel_input(call, 1) != NULL;
    int64_t rows = x->desc.dims[x->desc.rank - 2];
    int64_t columns = x->desc.dims[x->desc.rank - 1];
    int64_t k = clamp(has_k ? davit_load_s64(call->inputs[1], 0) : 0, -rows - 1, columns);
    size_t bytes = elem_bytes(x);
    int64_t row_count = columns == 0 ? 0 : davit_tensor_desc_elems(&x->desc) / columns;
    memcpy(out->data, x->data, davit_tensor_desc_bytes(&x->desc));
    for (int64_t r = 0; r < row_count; r++) {
        /* The upper part starts on the diagonal, the lower part ends behind it. */
        int64_t edge = clamp(r % rows + k + (is_upper ? 0 : 1), 0, columns);
        int64_t first = is_upper ? 0 : edge;
        int64_t end = is_upper ? edge : columns;
        memset((char *)out->data + (size_t)(r * columns + first) * bytes, 0,
               (size_t)(end - first) * bytes);
    }
    return DAVIT_OK;
}

static const davit_kernel_entry entries[] = {
    {DAVIT_OP_CenterCropPad, davit_run_center_crop_pad},
    {DAVIT_OP_Compress, davit_run_compress},
    {DAVIT_OP_Concat, run_concat},
    {DAVIT_OP_DepthToSpace, run_depth_to_space},
    {DAVIT_OP_Expand, run_expand},
    {DAVIT_OP_Flatten, run_copy},
    {DAVIT_OP_Gather, davit_run_gather},
    {DAVIT_OP_GatherElements, davit_run_gather_elements},
    {DAVIT_OP_GatherND, davit_run_gather_nd},
    {DAVIT_OP_NonMaxSuppression, davit_run_non_max_suppression},
    {DAVIT_OP_NonZero, davit_run_non_zero},
    {DAVIT_OP_Pad, davit_run_pad},
    {DAVIT_OP_Reshape, run_copy},
    {DAVIT_OP_ScatterElements, davit_run_scatter_elements},
    {DAVIT_OP_ScatterND, davit_run_scatter_nd},
    {DAVIT_OP_Slice, davit_run_slice},
    {DAVIT_OP_SpaceToDepth, run_space_to_depth},
    {DAVIT_OP_Split, run_split},
    {DAVIT_OP_Squeeze, run_copy},
    {DAVIT_OP_Tile, run_tile},
    {DAVIT_OP_Transpose, run_transpose},
    {DAVIT_OP_Trilu, run_trilu},
    {DAVIT_OP_Unique, davit_run_unique},
    {DAVIT_OP_Unsqueeze, run_copy},
};

const davit_kernel_family davit_kernels_movement = DAVIT_KERNEL_FAMILY(entries);
