/* XRT's sw_emu shim, as this process may use it. */
#ifndef DAVIT_EMULATION_SHIM_H
#define DAVIT_EMULATION_SHIM_H

#include "davit/diagnostics.h"

/* Puts libxrt_swemu.so.2 at target: a link to the library, or a copy without the defect of
 * alloc_void() where this build has it (it drops the result of realloc, so that loading a large
 * xclbin writes into freed memory). The defect is known by its machine code, which must be there
 * exactly once; any other build is taken as it is. */
DAVIT_NODISCARD davit_status emulation_place_shim(const char *library, const char *target,
                                                  const davit_diagnostics *diag);

#endif
