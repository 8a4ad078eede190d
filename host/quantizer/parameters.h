/* From ranges to scales. */
#ifndef DAVIT_QUANTIZER_PARAMETERS_H
#define DAVIT_QUANTIZER_PARAMETERS_H

#include "davit/quantize.h"
#include "observer.h"

/* The type that covers range and 0, as onnxruntime.quantization chooses it:
 *   scale = (high - low) / 255, zero = round_half_even(least - low / scale), both in f64, the scale
 *   rounded to f32
 * and scale 1, zero 0 (u8) where the scale would not be a normal number: such a value is 0. range
 * is finite. */
davit_quant8 davit_type_of_range(davit_range range, davit_dtype dtype);

/* The scale of symmetric s8 weights of that greatest magnitude, magnitude / 127, raised so far that
 * with inputs of x_scale
 *   x_scale * scale is a normal number, and
 *   |bias| / (x_scale * scale) <= 2^30, which leaves s32 room for the products.
 * 1 where all weights are 0 and no bias asks for more. */
float davit_weight_scale(float magnitude, float x_scale, float bias);

#endif
