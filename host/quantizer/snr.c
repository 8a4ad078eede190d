/* Signal to noise: the f32 graph and the quantised model run side by side on the samples. */
#include <math.h>
#include <stdlib.h>

#include "davit/onnx.h"
#include "job.h"
#include "probe.h"

/* One value in both models. */
typedef struct comparison {
    davit_value_id f32;       /* of the job's graph */
    davit_value_id quantized; /* of the written model: what readers of the value read */
    double signal, noise;
} comparison;

typedef struct measurement {
    davit_quantizer *job;
    davit_graph *written;
    size_t count;
    comparison *comparisons;
    davit_value_id *values[2]; /* [count], of both models */
    size_t begin, end;         /* of those looked at now */
    davit_probe *probes[2];
} measurement;

/* The value's end in the written model: behind its QDQ pair where it has one. */
static davit_value_id find_end(const measurement *m, davit_value_id value)
{
    const davit_graph *graph = m->written;
    davit_value_id id = davit_graph_find_value(graph, m->job->graph->values[value].name);
    if (id == DAVIT_NONE || !m->job->values[value].quantized) {
        return id;
    }
    for (int step = 0; step < 2; step++) {
        davit_op wanted = step == 0 ? DAVIT_OP_QuantizeLinear : DAVIT_OP_DequantizeLinear;
        for (size_t n = 0; n < graph->order_count; n++) {
            const davit_node *node = &graph->nodes[graph->order[n]];
            if (node->op->op == wanted && node->inputs[0] == id) {
                id = node->outputs[0];
                break;
            }
        }
    }
    return id;
}

/* Which values are compared: the f32 results of all operators. */
static davit_status choose(measurement *m)
{
    const davit_graph *graph = m->job->graph;
    m->comparisons =
        davit_arena_alloc_array(&m->job->arena, graph->order_count + 1, sizeof(*m->comparisons));
    if (m->comparisons == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t n = 0; n < graph->order_count; n++) {
        davit_value_id value = graph->nodes[graph->order[n]].outputs[0];
        if (value == DAVIT_NONE || graph->values[value].desc.dtype != DAVIT_F32) {
            continue;
        }
        davit_value_id end = find_end(m, value);
        if (end != DAVIT_NONE && m->written->values[end].constant == NULL) {
            m->comparisons[m->count++] = (comparison){.f32 = value, .quantized = end};
        }
    }
    return DAVIT_OK;
}

static davit_status open_probes(measurement *m, const davit_tensor *sample)
{
    for (int side = 0; side < 2; side++) {
        davit_status status = davit_probe_open(
            m->job->context, side == 0 ? m->job->graph : m->written, m->values[side] + m->begin,
            m->end - m->begin, sample, &m->probes[side]);
        if (status != DAVIT_OK) {
            return status;
        }
    }
    return DAVIT_OK;
}

static void close_probes(measurement *m)
{
    for (int side = 0; side < 2; side++) {
        davit_probe_close(m->probes[side]);
        m->probes[side] = NULL;
    }
}

static davit_status compare(measurement *m, davit_tensor *sample)
{
    for (int side = 0; side < 2; side++) {
        davit_status status = davit_probe_run(m->probes[side], sample);
        if (status != DAVIT_OK) {
            return status;
        }
    }
    for (size_t i = m->begin; i < m->end; i++) {
        const davit_tensor *x = davit_probe_value(m->probes[0], i - m->begin);
        const float *want = x->data;
        const float *got = davit_probe_value(m->probes[1], i - m->begin)->data;
        int64_t elems = davit_tensor_desc_elems(&x->desc);
        for (int64_t k = 0; k < elems; k++) {
            double difference = (double)want[k] - (double)got[k];
            m->comparisons[i].signal += (double)want[k] * (double)want[k];
            m->comparisons[i].noise += difference * difference;
        }
    }
    return DAVIT_OK;
}

