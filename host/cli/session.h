/* From a command line to a session that is ready to run. */
#ifndef DAVIT_CLI_SESSION_H
#define DAVIT_CLI_SESSION_H

#include "cli.h"
#include "davit/graphs.h"
#include "inputs.h"

/* What a command that runs a model holds. */
typedef struct cli_session {
    const davit_diagnostics *diag;
    bool place_only; /* no device is open, inputs are those that were given */
    davit_precision precision;
    davit_context *context;
    davit_model *model;
    davit_session *session;
    cli_inputs inputs;           /* complete: given or random */
    davit_named_tensor *outputs; /* [output_count], created by the first run */
    size_t output_count;
} cli_session;

/* A command with one MODEL argument: parses argv, opens the session, works on it, closes it.
 * Returns the exit code, that of work where it came so far. */
int cli_session_command(const cli_command *command, int argc, char **argv,
                        int (*work)(cli_session *session, const cli_arguments *arguments));

/* Loads the model, reads inputs, creates the session, fills in random inputs. With a graph the
 * model is that, taken over also on failure, and `model` its label. place_only: nothing is opened
 * to run. On failure everything is released and the reason has been told. */
DAVIT_NODISCARD davit_status cli_session_open(const char *model, davit_graph *graph,
                                              bool place_only, const cli_arguments *arguments,
                                              cli_session *out);
void cli_session_close(cli_session *session);

/* Runs one inference with the inputs into the outputs. */
DAVIT_NODISCARD davit_status cli_session_run(cli_session *session);

/* Runs the same inputs unfused on the reference backend. *outputs is an array of output_count to
 * be freed with cli_outputs_free. */
DAVIT_NODISCARD davit_status cli_session_reference(cli_session *session,
                                                   davit_named_tensor **outputs);

/* How many inferences run at the same time. */
size_t cli_in_flight(const cli_arguments *arguments);

void cli_outputs_free(davit_named_tensor *outputs, size_t count);
#endif
