/* Diagnostics of one public call: exactly one error reaches the caller's sink when the call fails,
 * none when it succeeds. Errors after the first become details. */
#ifndef DAVIT_CALL_H
#define DAVIT_CALL_H

#include <stdatomic.h>

#include "davit/diagnostics.h"

typedef struct davit_call {
    davit_diagnostics sink; /* what everything below gets */
    const davit_diagnostics *user;
    atomic_bool reported;
} davit_call;

/* Begins a call. A call may be begun again once it has ended. */
void davit_call_begin(davit_call *call, const davit_diagnostics *user);

/* Ends it: reports a failure that nobody has reported. subject is what the call was about, a file
 * or a step. Returns status. */
davit_status davit_call_end(davit_call *call, davit_status status, const char *subject);

/* A sink that keeps the first error and says nothing: for what is tried, and may fail. */
typedef struct davit_first_error {
    davit_diagnostics sink;
    char text[512]; /* "": none */
} davit_first_error;

void davit_first_error_init(davit_first_error *error);

#endif
