/* Layer by layer, in their order: what quantising everything up to there adds to the mean of each
 * channel of a layer's result goes off its bias, before the next layer is looked at. */
#include <string.h>

#include "job.h"
#include "probe.h"
#include "replay.h"
#include "shrink.h"

typedef struct correction {
    davit_quantizer *job;
    davit_replay *replay;
    size_t samples;       /* of the replay */
    size_t count;         /* layers that can have a bias */
    davit_layer **layers; /* [count] */
    double **means;       /* [count]: [samples][bias_count] of the f32 graph's results */
} correction;

static const davit_value *result_of(const correction *c, size_t layer)
{
    const davit_graph *graph = c->job->graph;
    return &graph->values[graph->nodes[c->layers[layer]->node].outputs[0]];
}

/* A result as [outer][channels][inner]: channels are axis 1 of all of them. */
typedef struct extents {
    size_t outer, channels, inner;
} extents;

static extents extents_of(const davit_tensor_desc *desc)
{
    extents e = {(size_t)desc->dims[0], (size_t)desc->dims[1], 1};
    for (int i = 2; i < desc->rank; i++) {
        e.inner *= (size_t)desc->dims[i];
    }
    return e;
}

static void take_means(const davit_tensor *x, double *means)
{
    extents e = extents_of(&x->desc);
    const float *data = x->data;
    memset(means, 0, e.channels * sizeof(*means));
    for (size_t row = 0; row < e.outer * e.channels; row++, data += e.inner) {
        double sum = 0;
        for (size_t i = 0; i < e.inner; i++) {
            sum += (double)data[i];
        }
        means[row % e.channels] += sum / (double)(e.outer * e.inner);
    }
}

static void add_to_channels(davit_tensor *x, const double *what)
{
    extents e = extents_of(&x->desc);
    float *data = x->data;
    for (size_t row = 0; row < e.outer * e.channels; row++, data += e.inner) {
        float term = (float)what[row % e.channels];
        for (size_t i = 0; i < e.inner; i++) {
            data[i] += term;
        }
    }
}

/* ---- preparation ---- */

static davit_status choose_layers(correction *c)
{
    davit_quantizer *job = c->job;
    c->layers = davit_arena_alloc_array(&job->arena, job->layer_count, sizeof(*c->layers));
    c->means = davit_arena_alloc_array(&job->arena, job->layer_count, sizeof(*c->means));
    if (c->layers == NULL || c->means == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < job->layer_count; i++) {
        davit_layer *layer = &job->layers[i];
        if (job->graph->nodes[layer->node].op->op == DAVIT_OP_MatMul) {
            continue; /* it has no bias */
        }
        c->layers[c->count] = layer;
        c->means[c->count] =
            davit_arena_alloc_array(&job->arena, c->samples * layer->bias_count, sizeof(double));
        if (c->means[c->count++] == NULL) {
            return DAVIT_OUT_OF_MEMORY;
        }
        if (layer->bias == NULL) {
            layer->bias = davit_arena_alloc_array(&job->arena, layer->bias_count, sizeof(float));
        }
        if (layer->bias == NULL) {
            return DAVIT_OUT_OF_MEMORY;
        }
    }
    return DAVIT_OK;
}

static davit_status note_means(void *user, size_t layer, size_t sample, const davit_tensor *x)
{
    correction *c = user;
    for (size_t i = 0; i < c->samples; i++) {
        if (davit_replay_sample(c->replay, i) == sample) {
            take_means(x, c->means[layer] + i * c->layers[layer]->bias_count);
        }
    }
    return DAVIT_OK;
}

static davit_status measure_f32(correction *c)
{
    davit_value_id *values = davit_arena_alloc_array(&c->job->arena, c->count, sizeof(*values));
    if (values == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < c->count; i++) {
        values[i] = c->job->graph->nodes[c->layers[i]->node].outputs[0];
    }
    return davit_probe_samples(c->job, values, c->count, "averaging", note_means, c);
}

/* ---- one layer ---- */

static davit_status correct_layer(correction *c, size_t index)
{
    davit_layer *layer = c->layers[index];
    size_t channels = layer->bias_count;
    double *shifts = c->means[index];
    davit_status status = davit_replay_run(c->replay, layer->node);
    double *scratch = davit_arena_alloc_array(&c->job->arena, 2 * channels, sizeof(double));
    if (status != DAVIT_OK || scratch == NULL) {
        return status != DAVIT_OK ? status : DAVIT_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < c->samples; i++) {
        take_means(davit_replay_result(c->replay, i), scratch);
        for (size_t o = 0; o < channels; o++) {
            shifts[i * channels + o] -= scratch[o];
        }
    }
    double *best = scratch + channels;
    davit_shrink_means(shifts, c->samples, channels, best);
    for (size_t o = 0; o < channels; o++) {
        layer->bias[o] = (float)((double)layer->bias[o] + best[o]);
    }
    for (size_t i = 0; i < c->samples; i++) {
        add_to_channels(davit_replay_result(c->replay, i), best);
    }
    davit_quantizer_tell(c->job, "correcting",
                         (index + 1) * c->job->options->samples.count / c->count);
    return DAVIT_OK;
}

davit_status davit_correct_biases(davit_quantizer *job)
{
    correction c = {.job = job};
    davit_status status = davit_replay_open(job, &c.replay);
    if (status == DAVIT_OK) {
        c.samples = davit_replay_count(c.replay);
        status = choose_layers(&c);
    }
    if (status == DAVIT_OK && c.count > 0) {
        status = measure_f32(&c);
    }
    for (size_t i = 0; status == DAVIT_OK && i < c.count; i++) {
        status = result_of(&c, i)->desc.rank >= 2 ? correct_layer(&c, i) : DAVIT_OK;
    }
    davit_replay_close(c.replay);
    return status;
}
