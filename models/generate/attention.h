/* Self-attention and the small layers around it, as PyTorch exports BERT's. */
#ifndef DAVIT_MODELS_ATTENTION_H
#define DAVIT_MODELS_ATTENTION_H

#include "builder.h"
#include "networks.h"

/* One dimension of x at run time, as an int64 vector of one element: Shape, Gather, Unsqueeze. */
value bert_dimension(builder *b, value x, const char *scope, int64_t axis);

/* MatMul with weights [in][out], then bias + product. */
value bert_linear(builder *b, value x, const char *scope, int64_t in_features,
                  int64_t out_features);

/* Over the last axis: one LayerNormalization (opset 17), or written out. */
value bert_layer_norm(builder *b, value x, const char *scope, const network_options *options);

/* Multi-head self-attention, its projection, residual addition and layer normalisation.
 * x [N, S, hidden]; mask [N, 1, 1, S], added to the scores. */
value bert_attention(builder *b, value x, value mask, const char *scope,
                     const network_options *options);

#endif
