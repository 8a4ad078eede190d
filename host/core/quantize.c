/* Limits of the integer types, checks of scales and zero points, and the standalone operators. */
#include "davit/quantize.h"

#include <stdarg.h>
#include <stdio.h>

#include "quantize_private.h"

int32_t davit_quantized_low(davit_dtype dtype)
{
    switch (dtype) {
    case DAVIT_S8:
        return INT8_MIN;
    case DAVIT_S16:
        return INT16_MIN;
    case DAVIT_S32:
        return INT32_MIN;
    default:
        return 0;
    }
}

int32_t davit_quantized_high(davit_dtype dtype)
{
    switch (dtype) {
    case DAVIT_U8:
        return UINT8_MAX;
    case DAVIT_S8:
        return INT8_MAX;
    case DAVIT_U16:
        return UINT16_MAX;
    case DAVIT_S16:
        return INT16_MAX;
    case DAVIT_S32:
        return INT32_MAX;
    default:
        return 0;
    }
}

davit_status davit_refuse(davit_reason *reason, davit_status status, const char *format, ...)
{
    if (reason != NULL) {
        va_list args;
        va_start(args, format);
        (void)vsnprintf(reason->text, sizeof(reason->text), format, args);
        va_end(args);
    }
    return status;
}

const char *davit_scale_defect(float scale)
{
    if (scale != scale) {
        return "is not a number";
    }
    if (scale > FLT_MAX || scale < -FLT_MAX) {
        return "is infinite";
    }
    if (scale < 0.0f) {
        return "is negative";
    }
    if (scale == 0.0f) {
        return "is zero";
    }
    return scale < FLT_MIN ? "is denormal" : NULL;
}

davit_status davit_check_scale(float scale, const char *what, int64_t index, davit_reason *reason)
{
    const char *defect = davit_scale_defect(scale);
    if (defect == NULL) {
        return DAVIT_OK;
    }
    if (index < 0) {
        return davit_refuse(reason, DAVIT_BAD_DATA, "the scale of %s %s", what, defect);
    }
    return davit_refuse(reason, DAVIT_BAD_DATA, "scale %lld of %s %s", (long long)index, what,
                        defect);
}

davit_status davit_check_zero(davit_dtype dtype, int32_t zero, const char *what, int64_t index,
                              davit_reason *reason)
{
    if (zero >= davit_quantized_low(dtype) && zero <= davit_quantized_high(dtype)) {
        return DAVIT_OK;
    }
    if (index < 0) {
        return davit_refuse(reason, DAVIT_BAD_DATA,
                            "the zero point of %s is %d, out of the range of %s", what, (int)zero,
                            davit_dtype_name(dtype));
    }
    return davit_refuse(reason, DAVIT_BAD_DATA,
                        "zero point %lld of %s is %d, out of the range of %s", (long long)index,
                        what, (int)zero, davit_dtype_name(dtype));
}

davit_status davit_quant8_check(const davit_quant8 *type, const char *what, davit_reason *reason)
{
    if (type->dtype != DAVIT_U8 && type->dtype != DAVIT_S8) {
        return davit_refuse(reason, DAVIT_BAD_DATA, "%s is %s, not u8 or s8", what,
                            davit_dtype_name(type->dtype));
    }
    davit_status status = davit_check_scale(type->scale, what, -1, reason);
    return status == DAVIT_OK ? davit_check_zero(type->dtype, type->zero, what, -1, reason)
                              : status;
}

static davit_status check_count(const davit_tensor_desc *desc, const char *what,
                                davit_reason *reason)
{
    const davit_quantization *q = &desc->quantization;
    if (q->count == 1) {
        return DAVIT_OK;
    }
    if (q->axis < 0 || q->axis >= desc->rank) {
        return davit_refuse(reason, DAVIT_BAD_DATA, "%s of rank %d is quantised along axis %d",
                            what, desc->rank, q->axis);
    }
    if ((uint64_t)q->count != (uint64_t)desc->dims[q->axis]) {
        return davit_refuse(reason, DAVIT_BAD_DATA, "%s has %zu scales for %lld slices", what,
                            q->count, (long long)desc->dims[q->axis]);
    }
    return DAVIT_OK;
}

