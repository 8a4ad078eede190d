/* Kernels of the reduce family that live in a file of their own: those along one axis. */
#ifndef DAVIT_REFERENCE_REDUCE_H
#define DAVIT_REFERENCE_REDUCE_H

#include "kernel.h"

/* Replaces values by their logarithms of softmax. */
void davit_log_softmax(double *values, int64_t count);

davit_status davit_run_arg_max(const davit_kernel_call *call);
davit_status davit_run_arg_min(const davit_kernel_call *call);
davit_status davit_run_cumsum(const davit_kernel_call *call);
davit_status davit_run_hardmax(const davit_kernel_call *call);
davit_status davit_run_log_softmax(const davit_kernel_call *call);
davit_status davit_run_softmax(const davit_kernel_call *call);
davit_status davit_run_topk(const davit_kernel_call *call);

#endif
