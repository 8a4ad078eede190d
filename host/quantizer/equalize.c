#include <math.h>

#include "job.h"

#define MAX_ROUNDS 20
#define NO_CHANGE 1e-3f

/* Two convolutions, the second of which alone reads the first. */
typedef struct pair {
    davit_layer *first;
    davit_layer *second;
    size_t channels;
    size_t group_outputs; /* of the second: output channels a group */
    size_t group_inputs;  /* of the second: input channels a group */
    size_t window;        /* of the second: elements of one kernel */
} pair;

/* The input channel that element i of the second layer's weights multiplies. */
static size_t input_channel(const pair *p, size_t i)
{
    size_t input = i / p->window % p->group_inputs;
    size_t output = i / (p->window * p->group_inputs);
    return output / p->group_outputs * p->group_inputs + input;
}

/* The quantised convolution before value, seen through Relu; each has one reader. */
static davit_layer *layer_before(const davit_quantizer *job, davit_value_id value)
{
    const davit_graph *graph = job->graph;
    for (;;) {
        const davit_value *v = &graph->values[value];
        if (v->producer == DAVIT_NONE || v->use_count != 1 || v->is_output) {
            return NULL;
        }
        const davit_node *node = &graph->nodes[v->producer];
        if (node->op->op == DAVIT_OP_Conv) {
            return job->nodes[v->producer].layer;
        }
        if (node->op->op != DAVIT_OP_Relu) {
            return NULL;
        }
        value = node->inputs[0];
    }
}

static bool make_pair(const davit_quantizer *job, davit_layer *second, pair *p)
{
    const davit_node *node = &job->graph->nodes[second->node];
    if (node->op->op != DAVIT_OP_Conv) {
        return false;
    }
    davit_layer *first = layer_before(job, node->inputs[0]);
    if (first == NULL) {
        return false;
    }
    size_t groups = (size_t)davit_node_int(node, "group", 1);
    *p = (pair){.first = first, .second = second, .channels = first->channels};
    p->group_inputs = (size_t)second->original->desc.dims[1];
    p->group_outputs = second->channels / groups;
    p->window = second->inner / p->group_inputs;
    return true;
}

/* Divides the first layer's channels by factors and multiplies the second's. */
static void scale(const pair *p, const float *factors)
{
    for (size_t i = 0; i < p->first->elems; i++) {
        p->first->weights[i] /= factors[davit_layer_channel(p->first, i)];
    }
    for (size_t c = 0; p->first->bias != NULL && c < p->channels; c++) {
        p->first->bias[c] /= factors[c];
    }
    for (size_t i = 0; i < p->second->elems; i++) {
        p->second->weights[i] *= factors[input_channel(p, i)];
    }
}

/* Equalises one pair; scratch has room for 2 * channels. Returns the greatest change. */
static float equalize_pair(const pair *p, float *scratch)
{
    float *before = scratch;
    float *after = scratch + p->channels;
    for (size_t c = 0; c < p->channels; c++) {
        before[c] = after[c] = 0;
    }
    for (size_t i = 0; i < p->first->elems; i++) {
        size_t c = davit_layer_channel(p->first, i);
        before[c] = fmaxf(before[c], fabsf(p->first->weights[i]));
    }
    for (size_t i = 0; i < p->second->elems; i++) {
        size_t c = input_channel(p, i);
        after[c] = fmaxf(after[c], fabsf(p->second->weights[i]));
    }
    float change = 0;
    for (size_t c = 0; c < p->channels; c++) {
        float factor = sqrtf(before[c]) / sqrtf(after[c]);
        /* A channel that is 0 on one side has nothing to equalise. */
        bool sane = before[c] > 0 && after[c] > 0 && factor > 0x1p-20f && factor < 0x1p20f;
        before[c] = sane ? factor : 1.0f;
        change = fmaxf(change, fabsf(before[c] - 1.0f));
    }
    scale(p, before);
    return change;
}

davit_status davit_equalize(davit_quantizer *job)
{
    pair *pairs = davit_arena_alloc_array(&job->arena, job->layer_count, sizeof(*pairs));
    if (pairs == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    size_t count = 0;
    size_t most = 0;
    for (size_t i = 0; i < job->layer_count; i++) {
        if (make_pair(job, &job->layers[i], &pairs[count])) {
            most = pairs[count].channels > most ? pairs[count].channels : most;
            count++;
        }
    }
    float *scratch = davit_arena_alloc_array(&job->arena, 2 * most, sizeof(float));
    if (scratch == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    float change = 1;
    for (int round = 0; round < MAX_ROUNDS && change > NO_CHANGE; round++) {
        change = 0;
        for (size_t i = 0; i < count; i++) {
            change = fmaxf(change, equalize_pair(&pairs[i], scratch));
        }
    }
    job->equalized_pairs = count;
    return davit_layers_apply(job);
}
