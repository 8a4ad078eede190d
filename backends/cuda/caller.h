/* Threads that call the driver for others. A driver may keep a call for ever; who needs one waits beside
 * it, with a limit, and gives the thread up when it is inside the driver and does not come back: then the
 * device counts as hung, and the thread, should its call return after all, ends there and then.
 *
 * So what the driver was given stays for ever: the caller itself, the argument's objects that the driver
 * may write to or read from, but nothing on the stack of who waited. */
#ifndef DAVIT_CUDA_CALLER_H
#define DAVIT_CUDA_CALLER_H

#include <stdbool.h>
#include <stdint.h>

#include "davit/status.h"
#include "driver_types.h"

typedef struct davit_cuda_device davit_cuda_device;
typedef struct davit_cuda_caller davit_cuda_caller;

/* The thread has the affinity of who creates it, and all signals blocked. Reports. */
DAVIT_NODISCARD davit_status davit_cuda_caller_create(davit_cuda_device *device,
                                                      davit_cuda_caller **out);
/* Ends the thread, which does nothing; one given up stays. NULL is legal. */
void davit_cuda_caller_free(davit_cuda_caller *caller);

/* When a thread is given up: at not_before_ns (davit_clock_ns), when it has been inside for inside_ns. */
typedef struct davit_cuda_patience {
    uint64_t not_before_ns, inside_ns;
} davit_cuda_patience;

/* Lets the thread do work(argument), one after the other, and waits for it. *given_up: the thread does not
 * come back; nothing is reported. */
davit_status davit_cuda_call(davit_cuda_caller *caller, davit_cuda_patience patience,
                             davit_status (*work)(void *argument), void *argument, bool *given_up);

/* Around each call of a driver (driver.c, blas.c): on other threads they do nothing. Leave hands the result
 * on, or ends the thread. */
void davit_cuda_gate_enter(void);
cuda_result davit_cuda_gate_leave(cuda_result result);

#endif
