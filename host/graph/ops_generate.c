#include <math.h>
#include <string.h>

#include "constants.h"
#include "op_table.h"
#include "ops_movement.h"

/* The first element of an integer tensor; u64 modulo 2^64. */
static int64_t integer_bits(const davit_tensor *tensor)
{
    switch (tensor->desc.dtype) {
    case DAVIT_S8:
        return *(const int8_t *)tensor->data;
    case DAVIT_S16:
        return *(const int16_t *)tensor->data;
    case DAVIT_S32:
        return *(const int32_t *)tensor->data;
    case DAVIT_U8:
        return *(const uint8_t *)tensor->data;
    case DAVIT_U16:
        return *(const uint16_t *)tensor->data;
    case DAVIT_U32:
        return *(const uint32_t *)tensor->data;
    default:
        return *(const int64_t *)tensor->data;
    }
}

/* Reads the constant input i of one element, of any numeric type, as an integer; floats are
 * truncated. */
static davit_status read_integer(const davit_infer *infer, int i, int64_t *value)
{
    const davit_tensor *tensor = davit_infer_constant(infer, i);
    if (davit_tensor_desc_elems(&tensor->desc) != 1) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "input %d is not a scalar", i);
    }
    if (davit_constant_is_float(tensor)) {
        double real = davit_constant_get(tensor, 0);
        if (!(fabs(real) <= (double)DAVIT_MAX_DIM)) {
            return davit_infer_fail(infer, DAVIT_BAD_DATA, "input %d is out of range", i);
        }
        *value = (int64_t)real;
        return DAVIT_OK;
    }
    int64_t bits = integer_bits(tensor);
    if (tensor->desc.dtype == DAVIT_U64 && bits < 0) {
        return davit_infer_fail(infer, DAVIT_OUT_OF_MEMORY, "input %d is too large", i);
    }
    *value = bits;
    return DAVIT_OK;
}

/* The same for a size: not negative. */
static davit_status read_size(const davit_infer *infer, int i, int64_t *value)
{
    davit_status status = read_integer(infer, i, value);
    if (status == DAVIT_OK && *value < 0) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "input %d is %lld, below 0", i,
                                (long long)*value);
    }
    return status;
}

/* The element type that an integer attribute names, fallback when it is absent. */
static davit_status read_type(const davit_infer *infer, const char *name, davit_dtype fallback,
                              davit_dtype *dtype)
{
    int64_t value = davit_node_int(infer->node, name, fallback);
    if (value <= DAVIT_DTYPE_NONE || value >= DAVIT_DTYPE_COUNT) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "%s is %lld, not an element type", name,
                                (long long)value);
    }
    *dtype = (davit_dtype)value;
    if (davit_dtype_bytes(*dtype) == 0) {
        return davit_infer_fail(infer, DAVIT_UNSUPPORTED, "type %s is not supported",
                                davit_dtype_name(*dtype));
    }
    return DAVIT_OK;
}

static davit_status infer_window(davit_infer *infer)
{
    int64_t size = 0;
    davit_dtype dtype = DAVIT_F32;
    davit_status status = read_size(infer, 0, &size);
    if (status == DAVIT_OK) {
        status = read_type(infer, "output_datatype", DAVIT_F32, &dtype);
    }
    return status != DAVIT_OK ? status : davit_infer_output(infer, 0, dtype, 1, &size);
}

static davit_status infer_constant_of_shape(davit_infer *infer)
{
    const davit_attribute *value = davit_node_attribute(infer->node, "value");
    davit_dtype dtype = DAVIT_F32;
    if (value != NULL) {
        if (value->type != DAVIT_ATTRIBUTE_TENSOR ||
            davit_tensor_desc_elems(&value->u.tensor->desc) != 1) {
            return davit_infer_fail(infer, DAVIT_BAD_DATA, "value is not a tensor of one element");
        }
        dtype = value->u.tensor->desc.dtype;
    }
    int64_t dims[DAVIT_MAX_RANK];
    size_t rank;
    davit_status status = davit_infer_ints(infer, 0, dims, DAVIT_MAX_RANK, &rank);
    return status != DAVIT_OK ? status : davit_infer_output(infer, 0, dtype, (int)rank, dims);
}

