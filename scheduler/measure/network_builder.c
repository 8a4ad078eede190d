#include "network_builder.h"

#include <math.h>
#include <string.h>

#define SCALE 0.05f
#define WEIGHT_SCALE 0.01f
#define ZERO_POINT 100
#define MAX_ATTRIBUTES 16

/* ---- values ---- */

/* splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static davit_value_id fail(network_builder *b, davit_status status)
{
    b->status = b->status == DAVIT_OK ? status : b->status;
    return DAVIT_NONE;
}

davit_status network_begin(network_builder *b, const davit_allocator *allocator)
{
    b->status = davit_graph_create(allocator, &b->graph);
    if (b->status != DAVIT_OK) {
        return b->status;
    }
    davit_graph *graph = b->graph;
    graph->inputs = davit_arena_alloc(&graph->arena, sizeof(*graph->inputs));
    graph->outputs = davit_arena_alloc(&graph->arena, sizeof(*graph->outputs));
    if (graph->inputs == NULL || graph->outputs == NULL) {
        b->status = DAVIT_OUT_OF_MEMORY;
    }
    return b->status;
}

davit_value_id network_input(network_builder *b, bool integer, int rank, const int64_t *dims)
{
    davit_value_id id;
    if (b->status == DAVIT_OK) {
        b->status = davit_graph_add_value(b->graph, "x", &id);
    }
    davit_dim *declared =
        davit_arena_alloc_array(&b->graph->arena, (size_t)rank, sizeof(*declared));
    if (b->status != DAVIT_OK || declared == NULL) {
        return fail(b, DAVIT_OUT_OF_MEMORY);
    }
    for (int i = 0; i < rank; i++) {
        declared[i].value = dims[i];
    }
    davit_value *value = &b->graph->values[id];
    value->is_input = true;
    value->declared_dtype = integer ? DAVIT_U8 : DAVIT_F32;
    value->declared_rank = rank;
    value->declared = declared;
    b->graph->inputs[b->graph->input_count++] = id;
    return id;
}

void network_output(network_builder *b, davit_value_id value)
{
    if (b->status == DAVIT_OK) {
        b->graph->values[value].is_output = true;
        b->graph->outputs[b->graph->output_count++] = value;
    }
}

static davit_value_id add_constant(network_builder *b, davit_tensor *tensor)
{
    davit_value_id id;
    davit_status status = davit_graph_add_constant(b->graph, NULL, tensor, &id);
    return status == DAVIT_OK ? id : fail(b, status);
}

static davit_tensor *new_tensor(network_builder *b, davit_dtype dtype, int rank,
                                const int64_t *dims)
{
    davit_tensor *tensor = NULL;
    if (b->status == DAVIT_OK) {
        b->status = davit_tensor_create(b->graph->allocator, dtype, rank, dims, &tensor);
    }
    return tensor;
}

/* Small random numbers: sums stay small too. */
static davit_value_id random_constant(network_builder *b, davit_dtype dtype, int rank,
                                      const int64_t *dims)
{
    davit_tensor *tensor = new_tensor(b, dtype, rank, dims);
    if (tensor == NULL) {
        return DAVIT_NONE;
    }
    int64_t elems = davit_tensor_desc_elems(&tensor->desc);
    float scale = 1.0f / sqrtf(1.0f + (float)elems / (float)(rank > 0 ? dims[0] : 1));
    for (int64_t i = 0; i < elems; i++) {
        uint64_t random = next_random(&b->seed);
        if (dtype == DAVIT_F32) {
            ((float *)tensor->data)[i] = scale * ((float)(random >> 40) * 0x1p-23f - 1.0f);
        } else if (dtype == DAVIT_S8) {
            ((int8_t *)tensor->data)[i] = (int8_t)(random % 101 - 50);
        } else {
            ((int32_t *)tensor->data)[i] = (int32_t)(random % 2001 - 1000);
        }
    }
    return add_constant(b, tensor);
}

