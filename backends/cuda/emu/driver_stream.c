#include "driver.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A stream is a thread that does its work in order. It holds its device's lock only to take work
 * and to tell that work is done. */
struct cuda_stream_object {
    emu_device *device;
    pthread_cond_t changed;
    emu_work *first, *last;
    bool closing; /* the worker frees the stream when its work is done */
};

static uint64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ---- events ---- */

cuda_result emu_event_create(cuda_event *event, unsigned flags)
{
    cuda_result result;
    (void)flags;
    emu_device *device = emu_current(&result);
    if (device == NULL) {
        return result;
    }
    cuda_event made = calloc(1, sizeof(*made));
    if (made != NULL) {
        *made = (struct cuda_event_object){.device = device, .references = 1};
        emu_keep(device, &made->head);
        *event = made;
    }
    emu_unlock(device);
    return made != NULL ? CUDA_RESULT_SUCCESS : CUDA_RESULT_OUT_OF_MEMORY;
}

void emu_event_release(cuda_event event)
{
    event->references--;
    if (event->references == 0) {
        emu_forget(event->device, &event->head);
        free(event);
    }
}

cuda_result emu_event_destroy(cuda_event event)
{
    cuda_result result;
    emu_device *device = emu_current_to_free(&result);
    if (device == NULL) {
        return result;
    }
    emu_event_release(event);
    emu_unlock(device);
    return result;
}

cuda_result emu_event_query(cuda_event event)
{
    cuda_result result;
    emu_device *device = emu_look(&result);
    if (device == NULL) {
        return result;
    }
    result = event->pending > 0 ? CUDA_RESULT_NOT_READY : CUDA_RESULT_SUCCESS;
    emu_unlock(device);
    return result;
}

cuda_result emu_event_elapsed(float *milliseconds, cuda_event start, cuda_event end)
{
    cuda_result result;
    emu_device *device = emu_look(&result);
    if (device == NULL) {
        return result;
    }
    if (!start->recorded || !end->recorded) {
        result = CUDA_RESULT_INVALID_HANDLE;
    } else if (start->pending > 0 || end->pending > 0) {
        result = CUDA_RESULT_NOT_READY;
    } else {
        *milliseconds = (float)(((double)end->reached_ns - (double)start->reached_ns) * 1e-6);
    }
    emu_unlock(device);
    return result;
}

void emu_event_reach(cuda_event event)
{
    event->reached_ns = clock_ns();
    event->pending--;
    emu_event_release(event);
}

/* ---- the worker ---- */

static void copy_slowly(const emu_device *device, const emu_work *work)
{
    if (device->options.slow_copy_us > 0) {
        const struct timespec delay = {.tv_sec = (time_t)(device->options.slow_copy_us / 1000000),
                                       .tv_nsec =
                                           (long)(device->options.slow_copy_us % 1000000 * 1000)};
        (void)nanosleep(&delay, NULL);
    }
    memcpy(work->to, work->from, work->bytes);
}

/* Does a piece of work; nothing but events is reached after a failure. */
static void perform(emu_device *device, const emu_work *work)
{
    bool well = atomic_load(&device->sticky) == CUDA_RESULT_SUCCESS;
    switch (work->kind) {
    case EMU_COPY:
        if (well) {
            copy_slowly(device, work);
        }
        return;
    case EMU_FILL:
        if (well) {
            memset(work->to, work->pattern, work->bytes);
        }
        return;
    case EMU_LAUNCH:
        if (well) {
            emu_run(device, work->launch);
        }
        return;
    case EMU_GRAPH:
        emu_run_graph(device, work->graph);
        return;
    case EMU_PRODUCT:
        if (well) {
            emu_run_product(work->product);
        }
        return;
    case EMU_EVENT:
        return;
    }
}

static void finish(const emu_work *work)
{
    if (work->kind == EMU_EVENT) {
        emu_event_reach(work->event);
    }
    free(work->launch);
    free(work->product);
    free((void *)work);
}

static void *work_off(void *argument)
{
    cuda_stream stream = argument;
    emu_device *device = stream->device;
    pthread_mutex_lock(&device->mutex);
    while (stream->first != NULL || !stream->closing) {
        emu_work *work = stream->first;
        if (work == NULL) {
            pthread_cond_wait(&stream->changed, &device->mutex);
            continue;
        }
        stream->first = work->next;
        pthread_mutex_unlock(&device->mutex);
        perform(device, work);
        pthread_mutex_lock(&device->mutex);
        finish(work);
        device->work_count--;
        pthread_cond_broadcast(&device->changed);
    }
    pthread_cond_destroy(&stream->changed);
    free(stream);
    device->worker_count--;
    pthread_cond_broadcast(&device->changed);
    pthread_mutex_unlock(&device->mutex);
    return NULL;
}

/* Starts a worker with the host program's signals blocked, but for those that faults of kernels
 * raise. */
static bool start_worker(cuda_stream stream)
{
    sigset_t blocked, before;
    pthread_t worker;
    sigfillset(&blocked);
    sigdelset(&blocked, SIGSEGV);
    sigdelset(&blocked, SIGBUS);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    bool started = pthread_create(&worker, NULL, work_off, stream) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (started) {
        pthread_detach(worker);
    }
    return started;
}

