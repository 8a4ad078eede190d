#include "davit/einsum.h"
#include "infer_rules.h"
#include "op_table.h"

#include <inttypes.h>
#include <string.h>

static davit_status infer_matmul(davit_infer *infer)
{
    const davit_tensor_desc *a = davit_infer_input(infer, 0);
    const davit_tensor_desc *b = davit_infer_input(infer, 1);
    int64_t dims[DAVIT_MAX_RANK];
    int rank;
    davit_status status = davit_infer_matmul_shape(infer, a, b, &rank, dims);
    if (status == DAVIT_OK) {
        status = davit_infer_same_type(infer, 0, 1);
    }
    return status == DAVIT_OK ? davit_infer_output(infer, 0, a->dtype, rank, dims) : status;
}

static davit_status infer_gemm(davit_infer *infer)
{
    const davit_tensor_desc *a = davit_infer_input(infer, 0);
    const davit_tensor_desc *b = davit_infer_input(infer, 1);
    const davit_tensor_desc *c = davit_infer_input(infer, 2);
    davit_status status = davit_infer_rank(infer, 0, 2, 2);
    if (status == DAVIT_OK) {
        status = davit_infer_rank(infer, 1, 2, 2);
    }
    if (status == DAVIT_OK) {
        status = davit_infer_same_type(infer, 0, 2);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    int ta = davit_node_int(infer->node, "transA", 0) != 0;
    int tb = davit_node_int(infer->node, "transB", 0) != 0;
    int64_t dims[] = {a->dims[ta], b->dims[!tb]};
    if (a->dims[!ta] != b->dims[tb]) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA,
                                "A has %" PRId64 " columns, B %" PRId64 " rows", a->dims[!ta],
                                b->dims[tb]);
    }
    for (int d = 1; c != NULL && d <= c->rank; d++) {
        if (c->rank > 2 || (c->dims[c->rank - d] != 1 && c->dims[c->rank - d] != dims[2 - d])) {
            return davit_infer_fail(infer, DAVIT_BAD_DATA, "C does not broadcast to the product");
        }
    }
    return davit_infer_output(infer, 0, a->dtype, 2, dims);
}

static davit_status infer_einsum(davit_infer *infer)
{
    const davit_tensor_desc *operands[DAVIT_EINSUM_MAX_INPUTS] = {NULL};
    int count = davit_infer_input_count(infer);
    for (int i = 0; i < count && i < DAVIT_EINSUM_MAX_INPUTS; i++) {
        operands[i] = davit_infer_input(infer, i);
        if (operands[i] == NULL) {
            return davit_infer_fail(infer, DAVIT_BAD_DATA, "input %d is missing", i);
        }
    }
    davit_einsum sum;
    davit_status status = davit_infer_same_type(infer, 0, count);
    if (status == DAVIT_OK) {
        status = davit_einsum_parse(infer->node, operands, count, infer->diag, &sum);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    int64_t dims[DAVIT_MAX_RANK];
    for (int d = 0; d < sum.output_rank; d++) {
        dims[d] = sum.extent[sum.output[d]];
    }
    return davit_infer_output(infer, 0, operands[0]->dtype, sum.output_rank, dims);
}

static davit_status infer_det(davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    davit_status status = davit_infer_rank(infer, 0, 2, DAVIT_MAX_RANK);
    if (status == DAVIT_OK && x->dims[x->rank - 1] != x->dims[x->rank - 2]) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "the matrices are not square");
    }
    return status == DAVIT_OK ? davit_infer_output(infer, 0, x->dtype, x->rank - 2, x->dims)
                              : status;
}

/* The last axis of a signal holds real and imaginary part, or the real part alone. */
static davit_status complex_axis(const davit_infer *infer, int64_t *parts)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    *parts = x->dims[x->rank - 1];
    if (*parts != 1 && *parts != 2) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA,
                                "the last axis has %" PRId64 " parts, not 1 (real) or 2 (complex)",
                                *parts);
    }
    return DAVIT_OK;
}

