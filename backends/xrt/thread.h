/* The thread of a board: the only one that calls the driver for it. A driver may hang for ever in
 * any call; so whoever needs something done hands a job over and waits for it no longer than its
 * deadline. A thread that does not come back from the driver is set aside with all that it may
 * still touch, and the board is lost: every later job fails at once.
 *
 * A job's code brackets each call of the driver:
 *
 *     davit_xrt_enter(job);
 *     result = driver->...;
 *     if (!davit_xrt_leave(job)) { return DAVIT_DEVICE_LOST; }
 *
 * Between leave and enter the job's owner waits for it; while the thread is in the driver, the
 * owner may give up. After leave has said false, nothing of the job's arguments may be touched. */
#ifndef DAVIT_XRT_THREAD_H
#define DAVIT_XRT_THREAD_H

#include <stdbool.h>
#include <stdint.h>

#include "davit/status.h"

typedef struct davit_xrt_thread davit_xrt_thread;
typedef struct davit_xrt_job davit_xrt_job;

/* Runs on the thread of the board. Reports its failures, except where leave said false. */
typedef davit_status (*davit_xrt_work)(davit_xrt_job *job, void *arguments);

/* NULL: no memory, or no thread can be started. Signals are blocked on it. */
davit_xrt_thread *davit_xrt_thread_create(void);
/* Ends the thread, or leaves it and its memory behind when it is stuck in the driver. */
void davit_xrt_thread_destroy(davit_xrt_thread *thread);

/* Does the work and returns its status. Jobs are done one after the other. DAVIT_DEADLINE_EXCEEDED
 * when the deadline passes before the job's turn, DAVIT_DEVICE_LOST when the board is or becomes
 * lost; *silent says whether nobody has reported the failure yet. */
davit_status davit_xrt_thread_do(davit_xrt_thread *thread, davit_xrt_work work, void *arguments,
                                 uint64_t deadline_ns, bool *silent);
/* The same for what lets go of something, also on a lost board. Fails where the board is held: then
 * what it has stays where it is. */
davit_status davit_xrt_thread_finish(davit_xrt_thread *thread, davit_xrt_work work, void *arguments,
                                     uint64_t deadline_ns);

void davit_xrt_enter(davit_xrt_job *job);
bool davit_xrt_leave(davit_xrt_job *job);

/* Declares the board lost: jobs from now on fail at once. */
void davit_xrt_thread_lose(davit_xrt_thread *thread);
/* Declares it held too: a kernel may run that never ends, and the driver crashes or hangs when it
 * is to let go of one. For the same reason the process then ends without the driver's own clean-up
 * at exit. A thread that does not come back from the driver holds its board by itself. */
void davit_xrt_thread_hold(davit_xrt_thread *thread);
bool davit_xrt_thread_lost(davit_xrt_thread *thread);

/* Of the job's thread. */
davit_xrt_thread *davit_xrt_job_thread(davit_xrt_job *job);
uint64_t davit_xrt_job_deadline(const davit_xrt_job *job);

#endif
