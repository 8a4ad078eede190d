#include "kernel.h"

const davit_kernel_family davit_kernels_movement = {NULL, 0};
