#include "infer_rules.h"
#include "op_table.h"

#include <inttypes.h>

/* Refuses inputs first to last (present ones) that are not vectors of one element per channel. */
static davit_status per_channel(const davit_infer *infer, int first, int last)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    int64_t channels = x->rank > 1 ? x->dims[1] : 1;
    for (int i = first; i <= last; i++) {
        davit_status status = davit_infer_vector(infer, i, channels);
        if (status != DAVIT_OK) {
            return status;
        }
    }
    return DAVIT_OK;
}

static davit_status infer_batch(davit_infer *infer)
{
    const davit_tensor_desc *mean = davit_infer_input(infer, 3);
    davit_status status = davit_infer_rank(infer, 0, 1, DAVIT_MAX_RANK);
    if (status == DAVIT_OK) {
        status = davit_infer_same_type(infer, 1, 2);
    }
    if (status == DAVIT_OK) {
        status = davit_infer_same_type(infer, 3, 4);
    }
    if (status == DAVIT_OK) {
        status = per_channel(infer, 1, 4);
    }
    if (status == DAVIT_OK) {
        status = davit_infer_like_input(infer);
    }
    bool training = davit_node_int(infer->node, "training_mode", 0) != 0;
    for (int i = 1; i <= 2 && status == DAVIT_OK; i++) {
        if (!davit_infer_has_output(infer, i)) {
            continue;
        }
        if (!training) {
            return davit_infer_fail(infer, DAVIT_BAD_DATA, "output %d needs training_mode=1", i);
        }
        status = davit_infer_output(infer, i, mean->dtype, mean->rank, mean->dims);
    }
    return status;
}

static davit_status infer_instance(davit_infer *infer)
{
    davit_status status = davit_infer_rank(infer, 0, 2, DAVIT_MAX_RANK);
    if (status == DAVIT_OK) {
        status = davit_infer_same_type(infer, 0, 2);
    }
    if (status == DAVIT_OK) {
        status = per_channel(infer, 1, 2);
    }
    return status == DAVIT_OK ? davit_infer_like_input(infer) : status;
}

static davit_status infer_group(davit_infer *infer)
{
    davit_status status = infer_instance(infer);
    if (status != DAVIT_OK) {
        return status;
    }
    int64_t groups = davit_node_int(infer->node, "num_groups", 0);
    int64_t channels = davit_infer_input(infer, 0)->dims[1];
    if (groups <= 0 || channels % groups != 0) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA,
                                "%" PRId64 " channels do not divide into num_groups %" PRId64,
                                channels, groups);
    }
    return DAVIT_OK;
}

static davit_status infer_lrn(davit_infer *infer)
{
    davit_status status = davit_infer_rank(infer, 0, 2, DAVIT_MAX_RANK);
    if (status == DAVIT_OK && davit_node_int(infer->node, "size", 0) < 1) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "size is not positive");
    }
    return status == DAVIT_OK ? davit_infer_like_input(infer) : status;
}

/* Refuses input i (absent is legal) unless it broadcasts to the axes of input 0 from axis on. */
static davit_status broadcasts_to_tail(const davit_infer *infer, int i, int axis)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    const davit_tensor_desc *desc = davit_infer_input(infer, i);
    if (desc == NULL) {
        return DAVIT_OK;
    }
    bool fits = desc->rank <= x->rank;
    for (int d = 1; fits && d <= desc->rank; d++) {
        int64_t n = desc->dims[desc->rank - d];
        fits = n == 1 || (n == x->dims[x->rank - d] && x->rank - d >= axis);
    }
    if (!fits) {
        char text[96];
        return davit_infer_fail(infer, DAVIT_BAD_DATA,
                                "input %d of shape %s does not broadcast to the axes from %d on", i,
                                davit_shape_text(desc->dims, desc->rank, text, sizeof(text)), axis);
    }
    return DAVIT_OK;
}

static davit_status infer_layer(davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    int64_t stash = davit_node_int(infer->node, "stash_type", DAVIT_F32);
    if (stash != DAVIT_F32 && stash != DAVIT_BF16) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "stash_type is neither float nor bfloat16");
    }
    int axis;
    davit_status status =
        davit_infer_axis(infer, davit_node_int(infer->node, "axis", -1), x->rank, &axis);
    if (status == DAVIT_OK) {
        status = davit_infer_same_type(infer, 0, 2);
    }
    for (int i = 1; i <= 2 && status == DAVIT_OK; i++) {
        status = broadcasts_to_tail(infer, i, axis);
    }
    if (status == DAVIT_OK) {
        status = davit_infer_like_input(infer);
    }
    int64_t dims[DAVIT_MAX_RANK];
    for (int d = 0; d < x->rank; d++) {
        dims[d] = d < axis ? x->dims[d] : 1;
    }
    for (int i = 1; i <= 2 && status == DAVIT_OK; i++) {
        status = davit_infer_output(infer, i, (davit_dtype)stash, x->rank, dims);
    }
    return status;
}

static davit_status infer_lp(davit_infer *infer)
{
    int64_t p = davit_node_int(infer->node, "p", 2);
    if (p != 1 && p != 2) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "p is %" PRId64 ", not 1 or 2", p);
    }
    int axis;
    davit_status status = davit_infer_axis(infer, davit_node_int(infer->node, "axis", -1),
                                           davit_infer_input(infer, 0)->rank, &axis);
    return status == DAVIT_OK ? davit_infer_like_input(infer) : status;
}

static davit_status infer_mean_variance(davit_infer *infer)
{
    static const int64_t usual[] = {0, 2, 3};
    size_t count;
    const int64_t *axes = davit_node_ints(infer->node, "axes", &count);
    if (axes == NULL) {
        axes = usual;
        count = 3;
    }
    for (size_t i = 0; i < count; i++) {
        int axis;
        davit_status status =
            davit_infer_axis(infer, axes[i], davit_infer_input(infer, 0)->rank, &axis);
        if (status != DAVIT_OK) {
            return status;
        }
    }
    return davit_infer_like_input(infer);
}

#define F DAVIT_TYPES_FLOAT

static const davit_op_info ops[] = {
    {DAVIT_OP_BatchNormalization, "BatchNormalization", "", 5, 5, 1, 3, {F}, 0, infer_batch},
    {DAVIT_OP_GroupNormalization, "GroupNormalization", "", 3, 3, 1, 1, {F}, 0, infer_group},
    {DAVIT_OP_InstanceNormalization,
     "InstanceNormalization",
     "",
     3,
     3,
     1,
     1,
     {F},
     0,
     infer_instance},
    {DAVIT_OP_LRN, "LRN", "", 1, 1, 1, 1, {F}, 0, infer_lrn},
    {DAVIT_OP_LayerNormalization, "LayerNormalization", "", 2, 3, 1, 3, {F}, 0, infer_layer},
    {DAVIT_OP_LpNormalization, "LpNormalization", "", 1, 1, 1, 1, {F}, 0, infer_lp},
    {DAVIT_OP_MeanVarianceNormalization,
     "MeanVarianceNormalization",
     "",
     1,
     1,
     1,
     1,
     {F},
     0,
     infer_mean_variance},
};

const davit_op_family davit_ops_normalize = DAVIT_OP_FAMILY(ops);
