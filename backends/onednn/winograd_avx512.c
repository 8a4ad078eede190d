#include "vector_avx512.h"

#define DAVIT_WINOGRAD_TABLE davit_winograd_avx512
#define DAVIT_WINOGRAD_NAME "own_wino:avx512"

#include "winograd_body.h"
