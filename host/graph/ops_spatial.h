/* Infer functions of the spatial family that live in a file of their own. */
#ifndef DAVIT_OPS_SPATIAL_H
#define DAVIT_OPS_SPATIAL_H

#include "davit/infer.h"

davit_status davit_infer_resize(davit_infer *infer);
davit_status davit_infer_grid_sample(davit_infer *infer);
davit_status davit_infer_col2im(davit_infer *infer);
davit_status davit_infer_roi_align(davit_infer *infer);
davit_status davit_infer_max_roi_pool(davit_infer *infer);
davit_status davit_infer_max_unpool(davit_infer *infer);

#endif
