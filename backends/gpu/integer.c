/* Operators on bytes without weights, and QuantizeLinear and DequantizeLinear. */
#include "davit/integer.h"

#include <string.h>

#include "broadcast.h"
#include "davit/quantize_table.h"
#include "operators.h"

static davit_status refused(const davit_gpu_builder *builder, davit_status status,
                            const davit_reason *reason)
{
    return status == DAVIT_OK ? status
                              : davit_fail(builder->diag, status, "unit '%s': %s",
                                           builder->unit->name, reason->text);
}

/* ---- IntegerAdd, IntegerMul ---- */

static const char *refuse_pair(const davit_graph *graph, const davit_unit *unit)
{
    const davit_node *node = &graph->nodes[unit->anchor];
    for (uint32_t i = 0; i < 2; i++) {
        if (davit_tensor_desc_elems(davit_node_input(graph, node, i)) == 0) {
            return "empty tensor";
        }
    }
    return davit_gpu_broadcast_fits(graph, 2, node->inputs, davit_node_output(graph, node))
               ? NULL
               : "broadcast of many dimensions";
}

static davit_status prepare_pair(const davit_gpu_builder *builder, const davit_node *node,
                                 davit_gpu_pair_params *params)
{
    davit_quant8 a = davit_integer_a(builder->graph, node);
    davit_quant8 b = davit_integer_b(builder->graph, node);
    davit_result_spec y = davit_integer_result(node);
    davit_addition sum = {.a_scale = 0};
    davit_multiplication product = {.a_zero = 0};
    davit_reason reason;
    bool adds = node->op->op == DAVIT_OP_IntegerAdd;
    davit_status status = adds ? davit_addition_prepare(&a, &b, &y, &sum, &reason)
                               : davit_multiplication_prepare(&a, &b, &y, &product, &reason);
    if (status != DAVIT_OK) {
        return refused(builder, status, &reason);
    }
    const davit_result *result = adds ? &sum.result : &product.rescale.result;
    params->a_unsigned = davit_gpu_unsigned(a.dtype);
    params->a_zero = a.zero;
    params->b_unsigned = davit_gpu_unsigned(b.dtype);
    params->b_zero = b.zero;
    params->y_unsigned = davit_gpu_unsigned(result->dtype);
    params->y_zero = result->zero;
    params->a_scale = adds ? sum.a_scale : product.rescale.scale;
    params->b_scale = sum.b_scale;
    params->low = result->low;
    params->high = result->high;
    return DAVIT_OK;
}

