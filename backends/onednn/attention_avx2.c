#include "vector_avx2.h"

#define DAVIT_ATTENTION_TABLE davit_attention_avx2
#define DAVIT_ATTENTION_NAME "own_attention:avx2"

#include "attention_body.h"
