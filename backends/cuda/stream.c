#include "stream.h"

#include <sched.h>
#include <string.h>
#include <time.h>

#define MS 1000000ull
#define GRACE_NS (200 * MS) /* for late work to end before its device counts as hung */
#define TURN_NS 20000000          /* between looks at the device while waiting for a turn */
#define SPIN_NS 50000ull    /* asked without sleeping: most kernels are over by then */
#define LONGEST_SLEEP_NS 500000ull
#define LEAST_STAGING ((size_t)256 << 10)
#define MOST_STAGING ((size_t)32 << 20)

/* ---- waiting ---- */

/* Sleeps longer the longer it has waited. */
static void pause_after(uint64_t waited_ns)
{
    if (waited_ns < SPIN_NS) {
        (void)sched_yield();
        return;
    }
    uint64_t sleep_ns = waited_ns / 8 < LONGEST_SLEEP_NS ? waited_ns / 8 : LONGEST_SLEEP_NS;
    (void)nanosleep(&(struct timespec){.tv_nsec = (long)sleep_ns}, NULL);
}

/* Asks until what was recorded is reached, or limit_ns: then the answer is NOT_READY. */
static cuda_result poll(const davit_cuda_stream *stream, uint64_t limit_ns)
{
    uint64_t begin_ns = davit_clock_ns();
    for (;;) {
        cuda_result result = stream->device->driver->event_query(stream->reached);
        uint64_t now_ns = davit_clock_ns();
        if (result != CUDA_RESULT_NOT_READY || now_ns >= limit_ns) {
            return result;
        }
        pause_after(now_ns - begin_ns);
    }
}

static uint64_t with_grace(uint64_t deadline_ns)
{
    return deadline_ns > DAVIT_DEADLINE_NEVER - GRACE_NS ? DAVIT_DEADLINE_NEVER
                                                         : deadline_ns + GRACE_NS;
}

static davit_status wait_for_work(davit_cuda_stream *stream)
{
    davit_cuda_device *device = stream->device;
    cuda_result result = device->driver->event_record(stream->reached, stream->native);
    if (result == CUDA_RESULT_SUCCESS) {
        result = poll(stream, with_grace(stream->deadline_ns));
    }
    if (result != CUDA_RESULT_SUCCESS && result != CUDA_RESULT_NOT_READY) {
        return davit_cuda_fail(device, result, "its work");
    }
    if (result == CUDA_RESULT_NOT_READY) {
        atomic_store(&device->health, DAVIT_CUDA_HUNG);
    }
    if (davit_clock_ns() < stream->deadline_ns) {
        return DAVIT_OK;
    }
    return davit_fail(device->base.options.diag, DAVIT_DEADLINE_EXCEEDED,
                      "device '%s': the deadline passed while it worked%s", device->base.info.name,
                      result == CUDA_RESULT_NOT_READY
                          ? ", and the work does not end: the device is given up"
                          : "");
}

/* What the program that ran found, its measured times, then its turn. */
static davit_status finish_program(davit_cuda_stream *stream)
{
    davit_cuda_program *program = stream->running;
    davit_status status = DAVIT_OK;
    if (program != NULL) {
        status = davit_cuda_program_check(program);
        if (status == DAVIT_OK && stream->unit_ns != NULL) {
            status = davit_cuda_program_times(program, stream->unit_ns);
        }
        stream->running = NULL;
        pthread_mutex_unlock(&program->base.turn);
    }
    return status;
}

static void hand_out(davit_cuda_stream *stream)
{
    for (size_t i = 0; i < stream->arrival_count; i++) {
        const davit_cuda_arrival *arrival = &stream->arrivals[i];
        davit_cuda_copy_on_host(arrival->to, arrival->from, arrival->bytes, arrival->command_ns);
    }
    stream->arrival_count = 0;
    stream->staged_bytes = 0;
}

davit_status davit_cuda_stream_wait(davit_cuda_stream *stream)
{
    davit_status status = wait_for_work(stream);
    if (status == DAVIT_OK) {
        status = finish_program(stream);
    }
    if (status == DAVIT_OK) {
        hand_out(stream);
    }
    return status;
}

