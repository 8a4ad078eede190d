#include "ops_movement.h"

#include <string.h>

#include "op_table.h"

davit_status davit_infer_multiply(const davit_infer *infer, int64_t a, int64_t b, int64_t *product)
{
    if (b != 0 && a > DAVIT_MAX_DIM / b) {
        return davit_infer_fail(infer, DAVIT_OUT_OF_MEMORY,
                                "a dimension of %lld * %lld is too large", (long long)a,
                                (long long)b);
    }
    *product = a * b;
    return DAVIT_OK;
}

davit_status davit_infer_axes(const davit_infer *infer, const int64_t *axes, size_t count, int rank,
                              int *out)
{
    uint32_t seen = 0;
    for (size_t i = 0; i < count; i++) {
        davit_status status = davit_infer_axis(infer, axes[i], rank, &out[i]);
        if (status != DAVIT_OK) {
            return status;
        }
        if ((seen >> out[i] & 1u) != 0) {
            return davit_infer_fail(infer, DAVIT_BAD_DATA, "axis %d is given twice", out[i]);
        }
        seen |= 1u << out[i];
    }
    return DAVIT_OK;
}

/* Replaces the one -1 of dims by what makes their product elems. */
static davit_status fill_wildcard(const davit_infer *infer, int64_t *dims, int rank, int64_t elems)
{
    int wildcard = -1;
    int64_t known = 1;
    for (int d = 0; d < rank; d++) {
        if (dims[d] < -1 || (dims[d] == -1 && wildcard >= 0)) {
            return davit_infer_fail(infer, DAVIT_BAD_DATA,
                                    "the shape has more than one -1, or a number below it");
        }
        if (dims[d] == -1) {
            wildcard = d;
            continue;
        }
        davit_status status = davit_infer_multiply(infer, known, dims[d], &known);
        if (status != DAVIT_OK) {
            return status;
        }
    }
    if (wildcard >= 0) {
        if (known == 0 || elems % known != 0) {
            return davit_infer_fail(infer, DAVIT_BAD_DATA,
                                    "-1 cannot make %lld elements from a multiple of %lld",
                                    (long long)elems, (long long)known);
        }
        dims[wildcard] = elems / known;
        known = elems;
    }
    if (known != elems) {
        char text[128];
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "%lld elements do not fit shape %s",
                                (long long)elems, davit_shape_text(dims, rank, text, sizeof(text)));
    }
    return DAVIT_OK;
}

static davit_status infer_reshape(davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    int64_t dims[DAVIT_MAX_RANK];
    size_t rank;
    davit_status status = davit_infer_ints(infer, 1, dims, DAVIT_MAX_RANK, &rank);
    if (status != DAVIT_OK) {
        return status;
    }
    bool copies = davit_node_int(infer->node, "allowzero", 0) == 0;
    for (size_t d = 0; copies && d < rank; d++) {
        if (dims[d] != 0) {
            continue;
        }
        if (d >= (size_t)x->rank) {
            return davit_infer_fail(infer, DAVIT_BAD_DATA,
                                    "dimension %zu is to be copied, but the input has rank %d", d,
                                    x->rank);
        }
        dims[d] = x->dims[d];
    }
    status = fill_wildcard(infer, dims, (int)rank, davit_tensor_desc_elems(x));
    return status != DAVIT_OK ? status : davit_infer_output(infer, 0, x->dtype, (int)rank, dims);
}

static davit_status infer_flatten(davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    int64_t axis = davit_node_int(infer->node, "axis", 1);
    if (axis < -x->rank || axis > x->rank) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "axis %lld is not in [%d, %d]",
                                (long long)axis, -x->rank, x->rank);
    }
    axis += axis < 0 ? x->rank : 0;
    int64_t dims[2] = {1, 1};
    for (int d = 0; d < x->rank; d++) {
        int64_t *dim = &dims[d < axis ? 0 : 1];
        davit_status status = davit_infer_multiply(infer, *dim, x->dims[d], dim);
        if (status != DAVIT_OK) {
            return status;
        }
    }
    return davit_infer_output(infer, 0, x->dtype, 2, dims);
}

