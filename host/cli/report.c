/* davit report: shows a recorded run, or compares two. */
#include "cli.h"
#include "json.h"
#include "report_files.h"

static const cli_option options[] = {
    {"output", 'o', "FILE.html", "write the page of the report instead of showing it here"},
    {"trace", 0, "FILE.json", "write the timeline as a trace for Perfetto or chrome://tracing"},
    CLI_COMMON_OPTIONS,
};

static int show(const davit_diagnostics *diag, const cli_arguments *arguments, json_t *report)
{
    int exit_code = CLI_DONE;
    if (arguments->output != NULL) {
        exit_code = cli_report_write(diag, report, arguments->output);
    }
    if (exit_code == CLI_DONE && arguments->trace != NULL) {
        exit_code = cli_report_write_trace(diag, report, arguments->trace);
    }
    if (exit_code == CLI_DONE && arguments->json) {
        return cli_print_json(json_incref(report));
    }
    if (exit_code == CLI_DONE && arguments->output == NULL && arguments->trace == NULL) {
        davit_report_print(report, stdout);
    }
    return exit_code;
}

static int compare(const davit_diagnostics *diag, const cli_arguments *arguments, const json_t *a,
                   const json_t *b)
{
    json_t *comparison = davit_report_compare(a, b);
    if (comparison == NULL) {
        (void)davit_fail(diag, DAVIT_OUT_OF_MEMORY, "out of memory for a comparison");
        return CLI_FAILED;
    }
    if (arguments->json) {
        return cli_print_json(comparison);
    }
    printf("a: %s\nb: %s\n", arguments->positional.items[0], arguments->positional.items[1]);
    davit_report_print_comparison(comparison, stdout);
    json_decref(comparison);
    return CLI_DONE;
}

static int read_and_show(const cli_arguments *arguments)
{
    const davit_diagnostics *diag = davit_diagnostics_stderr(arguments->level);
    json_t *a = NULL;
    json_t *b = NULL;
    int exit_code = CLI_FAILED;
    davit_status status = davit_report_read(arguments->positional.items[0], diag, &a);
    if (status == DAVIT_OK && arguments->positional.count == 2) {
        status = davit_report_read(arguments->positional.items[1], diag, &b);
    }
    if (status == DAVIT_OK) {
        exit_code = b != NULL ? compare(diag, arguments, a, b) : show(diag, arguments, a);
    }
    json_decref(a);
    json_decref(b);
    return exit_code;
}

static int run(int argc, char **argv)
{
    cli_arguments arguments;
    int exit_code;
    if (!cli_parse(&cli_report, argc, argv, &arguments, &exit_code)) {
        return exit_code;
    }
    size_t count = arguments.positional.count;
    if (count != 1 && count != 2) {
        exit_code =
            cli_usage_error(&cli_report, "one or two reports are expected, %zu are given", count);
    } else if (count == 2 && (arguments.output != NULL || arguments.trace != NULL)) {
        exit_code = cli_usage_error(&cli_report, "--output and --trace are for one report");
    } else {
        exit_code = read_and_show(&arguments);
    }
    cli_arguments_clear(&arguments);
    return exit_code;
}

const cli_command cli_report = {
    .name = "report",
    .arguments = "A.json [B.json] [OPTIONS]",
    .summary = "show a recorded run, or compare two",
    .details = "A.json is what davit run --report A.json (or davit plan) wrote. With B.json: which "
               "units\nmoved, which got slower or faster beyond the spread of the runs, and the "
               "totals.\n",
    .options = options,
    .run = run,
};
