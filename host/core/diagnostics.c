#include "davit/diagnostics.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TEXT_BYTES 1024

bool davit_log_enabled(const davit_diagnostics *diag, davit_severity severity)
{
    return diag != NULL && diag->report != NULL && severity <= diag->level;
}

/* Names in messages come from untrusted files: nothing in them may break the line or drive a
 * terminal. */
static void clean(char *text)
{
    for (unsigned char *c = (unsigned char *)text; *c != '\0'; c++) {
        if (*c < 0x20 || *c == 0x7f) {
            *c = '?';
        }
    }
}

static void send(const davit_diagnostics *diag, davit_severity severity, davit_status status,
                 const char *format, va_list arguments)
{
    char text[TEXT_BYTES];
    if (vsnprintf(text, sizeof(text), format, arguments) < 0) {
        text[0] = '\0';
    }
    clean(text);
    diag->report(diag->user, severity, status, text);
}

davit_status davit_fail(const davit_diagnostics *diag, davit_status status, const char *format, ...)
{
    if (davit_log_enabled(diag, DAVIT_ERROR)) {
        va_list arguments;
        va_start(arguments, format);
        send(diag, DAVIT_ERROR, status, format, arguments);
        va_end(arguments);
    }
    return status;
}

void davit_log(const davit_diagnostics *diag, davit_severity severity, const char *format, ...)
{
    if (davit_log_enabled(diag, severity)) {
        va_list arguments;
        va_start(arguments, format);
        send(diag, severity, DAVIT_OK, format, arguments);
        va_end(arguments);
    }
}

static void report_to_stderr(void *user, davit_severity severity, davit_status status,
                             const char *text)
{
    static const char *const prefixes[] = {
        "davit: error: ", "davit: warning: ", "davit: ", "davit: "};
    (void)user;
    (void)status;
    char line[TEXT_BYTES + 32];
    int length = snprintf(line, sizeof(line), "%s%s\n", prefixes[severity], text);
    if (length > 0) {
        size_t bytes = (size_t)length < sizeof(line) ? (size_t)length : sizeof(line) - 1;
        fflush(stdout);
        ssize_t written = write(STDERR_FILENO, line, bytes);
        (void)written; /* nowhere is left to report that stderr is closed */
    }
}

const davit_diagnostics *davit_diagnostics_stderr(davit_severity level)
{
    static const davit_diagnostics sinks[] = {
        {report_to_stderr, NULL, DAVIT_ERROR},
        {report_to_stderr, NULL, DAVIT_WARNING},
        {report_to_stderr, NULL, DAVIT_INFO},
        {report_to_stderr, NULL, DAVIT_DEBUG},
    };
    return &sinks[level];
}

static void report_to_buffer(void *user, davit_severity severity, davit_status status,
                             const char *text)
{
    davit_diagnostics_buffer *buffer = user;
    pthread_mutex_lock(&buffer->mutex);
    if (severity == DAVIT_ERROR) {
        buffer->status = status;
        buffer->error_count++;
        snprintf(buffer->text, sizeof(buffer->text), "%s", text);
    } else if (severity == DAVIT_WARNING) {
        buffer->warning_count++;
        snprintf(buffer->warning_text, sizeof(buffer->warning_text), "%s", text);
    }
    pthread_mutex_unlock(&buffer->mutex);
}

void davit_diagnostics_buffer_init(davit_diagnostics_buffer *buffer)
{
    memset(buffer, 0, sizeof(*buffer));
    buffer->sink.report = report_to_buffer;
    buffer->sink.user = buffer;
    buffer->sink.level = DAVIT_WARNING;
    pthread_mutex_init(&buffer->mutex, NULL);
}
