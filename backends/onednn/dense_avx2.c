#include "vector_avx2.h"

#define DAVIT_DENSE_TABLE davit_dense_avx2
#define DAVIT_DENSE_NAME "own_dense:avx2"

#include "dense_body.h"
