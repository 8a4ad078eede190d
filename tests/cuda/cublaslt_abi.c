/* Davit's own declarations of cuBLASLt against NVIDIA's header, where that is there: compiles or does not. */
#include <cublasLt.h>

#include "backends/cuda/blas_symbols.h"

#define SAME(theirs, ours) _Static_assert((int)(theirs) == (int)(ours), #ours)

_Static_assert(sizeof(cublasLtMatmulAlgo_t) == sizeof(blas_algorithm), "algorithm");
_Static_assert(sizeof(cublasLtMatmulHeuristicResult_t) == sizeof(blas_heuristic), "heuristic");
SAME(offsetof(cublasLtMatmulHeuristicResult_t, workspaceSize),
     offsetof(blas_heuristic, workspace_bytes));
SAME(offsetof(cublasLtMatmulHeuristicResult_t, state), offsetof(blas_heuristic, state));
SAME(CUDA_R_32F, BLAS_REAL_F32);
SAME(CUDA_R_8I, BLAS_REAL_S8);
SAME(CUDA_R_32I, BLAS_REAL_S32);
SAME(CUBLAS_COMPUTE_32F, BLAS_COMPUTE_F32);
SAME(CUBLAS_COMPUTE_32I, BLAS_COMPUTE_S32);
SAME(CUBLAS_COMPUTE_32F_FAST_TF32, BLAS_COMPUTE_FAST_TF32);
SAME(CUBLASLT_MATMUL_DESC_TRANSA, BLAS_OPERATION_TRANSPOSE_A);
SAME(CUBLAS_OP_N, BLAS_PLAIN);
SAME(CUBLAS_OP_T, BLAS_TRANSPOSED);
SAME(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, BLAS_PREFERENCE_MOST_WORKSPACE);
SAME(CUBLAS_STATUS_SUCCESS, BLAS_SUCCESS);
SAME(CUBLAS_STATUS_NOT_INITIALIZED, BLAS_NOT_INITIALIZED);
SAME(CUBLAS_STATUS_ALLOC_FAILED, BLAS_ALLOC_FAILED);
SAME(CUBLAS_STATUS_INVALID_VALUE, BLAS_INVALID_VALUE);
SAME(CUBLAS_STATUS_EXECUTION_FAILED, BLAS_EXECUTION_FAILED);
SAME(CUBLAS_STATUS_NOT_SUPPORTED, BLAS_NOT_SUPPORTED);
