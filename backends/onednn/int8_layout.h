/* Where 8-bit activations lie inside a program: channels last, without padding, from rank 3 on
 * wherever an operator slides over space; else as they come. */
#ifndef DAVIT_ONEDNN_INT8_LAYOUT_H
#define DAVIT_ONEDNN_INT8_LAYOUT_H

#include "builder.h"

/* Channels last for a value of f32, u8 or s8; dense row-major below rank 3. */
DAVIT_NODISCARD davit_status davit_int8_channels_last(davit_onednn_builder *builder,
                                                      davit_value_id value, davit_dnnl_desc *out);
/* The value in that layout. */
DAVIT_NODISCARD davit_status davit_int8_value_channels_last(davit_onednn_builder *builder,
                                                            davit_value_id value,
                                                            davit_onednn_operand *out);
/* New memory for a value in that layout. */
DAVIT_NODISCARD davit_status davit_int8_new_channels_last(davit_onednn_builder *builder,
                                                          davit_value_id value,
                                                          davit_onednn_operand *out);
/* The value where it is when that is a layout without padding, else dense; for operators of which
 * each element of the result depends on one of the input. */
DAVIT_NODISCARD davit_status davit_int8_value_unpadded(davit_onednn_builder *builder,
                                                       davit_value_id value,
                                                       davit_onednn_operand *out);
/* New memory for a value in the layout of an operand of the same shape, maybe another type. */
DAVIT_NODISCARD davit_status davit_int8_new_like(davit_onednn_builder *builder,
                                                 davit_value_id value,
                                                 const davit_onednn_operand *like,
                                                 davit_onednn_operand *out);

/* A kernel from a node's first input to its output, both channels last: its operands are these two
 * and, when it wants some, scratch memory. */
typedef struct davit_int8_image_kernel {
    const char *name;
    davit_onednn_kernel run;
    const void *params;
    size_t scratch_bytes;
} davit_int8_image_kernel;

/* Adds it and sets the output. */
DAVIT_NODISCARD davit_status davit_int8_add_image_kernel(davit_onednn_builder *builder,
                                                         const davit_int8_image_kernel *kernel,
                                                         const davit_node *node);

#endif
