#define DAVIT_INT8_TABLE davit_int8_loops_avx2
#define DAVIT_INT8_NAME "own:avx2"

#include "int8_loops_body.h"
