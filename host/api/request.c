#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "davit/graphs.h"
#include "objects.h"

#define NS_PER_S 1000000000u

davit_status davit_request_init(davit_session *session, davit_request *request)
{
    const davit_graph *graph = session->graph;
    davit_arena *arena = &session->arena;
    request->session = session;
    request->inputs = davit_arena_alloc_array(arena, graph->input_count, sizeof(void *));
    request->outputs = davit_arena_alloc_array(arena, graph->output_count, sizeof(void *));
    request->created = davit_arena_alloc_array(arena, graph->output_count, sizeof(davit_tensor *));
    return request->inputs != NULL && request->outputs != NULL && request->created != NULL
               ? DAVIT_OK
               : DAVIT_OUT_OF_MEMORY;
}

/* ---- beginning ---- */

static davit_request *find_free(davit_session *session)
{
    for (size_t i = 0; i < session->depth; i++) {
        if (!session->requests[i].taken) {
            return &session->requests[i];
        }
    }
    return NULL;
}

/* One that nobody has; NULL when none is given back in time. */
static davit_request *take_free(davit_session *session, uint64_t deadline_ns)
{
    const struct timespec until = {.tv_sec = (time_t)(deadline_ns / NS_PER_S),
                                   .tv_nsec = (long)(deadline_ns % NS_PER_S)};
    pthread_mutex_lock(&session->mutex);
    davit_request *request = find_free(session);
    bool in_time = true;
    while (request == NULL && in_time) {
        if (deadline_ns == DAVIT_DEADLINE_NEVER) {
            pthread_cond_wait(&session->changed, &session->mutex);
        } else {
            in_time =
                pthread_cond_timedwait(&session->changed, &session->mutex, &until) != ETIMEDOUT;
        }
        request = find_free(session);
    }
    if (request != NULL) {
        request->taken = true;
        request->cancelled = false;
    }
    pthread_mutex_unlock(&session->mutex);
    return request;
}

static void give_back(davit_request *request)
{
    davit_session *session = request->session;
    pthread_mutex_lock(&session->mutex);
    request->taken = false;
    pthread_cond_broadcast(&session->changed);
    pthread_mutex_unlock(&session->mutex);
}

static void discard_outputs(davit_request *request)
{
    for (size_t i = 0; i < request->session->graph->output_count; i++) {
        davit_tensor_destroy(request->created[i]);
        request->created[i] = NULL;
    }
}

uint64_t davit_request_attempt_deadline(const davit_request *request)
{
    uint64_t timeout_ns = request->session->timeout_ns;
    uint64_t end_ns = timeout_ns > 0 ? davit_deadline_after(timeout_ns) : DAVIT_DEADLINE_NEVER;
    return end_ns < request->deadline_ns ? end_ns : request->deadline_ns;
}

davit_status davit_request_start(davit_request *request, davit_generation *generation,
                                 davit_executor *executor, const void *const *inputs)
{
    davit_session *session = request->session;
    davit_inference *inference;
    davit_status status =
        davit_executor_start(executor, inputs, request->outputs,
                             davit_request_attempt_deadline(request), request->here, &inference);
    if (status != DAVIT_OK) {
        return status;
    }
    request->generation = generation;
    pthread_mutex_lock(&session->mutex);
    request->inference = inference;
    if (request->cancelled) {
        davit_inference_cancel(inference);
    }
    pthread_mutex_unlock(&session->mutex);
    return DAVIT_OK;
}