void davit_cuda_stream_settle(davit_cuda_stream *stream)
{
    davit_cuda_device *device = stream->device;
    if (atomic_load(&device->health) == DAVIT_CUDA_WELL) {
        cuda_result result = device->driver->event_record(stream->reached, stream->native);
        if (result == CUDA_RESULT_SUCCESS) {
            result = poll(stream, davit_deadline_after(GRACE_NS));
        }
        if (result != CUDA_RESULT_SUCCESS) {
            atomic_store(&device->health,
                         result == CUDA_RESULT_NOT_READY ? DAVIT_CUDA_HUNG : DAVIT_CUDA_LOST);
        }
    }
    if (stream->running != NULL) {
        pthread_mutex_unlock(&stream->running->base.turn);
        stream->running = NULL;
    }
    stream->arrival_count = 0;
    stream->staged_bytes = 0;
}

void davit_cuda_copy_on_host(void *to, const void *from, size_t bytes, uint64_t *command_ns)
{
    uint64_t begin_ns = davit_clock_ns();
    memcpy(to, from, bytes);
    if (command_ns != NULL) {
        *command_ns += davit_clock_ns() - begin_ns;
    }
}

/* ---- pinned memory ---- */

davit_status davit_cuda_stream_reserve(davit_cuda_stream *stream, size_t bytes)
{
    bytes = bytes < LEAST_STAGING ? LEAST_STAGING : bytes > MOST_STAGING ? MOST_STAGING : bytes;
    if (stream->staging != NULL && stream->staging->bytes >= bytes) {
        return DAVIT_OK;
    }
    davit_cuda_memory_give(stream->device, stream->staging);
    stream->staging = NULL;
    return davit_cuda_pinned_take(stream->device, bytes, &stream->staging);
}

davit_status davit_cuda_stream_stage(davit_cuda_stream *stream, size_t wanted, void **memory,
                                     size_t *got)
{
    if (stream->staged_bytes == stream->staging->bytes) {
        davit_status status = davit_cuda_stream_wait(stream);
        if (status != DAVIT_OK) {
            return status;
        }
    }
    size_t room = stream->staging->bytes - stream->staged_bytes;
    *got = wanted < room ? wanted : room;
    *memory = (char *)stream->staging->host + stream->staged_bytes;
    stream->staged_bytes += *got;
    return DAVIT_OK;
}

/* ---- streams ---- */

static void destroy(davit_cuda_stream *stream)
{
    davit_cuda_device *device = stream->device;
    const davit_cuda_driver *driver = device->driver;
    const davit_allocator *allocator = device->base.options.allocator;
    if (atomic_load(&device->health) != DAVIT_CUDA_HUNG) {
        for (size_t i = 0; i < stream->mark_count; i++) {
            (void)driver->event_destroy(stream->marks[i]);
        }
        if (stream->reached != NULL) {
            (void)driver->event_destroy(stream->reached);
        }
        if (stream->native != NULL) {
            (void)driver->stream_destroy(stream->native);
        }
    }
    davit_cuda_memory_give(device, stream->staging);
    davit_free(allocator, stream->arrivals);
    davit_free(allocator, stream->marks);
    davit_free(allocator, stream);
}

static davit_status create_native(davit_cuda_stream *stream)
{
    davit_cuda_device *device = stream->device;
    cuda_result result = device->driver->stream_create(&stream->native, CUDA_STREAM_NON_BLOCKING);
    if (result != CUDA_RESULT_SUCCESS) {
        stream->native = NULL;
        return davit_cuda_fail(device, result, "a stream");
    }
    result = device->driver->event_create(&stream->reached, CUDA_EVENT_DEFAULT);
    if (result != CUDA_RESULT_SUCCESS) {
        stream->reached = NULL;
        return davit_cuda_fail(device, result, "an event");
    }
    return davit_cuda_stream_reserve(stream, 0);
}

davit_status davit_cuda_stream_open(davit_cuda_device *device, davit_cuda_stream **out)
{
    const davit_allocator *allocator = device->base.options.allocator;
    davit_cuda_stream *stream = davit_alloc(allocator, sizeof(*stream));
    if (stream == NULL) {
        return davit_cuda_no_memory(device, "a queue");
    }
    stream->device = device;
    davit_status status = davit_cuda_enter(device);
    if (status != DAVIT_OK) {
        davit_free(allocator, stream);
        return status;
    }
    status = create_native(stream);
    if (status != DAVIT_OK) {
        destroy(stream);
        davit_cuda_leave(device);
        return status;
    }
    *out = stream;
    return DAVIT_OK;
}

