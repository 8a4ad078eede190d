/* What a queue of the CUDA backend has of its driver: a stream, pinned memory that copies go
 * through, events. Used by the queue's worker alone. */
#ifndef DAVIT_CUDA_STREAM_H
#define DAVIT_CUDA_STREAM_H

#include "program.h"

/* Bytes on their way to the host: they are in pinned memory when the stream has come so far. */
typedef struct davit_cuda_arrival {
    void *to;
    const void *from;
    size_t bytes;
    uint64_t *command_ns; /* the time of the last step is added; may be NULL */
} davit_cuda_arrival;

typedef struct davit_cuda_stream {
    davit_cuda_device *device;
    davit_cuda_caller *caller; /* of a queue's stream: the thread that uses it; else NULL */
    cuda_stream native;
    cuda_event reached; /* recorded behind what is waited for */
    davit_cuda_memory *staging;
    size_t staged_bytes; /* of staging, in use */
    davit_cuda_arrival *arrivals;
    size_t arrival_count, arrival_capacity;
    cuda_event *marks; /* around commands that are timed */
    size_t mark_count, mark_capacity;
    uint64_t deadline_ns;        /* of the submission under way */
    davit_cuda_program *running; /* whose turn this stream holds, or NULL */
    uint64_t *unit_ns;           /* of running, or NULL */
} davit_cuda_stream;

/* On the calling thread, whose context stays current until it is closed. */
DAVIT_NODISCARD davit_status davit_cuda_stream_open(davit_cuda_device *device,
                                                    davit_cuda_stream **out);
void davit_cuda_stream_close(davit_cuda_stream *stream);

/* The program's turn, by this stream; DAVIT_DEVICE_LOST, reported, where who has it was given up. */
DAVIT_NODISCARD davit_status davit_cuda_stream_take_turn(davit_cuda_stream *stream,
                                                         davit_program *program);

/* Waits until everything in the stream is done, within its deadline and a little more: work that is
 * late ends, as DAVIT_DEADLINE_EXCEEDED; work that does not end makes the device a hung one. Hands
 * arrivals out and lets go of the turn of the program that ran, unless it fails. */
DAVIT_NODISCARD davit_status davit_cuda_stream_wait(davit_cuda_stream *stream);
/* After a failure: gives what is in the stream a moment to end, without reports, for it uses
 * buffers that are let go of; then lets go of the turn and of what is on its way. */
void davit_cuda_stream_settle(davit_cuda_stream *stream);
/* memcpy, its time added to *command_ns unless that is NULL. */
void davit_cuda_copy_on_host(void *to, const void *from, size_t bytes, uint64_t *command_ns);

/* Pinned room for at most wanted bytes: *got > 0 of them. Waits for the stream where all is in use.
 */
DAVIT_NODISCARD davit_status davit_cuda_stream_stage(davit_cuda_stream *stream, size_t wanted,
                                                     void **memory, size_t *got);
/* Makes the pinned memory as large as bytes, within limits; nothing is staged. */
DAVIT_NODISCARD davit_status davit_cuda_stream_reserve(davit_cuda_stream *stream, size_t bytes);

/* Copies constants to the device; a device that takes longer than a minute is lost. The context is
 * current. */
DAVIT_NODISCARD davit_status davit_cuda_upload(davit_cuda_device *device, cuda_address to,
                                               const void *from, size_t bytes);

/* Runs a submission on the stream's thread (queue.c). */
DAVIT_NODISCARD davit_status davit_cuda_submission_run(davit_cuda_stream *stream,
                                                       const davit_submission *submission);

#endif
