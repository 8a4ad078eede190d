/* Pooling over all of space, for reductions too. */
#ifndef DAVIT_ONEDNN_POOL_H
#define DAVIT_ONEDNN_POOL_H

#include "builder.h"

/* Adds the mean or the greatest over all dimensions from 2 on, which become 1; *out has the rank of
 * the value and a layout of oneDNN's choice. */
DAVIT_NODISCARD davit_status davit_onednn_add_global_pool(davit_onednn_builder *builder,
                                                          dnnl_alg_kind_t algorithm,
                                                          const davit_onednn_operand *from,
                                                          davit_onednn_operand *out);

#endif