void davit_cuda_stream_close(davit_cuda_stream *stream)
{
    davit_cuda_device *device = stream->device;
    destroy(stream);
    if (atomic_load(&device->health) != DAVIT_CUDA_HUNG) {
        davit_cuda_leave(device);
    }
}

davit_status davit_cuda_stream_take_turn(davit_cuda_stream *stream, davit_program *program)
{
    for (;;) {
        struct timespec next;
        (void)clock_gettime(CLOCK_REALTIME, &next);
        next.tv_nsec += TURN_NS;
        next.tv_sec += next.tv_nsec / 1000000000;
        next.tv_nsec %= 1000000000;
        if (pthread_mutex_timedlock(&program->turn, &next) == 0) {
            return DAVIT_OK;
        }
        if (atomic_load(&stream->device->health) != DAVIT_CUDA_WELL) {
            return davit_cuda_fail_lost(stream->device);
        }
    }
}

/* ---- queues: a worker that waits for semaphores, and beside it the thread that calls the driver ---- */

typedef struct queue_job {
    davit_cuda_device *device;
    davit_cuda_stream *stream; /* out, of opening */
    const davit_submission *submission;
} queue_job;

static davit_status open_on_thread(void *argument)
{
    queue_job *job = argument;
    return davit_cuda_stream_open(job->device, &job->stream);
}

static davit_status close_on_thread(void *argument)
{
    davit_cuda_stream_close(((queue_job *)argument)->stream);
    return DAVIT_OK;
}

static davit_status run_on_thread(void *argument)
{
    const queue_job *job = argument;
    return davit_cuda_submission_run(job->stream, job->submission);
}

static davit_status fail_kept(const davit_cuda_device *device, davit_status status,
                              const char *what)
{
    return davit_fail(device->base.options.diag, status,
                      "device '%s': %s: a call of its driver does not return: the device is given "
                      "up",
                      device->base.info.name, what);
}

static davit_status open_queue_stream(davit_device *base, void **out)
{
    queue_job job = {.device = (davit_cuda_device *)base};
    davit_cuda_caller *caller;
    bool given_up;
    davit_status status = davit_cuda_caller_create(job.device, &caller);
    if (status != DAVIT_OK) {
        return status;
    }
    status = davit_cuda_call(caller, (davit_cuda_patience){.inside_ns = davit_cuda_patience_ns(job.device)},
                             open_on_thread, &job, &given_up);
    if (given_up) {
        return fail_kept(job.device, status, "a queue");
    }
    if (status != DAVIT_OK) {
        davit_cuda_caller_free(caller);
        return status;
    }
    job.stream->caller = caller;
    *out = job.stream;
    return DAVIT_OK;
}

static void close_queue_stream(davit_device *base, void *opened)
{
    queue_job job = {.device = (davit_cuda_device *)base, .stream = opened};
    davit_cuda_caller *caller = job.stream->caller;
    bool given_up;
    (void)davit_cuda_call(caller, (davit_cuda_patience){.inside_ns = davit_cuda_patience_ns(job.device)},
                          close_on_thread, &job, &given_up);
    davit_cuda_caller_free(caller);
}

/* The thread that does not come back keeps the stream, and the program that it is at. */
static davit_status run_queue(davit_device *base, void *opened, const davit_submission *submission)
{
    queue_job job = {
        .device = (davit_cuda_device *)base, .stream = opened, .submission = submission};
    const davit_cuda_patience patience = {.not_before_ns = with_grace(submission->deadline_ns),
                                          .inside_ns = GRACE_NS};
    bool given_up;
    if (atomic_load(&job.device->health) != DAVIT_CUDA_WELL) {
        return davit_cuda_fail_lost(job.device);
    }
    davit_status status =
        davit_cuda_call(job.stream->caller, patience, run_on_thread, &job, &given_up);
    if (!given_up) {
        return status;
    }
    if (job.stream->running != NULL) {
        (void)atomic_fetch_add(&job.stream->running->base.references, 1);
    }
    return fail_kept(job.device, DAVIT_DEADLINE_EXCEEDED, "the deadline passed while it worked");
}

davit_status davit_cuda_queue_create(davit_device *device, davit_queue **out)
{
    static const davit_host_queue_ops ops = {.run = run_queue,
                                             .open_stream = open_queue_stream,
                                             .close_stream = close_queue_stream};
    return davit_host_queue_create(device, &ops, out);
}
