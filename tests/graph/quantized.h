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

/* Shapes of inputs. */
extern const int64_t quantized_image[4];  /* 2x6x7x9 */
extern const int64_t quantized_matrix[2]; /* 5x6 */

/* A convolution called "conv" of quantized_image's 6 channels to 4, 3x2, padded at three sides,
 * with an f32 bias or none. */
typedef struct quantized_convolution {
    davit_op op; /* Conv or ConvTranspose */
    int64_t groups;
    quantized_weights weights;
    bool bias;
} quantized_convolution;
extern const quantized_convolution quantized_plain;
davit_value_id quantized_convolve(builder *b, davit_value_id x, const quantized_convolution *c);

/* Runs the pass; diag is initialised. */
davit_status quantized_lower(davit_graph *graph, davit_diagnostics_buffer *diag);

/* Binds and lowers, and compares the first output with that of the graph before: f32, in steps. */
void quantized_check_lowered(builder *b, float step);

/* Quantises value, makes it the output, lowers, and asserts that nothing between the quantised
 * inputs and the output stays f32. */
void quantized_check_integer(builder *b, davit_value_id value, const davit_quant8 *type);

#endif
