#include "random_graph.h"

#include <math.h>

#define MAX_VALUES 256
#define CHANNELS 4

typedef struct generator {
    builder *b;
    random_domain domain;
    uint64_t seed;
    size_t count;
    davit_value_id values[MAX_VALUES]; /* all of one shape */
} generator;

/* A value made so far; recent ones more often, so that chains arise. */
static davit_value_id pick(generator *g)
{
    size_t near = g->count < 3 ? g->count : 3;
    size_t back = test_random_below(&g->seed, 4) != 0 ? test_random_below(&g->seed, near)
                                                      : test_random_below(&g->seed, g->count);
    return g->values[g->count - 1 - back];
}

/* A constant of one number, one for each channel, or of a full value. */
static davit_value_id operand(generator *g)
{
    const int64_t one[] = {1};
    const int64_t channels[] = {CHANNELS};
    const int64_t image_channels[] = {1, CHANNELS, 1, 1};
    const int64_t matrix[] = {CHANNELS, CHANNELS};
    bool images = g->domain == RANDOM_IMAGES;
    switch (test_random_below(&g->seed, 3)) {
    case 0:
        return builder_random(g->b, 1, one, &g->seed);
    case 1:
        return images ? builder_random(g->b, 4, image_channels, &g->seed)
                      : builder_random(g->b, 1, channels, &g->seed);
    default:
        return builder_random(g->b, 2, images ? (const int64_t[]){1, 5} : matrix, &g->seed);
    }
}

static davit_value_id binary(generator *g, davit_op op, davit_value_id x, davit_value_id y)
{
    bool swap = test_random_below(&g->seed, 2) != 0;
    return builder_binary(g->b, op, swap ? y : x, swap ? x : y);
}

/* ---- anchors ---- */

static davit_value_id convolution(generator *g, davit_value_id x)
{
    static const int64_t kernel[] = {3, 3};
    static const int64_t pads[] = {1, 1, 1, 1};
    bool transposed = test_random_below(&g->seed, 3) == 0;
    int64_t groups = (int64_t)1 << test_random_below(&g->seed, 3);
    const int64_t weights[] = {CHANNELS, CHANNELS / groups, 3, 3};
    const int64_t bias[] = {CHANNELS};
    davit_attribute attributes[] = {
        {.name = "kernel_shape", .type = DAVIT_ATTRIBUTE_INTS, .count = 2, .u.ints = kernel},
        {.name = "pads", .type = DAVIT_ATTRIBUTE_INTS, .count = 4, .u.ints = pads},
        {.name = "group", .type = DAVIT_ATTRIBUTE_INT, .u.i = groups},
    };
    davit_value_id inputs[] = {x, builder_random(g->b, 4, weights, &g->seed), DAVIT_NONE};
    davit_node_spec spec = {.op = transposed ? DAVIT_OP_ConvTranspose : DAVIT_OP_Conv,
                            .input_count = 2,
                            .inputs = inputs,
                            .attribute_count = 3,
                            .attributes = attributes};
    if (test_random_below(&g->seed, 2) != 0) {
        spec.input_count = 3;
        inputs[2] = builder_random(g->b, 1, bias, &g->seed);
    }
    return builder_node_with(g->b, &spec);
}

