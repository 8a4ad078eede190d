/* Rewriting of the document: rewrite.c walks over its nodes, insert.c makes what is new. */
#ifndef DAVIT_QUANTIZER_REWRITE_H
#define DAVIT_QUANTIZER_REWRITE_H

#include "davit/names.h"
#include "job.h"
#include "message.h"

typedef struct davit_rewriter {
    davit_quantizer *job;
    davit_arena *arena; /* of the document */
    Onnx__GraphProto *graph;
    davit_message_list nodes;        /* what graph->node becomes */
    davit_message_list initializers; /* what graph->initializer becomes */
    davit_names taken;               /* names of values in the document */
    davit_names producers;           /* of the document: value -> index in graph->node */
    const char **scale_names;        /* by root: its scale, NULL: not made yet */
    const char **zero_names;         /* by root */
    const char **read_as;            /* by value: what its readers read now; NULL: itself */
} davit_rewriter;

/* A name that begins with base and suffix and that nobody has; NULL when memory is short. */
const char *davit_rewriter_name(davit_rewriter *rewriter, const char *base, const char *suffix);

/* Adds QuantizeLinear of the value named from and DequantizeLinear into the value named to, with
 * the type of value. */
DAVIT_NODISCARD davit_status davit_insert_pair(davit_rewriter *rewriter, davit_value_id value,
                                               const char *from, const char *to);

/* Adds the 8-bit form of a constant value and its DequantizeLinear; *name is that one's result. */
DAVIT_NODISCARD davit_status davit_insert_constant(davit_rewriter *rewriter, davit_value_id value,
                                                   const char **name);

/* Adds weights and bias of a layer with their DequantizeLinear; *weights and *bias are their
 * results, *bias NULL where the layer has none. */
DAVIT_NODISCARD davit_status davit_insert_layer(davit_rewriter *rewriter, const davit_layer *layer,
                                                const char **weights, const char **bias);

#endif
