/* Kernels of the linear family that live in a file of their own. */
#ifndef DAVIT_REFERENCE_LINEAR_H
#define DAVIT_REFERENCE_LINEAR_H

#include "kernel.h"

davit_status davit_run_det(const davit_kernel_call *call);
davit_status davit_run_dft(const davit_kernel_call *call);
davit_status davit_run_stft(const davit_kernel_call *call);

#endif
