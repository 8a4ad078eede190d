/* Looking at the values of constants, for passes that recognise patterns. */
#ifndef DAVIT_CONSTANTS_H
#define DAVIT_CONSTANTS_H

#include "davit/node.h"

/* True when the tensor holds f16, bf16, f32 or f64: what davit_constant_get reads. */
bool davit_constant_is_float(const davit_tensor *tensor);
/* Element index of a tensor of one of these types. */
double davit_constant_get(const davit_tensor *tensor, int64_t index);
/* Stores with a single rounding to the tensor's type, one of these. */
void davit_constant_set(davit_tensor *tensor, int64_t index, double value);

/* Reads a constant of one element, of one of these types; false when value is anything else. */
bool davit_constant_scalar(const davit_graph *graph, davit_value_id value, double *out);
/* The same, true when that element is expected, to a few units of f32 rounding. */
bool davit_constant_equals(const davit_graph *graph, davit_value_id value, double expected);

/* True when a float tensor, broadcast to desc, changes along the axis only and does not enlarge
 * desc: it then holds 1 or dims[axis] elements. */
bool davit_constant_along(const davit_tensor *tensor, const davit_tensor_desc *desc, int axis);

#endif