static davit_status run_part(measurement *m)
{
    const davit_samples *samples = &m->job->options->samples;
    davit_status status = DAVIT_OK;
    for (size_t s = 0; status == DAVIT_OK && s < samples->count; s++) {
        davit_tensor *sample;
        status = samples->read(samples->user, s, &sample);
        if (status != DAVIT_OK) {
            break;
        }
        if (s == 0) {
            status = open_probes(m, sample);
        }
        if (status == DAVIT_OK) {
            status = compare(m, sample);
        }
        davit_tensor_destroy(sample);
        davit_quantizer_tell(m->job, "comparing", s + 1);
    }
    close_probes(m);
    return status;
}

static davit_status run(measurement *m)
{
    for (int side = 0; side < 2; side++) {
        m->values[side] =
            davit_arena_alloc_array(&m->job->arena, m->count + 1, sizeof(*m->values[side]));
        if (m->values[side] == NULL) {
            return DAVIT_OUT_OF_MEMORY;
        }
        for (size_t i = 0; i < m->count; i++) {
            m->values[side][i] = side == 0 ? m->comparisons[i].f32 : m->comparisons[i].quantized;
        }
    }
    davit_status status = DAVIT_OK;
    while (status == DAVIT_OK && m->begin < m->count) {
        m->end = davit_probe_part(m->job->graph, m->values[0], m->begin, m->count);
        status = run_part(m);
        m->begin = m->end;
    }
    return status;
}

/* ---- the report ---- */

static int worst_first(const void *a, const void *b)
{
    const davit_quantized_layer *left = a;
    const davit_quantized_layer *right = b;
    return (left->snr_db > right->snr_db) - (left->snr_db < right->snr_db);
}

static bool describe(const measurement *m, const comparison *c, davit_arena *arena,
                     davit_quantized_layer *layer)
{
    const davit_graph *graph = m->job->graph;
    davit_node_id id = graph->values[c->f32].producer;
    layer->name = davit_arena_strdup(arena, graph->nodes[id].name);
    layer->op = graph->nodes[id].op->name;
    layer->value = davit_arena_strdup(arena, graph->values[c->f32].name);
    layer->quantized = m->job->nodes[id].quantized;
    layer->reason = m->job->nodes[id].reason;
    layer->snr_db = c->noise > 0 ? 10.0 * log10(c->signal / c->noise) : (double)INFINITY;
    return layer->name != NULL && layer->value != NULL;
}

static davit_status fill(const measurement *m, davit_quantizer_report *report)
{
    davit_arena *arena = &report->arena;
    report->layers = davit_arena_alloc_array(arena, m->count + 1, sizeof(*report->layers));
    report->outputs = davit_arena_alloc_array(arena, m->count + 1, sizeof(*report->outputs));
    if (report->layers == NULL || report->outputs == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < m->count; i++) {
        davit_quantized_layer layer;
        if (!describe(m, &m->comparisons[i], arena, &layer)) {
            return DAVIT_OUT_OF_MEMORY;
        }
        report->layers[report->layer_count++] = layer;
        report->quantized_count += layer.quantized;
        if (m->job->graph->values[m->comparisons[i].f32].is_output) {
            report->outputs[report->output_count++] = layer;
        }
    }
    qsort(report->layers, report->layer_count, sizeof(*report->layers), worst_first);
    return DAVIT_OK;
}

davit_status davit_measure(davit_quantizer *job, const uint8_t *bytes, size_t size,
                           davit_quantizer_report *report)
{
    measurement m = {.job = job};
    davit_status status = davit_onnx_load_memory(
        davit_allocator_default(), bytes, size, "the quantised model", NULL, job->diag, &m.written);
    if (status == DAVIT_OK) {
        status = choose(&m);
    }
    if (status == DAVIT_OK) {
        status = run(&m);
    }
    if (status == DAVIT_OK) {
        status = fill(&m, report);
    }
    davit_graph_destroy(m.written);
    return status;
}