static davit_value_id number(network_builder *b, float value)
{
    davit_tensor *tensor = new_tensor(b, DAVIT_F32, 0, NULL);
    if (tensor == NULL) {
        return DAVIT_NONE;
    }
    *(float *)tensor->data = value;
    return add_constant(b, tensor);
}

/* ---- nodes ---- */

typedef struct attributes {
    size_t count;
    davit_attribute list[MAX_ATTRIBUTES];
} attributes;

static void set_int(attributes *a, const char *name, int64_t value)
{
    a->list[a->count++] =
        (davit_attribute){.name = name, .type = DAVIT_ATTRIBUTE_INT, .u.i = value};
}

static void set_float(attributes *a, const char *name, float value)
{
    a->list[a->count++] =
        (davit_attribute){.name = name, .type = DAVIT_ATTRIBUTE_FLOAT, .u.f = value};
}

static void set_ints(attributes *a, const char *name, size_t count, const int64_t *values)
{
    a->list[a->count++] = (davit_attribute){
        .name = name, .type = DAVIT_ATTRIBUTE_INTS, .count = count, .u.ints = values};
}

static davit_value_id add_node(network_builder *b, davit_op op, const davit_value_id *inputs,
                               uint32_t input_count, const attributes *a)
{
    davit_value_id y = DAVIT_NONE;
    davit_node_id node;
    if (b->status == DAVIT_OK) {
        b->status = davit_graph_add_value(b->graph, NULL, &y);
    }
    if (b->status != DAVIT_OK) {
        return DAVIT_NONE;
    }
    const davit_node_spec spec = {.op = op,
                                  .input_count = input_count,
                                  .output_count = 1,
                                  .attribute_count = a != NULL ? (uint32_t)a->count : 0,
                                  .inputs = inputs,
                                  .outputs = &y,
                                  .attributes = a != NULL ? a->list : NULL};
    davit_status status = davit_graph_add_node(b->graph, &spec, &node);
    return status == DAVIT_OK ? y : fail(b, status);
}

static davit_value_id unary(network_builder *b, davit_op op, davit_value_id x)
{
    return add_node(b, op, &x, 1, NULL);
}

static davit_value_id binary(network_builder *b, davit_op op, davit_value_id x, davit_value_id y)
{
    const davit_value_id inputs[] = {x, y};
    return add_node(b, op, inputs, 2, NULL);
}

/* ---- arithmetic of 8 bits ---- */

static void set_source(const network_builder *b, attributes *a, davit_value_id value,
                       const char *scale, const char *zero)
{
    bool positive = value < NETWORK_MAX_VALUES && b->positive[value];
    set_float(a, scale, SCALE);
    set_int(a, zero, positive ? 0 : ZERO_POINT);
}

static bool is_positive(network_function function)
{
    return function == NETWORK_RELU || function == NETWORK_RELU6;
}

static void set_result(attributes *a, network_function function)
{
    set_float(a, "y_scale", SCALE);
    set_int(a, "y_zero", is_positive(function) ? 0 : ZERO_POINT);
    set_int(a, "y_type", DAVIT_U8);
    if (is_positive(function)) {
        set_float(a, "low", 0.0f);
    }
    if (function == NETWORK_RELU6) {
        set_float(a, "high", 6.0f);
    }
}

/* w_scale [channels]; the array lives in the graph, which copies attributes but is asked first. */
static void set_weight_scales(network_builder *b, attributes *a, int64_t channels)
{
    float *scales = davit_arena_alloc_array(&b->graph->arena, (size_t)channels, sizeof(*scales));
    if (scales == NULL) {
        (void)fail(b, DAVIT_OUT_OF_MEMORY);
        return;
    }
    for (int64_t i = 0; i < channels; i++) {
        scales[i] = WEIGHT_SCALE;
    }
    a->list[a->count++] = (davit_attribute){.name = "w_scale",
                                            .type = DAVIT_ATTRIBUTE_FLOATS,
                                            .count = (size_t)channels,
                                            .u.floats = scales};
}

