/* The built-in networks. The sizes of the n-th are drawn from n, within what usual networks have:
 * many channels on small images, few on large ones.
 *
 * Where a network begins and ends, units change to and from the layout between devices, which can
 * take longer than their own work. As in usual networks only a convolution of three channels does,
 * and what is small: no layer in between is measured there. */

#include "davit/measure.h"
#include "network_builder.h"

enum { NETWORKS = 288 };
#define MOST_MACS 6e8  /* multiply-adds of the largest layer */
#define MOST_ELEMS 5e6 /* of the largest value */
#define LARGE 3.0      /* one image in four is up to that many times larger: no cache holds it */

/* What a network is made from. */
typedef struct recipe {
    uint64_t state;
    int64_t batch, channels, height, width;
    network_function function;
} recipe;

static uint64_t draw(recipe *r, uint64_t bound)
{
    uint64_t z = (r->state += 0x9e3779b97f4a7c15u); /* splitmix64 */
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (z ^ (z >> 31)) % bound;
}

#define PICK(r, list) (list)[draw((r), sizeof(list) / sizeof((list)[0]))]

/* An image for layers of `widest` times as many channels and kernels of so many taps. */
static void draw_image(recipe *r, double widest, double taps)
{
    static const int64_t batches[] = {1, 1, 1, 2, 4, 8};
    static const int64_t channels[] = {16, 24, 32, 48, 64, 96, 128, 160, 192, 256, 320, 512};
    static const int64_t sizes[] = {7, 8, 10, 14, 16, 20, 28, 32, 40, 56, 80, 112, 160};
    static const network_function functions[] = {NETWORK_RELU, NETWORK_RELU6, NETWORK_HARDSWISH};
    bool large = draw(r, 4) == 0;
    double least = large ? MOST_ELEMS : 2e4, factor = large ? LARGE : 1;
    double elems, macs;
    do {
        r->batch = PICK(r, batches);
        r->channels = PICK(r, channels);
        r->height = PICK(r, sizes);
        r->width = draw(r, 3) == 0 ? 2 * r->height : r->height;
        elems = (double)(r->batch * r->channels * r->height * r->width) * widest;
        macs = elems * (double)r->channels * taps;
    } while (elems < least || elems > factor * MOST_ELEMS || macs > factor * MOST_MACS);
    r->function = PICK(r, functions);
}

/* An image of three channels, as bytes in an integer network. */
static davit_value_id photo(network_builder *b, const recipe *r, int64_t scale)
{
    const int64_t dims[] = {r->batch, 3, scale * r->height, scale * r->width};
    return network_quantize(b, network_input(b, false, 4, dims));
}

/* The drawn image, made from one of three channels. */
static davit_value_id image(network_builder *b, recipe *r, network_function function)
{
    int64_t stride = draw(r, 4) == 0 ? 1 : 2;
    const network_conv first = {.in = 3,
                                .out = r->channels,
                                .kernel = 3,
                                .stride = stride,
                                .group = 1,
                                .function = function,
                                .residual = DAVIT_NONE};
    return network_convolve(b, photo(b, r, stride), &first);
}

/* What follows a convolution of stride 2. */
static void halve(recipe *r)
{
    r->height = (r->height + 1) / 2;
    r->width = (r->width + 1) / 2;
}

/* Ends a network with the mean of its image. */
static davit_value_id summary(network_builder *b, davit_value_id x, const recipe *r)
{
    return network_dequantize(b, network_average(b, x, r->height, r->width));
}

static davit_value_id convolve(network_builder *b, davit_value_id x, int64_t in, int64_t out,
                               int64_t kernel, network_function function)
{
    const network_conv conv = {.in = in,
                               .out = out,
                               .kernel = kernel,
                               .stride = 1,
                               .group = 1,
                               .function = function,
                               .residual = DAVIT_NONE};
    return network_convolve(b, x, &conv);
}

static davit_value_id depthwise(network_builder *b, davit_value_id x, int64_t channels,
                                int64_t kernel, int64_t stride, network_function function)
{
    const network_conv conv = {.in = channels,
                               .out = channels,
                               .kernel = kernel,
                               .stride = stride,
                               .group = channels,
                               .function = function,
                               .residual = DAVIT_NONE};
    return network_convolve(b, x, &conv);
}

