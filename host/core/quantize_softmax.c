#include "davit/quantize_table.h"

#include "quantize_private.h"
#include "real.h"

davit_status davit_softmax_prepare(const davit_quant8 *x, const davit_result_spec *y,
                                   davit_softmax *out, davit_reason *reason)
{
    davit_rescale rescale;
    davit_status status = davit_result_prepare(y, &rescale.result, reason);
    if (status == DAVIT_OK) {
        status = davit_quant8_check(x, "the input", reason);
    }
    if (status == DAVIT_OK) {
        float reciprocal = 1.0f / y->type.scale;
        status = davit_check_factor(reciprocal * 0x1p-24f, "softmax", -1, &rescale.scale, reason);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    out->x_dtype = x->dtype;
    out->rescale = rescale;
    for (int d = 0; d < 256; d++) {
        double e = davit_real_exp(-(double)d * (double)x->scale) * 0x1p30;
        uint32_t whole = (uint32_t)e;
        double rest = e - whole;
        out->exponential[d] = whole + (rest > 0.5 || (rest == 0.5 && (whole & 1) != 0));
    }
    return DAVIT_OK;
}

static int32_t greatest(davit_dtype dtype, size_t count, size_t stride, const void *x)
{
    int32_t max = davit_load8(x, dtype, 0);
    for (size_t i = 1; i < count; i++) {
        int32_t q = davit_load8(x, dtype, i * stride);
        max = q > max ? q : max;
    }
    return max;
}

void davit_softmax_row(const davit_softmax *p, size_t count, size_t stride, const void *x, void *y)
{
    if (count == 0) {
        return;
    }
    int32_t max = greatest(p->x_dtype, count, stride, x);
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += p->exponential[max - davit_load8(x, p->x_dtype, i * stride)];
    }
    uint64_t reciprocal = (((uint64_t)1 << 62) - 1) / sum;
    for (size_t i = 0; i < count; i++) {
        uint64_t e = p->exponential[max - davit_load8(x, p->x_dtype, i * stride)];
        uint64_t share = (e * reciprocal + ((uint64_t)1 << 37)) >> 38;
        davit_store8(y, i * stride, davit_rescale_one(&p->rescale, (int64_t)share));
    }
}
