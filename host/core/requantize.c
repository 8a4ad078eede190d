/* From exact integer sums to 8-bit values: preparation on the host, and the plain C forms. */
#include "davit/requantize.h"

#include <string.h>

#include "quantize_private.h"

/* Beyond every 8-bit value and zero point. */
#define BOUND_LIMIT 0x1p20f
#define FACTOR_LIMIT 0x1p64f

float davit_round_16_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    bits += 0x7fu + ((bits >> 8) & 1u);
    bits &= ~(uint32_t)0xff;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

float davit_factor_of(float a, float b, float y)
{
    float product = a * b;
    return product < FLT_MIN ? 0.0f : product / y;
}

davit_status davit_check_factor(float value, const char *what, int64_t index, float *out,
                                davit_reason *reason)
{
    if (value <= FACTOR_LIMIT) {
        *out = value < FLT_MIN ? 0.0f : value;
        return DAVIT_OK;
    }
    if (index < 0) {
        return davit_refuse(reason, DAVIT_UNSUPPORTED,
                            "the scale of %s is more than 2^64 times that of the result", what);
    }
    return davit_refuse(reason, DAVIT_UNSUPPORTED,
                        "scale %lld of %s is more than 2^64 times that of the result",
                        (long long)index, what);
}

static float bound_in_steps(float bound, float scale)
{
    float steps = davit_clamp(bound / scale, -BOUND_LIMIT, BOUND_LIMIT);
    return steps < FLT_MIN && steps > -FLT_MIN ? 0.0f : steps;
}

davit_status davit_result_prepare(const davit_result_spec *spec, davit_result *out,
                                  davit_reason *reason)
{
    davit_status status = davit_quant8_check(&spec->type, "the result", reason);
    if (status != DAVIT_OK) {
        return status;
    }
    if (spec->low != spec->low || spec->high != spec->high) {
        return davit_refuse(reason, DAVIT_BAD_DATA, "a bound of the activation is not a number");
    }
    *out = (davit_result){spec->type.dtype, spec->type.zero,
                          bound_in_steps(spec->low, spec->type.scale),
                          bound_in_steps(spec->high, spec->type.scale)};
    return DAVIT_OK;
}

int32_t davit_result_finish(const davit_result *result, float t)
{
    t = davit_clamp(t, result->low, result->high);
    t = t + (float)result->zero;
    return davit_round_half_even(davit_clamp(t, (float)davit_quantized_low(result->dtype),
                                             (float)davit_quantized_high(result->dtype)));
}

int32_t davit_result_quantize(const davit_result *result, float t)
{
    int32_t q = davit_round_half_even(davit_clamp(t, result->low, result->high)) + result->zero;
    int32_t low = davit_quantized_low(result->dtype), high = davit_quantized_high(result->dtype);
    return q < low ? low : q > high ? high : q;
}

/* ---- convolution, GEMM, matmul ---- */

static davit_status check_counts(const davit_requantization_spec *spec, davit_reason *reason)
{
    if (spec->w_scale_count != 1 && spec->w_scale_count != spec->channels) {
        return davit_refuse(reason, DAVIT_BAD_DATA, "the weights have %zu scales for %zu channels",
                            spec->w_scale_count, spec->channels);
    }
    if (spec->bias_count != 0 && spec->bias_count != spec->channels) {
        return davit_refuse(reason, DAVIT_BAD_DATA, "the bias has %zu elements for %zu channels",
                            spec->bias_count, spec->channels);
    }
    return DAVIT_OK;
}

static davit_status prepare_channels(const davit_requantization_spec *spec, float *scale,
                                     float *bias, davit_reason *reason)
{
    for (size_t o = 0; o < spec->channels; o++) {
        size_t i = spec->w_scale_count == 1 ? 0 : o;
        int64_t index = spec->w_scale_count == 1 ? -1 : (int64_t)o;
        davit_status status = davit_check_scale(spec->w_scale[i], "the weights", index, reason);
        if (status != DAVIT_OK) {
            return status;
        }
        float s = davit_factor_of(spec->x_scale, spec->w_scale[i], spec->result.type.scale);
        status = davit_check_factor(s, "the weights", index, &scale[o], reason);
        if (status != DAVIT_OK) {
            return status;
        }
        if (spec->bias_count != 0) {
            bias[o] = (float)spec->bias[o];
        }
    }
    return DAVIT_OK;
}

