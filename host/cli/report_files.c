#include "report_files.h"

#include <stdlib.h>
#include <string.h>

#include "davit/inventory.h"
#include "events.h"
#include "explain.h"
#include "runs.h"
#include "samples.h"

enum { SLOTS = 32 };

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text);
    return length > strlen(end) && strcmp(text + length - strlen(end), end) == 0;
}

bool cli_report_options(const cli_command *command, const cli_arguments *arguments, int *exit_code)
{
    const char *path = arguments->report;
    if (path != NULL && !ends_with(path, ".html") && !ends_with(path, ".json")) {
        *exit_code = cli_usage_error(
            command, "--report %s: a name that ends with .html or .json is expected", path);
        return false;
    }
    if (path != NULL && arguments->trace != NULL && strcmp(path, arguments->trace) == 0) {
        *exit_code = cli_usage_error(command, "--report and --trace both name %s", path);
        return false;
    }
    return true;
}

/* ---- what is kept while running ---- */

void cli_recorded_init(const cli_session *session, cli_recorded *recorded)
{
    *recorded = (cli_recorded){.units = davit_session_unit_count(session->session), .slots = SLOTS};
}

void cli_recorded_clear(cli_recorded *recorded)
{
    free(recorded->spans);
    free(recorded->unit_ns);
    free(recorded->inferences);
    free(recorded->spreads);
    memset(recorded, 0, sizeof(*recorded));
}

/* Each run has as many spans as the first. */
static davit_status make_room(const cli_session *session, size_t spans, cli_recorded *recorded)
{
    recorded->most = spans;
    recorded->spans = calloc(recorded->slots * (spans + 1), sizeof(*recorded->spans));
    recorded->unit_ns = calloc(recorded->slots * (recorded->units + 1), sizeof(uint64_t));
    recorded->inferences = calloc(recorded->slots, sizeof(*recorded->inferences));
    recorded->spreads = calloc(recorded->units + 1, sizeof(*recorded->spreads));
    if (recorded->spans == NULL || recorded->unit_ns == NULL || recorded->inferences == NULL ||
        recorded->spreads == NULL) {
        return davit_fail(session->diag, DAVIT_OUT_OF_MEMORY, "out of memory for a report");
    }
    return DAVIT_OK;
}

davit_status cli_recorded_keep(const cli_session *session, size_t number, cli_recorded *recorded)
{
    const davit_run_record *record = davit_session_last_run(session->session);
    size_t slot = number % recorded->slots;
    davit_status status =
        recorded->inferences == NULL ? make_room(session, record->span_count, recorded) : DAVIT_OK;
    if (status != DAVIT_OK) {
        return status;
    }
    davit_span *spans = recorded->spans + slot * recorded->most;
    uint64_t *unit_ns = recorded->unit_ns + slot * recorded->units;
    const size_t devices = davit_session_get_plan(session->session)->device_count;
    size_t count = 0;
    for (size_t i = 0; i < record->span_count && count < recorded->most; i++) {
        if (record->spans[i].device < devices) { /* else of a plan before a device was lost */
            spans[count++] = record->spans[i];
        }
    }
    memcpy(unit_ns, record->unit_ns, recorded->units * sizeof(*unit_ns));
    recorded->inferences[slot] = (davit_report_inference){
        .total_ns = record->total_ns, .span_count = count, .spans = spans, .unit_ns = unit_ns};
    return DAVIT_OK;
}

static davit_report_spread spread_of(uint64_t *samples, size_t count)
{
    return (davit_report_spread){.median_ns = cli_percentile(samples, count, 50),
                                 .low_ns = cli_percentile(samples, count, 10),
                                 .high_ns = cli_percentile(samples, count, 90)};
}

