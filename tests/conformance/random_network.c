#include "case_writer.h"

#include <stdbool.h>

#define MAX_LAYERS 10

/* Shapes of the results so far; the batch is 1. */
typedef struct network_text {
    case_writer *writer;
    int count;
    int channels[MAX_LAYERS], height[MAX_LAYERS], width[MAX_LAYERS];
} network_text;

/* Begins the next layer, whose result has the shape of the one before until it is changed. */
static int begin_layer(network_text *network)
{
    int at = network->count++;
    case_append(network->writer, " ; ");
    network->channels[at] = network->channels[at - 1];
    network->height[at] = network->height[at - 1];
    network->width[at] = network->width[at - 1];
    return at;
}

static void add_convolution(network_text *network)
{
    static const int widths[] = {3, 8, 16, 19, 32, 48};
    int at = begin_layer(network);
    int in = network->channels[at];
    int out = widths[case_pick(network->writer, 0, 5)];
    int kernel = case_pick(network->writer, 0, 1) ? 3 : 1;
    case_append(network->writer, "Conv w:%dx%dx%dx%d w:%d", out, in, kernel, kernel, out);
    if (kernel == 3) {
        case_append(network->writer, " pads=1,1,1,1");
    }
    network->channels[at] = out;
}

static void add_depthwise(network_text *network)
{
    int at = begin_layer(network);
    int channels = network->channels[at];
    case_append(network->writer, "Conv w:%dx1x3x3 group=%d pads=1,1,1,1", channels, channels);
}

static void add_pool(network_text *network)
{
    int at = begin_layer(network);
    bool largest = case_pick(network->writer, 0, 1) == 0;
    case_append(network->writer, "%s kernel_shape=2,2 strides=2,2",
                largest ? "MaxPool" : "AveragePool");
    network->height[at] /= 2;
    network->width[at] /= 2;
}

static void add_upsampling(network_text *network)
{
    int at = begin_layer(network);
    case_append(network->writer, "Resize - f:1,1,2,2 mode=nearest "
                                 "coordinate_transformation_mode=asymmetric nearest_mode=floor");
    network->height[at] *= 2;
    network->width[at] *= 2;
}

static void add_normalization(network_text *network)
{
    int at = begin_layer(network);
    int channels = network->channels[at];
    case_append(network->writer, "BatchNormalization p:%d w:%d w:%d p:%d", channels, channels,
                channels, channels);
}

/* An earlier result of the same height and width, and of as many channels if asked for; -1: none.
 */
static int find_partner(network_text *network, bool same_channels)
{
    int last = network->count - 1;
    int found = -1;
    for (int i = 0; i < last; i++) {
        if (network->height[i] == network->height[last] &&
            network->width[i] == network->width[last] &&
            (!same_channels || network->channels[i] == network->channels[last]) &&
            (found < 0 || case_pick(network->writer, 0, 1))) {
            found = i;
        }
    }
    return found;
}

static void add_binary(network_text *network)
{
    int partner = find_partner(network, true);
    if (partner >= 0) {
        const char *name = case_pick(network->writer, 0, 2) ? "Add" : "Mul";
        (void)begin_layer(network);
        case_append(network->writer, "%s @%d", name, partner);
    }
}

static void add_concat(network_text *network)
{
    int partner = find_partner(network, false);
    if (partner >= 0) {
        int at = begin_layer(network);
        case_append(network->writer, "Concat @%d axis=1", partner);
        network->channels[at] += network->channels[partner];
    }
}

static void add_layer(network_text *network)
{
    int last = network->count - 1;
    int choice = case_pick(network->writer, 0, 10);
    if (choice == 0 && network->height[last] >= 4 && network->width[last] >= 4) {
        add_pool(network);
    } else if (choice == 1 && network->height[last] <= 8) {
        add_upsampling(network);
    } else if (choice == 2) {
        add_depthwise(network);
    } else if (choice == 3) {
        add_normalization(network);
    } else if (choice == 4) {
        add_concat(network);
    } else if (choice <= 6) {
        add_binary(network);
    } else if (choice <= 8) {
        (void)begin_layer(network);
        case_append(network->writer, "%s", case_pick_activation(network->writer));
    } else {
        add_convolution(network);
    }
}

void random_network(case_writer *writer)
{
    network_text network = {.writer = writer, .count = 1};
    network.channels[0] = case_pick(writer, 1, 20);
    network.height[0] = case_pick(writer, 3, 12);
    network.width[0] = case_pick(writer, 3, 12);
    case_append(writer, "Relu x:1x%dx%dx%d", network.channels[0], network.height[0],
                network.width[0]);
    int layers = case_pick(writer, 4, MAX_LAYERS);
    for (int i = 1; i < layers; i++) {
        add_layer(&network);
    }
    if (case_pick(writer, 0, 2) == 0) {
        case_append(writer, " ; GlobalAveragePool ; Flatten ; Gemm w:%dx7 w:7 ; Softmax",
                    network.channels[network.count - 1]);
    }
}
