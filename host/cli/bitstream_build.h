/* davit bitstream build. */
#ifndef DAVIT_CLI_BITSTREAM_BUILD_H
#define DAVIT_CLI_BITSTREAM_BUILD_H

#include "cli.h"

/* Builds the bitstream of the card that the second word names and adds it to the user's folder.
 * Returns an exit code. */
int cli_bitstream_build(const cli_arguments *arguments, const davit_diagnostics *diag);

#endif
