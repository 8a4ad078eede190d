/* Reports of sessions: --report FILE.html|FILE.json, --trace FILE.json. */
#ifndef DAVIT_CLI_REPORT_FILES_H
#define DAVIT_CLI_REPORT_FILES_H

#include "davit/report.h"
#include "session.h"

/* Whether the options of reports are good; else says why and sets *exit_code. */
bool cli_report_options(const cli_command *command, const cli_arguments *arguments, int *exit_code);

/* What is kept while running: the records of the last runs. */
typedef struct cli_recorded {
    size_t units, most, slots;          /* units; spans of one run; runs */
    davit_span *spans;                  /* [slots][most] */
    uint64_t *unit_ns;                  /* [slots][units] */
    davit_report_inference *inferences; /* [slots] */
    davit_report_spread *spreads;       /* [units] */
} cli_recorded;

/* Starts without room for any. Free with cli_recorded_clear. */
void cli_recorded_init(const cli_session *session, cli_recorded *recorded);
/* Keeps the run with that number, which has just ended. Reports. */
DAVIT_NODISCARD davit_status cli_recorded_keep(const cli_session *session, size_t number,
                                               cli_recorded *recorded);
void cli_recorded_clear(cli_recorded *recorded);

struct cli_runs;
/* What the runs took, whose samples are put into another order. Borrows recorded. */
davit_report_runs cli_recorded_runs(const cli_session *session, const cli_recorded *recorded,
                                    struct cli_runs *runs);

/* Writes the report, and the trace, that the arguments ask for; runs NULL: of a plan. explanation
 * NULL: makes one in which only one unit moves. Returns an exit code. */
int cli_report_session(const cli_session *session, const cli_arguments *arguments,
                       const davit_plan_explanation *explanation, const davit_report_runs *runs);

/* Writes JSON where the path ends with .json, else the page. Returns an exit code. */
int cli_report_write(const davit_diagnostics *diag, const json_t *report, const char *path);
int cli_report_write_trace(const davit_diagnostics *diag, const json_t *report, const char *path);

#define CLI_REPORT_OPTIONS                                                                         \
    {"report", 0, "FILE.html|.json",                                                               \
     "write a report: a page for a browser, or its data (davit report reads it)"},                 \
    {                                                                                              \
        "trace", 0, "FILE.json", "write the timeline as a trace for Perfetto or chrome://tracing"  \
    }

#endif