static davit_status infer_squeeze(davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    int64_t given[DAVIT_MAX_RANK];
    int axes[DAVIT_MAX_RANK];
    size_t count = 0;
    bool drops[DAVIT_MAX_RANK] = {false};
    if (davit_infer_input(infer, 1) != NULL) {
        davit_status status = davit_infer_ints(infer, 1, given, DAVIT_MAX_RANK, &count);
        if (status == DAVIT_OK) {
            status = davit_infer_axes(infer, given, count, x->rank, axes);
        }
        if (status != DAVIT_OK) {
            return status;
        }
    } else {
        for (int d = 0; d < x->rank; d++) {
            drops[d] = x->dims[d] == 1;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (x->dims[axes[i]] != 1) {
            return davit_infer_fail(infer, DAVIT_BAD_DATA, "dimension %d is %lld, not 1", axes[i],
                                    (long long)x->dims[axes[i]]);
        }
        drops[axes[i]] = true;
    }
    int rank = 0;
    int64_t dims[DAVIT_MAX_RANK];
    for (int d = 0; d < x->rank; d++) {
        if (!drops[d]) {
            dims[rank++] = x->dims[d];
        }
    }
    return davit_infer_output(infer, 0, x->dtype, rank, dims);
}

static davit_status infer_unsqueeze(davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    int64_t given[DAVIT_MAX_RANK];
    int axes[DAVIT_MAX_RANK];
    size_t count;
    davit_status status = davit_infer_ints(infer, 1, given, DAVIT_MAX_RANK, &count);
    if (status != DAVIT_OK) {
        return status;
    }
    int rank = x->rank + (int)count;
    if (rank > DAVIT_MAX_RANK) {
        return davit_infer_fail(infer, DAVIT_UNSUPPORTED, "rank %d is above %d", rank,
                                DAVIT_MAX_RANK);
    }
    status = davit_infer_axes(infer, given, count, rank, axes);
    if (status != DAVIT_OK) {
        return status;
    }
    int64_t dims[DAVIT_MAX_RANK] = {0};
    bool is_new[DAVIT_MAX_RANK] = {false};
    for (size_t i = 0; i < count; i++) {
        is_new[axes[i]] = true;
    }
    for (int d = 0, from = 0; d < rank; d++) {
        dims[d] = is_new[d] ? 1 : x->dims[from++];
    }
    return davit_infer_output(infer, 0, x->dtype, rank, dims);
}

static davit_status infer_transpose(davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    size_t count;
    const int64_t *perm = davit_node_ints(infer->node, "perm", &count);
    int axes[DAVIT_MAX_RANK];
    int64_t dims[DAVIT_MAX_RANK];
    if (perm != NULL) {
        if (count != (size_t)x->rank) {
            return davit_infer_fail(infer, DAVIT_BAD_DATA,
                                    "perm has %zu axes, but the input has rank %d", count, x->rank);
        }
        davit_status status = davit_infer_axes(infer, perm, count, x->rank, axes);
        if (status != DAVIT_OK) {
            return status;
        }
    }
    for (int d = 0; d < x->rank; d++) {
        dims[d] = x->dims[perm != NULL ? axes[d] : x->rank - 1 - d];
    }
    return davit_infer_output(infer, 0, x->dtype, x->rank, dims);
}

static davit_status infer_expand(davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    int64_t shape[DAVIT_MAX_RANK];
    int64_t dims[DAVIT_MAX_RANK];
    size_t count;
    int rank;
    davit_status status = davit_infer_ints(infer, 1, shape, DAVIT_MAX_RANK, &count);
    if (status == DAVIT_OK) {
        status = davit_infer_broadcast(infer, x->rank, x->dims, (int)count, shape, &rank, dims);
    }
    return status != DAVIT_OK ? status : davit_infer_output(infer, 0, x->dtype, rank, dims);
}

static davit_status infer_tile(davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    int64_t repeats[DAVIT_MAX_RANK];
    int64_t dims[DAVIT_MAX_RANK];
    size_t count;
    davit_status status = davit_infer_ints(infer, 1, repeats, DAVIT_MAX_RANK, &count);
    if (status != DAVIT_OK) {
        return status;
    }
    if (count != (size_t)x->rank) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "%zu repeats for an input of rank %d", count,
                                x->rank);
    }
    for (int d = 0; d < x->rank; d++) {
        if (repeats[d] < 0) {
            return davit_infer_fail(infer, DAVIT_BAD_DATA, "%lld repeats", (long long)repeats[d]);
        }
        status = davit_infer_multiply(infer, x->dims[d], repeats[d], &dims[d]);
        if (status != DAVIT_OK) {
            return status;
        }
    }
    return davit_infer_output(infer, 0, x->dtype, x->rank, dims);
}

static davit_status infer_concat(davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    int axis;
    davit_status status =
        davit_infer_axis(infer, davit_node_int(infer->node, "axis", 0), x->rank, &axis);
    if (status != DAVIT_OK) {
        return status;
    }
    int64_t dims[DAVIT_MAX_RANK];
    memcpy(dims, x->dims, sizeof(dims));
    for (int i = 1; i < davit_infer_input_count(infer); i++) {
        const davit_tensor_desc *next = davit_infer_input(infer, i);
        bool fits = next != NULL && next->rank == x->rank && next->dtype == x->dtype;
        for (int d = 0; fits && d < x->rank; d++) {
            fits = d == axis || next->dims[d] == x->dims[d];
        }
        if (!fits) {
            return davit_infer_fail(infer, DAVIT_BAD_DATA,
                                    "input %d differs from input 0 in more than dimension %d", i,
                                    axis);
        }
        dims[axis] += next->dims[axis];
    }
    return davit_infer_output(infer, 0, x->dtype, x->rank, dims);
}

