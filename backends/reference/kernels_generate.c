#include "kernel.h"

const davit_kernel_family davit_kernels_generate = {NULL, 0};