static davit_status infer_eye_like(davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    davit_dtype dtype = x->dtype;
    davit_status status = read_type(infer, "dtype", x->dtype, &dtype);
    if (status != DAVIT_OK) {
        return status;
    }
    if (x->rank != 2) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "the input has rank %d, not 2", x->rank);
    }
    return davit_infer_output(infer, 0, dtype, 2, x->dims);
}

static davit_status infer_mel_weight_matrix(davit_infer *infer)
{
    int64_t bins = 0;
    int64_t length = 0;
    davit_dtype dtype = DAVIT_F32;
    davit_status status = read_size(infer, 0, &bins);
    if (status == DAVIT_OK) {
        status = read_size(infer, 1, &length);
    }
    if (status == DAVIT_OK) {
        status = read_type(infer, "output_datatype", DAVIT_F32, &dtype);
    }
    for (int i = 2; i < 5 && status == DAVIT_OK; i++) {
        if (davit_tensor_desc_elems(davit_infer_input(infer, i)) != 1) {
            status = davit_infer_fail(infer, DAVIT_BAD_DATA, "input %d is not a scalar", i);
        }
    }
    if (status != DAVIT_OK) {
        return status;
    }
    int64_t dims[2] = {length / 2 + 1, bins};
    return davit_infer_output(infer, 0, dtype, 2, dims);
}

static davit_status infer_one_hot(davit_infer *infer)
{
    const davit_tensor_desc *indices = davit_infer_input(infer, 0);
    const davit_tensor_desc *values = davit_infer_input(infer, 2);
    if (davit_tensor_desc_elems(values) != 2) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "there are %lld values, not 2",
                                (long long)davit_tensor_desc_elems(values));
    }
    int axis = 0;
    int64_t depth = 0;
    davit_status status =
        davit_infer_axis(infer, davit_node_int(infer->node, "axis", -1), indices->rank + 1, &axis);
    if (status == DAVIT_OK) {
        status = read_size(infer, 1, &depth);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    int64_t dims[DAVIT_MAX_RANK + 1];
    for (int d = 0; d <= indices->rank; d++) {
        dims[d] = d == axis ? depth : indices->dims[d < axis ? d : d - 1];
    }
    return davit_infer_output(infer, 0, values->dtype, indices->rank + 1, dims);
}

/* ceil((limit - start) / delta) for integers, without overflow; 0 when delta leads away. */
static uint64_t integer_steps(int64_t start, int64_t limit, int64_t delta)
{
    bool is_empty = delta > 0 ? limit <= start : limit >= start;
    if (is_empty) {
        return 0;
    }
    uint64_t distance =
        delta > 0 ? (uint64_t)limit - (uint64_t)start : (uint64_t)start - (uint64_t)limit;
    uint64_t stride = delta > 0 ? (uint64_t)delta : 0 - (uint64_t)delta;
    return (distance - 1) / stride + 1;
}

static davit_status infer_range(davit_infer *infer)
{
    davit_dtype dtype = davit_infer_input(infer, 0)->dtype;
    double real[3] = {0.0};
    int64_t whole[3] = {0};
    for (int i = 0; i < 3; i++) {
        const davit_tensor *tensor = davit_infer_constant(infer, i);
        if (tensor->desc.dtype != dtype || davit_tensor_desc_elems(&tensor->desc) != 1) {
            return davit_infer_fail(infer, DAVIT_BAD_DATA, "input %d is not one %s", i,
                                    davit_dtype_name(dtype));
        }
        if (davit_dtype_is_float(dtype)) {
            real[i] = davit_constant_get(tensor, 0);
        } else {
            davit_status status = read_integer(infer, i, &whole[i]);
            if (status != DAVIT_OK) {
                return status;
            }
        }
    }
    bool is_float = davit_dtype_is_float(dtype);
    if (is_float ? !(real[2] != 0.0) : whole[2] == 0) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "delta is 0");
    }
    double steps = is_float ? ceil((real[1] - real[0]) / real[2])
                            : (double)integer_steps(whole[0], whole[1], whole[2]);
    if (!(steps <= (double)DAVIT_MAX_DIM)) {
        return davit_infer_fail(infer, DAVIT_OUT_OF_MEMORY, "%g elements are too many", steps);
    }
    int64_t count = steps > 0.0 ? (int64_t)steps : 0;
    return davit_infer_output(infer, 0, dtype, 1, &count);
}

