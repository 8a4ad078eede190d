/* davit run: load, place, run, show where each unit ran and how long it took. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"
#include "compare.h"
#include "events.h"
#include "json.h"
#include "learn.h"
#include "npy.h"
#include "samples.h"
#include "unit_table.h"

static const cli_option options[] = {
    {"output", 'o', "DIR", "write each output as DIR/NAME.npy"},
    {"verify", 0, NULL, "compare the outputs with the reference backend; differences fail"},
    {"repeat", 'n', "N", "run N times and show medians (default 1)"},
    CLI_REPORT_OPTIONS,
    {"explain", 0, NULL,
     "with --report: what the plan would take if a unit moved and all others were placed anew; "
     "takes "
     "its time"},
    CLI_SESSION_OPTIONS,
    CLI_FLOW_OPTIONS,
    CLI_LEARN_OPTION,
    CLI_COMMON_OPTIONS,
};

/* Tolerances of --verify by precision: per element, and relative L2 per output. */
static const struct {
    cli_tolerance element;
    double l2;
} tolerances[DAVIT_PRECISION_COUNT] = {
    [DAVIT_PRECISION_F32] = {{1e-3, 1e-5}, 1e-4}, [DAVIT_PRECISION_TF32] = {{5e-2, 5e-3}, 1e-2},
    [DAVIT_PRECISION_BF16] = {{4e-1, 4e-2}, 3e-2}};

/* Medians over the runs. */
typedef struct measurement {
    cli_runs runs;
    uint64_t *unit_ns; /* [units] */
    uint64_t median_ns;
} measurement;

static void measurement_free(measurement *result)
{
    cli_runs_clear(&result->runs);
    free(result->unit_ns);
}

/* recorded NULL: no report is wanted. */
static davit_status measure(cli_session *session, const cli_arguments *arguments,
                            cli_recorded *recorded, measurement *result)
{
    size_t repeat = arguments->repeat > 0 ? (size_t)arguments->repeat : 1;
    cli_runs *runs = &result->runs;
    davit_status status =
        cli_runs_take(session, 0, repeat, cli_in_flight(arguments), recorded, runs);
    if (status != DAVIT_OK) {
        return status;
    }
    cli_learn(session, arguments, runs);
    result->unit_ns = calloc(runs->units + 1, sizeof(uint64_t));
    if (result->unit_ns == NULL) {
        return davit_fail(session->diag, DAVIT_OUT_OF_MEMORY, "out of memory");
    }
    for (size_t u = 0; u < runs->units; u++) {
        result->unit_ns[u] =
            cli_percentile(runs->unit_ns + u * runs->unit_count, runs->unit_count, 50);
    }
    result->median_ns = cli_percentile(runs->total_ns, runs->count, 50);
    return DAVIT_OK;
}

enum { FILE_NAME_BYTES = 256 };
typedef char file_name[FILE_NAME_BYTES];

/* A file name that cannot leave the folder: everything but letters, digits and ._- becomes '_'.
 * Where an earlier output has that name, a number from 2 on is added. Returns it, else 1. */
static size_t name_file(const char *name, file_name *names, size_t index)
{
    enum { SUFFIX_BYTES = 26 }; /* "_18446744073709551615.npy" */
    char base[FILE_NAME_BYTES - SUFFIX_BYTES + 1];
    size_t length = 0;
    for (; name[length] != '\0' && length + 1 < sizeof(base); length++) {
        char c = name[length];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '_' || c == '-' || (c == '.' && length > 0);
        base[length] = plain ? c : '_';
    }
    base[length] = '\0';
    snprintf(names[index], FILE_NAME_BYTES, "%s.npy", base);
    size_t number = 1;
    for (size_t i = 0; i < index; i++) {
        if (strcmp(names[i], names[index]) == 0) {
            snprintf(names[index], FILE_NAME_BYTES, "%s_%zu.npy", base, ++number);
            i = (size_t)-1; /* that may be taken as well: from the first again */
        }
    }
    return number;
}

static davit_status write_output(const cli_session *session, const char *folder, size_t index,
                                 file_name *names)
{
    const davit_named_tensor *output = &session->outputs[index];
    char path[4096];
    if (name_file(output->name, names, index) > 1) {
        davit_log(session->diag, DAVIT_WARNING, "output '%s' is written to %s", output->name,
                  names[index]);
    }
    int length = snprintf(path, sizeof(path), "%s/%s", folder, names[index]);
    if (length < 0 || (size_t)length >= sizeof(path)) {
        return davit_fail(session->diag, DAVIT_INVALID_ARGUMENT, "--output %s: path too long",
                          folder);
    }
    return cli_npy_write(path, output->tensor, session->diag);
}

