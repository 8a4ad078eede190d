#include "probe.h"

#include <string.h>

#define PART_BYTES ((uint64_t)512 << 20)

struct davit_probe {
    davit_arena arena;
    davit_model *model;
    davit_session *session;
    size_t count;
    const davit_tensor **values; /* [count] */
    bool *is_input;              /* [count]: the value is the sample itself */
    davit_named_tensor input;
    size_t output_count;
    davit_named_tensor *outputs; /* made by the first run, written again by the others */
    size_t *output_of;           /* [count], index in outputs */
};

/* Makes the values the outputs of the graph. */
static davit_status set_outputs(davit_probe *probe, davit_graph *graph,
                                const davit_value_id *values, size_t count)
{
    for (size_t i = 0; i < graph->output_count; i++) {
        graph->values[graph->outputs[i]].is_output = false;
    }
    graph->output_count = 0;
    graph->outputs = davit_arena_alloc_array(&graph->arena, count, sizeof(*graph->outputs));
    if (graph->outputs == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        davit_value *value = &graph->values[values[i]];
        probe->is_input[i] = value->is_input;
        if (value->is_input) {
            continue;
        }
        probe->output_of[i] = graph->output_count;
        probe->outputs[graph->output_count].name = value->name;
        value->is_output = true;
        graph->outputs[graph->output_count++] = values[i];
    }
    probe->output_count = graph->output_count;
    return davit_graph_sort(graph, NULL);
}

static davit_status open(davit_probe *probe, davit_context *context, const davit_graph *graph,
                         const davit_value_id *values, const davit_tensor *sample)
{
    davit_arena *arena = &probe->arena;
    size_t count = probe->count;
    probe->values = davit_arena_alloc_array(arena, count, sizeof(*probe->values));
    probe->is_input = davit_arena_alloc_array(arena, count, sizeof(*probe->is_input));
    probe->outputs = davit_arena_alloc_array(arena, count, sizeof(*probe->outputs));
    probe->output_of = davit_arena_alloc_array(arena, count, sizeof(*probe->output_of));
    davit_graph *copy = NULL;
    davit_status status = DAVIT_OUT_OF_MEMORY;
    if (probe->values != NULL && probe->is_input != NULL && probe->outputs != NULL &&
        probe->output_of != NULL) {
        status = davit_graph_clone(graph, &copy);
    }
    if (status == DAVIT_OK) {
        status = set_outputs(probe, copy, values, count);
    }
    if (status != DAVIT_OK) {
        davit_graph_destroy(copy);
        return status;
    }
    probe->input.name = graph->values[graph->inputs[0]].name;
    status = davit_model_adopt(context, copy, "the observed model", &probe->model);
    if (status != DAVIT_OK || probe->output_count == 0) {
        return status;
    }
    davit_named_shape shape = {.name = probe->input.name, .rank = sample->desc.rank};
    memcpy(shape.dims, sample->desc.dims, sizeof(shape.dims));
    davit_session_options options;
    davit_session_options_init(&options);
    options.shapes = &shape;
    options.shape_count = 1;
    return davit_session_create(probe->model, &options, &probe->session);
}

davit_status davit_probe_open(davit_context *context, const davit_graph *graph,
                              const davit_value_id *values, size_t count,
                              const davit_tensor *sample, davit_probe **out)
{
    *out = NULL;
    davit_probe *probe = davit_alloc(graph->allocator, sizeof(*probe));
    if (probe == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    davit_arena_init(&probe->arena, graph->allocator);
    probe->count = count;
    davit_status status = open(probe, context, graph, values, sample);
    if (status != DAVIT_OK) {
        davit_probe_close(probe);
        return status;
    }
    *out = probe;
    return DAVIT_OK;
}

void davit_probe_close(davit_probe *probe)
{
    if (probe != NULL) {
        for (size_t i = 0; i < probe->output_count; i++) {
            davit_tensor_destroy(probe->outputs[i].tensor);
        }
        davit_session_destroy(probe->session);
        davit_model_destroy(probe->model);
        const davit_allocator *allocator = probe->arena.allocator;
        davit_arena_clear(&probe->arena);
        davit_free(allocator, probe);
    }
}

davit_status davit_probe_run(davit_probe *probe, davit_tensor *sample)
{
    probe->input.tensor = sample;
    davit_status status = DAVIT_OK;
    if (probe->output_count > 0) {
        status = davit_session_run(probe->session, &probe->input, 1, probe->outputs,
                                   probe->output_count);
    }
    for (size_t i = 0; status == DAVIT_OK && i < probe->count; i++) {
        probe->values[i] = probe->is_input[i] ? sample : probe->outputs[probe->output_of[i]].tensor;
    }
    return status;
}

const davit_tensor *davit_probe_value(const davit_probe *probe, size_t i)
{
    return probe->values[i];
}

/* ---- all samples ---- */

size_t davit_probe_part(const davit_graph *graph, const davit_value_id *values, size_t begin,
                        size_t count)
{
    uint64_t bytes = 0;
    size_t end = begin;
    while (end < count && (end == begin || bytes < PART_BYTES)) {
        bytes += davit_tensor_desc_bytes(&graph->values[values[end++]].desc);
    }
    return end;
}

/* Shows values[begin] to values[end - 1]. */
typedef struct part {
    davit_quantizer *job;
    const davit_value_id *values;
    size_t begin, end;
    davit_probe_visit visit;
    void *user;
} part;

static davit_status show(const part *p, davit_probe *probe, size_t s, davit_tensor *sample)
{
    davit_status status = davit_probe_run(probe, sample);
    for (size_t i = p->begin; status == DAVIT_OK && i < p->end; i++) {
        status = p->visit(p->user, i, s, davit_probe_value(probe, i - p->begin));
    }
    return status;
}

static davit_status run_part(const part *p, const char *step)
{
    const davit_samples *samples = &p->job->options->samples;
    davit_probe *probe = NULL;
    davit_status status = DAVIT_OK;
    for (size_t s = 0; status == DAVIT_OK && s < samples->count; s++) {
        davit_tensor *sample;
        status = samples->read(samples->user, s, &sample);
        if (status != DAVIT_OK) {
            break;
        }
        if (s == 0) {
            status = davit_probe_open(p->job->context, p->job->graph, p->values + p->begin,
                                      p->end - p->begin, sample, &probe);
        }
        if (status == DAVIT_OK) {
            status = show(p, probe, s, sample);
        }
        davit_tensor_destroy(sample);
        davit_quantizer_tell(p->job, step, s + 1);
    }
    davit_probe_close(probe);
    return status;
}

davit_status davit_probe_samples(davit_quantizer *job, const davit_value_id *values, size_t count,
                                 const char *step, davit_probe_visit visit, void *user)
{
    part p = {.job = job, .values = values, .visit = visit, .user = user};
    davit_status status = DAVIT_OK;
    while (status == DAVIT_OK && p.begin < count) {
        p.end = davit_probe_part(job->graph, values, p.begin, count);
        status = run_part(&p, step);
        p.begin = p.end;
    }
    return status;
}
