#include <math.h>

#include "elementwise.h"

#define UNARY(function, expression)                                                                \
    static void function(const davit_lanes *lanes)                                                 \
    {                                                                                              \
        double *values = lanes->f[0];                                                              \
        const double alpha = lanes->attribute[0];                                                  \
        const double beta = lanes->attribute[1];                                                   \
        (void)alpha;                                                                               \
        (void)beta;                                                                                \
        for (int64_t i = 0; i < lanes->count; i++) {                                               \
            const double x = values[i];                                                            \
            values[i] = (expression);                                                              \
        }                                                                                          \
    }

#define UNARY_S64(function, expression)                                                            \
    static void function(const davit_lanes *lanes)                                                 \
    {                                                                                              \
        int64_t *values = lanes->s[0];                                                             \
        const bool is_u64 = lanes->is_u64[0];                                                      \
        (void)is_u64;                                                                              \
        for (int64_t i = 0; i < lanes->count; i++) {                                               \
            const int64_t x = values[i];                                                           \
            values[i] = (expression);                                                              \
        }                                                                                          \
    }

#define PREDICATE(function, expression)                                                            \
    static void function(const davit_lanes *lanes)                                                 \
    {                                                                                              \
        const double *values = lanes->f[0];                                                        \
        const bool positive = lanes->attribute[0] != 0.0;                                          \
        const bool negative = lanes->attribute[1] != 0.0;                                          \
        (void)positive;                                                                            \
        (void)negative;                                                                            \
        for (int64_t i = 0; i < lanes->count; i++) {                                               \
            const double x = values[i];                                                            \
            lanes->s[0][i] = (expression);                                                         \
        }                                                                                          \
    }

static int64_t negate(int64_t x)
{
    return (int64_t)(0 - (uint64_t)x);
}