static uint64_t distance(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

/* The slot of the run that is nearest to the median. */
static size_t typical_run(const cli_recorded *recorded, size_t count, uint64_t median_ns)
{
    const davit_report_inference *kept = recorded->inferences;
    size_t best = 0;
    for (size_t i = 1; i < recorded->slots && i < count; i++) {
        if (distance(kept[i].total_ns, median_ns) < distance(kept[best].total_ns, median_ns)) {
            best = i;
        }
    }
    return best;
}

davit_report_runs cli_recorded_runs(const cli_session *session, const cli_recorded *recorded,
                                    cli_runs *runs)
{
    davit_session_summary summary;
    davit_session_get_summary(session->session, &summary);
    for (size_t u = 0; u < recorded->units; u++) {
        recorded->spreads[u] = spread_of(runs->unit_ns + u * runs->unit_count, runs->unit_count);
    }
    const davit_report_spread total = spread_of(runs->total_ns, runs->count);
    return (davit_report_runs){
        .count = runs->count,
        .total = total,
        .units = recorded->spreads,
        .copies_ns = summary.last_transfer_ns,
        .copied_bytes = summary.last_transfer_bytes,
        .load_ns = summary.load_ns,
        .memory_bytes = summary.memory_bytes,
        .program_count = summary.program_count,
        .cached_program_count = summary.cached_program_count,
        .inference_count = 1,
        .inferences = &recorded->inferences[typical_run(recorded, runs->count, total.median_ns)]};
}

/* ---- files ---- */

static int write_text(const davit_diagnostics *diag, davit_status status, const char *path,
                      char *text)
{
    int exit_code = status == DAVIT_OK ? cli_write_file(diag, path, text) : CLI_FAILED;
    free(text);
    return exit_code;
}

int cli_report_write(const davit_diagnostics *diag, const json_t *report, const char *path)
{
    char *text = NULL;
    davit_status status = ends_with(path, ".json") ? davit_report_write_json(report, diag, &text)
                                                   : davit_report_write_page(report, diag, &text);
    return write_text(diag, status, path, text);
}

int cli_report_write_trace(const davit_diagnostics *diag, const json_t *report, const char *path)
{
    char *text = NULL;
    davit_status status = davit_report_write_trace(report, diag, &text);
    return write_text(diag, status, path, text);
}

/* Operators and implementations of the units; NULL after a failure, reported. */
static davit_report_unit *describe_units(const cli_session *session)
{
    size_t count = davit_session_unit_count(session->session);
    davit_report_unit *units = calloc(count + 1, sizeof(*units));
    if (units == NULL) {
        (void)davit_fail(session->diag, DAVIT_OUT_OF_MEMORY, "out of memory for a report");
        return NULL;
    }
    for (size_t u = 0; u < count; u++) {
        davit_unit_summary summary;
        if (davit_session_unit(session->session, u, &summary) != DAVIT_OK) {
            free(units);
            return NULL;
        }
        units[u] = (davit_report_unit){summary.operators, summary.implementation,
                                       summary.implementation_reason};
    }
    return units;
}

static davit_status make_report(const cli_session *session, const cli_arguments *arguments,
                                const davit_plan_explanation *explanation,
                                const davit_report_runs *runs, json_t **report)
{
    davit_plan_explanation *made = NULL;
    davit_report_unit *units = describe_units(session);
    size_t event_count;
    davit_report_event *events = cli_events_list(session, &event_count);
    davit_status status =
        units != NULL ? davit_session_hash_model(session->session) : DAVIT_OUT_OF_MEMORY;
    if (status == DAVIT_OK && explanation == NULL) {
        status = cli_explain(session, !arguments->explain, &made);
    }
    if (status == DAVIT_OK) {
        const davit_report_source source = {.model = arguments->positional.items[0],
                                            .version = davit_version(),
                                            .graph = davit_session_graph(session->session),
                                            .plan = davit_session_get_plan(session->session),
                                            .units = units,
                                            .explanation = explanation != NULL ? explanation : made,
                                            .moves_alone = !arguments->explain,
                                            .topology = davit_context_topology(session->context),
                                            .runs = runs,
                                            .event_count = event_count,
                                            .events = events};
        status = davit_report_make(&source, session->diag, report);
    }
    davit_plan_explanation_destroy(made);
    free(events);
    free(units);
    return status;
}

int cli_report_session(const cli_session *session, const cli_arguments *arguments,
                       const davit_plan_explanation *explanation, const davit_report_runs *runs)
{
    json_t *report;
    if (make_report(session, arguments, explanation, runs, &report) != DAVIT_OK) {
        return CLI_FAILED;
    }
    int exit_code = CLI_DONE;
    if (arguments->report != NULL) {
        exit_code = cli_report_write(session->diag, report, arguments->report);
    }
    if (exit_code == CLI_DONE && arguments->trace != NULL) {
        exit_code = cli_report_write_trace(session->diag, report, arguments->trace);
    }
    json_decref(report);
    return exit_code;
}
