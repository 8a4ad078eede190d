/* The integer forms with one factor: multiply, average pooling, linear resize. */
#include "quantize_private.h"

int32_t davit_rescale_one(const davit_rescale *p, int64_t sum)
{
    return davit_result_quantize(&p->result, (float)sum * p->scale);
}

davit_status davit_multiplication_prepare(const davit_quant8 *a, const davit_quant8 *b,
                                          const davit_result_spec *y, davit_multiplication *out,
                                          davit_reason *reason)
{
    davit_multiplication made = {
        .a_dtype = a->dtype, .b_dtype = b->dtype, .a_zero = a->zero, .b_zero = b->zero};
    davit_status status = davit_result_prepare(y, &made.rescale.result, reason);
    if (status == DAVIT_OK) {
        status = davit_quant8_check(a, "the first operand", reason);
    }
    if (status == DAVIT_OK) {
        status = davit_quant8_check(b, "the second operand", reason);
    }
    if (status == DAVIT_OK) {
        float factor = davit_factor_of(a->scale, b->scale, y->type.scale);
        status = davit_check_factor(factor, "the product", -1, &made.rescale.scale, reason);
    }
    if (status == DAVIT_OK) {
        *out = made;
    }
    return status;
}

int32_t davit_multiply_one(const davit_multiplication *p, int32_t qa, int32_t qb)
{
    return davit_rescale_one(&p->rescale, (int64_t)(qa - p->a_zero) * (qb - p->b_zero));
}

void davit_multiply(const davit_multiplication *p, size_t count, const void *a, const void *b,
                    void *out)
{
    for (size_t i = 0; i < count; i++) {
        int32_t qa = davit_load8(a, p->a_dtype, i);
        int32_t qb = davit_load8(b, p->b_dtype, i);
        davit_store8(out, i, davit_multiply_one(p, qa, qb));
    }
}

/* A rescale by (x_scale / y_scale) * power / divisor; power is a power of two, or divisor is 1. */
static davit_status prepare_ratio(const davit_quant8 *x, const davit_result_spec *y, float power,
                                  float divisor, davit_rescale *out, davit_reason *reason)
{
    davit_rescale made = {.scale = 0.0f};
    davit_status status = davit_result_prepare(y, &made.result, reason);
    if (status == DAVIT_OK) {
        status = davit_quant8_check(x, "the input", reason);
    }
    if (status == DAVIT_OK) {
        float ratio = davit_factor_of(x->scale, 1.0f, y->type.scale);
        status = davit_check_factor(ratio, "the input", -1, &ratio, reason);
        float scaled = ratio * power / divisor;
        made.scale = scaled < FLT_MIN ? 0.0f : scaled;
    }
    if (status == DAVIT_OK) {
        *out = made;
    }
    return status;
}

davit_status davit_average_prepare(const davit_quant8 *x, const davit_result_spec *y,
                                   int64_t divisor, davit_rescale *out, davit_reason *reason)
{
    if (divisor < 0) {
        return davit_refuse(reason, DAVIT_INVALID_ARGUMENT, "a window has %lld elements",
                            (long long)divisor);
    }
    if (divisor == 0) {
        return prepare_ratio(x, y, 0.0f, 1.0f, out, reason);
    }
    return prepare_ratio(x, y, 1.0f, (float)divisor, out, reason);
}

int64_t davit_average_extent(const davit_average_axis *axis, int64_t o)
{
    int64_t begin = o * axis->stride - axis->pad_begin;
    int64_t low = axis->include_pad ? -axis->pad_begin : 0;
    int64_t high = axis->in + (axis->include_pad ? axis->pad_end : 0);
    int64_t count = 0;
    for (int64_t k = 0; k < axis->kernel; k++) {
        int64_t position = begin + k * axis->dilation;
        count += position >= low && position < high;
    }
    return count;
}

davit_status davit_linear_resize_prepare(const davit_quant8 *x, const davit_result_spec *y,
                                         int axes, davit_rescale *out, davit_reason *reason)
{
    if (axes < 1 || axes > 4) {
        return davit_refuse(reason, DAVIT_UNSUPPORTED, "%d axes are resized", axes);
    }
    float power = 1.0f / (float)((int64_t)1 << (DAVIT_RESIZE_WEIGHT_BITS * axes));
    return prepare_ratio(x, y, power, 1.0f, out, reason);
}

davit_resize_tap davit_resize_tap_at(double coordinate, int64_t size)
{
    double last = (double)(size - 1);
    double c = coordinate > 0.0 ? coordinate : 0.0;
    if (c >= last) {
        return (davit_resize_tap){size - 1, size - 1, 0};
    }
    int64_t low = (int64_t)c;
    double weight = (c - (double)low) * (1 << DAVIT_RESIZE_WEIGHT_BITS);
    int32_t whole = (int32_t)weight;
    double rest = weight - whole;
    whole += rest > 0.5 || (rest == 0.5 && (whole & 1) != 0);
    return (davit_resize_tap){low, low + 1, whole};
}
