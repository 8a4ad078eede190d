/* davit plan: place without running. */
#include <stdlib.h>

#include "cli.h"
#include "explain.h"
#include "plan_problem.h"
#include "plan_table.h"
#include "report_files.h"
#include "session.h"
#include "unit_table.h"

static const cli_option options[] = {
    {"output", 'o', "PLAN.json", "write the plan, for davit run --plan"},
    {"problem", 0, "FILE.json",
     "instead of a MODEL: an abstract placement problem (maxFPGAs, nodes, edges); -o writes the "
     "placement"},
    {"objective", 0, "NAME", "latency (default), throughput of a pipeline, or energy"},
    {"latency-limit", 0, "MS", "the latency that energy may take at most (default: any)"},
    {"inferences", 0, "N",
     "how many the plan is for: loading a bitstream counts 1/N of its time (default 1000)"},
    {"effort", 0, "PERCENT",
     "how much is tried (default 25 for a MODEL; for a problem 700, less for a large one: below 2 "
     "s "
     "for 1000 nodes on 4 devices, where 700 may find some percent more)"},
    {"explain", 0, NULL,
     "tell what each unit costs on each device and what the plan would take if it moved"},
    CLI_REPORT_OPTIONS,
    CLI_PROFILES_OPTION,
    CLI_SESSION_OPTIONS,
    CLI_COMMON_OPTIONS,
};

static davit_status print_tables(const davit_session *session,
                                 const davit_plan_explanation *explanation)
{
    const davit_plan *plan = davit_session_get_plan(session);
    uint64_t *predicted_ns = calloc(plan->unit_count + 1, sizeof(*predicted_ns));
    if (predicted_ns == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t u = 0; u < plan->unit_count; u++) {
        predicted_ns[u] = (uint64_t)(plan->units[u].cost.seconds * 1e9);
    }
    cli_plan_print_summary(session);
    davit_status status = cli_unit_table_print(session, predicted_ns);
    free(predicted_ns);
    if (status == DAVIT_OK && explanation != NULL) {
        cli_plan_print_explanation(session, explanation);
    }
    return status;
}

static int show_explained(const cli_session *session, const cli_arguments *arguments,
                          const davit_plan_explanation *explanation)
{
    const davit_plan *plan = davit_session_get_plan(session->session);
    const davit_graph *graph = davit_session_graph(session->session);
    char *text;
    davit_status status = davit_session_hash_model(session->session);
    if (status == DAVIT_OK) {
        status = explanation != NULL ? davit_plan_explanation_write(explanation, plan, graph,
                                                                    session->diag, &text)
                                     : davit_plan_write(plan, graph, session->diag, &text);
    }
    if (status != DAVIT_OK) {
        return CLI_FAILED;
    }
    int exit_code = CLI_DONE;
    if (arguments->output != NULL) {
        exit_code = cli_write_file(session->diag, arguments->output, text);
    }
    if (exit_code == CLI_DONE && arguments->json) {
        fputs(text, stdout);
    } else if (exit_code == CLI_DONE && print_tables(session->session, explanation) != DAVIT_OK) {
        exit_code = CLI_FAILED;
    }
    free(text);
    return exit_code;
}

static int show(cli_session *session, const cli_arguments *arguments)
{
    davit_plan_explanation *explanation = NULL;
    if (arguments->explain && cli_explain(session, false, &explanation) != DAVIT_OK) {
        return CLI_FAILED;
    }
    int exit_code = show_explained(session, arguments, explanation);
    if (exit_code == CLI_DONE && (arguments->report != NULL || arguments->trace != NULL)) {
        exit_code = cli_report_session(session, arguments, explanation, NULL);
    }
    davit_plan_explanation_destroy(explanation);
    return exit_code;
}

static int run(int argc, char **argv)
{
    cli_arguments arguments;
    int exit_code;
    if (!cli_parse(&cli_plan, argc, argv, &arguments, &exit_code)) {
        return exit_code;
    }
    bool is_done = true;
    if (arguments.problem != NULL && (arguments.report != NULL || arguments.trace != NULL)) {
        exit_code =
            cli_usage_error(&cli_plan, "--report and --trace are of models, not of --problem");
    } else if (arguments.problem != NULL) {
        exit_code = cli_plan_problem(&cli_plan, &arguments);
    } else if (arguments.plan != NULL &&
               (arguments.objective != NULL || arguments.latency_limit != NULL)) {
        exit_code = cli_usage_error(&cli_plan,
                                    "--plan %s has its objective and limit: leave "
                                    "--objective and --latency-limit out",
                                    arguments.plan);
    } else {
        is_done = !cli_report_options(&cli_plan, &arguments, &exit_code);
    }
    cli_arguments_clear(&arguments);
    if (is_done) {
        return exit_code;
    }
    return cli_session_command(&cli_plan, argc, argv, show);
}

const cli_command cli_plan = {
    .name = "plan",
    .arguments = "MODEL.onnx | --problem FILE.json [-o PLAN.json] [OPTIONS]",
    .summary = "place a model without running it",
    .details = "Units are placed so that the objective is least, with what was measured on this\n"
               "machine (davit calibrate) and else with models of the devices; devices\n"
               "profile:NAME need not be there (davit devices --profiles lists them). A unit with\n"
               "a --pin stays on it.\n",
    .options = options,
    .run = run,
    .places_only = true,
};
