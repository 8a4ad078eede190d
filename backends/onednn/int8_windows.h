/* Convolutions whose windows are multiplied where they lie, in a padded copy of the image, by the
 * loops of int8_dot.h: a window is lines of bytes, and the next one begins some bytes further. */
#ifndef DAVIT_ONEDNN_INT8_WINDOWS_H
#define DAVIT_ONEDNN_INT8_WINDOWS_H

#include "davit/window.h"
#include "int8_weighted.h"

/* True for what the function below builds, where it is chosen or by rule faster than the other
 * kernels: images of few channels, and small ones. */
bool davit_int8_windows_fit(const davit_onednn_builder *builder,
                            const davit_int8_weighted *weighted, const davit_window *window);

/* Adds the steps and sets the output. */
DAVIT_NODISCARD davit_status davit_int8_add_windows(davit_onednn_builder *builder,
                                                    const davit_int8_weighted *weighted,
                                                    const davit_window *window);

#endif