static davit_value_id matrix_product(generator *g, davit_value_id x)
{
    const int64_t dims[] = {CHANNELS, CHANNELS};
    davit_value_id weights = test_random_below(&g->seed, 4) == 0
                                 ? builder_unary(g->b, DAVIT_OP_Tanh, pick(g))
                                 : builder_random(g->b, 2, dims, &g->seed);
    if (test_random_below(&g->seed, 2) != 0) {
        return builder_binary(g->b, DAVIT_OP_MatMul, x, weights);
    }
    davit_attribute attributes[] = {
        {.name = "transB",
         .type = DAVIT_ATTRIBUTE_INT,
         .u.i = (int64_t)test_random_below(&g->seed, 2)},
        {.name = "alpha", .type = DAVIT_ATTRIBUTE_FLOAT, .u.f = 0.75f},
        {.name = "beta", .type = DAVIT_ATTRIBUTE_FLOAT, .u.f = 1.5f},
    };
    davit_value_id inputs[] = {x, weights, DAVIT_NONE};
    davit_node_spec spec = {.op = DAVIT_OP_Gemm,
                            .input_count = 2,
                            .inputs = inputs,
                            .attribute_count = 3,
                            .attributes = attributes};
    if (test_random_below(&g->seed, 2) != 0) {
        spec.input_count = 3;
        inputs[2] = operand(g);
    }
    return builder_node_with(g->b, &spec);
}

static davit_value_id batch_norm(generator *g, davit_value_id x)
{
    const int64_t dims[] = {CHANNELS};
    davit_value_id inputs[5] = {x};
    for (int i = 1; i < 4; i++) {
        inputs[i] = builder_random(g->b, 1, dims, &g->seed);
    }
    float variance[CHANNELS];
    for (int i = 0; i < CHANNELS; i++) {
        variance[i] = 1.25f + test_random_float(&g->seed);
    }
    inputs[4] = builder_floats(g->b, 1, dims, variance);
    davit_node_spec spec = {.op = DAVIT_OP_BatchNormalization, .input_count = 5, .inputs = inputs};
    return builder_node_with(g->b, &spec);
}

/* ---- activations ---- */

static davit_value_id clip(generator *g, davit_value_id x, float low, float high)
{
    return builder_node(g->b, DAVIT_OP_Clip, NULL, x, builder_number(g->b, low),
                        builder_number(g->b, high));
}

static davit_value_id activation(generator *g, davit_value_id x)
{
    static const davit_op ops[] = {DAVIT_OP_Relu,        DAVIT_OP_Sigmoid,   DAVIT_OP_Tanh,
                                   DAVIT_OP_HardSigmoid, DAVIT_OP_HardSwish, DAVIT_OP_LeakyRelu,
                                   DAVIT_OP_Gelu};
    size_t which = test_random_below(&g->seed, sizeof(ops) / sizeof(ops[0]) + 1);
    return which < sizeof(ops) / sizeof(ops[0]) ? builder_unary(g->b, ops[which], x)
                                                : clip(g, x, -0.5f, 0.75f);
}

/* An activation as exporters write it. */
static davit_value_id written_out(generator *g, davit_value_id x)
{
    builder *b = g->b;
    davit_value_id gate;
    switch (test_random_below(&g->seed, 4)) {
    case 0:
        return binary(g, DAVIT_OP_Mul, x, builder_unary(b, DAVIT_OP_Sigmoid, x));
    case 1:
        gate = clip(g, binary(g, DAVIT_OP_Add, x, builder_number(b, 3)), 0, 6);
        return builder_binary(b, DAVIT_OP_Div, binary(g, DAVIT_OP_Mul, x, gate),
                              builder_number(b, 6));
    case 2:
        gate = clip(g, binary(g, DAVIT_OP_Add, x, builder_number(b, 3)), 0, 6);
        gate = builder_binary(b, DAVIT_OP_Div, gate, builder_number(b, 6));
        return binary(g, DAVIT_OP_Mul, x, gate);
    default:
        gate = builder_binary(b, DAVIT_OP_Div, x, builder_number(b, sqrtf(2)));
        gate = builder_unary(b, DAVIT_OP_Erf, gate);
        gate = binary(g, DAVIT_OP_Add, gate, builder_number(b, 1));
        return binary(g, DAVIT_OP_Mul, binary(g, DAVIT_OP_Mul, x, gate), builder_number(b, 0.5f));
    }
}

