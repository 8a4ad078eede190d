/* The kernels of the movement family, in four files, and what they share. */
#ifndef DAVIT_REFERENCE_MOVEMENT_H
#define DAVIT_REFERENCE_MOVEMENT_H

#include "kernel.h"

/* A dense shape seen along one axis. */
typedef struct davit_axis_view {
    int64_t outer; /* product of the dimensions before the axis */
    int64_t dim;
    int64_t inner; /* product of those after it */
} davit_axis_view;

davit_axis_view davit_axis_view_make(const davit_tensor_desc *desc, int axis);

davit_status davit_run_slice(const davit_kernel_call *call);
davit_status davit_run_pad(const davit_kernel_call *call);
davit_status davit_run_center_crop_pad(const davit_kernel_call *call);

davit_status davit_run_gather(const davit_kernel_call *call);
davit_status davit_run_gather_elements(const davit_kernel_call *call);
davit_status davit_run_gather_nd(const davit_kernel_call *call);
davit_status davit_run_scatter_elements(const davit_kernel_call *call);
davit_status davit_run_scatter_nd(const davit_kernel_call *call);

davit_status davit_run_compress(const davit_kernel_call *call);
davit_status davit_run_non_zero(const davit_kernel_call *call);
davit_status davit_run_unique(const davit_kernel_call *call);
davit_status davit_run_non_max_suppression(const davit_kernel_call *call);

#endif
