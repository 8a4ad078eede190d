#include "layers.h"

#include <math.h>
#include <stdlib.h>

#define EPSILON 1e-5f
#define FLOAT32 ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT

/* The parameters of a batch normalisation: near what a trained one has. */
enum { GAMMA, BETA, MEAN, VARIANCE, NORM_PARAMETERS };
static const struct {
    const char *name;
    float mean;
    float deviation;
} norm_parameters[NORM_PARAMETERS] = {
    [GAMMA] = {"weight", 1.0f, 0.1f},
    [BETA] = {"bias", 0.0f, 0.1f},
    [MEAN] = {"running_mean", 0.0f, 0.1f},
    [VARIANCE] = {"running_var", 1.0f, 0.1f},
};

static float norm_factor(const convolution *c, int parameter)
{
    return parameter == GAMMA && c->norm_scale != 0.0f ? c->norm_scale : 1.0f;
}

static value batch_norm(builder *b, value x, const convolution *c)
{
    value parameters[NORM_PARAMETERS];
    for (int i = 0; i < NORM_PARAMETERS; i++) {
        float factor = norm_factor(c, i);
        parameters[i] = builder_random(
            b, builder_format(b, "%s.%s", c->norm_scope, norm_parameters[i].name), &c->out_channels,
            1, factor * norm_parameters[i].mean, factor * norm_parameters[i].deviation);
    }
    x = builder_node(
        b, "BatchNormalization", builder_format(b, "/%s/BatchNormalization", c->norm_scope),
        INPUTS(x, parameters[GAMMA], parameters[BETA], parameters[MEAN], parameters[VARIANCE]));
    builder_attribute_float(b, "epsilon", EPSILON);
    builder_attribute_float(b, "momentum", 0.9f);
    return x;
}

/* Multiplies the weights by gamma / sqrt(variance + epsilon) and makes the bias that remains. */
static value fold_norm(builder *b, const convolution *c, float *weights, size_t weights_a_channel)
{
    size_t channels = (size_t)c->out_channels;
    float *p[NORM_PARAMETERS];
    for (int i = 0; i < NORM_PARAMETERS; i++) {
        float factor = norm_factor(c, i);
        const char *name = builder_format(b, "%s.%s", c->norm_scope, norm_parameters[i].name);
        p[i] = builder_random_contents(b, name, channels, factor * norm_parameters[i].mean,
                                       factor * norm_parameters[i].deviation);
    }
    for (size_t channel = 0; channel < channels; channel++) {
        float scale = p[GAMMA][channel] / sqrtf(p[VARIANCE][channel] + EPSILON);
        for (size_t i = 0; i < weights_a_channel; i++)
            weights[channel * weights_a_channel + i] *= scale;
        p[BETA][channel] -= p[MEAN][channel] * scale;
    }
    value bias =
        builder_floats(b, builder_format(b, "%s.bias", c->scope), &c->out_channels, 1, p[BETA]);
    for (int i = 0; i < NORM_PARAMETERS; i++)
        free(p[i]);
    return bias;
}

static value convolution_node(builder *b, value x, const convolution *c, value weight, value bias)
{
    const int64_t pad = c->kernel / 2;
    x = builder_node(b, "Conv", builder_format(b, "/%s/Conv", c->scope), INPUTS(x, weight, bias));
    builder_attribute_ints(b, "dilations", (const int64_t[]){1, 1}, 2);
    builder_attribute_int(b, "group", c->groups ? c->groups : 1);
    builder_attribute_ints(b, "kernel_shape", (const int64_t[]){c->kernel, c->kernel}, 2);
    builder_attribute_ints(b, "pads", (const int64_t[]){pad, pad, pad, pad}, 4);
    builder_attribute_ints(b, "strides", (const int64_t[]){c->stride, c->stride}, 2);
    return x;
}

