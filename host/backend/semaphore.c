#include "davit/semaphore.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <time.h>

#define NS_PER_S 1000000000u

struct davit_semaphore {
    const davit_allocator *allocator;
    atomic_uint references;
    pthread_mutex_t mutex;
    pthread_cond_t changed; /* value, status or a waiter's cancel flag */
    uint64_t value;
    davit_status status;
};

uint64_t davit_clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t davit_deadline_after(uint64_t ns)
{
    uint64_t now = davit_clock_ns();
    return ns > DAVIT_DEADLINE_NEVER - now ? DAVIT_DEADLINE_NEVER : now + ns;
}

/* A condition variable whose time-outs count on CLOCK_MONOTONIC. */
static davit_status init_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0) {
        return DAVIT_OUT_OF_MEMORY;
    }
    davit_status status = DAVIT_OK;
    if (pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) != 0 ||
        pthread_cond_init(condition, &attributes) != 0) {
        status = DAVIT_OUT_OF_MEMORY;
    }
    pthread_condattr_destroy(&attributes);
    return status;
}

davit_status davit_semaphore_create(const davit_allocator *allocator, uint64_t initial_value,
                                    davit_semaphore **out)
{
    if (out == NULL) {
        return DAVIT_INVALID_ARGUMENT;
    }
    *out = NULL;
    if (allocator == NULL) {
        allocator = davit_allocator_default();
    }
    davit_semaphore *semaphore = davit_alloc(allocator, sizeof(*semaphore));
    if (semaphore == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    davit_status status = init_condition(&semaphore->changed);
    if (status != DAVIT_OK) {
        davit_free(allocator, semaphore);
        return status;
    }
    pthread_mutex_init(&semaphore->mutex, NULL);
    semaphore->allocator = allocator;
    atomic_init(&semaphore->references, 1);
    semaphore->value = initial_value;
    semaphore->status = DAVIT_OK;
    *out = semaphore;
    return DAVIT_OK;
}

void davit_semaphore_retain(davit_semaphore *semaphore)
{
    atomic_fetch_add_explicit(&semaphore->references, 1, memory_order_relaxed);
}

void davit_semaphore_release(davit_semaphore *semaphore)
{
    if (semaphore == NULL ||
        atomic_fetch_sub_explicit(&semaphore->references, 1, memory_order_acq_rel) > 1) {
        return;
    }
    pthread_cond_destroy(&semaphore->changed);
    pthread_mutex_destroy(&semaphore->mutex);
    davit_free(semaphore->allocator, semaphore);
}

davit_status davit_semaphore_query(davit_semaphore *semaphore, uint64_t *value)
{
    pthread_mutex_lock(&semaphore->mutex);
    davit_status status = semaphore->status;
    if (status == DAVIT_OK) {
        *value = semaphore->value;
    }
    pthread_mutex_unlock(&semaphore->mutex);
    return status;
}

davit_status davit_semaphore_signal(davit_semaphore *semaphore, uint64_t value)
{
    pthread_mutex_lock(&semaphore->mutex);
    davit_status status = semaphore->status;
    if (status == DAVIT_OK && value <= semaphore->value) {
        status = DAVIT_INVALID_ARGUMENT;
    }
    if (status == DAVIT_OK) {
        semaphore->value = value;
        pthread_cond_broadcast(&semaphore->changed);
    }
    pthread_mutex_unlock(&semaphore->mutex);
    return status;
}

void davit_semaphore_fail(davit_semaphore *semaphore, davit_status status)
{
    pthread_mutex_lock(&semaphore->mutex);
    if (semaphore->status == DAVIT_OK && status != DAVIT_OK) {
        semaphore->status = status;
        pthread_cond_broadcast(&semaphore->changed);
    }
    pthread_mutex_unlock(&semaphore->mutex);
}

void davit_semaphore_wake(davit_semaphore *semaphore)
{
    pthread_mutex_lock(&semaphore->mutex);
    pthread_cond_broadcast(&semaphore->changed);
    pthread_mutex_unlock(&semaphore->mutex);
}

/* Sleeps until something changes, or returns false when the deadline passed; the mutex is held. */
static bool sleep_until_changed(davit_semaphore *semaphore, uint64_t deadline_ns)
{
    if (deadline_ns == DAVIT_DEADLINE_NEVER) {
        pthread_cond_wait(&semaphore->changed, &semaphore->mutex);
        return true;
    }
    struct timespec until = {.tv_sec = (time_t)(deadline_ns / NS_PER_S),
                             .tv_nsec = (long)(deadline_ns % NS_PER_S)};
    return pthread_cond_timedwait(&semaphore->changed, &semaphore->mutex, &until) != ETIMEDOUT;
}

davit_status davit_semaphore_wait_unless(davit_semaphore *semaphore, uint64_t value,
                                         uint64_t deadline_ns, const atomic_bool *cancel)
{
    davit_status status = DAVIT_OK;
    bool in_time = true;
    pthread_mutex_lock(&semaphore->mutex);
    while (semaphore->value < value) {
        if (semaphore->status != DAVIT_OK) {
            status = semaphore->status;
        } else if (cancel != NULL && atomic_load(cancel)) {
            status = DAVIT_CANCELLED;
        } else if (!in_time) {
            status = DAVIT_DEADLINE_EXCEEDED;
        }
        if (status != DAVIT_OK) {
            break;
        }
        in_time = sleep_until_changed(semaphore, deadline_ns);
    }
    pthread_mutex_unlock(&semaphore->mutex);
    return status;
}

davit_status davit_semaphore_wait(davit_semaphore *semaphore, uint64_t value, uint64_t deadline_ns)
{
    return davit_semaphore_wait_unless(semaphore, value, deadline_ns, NULL);
}