/* Adds as networks do: into the convolution, or as a unit of its own on bytes. */
static davit_value_id convolve_and_add(network_builder *b, davit_value_id x, int64_t in,
                                       int64_t out, network_function function,
                                       davit_value_id residual)
{
    const network_conv conv = {.in = in,
                               .out = out,
                               .kernel = 1,
                               .stride = 1,
                               .group = 1,
                               .function = function,
                               .residual = residual};
    if (!b->integer) {
        return network_convolve(b, x, &conv);
    }
    return network_add(b, convolve(b, x, in, out, 1, NETWORK_LINEAR), residual);
}

/* Two blocks of 1x1, 3x3, 1x1 with a shortcut (He et al., "Deep residual learning", 2015). */
static davit_value_id bottlenecks(network_builder *b, recipe *r)
{
    draw_image(r, 1, 1.5);
    int64_t wide = r->channels, narrow = wide / 4;
    davit_value_id x = image(b, r, NETWORK_RELU);
    for (int block = 0; block < 2; block++) {
        davit_value_id y = convolve(b, x, wide, narrow, 1, NETWORK_RELU);
        y = convolve(b, y, narrow, narrow, 3, NETWORK_RELU);
        x = convolve_and_add(b, y, narrow, wide, NETWORK_RELU, x);
    }
    const network_conv halving = {.in = wide,
                                  .out = 2 * wide,
                                  .kernel = 1,
                                  .stride = 2,
                                  .group = 1,
                                  .function = NETWORK_LINEAR,
                                  .residual = DAVIT_NONE};
    halve(r);
    return summary(b, network_convolve(b, x, &halving), r);
}

/* Two blocks of 1x1, depthwise, 1x1 with a shortcut (Sandler et al., "MobileNetV2", 2018). */
static davit_value_id inverted_residuals(network_builder *b, recipe *r)
{
    draw_image(r, 6, 1);
    int64_t narrow = r->channels, wide = 6 * narrow;
    int64_t kernel = draw(r, 3) == 0 ? 5 : 3;
    davit_value_id x = image(b, r, NETWORK_LINEAR);
    for (int block = 0; block < 2; block++) {
        davit_value_id y = convolve(b, x, narrow, wide, 1, r->function);
        y = depthwise(b, y, wide, kernel, 1, r->function);
        x = convolve_and_add(b, y, wide, narrow, NETWORK_LINEAR, x);
    }
    x = convolve(b, x, narrow, wide, 1, r->function);
    halve(r);
    return summary(b, depthwise(b, x, wide, kernel, 2, r->function), r);
}

/* The first layers of a network, from an image of three channels. */
static davit_value_id stem(network_builder *b, recipe *r)
{
    static const int64_t sizes[] = {96, 128, 160, 192, 224, 320}, filters[] = {16, 32, 64};
    static const int64_t batches[] = {1, 1, 2, 8};
    int64_t out = PICK(r, filters);
    do {
        r->batch = PICK(r, batches);
        r->height = PICK(r, sizes);
        r->width = draw(r, 2) == 0 ? 2 * r->height : r->height;
    } while ((double)(r->batch * out * r->height * r->width) / 4 > LARGE * MOST_ELEMS);
    const network_conv first = {.in = 3,
                                .out = out,
                                .kernel = out == 64 ? 7 : 3,
                                .stride = 2,
                                .group = 1,
                                .function = NETWORK_RELU,
                                .residual = DAVIT_NONE};
    davit_value_id x = network_convolve(b, photo(b, r, 1), &first);
    halve(r);
    if (draw(r, 2) == 0) {
        x = network_max_pool(b, x);
        halve(r);
    } else {
        x = depthwise(b, x, out, 3, 1, NETWORK_RELU6);
    }
    x = convolve(b, x, out, out, 1, NETWORK_RELU);
    halve(r);
    return summary(b, depthwise(b, x, out, 3, 2, NETWORK_RELU), r);
}

