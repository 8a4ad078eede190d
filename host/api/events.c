#include <stdarg.h>
#include <stdio.h>

#include "objects.h"

/* Keeps an event while there is room and memory: what is not kept has still been said. */
static void keep(davit_session *session, davit_event event)
{
    const davit_allocator *allocator = session->model->context->allocator;
    pthread_mutex_lock(&session->mutex);
    if (session->events == NULL) {
        session->events = davit_alloc(allocator, DAVIT_MAX_EVENTS * sizeof(*session->events));
    }
    if (session->events != NULL && session->event_count < DAVIT_MAX_EVENTS) {
        event.text = davit_strdup(allocator, event.text);
        if (event.text != NULL) {
            session->events[session->event_count++] = event;
        }
    }
    pthread_mutex_unlock(&session->mutex);
}

void davit_session_note(davit_session *session, davit_event_kind kind, const char *device,
                        const char *format, ...)
{
    char text[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    keep(session, (davit_event){.kind = kind,
                                .device = device,
                                .time_ns = davit_clock_ns() - session->created_ns,
                                .text = text});
    davit_log(session->model->context->diag, DAVIT_WARNING, "%s", text);
}

size_t davit_session_event_count(const davit_session *session)
{
    davit_session *own = (davit_session *)session;
    pthread_mutex_lock(&own->mutex);
    size_t count = session->event_count;
    pthread_mutex_unlock(&own->mutex);
    return count;
}

davit_status davit_session_event(const davit_session *session, size_t index, davit_event *event)
{
    size_t count = davit_session_event_count(session);
    if (index >= count) {
        return davit_fail(session->model->context->diag, DAVIT_INVALID_ARGUMENT,
                          "event %zu of %zu does not exist", index, count);
    }
    *event = session->events[index];
    return DAVIT_OK;
}
