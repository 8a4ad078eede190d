/* davit plan: place without running. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "session.h"
#include "unit_table.h"

static const cli_option options[] = {
    {"output", 'o', "PLAN.json", "write the plan, for davit run --plan"},
    CLI_PROFILES_OPTION,
    CLI_SESSION_OPTIONS,
    CLI_COMMON_OPTIONS,
};

static int write_file(const davit_diagnostics *diag, const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    bool written = file != NULL && fputs(text, file) >= 0;
    written = (file == NULL || fclose(file) == 0) && written;
    if (!written) {
        (void)davit_fail(diag, DAVIT_IO_ERROR, "--output %s: %s", path, strerror(errno));
        return CLI_FAILED;
    }
    return CLI_DONE;
}

static int show(cli_session *session, const cli_arguments *arguments)
{
    char *text;
    if (davit_session_plan_json(session->session, &text) != DAVIT_OK) {
        return CLI_FAILED;
    }
    int exit_code = CLI_DONE;
    if (arguments->output != NULL) {
        exit_code = write_file(session->diag, arguments->output, text);
    }
    if (exit_code == CLI_DONE && arguments->json) {
        fputs(text, stdout);
    } else if (exit_code == CLI_DONE && cli_unit_table_print(session->session, NULL) != DAVIT_OK) {
        exit_code = CLI_FAILED;
    }
    free(text);
    return exit_code;
}

static int run(int argc, char **argv)
{
    return cli_session_command(&cli_plan, argc, argv, show);
}

const cli_command cli_plan = {
    .name = "plan",
    .arguments = "MODEL.onnx [-o PLAN.json] [OPTIONS]",
    .summary = "place a model without running it",
    .details =
        "Each unit goes to its --pin, else to the first device that supports it. --devices may "
        "name\ndevices that exist only as a profile, as profile:u250; davit devices --profiles "
        "lists them.\n",
    .options = options,
    .run = run,
    .places_only = true,
};
