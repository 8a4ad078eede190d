/* What a session does when a device fails: davit.h, "when a device fails". */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "objects.h"

uint32_t davit_session_find_device(const davit_session *session, const char *name)
{
    const davit_plan_request *request = &session->request;
    for (uint32_t d = 0; d < request->device_count; d++) {
        if (strcmp(request->devices[d].info.name, name) == 0) {
            return d;
        }
    }
    return DAVIT_NONE;
}

uint32_t *davit_session_placed(const davit_session *session, const davit_generation *generation)
{
    const davit_plan *plan = generation->plan;
    uint32_t *placed = malloc((plan->unit_count + 1) * sizeof(*placed));
    for (size_t u = 0; placed != NULL && u < plan->unit_count; u++) {
        const char *name = plan->devices[plan->units[u].device].info.name;
        placed[u] = davit_session_find_device(session, name);
    }
    return placed;
}

/* ---- a plan without the lost devices ---- */

/* The session's request with the devices that are left, their pins, and where units are. */
static davit_status narrow_request(const davit_session *session, const uint32_t *placed,
                                   davit_generation *generation)
{
    const davit_plan_request *all = &session->request;
    davit_arena *arena = &generation->arena;
    davit_plan_device *devices =
        davit_arena_alloc_array(arena, all->device_count, sizeof(*devices));
    uint32_t *index_of = davit_arena_alloc_array(arena, all->device_count, sizeof(*index_of));
    uint32_t *units = davit_arena_alloc_array(arena, session->graph->unit_count, sizeof(*units));
    if (devices == NULL || index_of == NULL || units == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    davit_plan_request *request = &generation->request;
    *request = *all;
    request->device_count = 0;
    for (size_t d = 0; d < all->device_count; d++) {
        index_of[d] = DAVIT_NONE;
        if (!session->devices[d].lost) {
            index_of[d] = (uint32_t)request->device_count;
            devices[request->device_count++] = all->devices[d];
        }
    }
    for (size_t u = 0; u < session->graph->unit_count; u++) {
        units[u] = placed[u] != DAVIT_NONE ? index_of[placed[u]] : DAVIT_NONE;
    }
    request->devices = devices;
    request->placed = units;
    request->pin_count = 0;
    request->latency_limit_s = (double)INFINITY; /* better late than not at all */
    request->check_proof = false;
    return DAVIT_OK;
}

/* Why units are where they are now. */
static void give_reasons(const davit_session *session, const uint32_t *placed,
                         davit_generation *generation)
{
    const davit_plan *before = session->current->plan;
    davit_plan *plan = generation->plan;
    for (size_t u = 0; u < plan->unit_count; u++) {
        const davit_plan_unit *was = &before->units[u];
        const davit_first_place *first = &session->first[u];
        const char *name = before->devices[was->device].info.name;
        const char *reason;
        if (placed[u] == first->device) {
            reason = davit_arena_strdup(&plan->arena, first->reason);
            plan->units[u].fallback = first->fallback;
        } else {
            bool stays = placed[u] == davit_session_find_device(session, name);
            reason = stays ? davit_arena_strdup(&plan->arena, was->reason)
                           : davit_arena_printf(&plan->arena, "moved from %s", name);
            plan->units[u].fallback = stays && was->fallback;
        }
        plan->units[u].reason = reason != NULL ? reason : plan->units[u].reason;
    }
}

davit_status davit_session_replan(davit_session *session, const uint32_t *placed,
                                  davit_generation **out, davit_first_error *error)
{
    const davit_allocator *allocator = session->model->context->allocator;
    davit_generation *generation;
    davit_status status = davit_generation_create(session, &error->sink, &generation);
    if (status != DAVIT_OK) {
        return status;
    }
    status = narrow_request(session, placed, generation);
    if (status == DAVIT_OK) {
        status = davit_plan_make(allocator, &generation->request, &generation->call.sink,
                                 &generation->plan);
    }
    if (status != DAVIT_OK) {
        davit_arena_clear(&generation->arena);
        davit_free(allocator, generation);
        return status;
    }
    give_reasons(session, placed, generation);
    generation->request.placed = NULL;
    *out = generation;
    return DAVIT_OK;
}

/* ---- losing a device ---- */

/* True when others may do what a device did not. */
static bool is_devices_own(davit_status status)
{
    return status == DAVIT_DEVICE_LOST || status == DAVIT_DEADLINE_EXCEEDED ||
           status == DAVIT_UNAVAILABLE || status == DAVIT_IO_ERROR || status == DAVIT_INTERNAL;
}

/* How a request ends that nobody wants any more; DAVIT_OK: it is wanted. */
static davit_status is_over(davit_request *request)
{
    pthread_mutex_lock(&request->session->mutex);
    bool cancelled = request->cancelled;
    pthread_mutex_unlock(&request->session->mutex);
    return cancelled                                  ? DAVIT_CANCELLED
           : davit_clock_ns() >= request->deadline_ns ? DAVIT_DEADLINE_EXCEEDED
                                                      : DAVIT_OK;
}

/* "3 to cpu, 1 to reference": those that were on a lost device, and where they are now. */
static void describe_moves(const davit_generation *generation, const uint32_t *placed, char *text,
                           size_t bytes)
{
    const davit_plan *plan = generation->plan;
    size_t used = 0;
    text[0] = '\0';
    for (size_t d = 0; d < plan->device_count; d++) {
        size_t count = 0;
        for (size_t u = 0; u < plan->unit_count; u++) {
            count += placed[u] == DAVIT_NONE && plan->units[u].device == d;
        }
        if (count > 0 && used < bytes) {
            int length = snprintf(text + used, bytes - used, "%s%zu to %s", used > 0 ? ", " : "",
                                  count, plan->devices[d].info.name);
            used += length > 0 ? (size_t)length : 0;
        }
    }
}

/* A plan that gives the lost devices' units of the present one to others; NULL where it has none.
 * moves gets where they go. */
static davit_status plan_moves(davit_session *session, bool forgotten, davit_first_error *error,
                               davit_generation **out, char *moves, size_t bytes)
{
    uint32_t *placed = forgotten ? davit_session_place_back(session)
                                 : davit_session_placed(session, session->current);
    *out = NULL;
    if (placed == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    bool any = forgotten; /* a device that came back takes its units again */
    for (size_t u = 0; u < session->graph->unit_count; u++) {
        if (session->devices[placed[u]].lost) {
            placed[u] = DAVIT_NONE;
            any = true;
        }
    }
    davit_status status = any ? davit_session_replan(session, placed, out, error) : DAVIT_OK;
    if (any && status == DAVIT_OK) {
        describe_moves(*out, placed, moves, bytes);
    }
    free(placed);
    return status;
}

/* What the prober made, with a device that may be the one lost now, is not used any more. */
static bool forget_next(davit_session *session)
{
    pthread_mutex_lock(&session->mutex);
    davit_generation *next = session->next;
    session->next = NULL;
    pthread_mutex_unlock(&session->mutex);
    if (next != NULL) {
        davit_session_drop(session, next);
    }
    return next != NULL;
}

/* The same plan for the next request, with the devices opened again: one that keeps its work is no
 * use any more. */
static void renew(davit_session *session, const davit_generation *failed)
{
    davit_first_error error;
    davit_generation *generation;
    uint32_t *placed = NULL;
    davit_first_error_init(&error);
    if (session->current == failed) {
        placed = davit_session_placed(session, failed);
    }
    if (placed != NULL && davit_session_replan(session, placed, &generation, &error) == DAVIT_OK) {
        davit_session_set_current(session, generation);
    }
    free(placed);
}

davit_status davit_session_lose(davit_session *session, uint32_t device, davit_status status,
                                char *text, size_t bytes)
{
    const char *name = session->request.devices[device].info.name;
    davit_first_error error;
    davit_generation *generation;
    char moves[512] = "";
    if (session->request.strict || session->request.device_count == 1 || !is_devices_own(status)) {
        return status;
    }
    davit_first_error_init(&error);
    pthread_mutex_lock(&session->mutex);
    bool first = !session->devices[device].lost;
    session->devices[device].lost = true;
    session->devices[device].probe_ns =
        first ? DAVIT_DEADLINE_NEVER : session->devices[device].probe_ns;
    pthread_mutex_unlock(&session->mutex);
    bool forgotten = first && forget_next(session);
    davit_status moved = plan_moves(session, forgotten, &error, &generation, moves, sizeof(moves));
    pthread_mutex_lock(&session->mutex);
    if (moved != DAVIT_OK) {
        session->devices[device].lost = false; /* there is no other: it is tried again */
    } else if (first) {
        davit_session_probe(session, device);
    }
    pthread_mutex_unlock(&session->mutex);
    if (moved != DAVIT_OK) {
        size_t used = strlen(text);
        snprintf(text + used, bytes - used, "; no other device takes its units: %s",
                 error.text[0] != '\0' ? error.text : davit_status_text(moved));
        return status;
    }
    if (first) {
        davit_session_note(session, DAVIT_EVENT_DEVICE_LOST, name, "device %s is lost: %s", name,
                           text);
    }
    if (generation != NULL) {
        davit_session_set_current(session, generation);
        davit_session_note(session, DAVIT_EVENT_MOVED, name, "units of %s moved: %s", name, moves);
    }
    return DAVIT_OK;
}

/* ---- the inference again ---- */

void davit_session_end_resumption(davit_session *session, davit_resumption *resumption)
{
    if (!davit_executor_destroy(resumption->executor)) {
        pthread_mutex_lock(&session->mutex);
        resumption->next_stuck = session->stuck_resumptions;
        session->stuck_resumptions = resumption;
        pthread_mutex_unlock(&session->mutex);
        return;
    }
    davit_inference_release(resumption->from);
    davit_session_drop(session, resumption->from_generation);
    davit_arena_clear(&resumption->arena);
    davit_free(session->model->context->allocator, resumption);
}

void davit_request_let_go(davit_request *request)
{
    davit_session *session = request->session;
    pthread_mutex_lock(&session->mutex);
    davit_inference *inference = request->inference;
    request->inference = NULL;
    while (request->polling > 0) { /* it has ended: they return at once */
        pthread_cond_wait(&session->changed, &session->mutex);
    }
    pthread_mutex_unlock(&session->mutex);
    if (inference == NULL) {
        return;
    }
    davit_inference_release(inference);
    if (request->resumption != NULL) {
        davit_session_end_resumption(session, request->resumption);
        request->resumption = NULL;
    }
    davit_session_drop(session, request->generation);
    request->generation = NULL;
}

/* Values of the failed inference, as further inputs for an executor. Their number is 0 when
 * computing them again takes less than building programs. */
static size_t keep_values(davit_request *request, davit_arena *arena, davit_value_id **ids,
                          const void ***inputs)
{
    const davit_session *session = request->session;
    const davit_plan *plan = request->generation->plan;
    size_t inputs_of_graph = session->graph->input_count;
    bool *lost = davit_arena_alloc_array(arena, plan->device_count, sizeof(*lost));
    size_t count;
    davit_kept_value *values;
    uint64_t saved_ns;
    for (size_t d = 0; lost != NULL && d < plan->device_count; d++) {
        uint32_t device = davit_session_find_device(session, plan->devices[d].info.name);
        lost[d] = session->devices[device].lost;
    }
    if (lost == NULL ||
        davit_inference_keep(request->inference, lost, davit_request_attempt_deadline(request),
                             arena, &count, &values, &saved_ns) != DAVIT_OK ||
        saved_ns < request->generation->build_ns) {
        return 0;
    }
    *ids = davit_arena_alloc_array(arena, count, sizeof(**ids));
    *inputs = davit_arena_alloc_array(arena, inputs_of_graph + count, sizeof(**inputs));
    if (*ids == NULL || *inputs == NULL) {
        return 0;
    }
    memcpy(*inputs, request->inputs, inputs_of_graph * sizeof(**inputs));
    for (size_t i = 0; i < count; i++) {
        (*ids)[i] = values[i].value;
        (*inputs)[inputs_of_graph + i] = values[i].data;
    }
    return count;
}

/* Starts an inference that goes on from what the failed one has left. False when that does not pay
 * or does not succeed: nothing has happened then. */
static bool resume(davit_request *request)
{
    davit_session *session = request->session;
    const davit_allocator *allocator = session->model->context->allocator;
    bool may_pay = request->resumption == NULL && session->current->executor == NULL;
    davit_resumption *resumption = may_pay ? davit_alloc(allocator, sizeof(*resumption)) : NULL;
    if (resumption == NULL) {
        return false;
    }
    davit_arena_init(&resumption->arena, allocator);
    davit_value_id *ids;
    const void **inputs;
    davit_generation *generation = session->current;
    davit_executor_options options = session->executor_options;
    options.depth = 1;
    options.keeps_weights = false; /* of one inference */
    options.given_count = keep_values(request, &resumption->arena, &ids, &inputs);
    options.given = ids;
    options.backend_options = davit_session_choices(session, generation);
    resumption->from = request->inference;
    resumption->from_generation = request->generation;
    if (options.given_count > 0 &&
        davit_session_kernels(session, generation, &options.kernels) == DAVIT_OK &&
        davit_session_align(session, generation->plan) == DAVIT_OK &&
        davit_executor_create(allocator, session->graph, generation->plan, &options, NULL,
                              &resumption->executor) == DAVIT_OK &&
        davit_request_start(request, generation, resumption->executor, inputs) == DAVIT_OK) {
        request->resumption = resumption;
        request->reused = options.given_count;
        pthread_mutex_lock(&session->mutex);
        generation->users++;
        pthread_mutex_unlock(&session->mutex);
        return true;
    }
    (void)davit_executor_destroy(resumption->executor);
    davit_arena_clear(&resumption->arena);
    davit_free(allocator, resumption);
    return false;
}

static davit_status start_again(davit_request *request, davit_failure *failure)
{
    davit_session *session = request->session;
    davit_generation *generation;
    davit_request_let_go(request);
    request->reused = 0;
    davit_status status = davit_session_acquire(session, &request->call, &generation);
    if (status == DAVIT_OK) {
        status = davit_request_start(request, generation, generation->executor, request->inputs);
        if (status != DAVIT_OK) {
            davit_session_drop(session, generation);
        }
    }
    if (status != DAVIT_OK) {
        failure->status = status;
    }
    return status;
}

/* Takes the failed device out of use. */
static davit_status lose_device(davit_request *request, davit_failure *failure)
{
    davit_session *session = request->session;
    const davit_plan *plan = request->generation->plan;
    uint32_t device = davit_session_find_device(session, plan->devices[failure->device].info.name);
    request->failed_device = session->request.devices[device].info.name;
    if (request->generation != session->current && !session->devices[device].lost) {
        return DAVIT_OK; /* another plan is in use by now: it tells whether the device still fails
                          */
    }
    return davit_session_lose(session, device, failure->status, failure->text,
                              sizeof(failure->text));
}

davit_status davit_request_fail_over(davit_request *request, davit_failure *failure)
{
    davit_session *session = request->session;
    davit_status over = is_over(request);
    davit_status status = failure->status;
    bool resumed = false;
    request->here = false; /* nothing is computed while others wait for the mutex */
    pthread_mutex_lock(&session->recovery);
    bool at_fault = failure->device != DAVIT_NONE && is_devices_own(status) &&
                    (over == DAVIT_OK || status == DAVIT_DEVICE_LOST);
    if (at_fault) {
        const davit_generation *failed = session->current;
        status = lose_device(request, failure);
        resumed = status == DAVIT_OK && over == DAVIT_OK && failed == request->generation &&
                  resume(request);
    }
    if (status != DAVIT_OK && failure->status == DAVIT_DEVICE_LOST) {
        renew(session, request->generation);
    }
    pthread_mutex_unlock(&session->recovery);
    if (over != DAVIT_OK) {
        failure->status = over;
        return over;
    }
    return status == DAVIT_OK && !resumed ? start_again(request, failure) : status;
}

void davit_request_note_repeated(davit_request *request)
{
    const davit_run_record *record = &request->record;
    size_t units = 0;
    if (request->failed_device == NULL) {
        return;
    }
    for (size_t i = 0; i < record->span_count; i++) {
        units += record->spans[i].unit_count;
    }
    davit_session_note(request->session, DAVIT_EVENT_REPEATED, request->failed_device,
                       "the inference that %s failed was completed: %zu of %zu units ran again, "
                       "%zu values were used again",
                       request->failed_device, units, record->unit_count, request->reused);
}
