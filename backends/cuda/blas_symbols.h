/* The few types, constants and entry points of cuBLASLt that Davit uses, as NVIDIA documents them ("cuBLAS",
 * chapter "Using the cuBLASLt API"): the ABI of libcublasLt.so.11, which .12 and .13 keep. */
#ifndef DAVIT_CUDA_BLAS_SYMBOLS_H
#define DAVIT_CUDA_BLAS_SYMBOLS_H

#include "driver_types.h"

typedef int blas_status;
typedef struct blas_handle_object *blas_handle;
typedef struct blas_operation_object *blas_operation; /* cublasLtMatmulDesc_t */
typedef struct blas_layout_object *blas_layout;       /* cublasLtMatrixLayout_t */
typedef struct blas_preference_object *blas_preference;

enum {
    BLAS_SUCCESS = 0,
    BLAS_NOT_INITIALIZED = 1,
    BLAS_ALLOC_FAILED = 3,
    BLAS_INVALID_VALUE = 7,
    BLAS_EXECUTION_FAILED = 13,
    BLAS_NOT_SUPPORTED = 15
};

enum { BLAS_REAL_F32 = 0, BLAS_REAL_S8 = 3, BLAS_REAL_S32 = 10 }; /* cudaDataType_t */

enum { BLAS_COMPUTE_F32 = 68, BLAS_COMPUTE_S32 = 72, BLAS_COMPUTE_FAST_TF32 = 77 };

enum { BLAS_OPERATION_TRANSPOSE_A = 3 };  /* attribute: s32, of the two below */
enum { BLAS_PLAIN = 0, BLAS_TRANSPOSED = 1 };
enum { BLAS_PREFERENCE_MOST_WORKSPACE = 1 }; /* attribute: u64, bytes */

typedef struct blas_algorithm {
    uint64_t data[8];
} blas_algorithm;

typedef struct blas_heuristic { /* cublasLtMatmulHeuristicResult_t */
    blas_algorithm algorithm;
    size_t workspace_bytes;
    blas_status state;
    float waves;
    int reserved[4];
} blas_heuristic;

/* X(member, symbol, parameters): all of them answer with a blas_status. Matrices are column-major. */
#define DAVIT_CUDA_BLAS_SYMBOLS(X)                                                                 \
    X(create, "cublasLtCreate", (blas_handle * handle))                                            \
    X(destroy, "cublasLtDestroy", (blas_handle handle))                                            \
    X(operation_create, "cublasLtMatmulDescCreate",                                                \
      (blas_operation * operation, int compute, int scale_type))                                   \
    X(operation_destroy, "cublasLtMatmulDescDestroy", (blas_operation operation))                  \
    X(operation_set, "cublasLtMatmulDescSetAttribute",                                             \
      (blas_operation operation, int attribute, const void *value, size_t bytes))                  \
    X(layout_create, "cublasLtMatrixLayoutCreate",                                                 \
      (blas_layout * layout, int type, uint64_t rows, uint64_t columns, int64_t pitch))            \
    X(layout_destroy, "cublasLtMatrixLayoutDestroy", (blas_layout layout))                         \
    X(preference_create, "cublasLtMatmulPreferenceCreate", (blas_preference * preference))         \
    X(preference_destroy, "cublasLtMatmulPreferenceDestroy", (blas_preference preference))         \
    X(preference_set, "cublasLtMatmulPreferenceSetAttribute",                                      \
      (blas_preference preference, int attribute, const void *value, size_t bytes))                \
    X(heuristic, "cublasLtMatmulAlgoGetHeuristic",                                                 \
      (blas_handle handle, blas_operation operation, blas_layout a, blas_layout b, blas_layout c,  \
       blas_layout d, blas_preference preference, int wanted, blas_heuristic *results,             \
       int *count))                                                                                \
    X(matmul, "cublasLtMatmul",                                                                    \
      (blas_handle handle, blas_operation operation, const void *alpha, const void *a,             \
       blas_layout a_layout, const void *b, blas_layout b_layout, const void *beta, const void *c, \
       blas_layout c_layout, void *d, blas_layout d_layout, const blas_algorithm *algorithm,       \
       void *workspace, size_t workspace_bytes, cuda_stream stream))

#endif
