/* The thread of a board with a driver that takes its time, or never comes back. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "unit_test.h"

#include "davit/semaphore.h"
#include "thread.h"

#define MS 1000000ull

static void pause_ms(unsigned ms)
{
    const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    (void)nanosleep(&time, NULL);
}

/* A call of a driver that takes that long; or until it may return. */
typedef struct driver_call {
    unsigned ms;
    atomic_bool begun, held;
} driver_call;

static davit_status call(davit_xrt_job *job, void *arguments)
{
    driver_call *c = arguments;
    davit_xrt_enter(job);
    atomic_store(&c->begun, true);
    do {
        pause_ms(c->ms);
    } while (atomic_load(&c->held));
    return davit_xrt_leave(job) ? DAVIT_OK : DAVIT_DEVICE_LOST;
}

/* Our own code, which looks at the deadline by itself. */
static davit_status compute(davit_xrt_job *job, void *arguments)
{
    unsigned *looks = arguments;
    while (davit_clock_ns() < davit_xrt_job_deadline(job)) {
        (*looks)++;
        pause_ms(1);
    }
    pause_ms(30); /* somewhat late */
    return DAVIT_DEADLINE_EXCEEDED;
}

static void jobs_are_done(void **state)
{
    (void)state;
    davit_xrt_thread *thread = davit_xrt_thread_create();
    assert_non_null(thread);
    bool silent;
    driver_call quick = {.ms = 1};
    for (int i = 0; i < 5; i++) {
        assert_int_equal(
            davit_xrt_thread_do(thread, call, &quick, davit_deadline_after(60000 * MS), &silent),
            DAVIT_OK);
        assert_false(silent);
    }
    assert_false(davit_xrt_thread_lost(thread));
    davit_xrt_thread_destroy(thread);
}

static void own_code_is_waited_for(void **state)
{
    (void)state;
    davit_xrt_thread *thread = davit_xrt_thread_create();
    bool silent;
    unsigned looks = 0;
    assert_int_equal(
        davit_xrt_thread_do(thread, compute, &looks, davit_deadline_after(20 * MS), &silent),
        DAVIT_DEADLINE_EXCEEDED);
    assert_false(silent);
    assert_true(looks > 0);
    assert_false(davit_xrt_thread_lost(thread));
    davit_xrt_thread_destroy(thread);
}

typedef struct waiting {
    davit_xrt_thread *thread;
    driver_call *call;
    uint64_t deadline_ns;
    davit_status status;
    bool silent;
} waiting;

static void *wait_for_call(void *argument)
{
    waiting *w = argument;
    w->status = davit_xrt_thread_do(w->thread, call, w->call, w->deadline_ns, &w->silent);
    return NULL;
}

/* Starts a call on a thread of its own and returns when the driver has it. */
static pthread_t begin(waiting *w)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, wait_for_call, w), 0);
    while (!atomic_load(&w->call->begun)) {
        pause_ms(1);
    }
    return thread;
}

static void a_turn_that_does_not_come_ends_too(void **state)
{
    (void)state;
    davit_xrt_thread *thread = davit_xrt_thread_create();
    driver_call held = {.ms = 1, .held = true};
    driver_call quick = {.ms = 1};
    waiting first = {thread, &held, davit_deadline_after(60000 * MS), DAVIT_INTERNAL, true};
    pthread_t thread_of_first = begin(&first);
    waiting second = {thread, &quick, davit_deadline_after(20 * MS), DAVIT_INTERNAL, false};
    (void)wait_for_call(&second);
    assert_int_equal(second.status, DAVIT_DEADLINE_EXCEEDED);
    assert_true(second.silent);
    assert_false(atomic_load(&quick.begun));
    atomic_store(&held.held, false);
    assert_int_equal(pthread_join(thread_of_first, NULL), 0);
    assert_int_equal(first.status, DAVIT_OK);
    davit_xrt_thread_destroy(thread);
}

/* Static: the stuck thread outlives the test, and what it may touch must too. */
static driver_call for_ever = {.ms = 1000, .held = true};

static void a_stuck_driver_is_left_behind(void **state)
{
    (void)state;
    davit_xrt_thread *thread = davit_xrt_thread_create();
    driver_call quick = {.ms = 1};
    bool silent;
    waiting stuck = {thread, &for_ever, davit_deadline_after(200 * MS), DAVIT_INTERNAL, false};
    pthread_t thread_stuck = begin(&stuck);
    waiting behind = {thread, &quick, davit_deadline_after(60000 * MS), DAVIT_INTERNAL, false};
    (void)wait_for_call(&behind);
    assert_int_equal(pthread_join(thread_stuck, NULL), 0);
    assert_int_equal(stuck.status, DAVIT_DEVICE_LOST);
    assert_true(stuck.silent);
    assert_int_equal(behind.status, DAVIT_DEVICE_LOST);
    assert_true(davit_xrt_thread_lost(thread));
    assert_int_equal(
        davit_xrt_thread_do(thread, call, &quick, davit_deadline_after(60000 * MS), &silent),
        DAVIT_DEVICE_LOST);
    assert_false(atomic_load(&quick.begun));
    davit_xrt_thread_destroy(thread);
}

/* A lost board takes no work, but lets go of what it has, unless the driver holds it. */
static void a_lost_board_is_closed(void **state)
{
    (void)state;
    bool silent;
    for (int held = 0; held < 2; held++) {
        davit_xrt_thread *thread = davit_xrt_thread_create();
        driver_call work = {.ms = 1}, closing = {.ms = 1};
        if (held) {
            davit_xrt_thread_hold(thread);
        }
        davit_xrt_thread_lose(thread);
        assert_true(davit_xrt_thread_lost(thread));
        assert_int_equal(
            davit_xrt_thread_do(thread, call, &work, davit_deadline_after(60000 * MS), &silent),
            DAVIT_DEVICE_LOST);
        assert_true(silent);
        assert_int_equal(
            davit_xrt_thread_finish(thread, call, &closing, davit_deadline_after(60000 * MS)),
            held ? DAVIT_DEVICE_LOST : DAVIT_OK);
        assert_false(atomic_load(&work.begun));
        assert_int_equal(atomic_load(&closing.begun), !held);
        davit_xrt_thread_destroy(thread);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_are_done),
        cmocka_unit_test(own_code_is_waited_for),
        cmocka_unit_test(a_turn_that_does_not_come_ends_too),
        cmocka_unit_test(a_stuck_driver_is_left_behind),
        cmocka_unit_test(a_lost_board_is_closed), /* the last: the process ends without clean-up */
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
