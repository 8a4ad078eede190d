/* FPGA cards through XRT (backends/xrt/README.md): `fpga:0` and so on for the boards of this
 * machine, `fpga:emu[:N]` inside an emulation (davit/board_emulation.h). Their profile's name is
 * that of a shipped profile ("u250"), which says what the board itself does not. */
#ifndef DAVIT_XRT_H
#define DAVIT_XRT_H

#include "davit/backend.h"

extern const davit_backend_table davit_xrt_backend;

#endif
