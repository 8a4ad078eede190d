/* The mean error of each channel, measured on a copy of the f32 graph in which every layer has a
 * twin: the same operator over the quantised input with the quantised weights. */
#include <string.h>

#include "job.h"
#include "probe.h"

typedef struct correction {
    davit_quantizer *job;
    davit_graph *graph;     /* the copy */
    davit_value_id *inputs; /* by value: its quantised form, 0 where there is none yet */
    davit_value_id *values; /* [2 * layer_count]: result of each layer and of its twin */
    size_t count;           /* of values */
    size_t *layers;         /* [count / 2] */
    double **sums;          /* by layer: [bias_count] of the differences */
    uint64_t *seen;         /* by layer: elements of a channel */
} correction;

/* ---- twins ---- */

static davit_status add_scalar(davit_graph *graph, davit_dtype dtype, const void *data,
                               davit_value_id *out)
{
    davit_tensor *tensor;
    davit_status status = davit_tensor_create(graph->allocator, dtype, 0, NULL, &tensor);
    if (status == DAVIT_OK) {
        memcpy(tensor->data, data, davit_dtype_bytes(dtype));
        status = davit_graph_add_constant(graph, NULL, tensor, out);
    }
    return status;
}

static davit_status add_node(davit_graph *graph, davit_node_spec *spec, davit_value_id *out)
{
    davit_node_id node;
    davit_status status = davit_graph_add_value(graph, NULL, out);
    spec->outputs = out;
    spec->output_count = 1;
    return status == DAVIT_OK ? davit_graph_add_node(graph, spec, &node) : status;
}

/* The value behind a QDQ pair with its parameters. */
static davit_status quantized_input(correction *c, davit_value_id x, davit_value_id *out)
{
    if (c->inputs[x] == 0) {
        const davit_quant8 *type = &c->job->values[c->job->values[x].root].type;
        uint8_t zero = (uint8_t)type->zero;
        davit_value_id inputs[3] = {x};
        davit_value_id q = DAVIT_NONE;
        davit_status status = add_scalar(c->graph, DAVIT_F32, &type->scale, &inputs[1]);
        if (status == DAVIT_OK) {
            status = add_scalar(c->graph, type->dtype, &zero, &inputs[2]);
        }
        davit_node_spec spec = {.op = DAVIT_OP_QuantizeLinear, .input_count = 3, .inputs = inputs};
        if (status == DAVIT_OK) {
            status = add_node(c->graph, &spec, &q);
        }
        spec.op = DAVIT_OP_DequantizeLinear;
        inputs[0] = q;
        if (status == DAVIT_OK) {
            status = add_node(c->graph, &spec, &c->inputs[x]);
        }
        if (status != DAVIT_OK) {
            return status;
        }
    }
    *out = c->inputs[x];
    return DAVIT_OK;
}

static davit_status add_weights(correction *c, const davit_layer *layer, davit_value_id *out)
{
    const davit_tensor_desc *desc = &layer->original->desc;
    davit_tensor *tensor;
    davit_status status =
        davit_tensor_create(c->graph->allocator, DAVIT_F32, desc->rank, desc->dims, &tensor);
    if (status != DAVIT_OK) {
        return status;
    }
    for (size_t i = 0; i < layer->elems; i++) {
        float scale = layer->scales[layer->scale_count == 1 ? 0 : davit_layer_channel(layer, i)];
        ((float *)tensor->data)[i] = (float)layer->quantized[i] * scale;
    }
    return davit_graph_add_constant(c->graph, NULL, tensor, out);
}

