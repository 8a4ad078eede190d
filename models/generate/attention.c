#include "attention.h"

#include <math.h>

#define EPSILON 1e-12f

value bert_dimension(builder *b, value x, const char *scope, int64_t axis)
{
    const char *stem = builder_format(b, "/%s/dim%d", scope, (int)axis);
    value shape = builder_node(b, "Shape", builder_format(b, "%s/Shape", stem), INPUTS(x));
    value index = builder_constant_int(b, builder_format(b, "%s/Constant", stem), axis);
    value size =
        builder_node(b, "Gather", builder_format(b, "%s/Gather", stem), INPUTS(shape, index));
    builder_attribute_int(b, "axis", 0);
    value zero =
        builder_constant_ints(b, builder_format(b, "%s/Constant_1", stem), (const int64_t[]){0}, 1);
    return builder_node(b, "Unsqueeze", builder_format(b, "%s/Unsqueeze", stem),
                        INPUTS(size, zero));
}

value bert_linear(builder *b, value x, const char *scope, int64_t in_features, int64_t out_features)
{
    const int64_t dims[] = {in_features, out_features};
    value weight = builder_random(b, builder_format(b, "%s.weight", scope), dims, 2, 0.0f,
                                  sqrtf(1.0f / (float)in_features));
    value bias =
        builder_random(b, builder_format(b, "%s.bias", scope), &out_features, 1, 0.0f, 0.1f);
    x = builder_node(b, "MatMul", builder_format(b, "/%s/MatMul", scope), INPUTS(x, weight));
    return builder_node(b, "Add", builder_format(b, "/%s/Add", scope), INPUTS(bias, x));
}

static value mean_of_last_axis(builder *b, value x, const char *name)
{
    const int64_t axis = -1;
    if (builder_opset(b) < 18) {
        x = builder_node(b, "ReduceMean", name, INPUTS(x));
        builder_attribute_ints(b, "axes", &axis, 1);
        return x;
    }
    value axes = builder_constant_ints(b, builder_format(b, "%s/axes", name), &axis, 1);
    return builder_node(b, "ReduceMean", name, INPUTS(x, axes));
}

static value decomposed_layer_norm(builder *b, value x, const char *scope, value gamma, value beta)
{
    value mean = mean_of_last_axis(b, x, builder_format(b, "/%s/ReduceMean", scope));
    value centred = builder_node(b, "Sub", builder_format(b, "/%s/Sub", scope), INPUTS(x, mean));
    value two = builder_constant_float(b, builder_format(b, "/%s/Constant", scope), 2.0f);
    x = builder_node(b, "Pow", builder_format(b, "/%s/Pow", scope), INPUTS(centred, two));
    x = mean_of_last_axis(b, x, builder_format(b, "/%s/ReduceMean_1", scope));
    value epsilon = builder_constant_float(b, builder_format(b, "/%s/Constant_1", scope), EPSILON);
    x = builder_node(b, "Add", builder_format(b, "/%s/Add", scope), INPUTS(x, epsilon));
    x = builder_node(b, "Sqrt", builder_format(b, "/%s/Sqrt", scope), INPUTS(x));
    x = builder_node(b, "Div", builder_format(b, "/%s/Div", scope), INPUTS(centred, x));
    x = builder_node(b, "Mul", builder_format(b, "/%s/Mul", scope), INPUTS(x, gamma));
    return builder_node(b, "Add", builder_format(b, "/%s/Add_1", scope), INPUTS(x, beta));
}

value bert_layer_norm(builder *b, value x, const char *scope, const network_options *options)
{
    const int64_t *hidden = &options->hidden;
    value gamma = builder_random(b, builder_format(b, "%s.weight", scope), hidden, 1, 1.0f, 0.1f);
    value beta = builder_random(b, builder_format(b, "%s.bias", scope), hidden, 1, 0.0f, 0.1f);
    if (options->decomposed || builder_opset(b) < 17)
        return decomposed_layer_norm(b, x, scope, gamma, beta);
    x = builder_node(b, "LayerNormalization", builder_format(b, "/%s/LayerNormalization", scope),
                     INPUTS(x, gamma, beta));
    builder_attribute_int(b, "axis", -1);
    builder_attribute_float(b, "epsilon", EPSILON);
    return x;
}

/* Reshapes x to [N, S, tail...]; N and S are read from x. */
static value view(builder *b, value x, const char *scope, const int64_t *tail, size_t tail_rank)
{
    value parts[5] = {bert_dimension(b, x, scope, 0), bert_dimension(b, x, scope, 1)};
    for (size_t i = 0; i < tail_rank; i++)
        parts[2 + i] =
            builder_constant_ints(b, builder_format(b, "/%s/Constant_%zu", scope, i), &tail[i], 1);
    value shape = builder_node(b, "Concat", builder_format(b, "/%s/Concat", scope), parts);
    builder_attribute_int(b, "axis", 0);
    return builder_node(b, "Reshape", builder_format(b, "/%s/Reshape", scope), INPUTS(x, shape));
}

static value transpose(builder *b, value x, const char *scope, const int64_t permutation[4])
{
    x = builder_node(b, "Transpose", builder_format(b, "/%s/Transpose", scope), INPUTS(x));
    builder_attribute_ints(b, "perm", permutation, 4);
    return x;
}

/* A linear layer, its output split into heads and permuted. */
static value projection(builder *b, value x, const char *scope, const network_options *options,
                        const int64_t permutation[4])
{
    const int64_t tail[] = {options->heads, options->hidden / options->heads};
    x = bert_linear(b, x, scope, options->hidden, options->hidden);
    return transpose(b, view(b, x, scope, tail, 2), scope, permutation);
}

value bert_attention(builder *b, value x, value mask, const char *scope,
                     const network_options *options)
{
    static const int64_t heads_first[] = {0, 2, 1, 3}, keys_last[] = {0, 2, 3, 1};
    const int64_t head_size = options->hidden / options->heads;
    const char *self = builder_format(b, "%s.self", scope);
    value q = projection(b, x, builder_format(b, "%s.query", self), options, heads_first);
    value k = projection(b, x, builder_format(b, "%s.key", self), options, keys_last);
    value v = projection(b, x, builder_format(b, "%s.value", self), options, heads_first);

    value scores = builder_node(b, "MatMul", builder_format(b, "/%s/MatMul", self), INPUTS(q, k));
    value root =
        builder_constant_float(b, builder_format(b, "/%s/Constant", self), sqrtf((float)head_size));
    scores = builder_node(b, "Div", builder_format(b, "/%s/Div", self), INPUTS(scores, root));
    scores = builder_node(b, "Add", builder_format(b, "/%s/Add", self), INPUTS(scores, mask));
    scores = builder_node(b, "Softmax", builder_format(b, "/%s/Softmax", self), INPUTS(scores));
    builder_attribute_int(b, "axis", -1);

    value y = builder_node(b, "MatMul", builder_format(b, "/%s/MatMul_1", self), INPUTS(scores, v));
    y = transpose(b, y, self, heads_first);
    y = view(b, y, self, &options->hidden, 1);
    y = bert_linear(b, y, builder_format(b, "%s.output.dense", scope), options->hidden,
                    options->hidden);
    y = builder_node(b, "Add", builder_format(b, "/%s.output/Add", scope), INPUTS(y, x));
    return bert_layer_norm(b, y, builder_format(b, "%s.output.LayerNorm", scope), options);
}