/* x times weights, in f32 with its bias inside, on bytes with what quantisers leave around it. */
static davit_value_id project(network_builder *b, davit_value_id x, int64_t depth, int64_t columns,
                              network_function function, davit_value_id residual)
{
    if (!b->integer) {
        return network_dense(b, x, depth, columns, function, residual);
    }
    x = network_dense(b, network_quantize(b, x), depth, columns, NETWORK_LINEAR, DAVIT_NONE);
    x = network_bias(b, network_dequantize(b, x), columns);
    b->integer = false;
    x = residual != DAVIT_NONE ? network_add(b, x, residual) : x;
    b->integer = true;
    return network_apply(b, x, function);
}

/* One head's worth of rows: [batch, length, hidden] to [batch, heads, length, 64]. */
static davit_value_id split_heads(network_builder *b, davit_value_id x, int64_t batch,
                                  int64_t length, int64_t hidden, bool transposed)
{
    static const int64_t rows[] = {0, 2, 1, 3}, columns[] = {0, 2, 3, 1};
    const int64_t split[] = {batch, length, hidden / 64, 64};
    x = network_reshape(b, project(b, x, hidden, hidden, NETWORK_LINEAR, DAVIT_NONE), 4, split);
    return network_transpose(b, x, transposed ? columns : rows);
}

/* One layer of an encoder (Vaswani et al., "Attention is all you need", 2017). */
static davit_value_id encoder(network_builder *b, recipe *r)
{
    static const int64_t lengths[] = {32, 64, 96, 128, 196, 256}, batches[] = {1, 1, 2, 8};
    static const int64_t widths[] = {128, 192, 256, 384, 512, 768, 1024};
    static const int64_t order[] = {0, 2, 1, 3};
    int64_t batch, length, hidden;
    do {
        batch = PICK(r, batches);
        length = PICK(r, lengths);
        hidden = PICK(r, widths);
    } while ((double)(batch * length * hidden) * 4 * (double)hidden > 3.5 * MOST_MACS);
    const int64_t dims[] = {batch, length, hidden}, joined[] = {batch, length, hidden};
    davit_value_id x = network_input(b, false, 3, dims);
    davit_value_id q = split_heads(b, x, batch, length, hidden, false);
    davit_value_id k = split_heads(b, x, batch, length, hidden, true);
    davit_value_id v = split_heads(b, x, batch, length, hidden, false);
    davit_value_id scores = network_scale(b, network_product(b, q, k), 8);
    davit_value_id y = network_product(b, network_softmax(b, scores), v);
    y = network_reshape(b, network_transpose(b, y, order), 3, joined);
    y = project(b, y, hidden, hidden, NETWORK_LINEAR, x);
    y = network_layer_norm(b, y, hidden);
    davit_value_id wide = project(b, y, hidden, 4 * hidden, NETWORK_GELU, DAVIT_NONE);
    return network_layer_norm(b, project(b, wide, 4 * hidden, hidden, NETWORK_LINEAR, y), hidden);
}

/* Scales channels by what is seen of the whole image (Hu et al., "Squeeze-and-excitation", 2018).
 */
static davit_value_id excite(network_builder *b, davit_value_id x, const recipe *r,
                             int64_t channels)
{
    davit_value_id s = network_average(b, x, r->height, r->width);
    s = convolve(b, s, channels, channels / 4, 1, NETWORK_RELU);
    s = convolve(b, s, channels / 4, channels, 1, NETWORK_HARDSIGMOID);
    return network_multiply(b, x, s);
}

/* Levels of two sizes joined, and an image made of them (Lin et al., "Feature pyramid networks",
 * 2017). */
