/* VGG-16, laid out and named as torchvision's export: 13 convolutions with biases, the adaptive
 * pooling that is the identity at 224 x 224, three fully connected layers. */
#include "layers.h"

void build_vgg16(builder *b, const network_options *options)
{
    static const int64_t channels[] = {64, 64,  0,   128, 128, 0,   256, 256, 256,
                                       0,  512, 512, 512, 0,   512, 512, 512, 0};
    value x = layer_image_input(b, options);
    int64_t in_channels = 3;
    int64_t size = options->size;
    int index = 0;
    for (size_t i = 0; i < sizeof channels / sizeof channels[0]; i++) {
        if (!channels[i]) {
            x = layer_max_pool(b, x, builder_format(b, "features.%d", index++), 2, 2, 0);
            size /= 2;
            continue;
        }
        const convolution c = {.scope = builder_format(b, "features.%d", index),
                               .in_channels = in_channels,
                               .out_channels = channels[i],
                               .kernel = 3,
                               .stride = 1,
                               .variance = 2.0f};
        x = layer_convolution(b, x, &c, options->fold);
        x = layer_relu(b, x, builder_format(b, "features.%d", index + 1));
        index += 2;
        in_channels = channels[i];
    }
    x = builder_node(b, "AveragePool", "/avgpool/AveragePool", INPUTS(x));
    builder_attribute_ints(b, "kernel_shape", (const int64_t[]){1, 1}, 2);
    builder_attribute_ints(b, "strides", (const int64_t[]){1, 1}, 2);
    x = builder_node(b, "Flatten", "/Flatten", INPUTS(x));
    builder_attribute_int(b, "axis", 1);
    x = layer_gemm(b, x, "classifier.0", in_channels * size * size, 4096, 2.0f);
    x = layer_relu(b, x, "classifier.1");
    x = layer_gemm(b, x, "classifier.3", 4096, 4096, 2.0f);
    x = layer_relu(b, x, "classifier.4");
    layer_gemm(b, x, "classifier.6", 4096, options->classes, 1.0f);
    layer_logits_output(b, options);
}
