#include <stdio.h>

#include "executor.h"

static void report(void *user, davit_severity severity, davit_status status, const char *text)
{
    davit_device_sink *sink = user;
    pthread_mutex_lock(&sink->mutex);
    bool keep = severity == DAVIT_ERROR && sink->running > 0;
    const davit_diagnostics *target = sink->user;
    if (keep && sink->text[0] == '\0') {
        snprintf(sink->text, sizeof(sink->text), "%s", text);
    }
    pthread_mutex_unlock(&sink->mutex);
    if (!keep && severity == DAVIT_ERROR) {
        (void)davit_fail(target, status, "%s", text);
    } else if (!keep) {
        davit_log(target, severity, "%s", text);
    }
}

void davit_device_sink_init(davit_device_sink *sink, const davit_diagnostics *user)
{
    sink->sink.report = report;
    sink->sink.user = sink;
    sink->sink.level = user != NULL ? user->level : DAVIT_ERROR;
    sink->user = user;
    sink->running = 0;
    sink->text[0] = '\0';
    pthread_mutex_init(&sink->mutex, NULL);
}

void davit_device_sink_deinit(davit_device_sink *sink)
{
    pthread_mutex_destroy(&sink->mutex);
}

void davit_device_sink_silence(davit_device_sink *sink)
{
    pthread_mutex_lock(&sink->mutex);
    sink->user = NULL;
    pthread_mutex_unlock(&sink->mutex);
}

void davit_device_sink_begin(davit_device_sink *sink)
{
    pthread_mutex_lock(&sink->mutex);
    sink->running++;
    pthread_mutex_unlock(&sink->mutex);
}

void davit_device_sink_end(davit_device_sink *sink, char *text)
{
    pthread_mutex_lock(&sink->mutex);
    sink->running--;
    snprintf(text, sizeof(sink->text), "%s", sink->text);
    sink->text[0] = '\0';
    pthread_mutex_unlock(&sink->mutex);
}
