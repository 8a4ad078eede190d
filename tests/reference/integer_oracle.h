/* The integer definition of davit/requantize.h once more, in exact integer arithmetic
 * (exact_f32.h) and without any of its code. */
#ifndef DAVIT_TEST_INTEGER_ORACLE_H
#define DAVIT_TEST_INTEGER_ORACLE_H

#include "davit/requantize.h"

/* t in steps of y -> q: bounds, rounding, zero point, saturation. */
int32_t oracle_quantize(const davit_result_spec *y, float t);

/* A sum of products with weights: bias (in the sum's unit), then a residual that is value steps
 * above its zero point. */
typedef struct oracle_sum {
    int64_t acc;
    float x_scale, w_scale;
    int32_t bias;
    int32_t residual;
    float residual_scale;
} oracle_sum;

int32_t oracle_requantize(const davit_result_spec *y, const oracle_sum *sum);

/* a and b in steps above their zero points. */
int32_t oracle_add(const davit_result_spec *y, int32_t a, float a_scale, int32_t b, float b_scale);

/* sum * (a_scale * b_scale / y_scale) */
int32_t oracle_product(const davit_result_spec *y, int64_t sum, float a_scale, float b_scale);

/* sum * (x_scale / y_scale / divisor); 0 for divisor 0. */
int32_t oracle_average(const davit_result_spec *y, int64_t sum, float x_scale, int64_t divisor);

#endif
