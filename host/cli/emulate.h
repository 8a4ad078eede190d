/* davit in the environment of emulated boards. */
#ifndef DAVIT_CLI_EMULATE_H
#define DAVIT_CLI_EMULATE_H

#include "cli.h"

/* How many emulated boards the words of a command line ask for, by --devices, --device, --pin or
 * a plan; 0: none. */
unsigned cli_boards_wanted(int argc, char **argv);

/* When the command line names an emulated board and this process is not in their environment yet:
 * runs davit once more in it, sets *exit_code and returns true. No thread may have been started. */
bool cli_emulate_self(int argc, char **argv, int *exit_code);

#endif
