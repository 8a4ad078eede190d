#include "constants.h"

#include <math.h>

bool davit_constant_is_float(const davit_tensor *tensor)
{
    return davit_dtype_is_float(tensor->desc.dtype);
}

double davit_constant_get(const davit_tensor *tensor, int64_t index)
{
    switch (tensor->desc.dtype) {
    case DAVIT_F16:
        return (double)davit_f16_to_f32(((const uint16_t *)tensor->data)[index]);
    case DAVIT_BF16:
        return (double)davit_bf16_to_f32(((const uint16_t *)tensor->data)[index]);
    case DAVIT_F64:
        return ((const double *)tensor->data)[index];
    default:
        return (double)davit_tensor_f32(tensor, (size_t)index);
    }
}

void davit_constant_set(davit_tensor *tensor, int64_t index, double value)
{
    switch (tensor->desc.dtype) {
    case DAVIT_F16:
        ((uint16_t *)tensor->data)[index] = davit_f64_to_f16(value);
        break;
    case DAVIT_BF16:
        ((uint16_t *)tensor->data)[index] = davit_f32_to_bf16((float)value);
        break;
    case DAVIT_F64:
        ((double *)tensor->data)[index] = value;
        break;
    default:
        ((float *)tensor->data)[index] = (float)value;
        break;
    }
}

bool davit_constant_scalar(const davit_graph *graph, davit_value_id value, double *out)
{
    const davit_tensor *tensor = value == DAVIT_NONE ? NULL : graph->values[value].constant;
    if (!tensor || !davit_constant_is_float(tensor) ||
        davit_tensor_desc_elems(&tensor->desc) != 1) {
        return false;
    }
    *out = davit_constant_get(tensor, 0);
    return true;
}

bool davit_constant_equals(const davit_graph *graph, davit_value_id value, double expected)
{
    double found;
    return davit_constant_scalar(graph, value, &found) &&
           fabs(found - expected) <= 5e-7 * fabs(expected);
}

bool davit_constant_along(const davit_tensor *tensor, const davit_tensor_desc *desc, int axis)
{
    int skip = desc->rank - tensor->desc.rank;
    if (!davit_constant_is_float(tensor) || skip < 0) {
        return false;
    }
    for (int i = 0; i < tensor->desc.rank; i++) {
        int64_t dim = tensor->desc.dims[i];
        if (dim != 1 && (i + skip != axis || dim != desc->dims[axis])) {
            return false;
        }
    }
    return true;
}
