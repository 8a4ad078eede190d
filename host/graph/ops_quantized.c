#include "infer_rules.h"
#include "op_table.h"

#include <inttypes.h>
#include <string.h>

/* A scale holds one value, one for each slice along axis, or one for each block along axis. */
static davit_status check_scale(const davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    const davit_tensor_desc *scale = davit_infer_input(infer, 1);
    const davit_tensor_desc *zero = davit_infer_input(infer, 2);
    int64_t block = davit_node_int(infer->node, "block_size", 0);
    /* onnxruntime.quantization writes scales of shape 1 with zero points of shape (). */
    bool both_single = zero != NULL && davit_tensor_desc_elems(scale) == 1 &&
                       davit_tensor_desc_elems(zero) == 1;
    if (zero != NULL && !both_single) {
        davit_status status = davit_infer_shape_is(infer, 2, scale->rank, scale->dims);
        if (status != DAVIT_OK) {
            return status;
        }
    }
    if (block < 0) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "block_size is %" PRId64, block);
    }
    bool vector = scale->rank == 1 && scale->dims[0] != 1;
    if (block == 0 && !vector && davit_tensor_desc_elems(scale) == 1) {
        return DAVIT_OK;
    }
    int axis;
    davit_status status =
        davit_infer_axis(infer, davit_node_int(infer->node, "axis", 1), x->rank, &axis);
    if (status != DAVIT_OK) {
        return status;
    }
    if (block == 0) {
        return davit_infer_vector(infer, 1, x->dims[axis]);
    }
    int64_t dims[DAVIT_MAX_RANK];
    memcpy(dims, x->dims, sizeof(dims));
    dims[axis] = x->dims[axis] / block + (x->dims[axis] % block != 0);
    return davit_infer_shape_is(infer, 1, x->rank, dims);
}

static davit_status infer_quantize(davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    const davit_tensor_desc *zero = davit_infer_input(infer, 2);
    int64_t stated = davit_node_int(infer->node, "output_dtype", 0);
    int64_t dtype = zero != NULL ? (int64_t)zero->dtype : stated != 0 ? stated : DAVIT_U8;
    if (zero != NULL && stated != 0 && stated != dtype) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA,
                                "output_dtype is not the type of the zero point");
    }
    if (dtype != DAVIT_U8 && dtype != DAVIT_S8 && dtype != DAVIT_U16 && dtype != DAVIT_S16) {
        bool named = dtype > 0 && dtype < DAVIT_DTYPE_COUNT;
        return davit_infer_fail(infer, DAVIT_UNSUPPORTED, "quantisation to %s",
                                named ? davit_dtype_name((davit_dtype)dtype) : "an unknown type");
    }
    davit_status status = check_scale(infer);
    return status == DAVIT_OK ? davit_infer_output(infer, 0, (davit_dtype)dtype, x->rank, x->dims)
                              : status;
}

static davit_status infer_dequantize(davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    const davit_tensor_desc *zero = davit_infer_input(infer, 2);
    if (zero != NULL && zero->dtype != x->dtype) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "the zero point is not of the input's type");
    }
    davit_status status = check_scale(infer);
    return status == DAVIT_OK
               ? davit_infer_output(infer, 0, davit_infer_input(infer, 1)->dtype, x->rank, x->dims)
               : status;
}

static davit_status infer_dynamic(davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    davit_status status = davit_infer_output(infer, 0, DAVIT_U8, x->rank, x->dims);
    if (status == DAVIT_OK) {
        status = davit_infer_output(infer, 1, DAVIT_F32, 0, NULL);
    }
    return status == DAVIT_OK ? davit_infer_output(infer, 2, DAVIT_U8, 0, NULL) : status;
}

/* Scale or zero point i of a matrix operand: one value, or one for each row (axis from the end 2)
 * or column (1) of the matrices, as a vector or with the operand's own rank. */
static davit_status per_line(const davit_infer *infer, int i, const davit_tensor_desc *matrix,
                             int from_end)
{
    const davit_tensor_desc *desc = davit_infer_input(infer, i);
    if (desc == NULL || davit_tensor_desc_elems(desc) == 1) {
        return DAVIT_OK;
    }
    if (matrix->rank < from_end) {
        return davit_infer_single(infer, i);
    }
    if (desc->rank == 1) {
        return davit_infer_vector(infer, i, matrix->dims[matrix->rank - from_end]);
    }
    int64_t dims[DAVIT_MAX_RANK];
    memcpy(dims, matrix->dims, sizeof(dims));
    dims[matrix->rank - (3 - from_end)] = 1;
    return davit_infer_shape_is(infer, i, matrix->rank, dims);
}

static davit_status same_type_as(const davit_infer *infer, int i, const davit_tensor_desc *model)
{
    const davit_tensor_desc *desc = davit_infer_input(infer, i);
    if (desc != NULL && desc->dtype != model->dtype) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "input %d is %s, not %s", i,
                                davit_dtype_name(desc->dtype), davit_dtype_name(model->dtype));
    }
    return DAVIT_OK;
}

static davit_status infer_matmul_integer(davit_infer *infer)
{
    const davit_tensor_desc *a = davit_infer_input(infer, 0);
    const davit_tensor_desc *b = davit_infer_input(infer, 1);
    int64_t dims[DAVIT_MAX_RANK];
    int rank;
    davit_status status = davit_infer_matmul_shape(infer, a, b, &rank, dims);
    if (status == DAVIT_OK) {
        status = same_type_as(infer, 2, a);
    }
    if (status == DAVIT_OK) {
        status = same_type_as(infer, 3, b);
    }
    if (status == DAVIT_OK) {
        status = per_line(infer, 2, a, 2);
    }
    if (status == DAVIT_OK) {
        status = per_line(infer, 3, b, 1);
    }
    return status == DAVIT_OK ? davit_infer_output(infer, 0, DAVIT_S32, rank, dims) : status;
}

