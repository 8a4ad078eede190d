#include "lower_integer.h"

#include "constants.h"
#include "davit/quantize_weights.h"

#include <math.h>
#include <string.h>

/* Weights as the file has them, between a DequantizeLinear and the operator. */
typedef struct source {
    const davit_tensor *tensor; /* u8 or s8 */
    davit_lower_scales scales;
    bool transposed; /* a matrix [N, K] */
    int axis;        /* of the tensor: the output channels */
} source;

/* The constant behind a DequantizeLinear, NULL: there is none. */
static const davit_tensor *constant_behind(const davit_lowering *l, const davit_node *node)
{
    bool dequantize = node && node->op->op == DAVIT_OP_DequantizeLinear;
    return dequantize ? l->graph->values[davit_lower_resolve(l, node->inputs[0])].constant : NULL;
}

/* Goes through a Transpose of a matrix. */
static const davit_node *behind_transpose(const davit_lowering *l, const davit_node *node,
                                          bool *transposed)
{
    size_t count = 0;
    if (!node || node->op->op != DAVIT_OP_Transpose ||
        l->graph->values[node->inputs[0]].desc.rank != 2) {
        return node;
    }
    const int64_t *perm = davit_node_ints(node, "perm", &count);
    *transposed ^= !perm || perm[0] == 1;
    return davit_lower_producer(l, node->inputs[0], NULL);
}

/* The axis of the output channels of a convolution's weights, or of a matrix as it is read. */
static int channel_axis(const davit_node *anchor)
{
    return anchor->op->op == DAVIT_OP_Conv ? 0 : 1;
}

static const char *find_source(const davit_lowering *l, const davit_node *anchor, source *out)
{
    davit_op op = anchor->op->op;
    bool matrix = op == DAVIT_OP_Gemm || op == DAVIT_OP_MatMul;
    out->transposed = op == DAVIT_OP_Gemm && davit_node_int(anchor, "transB", 0) != 0;
    const davit_node *node = davit_lower_producer(l, anchor->inputs[1], NULL);
    if (matrix) {
        node = behind_transpose(l, node, &out->transposed);
    }
    out->tensor = constant_behind(l, node);
    if (!out->tensor) {
        return "its weights are not quantised";
    }
    const char *reason = davit_lower_read_scales(l->graph, node, &out->scales);
    if (reason) {
        return reason;
    }
    if (out->scales.dtype != DAVIT_U8 && out->scales.dtype != DAVIT_S8) {
        return "its weights are quantised to more than 8 bits";
    }
    if (matrix && out->tensor->desc.rank != 2) {
        return "its weights are not one matrix";
    }
    out->axis = out->transposed ? 0 : channel_axis(anchor);
    if (out->scales.count > 1 && out->scales.axis != out->axis) {
        return "its weights have a scale for each slice of another axis than the output channels";
    }
    return NULL;
}

/* [N, K] as [K, N], without moving anything. */
static void turn(davit_tensor_desc *desc)
{
    int64_t rows = desc->dims[0], columns = desc->dims[1];
    desc->dims[0] = columns;
    desc->dims[1] = rows;
    desc->strides[0] = 1;
    desc->strides[1] = columns;
}

static davit_weights describe(const source *from, const int32_t *zero)
{
    const davit_tensor_desc *desc = &from->tensor->desc;
    davit_weights weights = {.dtype = desc->dtype,
                             .data = from->tensor->data,
                             .outer = 1,
                             .channels = (size_t)desc->dims[from->axis],
                             .inner = 1,
                             .zero = zero,
                             .zero_count = from->scales.count};
    for (int i = 0; i < desc->rank; i++) {
        size_t dim = (size_t)desc->dims[i];
        weights.outer *= i < from->axis ? dim : 1;
        weights.inner *= i > from->axis ? dim : 1;
    }
    return weights;
}

/* True when the weights already are what the integer operators read, but for their order. */
static bool needs_no_shift(const davit_weights *weights)
{
    for (size_t i = 0; i < weights->zero_count; i++) {
        if (weights->zero[i] != 0) {
            return false;
        }
    }
    return weights->dtype == DAVIT_S8;
}

