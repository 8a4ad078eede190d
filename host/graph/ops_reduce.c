#include "infer_rules.h"
#include "op_table.h"

#include <inttypes.h>
#include <string.h>

/* Marks the axes of a reduction: all of them when none are given, unless the node says that none
 * means none. */
static davit_status reduced_axes(const davit_infer *infer, int rank, bool *reduced)
{
    int64_t axes[DAVIT_MAX_RANK];
    size_t count = 0;
    if (davit_infer_input(infer, 1) != NULL) {
        davit_status status = davit_infer_ints(infer, 1, axes, DAVIT_MAX_RANK, &count);
        if (status != DAVIT_OK) {
            return status;
        }
    }
    bool all = count == 0 && davit_node_int(infer->node, "noop_with_empty_axes", 0) == 0;
    for (int d = 0; d < rank; d++) {
        reduced[d] = all;
    }
    for (size_t i = 0; i < count; i++) {
        int axis;
        davit_status status = davit_infer_axis(infer, axes[i], rank, &axis);
        if (status != DAVIT_OK) {
            return status;
        }
        reduced[axis] = true;
    }
    return DAVIT_OK;
}

/* Output 0: the shape of input 0 with the reduced axes made 1 or left out. */
static davit_status reduced_output(davit_infer *infer, davit_dtype dtype, const bool *reduced)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    bool keep = davit_node_int(infer->node, "keepdims", 1) != 0;
    int64_t dims[DAVIT_MAX_RANK];
    int rank = 0;
    for (int d = 0; d < x->rank; d++) {
        if (!reduced[d]) {
            dims[rank++] = x->dims[d];
        } else if (keep) {
            dims[rank++] = 1;
        }
    }
    return davit_infer_output(infer, 0, dtype, rank, dims);
}

static davit_status infer_reduction(davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    bool reduced[DAVIT_MAX_RANK];
    davit_status status = reduced_axes(infer, x->rank, reduced);
    if (status != DAVIT_OK) {
        return status;
    }
    return reduced_output(infer, x->dtype, reduced);
}

static davit_status infer_arg(davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    int axis;
    davit_status status =
        davit_infer_axis(infer, davit_node_int(infer->node, "axis", 0), x->rank, &axis);
    if (status != DAVIT_OK) {
        return status;
    }
    if (x->dims[axis] == 0) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "axis %d of the input is empty", axis);
    }
    bool reduced[DAVIT_MAX_RANK] = {false};
    reduced[axis] = true;
    return reduced_output(infer, DAVIT_S64, reduced);
}

static davit_status infer_cumsum(davit_infer *infer)
{
    davit_status status = davit_infer_rank(infer, 0, 1, DAVIT_MAX_RANK);
    if (status == DAVIT_OK) {
        status = davit_infer_single(infer, 1);
    }
    return status == DAVIT_OK ? davit_infer_like_input(infer) : status;
}

/* Softmax, LogSoftmax, Hardmax. With coerce_2d (opsets below 13) axis may equal the rank. */
static davit_status infer_softmax(davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    bool flat = davit_node_int(infer->node, "coerce_2d", 0) != 0;
    int64_t axis = davit_node_int(infer->node, "axis", flat ? 1 : -1);
    int ignored;
    if (!(flat && axis == x->rank)) {
        davit_status status = davit_infer_axis(infer, axis, x->rank, &ignored);
        if (status != DAVIT_OK) {
            return status;
        }
    }
    return davit_infer_like_input(infer);
}

static davit_status infer_topk(davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    int axis;
    int64_t k;
    davit_status status =
        davit_infer_axis(infer, davit_node_int(infer->node, "axis", -1), x->rank, &axis);
    if (status == DAVIT_OK) {
        status = davit_infer_scalar(infer, 1, 0, &k);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    if (k < 0 || k > x->dims[axis]) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA,
                                "k is %" PRId64 ", but axis %d has %" PRId64 " elements", k, axis,
                                x->dims[axis]);
    }
    int64_t dims[DAVIT_MAX_RANK];
    memcpy(dims, x->dims, sizeof(dims));
    dims[axis] = k;
    status = davit_infer_output(infer, 0, x->dtype, x->rank, dims);
    return status == DAVIT_OK ? davit_infer_output(infer, 1, DAVIT_S64, x->rank, dims) : status;
}

#define WIDE (DAVIT_TYPES_FLOAT | DAVIT_TYPE(DAVIT_U32) | DAVIT_TYPE(DAVIT_U64) | DAVIT_TYPES_INDEX)
#define ORDERED (WIDE | DAVIT_TYPE(DAVIT_U8) | DAVIT_TYPE(DAVIT_S8) | DAVIT_TYPES_BOOL)
#define S64 DAVIT_TYPE(DAVIT_S64)

#define REDUCTION(name, types)                                                                     \
    {                                                                                              \
        DAVIT_OP_##name, #name, "", 1, 2, 1, 1, {types, S64}, 1u << 1, infer_reduction             \
    }
#define SOFTMAX(name)                                                                              \
    {                                                                                              \
        DAVIT_OP_##name, #name, "", 1, 1, 1, 1, {DAVIT_TYPES_FLOAT}, 0, infer_softmax              \
    }
#define ARG(name)                                                                                  \
    {                                                                                              \
        DAVIT_OP_##name, #name, "", 1, 1, 1, 1, {DAVIT_TYPES_NUMERIC}, 0, infer_arg                \
    }

static const davit_op_info ops[] = {
    ARG(ArgMax),
    ARG(ArgMin),
    {DAVIT_OP_CumSum, "CumSum", "", 2, 2, 1, 1, {WIDE, DAVIT_TYPES_INDEX}, 0, infer_cumsum},
    SOFTMAX(Hardmax),
    SOFTMAX(LogSoftmax),
    REDUCTION(ReduceL1, WIDE),
    REDUCTION(ReduceL2, WIDE),
    REDUCTION(ReduceLogSum, WIDE),
    REDUCTION(ReduceLogSumExp, WIDE),
    REDUCTION(ReduceMax, ORDERED),
    REDUCTION(ReduceMean, WIDE),
    REDUCTION(ReduceMin, ORDERED),
    REDUCTION(ReduceProd, WIDE),
    REDUCTION(ReduceSum, WIDE),
    REDUCTION(ReduceSumSquare, WIDE),
    SOFTMAX(Softmax),
    {DAVIT_OP_TopK, "TopK", "", 2, 2, 1, 2, {DAVIT_TYPES_NUMERIC, S64}, 1u << 1, infer_topk},
};

const davit_op_family davit_ops_reduce = DAVIT_OP_FAMILY(ops);
