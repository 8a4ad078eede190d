/* From nodes to shapes of the engine's calls: what integer operators and, in hls/table, those of
 * networks in f32 have in common. Functions that return text return NULL, or why the engine does
 * not take it; outputs are set on success. */
#ifndef DAVIT_HLS_UNIT_SHAPES_H
#define DAVIT_HLS_UNIT_SHAPES_H

#include "davit/engine_abi.h"
#include "davit/graph.h"
#include "davit/node.h"
#include "davit/window.h"

/* Every tensor of the engine has 1 to 2^30 - 1 elements, so every extent is below 2^31. */
bool davit_engine_takes(const davit_tensor_desc *desc);

/* The window of a node of rank 4 whose numbers fit the engine's; weights is NULL for pooling. */
const char *davit_engine_window(const davit_graph *graph, const davit_node *node,
                                const davit_tensor_desc *weights, davit_window *window);

davit_vector_shape davit_engine_vector_window(davit_vector_kind kind, const davit_tensor_desc *x,
                                              const davit_window *w);
davit_gemm_shape davit_engine_gemm_window(const davit_tensor_desc *x, const davit_window *w,
                                          int64_t columns);

/* The shape that fits: as it is, or with the columns padded to a multiple of 64. */
const char *davit_engine_fit_gemm(const davit_gemm_geometry *geometry, davit_gemm_shape *shape);
const char *davit_engine_fit_vector(const davit_vector_shape *shape);

/* An addition of two tensors of one shape. */
const char *davit_engine_addition(const davit_graph *graph, const davit_node *node,
                                  davit_vector_shape *out);

#endif