static davit_status infer_qlinear_matmul(davit_infer *infer)
{
    const davit_tensor_desc *a = davit_infer_input(infer, 0);
    const davit_tensor_desc *b = davit_infer_input(infer, 3);
    int64_t dims[DAVIT_MAX_RANK];
    int rank;
    davit_status status = davit_infer_matmul_shape(infer, a, b, &rank, dims);
    static const struct {
        int input, from_end;
        bool of_b;
    } lines[] = {{1, 2, false}, {2, 2, false}, {4, 1, true}, {5, 1, true}};
    for (size_t i = 0; i < 4 && status == DAVIT_OK; i++) {
        status = per_line(infer, lines[i].input, lines[i].of_b ? b : a, lines[i].from_end);
    }
    if (status == DAVIT_OK) {
        status = same_type_as(infer, 2, a);
    }
    if (status == DAVIT_OK) {
        status = same_type_as(infer, 5, b);
    }
    for (int i = 6; i <= 7 && status == DAVIT_OK; i++) {
        status = davit_infer_single(infer, i);
    }
    return status == DAVIT_OK
               ? davit_infer_output(infer, 0, davit_infer_input(infer, 7)->dtype, rank, dims)
               : status;
}

/* Zero point i of a convolution's weights: one value, or one for each output channel. */
static davit_status per_output_channel(const davit_infer *infer, int i, const davit_tensor_desc *w)
{
    const davit_tensor_desc *desc = davit_infer_input(infer, i);
    if (desc == NULL || davit_tensor_desc_elems(desc) == 1) {
        return DAVIT_OK;
    }
    return davit_infer_vector(infer, i, w->dims[0]);
}

static davit_status infer_conv_integer(davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    const davit_tensor_desc *w = davit_infer_input(infer, 1);
    int64_t dims[DAVIT_MAX_RANK];
    davit_status status = davit_infer_conv_shape(infer, x, w, dims);
    if (status == DAVIT_OK) {
        status = same_type_as(infer, 2, x);
    }
    if (status == DAVIT_OK) {
        status = same_type_as(infer, 3, w);
    }
    if (status == DAVIT_OK) {
        status = davit_infer_single(infer, 2);
    }
    if (status == DAVIT_OK) {
        status = per_output_channel(infer, 3, w);
    }
    return status == DAVIT_OK ? davit_infer_output(infer, 0, DAVIT_S32, x->rank, dims) : status;
}

static davit_status infer_qlinear_conv(davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    const davit_tensor_desc *w = davit_infer_input(infer, 3);
    int64_t dims[DAVIT_MAX_RANK];
    davit_status status = davit_infer_conv_shape(infer, x, w, dims);
    static const int singles[] = {1, 2, 6, 7};
    for (size_t i = 0; i < 4 && status == DAVIT_OK; i++) {
        status = davit_infer_single(infer, singles[i]);
    }
    if (status == DAVIT_OK) {
        status = same_type_as(infer, 2, x);
    }
    if (status == DAVIT_OK) {
        status = same_type_as(infer, 5, w);
    }
    for (int i = 4; i <= 5 && status == DAVIT_OK; i++) {
        status = per_output_channel(infer, i, w);
    }
    if (status == DAVIT_OK) {
        status = davit_infer_vector(infer, 8, w->dims[0]);
    }
    return status == DAVIT_OK
               ? davit_infer_output(infer, 0, davit_infer_input(infer, 7)->dtype, x->rank, dims)
               : status;
}

#define F32 DAVIT_TYPE(DAVIT_F32)
#define BYTE (DAVIT_TYPE(DAVIT_U8) | DAVIT_TYPE(DAVIT_S8))
#define NARROW (BYTE | DAVIT_TYPE(DAVIT_U16) | DAVIT_TYPE(DAVIT_S16))
#define S32 DAVIT_TYPE(DAVIT_S32)
#define SCALE (F32 | DAVIT_TYPE(DAVIT_F16) | DAVIT_TYPE(DAVIT_BF16))

static const davit_op_info ops[] = {
    {DAVIT_OP_ConvInteger, "ConvInteger", "", 2, 4, 1, 1, {BYTE}, 0, infer_conv_integer},
    {DAVIT_OP_DequantizeLinear,
     "DequantizeLinear",
     "",
     2,
     3,
     1,
     1,
     {NARROW | S32, SCALE, NARROW | S32},
     0,
     infer_dequantize},
    {DAVIT_OP_DynamicQuantizeLinear,
     "DynamicQuantizeLinear",
     "",
     1,
     1,
     3,
     3,
     {F32},
     0,
     infer_dynamic},
    {DAVIT_OP_MatMulInteger, "MatMulInteger", "", 2, 4, 1, 1, {BYTE}, 0, infer_matmul_integer},
    {DAVIT_OP_QLinearConv,
     "QLinearConv",
     "",
     8,
     9,
     1,
     1,
     {BYTE, F32, BYTE, BYTE, F32, BYTE, F32, BYTE, S32},
     0,
     infer_qlinear_conv},
    {DAVIT_OP_QLinearMatMul,
     "QLinearMatMul",
     "",
     8,
     8,
     1,
     1,
     {BYTE, SCALE, BYTE, BYTE, SCALE, BYTE, SCALE, BYTE},
     0,
     infer_qlinear_matmul},
    {DAVIT_OP_QuantizeLinear,
     "QuantizeLinear",
     "",
     2,
     3,
     1,
     1,
     {SCALE | S32, SCALE | S32, NARROW},
     0,
     infer_quantize},
};

const davit_op_family davit_ops_quantized = DAVIT_OP_FAMILY(ops);
