#include "vector_avx2.h"

#define DAVIT_DEPTHWISE_TABLE davit_depthwise_avx2
#define DAVIT_DEPTHWISE_NAME "own_depthwise:avx2"

#include "depthwise_body.h"