static davit_value_id lookup(network_builder *b, davit_value_id x)
{
    static const int64_t entries[] = {256};
    davit_tensor *table = new_tensor(b, DAVIT_U8, 1, entries);
    if (table == NULL) {
        return DAVIT_NONE;
    }
    for (int i = 0; i < 256; i++) {
        ((uint8_t *)table->data)[i] = (uint8_t)(i / 2 + 40);
    }
    return binary(b, DAVIT_OP_IntegerLookup, x, add_constant(b, table));
}

static bool is_inside(network_function function)
{
    return function == NETWORK_LINEAR || is_positive(function);
}

/* A weighted operator on bytes; a function that is no bound is a table behind it. */
static davit_value_id weigh(network_builder *b, davit_op op, davit_value_id x, davit_value_id w,
                            int64_t channels, network_function function, davit_value_id residual,
                            attributes *a)
{
    const int64_t biases[] = {channels};
    const davit_value_id inputs[] = {x, w, random_constant(b, DAVIT_S32, 1, biases), residual};
    set_source(b, a, x, "x_scale", "x_zero");
    set_weight_scales(b, a, channels);
    set_result(a, function);
    if (residual != DAVIT_NONE) {
        set_source(b, a, residual, "residual_scale", "residual_zero");
    }
    davit_value_id y = add_node(b, op, inputs, residual != DAVIT_NONE ? 4 : 3, a);
    if (y < NETWORK_MAX_VALUES) {
        b->positive[y] = is_positive(function);
    }
    return is_inside(function) ? y : lookup(b, y);
}

static davit_value_id combine(network_builder *b, davit_op op, davit_value_id x, davit_value_id y)
{
    attributes a = {.count = 0};
    const davit_value_id inputs[] = {x, y};
    set_source(b, &a, x, "a_scale", "a_zero");
    set_source(b, &a, y, "b_scale", "b_zero");
    set_result(&a, NETWORK_LINEAR);
    return add_node(b, op, inputs, 2, &a);
}

/* ---- layers ---- */

davit_value_id network_apply(network_builder *b, davit_value_id x, network_function function)
{
    static const davit_op operators[] = {
        [NETWORK_RELU] = DAVIT_OP_Relu,
        [NETWORK_HARDSWISH] = DAVIT_OP_HardSwish,
        [NETWORK_HARDSIGMOID] = DAVIT_OP_HardSigmoid,
        [NETWORK_SIGMOID] = DAVIT_OP_Sigmoid,
        [NETWORK_GELU] = DAVIT_OP_Gelu,
        [NETWORK_TANH] = DAVIT_OP_Tanh,
    };
    if (function == NETWORK_LINEAR) {
        return x;
    }
    if (function == NETWORK_RELU6) {
        const davit_value_id inputs[] = {x, number(b, 0), number(b, 6)};
        return add_node(b, DAVIT_OP_Clip, inputs, 3, NULL);
    }
    return unary(b, operators[function], x);
}

davit_value_id network_convolve(network_builder *b, davit_value_id x, const network_conv *conv)
{
    int64_t pad = (conv->kernel - 1) / 2;
    const int64_t weights[] = {conv->out, conv->in / conv->group, conv->kernel, conv->kernel};
    const int64_t strides[] = {conv->stride, conv->stride};
    const int64_t pads[] = {pad, pad, pad, pad};
    attributes a = {.count = 0};
    set_ints(&a, "strides", 2, strides);
    set_ints(&a, "pads", 4, pads);
    set_int(&a, "group", conv->group);
    davit_value_id w = random_constant(b, b->integer ? DAVIT_S8 : DAVIT_F32, 4, weights);
    if (b->integer) {
        return weigh(b, DAVIT_OP_IntegerConv, x, w, conv->out, conv->function, conv->residual, &a);
    }
    const davit_value_id inputs[] = {x, w, random_constant(b, DAVIT_F32, 1, weights)};
    davit_value_id y = add_node(b, DAVIT_OP_Conv, inputs, 3, &a);
    y = conv->residual != DAVIT_NONE ? binary(b, DAVIT_OP_Add, y, conv->residual) : y;
    return network_apply(b, y, conv->function);
}

