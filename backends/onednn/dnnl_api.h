/* oneDNN behind one face: the 2.6 and the 3.x C API differ in how primitives are described, and the
 * whole difference is in dnnl_api.c.
 *
 * Everything made here belongs to a pool and is destroyed with it. Not thread-safe: one thread per
 * pool at a time.
 *
 * Status: DAVIT_UNSUPPORTED, without a report, where this oneDNN has no implementation, so that the
 * caller can try another form; every other failure is reported to the pool's sink with oneDNN's own
 * code. Out-parameters are set on success only. */
#ifndef DAVIT_DNNL_API_H
#define DAVIT_DNNL_API_H

#include <oneapi/dnnl/dnnl.h>
#include <stdbool.h>
#include <stddef.h>

#include "davit/allocator.h"
#include "davit/diagnostics.h"

/* A borrowed memory descriptor (shape, type and layout); lives as long as its pool. */
#if DNNL_VERSION_MAJOR >= 3
typedef const_dnnl_memory_desc_t davit_dnnl_desc;
#else
typedef const dnnl_memory_desc_t *davit_dnnl_desc;
#endif

/* Translates a native status; reports as the head of this file says. what names the call. */
DAVIT_NODISCARD davit_status davit_dnnl_status(const davit_diagnostics *diag, dnnl_status_t status,
                                               const char *what);

/* "2.6.3, AVX-512 VNNI": the library's version and the instruction set it uses here. */
void davit_dnnl_version_text(char *text, size_t bytes);

/* Peak operations of one core in a clock cycle with that instruction set: f32 (2 per multiply-add),
 * 8-bit, and bfloat16 with sums in f32 (0: too slow to be of use). */
double davit_dnnl_f32_flops_per_cycle(void);
double davit_dnnl_s8_ops_per_cycle(void);
double davit_dnnl_bf16_flops_per_cycle(void);
/* False where that rate is that of an emulation. */
bool davit_dnnl_has_bf16(void);

/* ---- the pool ---- */

typedef struct davit_dnnl_pool {
    const davit_allocator *allocator;
    const davit_diagnostics *diag;
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    struct davit_dnnl_object *objects;
    size_t object_count, object_capacity;
} davit_dnnl_pool;

/* Makes an empty pool with a stream of its own; engine is borrowed. A pool that was not made is
 * legal to clear when it is zero. */
DAVIT_NODISCARD davit_status davit_dnnl_pool_init(davit_dnnl_pool *pool,
                                                  const davit_allocator *allocator,
                                                  const davit_diagnostics *diag,
                                                  dnnl_engine_t engine);
/* Destroys everything made with the pool, and its stream. */
void davit_dnnl_pool_clear(davit_dnnl_pool *pool);

/* ---- memory ---- */

typedef struct davit_dnnl_tensor {
    dnnl_data_type_t type;
    int rank;
    const int64_t *dims;
    const int64_t *strides; /* in elements; NULL leaves the layout to the primitive ("any") */
} davit_dnnl_tensor;

DAVIT_NODISCARD davit_status davit_dnnl_desc_describe(davit_dnnl_pool *pool,
                                                      const davit_dnnl_tensor *tensor,
                                                      davit_dnnl_desc *out);
/* The same for f32. */
DAVIT_NODISCARD davit_status davit_dnnl_desc_create(davit_dnnl_pool *pool, int rank,
                                                    const int64_t *dims, const int64_t *strides,
                                                    davit_dnnl_desc *out);
/* The same shape and layout, "any" too, for elements of another type; DAVIT_UNSUPPORTED for blocked
 * layouts. */
DAVIT_NODISCARD davit_status davit_dnnl_desc_retype(davit_dnnl_pool *pool, davit_dnnl_desc desc,
                                                    dnnl_data_type_t type, davit_dnnl_desc *out);