static davit_status infer_dft(davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    bool onesided = davit_node_int(infer->node, "onesided", 0) != 0;
    bool inverse = davit_node_int(infer->node, "inverse", 0) != 0;
    int64_t parts;
    int64_t where;
    int64_t length;
    int axis;
    davit_status status = davit_infer_rank(infer, 0, 2, DAVIT_MAX_RANK);
    if (status == DAVIT_OK) {
        status = complex_axis(infer, &parts);
    }
    if (status == DAVIT_OK) {
        status = davit_infer_scalar(infer, 2, -2, &where);
    }
    if (status == DAVIT_OK) {
        status = davit_infer_axis(infer, where, x->rank, &axis);
    }
    if (status == DAVIT_OK && axis == x->rank - 1) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "axis is that of the complex parts");
    }
    if (status == DAVIT_OK && onesided && (parts == 2) != inverse) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "onesided needs %s input",
                                inverse ? "complex" : "real");
    }
    if (status == DAVIT_OK) {
        int64_t whole = onesided && inverse ? 2 * (x->dims[axis] - 1) : x->dims[axis];
        status = davit_infer_scalar(infer, 1, whole, &length);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    if (length < 1) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "dft_length is %" PRId64, length);
    }
    int64_t dims[DAVIT_MAX_RANK];
    memcpy(dims, x->dims, sizeof(dims));
    dims[axis] = onesided && !inverse ? length / 2 + 1 : length;
    dims[x->rank - 1] = onesided && inverse ? 1 : 2;
    return davit_infer_output(infer, 0, x->dtype, x->rank, dims);
}

/* The length of STFT's frames: frame_length, else that of the window, else of the signal. */
static davit_status frame_length(const davit_infer *infer, int64_t *length)
{
    const davit_tensor_desc *window = davit_infer_input(infer, 2);
    int64_t fallback = window != NULL ? window->dims[0] : davit_infer_input(infer, 0)->dims[1];
    davit_status status = davit_infer_scalar(infer, 3, fallback, length);
    if (status == DAVIT_OK && window != NULL && window->dims[0] != *length) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA,
                                "the window has %" PRId64 " elements, a frame %" PRId64,
                                window->dims[0], *length);
    }
    return status;
}

static davit_status infer_stft(davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    bool onesided = davit_node_int(infer->node, "onesided", 1) != 0;
    int64_t parts;
    int64_t step;
    int64_t length;
    davit_status status = davit_infer_rank(infer, 0, 3, 3);
    if (status == DAVIT_OK && davit_infer_input(infer, 2) != NULL) {
        status = davit_infer_rank(infer, 2, 1, 1);
    }
    if (status == DAVIT_OK) {
        status = complex_axis(infer, &parts);
    }
    if (status == DAVIT_OK) {
        status = davit_infer_scalar(infer, 1, 1, &step);
    }
    if (status == DAVIT_OK) {
        status = frame_length(infer, &length);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    if (step < 1 || length < 1 || length > x->dims[1]) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA,
                                "frames of %" PRId64 " elements every %" PRId64
                                " do not fit a signal of %" PRId64,
                                length, step, x->dims[1]);
    }
    if (onesided && parts == 2) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "onesided needs real input");
    }
    int64_t dims[] = {x->dims[0], (x->dims[1] - length) / step + 1,
                      onesided ? length / 2 + 1 : length, 2};
    return davit_infer_output(infer, 0, x->dtype, 4, dims);
}

#define F DAVIT_TYPES_FLOAT
#define I DAVIT_TYPES_INDEX
#define PRODUCT (F | I | DAVIT_TYPE(DAVIT_U32) | DAVIT_TYPE(DAVIT_U64))

static const davit_op_info ops[] = {
    {DAVIT_OP_DFT, "DFT", "", 1, 3, 1, 1, {F, I, DAVIT_TYPE(DAVIT_S64)}, 3u << 1, infer_dft},
    {DAVIT_OP_Det, "Det", "", 1, 1, 1, 1, {F}, 0, infer_det},
    {DAVIT_OP_Einsum, "Einsum", "", 1, -1, 1, 1, {DAVIT_TYPES_NUMERIC}, 0, infer_einsum},
    {DAVIT_OP_Gemm, "Gemm", "", 2, 3, 1, 1, {PRODUCT}, 0, infer_gemm},
    {DAVIT_OP_MatMul, "MatMul", "", 2, 2, 1, 1, {PRODUCT}, 0, infer_matmul},
    {DAVIT_OP_STFT, "STFT", "", 2, 4, 1, 1, {F, I, F, I}, 5u << 1, infer_stft},
};

const davit_op_family davit_ops_linear = DAVIT_OP_FAMILY(ops);
