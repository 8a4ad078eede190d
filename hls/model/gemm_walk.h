/* How long gemm_s8 takes for the tiles of a call, one after the other; private to hls/model. */
#ifndef DAVIT_HLS_MODEL_GEMM_WALK_H
#define DAVIT_HLS_MODEL_GEMM_WALK_H

#include "davit/cycle_model.h"

typedef struct davit_gemm_walk {
    double start;   /* until the array begins */
    double compute; /* of the array, or the gather where it is slower, without any wait */
    double total;   /* from start to done */
} davit_gemm_walk;

/* layout as of davit_gemm_plan. */
davit_gemm_walk davit_gemm_walk_tiles(const davit_engine *engine, const davit_gemm_shape *shape,
                                      const davit_gemm_layout *layout);

#endif
