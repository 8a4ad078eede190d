/* The kernel models that an emulation xclbin carries: a library with a function for each kernel,
 * called with the addresses that the kernel's registers hold. */
#ifndef DAVIT_BOARD_KERNELS_H
#define DAVIT_BOARD_KERNELS_H

#include <stddef.h>

#define BOARD_MAX_ARGUMENTS 8

typedef struct board_kernels {
    void *library;
    const char *(*error)(void); /* engine_simulation_error; NULL: there is none */
} board_kernels;

typedef struct board_kernel {
    void *function;
    size_t argument_count;
} board_kernel;

/* Returns NULL, or why the library cannot be loaded (valid until the next call). */
const char *board_kernels_open(board_kernels *kernels, const char *path);
void board_kernels_close(board_kernels *kernels);

/* Returns NULL, or why there is no such kernel (valid until the next call). */
const char *board_kernels_find(const board_kernels *kernels, const char *name,
                               size_t argument_count, board_kernel *out);

/* Runs a kernel to its end. Returns NULL, or what the model found wrong (valid on this thread until
 * its next call). May run on several threads. */
const char *board_kernels_run(const board_kernels *kernels, const board_kernel *kernel,
                              void *const arguments[BOARD_MAX_ARGUMENTS]);

#endif
