#include "vector_avx512.h"

#define DAVIT_CHAIN_TABLE davit_chain_avx512
#define DAVIT_CHAIN_NAME "own_chain:avx512"

#include "chain_body.h"
