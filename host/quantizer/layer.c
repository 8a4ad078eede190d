/* Layers with weights: from the graph's constants to 8 bits. */
#include <math.h>
#include <string.h>

#include "job.h"
#include "parameters.h"

static bool has_weights(const davit_quantizer *job, davit_node_id id)
{
    const davit_node *node = &job->graph->nodes[id];
    if (!job->nodes[id].quantized) {
        return false;
    }
    switch (node->op->op) {
    case DAVIT_OP_Conv:
    case DAVIT_OP_ConvTranspose:
    case DAVIT_OP_Gemm:
        return true;
    case DAVIT_OP_MatMul:
        return job->graph->values[node->inputs[1]].constant != NULL;
    default:
        return false;
    }
}

/* The axis of the output channels in the weights. Products of more than two dimensions have none
 * that one scale a channel could follow: there it is the whole tensor. */
static int channel_axis(const davit_node *node, const davit_tensor_desc *weights)
{
    switch (node->op->op) {
    case DAVIT_OP_Conv:
        return 0;
    case DAVIT_OP_Gemm:
        return davit_node_int(node, "transB", 0) != 0 ? 0 : 1;
    case DAVIT_OP_MatMul:
        return weights->rank - 1;
    default:
        return 1;
    }
}

static const davit_tensor *bias_of(const davit_graph *graph, const davit_node *node)
{
    bool present =
        node->op->op != DAVIT_OP_MatMul && node->input_count > 2 && node->inputs[2] != DAVIT_NONE;
    return present ? graph->values[node->inputs[2]].constant : NULL;
}

