#include "pack.h"

#include <string.h>

#include "davit/integer.h"

/* ---- the call ---- */

static void take_images(davit_engine_call *call, uint32_t batch, uint32_t images)
{
    davit_gemm_shape *gemm = &call->gemm_shape;
    davit_vector_shape *vector = &call->vector_shape;
    if (call->vector && vector->kind == DAVIT_VECTOR_ADDITION) {
        vector->channels = vector->channels / batch * images;
    } else if (call->vector) {
        vector->images = images;
    } else if (gemm->images == batch) {
        gemm->images = images;
    } else {
        gemm->in_w = gemm->out_w = gemm->out_w / batch * images;
    }
}

davit_xrt_call davit_xrt_call_of(const davit_graph *graph, const davit_unit *unit,
                                 const davit_gemm_geometry *geometry,
                                 const davit_engine_call *engine, uint32_t batch, uint32_t images)
{
    davit_xrt_call call = {.engine = *engine};
    const davit_tensor_desc *y = &graph->values[graph->nodes[unit->anchor].outputs[0]].desc;
    if (images < batch) {
        take_images(&call.engine, batch, images);
    }
    if (engine->vector) {
        (void)davit_vector_plan(&call.engine.vector_shape, &call.vector);
        call.weight_bytes = engine->vector_shape.kind == DAVIT_VECTOR_DEPTHWISE
                                ? (size_t)call.vector.b_words * DAVIT_ENGINE_WORD
                                : 0;
        call.parameter_bytes = (size_t)call.vector.parameter_words * DAVIT_ENGINE_WORD;
        call.result_bytes = (size_t)call.vector.result_words * DAVIT_ENGINE_WORD;
        call.rows = 1;
        call.row_bytes = call.used_bytes =
            (size_t)call.vector.pixels * call.engine.vector_shape.channels;
        return call;
    }
    (void)davit_gemm_plan(geometry, &call.engine.gemm_shape, &call.gemm);
    call.weight_bytes = (size_t)call.gemm.weight_words * DAVIT_ENGINE_WORD;
    call.parameter_bytes = (size_t)call.gemm.parameter_words * DAVIT_ENGINE_WORD;
    call.result_bytes = (size_t)call.gemm.result_words * DAVIT_ENGINE_WORD;
    call.rows = call.gemm.m;
    call.row_bytes = call.engine.gemm_shape.columns;
    call.used_bytes = (size_t)(y->rank == 4 ? y->dims[1] : y->dims[y->rank - 1]);
    return call;
}

/* ---- weights and parameters ---- */

/* The arrays of a requantisation, padded with zeros up to the columns of the call. */
typedef struct weighted {
    float *scale, *bias;
    int8_t *weights;
    davit_requantization requantization;
} weighted;

static void close_weighted(const davit_allocator *allocator, weighted *w)
{
    davit_free(allocator, w->scale);
    davit_free(allocator, w->bias);
    davit_free(allocator, w->weights);
}

static davit_status refuse(const davit_xrt_packing *p, davit_status status, const char *why)
{
    return davit_fail(p->device->options.diag, status, "device '%s': unit '%s': %s",
                      p->device->info.name, p->unit->name, why);
}

/* Weights in the order of davit/engine_abi.h: the output channel first. */
static void order_weights(const davit_tensor *w, bool matrix, int8_t *out)
{
    const int8_t *from = w->data;
    if (!matrix) {
        memcpy(out, from, davit_tensor_desc_bytes(&w->desc));
        return;
    }
    size_t depth = (size_t)w->desc.dims[0];
    size_t columns = (size_t)w->desc.dims[1];
    size_t row = (size_t)w->desc.strides[0];
    size_t column = (size_t)w->desc.strides[1];
    for (size_t n = 0; n < columns; n++) {
        for (size_t k = 0; k < depth; k++) {
            out[n * depth + k] = from[k * row + n * column];
        }
    }
}

static davit_status open_weighted(const davit_xrt_packing *p, size_t columns, weighted *out)
{
    const davit_allocator *allocator = p->device->options.allocator;
    const davit_node *node = &p->graph->nodes[p->unit->anchor];
    const davit_tensor *w = p->graph->values[node->inputs[1]].constant;
    bool matrix = node->op->op == DAVIT_OP_IntegerMatMul;
    davit_requantization_spec spec = davit_integer_requantization(p->graph, node);
    size_t column_bytes = davit_tensor_desc_bytes(&w->desc) / spec.channels;
    davit_reason reason;
    size_t bytes;
    *out = (weighted){.scale = davit_alloc_array(allocator, columns, sizeof(float)),
                      .bias = davit_alloc_array(allocator, columns, sizeof(float))};
    if (davit_mul_size(columns, column_bytes, &bytes)) {
        out->weights = davit_alloc(allocator, bytes);
    }
    davit_status status = DAVIT_OUT_OF_MEMORY;
    if (out->scale == NULL || out->bias == NULL || out->weights == NULL) {
        (void)refuse(p, status, "no memory for its weights");
    } else {
        order_weights(w, matrix, out->weights);
        status = davit_requantization_prepare(&spec, out->scale, out->bias, &out->requantization,
                                              &reason);
        if (status != DAVIT_OK) {
            (void)refuse(p, status, reason.text);
        }
    }
    if (status != DAVIT_OK) {
        close_weighted(allocator, out);
    }
    return status;
}

