/* 3x3 convolutions of bytes by Winograd's algorithm F(4x4, 3x3), exact to the bit: each tile of 4x4
 * outputs is made from 6x6 inputs with 36 products in the place of 144.
 *
 * Interpolated at 0, 1, -1, 2, -2 and infinity. Transformed inputs and weights are integers that
 * fit s16: the weights' fractions are left out, which makes a sum 576 / (f[i] * f[j]) times as
 * large, f = {1, 2, 4, 4}. Sums are taken modulo 2^32, where 9 has an inverse, so that a result is
 * exact where it fits 32 - 6 bits (Lavin and Gray, Fast Algorithms for Convolutional Neural
 * Networks). */
#ifndef DAVIT_ONEDNN_INT8_WINOGRAD_H
#define DAVIT_ONEDNN_INT8_WINOGRAD_H

#include "davit/window.h"
#include "int8_weighted.h"

/* True where the algorithm is exact, and chosen or by rule faster than the other kernels. */
bool davit_int8_winograd_fits(const davit_onednn_builder *builder,
                              const davit_int8_weighted *weighted, const davit_window *window);

/* Adds the step and sets the output. */
DAVIT_NODISCARD davit_status davit_int8_add_winograd(davit_onednn_builder *builder,
                                                     const davit_int8_weighted *weighted,
                                                     const davit_window *window);

#endif
