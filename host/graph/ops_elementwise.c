#include "op_table.h"

#include <string.h>

#define FLOAT DAVIT_TYPES_FLOAT
#define INTEGER DAVIT_TYPES_INTEGER
#define NUMERIC DAVIT_TYPES_NUMERIC
#define BOOLEAN DAVIT_TYPES_BOOL
#define ALL DAVIT_TYPES_ALL
#define RELU_TYPES (FLOAT | DAVIT_TYPES_SIGNED)
#define WIDE_TYPES                                                                                 \
    (FLOAT | DAVIT_TYPE(DAVIT_S32) | DAVIT_TYPE(DAVIT_U32) | DAVIT_TYPE(DAVIT_S64) |               \
     DAVIT_TYPE(DAVIT_U64))
#define POW_TYPES (FLOAT | DAVIT_TYPES_INDEX)

/* Inputs from first to last, those present, have the type of input first. */
static davit_status check_same_types(const davit_infer *infer, int first)
{
    davit_dtype dtype = davit_infer_input(infer, first)->dtype;
    for (int i = first + 1; i < davit_infer_input_count(infer); i++) {
        const davit_tensor_desc *input = davit_infer_input(infer, i);
        if (input != NULL && input->dtype != dtype) {
            return davit_infer_fail(infer, DAVIT_BAD_DATA,
                                    "input %d has type %s, but input %d has type %s", i,
                                    davit_dtype_name(input->dtype), first, davit_dtype_name(dtype));
        }
    }
    return DAVIT_OK;
}

/* Output 0: all inputs broadcast together. */
static davit_status broadcast_output(davit_infer *infer, davit_dtype dtype)
{
    const davit_tensor_desc *input = davit_infer_input(infer, 0);
    int rank = input->rank;
    int64_t dims[DAVIT_MAX_RANK];
    memcpy(dims, input->dims, sizeof(dims));
    for (int i = 1; i < davit_infer_input_count(infer); i++) {
        input = davit_infer_input(infer, i);
        if (input == NULL) {
            return davit_infer_fail(infer, DAVIT_BAD_DATA, "input %d is missing", i);
        }
        int64_t left[DAVIT_MAX_RANK];
        memcpy(left, dims, sizeof(left));
        davit_status status =
            davit_infer_broadcast(infer, rank, left, input->rank, input->dims, &rank, dims);
        if (status != DAVIT_OK) {
            return status;
        }
    }
    return davit_infer_output(infer, 0, dtype, rank, dims);
}

static davit_status infer_same(davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    return davit_infer_output(infer, 0, x->dtype, x->rank, x->dims);
}

static davit_status infer_predicate(davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    return davit_infer_output(infer, 0, DAVIT_BOOL, x->rank, x->dims);
}

static davit_status infer_gelu(davit_infer *infer)
{
    const char *approximate = davit_node_string(infer->node, "approximate", "none");
    if (strcmp(approximate, "none") != 0 && strcmp(approximate, "tanh") != 0) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "approximate is '%s', not none or tanh",
                                approximate);
    }
    return infer_same(infer);
}

static davit_status infer_arithmetic(davit_infer *infer)
{
    davit_status status = check_same_types(infer, 0);
    if (status != DAVIT_OK) {
        return status;
    }
    return broadcast_output(infer, davit_infer_input(infer, 0)->dtype);
}

static davit_status infer_comparison(davit_infer *infer)
{
    davit_status status = check_same_types(infer, 0);
    return status != DAVIT_OK ? status : broadcast_output(infer, DAVIT_BOOL);
}

static davit_status infer_pow(davit_infer *infer)
{
    return broadcast_output(infer, davit_infer_input(infer, 0)->dtype);
}

static davit_status infer_mod(davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    if (davit_dtype_is_float(x->dtype) && davit_node_int(infer->node, "fmod", 0) == 0) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "type %s needs fmod = 1",
                                davit_dtype_name(x->dtype));
    }
    return infer_arithmetic(infer);
}

static davit_status infer_bit_shift(davit_infer *infer)
{
    const char *direction = davit_node_string(infer->node, "direction", "");
    if (strcmp(direction, "LEFT") != 0 && strcmp(direction, "RIGHT") != 0) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "direction is '%s', not LEFT or RIGHT",
                                direction);
    }
    return infer_arithmetic(infer);
}

