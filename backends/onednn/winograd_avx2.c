#include "vector_avx2.h"

#define DAVIT_WINOGRAD_TABLE davit_winograd_avx2
#define DAVIT_WINOGRAD_NAME "own_wino:avx2"

#include "winograd_body.h"
