/* Copies between two strided layouts of any element type: transposition, slices, expansion,
 * padding, depth to space. */
#ifndef DAVIT_ONEDNN_COPY_H
#define DAVIT_ONEDNN_COPY_H

#include "builder.h"

#define DAVIT_ONEDNN_COPY_MAX_RANK (2 * DAVIT_MAX_RANK)

/* to[sum i_k * to_strides[k]] = from[sum i_k * from_strides[k]] for all 0 <= i_k < dims[k].
 * Strides and offsets in elements; a stride of from may be 0 or negative. dims >= 1. */
typedef struct davit_onednn_copy {
    int rank;
    int64_t dims[DAVIT_ONEDNN_COPY_MAX_RANK];
    int64_t from_strides[DAVIT_ONEDNN_COPY_MAX_RANK];
    int64_t to_strides[DAVIT_ONEDNN_COPY_MAX_RANK];
    int64_t from_offset, to_offset;
    size_t elem_bytes; /* 1, 2, 4 or 8 */
} davit_onednn_copy;

/* Fills strides of dense row-major. */
void davit_onednn_dense_strides(int rank, const int64_t *dims, int64_t *strides);

/* Of a Transpose: axis i of the result is axis permutation[i] of the input. */
void davit_onednn_permutation(const davit_node *node, int rank, int *permutation);

/* Adds a step that copies. The operands must not overlap. */
DAVIT_NODISCARD davit_status davit_onednn_add_copy(davit_onednn_builder *builder,
                                                   const davit_onednn_operand *from,
                                                   const davit_onednn_operand *to,
                                                   const davit_onednn_copy *copy);
/* Adds a step that copies between two layouts of one shape and type. */
DAVIT_NODISCARD davit_status davit_onednn_add_layout_copy(davit_onednn_builder *builder,
                                                          const davit_onednn_operand *from,
                                                          const davit_tensor_desc *from_desc,
                                                          const davit_onednn_operand *to,
                                                          const davit_tensor_desc *to_desc);

#endif
