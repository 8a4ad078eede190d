#include "vector_avx512.h"

#define DAVIT_ATTENTION_TABLE davit_attention_avx512
#define DAVIT_ATTENTION_NAME "own_attention:avx512"

#include "attention_body.h"
