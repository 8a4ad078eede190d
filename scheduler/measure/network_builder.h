/* Layers for the built-in networks, f32 or 8-bit, one call each. The first failure sticks: later
 * calls return DAVIT_NONE. */
#ifndef DAVIT_NETWORK_BUILDER_H
#define DAVIT_NETWORK_BUILDER_H

#include "davit/graph.h"

typedef enum network_function {
    NETWORK_LINEAR,
    NETWORK_RELU,
    NETWORK_RELU6,
    NETWORK_HARDSWISH,
    NETWORK_HARDSIGMOID,
    NETWORK_SIGMOID,
    NETWORK_GELU,
    NETWORK_TANH
} network_function;

#define NETWORK_MAX_VALUES 512

typedef struct network_builder {
    davit_graph *graph;
    bool integer; /* weighted layers and what lies between them are on bytes */
    uint64_t seed;
    davit_status status;
    /* By value: it comes from Relu, so that its zero point is 0, as quantisers choose it. */
    bool positive[NETWORK_MAX_VALUES];
} network_builder;

davit_status network_begin(network_builder *b, const davit_allocator *allocator);
/* The only input; of f32, or u8 in an integer network. */
davit_value_id network_input(network_builder *b, bool integer, int rank, const int64_t *dims);
/* One output at most. */
void network_output(network_builder *b, davit_value_id value);

typedef struct network_conv {
    int64_t in, out;
    int64_t kernel, stride, group;
    network_function function;
    davit_value_id residual; /* DAVIT_NONE: none */
} network_conv;

/* "Same" padding for odd kernels, with a bias. */
davit_value_id network_convolve(network_builder *b, davit_value_id x, const network_conv *conv);
/* Doubles height and width. */
davit_value_id network_deconvolve(network_builder *b, davit_value_id x, int64_t in, int64_t out);
/* x [..., depth] times weights [depth, columns], with a bias. */
davit_value_id network_dense(network_builder *b, davit_value_id x, int64_t depth, int64_t columns,
                             network_function function, davit_value_id residual);
/* Plus a constant for each column, in f32. */
davit_value_id network_bias(network_builder *b, davit_value_id x, int64_t columns);
/* Of two f32 values, in an integer network on bytes. */
davit_value_id network_product(network_builder *b, davit_value_id left, davit_value_id right);
davit_value_id network_apply(network_builder *b, davit_value_id x, network_function function);
davit_value_id network_add(network_builder *b, davit_value_id x, davit_value_id y);
davit_value_id network_multiply(network_builder *b, davit_value_id x, davit_value_id y);
/* Times one number plus one number. */
davit_value_id network_affine(network_builder *b, davit_value_id x);
davit_value_id network_max_pool(network_builder *b, davit_value_id x);
/* Over the whole image of that size. */
davit_value_id network_average(network_builder *b, davit_value_id x, int64_t height, int64_t width);
davit_value_id network_enlarge(network_builder *b, davit_value_id x);
davit_value_id network_concat(network_builder *b, davit_value_id x, davit_value_id y);
davit_value_id network_flatten(network_builder *b, davit_value_id x);
/* Always of f32. */
davit_value_id network_softmax(network_builder *b, davit_value_id x);
davit_value_id network_layer_norm(network_builder *b, davit_value_id x, int64_t columns);
davit_value_id network_scale(network_builder *b, davit_value_id x, float factor);
davit_value_id network_reshape(network_builder *b, davit_value_id x, int rank, const int64_t *dims);
davit_value_id network_transpose(network_builder *b, davit_value_id x, const int64_t *perm);
/* Between f32 and bytes; nothing in an f32 network. */
davit_value_id network_quantize(network_builder *b, davit_value_id x);
davit_value_id network_dequantize(network_builder *b, davit_value_id x);

#endif
