#include <string.h>
#include <time.h>

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
    const davit_plan *plan = session->current->plan;
    session->operators = davit_arena_alloc_array(arena, graph->unit_count, sizeof(char *));
    session->first = davit_arena_alloc_array(arena, graph->unit_count, sizeof(*session->first));
    session->devices =
        davit_arena_alloc_array(arena, session->request.device_count, sizeof(*session->devices));
    session->record_unit_ns = davit_arena_alloc_array(arena, graph->unit_count, sizeof(uint64_t));
    session->record_units =
        davit_arena_alloc_array(arena, graph->unit_count, sizeof(davit_unit_id));
    session->requests = davit_arena_alloc_array(arena, session->depth, sizeof(davit_request));
    if (session->operators == NULL || session->first == NULL || session->devices == NULL ||
        session->record_unit_ns == NULL || session->record_units == NULL ||
        session->requests == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t u = 0; u < graph->unit_count; u++) {
        session->operators[u] = join_operators(session, &graph->units[u]);
        if (session->operators[u] == NULL) {
            return DAVIT_OUT_OF_MEMORY;
        }
        session->first[u] =
            (davit_first_place){.device = plan->units[u].device,
                                .fallback = plan->units[u].fallback,
                                .reason = davit_arena_strdup(arena, plan->units[u].reason)};
        if (session->first[u].reason == NULL) {
            return DAVIT_OUT_OF_MEMORY;
        }
    }
    davit_status status = DAVIT_OK;
    for (size_t i = 0; status == DAVIT_OK && i < session->depth; i++) {
        status = davit_request_init(session, &session->requests[i]);
    }
    return status;
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
        session->depth = options.in_flight > 0 ? options.in_flight : 1;
        session->timeout_ns = options.timeout_ns;
        session->place_only = options.place_only;
        session->by_rule = options.reproducible;
        session->executor_options = (davit_executor_options){
            .threads = options.threads,
            .depth = (uint32_t)session->depth,
            .separate = options.reproducible,
            .keeps_weights = !options.no_weight_cache,
            .bind_thread = context->topology != NULL ? davit_topology_bind_device_thread : NULL,
            .alloc_near = context->topology != NULL ? davit_topology_alloc_near : NULL,
            .free_near = davit_topology_free_near,
            .bind_user = context->topology};
        status = davit_generation_create(session, diag, &session->current);
    }
    if (status == DAVIT_OK) {
        session->current->users = 1;
        status = davit_session_plan(session, &options);
    }
    if (status == DAVIT_OK && !options.place_only) {
        status = davit_generation_build(session, session->current, NULL);
    }
    return status == DAVIT_OK ? prepare_arrays(session) : status;
}

static davit_status init(davit_model *model, davit_session *session)
{
    pthread_condattr_t attributes;
    bool made = pthread_condattr_init(&attributes) == 0;
    if (made) {
        made = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
               pthread_cond_init(&session->changed, &attributes) == 0;
        pthread_condattr_destroy(&attributes);
    }
    if (!made) {
        return DAVIT_OUT_OF_MEMORY;
    }
    pthread_mutex_init(&session->mutex, NULL);
    pthread_mutex_init(&session->recovery, NULL);
    davit_arena_init(&session->arena, model->context->allocator);
    session->model = model;
    session->created_ns = davit_clock_ns();
    return DAVIT_OK;
}

davit_status davit_session_create(davit_model *model, const davit_session_options *options,
                                  davit_session **out)
{
    *out = NULL;
    const davit_context *context = model->context;
    davit_session *session = davit_alloc(context->allocator, sizeof(*session));
    if (session == NULL || init(model, session) != DAVIT_OK) {
        davit_free(context->allocator, session);
        return davit_fail(context->diag, DAVIT_OUT_OF_MEMORY, "%s: out of memory", model->path);
    }
    davit_call_begin(&session->call, context->diag);
    davit_status status = davit_call_end(&session->call, build(session, options), model->path);
    if (status != DAVIT_OK) {
        davit_session_destroy(session);
        return status;
    }
    session->load_ns = davit_clock_ns() - session->created_ns;
    *out = session;
    return DAVIT_OK;
}

void davit_session_destroy(davit_session *session)
{
    if (session == NULL) {
        return;
    }
    const davit_allocator *allocator = session->model->context->allocator;
    bool stopped = davit_session_stop_probing(session);
    if (stopped && session->next != NULL) {
        davit_session_drop(session, session->next);
    }
    if (stopped && session->current != NULL) {
        davit_session_drop(session, session->current);
    }
    if (!stopped || !davit_session_free_stuck(session)) {
        /* A driver may still come back to what it was given. */
        session->model->set_aside = true;
        session->model->context->set_aside = true;
        return;
    }
    davit_cost_model_destroy(session->cost);
    davit_store_close(session->store);
    davit_graph_destroy(session->graph);
    for (size_t i = 0; i < session->event_count; i++) {
        davit_free(allocator, (void *)session->events[i].text);
    }
    davit_free(allocator, session->events);
    davit_free(allocator, session->record_spans);
    davit_arena_clear(&session->arena);
    pthread_cond_destroy(&session->changed);
    pthread_mutex_destroy(&session->mutex);
    pthread_mutex_destroy(&session->recovery);
    davit_free(allocator, session);
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
    return session->current->plan;
}

const davit_run_record *davit_session_last_run(const davit_session *session)
{
    return &session->record;
}
