/* Elementwise work on rows that ends in bytes, in one pass where it would be one for each operator:
 *
 *   x = a + bias + b           a, b: f32, or bytes dequantised; bias, b: maybe none
 *   x = GELU(x), or LayerNormalization(x) over a row, or x
 *   out = QuantizeLinear(x)
 *
 * Without a function the bytes are those of the operators one by one, but for a quotient that lies within
 * 2^-46 of half a step (chain_body.h); functions are within f32's tolerance of theirs. */
#ifndef DAVIT_ONEDNN_CHAIN_H
#define DAVIT_ONEDNN_CHAIN_H

#include "group.h"
#include "int8_loops.h"

#define DAVIT_CHAIN_NORMALIZED 4096 /* columns at most where rows are normalised */

typedef enum davit_chain_function {
    DAVIT_CHAIN_NOTHING,
    DAVIT_CHAIN_GELU,
    DAVIT_CHAIN_NORMALIZE
} davit_chain_function;

typedef struct davit_chain_operand {
    bool is_bytes;
    davit_int8_source source;
    float scale;
} davit_chain_operand;

typedef struct davit_chain {
    int64_t rows, columns;
    davit_chain_operand a, b;
    bool has_b;
    const float *bias; /* [columns], or NULL */
    davit_chain_function function;
    const float *scale, *shift; /* [columns], of the normalisation; shift may be NULL */
    float epsilon;
    davit_int8_linear out;
    float reciprocal; /* of out.scale; 0: it is not normal, divide */
} davit_chain;

typedef struct davit_chain_loops {
    const char *name;
    /* Rows first to first + count. out may be a where that is bytes. */
    void (*run)(const davit_chain *chain, int64_t first, int64_t count, const void *a,
                const void *b, void *out);
} davit_chain_loops;

extern const davit_chain_loops davit_chain_avx2;
extern const davit_chain_loops davit_chain_avx512;

/* Finds a chain that ends in the QuantizeLinear at position. reads_strided: what reads its result
 * takes it in any layout, so that a Transpose before it need not be done. */
DAVIT_NODISCARD davit_status davit_chain_find(davit_onednn_builder *builder, size_t position,
                                              bool reads_strided);

#endif
