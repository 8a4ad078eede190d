/* The inputs of a run: from files where given, random otherwise. */
#ifndef DAVIT_CLI_INPUTS_H
#define DAVIT_CLI_INPUTS_H

#include "cli.h"

/* One tensor per model input. Names are borrowed from the model. */
typedef struct cli_inputs {
    size_t count;
    davit_named_tensor *tensors; /* tensor NULL: not given, to be filled by cli_inputs_random */
    size_t shape_count;
    davit_named_shape *shapes; /* from --shape; names borrowed from the model */
} cli_inputs;

/* Reads every --input file and --shape of the arguments. Images take the size that --shape or the
 * model fixes, else their own. Errors name the option. */
DAVIT_NODISCARD davit_status cli_inputs_read(const davit_model *model,
                                             const cli_arguments *arguments,
                                             const davit_diagnostics *diag, cli_inputs *out);

/* Fills the inputs that were not given with seeded random values of the session's shapes: floats
 * uniform in [-1, 1), integers and bools 0 or 1 (valid as token, mask and index). */
DAVIT_NODISCARD davit_status cli_inputs_random(const davit_session *session, uint64_t seed,
                                               const davit_diagnostics *diag,
                                               cli_inputs *inputs);

void cli_inputs_clear(cli_inputs *inputs);

#endif
