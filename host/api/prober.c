/* Lost devices are tried again in the background. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "objects.h"

#define NS_PER_S 1000000000ull
#define FIRST_WAIT_NS (1 * NS_PER_S)
#define LONGEST_WAIT_NS (60 * NS_PER_S)
#define PROBE_LIMIT_NS (10 * NS_PER_S)
#define PROBE_BYTES 4096

static bool copies_bytes(davit_device *device)
{
    char sent[PROBE_BYTES], received[PROBE_BYTES] = {0};
    davit_buffer *buffer = NULL;
    davit_queue *queue = NULL;
    for (size_t i = 0; i < sizeof(sent); i++) {
        sent[i] = (char)(i * 37 + 11);
    }
    davit_status status = davit_buffer_alloc(device, PROBE_BYTES, &buffer);
    if (status == DAVIT_OK) {
        status = davit_queue_create(device, &queue);
    }
    if (status == DAVIT_OK) {
        const davit_buffer_ref at = {.buffer = buffer, .bytes = PROBE_BYTES};
        const davit_command commands[] = {
            {.kind = DAVIT_COMMAND_WRITE, .to = at, .host_source = sent},
            {.kind = DAVIT_COMMAND_READ, .from = at, .host_target = received}};
        status = davit_queue_run(queue, commands, 2, davit_deadline_after(PROBE_LIMIT_NS));
    }
    davit_queue_free(queue);
    davit_buffer_free(buffer);
    return status == DAVIT_OK && memcmp(sent, received, sizeof(sent)) == 0;
}

static bool works(const davit_session *session, uint32_t index)
{
    const davit_plan_device *planned = &session->request.devices[index];
    const davit_device_options options = {.allocator = session->model->context->allocator,
                                          .threads = session->executor_options.threads};
    davit_device *device;
    if (davit_device_open(planned->backend, &planned->info, &options, &device) != DAVIT_OK) {
        return false;
    }
    bool good = copies_bytes(device);
    davit_device_close(device);
    return good;
}

/* Where units were at first, as far as those devices work, else where they are. */
uint32_t *davit_session_place_back(const davit_session *session)
{
    uint32_t *placed = davit_session_placed(session, session->current);
    for (size_t u = 0; placed != NULL && u < session->graph->unit_count; u++) {
        if (!session->devices[session->first[u].device].lost) {
            placed[u] = session->first[u].device;
        }
    }
    return placed;
}

static void set_lost(davit_session *session, uint32_t device, bool lost)
{
    pthread_mutex_lock(&session->mutex);
    session->devices[device].lost = lost;
    pthread_mutex_unlock(&session->mutex);
}

/* A plan, ready to run, with what works again; NULL when that cannot be made. */
static davit_generation *make_next(davit_session *session)
{
    davit_first_error error;
    davit_generation *generation;
    uint32_t *placed = davit_session_place_back(session);
    davit_status status = DAVIT_OUT_OF_MEMORY;
    davit_first_error_init(&error);
    if (placed != NULL) {
        status = davit_session_replan(session, placed, &generation, &error);
    }
    free(placed);
    if (status != DAVIT_OK) {
        return NULL;
    }
    generation->users = 1;
    davit_call_begin(&generation->call, NULL);
    status = davit_generation_build(session, generation, NULL);
    if (status != DAVIT_OK) {
        davit_session_drop(session, generation);
        return NULL;
    }
    return generation;
}

/* Makes what the next request will use, with a device that works again. */
static void take_back(davit_session *session, uint32_t device)
{
    pthread_mutex_lock(&session->recovery);
    set_lost(session, device, false);
    davit_generation *generation = make_next(session);
    if (generation == NULL) {
        set_lost(session, device, true);
    } else {
        pthread_mutex_lock(&session->mutex);
        davit_generation *unused = session->next;
        session->next = generation;
        pthread_mutex_unlock(&session->mutex);
        if (unused != NULL) {
            davit_session_drop(session, unused);
        }
    }
    if (generation != NULL) {
        const char *name = session->request.devices[device].info.name;
        davit_session_note(session, DAVIT_EVENT_RETURNED, name,
                           "device %s works again, and is used from the next inference on", name);
    }
    pthread_mutex_unlock(&session->recovery);
}