davit_status davit_quantization_check(const davit_tensor_desc *desc, const char *what,
                                      davit_reason *reason)
{
    if (davit_quantized_high(desc->dtype) == 0) {
        return davit_refuse(reason, DAVIT_BAD_DATA, "%s is %s, which is not quantised", what,
                            davit_dtype_name(desc->dtype));
    }
    const davit_quantization *q = &desc->quantization;
    davit_status status = check_count(desc, what, reason);
    for (size_t i = 0; i < q->count && status == DAVIT_OK; i++) {
        int64_t index = q->count == 1 ? -1 : (int64_t)i;
        int32_t zero = q->zero_point != NULL ? q->zero_point[i] : 0;
        status = davit_check_scale(q->scale[i], what, index, reason);
        if (status == DAVIT_OK) {
            status = davit_check_zero(desc->dtype, zero, what, index, reason);
        }
        if (status == DAVIT_OK && desc->dtype == DAVIT_S32 && zero != 0) {
            status = davit_refuse(reason, DAVIT_BAD_DATA, "%s is s32 with the zero point %d", what,
                                  (int)zero);
        }
    }
    return status;
}

/* How many consecutive elements share a scale. */
static int64_t run_elems(const davit_tensor_desc *desc)
{
    if (desc->quantization.count == 1) {
        return davit_tensor_desc_elems(desc);
    }
    int64_t elems = 1;
    for (int i = desc->quantization.axis + 1; i < desc->rank; i++) {
        elems *= desc->dims[i];
    }
    return elems;
}

static void store(void *data, davit_dtype dtype, int64_t i, int32_t q)
{
    if (davit_dtype_bytes(dtype) == 1) {
        ((uint8_t *)data)[i] = (uint8_t)q;
    } else {
        ((uint16_t *)data)[i] = (uint16_t)q;
    }
}

static int32_t load(const void *data, davit_dtype dtype, int64_t i)
{
    switch (dtype) {
    case DAVIT_U8:
        return ((const uint8_t *)data)[i];
    case DAVIT_S8:
        return ((const int8_t *)data)[i];
    case DAVIT_U16:
        return ((const uint16_t *)data)[i];
    case DAVIT_S16:
        return ((const int16_t *)data)[i];
    default:
        return ((const int32_t *)data)[i];
    }
}

/* 2^24 is beyond every 16-bit value and its zero point, and far enough within s32 to add one. */
int32_t davit_quantize_value(float x, float scale, int32_t zero, davit_dtype dtype)
{
    int32_t low = davit_quantized_low(dtype);
    int32_t high = davit_quantized_high(dtype);
    int32_t q = davit_round_half_even(davit_clamp(x / scale, -0x1p24f, 0x1p24f)) + zero;
    return q < low ? low : q > high ? high : q;
}

void davit_quantize(const davit_tensor_desc *desc, const float *x, void *q)
{
    const davit_quantization *type = &desc->quantization;
    int64_t elems = davit_tensor_desc_elems(desc);
    int64_t run = run_elems(desc);
    size_t slice = 0;
    for (int64_t begin = 0; begin < elems; begin += run) {
        int32_t zero = type->zero_point != NULL ? type->zero_point[slice] : 0;
        for (int64_t i = begin; i < begin + run; i++) {
            int32_t value = davit_quantize_value(x[i], type->scale[slice], zero, desc->dtype);
            store(q, desc->dtype, i, value);
        }
        slice = (slice + 1) % type->count;
    }
}

void davit_dequantize(const davit_tensor_desc *desc, const void *q, float *x)
{
    const davit_quantization *type = &desc->quantization;
    int64_t elems = davit_tensor_desc_elems(desc);
    int64_t run = run_elems(desc);
    size_t slice = 0;
    for (int64_t begin = 0; begin < elems; begin += run) {
        int32_t zero = type->zero_point != NULL ? type->zero_point[slice] : 0;
        for (int64_t i = begin; i < begin + run; i++) {
            x[i] = (float)(load(q, desc->dtype, i) - zero) * type->scale[slice];
        }
        slice = (slice + 1) % type->count;
    }
}

davit_quant8 davit_dynamic_quantization(const float *x, size_t count)
{
    float low = 0.0f;
    float high = 0.0f;
    for (size_t i = 0; i < count; i++) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
    }
    float scale = (high - low) / 255.0f;
    if (scale < FLT_MIN) {
        return (davit_quant8){DAVIT_U8, 1.0f, 0};
    }
    scale = scale > FLT_MAX ? FLT_MAX : scale;
    float zero = davit_clamp(0.0f - low / scale, 0.0f, 255.0f);
    return (davit_quant8){DAVIT_U8, scale, davit_round_half_even(zero)};
}
