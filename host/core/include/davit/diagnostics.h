/* The diagnostics sink: where errors, warnings and decisions are told, one line each.
 *
 * A sink is borrowed by whatever it is passed to and must outlive it. NULL is legal everywhere and
 * drops all messages. A sink may be called from several threads at once and must allow that;
 * davit_diagnostics_stderr() does. */
#ifndef DAVIT_DIAGNOSTICS_H
#define DAVIT_DIAGNOSTICS_H

#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "davit/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum davit_severity {
    DAVIT_ERROR,   /* why a call failed; exactly one for each failed public call */
    DAVIT_WARNING, /* something the user should know (a fallback, a substitution) */
    DAVIT_INFO,    /* decisions: -v */
    DAVIT_DEBUG    /* details of decisions: -vv */
} davit_severity;

typedef struct davit_diagnostics {
    /* Receives one line of text without a newline, valid during the call. status is DAVIT_OK
     * unless severity is DAVIT_ERROR. */
    void (*report)(void *user, davit_severity severity, davit_status status, const char *text);
    void *user;
    davit_severity level; /* messages of a severity above this one are not made */
} davit_diagnostics;

/* Reports an error (printf-style, cut at 1023 bytes, control characters shown as '?') and returns
 * status, so that a function can `return davit_fail(diag, DAVIT_BAD_DATA, "...", ...)`. */
DAVIT_API DAVIT_PRINTF(3, 4) davit_status davit_fail(const davit_diagnostics *diag,
                                                     davit_status status, const char *format, ...);

/* Reports a warning, decision or detail. */
DAVIT_API DAVIT_PRINTF(3, 4) void davit_log(const davit_diagnostics *diag, davit_severity severity,
                                            const char *format, ...);

/* True when a message of that severity would reach the sink: guards costly preparations. */
DAVIT_API bool davit_log_enabled(const davit_diagnostics *diag, davit_severity severity);

/* A sink that writes "davit: error: text" lines to stderr, one write each; never NULL. The level
 * is that of the argument. The result is static, one per level. Thread-safe. */
DAVIT_API const davit_diagnostics *davit_diagnostics_stderr(davit_severity level);

/* A sink that keeps the last error, for tests and for callers that print later. Any thread may report;
 * read the members while none does. */
typedef struct davit_diagnostics_buffer {
    davit_diagnostics sink; /* pass &buffer.sink */
    davit_status status;    /* of the last error, DAVIT_OK if none */
    unsigned error_count;
    unsigned warning_count;
    char text[1024];         /* of the last error, "" if none */
    char warning_text[1024]; /* of the last warning, "" if none */
    pthread_mutex_t mutex;   /* the sink's own */
} davit_diagnostics_buffer;

/* Initialises the buffer and its sink (level DAVIT_WARNING). Not thread-safe. */
DAVIT_API void davit_diagnostics_buffer_init(davit_diagnostics_buffer *buffer);

#ifdef __cplusplus
}
#endif
#endif