static davit_status pack_gemm(const davit_xrt_packing *p, void *weights, void *parameters)
{
    const davit_node *node = &p->graph->nodes[p->unit->anchor];
    const davit_gemm_shape *shape = &p->call->engine.gemm_shape;
    weighted w;
    davit_status status = open_weighted(p, shape->columns, &w);
    if (status != DAVIT_OK) {
        return status;
    }
    const davit_requantization *r = &w.requantization;
    const davit_gemm_values values = {.a_u8 =
                                          p->graph->values[node->inputs[0]].desc.dtype == DAVIT_U8,
                                      .c_u8 = r->result.dtype == DAVIT_U8,
                                      .residual_u8 = r->residual_dtype == DAVIT_U8,
                                      .a_zero = davit_integer_x(p->graph, node).zero,
                                      .weights = w.weights,
                                      .scale = w.scale,
                                      .bias = r->bias != NULL ? w.bias : NULL,
                                      .residual_zero = r->residual_zero,
                                      .residual_scale = r->residual_scale,
                                      .low = r->result.low,
                                      .high = r->result.high,
                                      .c_zero = r->result.zero,
                                      .tag = p->tag};
    davit_gemm_pack_weights(p->geometry, shape, &p->call->gemm, w.weights, weights);
    davit_gemm_pack_parameters(p->geometry, shape, &p->call->gemm, &values, parameters);
    close_weighted(p->device->options.allocator, &w);
    return DAVIT_OK;
}

static davit_status pack_depthwise(const davit_xrt_packing *p, davit_vector_values *values,
                                   void *weights, void *parameters)
{
    const davit_vector_shape *shape = &p->call->engine.vector_shape;
    weighted w;
    davit_status status = open_weighted(p, shape->channels, &w);
    if (status != DAVIT_OK) {
        return status;
    }
    const davit_result *result = &w.requantization.result;
    values->weights = w.weights;
    values->scale = w.scale;
    values->bias = w.requantization.bias != NULL ? w.bias : NULL;
    values->low = result->low;
    values->high = result->high;
    davit_vector_pack_weights(shape, &p->call->vector, w.weights, weights);
    davit_vector_pack_parameters(shape, &p->call->vector, values, parameters);
    close_weighted(p->device->options.allocator, &w);
    return DAVIT_OK;
}

static davit_status pack_average(const davit_xrt_packing *p, davit_vector_values *values,
                                 void *parameters)
{
    const davit_node *node = &p->graph->nodes[p->unit->anchor];
    const davit_quant8 x = davit_integer_x(p->graph, node);
    const davit_result_spec y = davit_integer_result(node);
    float factors[DAVIT_VECTOR_FACTORS];
    davit_rescale rescale;
    davit_reason reason;
    bool same = p->call->engine.divisor != 0;
    values->factor_count = same ? 1 : p->call->vector.taps + 1;
    values->factors = factors;
    for (uint32_t i = 0; i < values->factor_count; i++) {
        davit_status status =
            davit_average_prepare(&x, &y, same ? p->call->engine.divisor : i, &rescale, &reason);
        if (status != DAVIT_OK) {
            return refuse(p, status, reason.text);
        }
        factors[i] = rescale.scale;
    }
    values->low = rescale.result.low;
    values->high = rescale.result.high;
    davit_vector_pack_parameters(&p->call->engine.vector_shape, &p->call->vector, values,
                                 parameters);
    return DAVIT_OK;
}

static davit_status pack_addition(const davit_xrt_packing *p, davit_vector_values *values,
                                  void *parameters)
{
    const davit_node *node = &p->graph->nodes[p->unit->anchor];
    const davit_quant8 a = davit_integer_a(p->graph, node);
    const davit_quant8 b = davit_integer_b(p->graph, node);
    const davit_result_spec y = davit_integer_result(node);
    davit_addition addition;
    davit_reason reason;
    davit_status status = davit_addition_prepare(&a, &b, &y, &addition, &reason);
    if (status != DAVIT_OK) {
        return refuse(p, status, reason.text);
    }
    values->a_zero = a.zero;
    values->b_zero = b.zero;
    values->b_u8 = b.dtype == DAVIT_U8;
    values->a_scale = addition.a_scale;
    values->b_scale = addition.b_scale;
    values->low = addition.result.low;
    values->high = addition.result.high;
    davit_vector_pack_parameters(&p->call->engine.vector_shape, &p->call->vector, values,
                                 parameters);
    return DAVIT_OK;
}

davit_status davit_xrt_pack(const davit_xrt_packing *p, void *weights, void *parameters)
{
    const davit_node *node = &p->graph->nodes[p->unit->anchor];
    if (!p->call->engine.vector) {
        return pack_gemm(p, weights, parameters);
    }
    davit_vector_values values = {.a_u8 = p->graph->values[node->inputs[0]].desc.dtype == DAVIT_U8,
                                  .c_u8 = p->graph->values[node->outputs[0]].desc.dtype == DAVIT_U8,
                                  .tag = p->tag};
    if (p->call->engine.vector_shape.kind == DAVIT_VECTOR_MAXIMUM) {
        davit_vector_pack_parameters(&p->call->engine.vector_shape, &p->call->vector, &values,
                                     parameters);
        return DAVIT_OK;
    }
    values.c_zero = davit_integer_result(node).type.zero;
    switch (p->call->engine.vector_shape.kind) {
    case DAVIT_VECTOR_DEPTHWISE:
        values.a_zero = davit_integer_x(p->graph, node).zero;
        return pack_depthwise(p, &values, weights, parameters);
    case DAVIT_VECTOR_AVERAGE:
        values.a_zero = davit_integer_x(p->graph, node).zero;
        return pack_average(p, &values, parameters);
    default:
        return pack_addition(p, &values, parameters);
    }
}
