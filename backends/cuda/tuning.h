/* Which product kernels the CUDA backend takes. */
#ifndef DAVIT_CUDA_TUNING_H
#define DAVIT_CUDA_TUNING_H

#include "davit/gpu_program.h"

extern const davit_gpu_tuning davit_cuda_tuning;

#endif
