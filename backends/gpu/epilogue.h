/* What comes after a convolution or product in f32: at the end of its kernel what fits there, in
 * launches over its result the rest. */
#ifndef DAVIT_GPU_EPILOGUE_H
#define DAVIT_GPU_EPILOGUE_H

#include "builder.h"

/* What a kernel's end does: t + bias, residual, activation, or the last two the other way round. */
typedef struct davit_gpu_end {
    uint32_t bias_count; /* of the first epilogues, all biases */
    uint32_t count;      /* of epilogues that fit */
    davit_value_id residual; /* DAVIT_NONE: none */
    int activation;          /* -1: none */
    float alpha, beta;
    bool residual_last;
} davit_gpu_end;

davit_gpu_end davit_gpu_end_of(const davit_unit *unit);

/* Applies the unit's epilogues from `first` on to what is at `place`, with the shape and layout of the
 * unit's output, which is then made. axis: that of a bias. With no epilogues left the result must
 * have been made already. */
DAVIT_NODISCARD davit_status davit_gpu_epilogues(davit_gpu_builder *builder, const davit_unit *unit,
                                                 uint32_t first, davit_gpu_layout layout, int axis,
                                                 davit_gpu_place place);

/* Memory for the result before the epilogues from `first` on: the unit's output where none is left. */
DAVIT_NODISCARD davit_status davit_gpu_before(davit_gpu_builder *builder, const davit_unit *unit,
                                              uint32_t first, davit_gpu_layout layout,
                                              davit_gpu_place *out);

#endif