/* The factor of an operand of a sum, to 16 bits. */
static davit_status prepare_term(const davit_quant8 *term, float y_scale, const char *what,
                                 float *out, davit_reason *reason)
{
    davit_status status = davit_quant8_check(term, what, reason);
    if (status != DAVIT_OK) {
        return status;
    }
    return davit_check_factor(davit_round_16_bits(term->scale / y_scale), what, -1, out, reason);
}

davit_status davit_requantization_prepare(const davit_requantization_spec *spec, float *scale,
                                          float *bias, davit_requantization *out,
                                          davit_reason *reason)
{
    davit_requantization made = {.channels = spec->channels,
                                 .scale = scale,
                                 .bias = spec->bias_count != 0 ? bias : NULL,
                                 .residual_dtype = spec->residual.dtype};
    davit_status status = davit_result_prepare(&spec->result, &made.result, reason);
    if (status == DAVIT_OK) {
        status = check_counts(spec, reason);
    }
    if (status == DAVIT_OK) {
        status = davit_check_scale(spec->x_scale, "the input", -1, reason);
    }
    if (status == DAVIT_OK && spec->residual.dtype != DAVIT_DTYPE_NONE) {
        made.residual_zero = spec->residual.zero;
        status = prepare_term(&spec->residual, spec->result.type.scale, "the residual",
                              &made.residual_scale, reason);
    }
    if (status == DAVIT_OK) {
        status = prepare_channels(spec, scale, bias, reason);
    }
    if (status == DAVIT_OK) {
        *out = made;
    }
    return status;
}

int32_t davit_requantize_one(const davit_requantization *p, size_t o, int64_t acc, int32_t previous)
{
    float t = (float)acc;
    if (p->bias != NULL) {
        t = t + p->bias[o];
    }
    t = t * p->scale[o];
    float residual = (float)previous * p->residual_scale;
    t = t + residual;
    return davit_result_finish(&p->result, t);
}

static int32_t previous_of(const davit_requantization *p, const void *residual, size_t i)
{
    return residual != NULL ? davit_load8(residual, p->residual_dtype, i) - p->residual_zero : 0;
}

void davit_requantize(const davit_requantization *p, size_t rows, const int32_t *acc,
                      const void *residual, void *out)
{
    size_t i = 0;
    for (size_t row = 0; row < rows; row++) {
        for (size_t o = 0; o < p->channels; o++, i++) {
            int32_t previous = previous_of(p, residual, i);
            davit_store8(out, i, davit_requantize_one(p, o, acc[i], previous));
        }
    }
}

void davit_requantize_wide(const davit_requantization *p, size_t rows, const int64_t *acc,
                           const void *residual, void *out)
{
    size_t i = 0;
    for (size_t row = 0; row < rows; row++) {
        for (size_t o = 0; o < p->channels; o++, i++) {
            int32_t previous = previous_of(p, residual, i);
            davit_store8(out, i, davit_requantize_one(p, o, acc[i], previous));
        }
    }
}

/* ---- add ---- */

davit_status davit_addition_prepare(const davit_quant8 *a, const davit_quant8 *b,
                                    const davit_result_spec *y, davit_addition *out,
                                    davit_reason *reason)
{
    davit_addition made = {
        .a_dtype = a->dtype, .b_dtype = b->dtype, .a_zero = a->zero, .b_zero = b->zero};
    davit_status status = davit_result_prepare(y, &made.result, reason);
    if (status == DAVIT_OK) {
        status = prepare_term(a, y->type.scale, "the first operand", &made.a_scale, reason);
    }
    if (status == DAVIT_OK) {
        status = prepare_term(b, y->type.scale, "the second operand", &made.b_scale, reason);
    }
    if (status == DAVIT_OK) {
        *out = made;
    }
    return status;
}

int32_t davit_add_one(const davit_addition *p, int32_t qa, int32_t qb)
{
    float a = (float)(qa - p->a_zero) * p->a_scale;
    float b = (float)(qb - p->b_zero) * p->b_scale;
    return davit_result_quantize(&p->result, a + b);
}

void davit_add(const davit_addition *p, size_t count, const void *a, const void *b, void *out)
{
    for (size_t i = 0; i < count; i++) {
        int32_t qa = davit_load8(a, p->a_dtype, i);
        int32_t qb = davit_load8(b, p->b_dtype, i);
        davit_store8(out, i, davit_add_one(p, qa, qb));
    }
}
