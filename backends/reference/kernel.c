#include "kernel.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

static const davit_kernel_family *const families[] = {
    &davit_kernels_elementwise, &davit_kernels_movement,  &davit_kernels_generate,
    &davit_kernels_reduce,      &davit_kernels_normalize, &davit_kernels_linear,
    &davit_kernels_spatial,     &davit_kernels_recurrent, &davit_kernels_quantized,
    &davit_kernels_integer,     &davit_kernels_loss,
};

davit_kernel davit_kernel_find(davit_op op)
{
    for (size_t f = 0; f < sizeof(families) / sizeof(families[0]); f++) {
        for (size_t i = 0; i < families[f]->count; i++) {
            if (families[f]->entries[i].op == op) {
                return families[f]->entries[i].run;
            }
        }
    }
    return NULL;
}

davit_status davit_kernel_run(davit_kernel kernel, const davit_kernel_call *call)
{
    davit_status status = kernel(call);
    if (status == DAVIT_OUT_OF_MEMORY) {
        (void)davit_kernel_fail(call, status, "no memory");
    }
    return status;
}

davit_status davit_kernel_fail(const davit_kernel_call *call, davit_status status,
                               const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    return davit_fail(call->diag, status, "node '%s' (%s): %s", call->node->name,
                      call->node->op->name, text);
}

int davit_kernel_axis(const davit_kernel_call *call, int64_t fallback, int rank)
{
    int64_t axis = davit_node_int(call->node, "axis", fallback);
    return (int)(axis < 0 ? axis + rank : axis);
}

/* Rounds to f32 so that a second rounding to a shorter type gives what one rounding would (the
 * last bit is set when anything was lost: "round to odd"). */
static float round_to_odd_f32(double value)
{
    float rounded = (float)value;
    if (isnan(value) || isinf(value) || (double)rounded == value) {
        return rounded;
    }
    if (fabs((double)rounded) > fabs(value)) {
        rounded = nextafterf(rounded, 0.0f);
    }
    union {
        float f;
        uint32_t bits;
    } odd = {rounded};
    odd.bits |= 1u;
    return odd.f;
}

/* Truncates towards zero and saturates; NaN becomes 0. low and high are the type's limits. */
static int64_t truncate_s64(double value, int64_t low, int64_t high)
{
    if (isnan(value)) {
        return 0;
    }
    /* (double)high may round up to one above it, which the test for >= then catches. */
    if (value >= (double)high) {
        return high;
    }
    return value <= (double)low ? low : (int64_t)value;
}

static uint64_t truncate_u64(double value)
{
    if (isnan(value) || value <= 0.0) {
        return 0;
    }
    return value >= 18446744073709551616.0 ? UINT64_MAX : (uint64_t)value;
}

double davit_load_f64(const davit_tensor *tensor, int64_t index)
{
    const void *data = tensor->data;
    switch (tensor->desc.dtype) {
    case DAVIT_F32:
        return (double)((const float *)data)[index];
    case DAVIT_F64:
        return ((const double *)data)[index];
    case DAVIT_F16:
        return (double)davit_f16_to_f32(((const uint16_t *)data)[index]);
    case DAVIT_BF16:
        return (double)davit_bf16_to_f32(((const uint16_t *)data)[index]);
    case DAVIT_U64:
        return (double)((const uint64_t *)data)[index];
    default:
        return (double)davit_load_s64(tensor, index);
    }
}

void davit_store_f64(davit_tensor *tensor, int64_t index, double value)
{
    void *data = tensor->data;
    switch (tensor->desc.dtype) {
    case DAVIT_F32:
        ((float *)data)[index] = (float)value;
        break;
    case DAVIT_F64:
        ((double *)data)[index] = value;
        break;
    case DAVIT_F16:
        ((uint16_t *)data)[index] = davit_f64_to_f16(value);
        break;
    case DAVIT_BF16:
        ((uint16_t *)data)[index] = davit_f32_to_bf16(round_to_odd_f32(value));
        break;
    case DAVIT_S8:
        ((int8_t *)data)[index] = (int8_t)truncate_s64(value, INT8_MIN, INT8_MAX);
        break;
    case DAVIT_S16:
        ((int16_t *)data)[index] = (int16_t)truncate_s64(value, INT16_MIN, INT16_MAX);
        break;
    case DAVIT_S32:
        ((int32_t *)data)[index] = (int32_t)truncate_s64(value, INT32_MIN, INT32_MAX);
        break;
    case DAVIT_S64:
        ((int64_t *)data)[index] = truncate_s64(value, INT64_MIN, INT64_MAX);
        break;
    case DAVIT_U8:
        ((uint8_t *)data)[index] = (uint8_t)truncate_s64(value, 0, UINT8_MAX);
        break;
    case DAVIT_U16:
        ((uint16_t *)data)[index] = (uint16_t)truncate_s64(value, 0, UINT16_MAX);
        break;
    case DAVIT_U32:
        ((uint32_t *)data)[index] = (uint32_t)truncate_s64(value, 0, UINT32_MAX);
        break;
    case DAVIT_U64:
        ((uint64_t *)data)[index] = truncate_u64(value);
        break;
    case DAVIT_BOOL:
        ((uint8_t *)data)[index] = value != 0.0;
        break;
    default:
        break;
    }
}

int64_t davit_load_s64(const davit_tensor *tensor, int64_t index)
{
    const void *data = tensor->data;
    switch (tensor->desc.dtype) {
    case DAVIT_S64:
    case DAVIT_U64:
        return ((const int64_t *)data)[index];
    case DAVIT_S32:
        return ((const int32_t *)data)[index];
    case DAVIT_U32:
        return ((const uint32_t *)data)[index];
    case DAVIT_S16:
        return ((const int16_t *)data)[index];
    case DAVIT_U16:
        return ((const uint16_t *)data)[index];
    case DAVIT_S8:
        return ((const int8_t *)data)[index];
    case DAVIT_U8:
        return ((const uint8_t *)data)[index];
    case DAVIT_BOOL:
        return ((const uint8_t *)data)[index] != 0;
    case DAVIT_F32:
    case DAVIT_F64:
    case DAVIT_F16:
    case DAVIT_BF16:
        return truncate_s64(davit_load_f64(tensor, index), INT64_MIN, INT64_MAX);
    default:
        return 0;
    }
}

void davit_store_s64(davit_tensor *tensor, int64_t index, int64_t value)
{
    void *data = tensor->data;
    switch (tensor->desc.dtype) {
    case DAVIT_S64:
    case DAVIT_U64:
        ((int64_t *)data)[index] = value;
        break;
    case DAVIT_S32:
    case DAVIT_U32:
        ((uint32_t *)data)[index] = (uint32_t)value;
        break;
    case DAVIT_S16:
    case DAVIT_U16:
        ((uint16_t *)data)[index] = (uint16_t)value;
        break;
    case DAVIT_S8:
    case DAVIT_U8:
        ((uint8_t *)data)[index] = (uint8_t)value;
        break;
    case DAVIT_BOOL:
        ((uint8_t *)data)[index] = value != 0;
        break;
    case DAVIT_F32:
        ((float *)data)[index] = (float)value;
        break;
    default:
        davit_store_f64(tensor, index, (double)value);
        break;
    }
}