/* The slope is broadcast to x, never x to the slope. */
static davit_status infer_prelu(davit_infer *infer)
{
    davit_status status = check_same_types(infer, 0);
    if (status != DAVIT_OK) {
        return status;
    }
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    const davit_tensor_desc *slope = davit_infer_input(infer, 1);
    int rank;
    int64_t dims[DAVIT_MAX_RANK];
    status = davit_infer_broadcast(infer, x->rank, x->dims, slope->rank, slope->dims, &rank, dims);
    if (status != DAVIT_OK) {
        return status;
    }
    if (rank != x->rank || memcmp(dims, x->dims, (size_t)rank * sizeof(dims[0])) != 0) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "slope does not broadcast to the input");
    }
    return infer_same(infer);
}

static davit_status infer_clip(davit_infer *infer)
{
    for (int i = 1; i < davit_infer_input_count(infer); i++) {
        const davit_tensor_desc *limit = davit_infer_input(infer, i);
        if (limit != NULL && (limit->rank > 1 || davit_tensor_desc_elems(limit) != 1)) {
            return davit_infer_fail(infer, DAVIT_BAD_DATA, "input %d is not a scalar", i);
        }
    }
    davit_status status = check_same_types(infer, 0);
    return status != DAVIT_OK ? status : infer_same(infer);
}

static davit_status infer_where(davit_infer *infer)
{
    davit_status status = check_same_types(infer, 1);
    if (status != DAVIT_OK) {
        return status;
    }
    return broadcast_output(infer, davit_infer_input(infer, 1)->dtype);
}

static davit_status infer_cast(davit_infer *infer)
{
    int64_t to = davit_node_int(infer->node, "to", DAVIT_DTYPE_NONE);
    if (to <= DAVIT_DTYPE_NONE || to >= DAVIT_DTYPE_COUNT) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "to is %lld, not an element type",
                                (long long)to);
    }
    if (davit_dtype_bytes((davit_dtype)to) == 0) {
        return davit_infer_fail(infer, DAVIT_UNSUPPORTED, "type %s is not supported",
                                davit_dtype_name((davit_dtype)to));
    }
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    return davit_infer_output(infer, 0, (davit_dtype)to, x->rank, x->dims);
}

static davit_status infer_cast_like(davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    return davit_infer_output(infer, 0, davit_infer_input(infer, 1)->dtype, x->rank, x->dims);
}

/* Only what drops nothing: not in training mode, or with ratio 0. */
static davit_status infer_dropout(davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    const davit_tensor *ratio = davit_infer_constant(infer, 1);
    const davit_tensor *training = davit_infer_constant(infer, 2);
    bool is_training = training != NULL && davit_tensor_desc_elems(&training->desc) > 0 &&
                       *(const uint8_t *)training->data != 0;
    if (is_training) {
        bool is_zero = ratio != NULL;
        for (size_t i = 0; is_zero && i < davit_tensor_desc_bytes(&ratio->desc); i++) {
            is_zero = ((const uint8_t *)ratio->data)[i] == 0;
        }
        if (!is_zero) {
            return davit_infer_fail(infer, DAVIT_UNSUPPORTED,
                                    "random result (training mode) is not supported");
        }
    }
    davit_status status = davit_infer_output(infer, 1, DAVIT_BOOL, x->rank, x->dims);
    return status != DAVIT_OK ? status : infer_same(infer);
}

#define UNARY(name, types)                                                                         \
    {                                                                                              \
        DAVIT_OP_##name, #name, "", 1, 1, 1, 1, {types}, 0, infer_same                             \
    }
#define PREDICATE(name, types)                                                                     \
    {                                                                                              \
        DAVIT_OP_##name, #name, "", 1, 1, 1, 1, {types}, 0, infer_predicate                        \
    }
#define BINARY(name, types, infer)                                                                 \
    {                                                                                              \
        DAVIT_OP_##name, #name, "", 2, 2, 1, 1, {types}, 0, infer                                  \
    }
#define VARIADIC(name, types)                                                                      \
    {                                                                                              \
        DAVIT_OP_##name, #name, "", 1, -1, 1, 1, {types}, 0, infer_arithmetic                      \
    }