static davit_status write_outputs(const cli_session *session, const char *folder)
{
    if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
        return davit_fail(session->diag, DAVIT_IO_ERROR, "--output %s: %s", folder,
                          strerror(errno));
    }
    file_name *names = calloc(session->output_count + 1, sizeof(*names));
    if (names == NULL) {
        return davit_fail(session->diag, DAVIT_OUT_OF_MEMORY, "out of memory");
    }
    davit_status status = DAVIT_OK;
    for (size_t i = 0; status == DAVIT_OK && i < session->output_count; i++) {
        status = write_output(session, folder, i, names);
    }
    free(names);
    return status;
}

/* ---- verification ---- */

typedef struct verification {
    bool done;
    size_t failed;
    cli_difference *differences; /* [output_count] */
} verification;

static davit_status verify(cli_session *session, verification *result)
{
    davit_named_tensor *wanted;
    davit_status status = cli_session_reference(session, &wanted);
    if (status != DAVIT_OK) {
        return status;
    }
    result->differences = calloc(session->output_count + 1, sizeof(*result->differences));
    if (result->differences == NULL) {
        status = davit_fail(session->diag, DAVIT_OUT_OF_MEMORY, "out of memory");
    }
    for (size_t i = 0; status == DAVIT_OK && i < session->output_count; i++) {
        cli_difference difference = cli_compare(session->outputs[i].tensor, wanted[i].tensor,
                                                tolerances[session->precision].element);
        result->differences[i] = difference;
        bool same = difference.comparable &&
                    difference.relative_l2 <= tolerances[session->precision].l2 &&
                    difference.wrong == 0;
        result->failed += !same;
        if (!same) {
            (void)davit_fail(session->diag, DAVIT_INTERNAL,
                             "output '%s' differs from the reference: %lld of %lld elements, "
                             "relative L2 %.3g",
                             session->outputs[i].name, (long long)difference.wrong,
                             (long long)difference.elems, difference.relative_l2);
        }
    }
    cli_outputs_free(wanted, session->output_count);
    result->done = status == DAVIT_OK;
    return status;
}

/* ---- what is shown ---- */

static void print_outputs(const cli_session *session, const verification *check)
{
    for (size_t i = 0; i < session->output_count; i++) {
        const davit_tensor_desc *desc = &session->outputs[i].tensor->desc;
        char shape[96];
        printf("output %s: %s %s", session->outputs[i].name,
               davit_shape_text(desc->dims, desc->rank, shape, sizeof(shape)),
               davit_dtype_name(desc->dtype));
        if (check->done) {
            const cli_difference *difference = &check->differences[i];
            printf(", against the reference: relative L2 %.2e, greatest difference %.2e, "
                   "%lld of %lld elements outside tolerance",
                   difference->relative_l2, difference->greatest, (long long)difference->wrong,
                   (long long)difference->elems);
        }
        printf("\n");
    }
}

static davit_status print_text(const cli_session *session, const measurement *result,
                               const verification *check)
{
    davit_session_summary summary;
    davit_session_get_summary(session->session, &summary);
    davit_status status = cli_unit_table_print(session->session, result->unit_ns);
    if (status != DAVIT_OK) {
        return status;
    }
    const cli_runs *runs = &result->runs;
    printf("\n%zu unit%s in %zu program%s, loaded in %.1f ms%s, %.1f MiB", runs->units,
           runs->units == 1 ? "" : "s", summary.program_count,
           summary.program_count == 1 ? "" : "s", (double)summary.load_ns * 1e-6,
           summary.cached_program_count > 0 ? " (packed weights found on disk)" : "",
           (double)summary.memory_bytes / (1024.0 * 1024.0));
    printf("; %s %.3f ms", runs->count > 1 ? "median run" : "run",
           (double)result->median_ns * 1e-6);
    if (runs->count > 1) {
        printf(" of %zu (%.3f to %.3f)", runs->count,
               (double)cli_percentile(runs->total_ns, runs->count, 0) * 1e-6,
               (double)cli_percentile(runs->total_ns, runs->count, 100) * 1e-6);
    }
    printf(", of it %.3f ms copying %.1f KiB\n", (double)summary.last_transfer_ns * 1e-6,
           (double)summary.last_transfer_bytes / 1024.0);
    if (runs->in_flight > 1) {
        printf("%zu at the same time: %.2f inferences/s\n", runs->in_flight, runs->per_second);
    }
    cli_emulated_device_print(session->session);
    if (summary.integer_unit_count > 0 || summary.kept_count > 0) {
        printf("%zu integer units, %zu units kept in f32%s\n", summary.integer_unit_count,
               summary.kept_count, summary.kept_count > 0 ? " (-v says why)" : "");
    }
    status = cli_device_shares_print(session->session);
    print_outputs(session, check);
    return status;
}

