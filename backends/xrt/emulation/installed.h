/* Where XRT and our own parts of the emulation are on this machine. */
#ifndef DAVIT_EMULATION_INSTALLED_H
#define DAVIT_EMULATION_INSTALLED_H

#include "davit/board_emulation.h"

#define EMULATION_PATH DAVIT_BOARD_EMULATION_PATH_BYTES

typedef struct emulation_parts {
    char board[EMULATION_PATH];       /* davit-fpga-board */
    char xclbin[EMULATION_PATH];      /* of C simulation or RTL */
    char xrt_folder[EMULATION_PATH];  /* with libxrt_swemu.so.2 */
    char xrt_library[EMULATION_PATH]; /* that file */
} emulation_parts;

/* Finds them. Returns NULL, or what is missing and what to do (static, one line). */
const char *emulation_find_parts(bool rtl, emulation_parts *out);

#endif
