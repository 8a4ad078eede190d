#define DAVIT_INT8_TABLE davit_int8_loops_plain
#define DAVIT_INT8_NAME "own:plain"

#include "int8_loops_body.h"
