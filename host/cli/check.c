/* davit check: run ONNX backend test cases. */
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "cli.h"
#include "json.h"

static const cli_option options[] = {
    {"devices", 'd', "LIST", "devices in order of preference, as cpu,reference"},
    {"no-optimize", 0, NULL, "run the graphs as the files have them, unfused"},
    CLI_COMMON_OPTIONS,
};

static const char *const result_names[] = {"passed", "failed", "skipped"};

static void print_case(const cli_case *item, davit_severity level)
{
    if (item->result == CLI_CASE_FAILED) {
        printf("FAIL %s: %s\n", item->path, item->reason);
    } else if (item->result == CLI_CASE_SKIPPED) {
        printf("skip %s: %s\n", item->path, item->reason);
    } else if (level >= DAVIT_INFO) {
        printf("pass %s\n", item->path);
    }
}

static int show_json(const cli_cases *cases, const size_t *counts)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < cases->count; i++) {
        const cli_case *item = &cases->items[i];
        json_array_append_new(rows, json_pack("{s:s, s:s, s:s}", "case", item->path, "result",
                                              result_names[item->result], "reason",
                                              item->reason));
    }
    return cli_print_json(json_pack("{s:i, s:I, s:I, s:I, s:o}", "schema_version",
                                    CLI_SCHEMA_VERSION, "passed",
                                    (json_int_t)counts[CLI_CASE_PASSED], "failed",
                                    (json_int_t)counts[CLI_CASE_FAILED], "skipped",
                                    (json_int_t)counts[CLI_CASE_SKIPPED], "cases", rows));
}

static int run_cases(cli_cases *cases, const cli_arguments *arguments)
{
    const cli_case_options case_options = {.devices = arguments->devices,
                                           .optimize = !arguments->no_optimize};
    size_t counts[3] = {0, 0, 0};
    for (size_t i = 0; i < cases->count; i++) {
        cli_case_run(&cases->items[i], &case_options);
        counts[cases->items[i].result]++;
        if (!arguments->json) {
            print_case(&cases->items[i], arguments->level);
        }
    }
    int exit_code = CLI_DONE;
    if (arguments->json) {
        exit_code = show_json(cases, counts);
    } else {
        printf("%zu passed, %zu failed, %zu skipped\n", counts[CLI_CASE_PASSED],
               counts[CLI_CASE_FAILED], counts[CLI_CASE_SKIPPED]);
    }
    return counts[CLI_CASE_FAILED] > 0 ? CLI_FAILED : exit_code;
}

static int run(int argc, char **argv)
{
    cli_arguments arguments;
    int exit_code;
    if (!cli_parse(&cli_check, argc, argv, &arguments, &exit_code)) {
        return exit_code;
    }
    if (arguments.positional.count == 0) {
        exit_code = cli_usage_error(&cli_check, "a folder of test cases is expected");
        cli_arguments_clear(&arguments);
        return exit_code;
    }
    cli_cases cases = {0};
    davit_status status = DAVIT_OK;
    for (size_t i = 0; status == DAVIT_OK && i < arguments.positional.count; i++) {
        status = cli_cases_find(arguments.positional.items[i],
                                davit_diagnostics_stderr(arguments.level), &cases);
    }
    exit_code = status == DAVIT_OK ? run_cases(&cases, &arguments) : CLI_FAILED;
    cli_cases_clear(&cases);
    cli_arguments_clear(&arguments);
    return exit_code;
}

const cli_command cli_check = {
    .name = "check",
    .arguments = "DIR... [OPTIONS]",
    .summary = "run ONNX backend test cases (model.onnx, test_data_set_*)",
    .details = "Compares at ONNX's tolerances (rtol 1e-3, atol 1e-7). A line for each failure and\n"
               "for each skip, which names the operator, type or feature missing; the counts last.\n",
    .options = options,
    .run = run,
};