static davit_status build_pair(davit_gpu_builder *builder, const davit_unit *unit,
                               const davit_node *node)
{
    const davit_tensor_desc *y = davit_gpu_desc(builder, unit->outputs[0]);
    davit_gpu_pair_params params = {.count = (int)davit_tensor_desc_elems(y)};
    davit_gpu_broadcast b;
    davit_gpu_place place;
    davit_status status = prepare_pair(builder, node, &params);
    if (status == DAVIT_OK) {
        status = davit_gpu_broadcast_get(builder, 2, node->inputs, y, &b);
    }
    if (status == DAVIT_OK) {
        status = davit_gpu_make(builder, unit->outputs[0], b.layout, &place);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    params.flat = b.flat;
    for (int i = 0; i < DAVIT_GPU_RANK; i++) {
        params.dims[i] = b.dims[i];
        params.a[i] = b.strides[0][i];
        params.b[i] = b.strides[1][i];
    }
    davit_gpu_call call = {
        .kernel = node->op->op == DAVIT_OP_IntegerAdd ? "integer_add" : "integer_mul",
        .params = &params,
        .param_bytes = sizeof(params),
        .operand_count = 3,
        .operands = {b.places[0], b.places[1], place}};
    return davit_gpu_launch_flat(builder, &call, params.count);
}

/* ---- IntegerLookup ---- */

static davit_status build_lookup(davit_gpu_builder *builder, const davit_unit *unit,
                                 const davit_node *node)
{
    davit_gpu_layout layout = davit_gpu_layout_of(builder, node->inputs[0]);
    davit_gpu_lookup_params params = {
        .count = (int)davit_tensor_desc_elems(davit_gpu_desc(builder, unit->outputs[0]))};
    davit_gpu_call call = {.kernel = "lookup",
                           .params = &params,
                           .param_bytes = sizeof(params),
                           .operand_count = 3};
    davit_status status = davit_gpu_get(builder, node->inputs[0], layout, &call.operands[0]);
    if (status == DAVIT_OK) {
        status = davit_gpu_get(builder, node->inputs[1], DAVIT_GPU_DENSE, &call.operands[1]);
    }
    if (status == DAVIT_OK) {
        status = davit_gpu_make(builder, unit->outputs[0], layout, &call.operands[2]);
    }
    return status == DAVIT_OK ? davit_gpu_launch_flat(builder, &call, params.count) : status;
}

/* ---- IntegerSoftmax ---- */

static davit_status build_softmax(davit_gpu_builder *builder, const davit_unit *unit,
                                  const davit_node *node)
{
    const davit_tensor_desc *desc = davit_node_input(builder->graph, node, 0);
    davit_quant8 x = davit_integer_x(builder->graph, node);
    davit_result_spec y = davit_integer_result(node);
    davit_softmax softmax;
    davit_reason reason;
    int axis = davit_node_axis(davit_node_int(node, "axis", -1), desc->rank);
    davit_status status =
        refused(builder, davit_softmax_prepare(&x, &y, &softmax, &reason), &reason);
    if (status != DAVIT_OK) {
        return status;
    }
    davit_gpu_byte_row_params params = {.count = (int)desc->dims[axis],
                                        .stride = 1,
                                        .x_unsigned = davit_gpu_unsigned(x.dtype),
                                        .y_unsigned =
                                            davit_gpu_unsigned(softmax.rescale.result.dtype),
                                        .y_zero = softmax.rescale.result.zero,
                                        .factor = softmax.rescale.scale,
                                        .low = softmax.rescale.result.low,
                                        .high = softmax.rescale.result.high};
    for (int i = axis + 1; i < desc->rank; i++) {
        params.stride *= (int)desc->dims[i];
    }
    params.rows = (int)(davit_tensor_desc_elems(desc) / params.count);
    davit_gpu_call call = {.kernel = "integer_softmax",
                           .groups = {(uint32_t)params.rows},
                           .threads = DAVIT_GPU_ROW_THREADS,
                           .params = &params,
                           .param_bytes = sizeof(params),
                           .operand_count = 3};
    void *table;
    status = davit_gpu_constant(builder, sizeof(softmax.exponential), &table, &call.operands[1]);
    if (status == DAVIT_OK) {
        memcpy(table, softmax.exponential, sizeof(softmax.exponential));
        status = davit_gpu_get(builder, node->inputs[0], DAVIT_GPU_DENSE, &call.operands[0]);
    }
    if (status == DAVIT_OK) {
        status = davit_gpu_make(builder, unit->outputs[0], DAVIT_GPU_DENSE, &call.operands[2]);
    }
    return status == DAVIT_OK ? davit_gpu_launch_add(builder, &call) : status;
}

/* ---- QuantizeLinear, DequantizeLinear ---- */

static bool is_byte(davit_dtype dtype)
{
    return dtype == DAVIT_U8 || dtype == DAVIT_S8;
}

/* The slices that have a scale each: elements of one after the other, and how many. */
static bool slices_of(const davit_graph *graph, const davit_node *node, int *run, int *scales)
{
    const davit_tensor_desc *x = davit_node_input(graph, node, 0);
    int64_t count = davit_tensor_desc_elems(&davit_node_constant(graph, node, 1)->desc);
    *run = 1;
    *scales = (int)count;
    if (count == 1) {
        return true;
    }
    int axis = davit_node_axis(davit_node_int(node, "axis", 1), x->rank);
    for (int i = axis + 1; i < x->rank; i++) {
        *run *= (int)x->dims[i];
    }
    return axis >= 0 && axis < x->rank && x->dims[axis] == count &&
           davit_node_int(node, "block_size", 0) == 0;
}

static const char *refuse_linear(const davit_graph *graph, const davit_unit *unit)
{
    const davit_node *node = &graph->nodes[unit->anchor];
    const davit_tensor *scale = davit_node_constant(graph, node, 1);
    bool quantizes = node->op->op == DAVIT_OP_QuantizeLinear;
    davit_dtype from = davit_node_input(graph, node, 0)->dtype;
    davit_dtype to = davit_node_output(graph, node)->dtype;
    int run, scales;
    if (quantizes ? from != DAVIT_F32 || !is_byte(to) : !is_byte(from) || to != DAVIT_F32) {
        return "element type";
    }
    if (scale == NULL || scale->desc.dtype != DAVIT_F32) {
        return "scale that is not constant";
    }
    if (davit_node_has_input(node, 2) && davit_node_constant(graph, node, 2) == NULL) {
        return "zero point that is not constant";
    }
    return slices_of(graph, node, &run, &scales) ? NULL : "scales of blocks";
}

static davit_status build_linear(davit_gpu_builder *builder, const davit_unit *unit,
                                 const davit_node *node)
{
    const davit_tensor *zero = davit_node_constant(builder->graph, node, 2);
    const davit_tensor_desc *x = davit_node_input(builder->graph, node, 0);
    bool quantizes = node->op->op == DAVIT_OP_QuantizeLinear;
    davit_gpu_linear_quantize_params params = {
        .count = (int)davit_tensor_desc_elems(x),
        .is_unsigned = davit_gpu_unsigned(quantizes ? davit_node_output(builder->graph, node)->dtype
                                                    : x->dtype)};
    (void)slices_of(builder->graph, node, &params.run, &params.scales);
    davit_gpu_layout layout = params.scales == 1 ? davit_gpu_layout_of(builder, node->inputs[0])
                                                 : DAVIT_GPU_DENSE;
    davit_gpu_call call = {.kernel = quantizes ? "quantize_byte_linear" : "dequantize_byte_linear",
                           .params = &params,
                           .param_bytes = sizeof(params),
                           .operand_count = 4};
    void *zeros;
    davit_status status = davit_gpu_constant(builder, (size_t)params.scales * sizeof(int32_t),
                                             &zeros, &call.operands[2]);
    if (status != DAVIT_OK) {
        return status;
    }
    for (int i = 0; zero != NULL && i < params.scales; i++) {
        size_t at = davit_tensor_desc_elems(&zero->desc) == 1 ? 0 : (size_t)i;
        ((int32_t *)zeros)[i] = davit_load8(zero->data, zero->desc.dtype, at);
    }
    status = davit_gpu_get(builder, node->inputs[0], layout, &call.operands[0]);
    if (status == DAVIT_OK) {
        status = davit_gpu_get(builder, node->inputs[1], DAVIT_GPU_DENSE, &call.operands[1]);
    }
    if (status == DAVIT_OK) {
        status = davit_gpu_make(builder, unit->outputs[0], layout, &call.operands[3]);
    }
    return status == DAVIT_OK ? davit_gpu_launch_flat(builder, &call, params.count) : status;
}

static const davit_gpu_operator operators[] = {
    {DAVIT_OP_DequantizeLinear, DAVIT_GPU_BYTES | DAVIT_GPU_FLOATS, refuse_linear, build_linear},
    {DAVIT_OP_IntegerAdd, DAVIT_GPU_BYTES, refuse_pair, build_pair},
    {DAVIT_OP_IntegerLookup, DAVIT_GPU_BYTES, davit_gpu_refuse_shape_inputs, build_lookup},
    {DAVIT_OP_IntegerMul, DAVIT_GPU_BYTES, refuse_pair, build_pair},
    {DAVIT_OP_IntegerSoftmax, DAVIT_GPU_BYTES, NULL, build_softmax},
    {DAVIT_OP_QuantizeLinear, DAVIT_GPU_BYTES | DAVIT_GPU_FLOATS, refuse_linear, build_linear}};

const davit_gpu_family davit_gpu_integer = DAVIT_GPU_FAMILY(operators);
