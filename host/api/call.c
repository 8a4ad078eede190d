#include "call.h"

#include <stdio.h>

static void relay(void *user, davit_severity severity, davit_status status, const char *text)
{
    davit_call *call = user;
    if (severity != DAVIT_ERROR) {
        davit_log(call->user, severity, "%s", text);
    } else if (!atomic_exchange(&call->reported, true)) {
        (void)davit_fail(call->user, status, "%s", text);
    } else {
        davit_log(call->user, DAVIT_DEBUG, "then: %s", text);
    }
}

void davit_call_begin(davit_call *call, const davit_diagnostics *user)
{
    call->sink.report = relay;
    call->sink.user = call;
    call->sink.level = user != NULL ? user->level : DAVIT_ERROR;
    call->user = user;
    atomic_store(&call->reported, false);
}

davit_status davit_call_end(davit_call *call, davit_status status, const char *subject)
{
    if (status != DAVIT_OK && !atomic_exchange(&call->reported, true)) {
        (void)davit_fail(call->user, status, "%s: %s", subject, davit_status_text(status));
    }
    return status;
}

static void keep_first(void *user, davit_severity severity, davit_status status, const char *text)
{
    davit_first_error *error = user;
    (void)status;
    if (severity == DAVIT_ERROR && error->text[0] == '\0') {
        snprintf(error->text, sizeof(error->text), "%s", text);
    }
}

void davit_first_error_init(davit_first_error *error)
{
    error->sink = (davit_diagnostics){.report = keep_first, .user = error, .level = DAVIT_ERROR};
    error->text[0] = '\0';
}
