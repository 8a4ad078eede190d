/* davit plan --problem: solves an abstract placement problem. */
#ifndef DAVIT_CLI_PLAN_PROBLEM_H
#define DAVIT_CLI_PLAN_PROBLEM_H

#include "cli.h"

/* Reads the file of --problem, solves it, prints the outcome, writes -o. Returns an exit code. */
int cli_plan_problem(const cli_command *command, const cli_arguments *arguments);

#endif
