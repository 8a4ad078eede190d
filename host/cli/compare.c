#include "compare.h"

#include <math.h>

/* Floats; integers of up to 32 bits are exact as well. */
static double load(const davit_tensor *tensor, int64_t index)
{
    switch (tensor->desc.dtype) {
    case DAVIT_F32:
        return (double)((const float *)tensor->data)[index];
    case DAVIT_F64:
        return ((const double *)tensor->data)[index];
    case DAVIT_F16:
        return (double)davit_f16_to_f32(((const uint16_t *)tensor->data)[index]);
    case DAVIT_BF16:
        return (double)davit_bf16_to_f32(((const uint16_t *)tensor->data)[index]);
    case DAVIT_U8:
    case DAVIT_BOOL:
        return (double)((const uint8_t *)tensor->data)[index];
    case DAVIT_S8:
        return (double)((const int8_t *)tensor->data)[index];
    case DAVIT_U16:
        return (double)((const uint16_t *)tensor->data)[index];
    case DAVIT_S16:
        return (double)((const int16_t *)tensor->data)[index];
    case DAVIT_U32:
        return (double)((const uint32_t *)tensor->data)[index];
    case DAVIT_S32:
        return (double)((const int32_t *)tensor->data)[index];
    case DAVIT_U64:
        return (double)((const uint64_t *)tensor->data)[index];
    default:
        return (double)((const int64_t *)tensor->data)[index];
    }
}

static bool differs(double got, double want, cli_tolerance tolerance)
{
    if (isnan(got) || isnan(want)) {
        return isnan(got) != isnan(want);
    }
    if (isinf(got) || isinf(want)) {
        return got != want;
    }
    return fabs(got - want) > tolerance.absolute + tolerance.relative * fabs(want);
}

cli_difference cli_compare(const davit_tensor *got, const davit_tensor *want,
                           cli_tolerance tolerance)
{
    cli_difference result = {.first_wrong = -1};
    result.comparable = got->desc.dtype == want->desc.dtype &&
                        davit_tensor_desc_same_shape(&got->desc, &want->desc);
    if (!result.comparable) {
        return result;
    }
    bool exact = !davit_dtype_is_float(got->desc.dtype);
    const cli_tolerance none = {0, 0};
    double error = 0;
    double norm = 0;
    result.elems = davit_tensor_desc_elems(&got->desc);
    for (int64_t i = 0; i < result.elems; i++) {
        double a = load(got, i);
        double b = load(want, i);
        if (differs(a, b, exact ? none : tolerance)) {
            result.wrong++;
            if (result.first_wrong < 0) {
                result.first_wrong = i;
                result.got = a;
                result.want = b;
            }
        }
        if (isfinite(a) && isfinite(b)) {
            result.greatest = fmax(result.greatest, fabs(a - b));
            error += (a - b) * (a - b);
            norm += b * b;
        }
    }
    result.relative_l2 = error == 0 ? 0 : sqrt(error / (norm > 0 ? norm : 1e-300));
    return result;
}
