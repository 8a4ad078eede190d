#define _DEFAULT_SOURCE /* on_exit */
#include "thread.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "davit/semaphore.h"

#define NS_PER_S 1000000000ull
/* How long after its deadline a job that is in our own code may take to notice it; then the owner
 * looks again. */
#define LOOK_AGAIN_NS 10000000u

typedef enum job_state { WAITING, RUNNING, DONE } job_state;

struct davit_xrt_job {
    davit_xrt_thread *thread;
    davit_xrt_work work;
    void *arguments;
    uint64_t deadline_ns;
    bool finishing;
    davit_xrt_job *next;
    /* Under the thread's mutex: */
    job_state state;
    bool in_driver, abandoned;
    davit_status status;
};

struct davit_xrt_thread {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    /* Under mutex: */
    davit_xrt_job *first;
    bool closing, lost, held, stuck;
};

static davit_xrt_job *take(davit_xrt_thread *thread)
{
    pthread_mutex_lock(&thread->mutex);
    while (thread->first == NULL && !thread->closing) {
        pthread_cond_wait(&thread->changed, &thread->mutex);
    }
    davit_xrt_job *job = thread->first;
    if (job != NULL) {
        thread->first = job->next;
        job->state = RUNNING;
    }
    pthread_mutex_unlock(&thread->mutex);
    return job;
}

static void *work(void *argument)
{
    davit_xrt_thread *thread = argument;
    davit_xrt_job *job;
    while ((job = take(thread)) != NULL) {
        davit_status status = job->work(job, job->arguments);
        pthread_mutex_lock(&thread->mutex);
        bool abandoned = job->abandoned;
        job->status = status;
        job->state = DONE;
        pthread_cond_broadcast(&thread->changed);
        pthread_mutex_unlock(&thread->mutex);
        if (abandoned) { /* nobody waits; what the job was about is left as it is */
            free(job);
            return NULL;
        }
    }
    return NULL;
}

static bool init(davit_xrt_thread *thread)
{
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0) {
        return false;
    }
    bool fine = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
                pthread_cond_init(&thread->changed, &attributes) == 0;
    (void)pthread_condattr_destroy(&attributes);
    return fine && pthread_mutex_init(&thread->mutex, NULL) == 0;
}

davit_xrt_thread *davit_xrt_thread_create(void)
{
    sigset_t all, before;
    davit_xrt_thread *thread = calloc(1, sizeof(*thread));
    if (thread == NULL || !init(thread)) {
        free(thread);
        return NULL;
    }
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&thread->thread, NULL, work, thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0) {
        free(thread);
        return NULL;
    }
    return thread;
}

void davit_xrt_thread_destroy(davit_xrt_thread *thread)
{
    pthread_mutex_lock(&thread->mutex);
    thread->closing = true;
    bool stuck = thread->stuck;
    pthread_cond_broadcast(&thread->changed);
    pthread_mutex_unlock(&thread->mutex);
    if (stuck) {
        (void)pthread_detach(thread->thread);
        return;
    }
    (void)pthread_join(thread->thread, NULL);
    pthread_cond_destroy(&thread->changed);
    pthread_mutex_destroy(&thread->mutex);
    free(thread);
}

/* Under the mutex. Waits for a change, at most until then. */
static void wait_until(davit_xrt_thread *thread, uint64_t then_ns)
{
    if (then_ns == DAVIT_DEADLINE_NEVER) {
        pthread_cond_wait(&thread->changed, &thread->mutex);
        return;
    }
    const struct timespec then = {.tv_sec = (time_t)(then_ns / NS_PER_S),
                                  .tv_nsec = (long)(then_ns % NS_PER_S)};
    (void)pthread_cond_timedwait(&thread->changed, &thread->mutex, &then);
}

/* Ends the process before the driver's destructors run: handlers that were added later run first.
 */
static void end_without_driver(int status, void *unused)
{
    (void)unused;
    (void)fflush(NULL);
    _exit(status);
}

static void skip_clean_up(void)
{
    (void)on_exit(end_without_driver, NULL);
}

/* Under the mutex. */
static void hold(davit_xrt_thread *thread)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    thread->lost = thread->held = true;
    pthread_cond_broadcast(&thread->changed);
    (void)pthread_once(&once, skip_clean_up);
}

