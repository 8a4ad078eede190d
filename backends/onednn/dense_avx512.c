#include "vector_avx512.h"

#define DAVIT_DENSE_TABLE davit_dense_avx512
#define DAVIT_DENSE_NAME "own_dense:avx512"

#include "dense_body.h"
