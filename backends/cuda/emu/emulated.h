/* Between the emulated driver and the kernels that it runs.
 *
 * The driver (driver_*.c) knows devices, streams, memory and faults; how a kernel runs on the host
 * is the kernels' side: device.h compiles .cu sources for the host and registers each __global__
 * function here when libdavit-cudaemu.so is loaded. C and C++. */
#ifndef DAVIT_CUDAEMU_EMULATED_H
#define DAVIT_CUDAEMU_EMULATED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct davit_cudaemu_launch davit_cudaemu_launch;

/* One launch, for the call of `run`; lives on the worker of a stream. */
struct davit_cudaemu_launch {
    uint32_t grid[3],
        block[3];           /* all > 0; threads of a block are at most the kernel's max_threads */
    size_t shared_bytes;    /* dynamic shared memory */
    void *const *arguments; /* [argument_count]: addresses of copies made at the launch */
    uint64_t seed;          /* 0: blocks and warps in order; else shuffled by it */
    bool find_races;        /* on shared memory between barriers */
    /* The driver's: true when the launch is to end early, without failure (its device goes away).
     * Looked at between blocks. */
    bool (*cancelled)(const davit_cudaemu_launch *launch);
    void *driver;
};

/* A kernel. Tables are static and live as long as the library. */
typedef struct davit_cudaemu_kernel {
    const char *name; /* as cuModuleGetFunction looks it up: extern "C", not mangled */
    uint32_t argument_count;
    const uint32_t *argument_bytes; /* [argument_count] */
    uint32_t max_threads;           /* of a block: __launch_bounds__, else 1024 */
    uint32_t shared_bytes;          /* static shared memory, where known; else 0 */
    uint32_t registers;             /* where known; else 0 */
    /* Runs all blocks. false: a fault ended it, of which text [text_bytes] tells ("barrier not
     * reached by 3 threads of block 0,0,0"); the driver adds the kernel's name. Called from several
     * threads at once. */
    bool (*run)(const davit_cudaemu_launch *launch, char *text, size_t text_bytes);
    struct davit_cudaemu_kernel *next; /* the registry's */
} davit_cudaemu_kernel;

/* Adds a kernel; called by constructors, before any driver call. The driver has it. */
void davit_cudaemu_register(davit_cudaemu_kernel *kernel);

/* Ends the `run` that is under way on the calling thread as failed with this text; does not return.
 * The kernels' side has it. The driver calls it in its handler of SIGSEGV and SIGBUS when a kernel
 * touched memory that is not there: on the stack of the faulting fiber (no alternate stack), with
 * these signals not blocked (SA_NODEFER), so that leaving the handler by a switch of stacks or
 * siglongjmp is enough. */
#if defined(__cplusplus)
[[noreturn]]
#else
_Noreturn
#endif
void davit_cudaemu_fail(const char *text);

/* Where the calling thread is inside a running kernel: "block 3,0,0 thread 17,0,0"; "" outside.
 * Called by the handler before davit_cudaemu_fail. */
void davit_cudaemu_where(char *text, size_t text_bytes);

#ifdef __cplusplus
}
#endif

#endif
