/* Reports: what was planned and what it took, as JSON (host/report/report.schema.json), and that as
 * a page, a trace, a table, a comparison.
 *
 * Everything here is a function of the JSON, so a report that was kept shows the same later. Names
 * come from models: they are untrusted and stay text wherever they go. Reentrant. */
#ifndef DAVIT_REPORT_H
#define DAVIT_REPORT_H

#include <jansson.h>
#include <stdio.h>

#include "davit/execute.h"
#include "davit/explain.h"
#include "davit/topology.h"

#define DAVIT_REPORT_SCHEMA_VERSION 1

/* Something that the user should know of: a fallback, a device that was lost. */
typedef struct davit_report_event {
    const char *kind;   /* "fallback", "unused", "kept_f32", "device_lost", "moved", "returned" */
    const char *device; /* "" for none */
    double time_s;      /* since the first run began; NAN: none */
    const char *text;
} davit_report_event;

/* Of several runs, in nanoseconds; low and high are the 10th and 90th percentile. */
typedef struct davit_report_spread {
    uint64_t median_ns, low_ns, high_ns;
} davit_report_spread;

/* What one inference's tasks took (davit_run_record). */
typedef struct davit_report_inference {
    uint64_t begin_ns; /* since the first inference of the timeline began */
    uint64_t total_ns;
    size_t span_count;
    const davit_span *spans;
    const uint64_t *unit_ns; /* by unit id */
} davit_report_inference;

typedef struct davit_report_runs {
    size_t count;
    davit_report_spread total;
    const davit_report_spread *units; /* by unit id */
    uint64_t copies_ns, copied_bytes; /* of one run */
    uint64_t load_ns;
    size_t memory_bytes;
    size_t program_count, cached_program_count;
    /* The measured timeline: one inference, or several that overlap. */
    size_t inference_count;
    const davit_report_inference *inferences;
} davit_report_runs;

typedef struct davit_report_unit {
    const char *operators;      /* "Conv+Relu" */
    const char *implementation; /* "" when unknown */
    const char *implementation_reason; /* "" where there is but one */
} davit_report_unit;

/* What a report is made from; all borrowed for the call. */
typedef struct davit_report_source {
    const char *model;   /* the path as given */
    const char *version; /* of davit */
    const davit_graph *graph;
    const davit_plan *plan;
    const davit_report_unit *units;            /* by unit id */
    const davit_plan_explanation *explanation; /* NULL: none */
    bool moves_alone;                          /* it was made with davit_explain_options.alone */
    const davit_topology *topology;            /* NULL: unknown */
    const davit_report_runs *runs;             /* NULL: only planned */
    size_t event_count;                        /* beside those that plan and graph tell */
    const davit_report_event *events;
} davit_report_source;

/* Makes the JSON; release with json_decref. DAVIT_OUT_OF_MEMORY. */
DAVIT_NODISCARD davit_status davit_report_make(const davit_report_source *source,
                                               const davit_diagnostics *diag, json_t **out);

/* Reads a report that was kept. Whatever the functions below look at is checked: what they get from
 * here has the right types and indices. Reports, with the file and the place; DAVIT_NOT_FOUND,
 * DAVIT_IO_ERROR, DAVIT_BAD_DATA. */
DAVIT_NODISCARD davit_status davit_report_read(const char *path, const davit_diagnostics *diag,
                                               json_t **out);

/* The JSON as text, the page (HTML, nothing outside it is asked for), the trace (Chrome's trace
 * event format, for Perfetto). Free *text with free(). DAVIT_OUT_OF_MEMORY, reported. */
DAVIT_NODISCARD davit_status davit_report_write_json(const json_t *report,
                                                     const davit_diagnostics *diag, char **text);
DAVIT_NODISCARD davit_status davit_report_write_page(const json_t *report,
                                                     const davit_diagnostics *diag, char **text);
DAVIT_NODISCARD davit_status davit_report_write_trace(const json_t *report,
                                                      const davit_diagnostics *diag, char **text);

/* A summary and a table of units. */
void davit_report_print(const json_t *report, FILE *stream);

/* Compares two reports as JSON {schema_version, same_model, totals, moved, slower, faster,
 * not_judged, only_in_a, only_in_b}: units by name. A unit is slower in b when its 10th percentile
 * there is above the 90th in a, faster likewise; with fewer than 3 runs of either it is not judged.
 * NULL when memory is short. */
json_t *davit_report_compare(const json_t *a, const json_t *b);
void davit_report_print_comparison(const json_t *comparison, FILE *stream);

#endif
