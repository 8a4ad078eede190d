/* A queue of a device whose work runs on a host thread: the common part of reference, onednn and
 * null. One worker per queue takes submissions in order, waits for their semaphores, runs the
 * commands and signals. */
#ifndef DAVIT_HOST_QUEUE_H
#define DAVIT_HOST_QUEUE_H

#include "davit/backend.h"

/* A queue allocates nothing for a submission once it has grown to the largest number of submissions
 * in flight and of bindings it was given. */

/* What the device does for each EXECUTE. WRITE, READ, COPY and FILL are done by the worker through
 * buffer_map, which such a device must have. */
typedef struct davit_host_queue_ops {
    /* Called once on the worker, after options.bind_thread and before queue creation returns, which
     * fails with its status; NULL: nothing. */
    davit_status (*start)(davit_device *device);
    /* pointers: one for each binding. unit_ns may be NULL. Must look at deadline_ns between units.
     * A program runs on one queue at a time. Reports its failures. */
    davit_status (*execute)(davit_device *device, davit_program *program, void *const *pointers,
                            uint64_t *unit_ns, uint64_t deadline_ns);
} davit_host_queue_ops;

DAVIT_NODISCARD davit_status davit_host_queue_create(davit_device *device,
                                                     const davit_host_queue_ops *ops,
                                                     davit_queue **out);
/* Table entries queue_free and queue_submit of such a device. */
void davit_host_queue_free(davit_queue *queue);
davit_status davit_host_queue_submit(davit_queue *queue, const davit_submission *submission);

#endif
