/* ResNet-20 for small images and ResNet-50, laid out and named as torchvision's exports.
 *
 * The last normalisation of each residual branch has a small gamma, as trained ones do; otherwise
 * the activations would double in variance with every block. */
#include "layers.h"

#define BRANCH_SCALE 0.5f

typedef struct block {
    const char *scope;
    int64_t in_channels;
    int64_t width; /* channels inside the block */
    int64_t out_channels;
    int64_t stride;
} block;

static value add_and_relu(builder *b, value branch, value x, const block *k, bool fold)
{
    if (k->stride != 1 || k->in_channels != k->out_channels) {
        const convolution shortcut = {
            .scope = builder_format(b, "%s.downsample.0", k->scope),
            .norm_scope = builder_format(b, "%s.downsample.1", k->scope),
            .in_channels = k->in_channels,
            .out_channels = k->out_channels,
            .kernel = 1,
            .stride = k->stride,
            .variance = 1.0f,
        };
        x = layer_convolution(b, x, &shortcut, fold);
    }
    x = builder_node(b, "Add", builder_format(b, "/%s/Add", k->scope), INPUTS(branch, x));
    return layer_relu(b, x, builder_format(b, "%s.relu", k->scope));
}

/* Two 3 x 3 convolutions. */
static value basic_block(builder *b, value x, const block *k, bool fold)
{
    const convolution first = {.scope = builder_format(b, "%s.conv1", k->scope),
                               .norm_scope = builder_format(b, "%s.bn1", k->scope),
                               .in_channels = k->in_channels,
                               .out_channels = k->width,
                               .kernel = 3,
                               .stride = k->stride,
                               .variance = 2.0f};
    const convolution second = {.scope = builder_format(b, "%s.conv2", k->scope),
                                .norm_scope = builder_format(b, "%s.bn2", k->scope),
                                .in_channels = k->width,
                                .out_channels = k->out_channels,
                                .kernel = 3,
                                .stride = 1,
                                .variance = 1.0f,
                                .norm_scale = BRANCH_SCALE};
    value y = layer_convolution(b, x, &first, fold);
    y = layer_relu(b, y, builder_format(b, "%s.relu1", k->scope));
    y = layer_convolution(b, y, &second, fold);
    return add_and_relu(b, y, x, k, fold);
}

/* 1 x 1, 3 x 3 and 1 x 1 convolutions. */
static value bottleneck_block(builder *b, value x, const block *k, bool fold)
{
    const int64_t channels[] = {k->in_channels, k->width, k->width, k->out_channels};
    value y = x;
    for (int i = 0; i < 3; i++) {
        const convolution c = {.scope = builder_format(b, "%s.conv%d", k->scope, i + 1),
                               .norm_scope = builder_format(b, "%s.bn%d", k->scope, i + 1),
                               .in_channels = channels[i],
                               .out_channels = channels[i + 1],
                               .kernel = i == 1 ? 3 : 1,
                               .stride = i == 1 ? k->stride : 1,
                               .variance = i < 2 ? 2.0f : 1.0f,
                               .norm_scale = i < 2 ? 1.0f : BRANCH_SCALE};
        y = layer_convolution(b, y, &c, fold);
        if (i < 2)
            y = layer_relu(b, y, builder_format(b, "%s.relu%d", k->scope, i + 1));
    }
    return add_and_relu(b, y, x, k, fold);
}

static value stem(builder *b, const network_options *options, int64_t channels, int64_t kernel,
                  int64_t stride)
{
    const convolution c = {.scope = "conv1",
                           .norm_scope = "bn1",
                           .in_channels = 3,
                           .out_channels = channels,
                           .kernel = kernel,
                           .stride = stride,
                           .variance = 2.0f};
    value x = layer_convolution(b, layer_image_input(b, options), &c, options->fold);
    return layer_relu(b, x, "relu");
}

void build_resnet20(builder *b, const network_options *options)
{
    value x = stem(b, options, 16, 3, 1);
    int64_t in_channels = 16;
    for (int stage = 0; stage < 3; stage++) {
        const int64_t width = INT64_C(16) << stage;
        for (int i = 0; i < 3; i++) {
            const block k = {.scope = builder_format(b, "layer%d.%d", stage + 1, i),
                             .in_channels = in_channels,
                             .width = width,
                             .out_channels = width,
                             .stride = stage && !i ? 2 : 1};
            x = basic_block(b, x, &k, options->fold);
            in_channels = width;
        }
    }
    layer_classifier(b, x, "fc", in_channels, options);
}

void build_resnet50(builder *b, const network_options *options)
{
    static const int blocks[] = {3, 4, 6, 3};
    value x = stem(b, options, 64, 7, 2);
    x = layer_max_pool(b, x, "maxpool", 3, 2, 1);
    int64_t in_channels = 64;
    for (int stage = 0; stage < 4; stage++) {
        const int64_t width = INT64_C(64) << stage;
        for (int i = 0; i < blocks[stage]; i++) {
            const block k = {.scope = builder_format(b, "layer%d.%d", stage + 1, i),
                             .in_channels = in_channels,
                             .width = width,
                             .out_channels = 4 * width,
                             .stride = stage && !i ? 2 : 1};
            x = bottleneck_block(b, x, &k, options->fold);
            in_channels = 4 * width;
        }
    }
    layer_classifier(b, x, "fc", in_channels, options);
}