static double softplus(double x)
{
    return x > 0.0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

static double sigmoid(double x)
{
    return 1.0 / (1.0 + exp(-x));
}

/* NaN stays NaN in all clamps: comparisons with it are false. */
static double clamp01(double x)
{
    return x < 0.0 ? 0.0 : x > 1.0 ? 1.0 : x;
}

static double gelu(double x, bool is_tanh)
{
    const double sqrt_half = 0.70710678118654752440;
    const double sqrt_2_over_pi = 0.79788456080286535588;
    if (is_tanh) {
        return 0.5 * x * (1.0 + tanh(sqrt_2_over_pi * (x + 0.044715 * x * x * x)));
    }
    return 0.5 * x * (1.0 + erf(x * sqrt_half));
}

static double sign(double x)
{
    return x > 0.0 ? 1.0 : x < 0.0 ? -1.0 : isnan(x) ? x : 0.0;
}

UNARY(abs_f64, fabs(x))
UNARY(acos_f64, acos(x))
UNARY(acosh_f64, acosh(x))
UNARY(asin_f64, asin(x))
UNARY(asinh_f64, asinh(x))
UNARY(atan_f64, atan(x))
UNARY(atanh_f64, atanh(x))
UNARY(ceil_f64, ceil(x))
UNARY(celu_f64, x > 0.0 ? x : alpha * expm1(x / alpha))
UNARY(cos_f64, cos(x))
UNARY(cosh_f64, cosh(x))
UNARY(elu_f64, x < 0.0 ? alpha * expm1(x) : x)
UNARY(erf_f64, erf(x))
UNARY(exp_f64, exp(x))
UNARY(floor_f64, floor(x))
UNARY(gelu_f64, gelu(x, alpha != 0.0))
UNARY(hard_sigmoid_f64, clamp01(alpha *x + beta))
UNARY(hard_swish_f64, x *clamp01(x / 6.0 + 0.5))
UNARY(leaky_relu_f64, x < 0.0 ? alpha * x : x)
UNARY(log_f64, log(x))
UNARY(mish_f64, x *tanh(softplus(x)))
UNARY(neg_f64, -x)
UNARY(reciprocal_f64, 1.0 / x)
UNARY(relu_f64, x < 0.0 ? 0.0 : x)
UNARY(round_f64, rint(x))
UNARY(selu_f64, x > 0.0 ? beta * x : beta * alpha * expm1(x))
UNARY(shrink_f64, x<-alpha ? x + beta : x> alpha ? x - beta : isnan(x) ? x : 0.0)
UNARY(sigmoid_f64, sigmoid(x))
UNARY(sign_f64, sign(x))
UNARY(silu_f64, x *sigmoid(x))
UNARY(sin_f64, sin(x))
UNARY(sinh_f64, sinh(x))
UNARY(softplus_f64, softplus(x))
UNARY(softsign_f64, x / (1.0 + fabs(x)))
UNARY(sqrt_f64, sqrt(x))
UNARY(tan_f64, tan(x))
UNARY(tanh_f64, tanh(x))
UNARY(thresholded_relu_f64, x > alpha ? x : 0.0)

UNARY_S64(abs_s64, x < 0 && !is_u64 ? negate(x) : x)
UNARY_S64(bitwise_not_s64, ~x)
UNARY_S64(neg_s64, negate(x))
UNARY_S64(not_s64, x == 0)
UNARY_S64(relu_s64, x < 0 ? 0 : x)
UNARY_S64(sign_s64, x == 0 ? 0 : x < 0 && !is_u64 ? -1 : 1)

PREDICATE(is_inf_f64, isinf(x) && (x > 0.0 ? positive : negative))
PREDICATE(is_nan_f64, isnan(x))

static const davit_elementwise table[] = {
    {.op = DAVIT_OP_Abs, .f64 = abs_f64, .s64 = abs_s64},
    {.op = DAVIT_OP_Acos, .f64 = acos_f64},
    {.op = DAVIT_OP_Acosh, .f64 = acosh_f64},
    {.op = DAVIT_OP_Asin, .f64 = asin_f64},
    {.op = DAVIT_OP_Asinh, .f64 = asinh_f64},
    {.op = DAVIT_OP_Atan, .f64 = atan_f64},
    {.op = DAVIT_OP_Atanh, .f64 = atanh_f64},
    {.op = DAVIT_OP_BitwiseNot, .s64 = bitwise_not_s64},
    {.op = DAVIT_OP_Ceil, .f64 = ceil_f64},
    {.op = DAVIT_OP_Celu, .f64 = celu_f64, .attributes = {{"alpha", 1.0f, NULL}}},
    {.op = DAVIT_OP_Cos, .f64 = cos_f64},
    {.op = DAVIT_OP_Cosh, .f64 = cosh_f64},
    {.op = DAVIT_OP_Elu, .f64 = elu_f64, .attributes = {{"alpha", 1.0f, NULL}}},
    {.op = DAVIT_OP_Erf, .f64 = erf_f64},
    {.op = DAVIT_OP_Exp, .f64 = exp_f64},
    {.op = DAVIT_OP_Floor, .f64 = floor_f64},
    {.op = DAVIT_OP_Gelu, .f64 = gelu_f64, .attributes = {{"approximate", 0.0f, "tanh"}}},
    {.op = DAVIT_OP_HardSigmoid,
     .f64 = hard_sigmoid_f64,
     .attributes = {{"alpha", 0.2f, NULL}, {"beta", 0.5f, NULL}}},
    {.op = DAVIT_OP_HardSwish, .f64 = hard_swish_f64},
    {.op = DAVIT_OP_IsInf,
     .f64 = is_inf_f64,
     .attributes = {{"detect_positive", 1.0f, NULL}, {"detect_negative", 1.0f, NULL}},
     .is_predicate = true},
    {.op = DAVIT_OP_IsNaN, .f64 = is_nan_f64, .is_predicate = true},
    {.op = DAVIT_OP_LeakyRelu, .f64 = leaky_relu_f64, .attributes = {{"alpha", 0.01f, NULL}}},
    {.op = DAVIT_OP_Log, .f64 = log_f64},
    {.op = DAVIT_OP_Mish, .f64 = mish_f64},
    {.op = DAVIT_OP_Neg, .f64 = neg_f64, .s64 = neg_s64},
    {.op = DAVIT_OP_Not, .s64 = not_s64},
    {.op = DAVIT_OP_Reciprocal, .f64 = reciprocal_f64},
    {.op = DAVIT_OP_Relu, .f64 = relu_f64, .s64 = relu_s64},
    {.op = DAVIT_OP_Round, .f64 = round_f64},
    {.op = DAVIT_OP_Selu,
     .f64 = selu_f64,
     .attributes = {{"alpha", 1.67326319217681884765625f, NULL},
                    {"gamma", 1.05070102214813232421875f, NULL}}},
    {.op = DAVIT_OP_Shrink,
     .f64 = shrink_f64,
     .attributes = {{"lambd", 0.5f, NULL}, {"bias", 0.0f, NULL}}},
    {.op = DAVIT_OP_Sigmoid, .f64 = sigmoid_f64},
    {.op = DAVIT_OP_Sign, .f64 = sign_f64, .s64 = sign_s64},
    {.op = DAVIT_OP_Silu, .f64 = silu_f64},
    {.op = DAVIT_OP_Sin, .f64 = sin_f64},
    {.op = DAVIT_OP_Sinh, .f64 = sinh_f64},
    {.op = DAVIT_OP_Softplus, .f64 = softplus_f64},
    {.op = DAVIT_OP_Softsign, .f64 = softsign_f64},
    {.op = DAVIT_OP_Sqrt, .f64 = sqrt_f64},
    {.op = DAVIT_OP_Tan, .f64 = tan_f64},
    {.op = DAVIT_OP_Tanh, .f64 = tanh_f64},
    {.op = DAVIT_OP_ThresholdedRelu,
     .f64 = thresholded_relu_f64,
     .attributes = {{"alpha", 1.0f, NULL}}},
};

const davit_elementwise *davit_elementwise_unary(davit_op op)
{
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (table[i].op == op) {
            return &table[i];
        }
    }
    return NULL;
}
