#include "davit/integer.h"
#include "davit/quantize_table.h"
#include "davit/resize.h"
#include "infer_rules.h"
#include "op_table.h"

/* Passes a status on, with its reason if it is a failure. */
static davit_status judge(const davit_infer *infer, davit_status status, const davit_reason *reason)
{
    return status == DAVIT_OK ? status : davit_infer_fail(infer, status, "%s", reason->text);
}

static davit_status check_constant(const davit_infer *infer, int i)
{
    if (davit_infer_input(infer, i) != NULL && davit_infer_constant(infer, i) == NULL) {
        return davit_infer_fail(infer, DAVIT_UNSUPPORTED, "input %d must be constant", i);
    }
    return DAVIT_OK;
}

static davit_status infer_result(davit_infer *infer, int rank, const int64_t *dims)
{
    return davit_infer_output(infer, 0, davit_integer_result(infer->node).type.dtype, rank, dims);
}

/* ---- convolution, matmul ---- */

static davit_status try_requantization(const davit_infer *infer,
                                       const davit_requantization_spec *spec)
{
    const davit_allocator *allocator = infer->graph->allocator;
    davit_reason reason;
    davit_requantization ignored;
    float *scale = davit_alloc_array(allocator, spec->channels, sizeof(*scale));
    float *bias = davit_alloc_array(allocator, spec->channels, sizeof(*bias));
    davit_status status;
    if (scale == NULL || bias == NULL) {
        status = davit_infer_fail(infer, DAVIT_OUT_OF_MEMORY, "no memory");
    } else {
        status = judge(infer, davit_requantization_prepare(spec, scale, bias, &ignored, &reason),
                       &reason);
    }
    davit_free(allocator, scale);
    davit_free(allocator, bias);
    return status;
}

/* Bias, residual and arithmetic of an operator with weights, whose result has these dims. */
static davit_status infer_weighted(davit_infer *infer, int rank, const int64_t *dims)
{
    davit_reason reason;
    davit_quant8 x = davit_integer_x(infer->graph, infer->node);
    bool states_residual = davit_node_attribute(infer->node, "residual_scale") != NULL;
    davit_status status = judge(infer, davit_quant8_check(&x, "the input", &reason), &reason);
    for (int i = 1; i <= 2 && status == DAVIT_OK; i++) {
        status = check_constant(infer, i);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    if ((davit_infer_input(infer, 3) != NULL) != states_residual) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "a residual goes with residual_scale");
    }
    davit_requantization_spec spec = davit_integer_requantization(infer->graph, infer->node);
    status = davit_infer_vector(infer, 2, (int64_t)spec.channels);
    if (status == DAVIT_OK) {
        status = davit_infer_shape_is(infer, 3, rank, dims);
    }
    if (status == DAVIT_OK) {
        status = try_requantization(infer, &spec);
    }
    return status == DAVIT_OK ? infer_result(infer, rank, dims) : status;
}

static davit_status infer_conv(davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    int64_t dims[DAVIT_MAX_RANK];
    davit_status status = davit_infer_conv_shape(infer, x, davit_infer_input(infer, 1), dims);
    return status == DAVIT_OK ? infer_weighted(infer, x->rank, dims) : status;
}

static davit_status infer_conv_transpose(davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    int64_t dims[DAVIT_MAX_RANK];
    davit_status status =
        davit_infer_conv_transpose_shape(infer, x, davit_infer_input(infer, 1), dims);
    return status == DAVIT_OK ? infer_weighted(infer, x->rank, dims) : status;
}

static davit_status infer_matmul(davit_infer *infer)
{
    int rank;
    int64_t dims[DAVIT_MAX_RANK];
    davit_status status = davit_infer_rank(infer, 1, 2, 2);
    if (status == DAVIT_OK) {
        status = davit_infer_matmul_shape(infer, davit_infer_input(infer, 0),
                                          davit_infer_input(infer, 1), &rank, dims);
    }
    return status == DAVIT_OK ? infer_weighted(infer, rank, dims) : status;
}

/* ---- two operands ---- */

static davit_status try_multiplication(const davit_infer *infer)
{
    davit_quant8 a = davit_integer_a(infer->graph, infer->node);
    davit_quant8 b = davit_integer_b(infer->graph, infer->node);
    davit_result_spec y = davit_integer_result(infer->node);
    davit_multiplication ignored;
    davit_reason reason;
    return judge(infer, davit_multiplication_prepare(&a, &b, &y, &ignored, &reason), &reason);
}

static davit_status infer_product(davit_infer *infer)
{
    int rank;
    int64_t dims[DAVIT_MAX_RANK];
    davit_status status = davit_infer_matmul_shape(infer, davit_infer_input(infer, 0),
                                                   davit_infer_input(infer, 1), &rank, dims);
    if (status == DAVIT_OK) {
        status = try_multiplication(infer);
    }
    return status == DAVIT_OK ? infer_result(infer, rank, dims) : status;
}

static davit_status infer_broadcast(davit_infer *infer)
{
    const davit_tensor_desc *a = davit_infer_input(infer, 0);
    const davit_tensor_desc *b = davit_infer_input(infer, 1);
    int rank;
    int64_t dims[DAVIT_MAX_RANK];
    davit_status status =
        davit_infer_broadcast(infer, a->rank, a->dims, b->rank, b->dims, &rank, dims);
    return status == DAVIT_OK ? infer_result(infer, rank, dims) : status;
}