davit_value_id network_deconvolve(network_builder *b, davit_value_id x, int64_t in, int64_t out)
{
    static const int64_t strides[] = {2, 2};
    const int64_t weights[] = {in, out, 2, 2};
    attributes a = {.count = 0};
    set_ints(&a, "strides", 2, strides);
    davit_value_id w = random_constant(b, b->integer ? DAVIT_S8 : DAVIT_F32, 4, weights);
    if (b->integer) {
        return weigh(b, DAVIT_OP_IntegerConvTranspose, x, w, out, NETWORK_RELU, DAVIT_NONE, &a);
    }
    const davit_value_id inputs[] = {x, w, random_constant(b, DAVIT_F32, 1, weights + 1)};
    return network_apply(b, add_node(b, DAVIT_OP_ConvTranspose, inputs, 3, &a), NETWORK_RELU);
}

davit_value_id network_dense(network_builder *b, davit_value_id x, int64_t depth, int64_t columns,
                             network_function function, davit_value_id residual)
{
    const int64_t weights[] = {depth, columns};
    davit_value_id w = random_constant(b, b->integer ? DAVIT_S8 : DAVIT_F32, 2, weights);
    if (b->integer) {
        attributes a = {.count = 0};
        return weigh(b, DAVIT_OP_IntegerMatMul, x, w, columns, function, residual, &a);
    }
    davit_value_id y = binary(b, DAVIT_OP_MatMul, x, w);
    y = binary(b, DAVIT_OP_Add, y, random_constant(b, DAVIT_F32, 1, weights + 1));
    y = residual != DAVIT_NONE ? binary(b, DAVIT_OP_Add, y, residual) : y;
    return network_apply(b, y, function);
}

davit_value_id network_bias(network_builder *b, davit_value_id x, int64_t columns)
{
    return binary(b, DAVIT_OP_Add, x, random_constant(b, DAVIT_F32, 1, &columns));
}

davit_value_id network_product(network_builder *b, davit_value_id left, davit_value_id right)
{
    if (!b->integer) {
        return binary(b, DAVIT_OP_MatMul, left, right);
    }
    left = network_quantize(b, left);
    right = network_quantize(b, right);
    return network_dequantize(b, combine(b, DAVIT_OP_IntegerProduct, left, right));
}

davit_value_id network_add(network_builder *b, davit_value_id x, davit_value_id y)
{
    return b->integer ? combine(b, DAVIT_OP_IntegerAdd, x, y) : binary(b, DAVIT_OP_Add, x, y);
}

davit_value_id network_multiply(network_builder *b, davit_value_id x, davit_value_id y)
{
    return b->integer ? combine(b, DAVIT_OP_IntegerMul, x, y) : binary(b, DAVIT_OP_Mul, x, y);
}

static davit_value_id byte(network_builder *b)
{
    davit_tensor *tensor = new_tensor(b, DAVIT_U8, 0, NULL);
    if (tensor == NULL) {
        return DAVIT_NONE;
    }
    *(uint8_t *)tensor->data = ZERO_POINT;
    return add_constant(b, tensor);
}

davit_value_id network_affine(network_builder *b, davit_value_id x)
{
    davit_value_id factor = b->integer ? byte(b) : number(b, 1.5f);
    davit_value_id term = b->integer ? byte(b) : number(b, 0.5f);
    return network_add(b, network_multiply(b, factor, x), term);
}

davit_value_id network_max_pool(network_builder *b, davit_value_id x)
{
    static const int64_t kernel[] = {3, 3}, strides[] = {2, 2}, pads[] = {1, 1, 1, 1};
    attributes a = {.count = 0};
    set_ints(&a, "kernel_shape", 2, kernel);
    set_ints(&a, "strides", 2, strides);
    set_ints(&a, "pads", 4, pads);
    return add_node(b, DAVIT_OP_MaxPool, &x, 1, &a);
}

