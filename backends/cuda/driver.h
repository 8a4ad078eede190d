/* A driver of CUDA devices: NVIDIA's or the emulated one, opened at run time, once in a process.
 * Each is a table of entry points; both can be used side by side. */
#ifndef DAVIT_CUDA_DRIVER_H
#define DAVIT_CUDA_DRIVER_H

#include <stdbool.h>

#include "davit/diagnostics.h"
#include "driver_symbols.h"
#include "driver_types.h"

typedef enum davit_cuda_driver_kind { DAVIT_CUDA_REAL, DAVIT_CUDA_EMULATED } davit_cuda_driver_kind;

typedef struct davit_cuda_driver {
    davit_cuda_driver_kind kind;
    char unusable[192]; /* why it cannot be used, "" when it can */
    int api_version;    /* 12040 for 12.4 */
#define DAVIT_CUDA_MEMBER(member, symbol, parameters, names) cuda_result(*member) parameters;
    DAVIT_CUDA_REQUIRED_SYMBOLS(DAVIT_CUDA_MEMBER)
    DAVIT_CUDA_GRAPH_SYMBOLS(DAVIT_CUDA_MEMBER)
    DAVIT_CUDA_EMULATED_SYMBOLS(DAVIT_CUDA_MEMBER)
#undef DAVIT_CUDA_MEMBER
    bool has_graphs;
} davit_cuda_driver;

/* Opens the driver at the first call; the same answer ever after. Lives as long as the process: a
 * driver cannot be closed. Thread-safe. */
const davit_cuda_driver *davit_cuda_driver_open(davit_cuda_driver_kind kind);

/* What a result is to Davit: out of memory, device lost (errors that every later call repeats), not
 * available, else internal. */
davit_status davit_cuda_status(cuda_result result);
/* Name of a result as the driver has it: "CUDA_ERROR_ILLEGAL_ADDRESS". Never NULL. */
const char *davit_cuda_error_name(const davit_cuda_driver *driver, cuda_result result);

/* Writes the path of libdavit-cudaemu.so: beside this library or program, in its library folder, or
 * in the build tree. false: it is nowhere. */
bool davit_cuda_find_emulated(char *path, size_t path_bytes);

#endif
