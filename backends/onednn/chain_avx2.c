#include "vector_avx2.h"

#define DAVIT_CHAIN_TABLE davit_chain_avx2
#define DAVIT_CHAIN_NAME "own_chain:avx2"

#include "chain_body.h"