/* The weights without their zero points. Those that are so already stay where they are. */
static davit_status shift_values(davit_graph *graph, const davit_weights *weights,
                                 const davit_tensor *from, davit_tensor **out)
{
    if (needs_no_shift(weights)) {
        davit_status status =
            davit_tensor_borrow(graph->allocator, &from->desc, from->data, out);
        if (status == DAVIT_OK) {
            (*out)->mapped = from->mapped;
        }
        return status;
    }
    davit_tensor_desc desc = from->desc;
    desc.dtype = davit_weights_fit(weights);
    davit_status status = davit_graph_make_tensor(graph, &desc, out);
    if (status == DAVIT_OK) {
        status = davit_weights_shift(weights, desc.dtype, (*out)->data, NULL);
        davit_tensor_rest(from);
    }
    return status;
}

/* The same with the dimensions that the integer operators read. */
static davit_status shift(davit_lowering *l, const source *from, davit_tensor **out)
{
    davit_graph *graph = l->graph;
    int32_t *zero = davit_alloc_array(graph->allocator, from->scales.count, sizeof(*zero));
    *out = NULL;
    if (!zero) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < from->scales.count; i++) {
        zero[i] = davit_lower_zero(&from->scales, i);
    }
    davit_weights weights = describe(from, zero);
    davit_status status = shift_values(graph, &weights, from->tensor, out);
    davit_free(graph->allocator, zero);
    if (status == DAVIT_OK && from->transposed) {
        turn(&(*out)->desc);
    }
    return status;
}

davit_status davit_lower_find_weights(davit_lowering *l, const davit_node *anchor,
                                      davit_lowered_weights *out, const char **reason)
{
    source from;
    davit_tensor *tensor;
    *out = (davit_lowered_weights){.value = DAVIT_NONE};
    *reason = find_source(l, anchor, &from);
    if (*reason) {
        return DAVIT_OK;
    }
    davit_status status = shift(l, &from, &tensor);
    if (status != DAVIT_OK) {
        return status;
    }
    out->scale = from.scales.scale;
    out->count = from.scales.count;
    return davit_graph_add_constant(l->graph, NULL, tensor, &out->value);
}

/* ---- bias ---- */

/* Where each channel finds its element: every step elements, 0 for one number. False when the
 * constant changes along other axes too. */
static bool find_step(const davit_tensor_desc *bias, const davit_tensor_desc *result, int axis,
                      int64_t *step)
{
    int skip = result->rank - bias->rank;
    if (skip < 0) {
        return false;
    }
    for (int i = 0; i < bias->rank; i++) {
        if (bias->dims[i] != 1 && (i + skip != axis || bias->dims[i] != result->dims[axis])) {
            return false;
        }
    }
    *step = davit_tensor_desc_elems(bias) == 1 ? 0 : 1;
    return true;
}

/* Adds a quantised bias: its integers as they are where its scale is the unit. */
static void add_quantized(const davit_tensor *bias, const davit_lower_scales *scales, int64_t step,
                          const float *unit, int64_t channels, double *units)
{
    for (int64_t o = 0; o < channels; o++) {
        size_t at = (size_t)(o * step);
        size_t s = scales->count == 1 ? 0 : at;
        double q = bias->desc.dtype == DAVIT_S32
                       ? (double)((const int32_t *)bias->data)[at]
                       : (double)davit_load8(bias->data, bias->desc.dtype, at);
        q -= davit_lower_zero(scales, s);
        units[o] +=
            scales->scale[s] == unit[o] ? q : rint(q * (double)scales->scale[s] / (double)unit[o]);
    }
}

const char *davit_lower_bias(const davit_lowering *l, davit_value_id bias,
                             const davit_tensor_desc *result, int axis, const float *unit,
                             double *units)
{
    int64_t step = 0;
    int64_t channels = result->dims[axis];
    davit_lower_scales scales;
    const davit_node *node = davit_lower_producer(l, bias, NULL);
    const davit_tensor *quantized = constant_behind(l, node);
    const davit_tensor *real = l->graph->values[bias].constant;
    const davit_tensor *tensor = quantized ? quantized : real;
    if (!tensor || !find_step(&tensor->desc, result, axis, &step)) {
        return tensor ? "its bias is not one number for each channel" : "its bias is not constant";
    }
    if (!quantized) {
        for (int64_t o = 0; o < channels; o++) {
            units[o] += rint(davit_constant_get(real, o * step) / (double)unit[o]);
        }
        return NULL;
    }
    const char *reason = davit_lower_read_scales(l->graph, node, &scales);
    if (reason) {
        return reason;
    }
    if (scales.dtype != DAVIT_S32 && scales.dtype != DAVIT_U8 && scales.dtype != DAVIT_S8) {
        return "its bias is quantised to 16 bits";
    }
    add_quantized(quantized, &scales, step, unit, channels, units);
    return NULL;
}
