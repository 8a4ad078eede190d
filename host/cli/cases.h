/* ONNX backend test cases: a folder with model.onnx and test_data_set_*{input,output}_*.pb. */
#ifndef DAVIT_CLI_CASES_H
#define DAVIT_CLI_CASES_H

#include <stddef.h>

#include <davit/davit.h>

typedef enum cli_case_result { CLI_CASE_PASSED, CLI_CASE_FAILED, CLI_CASE_SKIPPED } cli_case_result;

/* One case; why it failed or was skipped goes to reason. */
typedef struct cli_case {
    char *path;
    cli_case_result result;
    char reason[1024];
} cli_case;

typedef struct cli_cases {
    size_t count;
    size_t capacity;
    cli_case *items;
} cli_cases;

/* Adds the cases at or below (one level) folder, sorted by name. */
DAVIT_NODISCARD davit_status cli_cases_find(const char *folder, const davit_diagnostics *diag,
                                            cli_cases *cases);
void cli_cases_clear(cli_cases *cases);

/* Which devices run the cases, and whether the graph passes are used. */
typedef struct cli_case_options {
    const char *devices; /* NULL: the default */
    bool optimize;
} cli_case_options;

/* Loads the case's model and runs every data set, comparing at ONNX's tolerances (rtol 1e-3, atol
 * 1e-7; integers exactly). Skipped only when loading or placing says DAVIT_UNSUPPORTED, which names
 * the operator, type or feature. */
void cli_case_run(cli_case *item, const cli_case_options *options);

#endif