value layer_convolution(builder *b, value x, const convolution *c, bool fold)
{
    const int64_t in_a_group = c->in_channels / (c->groups ? c->groups : 1);
    const int64_t dims[] = {c->out_channels, in_a_group, c->kernel, c->kernel};
    const int64_t fan_in = in_a_group * c->kernel * c->kernel;
    const float deviation = sqrtf(c->variance / (float)fan_in);
    const char *name = builder_format(b, "%s.weight", c->scope);
    if (!c->norm_scope) {
        value weight = builder_random(b, name, dims, 4, 0.0f, deviation);
        value bias = builder_random(b, builder_format(b, "%s.bias", c->scope), dims, 1, 0.0f, 0.1f);
        return convolution_node(b, x, c, weight, bias);
    }
    if (!fold) {
        value weight = builder_random(b, name, dims, 4, 0.0f, deviation);
        return batch_norm(b, convolution_node(b, x, c, weight, NULL), c);
    }
    float *contents =
        builder_random_contents(b, name, (size_t)(c->out_channels * fan_in), 0.0f, deviation);
    value bias = fold_norm(b, c, contents, (size_t)fan_in);
    value weight = builder_floats(b, name, dims, 4, contents);
    free(contents);
    return convolution_node(b, x, c, weight, bias);
}

value layer_relu(builder *b, value x, const char *scope)
{
    return builder_node(b, "Relu", builder_format(b, "/%s/Relu", scope), INPUTS(x));
}

value layer_max_pool(builder *b, value x, const char *scope, int64_t kernel, int64_t stride,
                     int64_t padding)
{
    x = builder_node(b, "MaxPool", builder_format(b, "/%s/MaxPool", scope), INPUTS(x));
    builder_attribute_int(b, "ceil_mode", 0);
    builder_attribute_ints(b, "kernel_shape", (const int64_t[]){kernel, kernel}, 2);
    builder_attribute_ints(b, "pads", (const int64_t[]){padding, padding, padding, padding}, 4);
    builder_attribute_ints(b, "strides", (const int64_t[]){stride, stride}, 2);
    return x;
}

value layer_gemm(builder *b, value x, const char *scope, int64_t in_features, int64_t out_features,
                 float variance)
{
    const int64_t dims[] = {out_features, in_features};
    value weight = builder_random(b, builder_format(b, "%s.weight", scope), dims, 2, 0.0f,
                                  sqrtf(variance / (float)in_features));
    value bias = builder_random(b, builder_format(b, "%s.bias", scope), dims, 1, 0.0f, 0.1f);
    x = builder_node(b, "Gemm", builder_format(b, "/%s/Gemm", scope), INPUTS(x, weight, bias));
    builder_attribute_float(b, "alpha", 1.0f);
    builder_attribute_float(b, "beta", 1.0f);
    builder_attribute_int(b, "transB", 1);
    return x;
}

void layer_classifier(builder *b, value x, const char *scope, int64_t channels,
                      const network_options *options)
{
    x = builder_node(b, "GlobalAveragePool", "/avgpool/GlobalAveragePool", INPUTS(x));
    x = builder_node(b, "Flatten", "/Flatten", INPUTS(x));
    builder_attribute_int(b, "axis", 1);
    layer_gemm(b, x, scope, channels, options->classes, 1.0f);
    layer_logits_output(b, options);
}

static dimension size_or(int64_t size, const char *symbol)
{
    return (dimension){.symbol = size ? NULL : symbol, .size = size};
}

value layer_image_input(builder *b, const network_options *options)
{
    const dimension dims[] = {size_or(options->batch, "N"), size_or(3, ""),
                              size_or(options->size, "H"), size_or(options->size, "W")};
    return builder_input(b, "input", FLOAT32, dims, 4);
}

void layer_logits_output(builder *b, const network_options *options)
{
    const dimension dims[] = {size_or(options->batch, "N"), size_or(options->classes, "")};
    builder_output(b, builder_name_output(b, "output"), FLOAT32, dims, 2);
}
