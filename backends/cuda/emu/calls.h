/* What compiled kernels call (device.h), C and C++. */
#ifndef DAVIT_CUDAEMU_CALLS_H
#define DAVIT_CUDAEMU_CALLS_H

#include "emulated.h"

#ifdef __cplusplus
extern "C" {
#define DAVIT_EMU_THREAD_LOCAL __thread /* without the wrapper that C++ puts around thread_local */
#else
#define DAVIT_EMU_THREAD_LOCAL _Thread_local
#endif

typedef struct davit_emu_index {
    unsigned x, y, z;
} davit_emu_index;

typedef struct davit_emu_block {
    davit_emu_index index, dim, grid;
} davit_emu_block;

typedef struct davit_emu_thread {
    davit_emu_index index;
    const davit_emu_block *block;
} davit_emu_thread;

/* The CUDA thread that runs. */
extern DAVIT_EMU_THREAD_LOCAL davit_emu_thread *davit_emu_self
    __attribute__((tls_model("initial-exec")));

/* Runs one thread with the launch's arguments. */
typedef void (*davit_emu_body)(void *const *arguments);

/* A kernel's `run`: body once for each thread. checked: compiled with calls to races.c; NULL where
 * the build has no such copy. */
bool davit_emu_run(davit_emu_body body, davit_emu_body checked,
                   const davit_cudaemu_launch *launch, char *text, size_t text_bytes);

/* The copies of kernels that find races, by name. */
typedef struct davit_emu_checked {
    const char *name;
    davit_emu_body body;
    struct davit_emu_checked *next;
} davit_emu_checked;
void davit_emu_register_checked(davit_emu_checked *kernel);
davit_emu_body davit_emu_find_checked(const char *name);

/* A __shared__ array; site tells declarations apart. Every thread of a block gets the same. */
void *davit_emu_shared(const void *site, size_t bytes);
/* The launch's dynamic shared memory. */
void *davit_emu_dynamic_shared(void);

void davit_emu_barrier(const char *path, int line);
void davit_emu_warp_barrier(uint32_t mask);

/* Operations of a warp: all lanes of mask hand in an operand; the last one computes for all. */
typedef void (*davit_emu_warp_op)(uint32_t mask, void *const operands[32]);
void davit_emu_warp_meet(davit_emu_warp_op op, uint32_t mask, void *operand);

/* Shuffles, by source lane; width as in CUDA. */
typedef enum davit_emu_shuffle_kind {
    DAVIT_EMU_INDEX,
    DAVIT_EMU_UP,
    DAVIT_EMU_DOWN,
    DAVIT_EMU_XOR
} davit_emu_shuffle_kind;
uint32_t davit_emu_shuffle(davit_emu_shuffle_kind kind, uint32_t mask, uint32_t value, int by,
                           int width);
uint32_t davit_emu_ballot(uint32_t mask, int predicate);

/* mma.sync, fragments as in the PTX manual; c is in and out. */
void davit_emu_mma_m16n8k32_s8(int32_t c[4], const uint32_t a[4], const uint32_t b[2]);
void davit_emu_mma_m8n8k16_s8(int32_t c[2], uint32_t a, uint32_t b);
void davit_emu_mma_m16n8k8_tf32(float c[4], const uint32_t a[4], const uint32_t b[2]);

/* ldmatrix of count (1, 2, 4) 8x8 matrices of 16-bit elements. */
void davit_emu_ldmatrix(uint32_t *to, int count, const void *row);

/* cp.async: `bytes` of 4, 8 or 16; the first used_bytes come from memory, the rest is zero. */
void davit_emu_copy_async(void *to, const void *from, uint32_t bytes, uint32_t used_bytes);
void davit_emu_copy_commit(void);
void davit_emu_copy_wait(uint32_t groups_left);

#ifdef __cplusplus
}
#endif

#endif
