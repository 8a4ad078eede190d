#include "lower_integer.h"

#include <string.h>

/* A QLinear node that is being written out. */
typedef struct expansion {
    davit_graph *graph;
    davit_node_id id; /* of the QLinear node */
    const char *name; /* its name, from which those of its parts are made */
} expansion;

static davit_value_id input_of(const expansion *e, uint32_t i)
{
    const davit_node *node = &e->graph->nodes[e->id];
    return i < node->input_count ? node->inputs[i] : DAVIT_NONE;
}

static const davit_tensor *constant_of(const expansion *e, uint32_t i)
{
    davit_value_id value = input_of(e, i);
    return value == DAVIT_NONE ? NULL : e->graph->values[value].constant;
}

static davit_status add_node(const expansion *e, const davit_node_spec *spec, davit_value_id *out)
{
    davit_node_id node = DAVIT_NONE;
    davit_node_spec complete = *spec;
    davit_status status =
        *out == DAVIT_NONE ? davit_graph_add_value(e->graph, NULL, out) : DAVIT_OK;
    if (!spec->name) {
        complete.name =
            davit_arena_printf(&e->graph->arena, "%s/%s", e->name,
                               spec->op == DAVIT_OP_QuantizeLinear ? "result" : "operand");
        status = complete.name ? status : DAVIT_OUT_OF_MEMORY;
    }
    complete.output_count = 1;
    complete.outputs = out;
    if (status == DAVIT_OK) {
        status = davit_graph_add_node(e->graph, &complete, &node);
    }
    return status == DAVIT_OK ? davit_graph_infer_node(e->graph, node, NULL) : status;
}

/* *out = DequantizeLinear(x, scale, zero) along the axis. */
static davit_status dequantize(const expansion *e, const davit_value_id inputs[3], int64_t axis,
                               davit_value_id *out)
{
    const davit_attribute attribute = {.name = "axis", .type = DAVIT_ATTRIBUTE_INT, .u.i = axis};
    davit_node_spec spec = {.op = DAVIT_OP_DequantizeLinear,
                            .input_count = inputs[2] == DAVIT_NONE ? 2 : 3,
                            .attribute_count = 1,
                            .inputs = inputs,
                            .attributes = &attribute};
    *out = DAVIT_NONE;
    return add_node(e, &spec, out);
}

/* A constant of one number for each output channel, a copy of `from`. */
static davit_status spread(const expansion *e, const davit_tensor *from, int64_t count,
                           davit_value_id *out)
{
    davit_tensor *tensor;
    davit_status status =
        davit_tensor_create(e->graph->allocator, from->desc.dtype, 1, &count, &tensor);
    if (status != DAVIT_OK) {
        return status;
    }
    size_t bytes = davit_dtype_bytes(from->desc.dtype);
    int64_t given = davit_tensor_desc_elems(&from->desc);
    for (int64_t i = 0; i < count; i++) {
        memcpy((char *)tensor->data + (size_t)i * bytes,
               (const char *)from->data + (size_t)(given == 1 ? 0 : i) * bytes, bytes);
    }
    return davit_graph_add_constant(e->graph, NULL, tensor, out);
}

/* The second operand: scale and zero point are of one kind in a DequantizeLinear, where QLinearConv
 * and QLinearMatMul may mix one number and one for each channel. */
static davit_status dequantize_weights(const expansion *e, int64_t axis, davit_value_id *out)
{
    davit_value_id inputs[] = {input_of(e, 3), DAVIT_NONE, DAVIT_NONE};
    const davit_tensor *scale = constant_of(e, 4);
    const davit_tensor *zero = constant_of(e, 5);
    int64_t scales = davit_tensor_desc_elems(&scale->desc);
    int64_t zeros = davit_tensor_desc_elems(&zero->desc);
    int64_t count = scales > zeros ? scales : zeros;
    davit_status status = spread(e, scale, count, &inputs[1]);
    if (status == DAVIT_OK) {
        status = spread(e, zero, count, &inputs[2]);
    }
    return status == DAVIT_OK ? dequantize(e, inputs, axis, out) : status;
}