static davit_status start(davit_request *request, const davit_named_tensor *inputs,
                          size_t input_count, davit_named_tensor *outputs, size_t output_count)
{
    davit_session *session = request->session;
    davit_generation *generation;
    davit_status status = davit_request_take(request, inputs, input_count, outputs, output_count);
    if (status == DAVIT_OK) {
        status = davit_session_acquire(session, &request->call, &generation);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    status = davit_request_start(request, generation, generation->executor, request->inputs);
    if (status != DAVIT_OK) {
        davit_session_drop(session, generation);
    }
    return status;
}

static davit_status submit(davit_session *session, const davit_named_tensor *inputs,
                           size_t input_count, davit_named_tensor *outputs, size_t output_count,
                           uint64_t deadline_ns, bool here, davit_request **out)
{
    uint64_t end_ns = deadline_ns > 0 ? davit_deadline_after(deadline_ns) : DAVIT_DEADLINE_NEVER;
    *out = NULL;
    davit_request *request = take_free(session, end_ns);
    if (request == NULL) {
        return davit_fail(session->model->context->diag, DAVIT_DEADLINE_EXCEEDED,
                          "%s: the inference could not begin within %" PRIu64
                          " ms: %zu others have not been released",
                          session->model->path, deadline_ns / 1000000, session->depth);
    }
    request->deadline_ns = end_ns;
    request->here = here;
    request->failed_device = NULL;
    request->waited = false;
    davit_call_begin(&request->call, session->model->context->diag);
    davit_status status = start(request, inputs, input_count, outputs, output_count);
    if (status != DAVIT_OK) {
        discard_outputs(request);
        status = davit_call_end(&request->call, status, session->model->path);
        give_back(request);
        return status;
    }
    *out = request;
    return DAVIT_OK;
}

davit_status davit_session_submit(davit_session *session, const davit_named_tensor *inputs,
                                  size_t input_count, davit_named_tensor *outputs,
                                  size_t output_count, uint64_t deadline_ns, davit_request **out)
{
    return submit(session, inputs, input_count, outputs, output_count, deadline_ns, false, out);
}

/* ---- meanwhile ---- */

bool davit_request_poll(davit_request *request, uint64_t timeout_ns)
{
    pthread_mutex_lock(&request->session->mutex);
    davit_inference *inference = request->inference;
    request->polling += inference != NULL;
    pthread_mutex_unlock(&request->session->mutex);
    if (inference == NULL) {
        return true;
    }
    bool ended =
        davit_inference_poll(inference, timeout_ns > 0 ? davit_deadline_after(timeout_ns) : 0);
    pthread_mutex_lock(&request->session->mutex);
    request->polling--;
    pthread_cond_broadcast(&request->session->changed);
    pthread_mutex_unlock(&request->session->mutex);
    return ended;
}

void davit_request_cancel(davit_request *request)
{
    pthread_mutex_lock(&request->session->mutex);
    request->cancelled = true;
    if (request->inference != NULL) {
        davit_inference_cancel(request->inference);
    }
    pthread_mutex_unlock(&request->session->mutex);
}

/* ---- the end ---- */

/* A device of a generation's plan as one of the present plan's, which may lack it: UINT32_MAX. */
static uint32_t present_device(const davit_session *session, const davit_generation *generation,
                               uint32_t device)
{
    const davit_plan *plan = session->current->plan;
    if (generation == session->current) {
        return device;
    }
    for (uint32_t d = 0; d < plan->device_count; d++) {
        if (strcmp(plan->devices[d].info.name, generation->plan->devices[device].info.name) == 0) {
            return d;
        }
    }
    return UINT32_MAX;
}

/* Keeps a copy of the request's record as that of the last run: the original goes with the
 * inference. */
static void keep_record(davit_request *request)
{
    davit_session *session = request->session;
    const davit_run_record *from = &request->record;
    pthread_mutex_lock(&session->mutex);
    davit_run_record *to = &session->record;
    *to = *from;
    memcpy(session->record_unit_ns, from->unit_ns, from->unit_count * sizeof(*from->unit_ns));
    to->unit_ns = session->record_unit_ns;
    to->span_count = from->span_count <= session->record_span_capacity ? from->span_count : 0;
    size_t position = 0;
    for (size_t i = 0; i < to->span_count; i++) {
        davit_span *span = &session->record_spans[i];
        *span = from->spans[i];
        for (size_t u = 0; u < span->unit_count; u++) {
            session->record_units[position + u] = from->spans[i].units[u];
        }
        span->device = present_device(session, request->generation, span->device);
        span->units = &session->record_units[position];
        position += span->unit_count;
    }
    to->spans = session->record_spans;
    pthread_mutex_unlock(&session->mutex);
}

static void hand_over(davit_request *request)
{
    const davit_session *session = request->session;
    for (size_t i = 0; i < request->wanted_count; i++) {
        davit_named_tensor *output = &request->wanted[i];
        if (output->tensor == NULL) {
            output->tensor =
                request->created[davit_model_find_output(session->model, output->name)];
        }
    }
}

davit_status davit_request_wait(davit_request *request)
{
    davit_session *session = request->session;
    davit_failure failure;
    request->waited = true;
    davit_status status = davit_inference_wait(request->inference, &request->record, &failure);
    for (size_t attempt = 0; status != DAVIT_OK; attempt++) {
        if (attempt == 2 * session->request.device_count ||
            davit_request_fail_over(request, &failure) != DAVIT_OK) {
            discard_outputs(request);
            (void)davit_fail(&request->call.sink, failure.status, "%s", failure.text);
            return failure.status;
        }
        status = davit_inference_wait(request->inference, &request->record, &failure);
    }
    davit_request_note_repeated(request);
    keep_record(request);
    hand_over(request);
    return DAVIT_OK;
}

void davit_request_release(davit_request *request)
{
    if (!request->waited) {
        davit_failure unsaid;
        davit_request_cancel(request);
        davit_status status = davit_inference_wait(request->inference, NULL, &unsaid);
        (void)status;
        discard_outputs(request);
    }
    davit_request_let_go(request);
    give_back(request);
}

const davit_run_record *davit_request_record(const davit_request *request)
{
    return &request->record;
}

davit_status davit_session_run(davit_session *session, const davit_named_tensor *inputs,
                               size_t input_count, davit_named_tensor *outputs, size_t output_count)
{
    davit_request *request;
    davit_status status =
        submit(session, inputs, input_count, outputs, output_count, 0, true, &request);
    if (status == DAVIT_OK) {
        status = davit_request_wait(request);
        davit_request_release(request);
    }
    return status;
}
