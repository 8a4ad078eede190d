/* Kernels of the spatial family that live in files of their own. */
#ifndef DAVIT_REFERENCE_SPATIAL_H
#define DAVIT_REFERENCE_SPATIAL_H

#include "kernel.h"

davit_status davit_run_average_pool(const davit_kernel_call *call);
davit_status davit_run_max_pool(const davit_kernel_call *call);
davit_status davit_run_lp_pool(const davit_kernel_call *call);
davit_status davit_run_global_average_pool(const davit_kernel_call *call);
davit_status davit_run_global_max_pool(const davit_kernel_call *call);
davit_status davit_run_global_lp_pool(const davit_kernel_call *call);
davit_status davit_run_max_unpool(const davit_kernel_call *call);
davit_status davit_run_resize(const davit_kernel_call *call);
davit_status davit_run_grid_sample(const davit_kernel_call *call);
davit_status davit_run_col2im(const davit_kernel_call *call);
davit_status davit_run_roi_align(const davit_kernel_call *call);
davit_status davit_run_max_roi_pool(const davit_kernel_call *call);

#endif
