#include <string.h>

#include "davit/graphs.h"
#include "davit/passes.h"
#include "davit/reference.h"
#include "objects.h"

void davit_session_options_init(davit_session_options *options)
{
    *options = (davit_session_options){.struct_size = sizeof(*options), .optimize = true};
}

/* The caller's options over the defaults: those of an older caller are shorter. */
static davit_status complete_options(const davit_session_options *given,
                                     const davit_diagnostics *diag, davit_session_options *options)
{
    davit_session_options_init(options);
    if (given == NULL) {
        return DAVIT_OK;
    }
    if (given->struct_size == 0 || given->struct_size > sizeof(*options)) {
        return davit_fail(diag, DAVIT_INVALID_ARGUMENT,
                          "session options of %zu bytes, this library has %zu: begin with "
                          "davit_session_options_init",
                          given->struct_size, sizeof(*options));
    }
    memcpy(options, given, given->struct_size);
    return DAVIT_OK;
}

static davit_status make_units(davit_session *session, const davit_session_options *options)
{
    const davit_diagnostics *diag = &session->call.sink;
    if (options->optimize) {
        return davit_graph_optimize(session->graph, davit_reference_evaluator(), diag);
    }
    davit_status status = davit_pass_remove_dead(session->graph, diag);
    if (status == DAVIT_OK) {
        status = davit_pass_lower_integer(session->graph, davit_reference_evaluator(), diag);
    }
    if (status == DAVIT_OK) {
        status = davit_pass_make_single_units(session->graph, diag);
    }
    return status;
}

/* "Conv+Relu": the operators of a unit's nodes. NULL when memory is short. */
static const char *join_operators(davit_session *session, const davit_unit *unit)
{
    const davit_graph *graph = session->graph;
    size_t bytes = 1;
    for (uint32_t n = 0; n < unit->node_count; n++) {
        bytes += strlen(graph->nodes[unit->nodes[n]].op->name) + 1;
    }
    char *text = davit_arena_alloc(&session->arena, bytes);
    for (uint32_t n = 0; text != NULL && n < unit->node_count; n++) {
        if (n > 0) {
            strcat(text, "+");
        }
        strcat(text, graph->nodes[unit->nodes[n]].op->name);
    }
    return text;
}

static davit_status prepare_arrays(davit_session *session)
{
    const davit_graph *graph = session->graph;
    davit_arena *arena = &session->arena;
    session->operators = davit_arena_alloc_array(arena, graph->unit_count, sizeof(char *));
    session->inputs = davit_arena_alloc_array(arena, graph->input_count, sizeof(void *));
    session->outputs = davit_arena_alloc_array(arena, graph->output_count, sizeof(void *));
    session->created = davit_arena_alloc_array(arena, graph->output_count, sizeof(davit_tensor *));
    if (session->operators == NULL || session->inputs == NULL || session->outputs == NULL ||
        session->created == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t u = 0; u < graph->unit_count; u++) {
        session->operators[u] = join_operators(session, &graph->units[u]);
        if (session->operators[u] == NULL) {
            return DAVIT_OUT_OF_MEMORY;
        }
    }
    return DAVIT_OK;
}

static davit_status build(davit_session *session, const davit_session_options *given)
{
    const davit_context *context = session->model->context;
    const davit_diagnostics *diag = &session->call.sink;
    davit_session_options options;
    davit_status status = complete_options(given, diag, &options);
    if (status == DAVIT_OK) {
        status = davit_graph_clone(session->model->graph, &session->graph);
    }
    if (status == DAVIT_OK) {
        status = davit_session_bind(session, &options);
    }
    if (status == DAVIT_OK) {
        status = make_units(session, &options);
    }
    if (status == DAVIT_OK) {
        status = davit_session_plan(session, &options);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    if (options.place_only) {
        return prepare_arrays(session);
    }
    const davit_executor_options executor_options = {
        .threads = options.threads,
        .backend_options = davit_session_choices(session),
        .timeout_ns = options.timeout_ns,
        .bind_thread = context->topology != NULL ? davit_topology_bind_thread : NULL,
        .bind_user = context->topology};
    status = davit_executor_create(context->allocator, session->graph, session->plan,
                                   &executor_options, diag, &session->executor);
    return status == DAVIT_OK ? prepare_arrays(session) : status;
}

davit_status davit_session_create(davit_model *model, const davit_session_options *options,
                                  davit_session **out)
{
    *out = NULL;
    const davit_context *context = model->context;
    uint64_t start = davit_clock_ns();
    davit_session *session = davit_alloc(context->allocator, sizeof(*session));
    if (session == NULL) {
        return davit_fail(context->diag, DAVIT_OUT_OF_MEMORY, "%s: out of memory", model->path);
    }
    session->model = model;
    davit_arena_init(&session->arena, context->allocator);
    davit_call_begin(&session->call, context->diag);
    davit_status status = davit_call_end(&session->call, build(session, options), model->path);
    if (status != DAVIT_OK) {
        davit_session_destroy(session);
        return status;
    }
    session->load_ns = davit_clock_ns() - start;
    *out = session;
    return DAVIT_OK;
}

void davit_session_destroy(davit_session *session)
{
    if (session != NULL) {
        davit_executor_destroy(session->executor);
        davit_plan_destroy(session->plan);
        davit_cost_model_destroy(session->cost);
        davit_store_close(session->store);
        davit_graph_destroy(session->graph);
        davit_arena_clear(&session->arena);
        davit_free(session->model->context->allocator, session);
    }
}

const davit_tensor_desc *davit_session_input_desc(const davit_session *session, size_t index)
{
    const davit_graph *graph = session->graph;
    return index < graph->input_count ? &graph->values[graph->inputs[index]].desc : NULL;
}

const davit_tensor_desc *davit_session_output_desc(const davit_session *session, size_t index)
{
    const davit_graph *graph = session->graph;
    return index < graph->output_count ? &graph->values[graph->outputs[index]].desc : NULL;
}

const davit_graph *davit_session_graph(const davit_session *session)
{
    return session->graph;
}

const davit_plan *davit_session_get_plan(const davit_session *session)
{
    return session->plan;
}

const davit_run_record *davit_session_last_run(const davit_session *session)
{
    return &session->record;
}
