/* Running a session several times, one after the other or several at once, and what that took. */
#ifndef DAVIT_CLI_RUNS_H
#define DAVIT_CLI_RUNS_H

#include "report_files.h"

/* Of the runs with the session's last plan: those before a device failed are forgotten. */
typedef struct cli_runs {
    size_t count;
    uint64_t *total_ns;       /* [count] */
    uint64_t *copies_ns;      /* [count] */
    size_t units, unit_count; /* units; runs of which units are known, the last ones */
    uint64_t *unit_ns;        /* [units][unit_count] */
    size_t in_flight;
    double
        per_second; /* inferences, forgotten ones included, from the first begin to the last end */
} cli_runs;

/* Runs warmup inferences, then repeat, at most in_flight at the same time, and takes the results in
 * order. The session's outputs are those of a run at the end. recorded NULL: no report is wanted.
 * Clear also after a failure, which was reported. */
DAVIT_NODISCARD davit_status cli_runs_take(cli_session *session, size_t warmup, size_t repeat,
                                           size_t in_flight, cli_recorded *recorded, cli_runs *out);
void cli_runs_clear(cli_runs *runs);

#endif
