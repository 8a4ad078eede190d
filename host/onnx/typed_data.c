/* The typed fields of a TensorProto. Narrow types are stored in int32_data, f16 and bf16 as their
 * bits (onnx.proto); a stored value that its type cannot hold is refused. */
#include <string.h>

#include "tensor.h"

static davit_status wrong_count(const davit_onnx_tensor_source *source, size_t count, int64_t elems)
{
    return davit_fail(source->diag, DAVIT_BAD_DATA, "%s holds %zu elements, its shape needs %lld",
                      source->what, count, (long long)elems);
}

/* Copies int32_data into elements of 1, 2 or 4 bytes; false when a value is not in [low, high]. */
static bool copy_int32(const int32_t *from, size_t count, size_t elem_bytes, int64_t low,
                       int64_t high, void *to)
{
    for (size_t i = 0; i < count; i++) {
        if (from[i] < low || from[i] > high) {
            return false;
        }
        if (elem_bytes == 1) {
            ((uint8_t *)to)[i] = (uint8_t)from[i];
        } else if (elem_bytes == 2) {
            ((uint16_t *)to)[i] = (uint16_t)from[i];
        } else {
            ((int32_t *)to)[i] = from[i];
        }
    }
    return true;
}

static bool copy_uint32(const uint64_t *from, size_t count, uint32_t *to)
{
    for (size_t i = 0; i < count; i++) {
        if (from[i] > UINT32_MAX) {
            return false;
        }
        to[i] = (uint32_t)from[i];
    }
    return true;
}

/* The field that holds elements of a type: the address and number of its elements. */
typedef struct typed_field {
    const void *data;
    size_t count;
    int64_t low, high; /* of values in int32_data */
} typed_field;

static typed_field find_field(const Onnx__TensorProto *proto, davit_dtype dtype)
{
    typed_field field = {proto->int32_data, proto->n_int32_data, 0, 0};
    switch (dtype) {
    case DAVIT_F32:
        return (typed_field){proto->float_data, proto->n_float_data, 0, 0};
    case DAVIT_F64:
        return (typed_field){proto->double_data, proto->n_double_data, 0, 0};
    case DAVIT_S64:
        return (typed_field){proto->int64_data, proto->n_int64_data, 0, 0};
    case DAVIT_U32:
    case DAVIT_U64:
        return (typed_field){proto->uint64_data, proto->n_uint64_data, 0, 0};
    case DAVIT_BOOL:
        field.high = 1;
        break;
    case DAVIT_U8:
        field.high = UINT8_MAX;
        break;
    case DAVIT_S8:
        field.low = INT8_MIN;
        field.high = INT8_MAX;
        break;
    case DAVIT_S16:
        field.low = INT16_MIN;
        field.high = INT16_MAX;
        break;
    case DAVIT_U16:
    case DAVIT_F16:
    case DAVIT_BF16:
        field.high = UINT16_MAX;
        break;
    default:
        field.low = INT32_MIN;
        field.high = INT32_MAX;
        break;
    }
    return field;
}

davit_status davit_onnx_typed_tensor(const davit_onnx_tensor_source *source,
                                     const Onnx__TensorProto *proto, const davit_tensor_desc *desc,
                                     davit_tensor **out)
{
    *out = NULL;
    typed_field field = find_field(proto, desc->dtype);
    int64_t elems = davit_tensor_desc_elems(desc);
    if (field.count != (size_t)elems) {
        return wrong_count(source, field.count, elems);
    }
    davit_tensor *tensor;
    davit_status status =
        davit_tensor_create(source->allocator, desc->dtype, desc->rank, desc->dims, &tensor);
    if (status != DAVIT_OK) {
        return status;
    }
    size_t bytes = davit_tensor_desc_bytes(desc);
    bool fits = true;
    if (desc->dtype == DAVIT_U32) {
        fits = copy_uint32(field.data, field.count, tensor->data);
    } else if (field.data == proto->int32_data) {
        fits = copy_int32(field.data, field.count, davit_dtype_bytes(desc->dtype), field.low,
                          field.high, tensor->data);
    } else if (bytes > 0) {
        memcpy(tensor->data, field.data, bytes);
    }
    if (!fits) {
        davit_tensor_destroy(tensor);
        return davit_fail(source->diag, DAVIT_BAD_DATA, "%s holds a value outside the range of %s",
                          source->what, davit_dtype_name(desc->dtype));
    }
    *out = tensor;
    return DAVIT_OK;
}
