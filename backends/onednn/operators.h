/* The operators of the oneDNN backend, in families of one file each. */
#ifndef DAVIT_ONEDNN_OPERATORS_H
#define DAVIT_ONEDNN_OPERATORS_H

#include "builder.h"
#include "davit/node.h"

typedef struct davit_onednn_operator {
    davit_op op;
    bool any_type; /* inputs and outputs other than f32 are looked at by refuse */
    /* NULL when a unit with this anchor can be built, else why not, a literal. Reads only the
     * graph. NULL: never refuses. */
    const char *(*refuse)(const davit_graph *graph, const davit_unit *unit);
    /* Adds the unit's steps and sets its outputs. DAVIT_UNSUPPORTED without a report where oneDNN
     * has no implementation. */
    davit_status (*build)(davit_onednn_builder *builder, const davit_unit *unit,
                          const davit_node *node);
} davit_onednn_operator;

typedef struct davit_onednn_family {
    const davit_onednn_operator *operators;
    size_t count;
} davit_onednn_family;

#define DAVIT_ONEDNN_FAMILY(array)                                                                 \
    {                                                                                              \
        array, sizeof(array) / sizeof((array)[0])                                                  \
    }

extern const davit_onednn_family davit_onednn_convolutions; /* Conv, ConvTranspose */
extern const davit_onednn_family davit_onednn_products;     /* Gemm, MatMul */
extern const davit_onednn_family davit_onednn_pools;
extern const davit_onednn_family davit_onednn_normalizations; /* and softmax */
extern const davit_onednn_family davit_onednn_unary;
extern const davit_onednn_family davit_onednn_broadcast; /* of two or more inputs */
extern const davit_onednn_family davit_onednn_reductions;
extern const davit_onednn_family davit_onednn_views;     /* the same bytes under another shape */
extern const davit_onednn_family davit_onednn_movements; /* copies to other places */
extern const davit_onednn_family davit_onednn_resizes;
extern const davit_onednn_family davit_onednn_casts;
extern const davit_onednn_family davit_onednn_int8_convolutions;
extern const davit_onednn_family davit_onednn_int8_products;
extern const davit_onednn_family davit_onednn_int8_elementwise;
extern const davit_onednn_family davit_onednn_int8_linear; /* QuantizeLinear, DequantizeLinear */
extern const davit_onednn_family davit_onednn_int8_pools;
extern const davit_onednn_family davit_onednn_int8_resizes;

/* Why a unit cannot be built, or NULL when it can. Pure. The text is written to reason when it is
 * not NULL. */
bool davit_onednn_operator_supports(const davit_graph *graph, const davit_unit *unit, char *reason,
                                    size_t reason_bytes);
/* Builds a supported unit. */
DAVIT_NODISCARD davit_status davit_onednn_operator_build(davit_onednn_builder *builder,
                                                         const davit_unit *unit);

#endif
