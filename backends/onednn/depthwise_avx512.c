#include "vector_avx512.h"

#define DAVIT_DEPTHWISE_TABLE davit_depthwise_avx512
#define DAVIT_DEPTHWISE_NAME "own_depthwise:avx512"

#include "depthwise_body.h"
