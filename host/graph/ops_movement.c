#include "op_table.h"

const davit_op_family davit_ops_movement = {NULL, 0};