/* SpaceToDepth when to_depth is set, else DepthToSpace. */
static davit_status infer_block(davit_infer *infer, bool to_depth)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    int64_t block = davit_node_int(infer->node, "blocksize", 0);
    const char *mode = davit_node_string(infer->node, "mode", "DCR");
    if (x->rank != 4 || block < 1 || block > 1024 ||
        (strcmp(mode, "DCR") != 0 && strcmp(mode, "CRD") != 0)) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA,
                                "rank %d, blocksize %lld or mode '%s' is wrong", x->rank,
                                (long long)block, mode);
    }
    int64_t depth = x->dims[1];
    int64_t height = x->dims[2];
    int64_t width = x->dims[3];
    bool divides =
        to_depth ? height % block == 0 && width % block == 0 : depth % (block * block) == 0;
    if (!divides) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "blocksize %lld does not divide the input",
                                (long long)block);
    }
    if (to_depth) {
        int64_t dims[4] = {x->dims[0], depth * block * block, height / block, width / block};
        return davit_infer_output(infer, 0, x->dtype, 4, dims);
    }
    int64_t dims[4] = {x->dims[0], depth / (block * block), height * block, width * block};
    return davit_infer_output(infer, 0, x->dtype, 4, dims);
}

static davit_status infer_depth_to_space(davit_infer *infer)
{
    return infer_block(infer, false);
}

static davit_status infer_space_to_depth(davit_infer *infer)
{
    return infer_block(infer, true);
}

static davit_status infer_trilu(davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    const davit_tensor_desc *k = davit_infer_input(infer, 1);
    if (x->rank < 2 || (k != NULL && davit_tensor_desc_elems(k) != 1)) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA,
                                "the input is not a matrix, or k not a scalar");
    }
    return davit_infer_output(infer, 0, x->dtype, x->rank, x->dims);
}

#define ALL DAVIT_TYPES_ALL
#define INDEX DAVIT_TYPES_INDEX
#define S64 DAVIT_TYPE(DAVIT_S64)
#define F32 DAVIT_TYPE(DAVIT_F32)
/* name, inputs from and to, outputs from and to, shape inputs, infer function, types */
#define OPERATOR(name, low, high, least, most, shapes, infer, ...)                                 \
    {                                                                                              \
        DAVIT_OP_##name, #name, "", low, high, least, most, {__VA_ARGS__}, shapes, infer           \
    }

static const davit_op_info ops[] = {
    OPERATOR(CenterCropPad, 2, 2, 1, 1, 0x2, davit_infer_center_crop_pad, ALL, INDEX),
    OPERATOR(Compress, 2, 2, 1, 1, 0x2, davit_infer_compress, ALL, DAVIT_TYPES_BOOL),
    OPERATOR(Concat, 1, -1, 1, 1, 0, infer_concat, ALL),
    OPERATOR(DepthToSpace, 1, 1, 1, 1, 0, infer_depth_to_space, ALL),
    OPERATOR(Expand, 2, 2, 1, 1, 0x2, infer_expand, ALL, S64),
    OPERATOR(Flatten, 1, 1, 1, 1, 0, infer_flatten, ALL),
    OPERATOR(Gather, 2, 2, 1, 1, 0, davit_infer_gather, ALL, INDEX),
    OPERATOR(GatherElements, 2, 2, 1, 1, 0, davit_infer_gather_elements, ALL, INDEX),
    OPERATOR(GatherND, 2, 2, 1, 1, 0, davit_infer_gather_nd, ALL, S64),
    OPERATOR(NonMaxSuppression, 2, 5, 1, 1, 0x1f, davit_infer_non_max_suppression, F32, F32, S64,
             F32),
    OPERATOR(NonZero, 1, 1, 1, 1, 0x1, davit_infer_non_zero, ALL),
    OPERATOR(Pad, 2, 4, 1, 1, 0xa, davit_infer_pad, ALL, S64, ALL, INDEX),
    OPERATOR(Reshape, 2, 2, 1, 1, 0x2, infer_reshape, ALL, S64),
    OPERATOR(ScatterElements, 3, 3, 1, 1, 0, davit_infer_scatter_elements, ALL, INDEX, ALL),
    OPERATOR(ScatterND, 3, 3, 1, 1, 0, davit_infer_scatter_nd, ALL, S64, ALL),
    OPERATOR(Slice, 3, 5, 1, 1, 0x1e, davit_infer_slice, ALL, INDEX),
    OPERATOR(SpaceToDepth, 1, 1, 1, 1, 0, infer_space_to_depth, ALL),
    OPERATOR(Split, 1, 2, 1, -1, 0x2, davit_infer_split, ALL, S64),
    OPERATOR(Squeeze, 1, 2, 1, 1, 0x2, infer_squeeze, ALL, S64),
    OPERATOR(Tile, 2, 2, 1, 1, 0x2, infer_tile, ALL, S64),
    OPERATOR(Transpose, 1, 1, 1, 1, 0, infer_transpose, ALL),
    OPERATOR(Trilu, 1, 2, 1, 1, 0, infer_trilu, ALL, S64),
    OPERATOR(Unique, 1, 1, 1, 4, 0x1, davit_infer_unique, ALL),
    OPERATOR(Unsqueeze, 2, 2, 1, 1, 0x2, infer_unsqueeze, ALL, S64),
};

const davit_op_family davit_ops_movement = DAVIT_OP_FAMILY(ops);