static davit_status add_twin(correction *c, const davit_layer *layer, davit_value_id *out)
{
    const davit_node *node = &c->graph->nodes[layer->node];
    davit_attribute *attributes = davit_arena_alloc_array(
        &c->job->arena, (size_t)node->attribute_count + 1, sizeof(*attributes));
    davit_value_id inputs[3] = {DAVIT_NONE, DAVIT_NONE,
                                node->input_count > 2 ? node->inputs[2] : DAVIT_NONE};
    if (attributes == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    davit_node_spec spec = {.op = node->op->op,
                            .input_count = inputs[2] != DAVIT_NONE ? 3 : 2,
                            .inputs = inputs,
                            .attributes = attributes};
    for (uint32_t i = 0; i < node->attribute_count; i++) {
        if (strcmp(node->attributes[i].name, "alpha") != 0) { /* it is in the weights */
            attributes[spec.attribute_count++] = node->attributes[i];
        }
    }
    davit_status status = quantized_input(c, node->inputs[0], &inputs[0]);
    if (status == DAVIT_OK) {
        status = add_weights(c, layer, &inputs[1]);
    }
    return status == DAVIT_OK ? add_node(c->graph, &spec, out) : status;
}

/* ---- means ---- */

static davit_status prepare(correction *c)
{
    davit_quantizer *job = c->job;
    davit_arena *arena = &job->arena;
    size_t count = job->layer_count;
    c->inputs = davit_arena_alloc_array(arena, job->graph->value_count, sizeof(*c->inputs));
    c->values = davit_arena_alloc_array(arena, 2 * count, sizeof(*c->values));
    c->layers = davit_arena_alloc_array(arena, count, sizeof(*c->layers));
    c->sums = davit_arena_alloc_array(arena, count, sizeof(*c->sums));
    c->seen = davit_arena_alloc_array(arena, count, sizeof(*c->seen));
    if (c->inputs == NULL || c->values == NULL || c->layers == NULL || c->sums == NULL ||
        c->seen == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    davit_status status = davit_graph_clone(job->graph, &c->graph);
    for (size_t i = 0; status == DAVIT_OK && i < count; i++) {
        const davit_layer *layer = &job->layers[i];
        const davit_node *node = &job->graph->nodes[layer->node];
        if (node->op->op == DAVIT_OP_MatMul) {
            continue; /* it has no bias */
        }
        c->sums[i] = davit_arena_alloc_array(arena, layer->bias_count, sizeof(double));
        if (c->sums[i] == NULL) {
            return DAVIT_OUT_OF_MEMORY;
        }
        c->layers[c->count / 2] = i;
        c->values[c->count] = node->outputs[0];
        status = add_twin(c, layer, &c->values[c->count + 1]);
        c->count += 2;
    }
    return status == DAVIT_OK ? davit_graph_sort(c->graph, job->diag) : status;
}

/* Adds twin - layer to the sums; channels are axis 1 of all results. */
static void add_differences(const davit_tensor *layer, const davit_tensor *twin, double *sums)
{
    const davit_tensor_desc *desc = &layer->desc;
    size_t channels = (size_t)desc->dims[1];
    size_t inner = 1;
    for (int i = 2; i < desc->rank; i++) {
        inner *= (size_t)desc->dims[i];
    }
    const float *want = layer->data;
    const float *got = twin->data;
    size_t elems = (size_t)davit_tensor_desc_elems(desc);
    for (size_t i = 0; i < elems; i++) {
        sums[i / inner % channels] += (double)got[i] - (double)want[i];
    }
}

static davit_status measure(correction *c)
{
    const davit_samples *samples = &c->job->options->samples;
    davit_probe *probe = NULL;
    davit_status status = DAVIT_OK;
    for (size_t s = 0; status == DAVIT_OK && s < samples->count; s++) {
        davit_tensor *sample;
        status = samples->read(samples->user, s, &sample);
        if (status != DAVIT_OK) {
            break;
        }
        if (s == 0) {
            status =
                davit_probe_open(c->job->context, c->graph, c->values, c->count, sample, &probe);
        }
        if (status == DAVIT_OK) {
            status = davit_probe_run(probe, sample);
        }
        for (size_t i = 0; status == DAVIT_OK && i < c->count; i += 2) {
            const davit_tensor *y = davit_probe_value(probe, i);
            add_differences(y, davit_probe_value(probe, i + 1), c->sums[c->layers[i / 2]]);
            c->seen[c->layers[i / 2]] +=
                (uint64_t)(davit_tensor_desc_elems(&y->desc) / y->desc.dims[1]);
        }
        davit_tensor_destroy(sample);
        davit_quantizer_tell(c->job, "correcting", s + 1);
    }
    davit_probe_close(probe);
    return status;
}

static davit_status correct(correction *c)
{
    for (size_t i = 0; i < c->job->layer_count; i++) {
        davit_layer *layer = &c->job->layers[i];
        if (c->seen[i] == 0) {
            continue;
        }
        if (layer->bias == NULL) {
            layer->bias = davit_arena_alloc_array(&c->job->arena, layer->bias_count, sizeof(float));
        }
        if (layer->bias == NULL) {
            return DAVIT_OUT_OF_MEMORY;
        }
        for (size_t o = 0; o < layer->bias_count; o++) {
            double error = c->sums[i][o] / (double)c->seen[i];
            layer->bias[o] = (float)((double)layer->bias[o] - error);
        }
    }
    return DAVIT_OK;
}

davit_status davit_correct_biases(davit_quantizer *job)
{
    correction c = {.job = job};
    davit_status status = prepare(&c);
    if (status == DAVIT_OK && c.count > 0) {
        status = measure(&c);
    }
    if (status == DAVIT_OK) {
        status = correct(&c);
    }
    davit_graph_destroy(c.graph);
    return status;
}
