/* What IntegerConv, IntegerConvTranspose and IntegerMatMul share: their arithmetic, prepared, and
 * the operands around it. */
#ifndef DAVIT_ONEDNN_INT8_WEIGHTED_H
#define DAVIT_ONEDNN_INT8_WEIGHTED_H

#include "davit/integer.h"
#include "int8_product.h"

typedef struct davit_int8_weighted {
    const davit_node *node;
    davit_value_id output;
    davit_quant8 x;
    davit_requantization_spec spec;
    davit_requantization requantization; /* its arrays live as long as the program */
    davit_exactness exactness;           /* of the worst channel */
    bool has_residual;
    davit_onednn_operand src, residual, dst;
} davit_int8_weighted;

/* Why a unit with this node is left to another device, or NULL. */
const char *davit_int8_refuse_weighted(const davit_graph *graph, const davit_node *node);

/* Prepares the arithmetic and reads the operands: channels last for the convolutions, dense for
 * IntegerMatMul. dst is the residual itself where that may be written over. */
DAVIT_NODISCARD davit_status davit_int8_weighted_open(davit_onednn_builder *builder,
                                                      const davit_unit *unit,
                                                      const davit_node *node,
                                                      davit_int8_weighted *out);

/* The end for groups of channels, each padded to whole panels. */
DAVIT_NODISCARD davit_status davit_int8_weighted_finish(davit_onednn_builder *builder,
                                                        const davit_int8_weighted *weighted,
                                                        int64_t groups, davit_int8_finish *out);

/* Adds the step of our own product, whose weights are packed. */
DAVIT_NODISCARD davit_status davit_int8_weighted_add(davit_onednn_builder *builder,
                                                     const davit_int8_weighted *weighted,
                                                     const davit_int8_product *product);

#endif
