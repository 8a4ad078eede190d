/* Rules that the infer functions of several families share. All of them report what they refuse
 * with davit_infer_fail and return DAVIT_BAD_DATA, unless they say otherwise. */
#ifndef DAVIT_INFER_RULES_H
#define DAVIT_INFER_RULES_H

#include "davit/infer.h"

/* Infers output 0 with type and shape of input 0. */
DAVIT_NODISCARD davit_status davit_infer_like_input(davit_infer *infer);

/* Refuses a node whose present inputs from first to last do not all have the type of the first
 * present one. last may exceed the number of inputs. */
DAVIT_NODISCARD davit_status davit_infer_same_type(const davit_infer *infer, int first, int last);

/* Refuses input i when it is absent or its rank is outside [min, max]. */
DAVIT_NODISCARD davit_status davit_infer_rank(const davit_infer *infer, int i, int min, int max);

/* Refuses input i (absent is legal) unless it has exactly the given shape. */
DAVIT_NODISCARD davit_status davit_infer_shape_is(const davit_infer *infer, int i, int rank,
                                                  const int64_t *dims);

/* Refuses input i (absent is legal) unless it has one dimension of n elements. */
DAVIT_NODISCARD davit_status davit_infer_vector(const davit_infer *infer, int i, int64_t n);

/* Refuses input i (absent is legal) unless it has one element, whatever its rank. */
DAVIT_NODISCARD davit_status davit_infer_single(const davit_infer *infer, int i);

/* Reads the constant integer of input i (one element); an absent input gives fallback. */
DAVIT_NODISCARD davit_status davit_infer_scalar(const davit_infer *infer, int i, int64_t fallback,
                                                int64_t *value);

/* The shape of numpy's matmul of a and b: matrices in the last two axes, the others broadcast; a
 * vector a is a row, a vector b a column, and their axis does not appear. dims has room for
 * DAVIT_MAX_RANK. */
DAVIT_NODISCARD davit_status davit_infer_matmul_shape(const davit_infer *infer,
                                                      const davit_tensor_desc *a,
                                                      const davit_tensor_desc *b, int *rank,
                                                      int64_t *dims);

/* The shape [N, M, spatial...] of the convolution of x [N, C, spatial...] with w [M, C / group,
 * kernel...], by the node's attributes. dims has room for DAVIT_MAX_RANK. */
DAVIT_NODISCARD davit_status davit_infer_conv_shape(const davit_infer *infer,
                                                    const davit_tensor_desc *x,
                                                    const davit_tensor_desc *w, int64_t *dims);

/* The shape of the transposed convolution of x [N, C, spatial...] with w [C, M / group,
 * kernel...]. dims has room for DAVIT_MAX_RANK. */
DAVIT_NODISCARD davit_status davit_infer_conv_transpose_shape(const davit_infer *infer,
                                                              const davit_tensor_desc *x,
                                                              const davit_tensor_desc *w,
                                                              int64_t *dims);

/* The shape of a pool of x [N, C, spatial...]. dims has room for DAVIT_MAX_RANK. */
DAVIT_NODISCARD davit_status davit_infer_pool_shape(const davit_infer *infer,
                                                    const davit_tensor_desc *x, int64_t *dims);

#endif
