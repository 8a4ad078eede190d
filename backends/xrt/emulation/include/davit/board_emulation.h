/* The emulated FPGA board's surroundings: XRT's own sw_emu shim finds our device process, kernel
 * models and boards through environment variables, which must be set before XRT is loaded. So a
 * program that uses the emulated board runs in an environment of its own, made by a launcher that
 * stays beside it and clears up after it.
 *
 * Nothing above this layer asks whether a board is emulated; a backend only learns which boards and
 * which xclbin its process was given. */
#ifndef DAVIT_BOARD_EMULATION_H
#define DAVIT_BOARD_EMULATION_H

#include <stdbool.h>
#include <stddef.h>

#include "davit/diagnostics.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DAVIT_BOARD_EMULATION_MAX_BOARDS 16
#define DAVIT_BOARD_EMULATION_PATH_BYTES 4096

/* What this process was started with. */
typedef struct davit_board_environment {
    bool emulated;     /* this process runs inside an emulation that the launcher made */
    unsigned boards;   /* XRT's device indices 0..boards-1; 0 outside an emulation */
    char platform[64]; /* VBNV of the boards */
    /* The xclbin of the emulated boards, made by the build of the launcher. */
    char xclbin_path[DAVIT_BOARD_EMULATION_PATH_BYTES];
} davit_board_environment;

/* Looks at the environment variables of XRT (XCL_EMULATION_MODE, EMCONFIG_PATH). Outside of the
 * launcher's environment, XRT's own emulation with Vitis included, everything is false, 0 and "".
 * Not thread-safe against setenv. */
void davit_board_environment_get(davit_board_environment *out);

typedef struct davit_board_emulation_options {
    unsigned boards;    /* 1 to DAVIT_BOARD_EMULATION_MAX_BOARDS */
    bool rtl;           /* gemm_s8 as RTL (Verilator) instead of C simulation */
    const char *faults; /* what the boards do wrong (davit emulate --help), NULL: nothing */
} davit_board_emulation_options;

/* Why boards cannot be emulated here (XRT, its emulation library or our device process is
 * missing): one line with what to do. NULL when they can. The text is static. Not thread-safe. */
const char *davit_board_emulation_missing(bool rtl);

/* Runs the program argv[0] (searched in PATH; NULL-terminated argv) in the environment of emulated
 * boards and waits for it. Signals that end or stop a program are passed on to it.
 *
 * Call it before the process has started a thread. The program runs in a session of its own; when
 * it ends, or when the calling process is killed, all its processes are killed and the temporary
 * folder and sockets removed.
 *
 * On success *exit_code is the program's exit code, or 128 + signal with *signal set when it was
 * ended by one. Reports what is missing (DAVIT_UNAVAILABLE), wrong faults
 * (DAVIT_INVALID_ARGUMENT), failures of the system. */
DAVIT_NODISCARD davit_status davit_board_emulation_run(const davit_board_emulation_options *options,
                                                       char **argv, const davit_diagnostics *diag,
                                                       int *exit_code, int *signal);

#ifdef __cplusplus
}
#endif
#endif
