#include "davit/quantize_table.h"

#include "quantize_private.h"
#include "real.h"

#define TWO_SQRT_2_BY_PI 0x1.9884533d43651p+0

typedef struct function_info {
    const char *name;
    bool alpha, beta; /* read */
} function_info;

static const function_info functions[DAVIT_FUNCTION_COUNT] = {
    [DAVIT_FUNCTION_IDENTITY] = {"identity", false, false},
    [DAVIT_FUNCTION_RELU] = {"relu", false, false},
    [DAVIT_FUNCTION_CLIP] = {"clip", true, true},
    [DAVIT_FUNCTION_LEAKY_RELU] = {"leaky_relu", true, false},
    [DAVIT_FUNCTION_ELU] = {"elu", true, false},
    [DAVIT_FUNCTION_LINEAR] = {"linear", true, true},
    [DAVIT_FUNCTION_HARDSIGMOID] = {"hardsigmoid", true, true},
    [DAVIT_FUNCTION_HARDSWISH] = {"hardswish", false, false},
    [DAVIT_FUNCTION_EXP] = {"exp", false, false},
    [DAVIT_FUNCTION_SIGMOID] = {"sigmoid", false, false},
    [DAVIT_FUNCTION_TANH] = {"tanh", false, false},
    [DAVIT_FUNCTION_SILU] = {"silu", false, false},
    [DAVIT_FUNCTION_ERF] = {"erf", false, false},
    [DAVIT_FUNCTION_GELU_ERF] = {"gelu_erf", false, false},
    [DAVIT_FUNCTION_GELU_TANH] = {"gelu_tanh", false, false},
    [DAVIT_FUNCTION_SOFTPLUS] = {"softplus", false, false},
    [DAVIT_FUNCTION_MISH] = {"mish", false, false},
};

const char *davit_function_name(davit_function function)
{
    size_t index = (size_t)function;
    return index < DAVIT_FUNCTION_COUNT ? functions[index].name : NULL;
}

/* x * g with the limit 0 for an infinite x and g = 0. */
static double times(double x, double g)
{
    return g == 0.0 ? 0.0 : x * g;
}

static double clip(double x, double low, double high)
{
    double raised = x > low ? x : low;
    return raised < high ? raised : high;
}

/* tanh(log(1 + e)) = n / (n + 2) with e = exp(x), n = e * (e + 2). */
static double mish(double x)
{
    if (x > 30.0) {
        return x;
    }
    double e = davit_real_exp(x);
    double n = e * (e + 2.0);
    return times(x, n / (n + 2.0));
}

double davit_function_value(davit_function function, float alpha, float beta, float x32)
{
    double a = (double)alpha;
    double b = (double)beta;
    double x = (double)x32;
    switch (function) {
    case DAVIT_FUNCTION_RELU:
        return x > 0.0 ? x : 0.0;
    case DAVIT_FUNCTION_CLIP:
        return clip(x, a, b);
    case DAVIT_FUNCTION_LEAKY_RELU:
        return x < 0.0 ? times(x, a) : x;
    case DAVIT_FUNCTION_ELU:
        return x < 0.0 ? a * davit_real_expm1(x) : x;
    case DAVIT_FUNCTION_LINEAR:
        return times(x, a) + b;
    case DAVIT_FUNCTION_HARDSIGMOID:
        return clip(times(x, a) + b, 0.0, 1.0);
    case DAVIT_FUNCTION_HARDSWISH:
        return times(x, clip(x + 3.0, 0.0, 6.0)) / 6.0;
    case DAVIT_FUNCTION_EXP:
        return davit_real_exp(x);
    case DAVIT_FUNCTION_SIGMOID:
        return davit_real_sigmoid(x);
    case DAVIT_FUNCTION_TANH:
        return davit_real_tanh(x);
    case DAVIT_FUNCTION_SILU:
        return times(x, davit_real_sigmoid(x));
    case DAVIT_FUNCTION_ERF:
        return davit_real_erf(x);
    case DAVIT_FUNCTION_GELU_ERF:
        return times(x, davit_real_normal(x));
    case DAVIT_FUNCTION_GELU_TANH:
        /* (1 + tanh(u)) / 2 = sigmoid(2 u) */
        return times(x, davit_real_sigmoid(TWO_SQRT_2_BY_PI * (x * (1.0 + 0.044715 * (x * x)))));
    case DAVIT_FUNCTION_SOFTPLUS:
        return davit_real_softplus(x);
    case DAVIT_FUNCTION_MISH:
        return mish(x);
    default:
        return x;
    }
}

static davit_status check_parameter(float value, const char *what, davit_function function,
                                    davit_reason *reason)
{
    if (value >= -FLT_MAX && value <= FLT_MAX) {
        return DAVIT_OK;
    }
    return davit_refuse(reason, DAVIT_BAD_DATA, "%s of %s is not finite", what,
                        functions[function].name);
}

static davit_status check_spec(const davit_table_spec *spec, davit_reason *reason)
{
    if (davit_function_name(spec->function) == NULL) {
        return davit_refuse(reason, DAVIT_INVALID_ARGUMENT, "there is no function %d",
                            (int)spec->function);
    }
    davit_status status = davit_quant8_check(&spec->x, "the input", reason);
    if (status == DAVIT_OK) {
        status = davit_quant8_check(&spec->y, "the result", reason);
    }
    if (status == DAVIT_OK && functions[spec->function].alpha) {
        status = check_parameter(spec->alpha, "alpha", spec->function, reason);
    }
    if (status == DAVIT_OK && functions[spec->function].beta) {
        status = check_parameter(spec->beta, "beta", spec->function, reason);
    }
    return status;
}

davit_status davit_table_make(const davit_table_spec *spec, uint8_t table[256],
                              davit_reason *reason)
{
    davit_status status = check_spec(spec, reason);
    if (status != DAVIT_OK) {
        return status;
    }
    for (int i = 0; i < 256; i++) {
        uint8_t byte = (uint8_t)i;
        float x = (float)(davit_load8(&byte, spec->x.dtype, 0) - spec->x.zero) * spec->x.scale;
        float y = (float)davit_function_value(spec->function, spec->alpha, spec->beta, x);
        table[i] = (uint8_t)davit_quantize_value(y, spec->y.scale, spec->y.zero, spec->y.dtype);
    }
    return DAVIT_OK;
}

void davit_table_apply(const uint8_t table[256], size_t count, const void *x, void *y)
{
    const uint8_t *from = x;
    uint8_t *to = y;
    for (size_t i = 0; i < count; i++) {
        to[i] = table[from[i]];
    }
}
