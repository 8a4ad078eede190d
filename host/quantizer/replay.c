#include "replay.h"

#include "simulate.h"

#define MEMORY_BYTES ((uint64_t)1 << 30)

struct davit_replay {
    davit_quantizer *job;
    size_t count;          /* of samples */
    size_t position;       /* nodes order[0] to order[position - 1] have run */
    size_t *last_use;      /* by value: 1 + the position of the last node that reads it */
    bool *keep;            /* by value */
    davit_tensor **values; /* [value][count]; NULL: not made yet or read by nothing more */
    davit_value_id result; /* of the last node */
    davit_named_tensor *inputs, *outputs; /* scratch, by value */
};

/* ---- opening ---- */

static void note_uses(davit_replay *replay)
{
    const davit_graph *graph = replay->job->graph;
    for (size_t n = 0; n < graph->order_count; n++) {
        const davit_node *node = &graph->nodes[graph->order[n]];
        for (uint32_t i = 0; i < node->input_count; i++) {
            if (node->inputs[i] != DAVIT_NONE) {
                replay->last_use[node->inputs[i]] = n + 1;
            }
        }
    }
}

/* The most that one sample's values take at any time. */
static uint64_t peak_bytes(const davit_replay *replay)
{
    const davit_graph *graph = replay->job->graph;
    uint64_t peak = 1;
    uint64_t live = 0;
    for (size_t n = 0; n < graph->order_count; n++) {
        const davit_node *node = &graph->nodes[graph->order[n]];
        for (uint32_t i = 0; i < node->output_count; i++) {
            if (node->outputs[i] != DAVIT_NONE && replay->last_use[node->outputs[i]] > 0) {
                live += davit_tensor_desc_bytes(&graph->values[node->outputs[i]].desc);
            }
        }
        peak = live > peak ? live : peak;
        for (uint32_t i = 0; i < node->input_count; i++) {
            davit_value_id v = node->inputs[i];
            bool again = false; /* read by the same node a second time */
            for (uint32_t k = 0; k < i; k++) {
                again = again || node->inputs[k] == v;
            }
            if (v != DAVIT_NONE && !again && graph->values[v].producer != DAVIT_NONE &&
                replay->last_use[v] == n + 1) {
                live -= davit_tensor_desc_bytes(&graph->values[v].desc);
            }
        }
    }
    return peak;
}

static davit_status read_samples(davit_replay *replay)
{
    const davit_samples *samples = &replay->job->options->samples;
    davit_tensor **to = replay->values + replay->job->graph->inputs[0] * replay->count;
    davit_status status = DAVIT_OK;
    for (size_t i = 0; status == DAVIT_OK && i < replay->count; i++) {
        status = samples->read(samples->user, davit_replay_sample(replay, i), &to[i]);
    }
    return status;
}

davit_status davit_replay_open(davit_quantizer *job, davit_replay **out)
{
    size_t values = job->graph->value_count;
    davit_arena *arena = &job->arena;
    *out = NULL;
    davit_replay *replay = davit_arena_alloc_array(arena, 1, sizeof(*replay));
    if (replay == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    replay->job = job;
    replay->last_use = davit_arena_alloc_array(arena, values, sizeof(*replay->last_use));
    replay->keep = davit_arena_alloc_array(arena, values, sizeof(*replay->keep));
    replay->inputs = davit_arena_alloc_array(arena, values, sizeof(*replay->inputs));
    replay->outputs = davit_arena_alloc_array(arena, values, sizeof(*replay->outputs));
    if (replay->last_use == NULL || replay->keep == NULL || replay->inputs == NULL ||
        replay->outputs == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    note_uses(replay);
    uint64_t affordable = MEMORY_BYTES / peak_bytes(replay);
    replay->count = job->options->samples.count;
    if (affordable < replay->count) {
        replay->count = affordable > 0 ? (size_t)affordable : 1;
    }
    replay->values = davit_arena_alloc_array(arena, values, replay->count * sizeof(davit_tensor *));
    if (replay->values == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    *out = replay;
    return read_samples(replay);
}

/* Frees a value of all samples. */
static void drop(davit_replay *replay, davit_value_id v)
{
    for (size_t i = 0; i < replay->count; i++) {
        davit_tensor_destroy(replay->values[v * replay->count + i]);
        replay->values[v * replay->count + i] = NULL;
    }
}

void davit_replay_close(davit_replay *replay)
{
    for (davit_value_id v = 0; replay != NULL && v < replay->job->graph->value_count; v++) {
        if (replay->values != NULL) {
            drop(replay, v);
        }
    }
}

size_t davit_replay_count(const davit_replay *replay)
{
    return replay->count;
}

size_t davit_replay_sample(const davit_replay *replay, size_t i)
{
    return i * replay->job->options->samples.count / replay->count;
}

/* ---- running ---- */

static davit_status run_sample(davit_replay *replay, davit_session *session, size_t i)
{
    const davit_graph *graph = davit_session_graph(session);
    const davit_graph *whole = replay->job->graph;
    for (size_t k = 0; k < graph->input_count; k++) {
        const char *name = graph->values[graph->inputs[k]].name;
        size_t v = davit_graph_find_value(whole, name);
        replay->inputs[k] = (davit_named_tensor){name, replay->values[v * replay->count + i]};
    }
    for (size_t k = 0; k < graph->output_count; k++) {
        const char *name = graph->values[graph->outputs[k]].name;
        replay->outputs[k] = (davit_named_tensor){name, NULL};
    }
    davit_status status = davit_session_run(session, replay->inputs, graph->input_count,
                                            replay->outputs, graph->output_count);
    for (size_t k = 0; status == DAVIT_OK && k < graph->output_count; k++) {
        size_t v = davit_graph_find_value(whole, replay->outputs[k].name);
        replay->values[v * replay->count + i] = replay->outputs[k].tensor;
    }
    return status;
}

static davit_status run_part(davit_replay *replay, size_t end)
{
    davit_quantizer *job = replay->job;
    davit_graph *graph;
    davit_model *model;
    davit_session *session = NULL;
    davit_status status = davit_simulate(job, replay->position, end, replay->keep, &graph);
    if (status != DAVIT_OK) {
        return status;
    }
    status = davit_model_adopt(job->context, graph, "a part of the quantised model", &model);
    if (status != DAVIT_OK) {
        return status;
    }
    status = davit_session_create(model, NULL, &session);
    for (size_t i = 0; status == DAVIT_OK && i < replay->count; i++) {
        status = run_sample(replay, session, i);
    }
    davit_session_destroy(session);
    davit_model_destroy(model);
    return status;
}

davit_status davit_replay_run(davit_replay *replay, davit_node_id node)
{
    const davit_graph *graph = replay->job->graph;
    size_t end = replay->position;
    while (graph->order[end] != node) {
        end++;
    }
    end++;
    replay->result = graph->nodes[node].outputs[0];
    for (davit_value_id v = 0; v < graph->value_count; v++) {
        replay->keep[v] = replay->last_use[v] > end || v == replay->result;
    }
    davit_status status = run_part(replay, end);
    for (davit_value_id v = 0; v < graph->value_count; v++) {
        if (replay->last_use[v] <= end && v != replay->result) {
            drop(replay, v);
        }
    }
    replay->position = end;
    return status;
}

davit_tensor *davit_replay_result(davit_replay *replay, size_t i)
{
    return replay->values[replay->result * replay->count + i];
}