/* A part of parent; DAVIT_UNSUPPORTED when its layout cannot be cut there. */
DAVIT_NODISCARD davit_status davit_dnnl_desc_part(davit_dnnl_pool *pool, davit_dnnl_desc parent,
                                                  const int64_t *dims, const int64_t *offsets,
                                                  davit_dnnl_desc *out);

/* What a descriptor says. Pointers live as long as the descriptor. */
typedef struct davit_dnnl_layout {
    int rank;
    const dnnl_dim_t *dims;
    const dnnl_dim_t *padded_dims;
    const dnnl_dim_t *strides; /* of whole blocks where a dimension is blocked */
    int block_count;
    const dnnl_dim_t *block_sizes; /* [block_count], outermost first */
    const dnnl_dim_t *block_dims;  /* [block_count] which dimension each block divides */
    dnnl_dim_t offset;             /* of the first element */
} davit_dnnl_layout;

/* False for formats that are not a blocking of dimensions. */
bool davit_dnnl_desc_layout(davit_dnnl_desc desc, davit_dnnl_layout *layout);
size_t davit_dnnl_desc_bytes(davit_dnnl_desc desc);
bool davit_dnnl_desc_equal(davit_dnnl_desc a, davit_dnnl_desc b);

/* A memory object without bytes yet; dnnl_memory_set_data_handle gives it some. */
DAVIT_NODISCARD davit_status davit_dnnl_memory(davit_dnnl_pool *pool, davit_dnnl_desc desc,
                                               dnnl_memory_t *out);

/* ---- attributes ---- */

#define DAVIT_DNNL_MAX_POST_OPS 16

typedef enum davit_dnnl_post_op_kind {
    DAVIT_DNNL_SUM,     /* + what the destination held before */
    DAVIT_DNNL_ELTWISE, /* algorithm(x, alpha, beta) */
    DAVIT_DNNL_BINARY   /* algorithm(x, operand) */
} davit_dnnl_post_op_kind;

typedef struct davit_dnnl_post_op {
    davit_dnnl_post_op_kind kind;
    dnnl_alg_kind_t algorithm;
    float alpha, beta;
    davit_dnnl_desc operand;
} davit_dnnl_post_op;

typedef struct davit_dnnl_post_ops {
    size_t count;
    davit_dnnl_post_op ops[DAVIT_DNNL_MAX_POST_OPS];
} davit_dnnl_post_ops;

/* ---- primitives: inference, scratchpad given by the caller ---- */

typedef struct davit_dnnl_primitive {
    dnnl_primitive_t primitive;
    const_dnnl_primitive_desc_t desc;
} davit_dnnl_primitive;

/* Spatial geometry, outermost first; dilation 0 is dense. */
typedef struct davit_dnnl_window {
    dnnl_dims_t strides, kernel, dilation, padding_left, padding_right;
} davit_dnnl_window;

typedef struct davit_dnnl_convolution_params {
    bool transposed;
    davit_dnnl_desc src, weights, bias, dst; /* bias NULL: none */
    davit_dnnl_window window;                /* kernel not used */
} davit_dnnl_convolution_params;

DAVIT_NODISCARD davit_status davit_dnnl_convolution(davit_dnnl_pool *pool,
                                                    const davit_dnnl_convolution_params *params,
                                                    const davit_dnnl_post_ops *post_ops,
                                                    davit_dnnl_primitive *out);

/* src [batch..., M, K] * weights [batch..., K, N] + bias [1..., N]. */
typedef struct davit_dnnl_matmul_params {
    davit_dnnl_desc src, weights, bias, dst; /* bias NULL: none */
} davit_dnnl_matmul_params;

DAVIT_NODISCARD davit_status davit_dnnl_matmul(davit_dnnl_pool *pool,
                                               const davit_dnnl_matmul_params *params,
                                               const davit_dnnl_post_ops *post_ops,
                                               davit_dnnl_primitive *out);

