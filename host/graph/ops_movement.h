/* The infer functions of the movement family, in three files, and what they share. */
#ifndef DAVIT_OPS_MOVEMENT_H
#define DAVIT_OPS_MOVEMENT_H

#include "davit/infer.h"

/* No dimension of a tensor is greater: what exceeds it is refused before it is computed with. */
#define DAVIT_MAX_DIM ((int64_t)DAVIT_MAX_TENSOR_BYTES)

/* *product = a * b, both >= 0; refused above DAVIT_MAX_DIM. */
davit_status davit_infer_multiply(const davit_infer *infer, int64_t a, int64_t b, int64_t *product);

/* Makes count axes non-negative and refuses those that are out of range or given twice. */
davit_status davit_infer_axes(const davit_infer *infer, const int64_t *axes, size_t count, int rank,
                              int *out);

davit_status davit_infer_slice(davit_infer *infer);
davit_status davit_infer_pad(davit_infer *infer);
davit_status davit_infer_center_crop_pad(davit_infer *infer);
davit_status davit_infer_split(davit_infer *infer);

davit_status davit_infer_gather(davit_infer *infer);
davit_status davit_infer_gather_elements(davit_infer *infer);
davit_status davit_infer_gather_nd(davit_infer *infer);
davit_status davit_infer_scatter_elements(davit_infer *infer);
davit_status davit_infer_scatter_nd(davit_infer *infer);

davit_status davit_infer_compress(davit_infer *infer);
davit_status davit_infer_non_zero(davit_infer *infer);
davit_status davit_infer_unique(davit_infer *infer);
davit_status davit_infer_non_max_suppression(davit_infer *infer);

#endif
