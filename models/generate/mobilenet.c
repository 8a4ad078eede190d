/* MobileNetV2 at width 1.0, laid out and named as torchvision's exports; ReLU6 is a Clip whose
 * limits are Constant nodes. */
#include "layers.h"

static value relu6(builder *b, value x, const char *scope)
{
    value low = builder_constant_float(b, builder_format(b, "/%s/Constant", scope), 0.0f);
    value high = builder_constant_float(b, builder_format(b, "/%s/Constant_1", scope), 6.0f);
    return builder_node(b, "Clip", builder_format(b, "/%s/Clip", scope), INPUTS(x, low, high));
}

/* Convolution, normalisation, ReLU6: layers 0, 1 and 2 of `scope`. */
static value convolution_relu6(builder *b, value x, const char *scope, convolution c, bool fold)
{
    c.scope = builder_format(b, "%s.0", scope);
    c.norm_scope = builder_format(b, "%s.1", scope);
    c.variance = 2.0f;
    x = layer_convolution(b, x, &c, fold);
    return relu6(b, x, builder_format(b, "%s.2", scope));
}

typedef struct inverted_residual {
    const char *scope;
    int64_t in_channels;
    int64_t out_channels;
    int64_t expansion;
    int64_t stride;
} inverted_residual;

static value build_inverted_residual(builder *b, value x, const inverted_residual *r, bool fold)
{
    const int64_t width = r->in_channels * r->expansion;
    int index = 0;
    value y = x;
    if (r->expansion != 1)
        y = convolution_relu6(
            b, y, builder_format(b, "%s.conv.%d", r->scope, index++),
            (convolution){
                .in_channels = r->in_channels, .out_channels = width, .kernel = 1, .stride = 1},
            fold);
    y = convolution_relu6(b, y, builder_format(b, "%s.conv.%d", r->scope, index++),
                          (convolution){.in_channels = width,
                                        .out_channels = width,
                                        .kernel = 3,
                                        .stride = r->stride,
                                        .groups = width},
                          fold);
    const bool residual = r->stride == 1 && r->in_channels == r->out_channels;
    const convolution project = {.scope = builder_format(b, "%s.conv.%d", r->scope, index),
                                 .norm_scope = builder_format(b, "%s.conv.%d", r->scope, index + 1),
                                 .in_channels = width,
                                 .out_channels = r->out_channels,
                                 .kernel = 1,
                                 .stride = 1,
                                 .variance = 1.0f,
                                 .norm_scale = residual ? 0.5f : 1.0f};
    y = layer_convolution(b, y, &project, fold);
    if (!residual)
        return y;
    return builder_node(b, "Add", builder_format(b, "/%s/Add", r->scope), INPUTS(x, y));
}

void build_mobilenetv2(builder *b, const network_options *options)
{
    static const struct {
        int64_t expansion, channels, repeats, stride;
    } stages[] = {{1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
                  {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};
    value x = convolution_relu6(
        b, layer_image_input(b, options), "features.0",
        (convolution){.in_channels = 3, .out_channels = 32, .kernel = 3, .stride = 2},
        options->fold);
    int64_t in_channels = 32;
    int index = 1;
    for (size_t stage = 0; stage < sizeof stages / sizeof stages[0]; stage++) {
        for (int64_t i = 0; i < stages[stage].repeats; i++) {
            const inverted_residual r = {.scope = builder_format(b, "features.%d", index++),
                                         .in_channels = in_channels,
                                         .out_channels = stages[stage].channels,
                                         .expansion = stages[stage].expansion,
                                         .stride = i ? 1 : stages[stage].stride};
            x = build_inverted_residual(b, x, &r, options->fold);
            in_channels = r.out_channels;
        }
    }
    x = convolution_relu6(
        b, x, "features.18",
        (convolution){.in_channels = in_channels, .out_channels = 1280, .kernel = 1, .stride = 1},
        options->fold);
    layer_classifier(b, x, "classifier.1", 1280, options);
}
