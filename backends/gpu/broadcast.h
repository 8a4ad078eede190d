/* Operands of element-wise operators, broadcast to the shape of the result. */
#ifndef DAVIT_GPU_BROADCAST_H
#define DAVIT_GPU_BROADCAST_H

#include "builder.h"

#define DAVIT_GPU_MAX_BROADCAST 3

/* Operands in one layout, and their strides over the merged dimensions of the result. */
typedef struct davit_gpu_broadcast {
    davit_gpu_layout layout;
    bool flat; /* all have the shape of the result */
    davit_gpu_place places[DAVIT_GPU_MAX_BROADCAST];
    int dims[DAVIT_GPU_RANK];
    int strides[DAVIT_GPU_MAX_BROADCAST][DAVIT_GPU_RANK];
} davit_gpu_broadcast;

/* Channels-last where all operands of the result's rank can be read so and one of them lies so, else
 * dense. shape: that of the result. DAVIT_UNSUPPORTED where dimensions do not merge. */
DAVIT_NODISCARD davit_status davit_gpu_broadcast_get(davit_gpu_builder *builder, int count,
                                                     const davit_value_id *values,
                                                     const davit_tensor_desc *shape,
                                                     davit_gpu_broadcast *out);

/* Of a dense result so far of that shape, or the value again where it is absent, and a value. */
DAVIT_NODISCARD davit_status davit_gpu_broadcast_with(davit_gpu_builder *builder,
                                                      davit_gpu_place sum, davit_value_id value,
                                                      const davit_tensor_desc *shape,
                                                      davit_gpu_broadcast *out);

/* True when davit_gpu_broadcast_get can: without anything laid out. */
bool davit_gpu_broadcast_fits(const davit_graph *graph, int count, const davit_value_id *values,
                              const davit_tensor_desc *shape);

#endif
