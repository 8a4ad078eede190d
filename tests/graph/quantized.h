/* Quantised graphs for tests, on top of builder.h: what quantisers write around operators. */
#ifndef DAVIT_TEST_GRAPH_QUANTIZED_H
#define DAVIT_TEST_GRAPH_QUANTIZED_H

#include "builder.h"

#include "davit/quantize.h"

/* Types that differ in all they can. */
extern const davit_quant8 quantized_a; /* u8, odd zero point */
extern const davit_quant8 quantized_b; /* s8 */
extern const davit_quant8 quantized_c; /* u8, zero point 0: what is behind a Relu */

/* A constant of one number: the scale or the zero point of a type. */
davit_value_id quantized_scale(builder *b, float scale);
davit_value_id quantized_zero(builder *b, davit_dtype dtype, int32_t zero);

/* QuantizeLinear, DequantizeLinear, and the one behind the other. */
davit_value_id quantized_quantize(builder *b, davit_value_id x, const davit_quant8 *type);
davit_value_id quantized_dequantize(builder *b, davit_value_id q, const davit_quant8 *type);
davit_value_id quantized_both(builder *b, davit_value_id x, const davit_quant8 *type);

/* An f32 graph input of that shape, quantised and dequantised. */
davit_value_id quantized_input(builder *b, const char *name, int rank, const int64_t *dims,
                               const davit_quant8 *type);

/* Random weights behind a DequantizeLinear: bytes of dtype, scales around 0.01, zero points around
 * the given one. count: 1, or dims[axis] for a scale for each slice. */
typedef struct quantized_weights {
    davit_dtype dtype;
    int32_t zero;
    int axis;
    int64_t count;
} quantized_weights;
davit_value_id quantized_constant(builder *b, int rank, const int64_t *dims,
                                  const quantized_weights *weights);

#endif