/* Under the mutex: takes a job that waits for its turn back. */
static void take_back(davit_xrt_thread *thread, davit_xrt_job *job)
{
    davit_xrt_job **link = &thread->first;
    while (*link != job) {
        link = &(*link)->next;
    }
    *link = job->next;
}

/* Under the mutex. The status; *given_up: the job belongs to the stuck thread now. */
static davit_status await(davit_xrt_thread *thread, davit_xrt_job *job, bool *silent,
                          bool *given_up)
{
    uint64_t look_ns = job->deadline_ns;
    while (job->state != DONE) {
        if (job->state == WAITING && (job->finishing ? thread->held : thread->lost)) {
            take_back(thread, job);
            *silent = true;
            return DAVIT_DEVICE_LOST;
        }
        if (davit_clock_ns() >= look_ns) {
            if (job->state == WAITING) {
                take_back(thread, job);
                *silent = true;
                return DAVIT_DEADLINE_EXCEEDED;
            }
            if (job->in_driver) {
                job->abandoned = true;
                thread->stuck = true;
                hold(thread);
                *silent = *given_up = true;
                return DAVIT_DEVICE_LOST;
            }
            look_ns = davit_deadline_after(LOOK_AGAIN_NS);
        }
        wait_until(thread, look_ns);
    }
    return job->status;
}

/* Hands a copy of the job to the thread. */
static davit_status hand_over(davit_xrt_thread *thread, const davit_xrt_job *form, bool *silent)
{
    bool given_up = false;
    *silent = true;
    davit_xrt_job *job = calloc(1, sizeof(*job));
    if (job == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    *job = *form;
    *silent = false;
    pthread_mutex_lock(&thread->mutex);
    davit_xrt_job **link = &thread->first;
    while (*link != NULL) {
        link = &(*link)->next;
    }
    *link = job;
    pthread_cond_broadcast(&thread->changed);
    davit_status status = await(thread, job, silent, &given_up);
    pthread_mutex_unlock(&thread->mutex);
    if (!given_up) {
        free(job);
    }
    return status;
}

davit_status davit_xrt_thread_do(davit_xrt_thread *thread, davit_xrt_work job_work, void *arguments,
                                 uint64_t deadline_ns, bool *silent)
{
    const davit_xrt_job job = {
        .thread = thread, .work = job_work, .arguments = arguments, .deadline_ns = deadline_ns};
    return hand_over(thread, &job, silent);
}

davit_status davit_xrt_thread_finish(davit_xrt_thread *thread, davit_xrt_work job_work,
                                     void *arguments, uint64_t deadline_ns)
{
    bool silent;
    const davit_xrt_job job = {.thread = thread,
                               .work = job_work,
                               .arguments = arguments,
                               .deadline_ns = deadline_ns,
                               .finishing = true};
    return hand_over(thread, &job, &silent);
}

void davit_xrt_enter(davit_xrt_job *job)
{
    pthread_mutex_lock(&job->thread->mutex);
    job->in_driver = true;
    pthread_mutex_unlock(&job->thread->mutex);
}

bool davit_xrt_leave(davit_xrt_job *job)
{
    pthread_mutex_lock(&job->thread->mutex);
    job->in_driver = false;
    bool abandoned = job->abandoned;
    pthread_mutex_unlock(&job->thread->mutex);
    return !abandoned;
}

void davit_xrt_thread_lose(davit_xrt_thread *thread)
{
    pthread_mutex_lock(&thread->mutex);
    thread->lost = true;
    pthread_cond_broadcast(&thread->changed);
    pthread_mutex_unlock(&thread->mutex);
}

void davit_xrt_thread_hold(davit_xrt_thread *thread)
{
    pthread_mutex_lock(&thread->mutex);
    hold(thread);
    pthread_mutex_unlock(&thread->mutex);
}

bool davit_xrt_thread_lost(davit_xrt_thread *thread)
{
    pthread_mutex_lock(&thread->mutex);
    bool lost = thread->lost;
    pthread_mutex_unlock(&thread->mutex);
    return lost;
}

davit_xrt_thread *davit_xrt_job_thread(davit_xrt_job *job)
{
    return job->thread;
}

uint64_t davit_xrt_job_deadline(const davit_xrt_job *job)
{
    return job->deadline_ns;
}
