#include "int8_weighted.h"

#include <string.h>

#include "int8_layout.h"
#include "operators.h"

/* The worst channel; DAVIT_OVERFLOWS_S32 when memory is short, as that refuses. */
static davit_exactness exactness_of(const davit_graph *graph, const davit_node *node)
{
    davit_requantization_spec spec = davit_integer_requantization(graph, node);
    uint64_t *bound = davit_alloc_array(graph->allocator, spec.channels, sizeof(*bound));
    davit_exactness worst = bound != NULL ? DAVIT_EXACT_F32 : DAVIT_OVERFLOWS_S32;
    if (bound != NULL) {
        davit_integer_bound(graph, node, bound);
    }
    for (size_t o = 0; o < spec.channels && worst != DAVIT_OVERFLOWS_S32; o++) {
        int32_t bias = spec.bias_count != 0 ? spec.bias[o] : 0;
        davit_exactness one = davit_bound_exactness(bound[o], bias);
        worst = one > worst ? one : worst;
    }
    davit_free(graph->allocator, bound);
    return worst;
}

const char *davit_int8_refuse_weighted(const davit_graph *graph, const davit_node *node)
{
    const davit_tensor_desc *x = davit_node_input(graph, node, 0);
    const davit_tensor_desc *w = davit_node_input(graph, node, 1);
    if (davit_tensor_desc_elems(x) == 0 || davit_tensor_desc_elems(w) == 0) {
        return "empty tensor";
    }
    return davit_integer_fits_s32(graph, node) ? NULL : "sums that may not fit s32";
}

/* ---- opening ---- */

static davit_status prepare(davit_onednn_builder *builder, davit_int8_weighted *w)
{
    davit_reason reason;
    float *scale = davit_onednn_alloc(builder, w->spec.channels * sizeof(*scale));
    float *bias = davit_onednn_alloc(builder, w->spec.channels * sizeof(*bias));
    if (scale == NULL || bias == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    davit_status status =
        davit_requantization_prepare(&w->spec, scale, bias, &w->requantization, &reason);
    return status == DAVIT_OK ? status
                              : davit_fail(builder->diag, status, "unit '%s': %s",
                                           builder->unit->name, reason.text);
}

static davit_status get(davit_onednn_builder *builder, const davit_int8_weighted *w,
                        davit_value_id value, davit_onednn_operand *out)
{
    return w->node->op->op == DAVIT_OP_IntegerMatMul
               ? davit_onednn_value_dense(builder, value, out)
               : davit_int8_value_channels_last(builder, value, out);
}

static davit_status place(davit_onednn_builder *builder, davit_int8_weighted *w)
{
    davit_dnnl_desc desc;
    davit_status status = w->node->op->op == DAVIT_OP_IntegerMatMul
                              ? davit_onednn_desc_of(builder, w->output, &desc)
                              : davit_int8_channels_last(builder, w->output, &desc);
    if (status != DAVIT_OK) {
        return status;
    }
    if (w->has_residual && davit_onednn_is_last_use(builder, &w->residual) &&
        w->residual.slot != w->src.slot && w->residual.offset_bytes == 0) {
        w->dst = w->residual;
        w->dst.desc = desc;
        return DAVIT_OK;
    }
    return davit_onednn_new(builder, desc, &w->dst);
}

davit_status davit_int8_weighted_open(davit_onednn_builder *builder, const davit_unit *unit,
                                      const davit_node *node, davit_int8_weighted *out)
{
    *out = (davit_int8_weighted){.node = node,
                                 .output = unit->outputs[0],
                                 .x = davit_integer_x(builder->graph, node),
                                 .spec = davit_integer_requantization(builder->graph, node),
                                 .exactness = exactness_of(builder->graph, node),
                                 .has_residual = davit_node_has_input(node, 3)};
    davit_status status = prepare(builder, out);
    if (status == DAVIT_OK) {
        status = get(builder, out, node->inputs[0], &out->src);
    }
    if (status == DAVIT_OK && out->has_residual) {
        status = get(builder, out, node->inputs[3], &out->residual);
    }
    return status == DAVIT_OK ? place(builder, out) : status;
}

/* ---- the end ---- */

davit_status davit_int8_weighted_finish(davit_onednn_builder *builder, const davit_int8_weighted *w,
                                        int64_t groups, davit_int8_finish *out)
{
    const davit_requantization *p = &w->requantization;
    int64_t channels = (int64_t)p->channels / groups;
    int64_t padded = davit_int8_padded(channels);
    size_t bytes = (size_t)(groups * padded) * sizeof(float);
    float *scale = davit_onednn_alloc(builder, bytes);
    float *bias = davit_onednn_alloc(builder, bytes);
    if (scale == NULL || bias == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    memset(scale, 0, bytes);
    memset(bias, 0, bytes);
    for (int64_t i = 0; i < groups * channels; i++) {
        int64_t at = i / channels * padded + i % channels;
        scale[at] = p->scale[i];
        bias[at] = p->bias != NULL ? p->bias[i] : 0.0f;
    }
    *out =
        (davit_int8_finish){.scale = scale,
                            .bias = bias,
                            .residual = davit_int8_source_of(p->residual_dtype, p->residual_zero),
                            .residual_scale = p->residual_scale,
                            .result = davit_int8_finishing(&p->result)};
    return DAVIT_OK;
}

/* ---- our own product ---- */

/* Operands: x, out, scratch, maybe the residual. */
static davit_status run_product(const davit_onednn_call *call)
{
    const davit_int8_product *product = call->params;
    const davit_int8_product_data data = {
        .x = call->pointers[0],
        .out = call->pointers[1],
        .scratch = call->pointers[2],
        .residual = product->finish.residual_scale != 0.0f ? call->pointers[3] : NULL};
    davit_int8_product_run(product, &data);
    return DAVIT_OK;
}

davit_status davit_int8_weighted_add(davit_onednn_builder *builder, const davit_int8_weighted *w,
                                     const davit_int8_product *product)
{
    davit_int8_product *params = davit_onednn_alloc(builder, sizeof(*params));
    davit_onednn_operand operands[4] = {w->src, w->dst, {0}, w->residual};
    if (params == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    *params = *product;
    davit_status status =
        davit_onednn_new_bytes(builder, davit_int8_product_scratch_bytes(product), &operands[2]);
    if (status == DAVIT_OK) {
        status = davit_onednn_add_kernel(builder, product->loops->name, run_product, params,
                                         operands, w->has_residual ? 4 : 3);
    }
    if (status == DAVIT_OK) {
        davit_onednn_value_set(builder, w->output, &w->dst);
    }
    return status;
}