static int64_t clamp(int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : value > high ? high : value;
}

static davit_status infer_shape(davit_infer *infer)
{
    int rank = davit_infer_input(infer, 0)->rank;
    int64_t start = davit_node_int(infer->node, "start", 0);
    int64_t end = davit_node_int(infer->node, "end", rank);
    start = clamp(start < 0 ? start + rank : start, 0, rank);
    end = clamp(end < 0 ? end + rank : end, 0, rank);
    int64_t count = end > start ? end - start : 0;
    return davit_infer_output(infer, 0, DAVIT_S64, 1, &count);
}

static davit_status infer_size(davit_infer *infer)
{
    return davit_infer_output(infer, 0, DAVIT_S64, 0, NULL);
}

static davit_status infer_affine_grid(davit_infer *infer)
{
    const davit_tensor_desc *theta = davit_infer_input(infer, 0);
    int64_t size[DAVIT_MAX_RANK];
    size_t count;
    davit_status status = davit_infer_ints(infer, 1, size, DAVIT_MAX_RANK, &count);
    if (status != DAVIT_OK) {
        return status;
    }
    int space = (int)count - 2;
    if ((space != 2 && space != 3) || theta->rank != 3 || theta->dims[0] != size[0] ||
        theta->dims[1] != space || theta->dims[2] != space + 1) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA,
                                "theta and size are not those of a 2-D or 3-D grid");
    }
    int64_t dims[5] = {size[0]};
    for (int d = 0; d < space; d++) {
        dims[1 + d] = size[2 + d];
    }
    dims[1 + space] = space;
    return davit_infer_output(infer, 0, theta->dtype, space + 2, dims);
}

#define ALL DAVIT_TYPES_ALL
#define NUMERIC DAVIT_TYPES_NUMERIC
#define FLOAT DAVIT_TYPES_FLOAT
#define INDEX DAVIT_TYPES_INDEX
#define S64 DAVIT_TYPE(DAVIT_S64)
#define RANGE_TYPES (DAVIT_TYPE(DAVIT_F32) | DAVIT_TYPE(DAVIT_F64) | DAVIT_TYPE(DAVIT_S16) | INDEX)
/* name, number of inputs, shape inputs, infer function, types */
#define OPERATOR(name, count, shapes, infer, ...)                                                  \
    {                                                                                              \
        DAVIT_OP_##name, #name, "", count, count, 1, 1, {__VA_ARGS__}, shapes, infer               \
    }

static const davit_op_info ops[] = {
    OPERATOR(AffineGrid, 2, 0x2, infer_affine_grid, FLOAT, S64),
    OPERATOR(BlackmanWindow, 1, 0x1, infer_window, INDEX),
    OPERATOR(ConstantOfShape, 1, 0x1, infer_constant_of_shape, S64),
    OPERATOR(EyeLike, 1, 0, infer_eye_like, ALL),
    OPERATOR(HammingWindow, 1, 0x1, infer_window, INDEX),
    OPERATOR(HannWindow, 1, 0x1, infer_window, INDEX),
    OPERATOR(MelWeightMatrix, 5, 0x3, infer_mel_weight_matrix, INDEX, INDEX, INDEX, FLOAT),
    OPERATOR(OneHot, 3, 0x2, infer_one_hot, NUMERIC, NUMERIC, ALL),
    OPERATOR(Range, 3, 0x7, infer_range, RANGE_TYPES),
    OPERATOR(Shape, 1, 0, infer_shape, ALL),
    OPERATOR(Size, 1, 0, infer_size, ALL),
};

const davit_op_family davit_ops_generate = DAVIT_OP_FAMILY(ops);