static json_t *outputs_json(const cli_session *session, const verification *check)
{
    json_t *outputs = json_array();
    for (size_t i = 0; i < session->output_count; i++) {
        const davit_tensor_desc *desc = &session->outputs[i].tensor->desc;
        json_t *output = json_pack("{s:s, s:s, s:o}", "name", session->outputs[i].name, "dtype",
                                   davit_dtype_name(desc->dtype), "shape", cli_json_shape(desc));
        if (check->done) {
            const cli_difference *difference = &check->differences[i];
            json_object_set_new(output, "verify",
                                json_pack("{s:f, s:f, s:I, s:I}", "relative_l2",
                                          difference->relative_l2, "greatest_difference",
                                          difference->greatest, "wrong",
                                          (json_int_t)difference->wrong, "elements",
                                          (json_int_t)difference->elems));
        }
        json_array_append_new(outputs, output);
    }
    return outputs;
}

static json_t *kept_json(const davit_session *session, size_t count)
{
    json_t *list = json_array();
    davit_kept_summary kept;
    for (size_t i = 0; i < count && davit_session_kept(session, i, &kept) == DAVIT_OK; i++) {
        json_array_append_new(list,
                              json_pack("{s:s, s:s}", "node", kept.node, "reason", kept.reason));
    }
    return list;
}

static int print_json(const cli_session *session, const measurement *result,
                      const verification *check)
{
    davit_session_summary summary;
    davit_session_get_summary(session->session, &summary);
    return cli_print_json(json_pack(
        "{s:i, s:I, s:I, s:I, s:I, s:f, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o, "
        "s:o, s:s?}",
        "schema_version", CLI_SCHEMA_VERSION, "load_ns", (json_int_t)summary.load_ns, "repeat",
        (json_int_t)result->runs.count, "median_ns", (json_int_t)result->median_ns, "in_flight",
        (json_int_t)result->runs.in_flight, "inferences_per_s", result->runs.per_second,
        "transfer_ns", (json_int_t)summary.last_transfer_ns, "transfer_bytes",
        (json_int_t)summary.last_transfer_bytes, "programs", (json_int_t)summary.program_count,
        "cached_programs", (json_int_t)summary.cached_program_count, "memory_bytes",
        (json_int_t)summary.memory_bytes, "fallbacks",
        (json_int_t)summary.fallback_count, "integer_units", (json_int_t)summary.integer_unit_count,
        "kept_f32", kept_json(session->session, summary.kept_count), "devices",
        cli_device_shares_json(session->session), "units",
        cli_unit_table_json(session->session, result->unit_ns), "outputs",
        outputs_json(session, check), "events", cli_events_json(session), "emulated",
        cli_emulated_device(session->session)));
}

/* Runs, shows and verifies; with recorded, writes the report. */
static int run_and_show(cli_session *session, const cli_arguments *arguments,
                        cli_recorded *recorded)
{
    measurement result = {.unit_ns = NULL};
    verification check = {0};
    davit_status status = measure(session, arguments, recorded, &result);
    if (status == DAVIT_OK && arguments->output != NULL) {
        status = write_outputs(session, arguments->output);
    }
    if (status == DAVIT_OK && arguments->verify) {
        status = verify(session, &check);
    }
    int exit_code = CLI_FAILED;
    if (status == DAVIT_OK && arguments->json) {
        exit_code = print_json(session, &result, &check);
    } else if (status == DAVIT_OK) {
        exit_code = print_text(session, &result, &check) == DAVIT_OK ? CLI_DONE : CLI_FAILED;
    }
    if (exit_code == CLI_DONE && recorded != NULL) {
        const davit_report_runs runs = cli_recorded_runs(session, recorded, &result.runs);
        exit_code = cli_report_session(session, arguments, NULL, &runs);
    }
    exit_code = check.failed > 0 ? CLI_FAILED : exit_code;
    free(check.differences);
    measurement_free(&result);
    return exit_code;
}

static int run_session(cli_session *session, const cli_arguments *arguments)
{
    int exit_code = CLI_FAILED;
    if (!cli_report_options(&cli_run, arguments, &exit_code)) {
        return exit_code;
    }
    if (arguments->explain && arguments->report == NULL) {
        return cli_usage_error(&cli_run,
                               "--explain needs --report; davit plan --explain prints it");
    }
    if (arguments->report == NULL && arguments->trace == NULL) {
        return run_and_show(session, arguments, NULL);
    }
    cli_recorded recorded;
    cli_recorded_init(session, &recorded);
    exit_code = run_and_show(session, arguments, &recorded);
    cli_recorded_clear(&recorded);
    return exit_code;
}

static int run(int argc, char **argv)
{
    return cli_session_command(&cli_run, argc, argv, run_session);
}

const cli_command cli_run = {
    .name = "run",
    .arguments = "MODEL.onnx [OPTIONS]",
    .summary = "run a model and show where each unit ran and how long it took",
    .details = "Inputs that are not given are random (seeded): floats in [-1, 1), integers and\n"
               "bools 0 or 1. Units that the first device lacks run on the next of --devices;\n"
               "a warning says so, --strict makes it an error. When a device fails, its units\n"
               "move to the others and the run is completed there; a line on stderr, --json and\n"
               "--report tell each such event.\n",
    .options = options,
    .run = run,
};
