#include "caller.h"

#include <signal.h>
#include <time.h>

#include "device.h"

#define LOOK_AGAIN_NS 10000000ull

enum { OUTSIDE, INSIDE, GIVEN_UP };

struct davit_cuda_caller {
    davit_cuda_device *device;
    pthread_t thread;
    pthread_mutex_t turn; /* of those who call */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    /* Under mutex: */
    davit_status (*work)(void *argument); /* NULL: nothing to do */
    void *argument;
    davit_status status;
    bool closing;

    atomic_int place; /* of the thread */
    atomic_ullong entered_ns;
};

static _Thread_local davit_cuda_caller *self;

void davit_cuda_gate_enter(void)
{
    if (self != NULL) {
        atomic_store(&self->entered_ns, davit_clock_ns());
        atomic_store(&self->place, INSIDE);
    }
}

cuda_result davit_cuda_gate_leave(cuda_result result)
{
    int inside = INSIDE;
    if (self != NULL && !atomic_compare_exchange_strong(&self->place, &inside, OUTSIDE)) {
        pthread_exit(NULL);
    }
    return result;
}

static void *work_off(void *argument)
{
    davit_cuda_caller *caller = argument;
    self = caller;
    pthread_mutex_lock(&caller->mutex);
    while (!caller->closing) {
        if (caller->work == NULL) {
            pthread_cond_wait(&caller->changed, &caller->mutex);
            continue;
        }
        pthread_mutex_unlock(&caller->mutex);
        davit_status status = caller->work(caller->argument);
        pthread_mutex_lock(&caller->mutex);
        caller->status = status;
        caller->work = NULL;
        pthread_cond_broadcast(&caller->changed);
    }
    pthread_mutex_unlock(&caller->mutex);
    return NULL;
}

static int start(davit_cuda_caller *caller)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&caller->thread, NULL, work_off, caller);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

static void destroy(davit_cuda_caller *caller)
{
    pthread_cond_destroy(&caller->changed);
    pthread_mutex_destroy(&caller->mutex);
    pthread_mutex_destroy(&caller->turn);
    davit_free(caller->device->base.options.allocator, caller);
}

davit_status davit_cuda_caller_create(davit_cuda_device *device, davit_cuda_caller **out)
{
    pthread_condattr_t attributes;
    davit_cuda_caller *caller = davit_alloc(device->base.options.allocator, sizeof(*caller));
    if (caller == NULL) {
        return davit_cuda_no_memory(device, "a thread");
    }
    caller->device = device;
    atomic_init(&caller->place, OUTSIDE);
    atomic_init(&caller->entered_ns, 0);
    pthread_mutex_init(&caller->turn, NULL);
    pthread_mutex_init(&caller->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&caller->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    int error = start(caller);
    if (error != 0) {
        destroy(caller);
        return davit_fail(device->base.options.diag, DAVIT_UNAVAILABLE,
                          "device '%s': cannot start a thread: error %d", device->base.info.name,
                          error);
    }
    *out = caller;
    return DAVIT_OK;
}

void davit_cuda_caller_free(davit_cuda_caller *caller)
{
    if (caller == NULL || atomic_load(&caller->place) == GIVEN_UP) {
        return;
    }
    pthread_mutex_lock(&caller->mutex);
    caller->closing = true;
    pthread_cond_broadcast(&caller->changed);
    pthread_mutex_unlock(&caller->mutex);
    pthread_join(caller->thread, NULL);
    destroy(caller);
}

/* Whether the thread is lost for good. */
static bool give_up(davit_cuda_caller *caller, davit_cuda_patience patience)
{
    uint64_t now_ns = davit_clock_ns();
    int inside = INSIDE;
    if (now_ns < patience.not_before_ns ||
        now_ns - atomic_load(&caller->entered_ns) < patience.inside_ns ||
        !atomic_compare_exchange_strong(&caller->place, &inside, GIVEN_UP)) {
        return false;
    }
    pthread_detach(caller->thread);
    atomic_store(&caller->device->health, DAVIT_CUDA_HUNG);
    return true;
}

static void wait_until(davit_cuda_caller *caller, uint64_t latest_ns)
{
    if (latest_ns == DAVIT_DEADLINE_NEVER) {
        pthread_cond_wait(&caller->changed, &caller->mutex);
        return;
    }
    const struct timespec latest = {.tv_sec = (time_t)(latest_ns / 1000000000u),
                                    .tv_nsec = (long)(latest_ns % 1000000000u)};
    (void)pthread_cond_timedwait(&caller->changed, &caller->mutex, &latest);
}

davit_status davit_cuda_call(davit_cuda_caller *caller, davit_cuda_patience patience,
                             davit_status (*work)(void *argument), void *argument, bool *given_up)
{
    davit_status status = DAVIT_DEVICE_LOST;
    pthread_mutex_lock(&caller->turn);
    pthread_mutex_lock(&caller->mutex);
    *given_up = atomic_load(&caller->place) == GIVEN_UP;
    if (!*given_up) {
        caller->work = work;
        caller->argument = argument;
        pthread_cond_broadcast(&caller->changed);
    }
    while (!*given_up && caller->work != NULL) {
        uint64_t next_ns = davit_deadline_after(LOOK_AGAIN_NS);
        wait_until(caller, patience.not_before_ns > next_ns ? patience.not_before_ns : next_ns);
        *given_up = caller->work != NULL && give_up(caller, patience);
    }
    if (!*given_up) {
        status = caller->status;
    }
    pthread_mutex_unlock(&caller->mutex);
    pthread_mutex_unlock(&caller->turn);
    return status;
}
