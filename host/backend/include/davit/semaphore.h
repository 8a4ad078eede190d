/* Timeline semaphores (monotonic 64-bit values; the model of IREE's HAL and Vulkan).
 *
 * A semaphore is a host object that any queue of any device can wait for and signal; a driver with
 * native events keeps those beside it. A failed semaphore never recovers: every wait for a value
 * not reached before the failure returns the failure's status. Thread-safe. */
#ifndef DAVIT_SEMAPHORE_H
#define DAVIT_SEMAPHORE_H

#include <stdatomic.h>
#include <stdint.h>

#include "davit/allocator.h"

typedef struct davit_semaphore davit_semaphore;

/* A point on a timeline. */
typedef struct davit_semaphore_point {
    davit_semaphore *semaphore;
    uint64_t value;
} davit_semaphore_point;

#define DAVIT_DEADLINE_NEVER UINT64_MAX

/* Nanoseconds of CLOCK_MONOTONIC: the clock of every deadline. */
uint64_t davit_clock_ns(void);
/* Now + ns, saturating: davit_deadline_after(DAVIT_DEADLINE_NEVER) never comes. */
uint64_t davit_deadline_after(uint64_t ns);

DAVIT_NODISCARD davit_status davit_semaphore_create(const davit_allocator *allocator,
                                                    uint64_t initial_value, davit_semaphore **out);
/* A semaphore is reference-counted; create gives one reference. */
void davit_semaphore_retain(davit_semaphore *semaphore);
void davit_semaphore_release(davit_semaphore *semaphore);

/* The current value, or the failure's status with *value untouched. */
DAVIT_NODISCARD davit_status davit_semaphore_query(davit_semaphore *semaphore, uint64_t *value);
/* Raises the value; DAVIT_INVALID_ARGUMENT when value is not above the current one. */
DAVIT_NODISCARD davit_status davit_semaphore_signal(davit_semaphore *semaphore, uint64_t value);
/* Fails the semaphore with status (not DAVIT_OK); the first failure stays. */
void davit_semaphore_fail(davit_semaphore *semaphore, davit_status status);
/* Waits until the value is reached. DAVIT_DEADLINE_EXCEEDED after deadline_ns (davit_clock_ns; 0
 * only looks), or the failure's status. */
DAVIT_NODISCARD davit_status davit_semaphore_wait(davit_semaphore *semaphore, uint64_t value,
                                                  uint64_t deadline_ns);

/* The same for the worker of a queue: also ends, with DAVIT_CANCELLED, when the value is not reached
 * and *cancel is true, which is looked at when the wait begins and at each davit_semaphore_wake. */
DAVIT_NODISCARD davit_status davit_semaphore_wait_unless(davit_semaphore *semaphore, uint64_t value,
                                                         uint64_t deadline_ns,
                                                         const atomic_bool *cancel);
/* Makes every wait look again. */
void davit_semaphore_wake(davit_semaphore *semaphore);

#endif