typedef struct davit_dnnl_pooling_params {
    dnnl_alg_kind_t algorithm;
    davit_dnnl_desc src, dst;
    davit_dnnl_window window;
} davit_dnnl_pooling_params;

DAVIT_NODISCARD davit_status davit_dnnl_pooling(davit_dnnl_pool *pool,
                                                const davit_dnnl_pooling_params *params,
                                                davit_dnnl_primitive *out);

/* One layout for source and destination. */
DAVIT_NODISCARD davit_status davit_dnnl_softmax(davit_dnnl_pool *pool, bool logarithm,
                                                davit_dnnl_desc data, int axis,
                                                davit_dnnl_primitive *out);
/* Over the last dimension, with DNNL_ARG_SCALE and DNNL_ARG_SHIFT. */
DAVIT_NODISCARD davit_status davit_dnnl_layer_normalization(davit_dnnl_pool *pool,
                                                            davit_dnnl_desc data, float epsilon,
                                                            davit_dnnl_primitive *out);
/* With given statistics, DNNL_ARG_SCALE and DNNL_ARG_SHIFT. */
DAVIT_NODISCARD davit_status davit_dnnl_batch_normalization(davit_dnnl_pool *pool,
                                                            davit_dnnl_desc data, float epsilon,
                                                            davit_dnnl_primitive *out);

typedef struct davit_dnnl_lrn_params {
    davit_dnnl_desc data;
    int64_t size;
    float alpha, beta, k;
} davit_dnnl_lrn_params;

/* Across channels. */
DAVIT_NODISCARD davit_status davit_dnnl_lrn(davit_dnnl_pool *pool,
                                            const davit_dnnl_lrn_params *params,
                                            davit_dnnl_primitive *out);

typedef struct davit_dnnl_eltwise_params {
    dnnl_alg_kind_t algorithm;
    davit_dnnl_desc data;
    float alpha, beta;
} davit_dnnl_eltwise_params;

DAVIT_NODISCARD davit_status davit_dnnl_eltwise(davit_dnnl_pool *pool,
                                                const davit_dnnl_eltwise_params *params,
                                                davit_dnnl_primitive *out);

typedef struct davit_dnnl_binary_params {
    dnnl_alg_kind_t algorithm;
    davit_dnnl_desc first, second, dst; /* second may have dimensions of 1 */
} davit_dnnl_binary_params;

DAVIT_NODISCARD davit_status davit_dnnl_binary(davit_dnnl_pool *pool,
                                               const davit_dnnl_binary_params *params,
                                               davit_dnnl_primitive *out);

/* srcs to dst (NULL: the layout is chosen) along axis. */
DAVIT_NODISCARD davit_status davit_dnnl_concat(davit_dnnl_pool *pool, davit_dnnl_desc dst, int axis,
                                               size_t count, const davit_dnnl_desc *srcs,
                                               davit_dnnl_primitive *out);
/* dst keeps the layout of src where it is "any". */
DAVIT_NODISCARD davit_status davit_dnnl_resampling(davit_dnnl_pool *pool, bool linear,
                                                   davit_dnnl_desc src, davit_dnnl_desc dst,
                                                   davit_dnnl_primitive *out);
DAVIT_NODISCARD davit_status davit_dnnl_reorder(davit_dnnl_pool *pool, davit_dnnl_desc src,
                                                davit_dnnl_desc dst, davit_dnnl_primitive *out);

/* A descriptor of a primitive: dnnl_query_src_md, dnnl_query_weights_md, dnnl_query_dst_md,
 * dnnl_query_scratchpad_md. */
davit_dnnl_desc davit_dnnl_query(const davit_dnnl_primitive *primitive, dnnl_query_t what);
/* "jit:avx512_core"; lives as long as the pool. */
const char *davit_dnnl_implementation(const davit_dnnl_primitive *primitive);
/* True for oneDNN's plain C++, a hundred times slower. */
bool davit_dnnl_is_reference(const davit_dnnl_primitive *primitive);

#endif