static davit_status infer_add(davit_infer *infer)
{
    davit_quant8 a = davit_integer_a(infer->graph, infer->node);
    davit_quant8 b = davit_integer_b(infer->graph, infer->node);
    davit_result_spec y = davit_integer_result(infer->node);
    davit_addition ignored;
    davit_reason reason;
    davit_status status =
        judge(infer, davit_addition_prepare(&a, &b, &y, &ignored, &reason), &reason);
    return status == DAVIT_OK ? infer_broadcast(infer) : status;
}

static davit_status infer_mul(davit_infer *infer)
{
    davit_status status = try_multiplication(infer);
    return status == DAVIT_OK ? infer_broadcast(infer) : status;
}

/* ---- one operand ---- */

static davit_status infer_average_pool(davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    davit_quant8 type = davit_integer_x(infer->graph, infer->node);
    davit_result_spec y = davit_integer_result(infer->node);
    int64_t dims[DAVIT_MAX_RANK];
    davit_rescale ignored;
    davit_reason reason;
    davit_status status = davit_infer_pool_shape(infer, x, dims);
    if (status == DAVIT_OK) {
        status = judge(infer, davit_average_prepare(&type, &y, 1, &ignored, &reason), &reason);
    }
    return status == DAVIT_OK ? infer_result(infer, x->rank, dims) : status;
}

static davit_status infer_lookup(davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    davit_status status = davit_infer_vector(infer, 1, 256);
    if (status == DAVIT_OK) {
        status = check_constant(infer, 1);
    }
    return status == DAVIT_OK
               ? davit_infer_output(infer, 0, davit_infer_input(infer, 1)->dtype, x->rank, x->dims)
               : status;
}

static davit_status infer_resize(davit_infer *infer)
{
    davit_resize_inputs inputs = {davit_infer_input(infer, 0), davit_infer_constant(infer, 1),
                                  davit_infer_constant(infer, 2), davit_infer_constant(infer, 3)};
    davit_quant8 x = davit_integer_x(infer->graph, infer->node);
    davit_result_spec y = davit_integer_result(infer->node);
    davit_resize resize;
    davit_rescale ignored;
    davit_reason reason;
    davit_status status = davit_infer_rank(infer, 0, 4, 4);
    if (status == DAVIT_OK) {
        status = davit_resize_resolve(infer->node, &inputs, infer->diag, &resize);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    bool outer = resize.in[0] != resize.out[0] || resize.in[1] != resize.out[1] ||
                 resize.scale[0] != 1.0 || resize.scale[1] != 1.0;
    if (resize.mode != DAVIT_RESIZE_LINEAR || resize.antialias || outer ||
        resize.coordinates == DAVIT_RESIZE_TF_CROP_AND_RESIZE) {
        return davit_infer_fail(infer, DAVIT_UNSUPPORTED,
                                "not a linear resize of the last two axes");
    }
    if (davit_tensor_desc_elems(inputs.x) == 0) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "an empty input has nothing to resize");
    }
    status = judge(infer, davit_linear_resize_prepare(&x, &y, 2, &ignored, &reason), &reason);
    return status == DAVIT_OK ? infer_result(infer, resize.rank, resize.out) : status;
}

static davit_status infer_softmax(davit_infer *infer)
{
    const davit_tensor_desc *desc = davit_infer_input(infer, 0);
    davit_quant8 x = davit_integer_x(infer->graph, infer->node);
    davit_result_spec y = davit_integer_result(infer->node);
    davit_softmax ignored;
    davit_reason reason;
    int axis;
    davit_status status =
        davit_infer_axis(infer, davit_node_int(infer->node, "axis", -1), desc->rank, &axis);
    if (status == DAVIT_OK) {
        status = judge(infer, davit_softmax_prepare(&x, &y, &ignored, &reason), &reason);
    }
    return status == DAVIT_OK ? infer_result(infer, desc->rank, desc->dims) : status;
}

#define BYTE (DAVIT_TYPE(DAVIT_U8) | DAVIT_TYPE(DAVIT_S8))
#define WEIGHTS (DAVIT_TYPE(DAVIT_S8) | DAVIT_TYPE(DAVIT_S16))
#define S32 DAVIT_TYPE(DAVIT_S32)
#define S64 DAVIT_TYPE(DAVIT_S64)
#define F32 DAVIT_TYPE(DAVIT_F32)
#define WEIGHTED(name, function)                                                                   \
    {                                                                                              \
        DAVIT_OP_##name, #name, "davit", 2, 4, 1, 1, {BYTE, WEIGHTS, S32, BYTE}, 0, function       \
    }
#define PLAIN(name, inputs, function)                                                              \
    {                                                                                              \
        DAVIT_OP_##name, #name, "davit", inputs, inputs, 1, 1, {BYTE}, 0, function                 \
    }

static const davit_op_info ops[] = {
    PLAIN(IntegerAdd, 2, infer_add),
    PLAIN(IntegerAveragePool, 1, infer_average_pool),
    WEIGHTED(IntegerConv, infer_conv),
    WEIGHTED(IntegerConvTranspose, infer_conv_transpose),
    PLAIN(IntegerLookup, 2, infer_lookup),
    WEIGHTED(IntegerMatMul, infer_matmul),
    PLAIN(IntegerMul, 2, infer_mul),
    PLAIN(IntegerProduct, 2, infer_product),
    {DAVIT_OP_IntegerResize,
     "IntegerResize",
     "davit",
     1,
     4,
     1,
     1,
     {BYTE, DAVIT_TYPES_FLOAT, F32, S64},
     7u << 1,
     infer_resize},
    PLAIN(IntegerSoftmax, 1, infer_softmax),
};

const davit_op_family davit_ops_integer = DAVIT_OP_FAMILY(ops);