static davit_value_id pyramid(network_builder *b, recipe *r)
{
    draw_image(r, 4, 2.25);
    int64_t channels = r->channels, narrow = channels / 4 > 8 ? channels / 4 : 8;
    davit_value_id x = image(b, r, NETWORK_RELU);
    davit_value_id large = convolve(b, x, channels, channels, 1, NETWORK_LINEAR);
    davit_value_id small = depthwise(b, large, channels, 3, 2, NETWORK_RELU);
    if (r->height % 2 == 0) {
        large = network_add(b, large, network_enlarge(b, small));
    }
    large = network_add(b, large, excite(b, large, r, channels));
    davit_value_id y = convolve(b, large, channels, narrow, 3, NETWORK_RELU);
    y = network_concat(b, y, convolve(b, x, channels, narrow, 3, NETWORK_LINEAR));
    y = convolve(b, y, 2 * narrow, narrow, 3, NETWORK_RELU);
    y = network_deconvolve(b, y, narrow, narrow);
    if (draw(r, 2) == 0) {
        return network_dequantize(b, network_deconvolve(b, y, narrow, 1));
    }
    r->height *= 2;
    r->width *= 2;
    return summary(b, y, r);
}

/* The last layers of a classifier. */
static davit_value_id head(network_builder *b, recipe *r)
{
    static const int64_t classes[] = {10, 100, 1000}, widths[] = {512, 1280, 2048};
    draw_image(r, 1, 1);
    int64_t wide = PICK(r, widths);
    r->height = r->width = draw(r, 2) == 0 ? 7 : 10;
    davit_value_id x = image(b, r, NETWORK_LINEAR);
    x = convolve(b, x, r->channels, wide, 1, r->function);
    x = network_flatten(b, network_average(b, x, r->height, r->width));
    x = network_dense(b, x, wide, wide, NETWORK_RELU, DAVIT_NONE);
    x = network_dense(b, x, wide, PICK(r, classes), NETWORK_LINEAR, DAVIT_NONE);
    return network_dequantize(b, x);
}

/* 3x3 upon 3x3 (Simonyan, Zisserman, 2014). */
static davit_value_id stack(network_builder *b, recipe *r)
{
    draw_image(r, 1, 9);
    int64_t c = r->channels;
    davit_value_id x = convolve(b, image(b, r, NETWORK_RELU), c, c, 3, NETWORK_RELU);
    x = convolve(b, x, c, c, 3, NETWORK_RELU);
    const network_conv halving = {.in = c,
                                  .out = 2 * c,
                                  .kernel = 3,
                                  .stride = 2,
                                  .group = 1,
                                  .function = NETWORK_RELU,
                                  .residual = DAVIT_NONE};
    x = network_convolve(b, x, &halving);
    halve(r);
    return summary(b, convolve(b, x, 2 * c, c, 1, NETWORK_RELU), r);
}

/* Depthwise and 1x1 in turn, with excitation (Cui et al., "PP-LCNet", 2021). */
static davit_value_id separable(network_builder *b, recipe *r)
{
    draw_image(r, 2, 1);
    int64_t c = r->channels;
    davit_value_id x = image(b, r, NETWORK_HARDSWISH);
    x = depthwise(b, x, c, 3, 1, NETWORK_HARDSWISH);
    x = convolve(b, x, c, 2 * c, 1, NETWORK_HARDSWISH);
    x = depthwise(b, x, 2 * c, 5, 1, NETWORK_HARDSWISH);
    x = excite(b, network_affine(b, x), r, 2 * c);
    x = network_affine(b, convolve(b, x, 2 * c, 2 * c, 1, NETWORK_HARDSWISH));
    x = network_apply(b, network_dequantize(b, x), NETWORK_SIGMOID);
    b->integer = false;
    return summary(b, x, r);
}

static davit_value_id (*const shapes[])(network_builder *b, recipe *r) = {
    bottlenecks, inverted_residuals, encoder, separable, stem, pyramid, stack, head,
};
enum { SHAPES = sizeof(shapes) / sizeof(shapes[0]) };

size_t davit_measure_network_count(void)
{
    return NETWORKS;
}

davit_status davit_measure_network_make(size_t index, const davit_allocator *allocator,
                                        davit_graph **out)
{
    *out = NULL;
    network_builder b = {.integer = index / SHAPES % 2 == 1, .seed = index};
    recipe r = {.state = index};
    davit_status status = network_begin(&b, allocator);
    if (status == DAVIT_OK) {
        network_output(&b, shapes[index % SHAPES](&b, &r));
        status = b.status;
    }
    if (status != DAVIT_OK) {
        davit_graph_destroy(b.graph);
        return status;
    }
    *out = b.graph;
    return DAVIT_OK;
}
