/* A queue of a device whose work runs on a host thread, or is handed to a driver by one. One worker
 * per queue takes submissions in order, waits for their semaphores, runs the commands and signals.
 */
#ifndef DAVIT_HOST_QUEUE_H
#define DAVIT_HOST_QUEUE_H

#include <fenv.h>

#include "davit/backend.h"

/* A queue allocates nothing for a submission once it has grown to the largest number of submissions
 * in flight and of bindings it was given. */

/* What a thread gets back after work of a device was done on it. */
typedef struct davit_thread_state {
    uint32_t threads; /* of its parallel regions */
    fenv_t floats;    /* how it rounds, and what it makes of subnormals */
} davit_thread_state;

/* What the device does; either `execute` or `run`. All are called on the worker and report their
 * failures; but `execute` also on the thread of a submission that is for `here`, between `enter` and
 * `leave`, while the worker has nothing to do. */
typedef struct davit_host_queue_ops {
    /* Called once, after options.bind_thread and before queue creation returns, which fails with
     * its status; NULL: nothing. */
    davit_status (*start)(davit_device *device);
    /* Does an EXECUTE; WRITE, READ, COPY and FILL are done through buffer_map, which such a device
     * must have. pointers: one for each binding. unit_ns may be NULL. Must look at deadline_ns
     * between units. A program runs on one queue at a time. */
    davit_status (*execute)(davit_device *device, davit_program *program, void *const *pointers,
                            uint64_t *unit_ns, uint64_t deadline_ns);
    /* With `execute`, optional (NULL: the worker does everything). True: the calling thread is now as
     * `start` made the worker, until `leave` gets what was written to *before. */
    bool (*enter)(davit_device *device, davit_thread_state *before);
    void (*leave)(const davit_thread_state *before);
    /* Does all commands of a submission whose waits are over, those of the other drivers' devices
     * (memory that is not the host's): within deadline_ns, holding program->turn while a program's
     * scratch memory is in use, writing unit_ns and command_ns. stream is what open_stream made. */
    davit_status (*run)(davit_device *device, void *stream, const davit_submission *submission);
    /* With `run`, optional (NULL: no stream): what a queue has of the driver; made after `start`,
     * whose rules hold, and let go of before the worker ends. */
    davit_status (*open_stream)(davit_device *device, void **stream);
    void (*close_stream)(davit_device *device, void *stream);
} davit_host_queue_ops;

DAVIT_NODISCARD davit_status davit_host_queue_create(davit_device *device,
                                                     const davit_host_queue_ops *ops,
                                                     davit_queue **out);
/* Table entries queue_free and queue_submit of such a device. */
void davit_host_queue_free(davit_queue *queue);
davit_status davit_host_queue_submit(davit_queue *queue, const davit_submission *submission);

#endif
