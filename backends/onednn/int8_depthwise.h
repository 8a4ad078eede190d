/* Integer convolutions in which every channel has a filter of its own. */
#ifndef DAVIT_ONEDNN_INT8_DEPTHWISE_H
#define DAVIT_ONEDNN_INT8_DEPTHWISE_H

#include "int8_weighted.h"
#include "int8_window.h"

/* Adds the step and sets the output; places is how many output places all images have. */
DAVIT_NODISCARD davit_status davit_int8_add_depthwise(davit_onednn_builder *builder,
                                                      const davit_int8_weighted *weighted,
                                                      const davit_int8_window *window,
                                                      int64_t places);

#endif
