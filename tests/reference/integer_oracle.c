#include "integer_oracle.h"

#include "exact_f32.h"

/* A bound of the activation in steps. */
static float bound_of(float bound, float scale)
{
    float steps = isinf(bound) ? bound : exact_divide(bound, scale);
    float limit = 0x1p20f;
    return steps > limit ? limit : steps < -limit ? -limit : fabsf(steps) < 0x1p-126f ? 0 : steps;
}

static float activate(const davit_result_spec *y, float t)
{
    float low = bound_of(y->low, y->type.scale);
    float high = bound_of(y->high, y->type.scale);
    t = t < low ? low : t;
    return t > high ? high : t;
}

/* The end of a sum with weights. */
static int32_t finish(const davit_result_spec *y, float t)
{
    bool is_signed = y->type.dtype == DAVIT_S8;
    float least = is_signed ? -128.0f : 0.0f;
    float greatest = is_signed ? 127.0f : 255.0f;
    t = exact_add(activate(y, t), (float)y->type.zero);
    t = t < least ? least : t;
    t = t > greatest ? greatest : t;
    return exact_to_s32(t);
}

int32_t oracle_quantize(const davit_result_spec *y, float t)
{
    int32_t q = exact_to_s32(activate(y, t)) + y->type.zero;
    int32_t least = y->type.dtype == DAVIT_S8 ? -128 : 0;
    return q < least ? least : q > least + 255 ? least + 255 : q;
}

/* Nearest even of 16 significant bits. */
static float to_16_bits(float value)
{
    exact x = exact_of(value);
    return exact_round((exact){exact_shift(x.significand, 8), x.exponent + 8});
}

static float factor(float a, float b, float y)
{
    float product = exact_multiply(a, b);
    float quotient = product < 0x1p-126f ? 0.0f : exact_divide(product, y);
    return quotient < 0x1p-126f ? 0.0f : quotient;
}

int32_t oracle_requantize(const davit_result_spec *y, const oracle_sum *sum)
{
    float t = exact_from_s64(sum->acc);
    t = exact_add(t, exact_from_s64(sum->bias));
    t = exact_multiply(t, factor(sum->x_scale, sum->w_scale, y->type.scale));
    if (sum->residual != 0) {
        float r = to_16_bits(exact_divide(sum->residual_scale, y->type.scale));
        t = exact_add(t, exact_multiply((float)sum->residual, r));
    }
    return finish(y, t);
}

int32_t oracle_add(const davit_result_spec *y, int32_t a, float a_scale, int32_t b, float b_scale)
{
    float ra = to_16_bits(exact_divide(a_scale, y->type.scale));
    float rb = to_16_bits(exact_divide(b_scale, y->type.scale));
    return oracle_quantize(y, exact_add(exact_multiply((float)a, ra), exact_multiply((float)b, rb)));
}

int32_t oracle_product(const davit_result_spec *y, int64_t sum, float a_scale, float b_scale)
{
    float m = factor(a_scale, b_scale, y->type.scale);
    return oracle_quantize(y, exact_multiply(exact_from_s64(sum), m));
}

int32_t oracle_average(const davit_result_spec *y, int64_t sum, float x_scale, int64_t divisor)
{
    float m = 0.0f;
    if (divisor != 0) {
        m = exact_divide(exact_divide(x_scale, y->type.scale), exact_from_s64(divisor));
    }
    return oracle_quantize(y, exact_multiply(exact_from_s64(sum), m));
}
