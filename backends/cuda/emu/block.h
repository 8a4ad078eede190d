/* Inside the kernels' side of the emulated driver: a block of CUDA threads while it runs.
 *
 * A worker is a thread of the operating system that runs one block at a time. Its CUDA threads take
 * turns: each runs until it waits (at a barrier, for its warp) or ends. What never waits needs no
 * stack of its own: the next thread starts on the same one. */
#ifndef DAVIT_CUDAEMU_BLOCK_H
#define DAVIT_CUDAEMU_BLOCK_H

#include "calls.h"
#include "emulated.h"
#include "fiber.h"

enum {
    WARP = 32,
    MAX_THREADS = 1024,
    MAX_WARPS = MAX_THREADS / WARP,
    MAX_ARRAYS = 32,
    MAX_COPIES = 32,            /* of a thread, not yet waited for; more arrive early */
    ARENA_BYTES = 256 * 1024,   /* shared memory, the gaps between arrays counted */
    GAP_BYTES = 64,             /* before and behind each array */
    STATIC_LIMIT = 48 * 1024,   /* what CUDA allows for __shared__ arrays of fixed size */
    DYNAMIC_LIMIT = 227 * 1024  /* and with cuFuncSetAttribute, on the largest architecture */
};

typedef struct emu_copy {
    void *to;
    const void *from;
    uint32_t bytes;
    uint32_t used_bytes; /* the others become zero */
    uint32_t group;      /* number of the group that it was committed to */
} emu_copy;

/* Asynchronous copies of a thread: a queue. */
typedef struct emu_copies {
    uint32_t first, end, groups; /* items first..end, modulo MAX_COPIES; groups committed so far */
    emu_copy items[MAX_COPIES];
} emu_copies;

typedef struct emu_thread {
    davit_emu_thread public; /* first: davit_emu_self points here */
    davit_emu_fiber *fiber; /* NULL before it starts */
    emu_copies copies;
    uint32_t number, warp_epoch;
} emu_thread;

/* Lanes that wait for the others of their mask. */
typedef struct emu_meeting {
    uint32_t mask, arrived;
    davit_emu_warp_op op; /* NULL: __syncwarp */
    void *operands[WARP];
} emu_meeting;

typedef struct emu_warp {
    uint32_t present, ready, exited; /* lanes */
    uint32_t meeting_count;
    emu_meeting meetings[WARP];
} emu_warp;

typedef struct emu_array {
    const void *site; /* which declaration; NULL: the dynamic one */
    char *data;
    size_t bytes;
} emu_array;

struct emu_shadow;

typedef struct emu_worker {
    davit_emu_fiber *main;
    davit_emu_fiber *fibers[MAX_THREADS]; /* all that were made */
    davit_emu_fiber *idle[MAX_THREADS];
    uint32_t fiber_count, idle_count;

    /* the launch */
    const davit_cudaemu_launch *launch;
    davit_emu_body body;
    bool checked;
    uint32_t thread_count, warp_count;
    emu_array arrays[MAX_ARRAYS];
    uint32_t array_count;
    size_t arena_used;
    char *arena;
    struct emu_shadow *shadow; /* with checked */

    /* the block */
    davit_emu_block public_block;
    emu_thread *self; /* davit_emu_self, for code that may change threads */
    emu_thread threads[MAX_THREADS];
    emu_warp warps[MAX_WARPS];
    uint32_t ready_warps; /* warps with ready lanes */
    uint32_t warp;          /* that ran last */
    uint32_t finished, at_barrier, epoch;
    const char *barrier_file;
    int barrier_line;
    uint64_t random; /* state; 0: in order */

    char fault[256]; /* empty: none */
    struct emu_worker *next;
} emu_worker;

static inline emu_thread *emu_self(void)
{
    return (emu_thread *)(void *)davit_emu_self;
}

static inline emu_worker *emu_worker_of(const emu_thread *thread)
{
    return (emu_worker *)(void *)((char *)(uintptr_t)thread->public.block -
                                  offsetof(emu_worker, public_block));
}

/* Runs one block. false: w->fault says why. */
bool emu_block_run(emu_worker *w, const uint32_t index[3]);

/* Leaves the running thread, which is not ready, for another; returns when it is ready again. */
void emu_block_yield(emu_worker *w);

/* Makes lanes ready. */
void emu_block_wake(emu_worker *w, uint32_t warp, uint32_t lanes);

/* Ends the launch with a fault; the running thread's place is added. */
_Noreturn void emu_fault(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* "thread 3,0,0" of a number. */
void emu_thread_name(const emu_worker *w, uint32_t number, char *text, size_t bytes);

/* Shadow memory: who touched which byte of shared memory, when (races.c). */
bool emu_shadow_create(emu_worker *w);
void emu_shadow_destroy(emu_worker *w);
/* Asynchronous copies and ldmatrix touch shared memory in other threads' names. */
void emu_shadow_read(emu_worker *w, uint32_t thread, const void *address, size_t bytes);
void emu_shadow_write(emu_worker *w, uint32_t thread, const void *address, size_t bytes);

/* Shared memory (shared.c). */
void emu_shared_begin_launch(emu_worker *w);
void emu_shared_begin_block(emu_worker *w);
/* True, and w->fault says so, when something was written between arrays. */
bool emu_shared_overflowed(emu_worker *w);

#endif
