#include "davit/integer.h"

#include <math.h>

static const davit_value *input(const davit_graph *graph, const davit_node *node, uint32_t i)
{
    bool there = i < node->input_count && node->inputs[i] != DAVIT_NONE;
    return there ? &graph->values[node->inputs[i]] : NULL;
}

static int32_t read_s32(const davit_node *node, const char *name)
{
    int64_t value = davit_node_int(node, name, 0);
    return (int32_t)(value < INT32_MIN ? INT32_MIN : value > INT32_MAX ? INT32_MAX : value);
}

static davit_quant8 read_type(const davit_value *value, const davit_node *node, const char *scale,
                              const char *zero)
{
    return (davit_quant8){.dtype = value ? value->desc.dtype : DAVIT_DTYPE_NONE,
                          .scale = davit_node_float(node, scale, 1.0f),
                          .zero = read_s32(node, zero)};
}

davit_quant8 davit_integer_x(const davit_graph *graph, const davit_node *node)
{
    return read_type(input(graph, node, 0), node, "x_scale", "x_zero");
}

davit_quant8 davit_integer_a(const davit_graph *graph, const davit_node *node)
{
    return read_type(input(graph, node, 0), node, "a_scale", "a_zero");
}

davit_quant8 davit_integer_b(const davit_graph *graph, const davit_node *node)
{
    return read_type(input(graph, node, 1), node, "b_scale", "b_zero");
}

davit_result_spec davit_integer_result(const davit_node *node)
{
    int64_t dtype = davit_node_int(node, "y_type", DAVIT_DTYPE_NONE);
    bool known = dtype > 0 && dtype < DAVIT_DTYPE_COUNT;
    return (davit_result_spec){
        .type = {.dtype = known ? (davit_dtype)dtype : DAVIT_DTYPE_NONE,
                 .scale = davit_node_float(node, "y_scale", 1.0f),
                 .zero = read_s32(node, "y_zero")},
        .low = davit_node_float(node, "low", -INFINITY),
        .high = davit_node_float(node, "high", INFINITY),
    };
}

/* Channels of the output. */
static size_t channels_of(const davit_node *node, const davit_tensor_desc *w)
{
    switch (node->op->op) {
    case DAVIT_OP_IntegerConv:
        return (size_t)w->dims[0];
    case DAVIT_OP_IntegerConvTranspose:
        return (size_t)(w->dims[1] * davit_node_int(node, "group", 1));
    default:
        return (size_t)w->dims[1];
    }
}

davit_requantization_spec davit_integer_requantization(const davit_graph *graph,
                                                       const davit_node *node)
{
    static const float one = 1.0f;
    const davit_value *bias = input(graph, node, 2);
    const davit_value *residual = input(graph, node, 3);
    davit_requantization_spec spec = {
        .result = davit_integer_result(node),
        .channels = channels_of(node, &input(graph, node, 1)->desc),
        .x_scale = davit_node_float(node, "x_scale", 1.0f),
    };
    spec.w_scale = davit_node_floats(node, "w_scale", &spec.w_scale_count);
    if (spec.w_scale == NULL) {
        spec.w_scale = &one;
        spec.w_scale_count = 1;
    }
    if (bias != NULL && bias->constant != NULL) {
        spec.bias = bias->constant->data;
        spec.bias_count = (size_t)davit_tensor_desc_elems(&bias->desc);
    }
    if (residual != NULL) {
        spec.residual = read_type(residual, node, "residual_scale", "residual_zero");
    }
    return spec;
}

/* The weights of one group of a transposed convolution, or all of them. */
static davit_weights describe_weights(const davit_node *node, const davit_tensor *w, size_t group)
{
    davit_weights weights = {.dtype = w->desc.dtype, .data = w->data, .outer = 1, .inner = 1};
    weights.channels = channels_of(node, &w->desc);
    if (node->op->op == DAVIT_OP_IntegerMatMul) {
        bool columns = davit_tensor_desc_is_dense(&w->desc); /* side by side, not each whole */
        *(columns ? &weights.outer : &weights.inner) = (size_t)w->desc.dims[0];
        return weights;
    }
    int first = 1;
    if (node->op->op == DAVIT_OP_IntegerConvTranspose) {
        first = 2;
        weights.channels = (size_t)w->desc.dims[1];
        weights.outer = (size_t)(w->desc.dims[0] / davit_node_int(node, "group", 1));
    }
    for (int i = first; i < w->desc.rank; i++) {
        weights.inner *= (size_t)w->desc.dims[i];
    }
    weights.data = (const char *)w->data + group * weights.outer * weights.channels *
                                               weights.inner * davit_dtype_bytes(w->desc.dtype);
    return weights;
}

void davit_integer_bound(const davit_graph *graph, const davit_node *node, uint64_t *bound)
{
    const davit_tensor *w = input(graph, node, 1)->constant;
    davit_quant8 x = davit_integer_x(graph, node);
    bool transposed = node->op->op == DAVIT_OP_IntegerConvTranspose;
    size_t groups = transposed ? (size_t)davit_node_int(node, "group", 1) : 1;
    for (size_t g = 0; g < groups; g++) {
        davit_weights weights = describe_weights(node, w, g);
        davit_accumulator_bound(&weights, x.dtype, x.zero, bound + g * weights.channels);
    }
}

bool davit_integer_fits_s32(const davit_graph *graph, const davit_node *node)
{
    const davit_tensor_desc *w = &input(graph, node, 1)->desc;
    size_t channels = channels_of(node, w);
    int64_t products = davit_tensor_desc_elems(w) / (int64_t)channels;
    int64_t greatest = w->dtype == DAVIT_S8 ? 128 : 255;
    if (products <= INT32_MAX / (2 * 255 * greatest)) { /* as davit_accumulator_bound */
        return true;
    }
    uint64_t *bound = davit_alloc_array(graph->allocator, channels, sizeof(*bound));
    bool fits = bound != NULL;
    if (fits) {
        davit_integer_bound(graph, node, bound);
    }
    for (size_t o = 0; fits && o < channels; o++) {
        fits = davit_bound_exactness(bound[o], 0) != DAVIT_OVERFLOWS_S32;
    }
    davit_free(graph->allocator, bound);
    return fits;
}

bool davit_op_is_integer(davit_op op)
{
    switch (op) {
    case DAVIT_OP_IntegerAdd:
    case DAVIT_OP_IntegerAveragePool:
    case DAVIT_OP_IntegerConv:
    case DAVIT_OP_IntegerConvTranspose:
    case DAVIT_OP_IntegerLookup:
    case DAVIT_OP_IntegerMatMul:
    case DAVIT_OP_IntegerMul:
    case DAVIT_OP_IntegerProduct:
    case DAVIT_OP_IntegerResize:
    case DAVIT_OP_IntegerSoftmax:
        return true;
    default:
        return false;
    }
}