static const davit_op_info ops[] = {
    UNARY(Abs, NUMERIC),
    UNARY(Acos, FLOAT),
    UNARY(Acosh, FLOAT),
    BINARY(Add, NUMERIC, infer_arithmetic),
    BINARY(And, BOOLEAN, infer_arithmetic),
    UNARY(Asin, FLOAT),
    UNARY(Asinh, FLOAT),
    UNARY(Atan, FLOAT),
    UNARY(Atanh, FLOAT),
    BINARY(BitShift, DAVIT_TYPES_UNSIGNED, infer_bit_shift),
    BINARY(BitwiseAnd, INTEGER, infer_arithmetic),
    UNARY(BitwiseNot, INTEGER),
    BINARY(BitwiseOr, INTEGER, infer_arithmetic),
    BINARY(BitwiseXor, INTEGER, infer_arithmetic),
    {DAVIT_OP_Cast, "Cast", "", 1, 1, 1, 1, {ALL}, 0, infer_cast},
    BINARY(CastLike, ALL, infer_cast_like),
    UNARY(Ceil, FLOAT),
    UNARY(Celu, FLOAT),
    {DAVIT_OP_Clip, "Clip", "", 1, 3, 1, 1, {NUMERIC}, 0, infer_clip},
    UNARY(Cos, FLOAT),
    UNARY(Cosh, FLOAT),
    BINARY(Div, NUMERIC, infer_arithmetic),
    {DAVIT_OP_Dropout, "Dropout", "", 1, 3, 1, 2, {FLOAT, FLOAT, BOOLEAN}, 0x6, infer_dropout},
    UNARY(Elu, FLOAT),
    BINARY(Equal, ALL, infer_comparison),
    UNARY(Erf, FLOAT),
    UNARY(Exp, FLOAT),
    UNARY(Floor, FLOAT),
    {DAVIT_OP_Gelu, "Gelu", "", 1, 1, 1, 1, {FLOAT}, 0, infer_gelu},
    BINARY(Greater, NUMERIC, infer_comparison),
    BINARY(GreaterOrEqual, NUMERIC, infer_comparison),
    UNARY(HardSigmoid, FLOAT),
    UNARY(HardSwish, FLOAT),
    UNARY(Identity, ALL),
    PREDICATE(IsInf, FLOAT),
    PREDICATE(IsNaN, FLOAT),
    UNARY(LeakyRelu, FLOAT),
    BINARY(Less, NUMERIC, infer_comparison),
    BINARY(LessOrEqual, NUMERIC, infer_comparison),
    UNARY(Log, FLOAT),
    VARIADIC(Max, NUMERIC),
    VARIADIC(Mean, FLOAT),
    VARIADIC(Min, NUMERIC),
    UNARY(Mish, FLOAT),
    BINARY(Mod, NUMERIC, infer_mod),
    BINARY(Mul, NUMERIC, infer_arithmetic),
    UNARY(Neg, RELU_TYPES),
    UNARY(Not, BOOLEAN),
    BINARY(Or, BOOLEAN, infer_arithmetic),
    BINARY(PRelu, WIDE_TYPES, infer_prelu),
    {DAVIT_OP_Pow, "Pow", "", 2, 2, 1, 1, {POW_TYPES, NUMERIC}, 0, infer_pow},
    UNARY(Reciprocal, FLOAT),
    UNARY(Relu, RELU_TYPES),
    UNARY(Round, FLOAT),
    UNARY(Selu, FLOAT),
    UNARY(Shrink, NUMERIC),
    UNARY(Sigmoid, FLOAT),
    UNARY(Sign, NUMERIC),
    {DAVIT_OP_Silu, "Silu", "davit", 1, 1, 1, 1, {FLOAT}, 0, infer_same},
    UNARY(Sin, FLOAT),
    UNARY(Sinh, FLOAT),
    UNARY(Softplus, FLOAT),
    UNARY(Softsign, FLOAT),
    UNARY(Sqrt, FLOAT),
    BINARY(Sub, NUMERIC, infer_arithmetic),
    VARIADIC(Sum, FLOAT),
    UNARY(Tan, FLOAT),
    UNARY(Tanh, FLOAT),
    UNARY(ThresholdedRelu, FLOAT),
    {DAVIT_OP_Where, "Where", "", 3, 3, 1, 1, {BOOLEAN, ALL}, 0, infer_where},
    BINARY(Xor, BOOLEAN, infer_arithmetic),
};

const davit_op_family davit_ops_elementwise = DAVIT_OP_FAMILY(ops);
