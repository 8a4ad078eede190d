/* Functions of one 8-bit value as tables of 256 bytes, and softmax in fixed point. See
 * davit/quantize.h for the arithmetic meant.
 *
 * Tables are made on the host and used as they are by every device. They serve activations, and
 * with DAVIT_FUNCTION_IDENTITY the operators that only move values (concat, maximum pooling,
 * nearest resize) where the types of input and output differ: scales are positive, so a maximum
 * commutes with the table. */
#ifndef DAVIT_QUANTIZE_TABLE_H
#define DAVIT_QUANTIZE_TABLE_H

#include "davit/requantize.h"

typedef enum davit_function {
    DAVIT_FUNCTION_IDENTITY,
    DAVIT_FUNCTION_RELU,
    DAVIT_FUNCTION_CLIP,        /* min(max(x, alpha), beta) */
    DAVIT_FUNCTION_LEAKY_RELU,  /* x < 0 ? alpha * x : x */
    DAVIT_FUNCTION_ELU,         /* x < 0 ? alpha * (exp(x) - 1) : x */
    DAVIT_FUNCTION_LINEAR,      /* alpha * x + beta */
    DAVIT_FUNCTION_HARDSIGMOID, /* max(0, min(1, alpha * x + beta)) */
    DAVIT_FUNCTION_HARDSWISH,   /* x * max(0, min(1, x / 6 + 1 / 2)) */
    DAVIT_FUNCTION_EXP,
    DAVIT_FUNCTION_SIGMOID,
    DAVIT_FUNCTION_TANH,
    DAVIT_FUNCTION_SILU,      /* x * sigmoid(x) */
    DAVIT_FUNCTION_ERF,       /* the error function */
    DAVIT_FUNCTION_GELU_ERF,  /* x / 2 * (1 + erf(x / sqrt 2)) */
    DAVIT_FUNCTION_GELU_TANH, /* x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))) */
    DAVIT_FUNCTION_SOFTPLUS,  /* log(1 + exp(x)) */
    DAVIT_FUNCTION_MISH,      /* x * tanh(log(1 + exp(x))) */
    DAVIT_FUNCTION_COUNT
} davit_function;

/* The function in lower case ("leaky_relu"), NULL for a number that is none. */
const char *davit_function_name(davit_function function);

/* f(x) in f64, by +, -, *, / alone (host/core/real.h), so that every machine gets the same bits.
 * The relative error is below 2^-40 where f(x) is in the range of normal f32. Infinities give the
 * limits. alpha and beta are read where the list above names them. */
double davit_function_value(davit_function function, float alpha, float beta, float x);

typedef struct davit_table_spec {
    davit_function function;
    float alpha, beta;
    davit_quant8 x, y;
} davit_table_spec;

/* The bytes of y for each byte of x (indexed by the byte, for s8 too):
 *
 *   table[q] = QuantizeLinear(f32(f(DequantizeLinear(q))))
 *
 * where f32() is the nearest f32 to the real value: what the QDQ graph gives when its operator is
 * computed in f32 without error. (Double rounding could move an entry only where f(x) is within
 * 2^-40 of the middle of two f32, and their quotients by y's scale are on both sides of a tie.)
 *
 * Returns DAVIT_OK, or DAVIT_BAD_DATA with the reason, table untouched: as davit_quant8_check, or
 * an alpha or beta that is used and not finite; DAVIT_INVALID_ARGUMENT for an unknown function. */
DAVIT_NODISCARD davit_status davit_table_make(const davit_table_spec *spec, uint8_t table[256],
                                              davit_reason *reason);

/* y[i] = table[x[i]]; y may be x. */
void davit_table_apply(const uint8_t table[256], size_t count, const void *x, void *y);

/* Softmax of a row of n values:
 *
 *   e[i] = E[max - q[i]],   E[d] = round(2^30 * exp(-d * x_scale))      u32, made on the host
 *   S = sum of e                                                        u64, exact
 *   R = floor((2^62 - 1) / S)                                           fits u32
 *   p[i] = (e[i] * R + 2^37) >> 38                                      0..2^24
 *   t = float(p[i]) * m,   m = f32(1 / y_scale) * 2^-24
 *   q = davit_result_quantize(t)
 *
 * One integer division a row; a kernel may compute R with its own exact division. n < 2^33. Before
 * the last rounding |p / 2^24 - softmax| <= 2^-25 + 2^-32 + (n + 1) * 2^-31: 0.006 steps of 1/256
 * for 50,000 classes. The input's zero point plays no role. */
typedef struct davit_softmax {
    davit_dtype x_dtype;
    uint32_t exponential[256]; /* E */
    davit_rescale rescale;     /* of p */
} davit_softmax;

/* Returns as davit_requantization_prepare. */
DAVIT_NODISCARD davit_status davit_softmax_prepare(const davit_quant8 *x,
                                                   const davit_result_spec *y, davit_softmax *out,
                                                   davit_reason *reason);

/* One row: count elements, each stride elements after the one before; y may be x. */
void davit_softmax_row(const davit_softmax *p, size_t count, size_t stride, const void *x, void *y);

#endif
