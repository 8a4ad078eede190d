/* Stacks that a worker switches between: one for each CUDA thread of a block that waits.
 *
 * A hand-made switch on x86-64, ucontext elsewhere. AddressSanitizer and ThreadSanitizer are told of
 * every switch. A fiber may go on in another
 * thread of the operating system than the one that it was left in: what runs on it must not keep
 * addresses of thread-local variables over a switch. */
#ifndef DAVIT_CUDAEMU_FIBER_H
#define DAVIT_CUDAEMU_FIBER_H

#include <stdbool.h>
#include <stddef.h>

typedef struct davit_emu_fiber davit_emu_fiber;

/* A fiber that calls entry(argument) when first switched to; entry never returns. order spreads the
 * tops of stacks over cache sets. NULL when there is no memory. */
davit_emu_fiber *davit_emu_fiber_create(void (*entry)(void *argument), void *argument,
                                        unsigned order);
void davit_emu_fiber_destroy(davit_emu_fiber *fiber);

/* The fiber of the calling thread's own stack. NULL when there is no memory. */
davit_emu_fiber *davit_emu_fiber_main(void);

/* Leaves `from`, which is running, for `to`. */
void davit_emu_fiber_switch(davit_emu_fiber *from, davit_emu_fiber *to);

/* Forgets where a fiber is that is not running: the next switch to it calls its entry. */
void davit_emu_fiber_reset(davit_emu_fiber *fiber);

#endif
