/* Progress on standard error: a bar where that is a terminal, a line for each tenth elsewhere. */
#ifndef DAVIT_CLI_PROGRESS_H
#define DAVIT_CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct cli_progress {
    bool terminal;
    const char *what; /* is counted: "samples" */
    size_t told;      /* tenths of the present step that were told */
} cli_progress;

cli_progress cli_progress_start(const char *what);

/* Step `step` has done `done` of `total`. user is a cli_progress. */
void cli_progress_tell(void *user, const char *step, size_t done, size_t total);
/* The step ends before all is done: says how far it came and why. */
void cli_progress_stop(const cli_progress *progress, const char *step, size_t done, size_t total,
                       const char *why);

#endif
