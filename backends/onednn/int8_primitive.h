/* Integer convolutions and matrix products by oneDNN's kernels, where one is known to be exact. */
#ifndef DAVIT_ONEDNN_INT8_PRIMITIVE_H
#define DAVIT_ONEDNN_INT8_PRIMITIVE_H

#include "davit/window.h"
#include "int8_weighted.h"

/* What oneDNN computes: sums of src * weights. */
typedef struct davit_int8_shape {
    const davit_window *window; /* NULL: a matrix product */
    int64_t groups;
    int64_t rows; /* of the result: all places of all images */
} davit_int8_shape;

/* Adds the steps and sets the output. DAVIT_UNSUPPORTED, nothing added, where no implementation is
 * allowed or the chosen one failed its check. */
DAVIT_NODISCARD davit_status davit_int8_add_primitive(davit_onednn_builder *builder,
                                                      const davit_int8_weighted *weighted,
                                                      const davit_int8_shape *shape);

#endif
