/* The Einsum operator's equation, read once for inference and for kernels.
 *
 * Every axis of every operand carries a label: a letter, or a place of the ellipsis counted from
 * its right end. Labels that the result does not carry are summed over. */
#ifndef DAVIT_EINSUM_H
#define DAVIT_EINSUM_H

#include "davit/graph.h"

#define DAVIT_EINSUM_MAX_INPUTS 8
#define DAVIT_EINSUM_MAX_LABELS 26

typedef struct davit_einsum {
    int label_count;
    int64_t extent[DAVIT_EINSUM_MAX_LABELS]; /* of each label, 1s broadcast */
    int input_count;
    int input_rank[DAVIT_EINSUM_MAX_INPUTS];
    int input[DAVIT_EINSUM_MAX_INPUTS][DAVIT_MAX_RANK]; /* the label of each axis */
    int output_rank;
    int output[DAVIT_MAX_RANK];
} davit_einsum;

/* Reads equation ("bij,bjk->bik", "...ij->...ji", "ii") for operands of the given descriptions, as
 * the ONNX specification and numpy do: letters a-z and A-Z, spaces ignored; without "->" the result
 * has the ellipsis, then the letters that occur once, in the order of their codes.
 * Reports "node 'NAME' (Einsum): text" and returns DAVIT_BAD_DATA for a malformed equation or
 * extents that disagree, DAVIT_UNSUPPORTED above the limits above. Reentrant. */
DAVIT_NODISCARD davit_status davit_einsum_parse(const davit_node *node,
                                                const davit_tensor_desc *const *operands, int count,
                                                const davit_diagnostics *diag, davit_einsum *out);

#endif