static void try_device(davit_session *session, uint32_t device)
{
    if (works(session, device)) {
        take_back(session, device);
    }
    pthread_mutex_lock(&session->mutex);
    davit_session_device *tried = &session->devices[device];
    tried->wait_ns = tried->wait_ns * 2 < LONGEST_WAIT_NS ? tried->wait_ns * 2 : LONGEST_WAIT_NS;
    tried->probe_ns = davit_deadline_after(tried->wait_ns);
    pthread_mutex_unlock(&session->mutex);
}

/* The lost device to be tried first, or DAVIT_NONE; the mutex is held. */
static uint32_t find_due(const davit_session *session)
{
    uint32_t due = DAVIT_NONE;
    for (uint32_t d = 0; d < session->request.device_count; d++) {
        const davit_session_device *device = &session->devices[d];
        if (device->lost &&
            (due == DAVIT_NONE || device->probe_ns < session->devices[due].probe_ns)) {
            due = d;
        }
    }
    return due;
}

static void *probe(void *argument)
{
    davit_session *session = argument;
    pthread_mutex_lock(&session->mutex);
    while (!session->stop_probing) {
        uint32_t due = find_due(session);
        if (due == DAVIT_NONE) {
            pthread_cond_wait(&session->changed, &session->mutex);
            continue;
        }
        uint64_t at_ns = session->devices[due].probe_ns;
        const struct timespec until = {.tv_sec = (time_t)(at_ns / NS_PER_S),
                                       .tv_nsec = (long)(at_ns % NS_PER_S)};
        if (pthread_cond_timedwait(&session->changed, &session->mutex, &until) == ETIMEDOUT) {
            pthread_mutex_unlock(&session->mutex);
            try_device(session, due);
            pthread_mutex_lock(&session->mutex);
        }
    }
    session->probing = false;
    pthread_cond_broadcast(&session->changed);
    pthread_mutex_unlock(&session->mutex);
    return NULL;
}

void davit_session_probe(davit_session *session, uint32_t device)
{
    davit_session_device *lost = &session->devices[device];
    lost->wait_ns = lost->wait_ns > 0 ? lost->wait_ns : FIRST_WAIT_NS;
    lost->probe_ns = davit_deadline_after(lost->wait_ns);
    if (!session->probing) {
        sigset_t all, before; /* signals are the host program's */
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        session->probing = pthread_create(&session->prober, NULL, probe, session) == 0;
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (!session->probing) {
            davit_log(session->model->context->diag, DAVIT_WARNING,
                      "lost devices are not tried again: no thread for that");
        }
    } else {
        pthread_cond_broadcast(&session->changed);
    }
}

bool davit_session_stop_probing(davit_session *session)
{
    const uint64_t end_ns = davit_deadline_after(2 * PROBE_LIMIT_NS);
    const struct timespec until = {.tv_sec = (time_t)(end_ns / NS_PER_S),
                                   .tv_nsec = (long)(end_ns % NS_PER_S)};
    pthread_mutex_lock(&session->mutex);
    bool started = session->probing;
    session->stop_probing = true;
    pthread_cond_broadcast(&session->changed);
    bool in_time = true;
    while (session->probing && in_time) {
        in_time = pthread_cond_timedwait(&session->changed, &session->mutex, &until) != ETIMEDOUT;
    }
    bool stopped = !session->probing;
    pthread_mutex_unlock(&session->mutex);
    if (started && stopped) {
        pthread_join(session->prober, NULL);
    } else if (started) {
        pthread_detach(session->prober);
    }
    return stopped;
}