static davit_value_id layer_norm(generator *g, davit_value_id x)
{
    builder *b = g->b;
    const int64_t dims[] = {CHANNELS};
    davit_value_id axes = builder_ints(b, 1, (const int64_t[]){-1});
    davit_value_id mean = builder_binary(b, DAVIT_OP_ReduceMean, x, axes);
    davit_value_id centred = builder_binary(b, DAVIT_OP_Sub, x, mean);
    davit_value_id square = builder_binary(b, DAVIT_OP_Pow, centred, builder_number(b, 2));
    davit_value_id variance = builder_binary(b, DAVIT_OP_ReduceMean, square, axes);
    davit_value_id sum = binary(g, DAVIT_OP_Add, variance, builder_number(b, 0.01f));
    davit_value_id y =
        builder_binary(b, DAVIT_OP_Div, centred, builder_unary(b, DAVIT_OP_Sqrt, sum));
    if (test_random_below(&g->seed, 2) != 0) {
        y = binary(g, DAVIT_OP_Mul, y, builder_random(b, 1, dims, &g->seed));
    }
    if (test_random_below(&g->seed, 2) != 0) {
        y = binary(g, DAVIT_OP_Add, y, builder_random(b, 1, dims, &g->seed));
    }
    return y;
}

/* ---- graphs ---- */

/* What changes nothing, or is known before the network runs. */
static davit_value_id redundant(generator *g, davit_value_id x)
{
    switch (test_random_below(&g->seed, 4)) {
    case 0:
        return builder_unary(g->b, DAVIT_OP_Identity, x);
    case 1:
        return binary(g, DAVIT_OP_Mul, x, builder_number(g->b, 1));
    case 2:
        return builder_binary(g->b, DAVIT_OP_Reshape, x, builder_unary(g->b, DAVIT_OP_Shape, x));
    default:
        return binary(g, DAVIT_OP_Add, x, builder_unary(g->b, DAVIT_OP_Tanh, operand(g)));
    }
}

static davit_value_id step(generator *g)
{
    static const davit_op arithmetic[] = {DAVIT_OP_Add, DAVIT_OP_Mul, DAVIT_OP_Sub};
    davit_value_id x = pick(g);
    switch (test_random_below(&g->seed, 9)) {
    case 0:
    case 1:
        return g->domain == RANDOM_IMAGES ? convolution(g, x) : matrix_product(g, x);
    case 2:
        return batch_norm(g, x);
    case 3:
        return binary(g, arithmetic[test_random_below(&g->seed, 3)], x, operand(g));
    case 4:
        return activation(g, x);
    case 5:
        return written_out(g, x);
    case 6:
        return g->domain == RANDOM_MATRICES ? layer_norm(g, x) : activation(g, x);
    case 7:
        return redundant(g, x);
    default:
        return binary(g, DAVIT_OP_Add, x, pick(g));
    }
}

void random_graph_build(builder *b, random_domain domain, size_t steps, uint64_t seed)
{
    static const int64_t image[] = {1, CHANNELS, 5, 5};
    static const int64_t matrix[] = {CHANNELS, CHANNELS};
    generator g = {.b = b, .domain = domain, .seed = seed};
    assert_true(steps + 2 <= MAX_VALUES);
    builder_init(b, NULL);
    for (int i = 0; i < 2; i++) {
        g.values[g.count++] = domain == RANDOM_IMAGES
                                  ? builder_input(b, i == 0 ? "x" : "y", DAVIT_F32, 4, image)
                                  : builder_input(b, i == 0 ? "x" : "y", DAVIT_F32, 2, matrix);
    }
    for (size_t i = 0; i < steps; i++) {
        davit_value_id value = step(&g);
        g.values[g.count++] = value;
    }
    for (size_t i = 0; i < 3; i++) {
        davit_value_id value = i == 0 ? g.values[g.count - 1] : pick(&g);
        if (!b->graph->values[value].is_output && !b->graph->values[value].is_input) {
            builder_output(b, value);
        }
    }
    builder_bind(b);
}
