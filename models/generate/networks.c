#include "networks.h"

#include <string.h>

static const network table[] = {
    {.name = "resnet20",
     .what = "ResNet-20 for 32 x 32 images (He et al. 2016, with projection shortcuts)",
     .defaults = {.size = 32, .classes = 10},
     .any_size = true,
     .build = build_resnet20},
    {.name = "resnet50",
     .what = "ResNet-50 v1.5 (stride on the 3 x 3 convolution)",
     .defaults = {.size = 224, .classes = 1000},
     .any_size = true,
     .build = build_resnet50},
    {.name = "mobilenetv2",
     .what = "MobileNetV2 1.0 (Sandler et al. 2018): depthwise convolutions, ReLU6 as Clip",
     .defaults = {.size = 224, .classes = 1000},
     .any_size = true,
     .build = build_mobilenetv2},
    {.name = "vgg16",
     .what = "VGG-16 (Simonyan and Zisserman 2015), no batch normalisation; 553 MB",
     .defaults = {.size = 224, .classes = 1000},
     .build = build_vgg16},
    {.name = "bert-base",
     .what = "BERT-base encoder (Devlin et al. 2019): 12 layers, 768 wide; 438 MB",
     .defaults = {.layers = 12, .hidden = 768, .heads = 12, .vocabulary = 30522},
     .build = build_bert},
    {.name = "bert-tiny",
     .what = "the same encoder with 2 layers, 128 wide, for tests; 2 MB",
     .defaults = {.layers = 2, .hidden = 128, .heads = 2, .vocabulary = 1000},
     .build = build_bert},
    {.name = NULL},
};

const network *networks_all(void)
{
    return table;
}

const network *network_find(const char *name)
{
    for (const network *n = table; n->name; n++)
        if (strcmp(n->name, name) == 0)
            return n;
    return NULL;
}
