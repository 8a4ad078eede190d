#include "ops_spatial.h"
#include "infer_rules.h"
#include "op_table.h"

#include <inttypes.h>

static davit_status infer_conv(davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    const davit_tensor_desc *w = davit_infer_input(infer, 1);
    int64_t dims[DAVIT_MAX_RANK];
    davit_status status = davit_infer_conv_shape(infer, x, w, dims);
    if (status == DAVIT_OK) {
        status = davit_infer_same_type(infer, 0, 2);
    }
    if (status == DAVIT_OK) {
        status = davit_infer_vector(infer, 2, w->dims[0]);
    }
    return status == DAVIT_OK ? davit_infer_output(infer, 0, x->dtype, x->rank, dims) : status;
}

static davit_status infer_conv_transpose(davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    int64_t dims[DAVIT_MAX_RANK];
    davit_status status =
        davit_infer_conv_transpose_shape(infer, x, davit_infer_input(infer, 1), dims);
    if (status == DAVIT_OK) {
        status = davit_infer_same_type(infer, 0, 2);
    }
    if (status == DAVIT_OK) {
        status = davit_infer_vector(infer, 2, dims[1]);
    }
    return status == DAVIT_OK ? davit_infer_output(infer, 0, x->dtype, x->rank, dims) : status;
}

static davit_status infer_pool(davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    int64_t dims[DAVIT_MAX_RANK];
    davit_status status = davit_infer_pool_shape(infer, x, dims);
    if (status == DAVIT_OK) {
        status = davit_infer_output(infer, 0, x->dtype, x->rank, dims);
    }
    return status == DAVIT_OK && infer->node->op->max_outputs > 1
               ? davit_infer_output(infer, 1, DAVIT_S64, x->rank, dims)
               : status;
}

static davit_status check_p(const davit_infer *infer)
{
    int64_t p = davit_node_int(infer->node, "p", 2);
    if (p < 1) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "p is %" PRId64, p);
    }
    return DAVIT_OK;
}

static davit_status infer_lp_pool(davit_infer *infer)
{
    davit_status status = check_p(infer);
    return status == DAVIT_OK ? infer_pool(infer) : status;
}

static davit_status infer_global_pool(davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    davit_status status = davit_infer_rank(infer, 0, 2, DAVIT_MAX_RANK);
    if (status == DAVIT_OK) {
        status = check_p(infer);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    int64_t dims[DAVIT_MAX_RANK];
    for (int i = 0; i < x->rank; i++) {
        dims[i] = i < 2 ? x->dims[i] : 1;
    }
    return davit_infer_output(infer, 0, x->dtype, x->rank, dims);
}

#define F DAVIT_TYPES_FLOAT
#define S64 DAVIT_TYPE(DAVIT_S64)
#define BYTE (DAVIT_TYPE(DAVIT_U8) | DAVIT_TYPE(DAVIT_S8))

static const davit_op_info ops[] = {
    {DAVIT_OP_AveragePool, "AveragePool", "", 1, 1, 1, 1, {F}, 0, infer_pool},
    {DAVIT_OP_Col2Im,
     "Col2Im",
     "",
     3,
     3,
     1,
     1,
     {DAVIT_TYPES_ALL, S64, S64},
     3u << 1,
     davit_infer_col2im},
    {DAVIT_OP_Conv, "Conv", "", 2, 3, 1, 1, {F}, 0, infer_conv},
    {DAVIT_OP_ConvTranspose, "ConvTranspose", "", 2, 3, 1, 1, {F}, 0, infer_conv_transpose},
    {DAVIT_OP_GlobalAveragePool, "GlobalAveragePool", "", 1, 1, 1, 1, {F}, 0, infer_global_pool},
    {DAVIT_OP_GlobalLpPool, "GlobalLpPool", "", 1, 1, 1, 1, {F}, 0, infer_global_pool},
    {DAVIT_OP_GlobalMaxPool, "GlobalMaxPool", "", 1, 1, 1, 1, {F}, 0, infer_global_pool},
    {DAVIT_OP_GridSample,
     "GridSample",
     "",
     2,
     2,
     1,
     1,
     {DAVIT_TYPES_ALL, F},
     0,
     davit_infer_grid_sample},
    {DAVIT_OP_LpPool, "LpPool", "", 1, 1, 1, 1, {F}, 0, infer_lp_pool},
    {DAVIT_OP_MaxPool, "MaxPool", "", 1, 1, 1, 2, {F | BYTE}, 0, infer_pool},
    {DAVIT_OP_MaxRoiPool, "MaxRoiPool", "", 2, 2, 1, 1, {F}, 0, davit_infer_max_roi_pool},
    {DAVIT_OP_MaxUnpool,
     "MaxUnpool",
     "",
     2,
     3,
     1,
     1,
     {F, S64, S64},
     1u << 2,
     davit_infer_max_unpool},
    {DAVIT_OP_Resize,
     "Resize",
     "",
     1,
     4,
     1,
     1,
     {DAVIT_TYPES_ALL, F, DAVIT_TYPE(DAVIT_F32), S64},
     7u << 1,
     davit_infer_resize},
    {DAVIT_OP_RoiAlign, "RoiAlign", "", 3, 3, 1, 1, {F, F, S64}, 0, davit_infer_roi_align},
};

const davit_op_family davit_ops_spatial = DAVIT_OP_FAMILY(ops);