cuda_result emu_stream_create(cuda_stream *out, unsigned flags)
{
    cuda_result result;
    (void)flags;
    emu_device *device = emu_current(&result);
    if (device == NULL) {
        return result;
    }
    cuda_stream stream = calloc(1, sizeof(*stream));
    if (stream == NULL) {
        emu_unlock(device);
        return CUDA_RESULT_OUT_OF_MEMORY;
    }
    stream->device = device;
    pthread_cond_init(&stream->changed, NULL);
    if (start_worker(stream)) {
        device->worker_count++;
        device->object_count++;
        *out = stream;
    } else {
        pthread_cond_destroy(&stream->changed);
        free(stream);
        result = CUDA_RESULT_UNKNOWN;
    }
    emu_unlock(device);
    return result;
}

cuda_result emu_stream_destroy(cuda_stream stream)
{
    cuda_result result;
    emu_device *device = emu_current_to_free(&result);
    if (device == NULL) {
        return result;
    }
    stream->closing = true;
    device->object_count--;
    pthread_cond_broadcast(&stream->changed);
    emu_unlock(device);
    return result;
}

/* ---- work ---- */

void emu_synchronize(emu_device *device)
{
    while (device->work_count > 0) {
        pthread_cond_wait(&device->changed, &device->mutex);
    }
}

cuda_result emu_append(cuda_stream stream, const emu_work *work)
{
    emu_work *copy = malloc(sizeof(*copy));
    if (copy == NULL) {
        return CUDA_RESULT_OUT_OF_MEMORY;
    }
    *copy = *work;
    copy->next = NULL;
    if (stream->first == NULL) {
        stream->first = copy;
    } else {
        stream->last->next = copy;
    }
    stream->last = copy;
    stream->device->work_count++;
    pthread_cond_broadcast(&stream->changed);
    return CUDA_RESULT_SUCCESS;
}

/* Appends a copy or fill whose device memory (address, or 0: none) is checked. */
static cuda_result append_checked(cuda_stream stream, cuda_address a, cuda_address b,
                                  const void *host, const emu_work *work)
{
    cuda_result result;
    emu_device *device = emu_current(&result);
    if (device == NULL) {
        return result;
    }
    bool right = stream != NULL && stream->device == device && work->bytes > 0 &&
                 (a == 0 || emu_owns(device, a, work->bytes)) &&
                 (b == 0 || emu_owns(device, b, work->bytes)) &&
                 (host == NULL || !emu_is_device_memory(host, work->bytes));
    result = right ? emu_append(stream, work) : CUDA_RESULT_INVALID_VALUE;
    emu_unlock(device);
    return result;
}

static void *pointer(cuda_address address)
{
    return (void *)(uintptr_t)address;
}

cuda_result emu_copy_to_device(cuda_address to, const void *from, size_t bytes, cuda_stream stream)
{
    const emu_work work = {.kind = EMU_COPY, .to = pointer(to), .from = from, .bytes = bytes};
    return append_checked(stream, to, to, from, &work);
}

cuda_result emu_copy_to_host(void *to, cuda_address from, size_t bytes, cuda_stream stream)
{
    const emu_work work = {.kind = EMU_COPY, .to = to, .from = pointer(from), .bytes = bytes};
    return append_checked(stream, from, from, to, &work);
}

cuda_result emu_copy_on_device(cuda_address to, cuda_address from, size_t bytes, cuda_stream stream)
{
    const emu_work work = {
        .kind = EMU_COPY, .to = pointer(to), .from = pointer(from), .bytes = bytes};
    return append_checked(stream, to, from, NULL, &work);
}

cuda_result emu_fill(cuda_address to, unsigned char pattern, size_t bytes, cuda_stream stream)
{
    const emu_work work = {.kind = EMU_FILL, .to = pointer(to), .bytes = bytes, .pattern = pattern};
    return append_checked(stream, to, to, NULL, &work);
}

cuda_result emu_event_record(cuda_event event, cuda_stream stream)
{
    cuda_result result;
    const emu_work work = {.kind = EMU_EVENT, .event = event};
    emu_device *device = emu_current(&result);
    if (device == NULL) {
        return result;
    }
    result = emu_append(stream, &work);
    if (result == CUDA_RESULT_SUCCESS) {
        event->recorded = true;
        event->pending++;
        event->references++;
    }
    emu_unlock(device);
    return result;
}

cuda_result emu_launch(cuda_function function, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                       unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared_bytes,
                       cuda_stream stream, void **arguments, void **extra)
{
    const uint32_t grid[] = {grid_x, grid_y, grid_z};
    const uint32_t block[] = {block_x, block_y, block_z};
    cuda_result result;
    emu_work work = {.kind = EMU_LAUNCH};
    if (extra != NULL) {
        return CUDA_RESULT_INVALID_VALUE;
    }
    emu_device *device = emu_current(&result);
    if (device == NULL) {
        return result;
    }
    result = emu_prepare(function, grid, block, shared_bytes, arguments, &work.launch);
    if (result == CUDA_RESULT_SUCCESS) {
        result = emu_append(stream, &work);
        if (result != CUDA_RESULT_SUCCESS) {
            free(work.launch);
        }
    }
    emu_unlock(device);
    return result;
}
