#include "objects.h"

davit_status davit_generation_create(davit_session *session, const davit_diagnostics *diag,
                                     davit_generation **out)
{
    const davit_allocator *allocator = session->model->context->allocator;
    davit_generation *generation = davit_alloc(allocator, sizeof(*generation));
    *out = generation;
    if (generation == NULL) {
        return davit_fail(diag, DAVIT_OUT_OF_MEMORY, "out of memory for a plan");
    }
    davit_arena_init(&generation->arena, allocator);
    davit_call_begin(&generation->call, diag);
    return DAVIT_OK;
}

/* Room for the spans of the last run. */
static davit_status reserve_spans(davit_session *session, size_t count)
{
    const davit_allocator *allocator = session->model->context->allocator;
    davit_status status = DAVIT_OK;
    pthread_mutex_lock(&session->mutex);
    if (session->record_span_capacity < count) {
        davit_span *spans = davit_alloc(allocator, count * sizeof(*spans));
        status = spans != NULL ? DAVIT_OK : DAVIT_OUT_OF_MEMORY;
        if (spans != NULL) {
            davit_free(allocator, session->record_spans);
            session->record.span_count = 0;
            session->record_spans = spans;
            session->record_span_capacity = count;
        }
    }
    pthread_mutex_unlock(&session->mutex);
    return status;
}

davit_status davit_session_align(davit_session *session, const davit_plan *plan)
{
    davit_graph *graph = session->graph;
    davit_status status = DAVIT_OK;
    for (size_t u = 0; u < plan->unit_count; u++) {
        const davit_unit *unit = &graph->units[u];
        if (plan->devices[plan->units[u].device].backend->table->reads_mapped) {
            continue;
        }
        for (uint32_t n = 0; n < unit->node_count; n++) {
            const davit_node *node = &graph->nodes[unit->nodes[n]];
            for (uint32_t i = 0; status == DAVIT_OK && i < node->input_count; i++) {
                if (node->inputs[i] != DAVIT_NONE) {
                    status = davit_graph_align_constant(graph, node->inputs[i]);
                }
            }
        }
    }
    return status;
}

davit_status davit_generation_build(davit_session *session, davit_generation *generation,
                                    uint32_t *failed_device)
{
    uint64_t begin_ns = davit_clock_ns();
    davit_executor_options options = session->executor_options;
    options.backend_options = davit_session_choices(session, generation);
    options.failed_device = failed_device;
    davit_executor *executor = NULL;
    davit_status status = davit_session_kernels(session, generation, &options.kernels);
    if (status == DAVIT_OK) {
        status = davit_session_align(session, generation->plan);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    status = davit_executor_create(session->model->context->allocator, session->graph,
                                   generation->plan, &options, &generation->call.sink, &executor);
    pthread_mutex_lock(&session->mutex);
    generation->executor = executor;
    pthread_mutex_unlock(&session->mutex);
    generation->build_ns = davit_clock_ns() - begin_ns;
    if (status == DAVIT_OK) {
        davit_generation_tell_kernels(generation, session->graph, &generation->call.sink);
    }
    return status == DAVIT_OK
               ? reserve_spans(session, davit_executor_span_count(generation->executor))
               : status;
}

/* False when a driver keeps its executor. */
static bool destroy(davit_session *session, davit_generation *generation)
{
    if (!davit_executor_destroy(generation->executor)) {
        return false;
    }
    davit_plan_destroy(generation->plan);
    davit_arena_clear(&generation->arena);
    davit_free(session->model->context->allocator, generation);
    return true;
}

bool davit_session_free_stuck(davit_session *session)
{
    davit_generation *left = NULL;
    while (session->stuck != NULL) {
        davit_generation *generation = session->stuck;
        session->stuck = generation->next_stuck;
        if (!destroy(session, generation)) {
            generation->next_stuck = left;
            left = generation;
        }
    }
    session->stuck = left;
    davit_resumption *resumptions = session->stuck_resumptions;
    session->stuck_resumptions = NULL;
    while (resumptions != NULL) {
        davit_resumption *resumption = resumptions;
        resumptions = resumption->next_stuck;
        davit_session_end_resumption(session, resumption);
    }
    return session->stuck == NULL && session->stuck_resumptions == NULL;
}

void davit_session_drop(davit_session *session, davit_generation *generation)
{
    pthread_mutex_lock(&session->mutex);
    bool last = --generation->users == 0;
    pthread_mutex_unlock(&session->mutex);
    if (last && !destroy(session, generation)) {
        pthread_mutex_lock(&session->mutex);
        generation->next_stuck = session->stuck;
        session->stuck = generation;
        pthread_mutex_unlock(&session->mutex);
    }
}

void davit_session_set_current(davit_session *session, davit_generation *generation)
{
    davit_call_begin(&generation->call, session->model->context->diag);
    pthread_mutex_lock(&session->mutex);
    davit_generation *old = session->current;
    session->current = generation;
    generation->users++;
    pthread_mutex_unlock(&session->mutex);
    davit_session_drop(session, old);
}

/* Takes the one that the prober has made; the recovery mutex is held. */
static void adopt_next(davit_session *session)
{
    pthread_mutex_lock(&session->mutex);
    davit_generation *next = session->next;
    session->next = NULL;
    pthread_mutex_unlock(&session->mutex);
    if (next != NULL) {
        davit_session_set_current(session, next);
        davit_session_drop(session, next);
    }
}

/* Makes the executor of a plan that was made when a device was lost. Further devices may turn out
 * to be lost. */
static davit_status build_late(davit_session *session, davit_call *call)
{
    davit_status status = DAVIT_OK;
    while (status == DAVIT_OK && session->current->executor == NULL) {
        davit_generation *generation = session->current;
        uint32_t failed = DAVIT_NONE;
        davit_first_error error;
        davit_first_error_init(&error);
        davit_call_begin(&generation->call, &error.sink);
        status = davit_generation_build(session, generation, &failed);
        davit_call_begin(&generation->call, session->model->context->diag);
        if (status != DAVIT_OK && failed != DAVIT_NONE) {
            const char *name = generation->plan->devices[failed].info.name;
            status = davit_session_lose(session, davit_session_find_device(session, name), status,
                                        error.text, sizeof(error.text));
        }
        if (status != DAVIT_OK && error.text[0] != '\0') {
            (void)davit_fail(&call->sink, status, "%s", error.text);
        }
    }
    return status;
}

davit_status davit_session_acquire(davit_session *session, davit_call *call, davit_generation **out)
{
    pthread_mutex_lock(&session->mutex);
    davit_generation *current = session->current;
    bool ready = current->executor != NULL && session->next == NULL;
    current->users += ready;
    pthread_mutex_unlock(&session->mutex);
    *out = current;
    if (ready) {
        return DAVIT_OK;
    }
    pthread_mutex_lock(&session->recovery);
    adopt_next(session);
    davit_status status = build_late(session, call);
    if (status == DAVIT_OK) {
        pthread_mutex_lock(&session->mutex);
        *out = session->current;
        session->current->users++;
        pthread_mutex_unlock(&session->mutex);
    }
    pthread_mutex_unlock(&session->recovery);
    return status;
}
