/* What the products of f32 values may be computed in, where that is asked for. */
#ifndef DAVIT_PRECISION_H
#define DAVIT_PRECISION_H

#include <stdbool.h>

typedef enum davit_precision {
    DAVIT_PRECISION_F32, /* the default */
    /* Operands of convolutions and matrix products rounded to 10 bits behind the point (TF32 of NVIDIA's
     * matrix units), sums in f32: each product within 2^-10 of what it is. */
    DAVIT_PRECISION_TF32,
    /* Operands of convolutions and matrix products rounded to bfloat16, 7 bits behind the point (CPUs with
     * AVX512_BF16 or AMX), sums and results in f32: each product within 2^-8 of what it is. Depthwise
     * convolutions stay f32. */
    DAVIT_PRECISION_BF16
} davit_precision;

#define DAVIT_PRECISION_COUNT 3

/* "f32", "tf32", "bf16"; NULL for what is none. */
const char *davit_precision_name(davit_precision precision);
/* The one of that name; false: there is none. */
bool davit_precision_find(const char *name, davit_precision *out);

#endif
