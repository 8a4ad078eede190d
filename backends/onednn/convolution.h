/* What convolutions of every type must know of their windows. */
#ifndef DAVIT_ONEDNN_CONVOLUTION_H
#define DAVIT_ONEDNN_CONVOLUTION_H

#include "davit/window.h"

/* True when some window of a convolution lies in the padding with all its taps: oneDNN has kernels
 * that lose a residual there. */
bool davit_onednn_has_empty_window(const davit_window *window);

/* True when the windows of a transposed convolution lie side by side: each input place makes a tile
 * of the output, so that it is a product and a move of the result. */
bool davit_onednn_is_tiling(const davit_window *window);

#endif
