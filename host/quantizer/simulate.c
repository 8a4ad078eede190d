#include "simulate.h"

#include <string.h>

typedef struct simulation {
    const davit_quantizer *job;
    davit_graph *graph;
    davit_value_id *plain; /* by value of the job's graph; DAVIT_NONE: not there yet */
    davit_value_id *read;  /* the same behind its pair */
} simulation;

/* ---- values ---- */

/* Adds a value of the job's graph: a constant, or one whose shape is declared so that it can be an
 * input. */
static davit_status add_plain(simulation *s, davit_value_id v)
{
    if (v == DAVIT_NONE || s->plain[v] != DAVIT_NONE) {
        return DAVIT_OK;
    }
    const davit_value *from = &s->job->graph->values[v];
    davit_status status = davit_graph_add_value(s->graph, from->name, &s->plain[v]);
    if (status != DAVIT_OK) {
        return status;
    }
    davit_value *to = &s->graph->values[s->plain[v]];
    to->desc = from->desc;
    to->constant = from->constant;
    to->inferred = from->constant != NULL;
    if (from->constant != NULL) {
        return DAVIT_OK;
    }
    size_t rank = (size_t)from->desc.rank;
    to->declared_dtype = from->desc.dtype;
    to->declared = davit_arena_alloc_array(&s->graph->arena, rank + 1, sizeof(*to->declared));
    if (to->declared == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    to->declared_rank = from->desc.rank;
    for (size_t i = 0; i < rank; i++) {
        to->declared[i].value = from->desc.dims[i];
    }
    return DAVIT_OK;
}

static davit_status add_tensor(davit_graph *graph, const davit_tensor_desc *desc, const void *data,
                               davit_value_id *out)
{
    davit_tensor *tensor;
    davit_status status =
        davit_tensor_create(graph->allocator, desc->dtype, desc->rank, desc->dims, &tensor);
    if (status == DAVIT_OK) {
        memcpy(tensor->data, data, davit_tensor_desc_bytes(&tensor->desc));
        status = davit_graph_add_constant(graph, NULL, tensor, out);
    }
    return status;
}

static davit_status add_node(davit_graph *graph, davit_op op, const davit_value_id inputs[3],
                             davit_value_id *out)
{
    davit_node_id node;
    davit_status status = davit_graph_add_value(graph, NULL, out);
    const davit_node_spec spec = {
        .op = op, .input_count = 3, .inputs = inputs, .output_count = 1, .outputs = out};
    return status == DAVIT_OK ? davit_graph_add_node(graph, &spec, &node) : status;
}

/* Puts a QDQ pair behind a value. */
static davit_status add_pair(simulation *s, davit_value_id v)
{
    const davit_quant8 *type = &s->job->values[s->job->values[v].root].type;
    const davit_tensor_desc scale = {.dtype = DAVIT_F32};
    const davit_tensor_desc zero = {.dtype = type->dtype};
    const uint8_t byte = (uint8_t)type->zero;
    davit_value_id q = DAVIT_NONE;
    davit_value_id inputs[3] = {s->plain[v], DAVIT_NONE, DAVIT_NONE};
    davit_status status = add_tensor(s->graph, &scale, &type->scale, &inputs[1]);
    if (status == DAVIT_OK) {
        status = add_tensor(s->graph, &zero, &byte, &inputs[2]);
    }
    if (status == DAVIT_OK) {
        status = add_node(s->graph, DAVIT_OP_QuantizeLinear, inputs, &q);
        inputs[0] = q;
    }
    return status == DAVIT_OK ? add_node(s->graph, DAVIT_OP_DequantizeLinear, inputs, &s->read[v])
                              : status;
}

/* What a node reads in the place of a value. */
static davit_status reading(simulation *s, davit_value_id v, bool quantized_node,
                            davit_value_id *out)
{
    *out = v == DAVIT_NONE ? DAVIT_NONE : s->plain[v];
    if (v == DAVIT_NONE || !s->job->values[v].quantized ||
        (s->job->graph->values[v].constant != NULL && !quantized_node)) {
        return DAVIT_OK;
    }
    davit_status status = s->read[v] == DAVIT_NONE ? add_pair(s, v) : DAVIT_OK;
    *out = s->read[v];
    return status;
}

/* ---- nodes ---- */

static davit_status add_weights(simulation *s, const davit_layer *layer, davit_value_id *out)
{
    const davit_tensor_desc *desc = &layer->original->desc;
    davit_tensor *tensor;
    davit_status status =
        davit_tensor_create(s->graph->allocator, DAVIT_F32, desc->rank, desc->dims, &tensor);
    if (status != DAVIT_OK) {
        return status;
    }
    for (size_t i = 0; i < layer->elems; i++) {
        float scale = layer->scales[layer->scale_count == 1 ? 0 : davit_layer_channel(layer, i)];
        ((float *)tensor->data)[i] = (float)layer->quantized[i] * scale;
    }
    return davit_graph_add_constant(s->graph, NULL, tensor, out);
}

/* Weights and bias; the factors of Gemm are in them. */
static davit_status replace_numbers(simulation *s, const davit_layer *layer, davit_node_spec *spec,
                                    davit_value_id *inputs, davit_attribute *attributes)
{
    davit_status status = add_weights(s, layer, &inputs[1]);
    if (status == DAVIT_OK && layer->bias != NULL) {
        davit_tensor_desc desc = {.dtype = DAVIT_F32, .rank = 1};
        desc.dims[0] = (int64_t)layer->bias_count;
        status = add_tensor(s->graph, &desc, layer->bias, &inputs[2]);
        spec->input_count = 3;
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < spec->attribute_count; i++) {
        if (strcmp(attributes[i].name, "alpha") != 0 && strcmp(attributes[i].name, "beta") != 0) {
            attributes[kept++] = attributes[i];
        }
    }
    spec->attribute_count = kept;
    return status;
}

static davit_status add_copy(simulation *s, davit_node_id id)
{
    const davit_node *node = &s->job->graph->nodes[id];
    davit_arena *arena = &s->graph->arena;
    uint32_t most = node->input_count > 3 ? node->input_count : 3;
    davit_value_id *inputs = davit_arena_alloc_array(arena, most, sizeof(*inputs));
    davit_value_id *outputs =
        davit_arena_alloc_array(arena, (size_t)node->output_count + 1, sizeof(*outputs));
    davit_attribute *attributes =
        davit_arena_alloc_array(arena, (size_t)node->attribute_count + 1, sizeof(*attributes));
    if (inputs == NULL || outputs == NULL || attributes == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    davit_status status = DAVIT_OK;
    for (uint32_t i = 0; status == DAVIT_OK && i < node->input_count; i++) {
        status = reading(s, node->inputs[i], s->job->nodes[id].quantized, &inputs[i]);
    }
    for (uint32_t i = 0; i < node->output_count; i++) {
        outputs[i] = node->outputs[i] == DAVIT_NONE ? DAVIT_NONE : s->plain[node->outputs[i]];
    }
    for (uint32_t i = 0; i < node->attribute_count; i++) {
        attributes[i] = node->attributes[i];
    }
    davit_node_spec spec = {.name = node->name,
                            .op = node->op->op,
                            .input_count = node->input_count,
                            .output_count = node->output_count,
                            .attribute_count = node->attribute_count,
                            .inputs = inputs,
                            .outputs = outputs,
                            .attributes = attributes};
    if (status == DAVIT_OK && s->job->nodes[id].layer != NULL) {
        status = replace_numbers(s, s->job->nodes[id].layer, &spec, inputs, attributes);
    }
    davit_node_id copy;
    return status == DAVIT_OK ? davit_graph_add_node(s->graph, &spec, &copy) : status;
}

/* ---- the graph ---- */

static davit_status add_values(simulation *s, size_t begin, size_t end)
{
    const davit_graph *graph = s->job->graph;
    davit_status status = DAVIT_OK;
    for (size_t n = begin; n < end; n++) {
        const davit_node *node = &graph->nodes[graph->order[n]];
        for (uint32_t i = 0; status == DAVIT_OK && i < node->input_count; i++) {
            status = add_plain(s, node->inputs[i]);
        }
        for (uint32_t i = 0; status == DAVIT_OK && i < node->output_count; i++) {
            status = add_plain(s, node->outputs[i]);
        }
    }
    return status;
}

/* Declares inputs and outputs, once all nodes are there. */
static davit_status declare_ports(simulation *s, const bool *keep)
{
    davit_graph *graph = s->graph;
    size_t count = s->job->graph->value_count;
    graph->inputs = davit_arena_alloc_array(&graph->arena, count, sizeof(*graph->inputs));
    graph->outputs = davit_arena_alloc_array(&graph->arena, count, sizeof(*graph->outputs));
    if (graph->inputs == NULL || graph->outputs == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (davit_value_id v = 0; v < count; v++) {
        davit_value *value = s->plain[v] != DAVIT_NONE ? &graph->values[s->plain[v]] : NULL;
        if (value == NULL || value->constant != NULL) {
            continue;
        }
        if (value->producer == DAVIT_NONE) {
            value->is_input = true;
            graph->inputs[graph->input_count++] = s->plain[v];
        } else if (keep[v]) {
            value->is_output = true;
            graph->outputs[graph->output_count++] = s->plain[v];
        }
    }
    return davit_graph_sort(graph, s->job->diag);
}

davit_status davit_simulate(const davit_quantizer *job, size_t begin, size_t end, const bool *keep,
                            davit_graph **out)
{
    simulation s = {.job = job};
    size_t count = job->graph->value_count;
    *out = NULL;
    davit_status status = davit_graph_create(job->graph->allocator, &s.graph);
    if (status != DAVIT_OK) {
        return status;
    }
    s.plain = davit_arena_alloc_array(&s.graph->arena, count, sizeof(*s.plain));
    s.read = davit_arena_alloc_array(&s.graph->arena, count, sizeof(*s.read));
    status = s.plain != NULL && s.read != NULL ? DAVIT_OK : DAVIT_OUT_OF_MEMORY;
    for (size_t v = 0; status == DAVIT_OK && v < count; v++) {
        s.plain[v] = s.read[v] = DAVIT_NONE;
    }
    if (status == DAVIT_OK) {
        status = add_values(&s, begin, end);
    }
    for (size_t n = begin; status == DAVIT_OK && n < end; n++) {
        status = add_copy(&s, job->graph->order[n]);
    }
    if (status == DAVIT_OK) {
        status = declare_ports(&s, keep);
    }
    if (status != DAVIT_OK) {
        davit_graph_destroy(s.graph);
        return status;
    }
    s.graph->opset = job->graph->opset;
    *out = s.graph;
    return DAVIT_OK;
}
