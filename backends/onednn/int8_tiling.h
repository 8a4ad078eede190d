/* IntegerConvTranspose whose windows do not overlap, as one product from input places to tiles. */
#ifndef DAVIT_ONEDNN_INT8_TILING_H
#define DAVIT_ONEDNN_INT8_TILING_H

#include "davit/window.h"
#include "int8_weighted.h"

/* True for what the function below builds. */
bool davit_int8_tiles_image(const davit_onednn_builder *builder,
                            const davit_int8_weighted *weighted, const davit_window *window);

/* Adds the step. */
DAVIT_NODISCARD davit_status davit_int8_add_tiling(davit_onednn_builder *builder,
                                                   const davit_int8_weighted *weighted,
                                                   const davit_window *window);

#endif
