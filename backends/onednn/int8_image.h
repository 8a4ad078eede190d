/* Operators over 8-bit images, channels last: the forms of MaxPool and nearest Resize for u8 and
 * s8. */
#ifndef DAVIT_ONEDNN_INT8_IMAGE_H
#define DAVIT_ONEDNN_INT8_IMAGE_H

#include "builder.h"
#include "davit/window.h"

/* Every window must have a tap inside the input. */
DAVIT_NODISCARD davit_status davit_int8_build_max_pool(davit_onednn_builder *builder,
                                                       const davit_node *node,
                                                       const davit_window *window);

/* Rank 4, over the last two axes. rows and columns say which input coordinate an output coordinate
 * reads; they live as long as the program. */
DAVIT_NODISCARD davit_status davit_int8_build_nearest(davit_onednn_builder *builder,
                                                      const davit_node *node, const int64_t *rows,
                                                      const int64_t *columns);

#endif
