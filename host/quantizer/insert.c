#include <math.h>
#include <stdio.h>
#include <string.h>

#include "rewrite.h"

const char *davit_rewriter_name(davit_rewriter *rewriter, const char *base, const char *suffix)
{
    const char *name = davit_arena_printf(rewriter->arena, "%s%s", base, suffix);
    for (unsigned i = 1; name != NULL && davit_names_find(&rewriter->taken, name) != DAVIT_NONE;
         i++) {
        name = davit_arena_printf(rewriter->arena, "%s%s_%u", base, suffix, i);
    }
    if (name == NULL || davit_names_add(&rewriter->taken, name, 0) != DAVIT_OK) {
        return NULL;
    }
    return name;
}

/* Adds an initialiser of zeros; *data is where its bytes are. */
static const char *add_initializer(davit_rewriter *rewriter, const char *name, davit_dtype dtype,
                                   int rank, const int64_t *dims, void **data)
{
    if (name == NULL) {
        return NULL;
    }
    Onnx__TensorProto *tensor = davit_message_tensor(rewriter->arena, name, dtype, rank, dims);
    if (tensor == NULL || !davit_message_append(&rewriter->initializers, tensor)) {
        return NULL;
    }
    *data = tensor->raw_data.data;
    return name;
}

/* Adds a node whose result gets a name from base and "_DequantizeLinear_Output" where output is
 * NULL. Returns the result's name. */
static const char *add_node(davit_rewriter *rewriter, const char *op, const char *base,
                            const char *const inputs[3], const char *output)
{
    char suffix[64];
    snprintf(suffix, sizeof(suffix), "_%s_Output", op);
    if (output == NULL) {
        output = davit_rewriter_name(rewriter, base, suffix);
    }
    const char *name = davit_arena_printf(rewriter->arena, "%s_%s", base, op);
    if (output == NULL || name == NULL || inputs[0] == NULL || inputs[1] == NULL) {
        return NULL;
    }
    Onnx__NodeProto *node = davit_message_node(rewriter->arena, op, name, inputs, output);
    bool added = node != NULL && davit_message_append(&rewriter->nodes, node);
    return added ? output : NULL;
}

/* ---- values ---- */