/* Copies weights and bias. The factors of Gemm go into them. */
static davit_status copy_numbers(davit_quantizer *job, davit_layer *layer)
{
    const davit_node *node = &job->graph->nodes[layer->node];
    bool gemm = node->op->op == DAVIT_OP_Gemm;
    float alpha = gemm ? davit_node_float(node, "alpha", 1.0f) : 1.0f;
    float beta = gemm ? davit_node_float(node, "beta", 1.0f) : 1.0f;
    layer->weights = davit_arena_alloc_array(&job->arena, layer->elems, sizeof(float));
    if (layer->weights == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    const float *weights = layer->original->data;
    for (size_t i = 0; i < layer->elems; i++) {
        layer->weights[i] = alpha * weights[i];
        if (!(fabsf(layer->weights[i]) <= FLT_MAX)) {
            return davit_fail(job->diag, DAVIT_BAD_DATA,
                              "node '%s' (%s): its weights are not finite", node->name,
                              node->op->name);
        }
    }
    const davit_tensor *bias = bias_of(job->graph, node);
    if (bias == NULL) {
        return DAVIT_OK;
    }
    layer->bias = davit_arena_alloc_array(&job->arena, layer->bias_count, sizeof(float));
    if (layer->bias == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    bool scalar = davit_tensor_desc_elems(&bias->desc) == 1;
    for (size_t i = 0; i < layer->bias_count; i++) {
        layer->bias[i] = beta * ((const float *)bias->data)[scalar ? 0 : i];
        if (!(fabsf(layer->bias[i]) <= FLT_MAX)) {
            return davit_fail(job->diag, DAVIT_BAD_DATA, "node '%s' (%s): its bias is not finite",
                              node->name, node->op->name);
        }
    }
    return DAVIT_OK;
}

static davit_status make_layer(davit_quantizer *job, davit_node_id id, davit_layer *layer)
{
    const davit_node *node = &job->graph->nodes[id];
    const davit_tensor *weights = job->graph->values[node->inputs[1]].constant;
    const davit_tensor_desc *desc = &weights->desc;
    *layer = (davit_layer){.node = id, .original = weights, .inner = 1};
    layer->elems = (size_t)davit_tensor_desc_elems(desc);
    layer->axis = channel_axis(node, desc);
    layer->channels = (size_t)desc->dims[layer->axis];
    for (int i = layer->axis + 1; i < desc->rank; i++) {
        layer->inner *= (size_t)desc->dims[i];
    }
    layer->bias_count = layer->channels;
    if (node->op->op == DAVIT_OP_ConvTranspose) {
        layer->bias_count *= (size_t)davit_node_int(node, "group", 1);
    }
    bool one = job->options->per_tensor || (node->op->op == DAVIT_OP_MatMul && desc->rank > 2);
    layer->scale_count = one ? 1 : layer->channels;
    job->nodes[id].layer = layer;
    return copy_numbers(job, layer);
}

davit_status davit_layers_make(davit_quantizer *job)
{
    const davit_graph *graph = job->graph;
    job->layers = davit_arena_alloc_array(&job->arena, graph->order_count, sizeof(*job->layers));
    if (job->layers == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    davit_status status = DAVIT_OK;
    for (size_t n = 0; status == DAVIT_OK && n < graph->order_count; n++) {
        if (has_weights(job, graph->order[n])) {
            status = make_layer(job, graph->order[n], &job->layers[job->layer_count++]);
        }
    }
    return status;
}

/* ---- back into the graph ---- */

static davit_status replace_input(davit_quantizer *job, davit_node_id node, uint32_t input,
                                  const davit_tensor_desc *desc, const float *data)
{
    davit_tensor *tensor;
    davit_status status =
        davit_tensor_create(job->graph->allocator, DAVIT_F32, desc->rank, desc->dims, &tensor);
    if (status != DAVIT_OK) {
        return status;
    }
    memcpy(tensor->data, data, davit_tensor_desc_bytes(&tensor->desc));
    davit_value_id value;
    status = davit_graph_add_constant(job->graph, NULL, tensor, &value);
    if (status == DAVIT_OK) {
        job->graph->nodes[node].inputs[input] = value;
    }
    return status;
}

/* The graph has gained values, none of which is quantised. */
static davit_status extend_plans(davit_quantizer *job, size_t count)
{
    davit_value_plan *plans =
        davit_arena_alloc_array(&job->arena, job->graph->value_count, sizeof(*plans));
    if (plans == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    memcpy(plans, job->values, count * sizeof(*plans));
    job->values = plans;
    return DAVIT_OK;
}

davit_status davit_layers_apply(davit_quantizer *job)
{
    size_t count = job->graph->value_count;
    davit_status status = DAVIT_OK;
    for (size_t i = 0; status == DAVIT_OK && i < job->layer_count; i++) {
        const davit_layer *layer = &job->layers[i];
        const davit_node *node = &job->graph->nodes[layer->node];
        if (node->op->op != DAVIT_OP_Conv) {
            continue; /* only convolutions are equalised */
        }
        status = replace_input(job, layer->node, 1, &layer->original->desc, layer->weights);
        if (status == DAVIT_OK && layer->bias != NULL) {
            const davit_tensor_desc *bias = &job->graph->values[node->inputs[2]].desc;
            status = replace_input(job, layer->node, 2, bias, layer->bias);
        }
    }
    return status == DAVIT_OK ? extend_plans(job, count) : status;
}

/* ---- 8 bits ---- */

static void choose_scales(davit_layer *layer, float x_scale)
{
    for (size_t c = 0; c < layer->scale_count; c++) {
        layer->scales[c] = 0;
    }
    for (size_t i = 0; i < layer->elems; i++) {
        size_t c = layer->scale_count == 1 ? 0 : davit_layer_channel(layer, i);
        layer->scales[c] = fmaxf(layer->scales[c], fabsf(layer->weights[i]));
    }
    for (size_t c = 0; c < layer->scale_count; c++) {
        float bias = 0;
        for (size_t b = c; layer->bias != NULL && b < layer->bias_count; b += layer->scale_count) {
            bias = fmaxf(bias, fabsf(layer->bias[b]));
        }
        layer->scales[c] = davit_weight_scale(layer->scales[c], x_scale, bias);
    }
}

davit_status davit_layers_quantize(davit_quantizer *job)
{
    for (size_t i = 0; i < job->layer_count; i++) {
        davit_layer *layer = &job->layers[i];
        davit_value_id x = job->graph->nodes[layer->node].inputs[0];
        layer->scales = davit_arena_alloc_array(&job->arena, layer->scale_count, sizeof(float));
        layer->quantized = davit_arena_alloc_array(&job->arena, layer->elems, 1);
        if (layer->scales == NULL || layer->quantized == NULL) {
            return DAVIT_OUT_OF_MEMORY;
        }
        choose_scales(layer, job->values[job->values[x].root].type.scale);
        for (size_t k = 0; k < layer->elems; k++) {
            float scale =
                layer->scales[layer->scale_count == 1 ? 0 : davit_layer_channel(layer, k)];
            float q = davit_clamp(layer->weights[k] / scale, -127.0f, 127.0f);
            layer->quantized[k] = (int8_t)davit_round_half_even(q);
        }
    }
    return DAVIT_OK;
}
