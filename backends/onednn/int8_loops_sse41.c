#define DAVIT_INT8_TABLE davit_int8_loops_sse41
#define DAVIT_INT8_NAME "own:sse41"

#include "int8_loops_body.h"