/* The bias of a QLinearConv: s32 in units of x_scale * w_scale. */
static davit_status dequantize_bias(const expansion *e, davit_value_id *out)
{
    davit_value_id inputs[] = {input_of(e, 8), DAVIT_NONE, DAVIT_NONE};
    const davit_tensor *w_scale = constant_of(e, 4);
    float x_scale = ((const float *)constant_of(e, 1)->data)[0];
    davit_tensor *unit;
    int64_t count = davit_tensor_desc_elems(&w_scale->desc);
    *out = DAVIT_NONE;
    if (inputs[0] == DAVIT_NONE) {
        return DAVIT_OK;
    }
    davit_status status = davit_tensor_create(e->graph->allocator, DAVIT_F32, 1, &count, &unit);
    if (status != DAVIT_OK) {
        return status;
    }
    for (int64_t o = 0; o < count; o++) {
        ((float *)unit->data)[o] = x_scale * ((const float *)w_scale->data)[o];
    }
    status = davit_graph_add_constant(e->graph, NULL, unit, &inputs[1]);
    return status == DAVIT_OK ? dequantize(e, inputs, 0, out) : status;
}

/* True when scales and zero points are constant, f32, and one number but those of the second
 * operand. */
static bool is_plain(const expansion *e)
{
    static const uint32_t singles[] = {1, 2, 6, 7};
    for (size_t i = 0; i < 4; i++) {
        const davit_tensor *tensor = constant_of(e, singles[i]);
        if (!tensor || davit_tensor_desc_elems(&tensor->desc) != 1) {
            return false;
        }
    }
    const davit_tensor *w_scale = constant_of(e, 4);
    const davit_tensor *w_zero = constant_of(e, 5);
    return w_scale && w_zero && w_scale->desc.rank <= 1 && w_zero->desc.rank <= 1 &&
           w_scale->desc.dtype == DAVIT_F32 && constant_of(e, 1)->desc.dtype == DAVIT_F32 &&
           constant_of(e, 6)->desc.dtype == DAVIT_F32;
}

static davit_status expand(const expansion *e)
{
    davit_graph *graph = e->graph;
    bool convolution = graph->nodes[e->id].op->op == DAVIT_OP_QLinearConv;
    int rank = graph->values[input_of(e, 3)].desc.rank;
    const davit_value_id x[] = {input_of(e, 0), input_of(e, 1), input_of(e, 2)};
    davit_value_id operands[] = {DAVIT_NONE, DAVIT_NONE, DAVIT_NONE};
    davit_value_id y[] = {DAVIT_NONE, input_of(e, 6), input_of(e, 7)};
    davit_status status = dequantize(e, x, 0, &operands[0]);
    if (status == DAVIT_OK) {
        status = dequantize_weights(e, convolution ? 0 : rank - 1, &operands[1]);
    }
    if (status == DAVIT_OK && convolution) {
        status = dequantize_bias(e, &operands[2]);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    const davit_node *node = &graph->nodes[e->id];
    davit_value_id result = node->outputs[0];
    davit_node_spec spec = {.name = node->name,
                            .op = convolution ? DAVIT_OP_Conv : DAVIT_OP_MatMul,
                            .input_count = operands[2] == DAVIT_NONE ? 2 : 3,
                            .attribute_count = node->attribute_count,
                            .inputs = operands,
                            .attributes = node->attributes};
    status = add_node(e, &spec, &y[0]);
    if (status != DAVIT_OK) {
        return status;
    }
    /* The convolution takes over the name; what it was given instead stays behind. */
    davit_node *made = &graph->nodes[graph->values[y[0]].producer];
    const char *spare = made->name;
    made->name = graph->nodes[e->id].name;
    graph->nodes[e->id].name = spare;
    davit_graph_remove_node(graph, e->id);
    davit_node_spec quantize = {.op = DAVIT_OP_QuantizeLinear, .input_count = 3, .inputs = y};
    return add_node(e, &quantize, &result);
}

davit_status davit_lower_expand_qlinear(davit_graph *graph, const davit_diagnostics *diag)
{
    davit_status status = DAVIT_OK;
    size_t count = graph->node_count;
    for (davit_node_id n = 0; n < count && status == DAVIT_OK; n++) {
        const davit_node *node = &graph->nodes[n];
        expansion e = {.graph = graph, .id = n, .name = node->name};
        bool qlinear =
            node->op->op == DAVIT_OP_QLinearConv || node->op->op == DAVIT_OP_QLinearMatMul;
        if (!node->removed && qlinear && is_plain(&e)) {
            status = expand(&e);
            if (status != DAVIT_OK) {
                return davit_fail(diag, status,
                                  "node '%s': cannot be written out with DequantizeLinear", e.name);
            }
        }
    }
    return status;
}
