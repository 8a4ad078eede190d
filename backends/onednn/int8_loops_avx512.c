#define DAVIT_INT8_TABLE davit_int8_loops_avx512
#define DAVIT_INT8_NAME "own:avx512"

#include "int8_loops_body.h"
