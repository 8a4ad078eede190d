#include "op_table.h"

const davit_op_family davit_ops_generate = {NULL, 0};
