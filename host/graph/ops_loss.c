#include "op_table.h"

const davit_op_family davit_ops_loss = {NULL, 0};
