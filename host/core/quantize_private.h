/* What the quantisation files share. */
#ifndef DAVIT_QUANTIZE_PRIVATE_H
#define DAVIT_QUANTIZE_PRIVATE_H

#include "davit/requantize.h"

/* Writes the reason (NULL: nowhere) and returns status. */
DAVIT_PRINTF(3, 4)
davit_status davit_refuse(davit_reason *reason, davit_status status, const char *format, ...);

/* DAVIT_OK, or DAVIT_BAD_DATA with "the scale of WHAT DEFECT", "scale INDEX of WHAT DEFECT" for
 * an index >= 0. */
davit_status davit_check_scale(float scale, const char *what, int64_t index, davit_reason *reason);

/* The same for a zero point out of the range of dtype. */
davit_status davit_check_zero(davit_dtype dtype, int32_t zero, const char *what, int64_t index,
                              davit_reason *reason);

/* Applies the rule of davit/requantize.h to a factor: *out is value, or 0 below 2^-126. Returns
 * DAVIT_UNSUPPORTED with the reason above 2^64. index as above. */
davit_status davit_check_factor(float value, const char *what, int64_t index, float *out,
                                davit_reason *reason);

/* QuantizeLinear of one value. */
int32_t davit_quantize_value(float x, float scale, int32_t zero, davit_dtype dtype);

/* (a * b) / y, 0 where the product is below 2^-126: f32 product, then f32 quotient. */
float davit_factor_of(float a, float b, float y);

/* value rounded to 16 significant bits, nearest even. value is normal, 0 or infinite. */
float davit_round_16_bits(float value);

#endif
