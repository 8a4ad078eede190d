/* 8-bit convolutions and matrix products of oneDNN, behind one face for its two APIs, with the
 * implementation chosen by the caller. See dnnl_api.h for pools and status. */
#ifndef DAVIT_DNNL_INT8_H
#define DAVIT_DNNL_INT8_H

#include "dnnl_api.h"

/* The end inside the primitive, as davit/requantize.h defines it (davit_requantization). */
typedef struct davit_dnnl_int8_end {
    int64_t channels;
    const float *scale; /* [channels], copied */
    bool has_residual;  /* in the destination before */
    dnnl_data_type_t residual_type;
    float residual_scale;
    int32_t residual_zero;
    bool clips;
    float low, high;
    int32_t zero; /* of the destination */
} davit_dnnl_int8_end;

typedef struct davit_dnnl_int8_params {
    bool matmul; /* src [M, K] * weights [K, N]; else a convolution */
    davit_dnnl_desc src, weights, dst;
    davit_dnnl_desc bias;     /* f32; NULL: none */
    davit_dnnl_window window; /* of a convolution; kernel not used */
    int32_t src_zero;
    const davit_dnnl_int8_end *end; /* NULL: dst is s32 and gets the sums */
} davit_dnnl_int8_params;

/* True for an implementation that may be taken. */
typedef bool (*davit_dnnl_accept)(const void *user, const char *implementation);

/* Makes the first implementation that accept takes, in oneDNN's order. DAVIT_UNSUPPORTED, without a
 * report, when there is none, or this API has no such end. */
DAVIT_NODISCARD davit_status davit_dnnl_int8(davit_dnnl_pool *pool,
                                             const davit_dnnl_int8_params *params,
                                             davit_dnnl_accept accept, const void *user,
                                             davit_dnnl_primitive *out);

/* The argument with which a primitive made with a src_zero other than 0 wants that zero point, one
 * s32, when it runs; 0 when it was told at creation. */
int davit_dnnl_int8_zero_argument(void);

/* What the library and the machine are, for tables of implementations. */
typedef struct davit_dnnl_version {
    int major, minor;
    bool vnni; /* AVX-512 with 8-bit dot products is used */
    bool amx;  /* and tiles of them */
} davit_dnnl_version;

davit_dnnl_version davit_dnnl_version_get(void);

#endif
