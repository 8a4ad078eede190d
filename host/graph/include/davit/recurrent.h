/* RNN, GRU and LSTM: sizes and activations, read once for inference and for kernels. */
#ifndef DAVIT_RECURRENT_H
#define DAVIT_RECURRENT_H

#include "davit/graph.h"

typedef enum davit_recurrent_function {
    DAVIT_RECURRENT_RELU,
    DAVIT_RECURRENT_TANH,
    DAVIT_RECURRENT_SIGMOID,
    DAVIT_RECURRENT_AFFINE,           /* alpha * x + beta */
    DAVIT_RECURRENT_LEAKY_RELU,       /* x < 0 ? alpha * x : x */
    DAVIT_RECURRENT_THRESHOLDED_RELU, /* x >= alpha ? x : 0 */
    DAVIT_RECURRENT_SCALED_TANH,      /* alpha * tanh(beta * x) */
    DAVIT_RECURRENT_HARD_SIGMOID,     /* min(max(alpha * x + beta, 0), 1) */
    DAVIT_RECURRENT_ELU,              /* x >= 0 ? x : alpha * (exp(x) - 1) */
    DAVIT_RECURRENT_SOFTSIGN,         /* x / (1 + |x|) */
    DAVIT_RECURRENT_SOFTPLUS          /* log(1 + exp(x)) */
} davit_recurrent_function;

typedef struct davit_recurrent_activation {
    davit_recurrent_function function;
    float alpha, beta;
} davit_recurrent_activation;

typedef struct davit_recurrent {
    int64_t gates;      /* RNN 1, GRU 3, LSTM 4 */
    int64_t directions; /* 1 or 2 */
    bool reverse;       /* the only direction runs backwards */
    int layout;         /* 0: [steps, batch, input]; 1: [batch, steps, input] */
    int64_t steps, batch, input, hidden;
    /* One row for each direction: RNN f; GRU f g; LSTM f g h. */
    davit_recurrent_activation activations[2][3];
} davit_recurrent;

/* Reads the attributes of an RNN, GRU or LSTM node with input x and recurrence weights r (both of
 * rank 3). Activations are named without regard to case; alpha and beta are taken, as in ONNX
 * Runtime, in turn by those activations that have them, and else are the specification's
 * defaults. Reports "node 'NAME' (Op): text" and returns DAVIT_BAD_DATA. Reentrant. */
DAVIT_NODISCARD davit_status davit_recurrent_resolve(const davit_node *node,
                                                     const davit_tensor_desc *x,
                                                     const davit_tensor_desc *r,
                                                     const davit_diagnostics *diag,
                                                     davit_recurrent *out);

#endif
