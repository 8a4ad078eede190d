#define DAVIT_INT8_TABLE davit_int8_loops_avx512_vnni
#define DAVIT_INT8_NAME "own:avx512_vnni"

#include "int8_loops_body.h"