davit_value_id network_average(network_builder *b, davit_value_id x, int64_t height, int64_t width)
{
    if (!b->integer) {
        return unary(b, DAVIT_OP_GlobalAveragePool, x);
    }
    const int64_t kernel[] = {height, width};
    attributes a = {.count = 0};
    set_ints(&a, "kernel_shape", 2, kernel);
    set_source(b, &a, x, "x_scale", "x_zero");
    set_result(&a, NETWORK_LINEAR);
    return add_node(b, DAVIT_OP_IntegerAveragePool, &x, 1, &a);
}

davit_value_id network_enlarge(network_builder *b, davit_value_id x)
{
    static const int64_t four[] = {4};
    static const float factors[] = {1, 1, 2, 2};
    davit_tensor *scales = new_tensor(b, DAVIT_F32, 1, four);
    if (scales == NULL) {
        return DAVIT_NONE;
    }
    memcpy(scales->data, factors, sizeof(factors));
    const davit_value_id inputs[] = {x, DAVIT_NONE, add_constant(b, scales)};
    attributes a = {.count = 0};
    a.list[a.count++] = (davit_attribute){.name = "coordinate_transformation_mode",
                                          .type = DAVIT_ATTRIBUTE_STRING,
                                          .count = 10,
                                          .u.s = "asymmetric"};
    a.list[a.count++] = (davit_attribute){
        .name = "nearest_mode", .type = DAVIT_ATTRIBUTE_STRING, .count = 5, .u.s = "floor"};
    return add_node(b, DAVIT_OP_Resize, inputs, 3, &a);
}

davit_value_id network_concat(network_builder *b, davit_value_id x, davit_value_id y)
{
    const davit_value_id inputs[] = {x, y};
    attributes a = {.count = 0};
    set_int(&a, "axis", 1);
    return add_node(b, DAVIT_OP_Concat, inputs, 2, &a);
}

davit_value_id network_flatten(network_builder *b, davit_value_id x)
{
    return unary(b, DAVIT_OP_Flatten, x);
}

davit_value_id network_softmax(network_builder *b, davit_value_id x)
{
    attributes a = {.count = 0};
    set_int(&a, "axis", -1);
    return add_node(b, DAVIT_OP_Softmax, &x, 1, &a);
}

davit_value_id network_layer_norm(network_builder *b, davit_value_id x, int64_t columns)
{
    attributes a = {.count = 0};
    const davit_value_id inputs[] = {x, random_constant(b, DAVIT_F32, 1, &columns),
                                     random_constant(b, DAVIT_F32, 1, &columns)};
    set_int(&a, "axis", -1);
    return add_node(b, DAVIT_OP_LayerNormalization, inputs, 3, &a);
}

davit_value_id network_scale(network_builder *b, davit_value_id x, float factor)
{
    return binary(b, DAVIT_OP_Div, x, number(b, factor));
}

davit_value_id network_reshape(network_builder *b, davit_value_id x, int rank, const int64_t *dims)
{
    const int64_t count = rank;
    davit_tensor *shape = new_tensor(b, DAVIT_S64, 1, &count);
    if (shape == NULL) {
        return DAVIT_NONE;
    }
    memcpy(shape->data, dims, (size_t)rank * sizeof(*dims));
    return binary(b, DAVIT_OP_Reshape, x, add_constant(b, shape));
}

davit_value_id network_transpose(network_builder *b, davit_value_id x, const int64_t *perm)
{
    attributes a = {.count = 0};
    set_ints(&a, "perm", 4, perm);
    return add_node(b, DAVIT_OP_Transpose, &x, 1, &a);
}

static davit_value_id convert(network_builder *b, davit_op op, davit_value_id x)
{
    const davit_value_id inputs[] = {x, number(b, SCALE), byte(b)};
    return b->integer ? add_node(b, op, inputs, 3, NULL) : x;
}

davit_value_id network_quantize(network_builder *b, davit_value_id x)
{
    return convert(b, DAVIT_OP_QuantizeLinear, x);
}

davit_value_id network_dequantize(network_builder *b, davit_value_id x)
{
    return convert(b, DAVIT_OP_DequantizeLinear, x);
}