/* Makes scale and zero point of a root, once. */
static davit_status make_parameters(davit_rewriter *rewriter, davit_value_id root)
{
    if (rewriter->scale_names[root] != NULL) {
        return DAVIT_OK;
    }
    const davit_quant8 *type = &rewriter->job->values[root].type;
    const char *base = rewriter->job->graph->values[root].name;
    void *scale;
    void *zero;
    rewriter->scale_names[root] = add_initializer(
        rewriter, davit_rewriter_name(rewriter, base, "_scale"), DAVIT_F32, 0, NULL, &scale);
    rewriter->zero_names[root] = add_initializer(
        rewriter, davit_rewriter_name(rewriter, base, "_zero_point"), type->dtype, 0, NULL, &zero);
    if (rewriter->scale_names[root] == NULL || rewriter->zero_names[root] == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    memcpy(scale, &type->scale, sizeof(type->scale));
    davit_store8(zero, 0, type->zero);
    return DAVIT_OK;
}

davit_status davit_insert_pair(davit_rewriter *rewriter, davit_value_id value, const char *from,
                               const char *to)
{
    davit_value_id root = rewriter->job->values[value].root;
    const char *base = rewriter->job->graph->values[value].name;
    davit_status status = make_parameters(rewriter, root);
    if (status != DAVIT_OK) {
        return status;
    }
    const char *scale = rewriter->scale_names[root];
    const char *zero = rewriter->zero_names[root];
    const char *const quantize[3] = {from, scale, zero};
    const char *q = add_node(rewriter, "QuantizeLinear", base, quantize, NULL);
    const char *const dequantize[3] = {q, scale, zero};
    const char *result = add_node(rewriter, "DequantizeLinear", base, dequantize, to);
    return result != NULL ? DAVIT_OK : DAVIT_OUT_OF_MEMORY;
}

davit_status davit_insert_constant(davit_rewriter *rewriter, davit_value_id value,
                                   const char **name)
{
    davit_quantizer *job = rewriter->job;
    const davit_tensor *constant = job->graph->values[value].constant;
    const char *base = job->graph->values[value].name;
    const davit_quant8 *type = &job->values[value].type;
    davit_tensor_desc desc = constant->desc;
    void *data;
    davit_status status = make_parameters(rewriter, value);
    if (status != DAVIT_OK) {
        return status;
    }
    const char *q = add_initializer(rewriter, davit_rewriter_name(rewriter, base, "_quantized"),
                                    type->dtype, desc.rank, desc.dims, &data);
    const char *const inputs[3] = {q, rewriter->scale_names[value], rewriter->zero_names[value]};
    *name = add_node(rewriter, "DequantizeLinear", base, inputs, NULL);
    if (*name == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    desc.dtype = type->dtype;
    desc.quantization = (davit_quantization){&type->scale, &type->zero, 1, 0};
    davit_quantize(&desc, constant->data, data);
    return DAVIT_OK;
}

/* ---- layers ---- */

/* Scales and zero points of a layer's weights or bias: of rank 0 or 1. */
static davit_status make_scales(davit_rewriter *rewriter, const char *base, davit_dtype dtype,
                                size_t count, const char *names[2], float **scales, void **zeros)
{
    int64_t extent = (int64_t)count;
    int rank = count > 1 ? 1 : 0;
    void *data;
    names[0] = add_initializer(rewriter, davit_rewriter_name(rewriter, base, "_scale"), DAVIT_F32,
                               rank, &extent, &data);
    names[1] = add_initializer(rewriter, davit_rewriter_name(rewriter, base, "_zero_point"), dtype,
                               rank, &extent, zeros);
    *scales = data;
    return names[0] != NULL && names[1] != NULL ? DAVIT_OK : DAVIT_OUT_OF_MEMORY;
}

/* Tells the DequantizeLinear added last which axis its scales follow. */
static davit_status set_axis(davit_rewriter *rewriter, int axis, size_t count)
{
    Onnx__NodeProto *node = rewriter->nodes.items[rewriter->nodes.count - 1];
    bool done = count == 1 || davit_message_set_int(rewriter->arena, node, "axis", axis);
    return done ? DAVIT_OK : DAVIT_OUT_OF_MEMORY;
}

static davit_status insert_weights(davit_rewriter *rewriter, const davit_layer *layer,
                                   const char *base, const char **name)
{
    davit_dtype dtype = rewriter->job->options->weights;
    uint8_t zero = dtype == DAVIT_U8 ? 128 : 0;
    const davit_tensor_desc *desc = &layer->original->desc;
    const char *names[2];
    float *scales;
    void *zeros;
    void *data;
    davit_status status =
        make_scales(rewriter, base, dtype, layer->scale_count, names, &scales, &zeros);
    if (status != DAVIT_OK) {
        return status;
    }
    const char *q = add_initializer(rewriter, davit_rewriter_name(rewriter, base, "_quantized"),
                                    dtype, desc->rank, desc->dims, &data);
    const char *const inputs[3] = {q, names[0], names[1]};
    *name = add_node(rewriter, "DequantizeLinear", base, inputs, NULL);
    if (*name == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    memcpy(scales, layer->scales, layer->scale_count * sizeof(float));
    memset(zeros, zero, layer->scale_count);
    for (size_t i = 0; i < layer->elems; i++) {
        ((uint8_t *)data)[i] = (uint8_t)(layer->quantized[i] + zero);
    }
    return set_axis(rewriter, layer->axis, layer->scale_count);
}

static davit_status insert_bias(davit_rewriter *rewriter, const davit_layer *layer,
                                const char *base, const char **name)
{
    const davit_quantizer *job = rewriter->job;
    davit_value_id x = job->values[job->graph->nodes[layer->node].inputs[0]].root;
    size_t count = layer->scale_count > 1 ? layer->bias_count : 1;
    int64_t extent = (int64_t)layer->bias_count;
    const char *names[2];
    float *scales;
    void *zeros;
    void *data;
    davit_status status = make_scales(rewriter, base, DAVIT_S32, count, names, &scales, &zeros);
    if (status != DAVIT_OK) {
        return status;
    }
    const char *q = add_initializer(rewriter, davit_rewriter_name(rewriter, base, "_quantized"),
                                    DAVIT_S32, 1, &extent, &data);
    const char *const inputs[3] = {q, names[0], names[1]};
    *name = add_node(rewriter, "DequantizeLinear", base, inputs, NULL);
    if (*name == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < layer->bias_count; i++) {
        size_t s = count > 1 ? i : 0;
        scales[s] = job->values[x].type.scale * layer->scales[s % layer->scale_count];
        double units = nearbyint((double)layer->bias[i] / (double)scales[s]);
        ((int32_t *)data)[i] = (int32_t)fmin(fmax(units, INT32_MIN), INT32_MAX);
    }
    return set_axis(rewriter, 0, count);
}

davit_status davit_insert_layer(davit_rewriter *rewriter, const davit_layer *layer,
                                const char **weights, const char **bias)
{
    const char *node = rewriter->job->graph->nodes[layer->node].name;
    const char *weight_base = davit_arena_printf(rewriter->arena, "%s_weight", node);
    const char *bias_base = davit_arena_printf(rewriter->arena, "%s_bias", node);
    *bias = NULL;
    if (weight_base == NULL || bias_base == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    davit_status status = insert_weights(rewriter, layer, weight_base, weights);
    if (status == DAVIT_OK && layer->bias != NULL) {
        status = insert_bias(rewriter, layer, bias_base, bias);
    }
    return status;
}
