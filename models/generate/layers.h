/* Layers that several image networks share, with weights scaled so that activations keep a
 * variance near 1 from the input to the logits (He et al. 2015, Delving Deep into Rectifiers).
 *
 * `scope` is the layer's name as in PyTorch; weights are named scope.weight and so on, nodes
 * /scope/OperatorName. */
#ifndef DAVIT_MODELS_LAYERS_H
#define DAVIT_MODELS_LAYERS_H

#include "builder.h"
#include "networks.h"

typedef struct convolution {
    const char *scope;
    const char *norm_scope; /* NULL: no batch normalisation, and the convolution has a bias */
    int64_t in_channels;
    int64_t out_channels;
    int64_t kernel; /* square; the padding keeps the size at stride 1 */
    int64_t stride;
    int64_t groups;   /* 0: 1 */
    float variance;   /* what it makes of its input's mean square; 2 before a ReLU, else 1 */
    float norm_scale; /* mean of the normalisation's gamma; 0: 1 */
} convolution;

/* Convolution, and batch normalisation as a node of its own, or folded into the weights. */
value layer_convolution(builder *b, value x, const convolution *c, bool fold);

value layer_relu(builder *b, value x, const char *scope);
value layer_max_pool(builder *b, value x, const char *scope, int64_t kernel, int64_t stride,
                     int64_t padding);

/* Fully connected, Gemm with transB = 1; variance as above. */
value layer_gemm(builder *b, value x, const char *scope, int64_t in_features, int64_t out_features,
                 float variance);

/* GlobalAveragePool, Flatten, Gemm to the classes, and the graph's output "output". */
void layer_classifier(builder *b, value x, const char *scope, int64_t channels,
                      const network_options *options);

/* The graph's input "input": N x 3 x H x W. */
value layer_image_input(builder *b, const network_options *options);

/* The graph's output "output": N x classes; x is what the last node gave. */
void layer_logits_output(builder *b, const network_options *options);

#endif
