/* The families of the operator table; each is one file of infer functions with its table last. */
#ifndef DAVIT_OP_TABLE_H
#define DAVIT_OP_TABLE_H

#include "davit/graph.h"
#include "davit/infer.h"

typedef struct davit_op_family {
    const davit_op_info *ops;
    size_t count;
} davit_op_family;

extern const davit_op_family davit_ops_elementwise; /* one element to one element; Where, Cast */
extern const davit_op_family davit_ops_movement;    /* reshape, slice, gather, scatter, pad, ... */
extern const davit_op_family davit_ops_generate;    /* ranges, constants, windows, one-hot */
extern const davit_op_family davit_ops_reduce;      /* reductions, arg, softmax, cumsum, top-k */
extern const davit_op_family davit_ops_normalize;   /* batch, layer, instance, group, LRN, Lp */
extern const davit_op_family davit_ops_linear;      /* matmul, gemm, einsum, det, DFT, STFT */
extern const davit_op_family davit_ops_spatial;     /* convolution, pooling, resize, sampling */
extern const davit_op_family davit_ops_recurrent;   /* RNN, GRU, LSTM, reverse sequence */
extern const davit_op_family davit_ops_quantized;   /* quantise, dequantise, integer forms */
extern const davit_op_family davit_ops_integer;     /* Davit's own integer operators */
extern const davit_op_family davit_ops_loss;        /* training losses */

/* Masks of element types. */
#define DAVIT_TYPES_FLOAT                                                                          \
    (DAVIT_TYPE(DAVIT_F16) | DAVIT_TYPE(DAVIT_BF16) | DAVIT_TYPE(DAVIT_F32) | DAVIT_TYPE(DAVIT_F64))
#define DAVIT_TYPES_SIGNED                                                                         \
    (DAVIT_TYPE(DAVIT_S8) | DAVIT_TYPE(DAVIT_S16) | DAVIT_TYPE(DAVIT_S32) | DAVIT_TYPE(DAVIT_S64))
#define DAVIT_TYPES_UNSIGNED                                                                       \
    (DAVIT_TYPE(DAVIT_U8) | DAVIT_TYPE(DAVIT_U16) | DAVIT_TYPE(DAVIT_U32) | DAVIT_TYPE(DAVIT_U64))
#define DAVIT_TYPES_INTEGER (DAVIT_TYPES_SIGNED | DAVIT_TYPES_UNSIGNED)
#define DAVIT_TYPES_NUMERIC (DAVIT_TYPES_FLOAT | DAVIT_TYPES_INTEGER)
#define DAVIT_TYPES_BOOL DAVIT_TYPE(DAVIT_BOOL)
#define DAVIT_TYPES_ALL (DAVIT_TYPES_NUMERIC | DAVIT_TYPES_BOOL)
#define DAVIT_TYPES_INDEX (DAVIT_TYPE(DAVIT_S32) | DAVIT_TYPE(DAVIT_S64))

#define DAVIT_OP_FAMILY(array) {array, sizeof(array) / sizeof((array)[0])}

#endif
