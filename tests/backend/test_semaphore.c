#include "unit_test.h"

#include <pthread.h>
#include <stdbool.h>

#include "counting_allocator.h"
#include "davit/semaphore.h"

#define MS 1000000ull

static davit_semaphore *create(uint64_t value)
{
    davit_semaphore *semaphore = NULL;
    assert_int_equal(davit_semaphore_create(NULL, value, &semaphore), DAVIT_OK);
    return semaphore;
}

static void test_value_only_rises(void **state)
{
    (void)state;
    davit_semaphore *semaphore = create(5);
    uint64_t value = 0;
    assert_int_equal(davit_semaphore_query(semaphore, &value), DAVIT_OK);
    assert_int_equal(value, 5);
    assert_int_equal(davit_semaphore_signal(semaphore, 5), DAVIT_INVALID_ARGUMENT);
    assert_int_equal(davit_semaphore_signal(semaphore, 4), DAVIT_INVALID_ARGUMENT);
    assert_int_equal(davit_semaphore_signal(semaphore, UINT64_MAX), DAVIT_OK);
    assert_int_equal(davit_semaphore_query(semaphore, &value), DAVIT_OK);
    assert_true(value == UINT64_MAX);
    assert_int_equal(davit_semaphore_wait(semaphore, UINT64_MAX, 0), DAVIT_OK);
    davit_semaphore_release(semaphore);
}

static void test_deadlines_end_waits(void **state)
{
    (void)state;
    davit_semaphore *semaphore = create(0);
    assert_int_equal(davit_semaphore_wait(semaphore, 0, 0), DAVIT_OK);
    assert_int_equal(davit_semaphore_wait(semaphore, 1, 0), DAVIT_DEADLINE_EXCEEDED);
    uint64_t begin_ns = davit_clock_ns();
    assert_int_equal(davit_semaphore_wait(semaphore, 1, davit_deadline_after(20 * MS)),
                     DAVIT_DEADLINE_EXCEEDED);
    assert_true(davit_clock_ns() - begin_ns >= 20 * MS);
    davit_semaphore_release(semaphore);
}

static void test_deadline_after_saturates(void **state)
{
    (void)state;
    assert_true(davit_deadline_after(DAVIT_DEADLINE_NEVER) == DAVIT_DEADLINE_NEVER);
    assert_true(davit_deadline_after(DAVIT_DEADLINE_NEVER - 1) == DAVIT_DEADLINE_NEVER);
    assert_true(davit_deadline_after(1000) >= davit_clock_ns());
}

static void test_first_failure_stays(void **state)
{
    (void)state;
    davit_semaphore *semaphore = create(3);
    davit_semaphore_fail(semaphore, DAVIT_DEVICE_LOST);
    davit_semaphore_fail(semaphore, DAVIT_CANCELLED);
    uint64_t value = 77;
    assert_int_equal(davit_semaphore_query(semaphore, &value), DAVIT_DEVICE_LOST);
    assert_int_equal(value, 77);
    assert_int_equal(davit_semaphore_signal(semaphore, 9), DAVIT_DEVICE_LOST);
    /* What was reached before the failure stays reached. */
    assert_int_equal(davit_semaphore_wait(semaphore, 3, 0), DAVIT_OK);
    assert_int_equal(davit_semaphore_wait(semaphore, 4, 0), DAVIT_DEVICE_LOST);
    davit_semaphore_release(semaphore);
}

typedef struct waiter {
    davit_semaphore *semaphore;
    uint64_t value;
    const atomic_bool *cancel;
    davit_status status;
} waiter;

static void *wait_on_thread(void *argument)
{
    waiter *waiting = argument;
    waiting->status = davit_semaphore_wait_unless(waiting->semaphore, waiting->value,
                                                  DAVIT_DEADLINE_NEVER, waiting->cancel);
    davit_semaphore_release(waiting->semaphore);
    return NULL;
}

/* Starts a thread that waits, with a reference of its own. */
static pthread_t start_waiter(waiter *waiting)
{
    pthread_t thread;
    davit_semaphore_retain(waiting->semaphore);
    assert_int_equal(pthread_create(&thread, NULL, wait_on_thread, waiting), 0);
    return thread;
}

static void test_signals_wake_every_waiter(void **state)
{
    (void)state;
    davit_semaphore *semaphore = create(0);
    waiter waiters[4];
    pthread_t threads[4];
    for (uint64_t i = 0; i < 4; i++) {
        waiters[i] = (waiter){.semaphore = semaphore, .value = i + 1};
        threads[i] = start_waiter(&waiters[i]);
    }
    assert_int_equal(davit_semaphore_signal(semaphore, 2), DAVIT_OK);
    davit_semaphore_fail(semaphore, DAVIT_IO_ERROR);
    davit_semaphore_release(semaphore);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(waiters[i].status, i < 2 ? DAVIT_OK : DAVIT_IO_ERROR);
    }
}

static void test_wake_ends_a_cancelled_wait(void **state)
{
    (void)state;
    davit_semaphore *semaphore = create(0);
    atomic_bool cancel;
    atomic_init(&cancel, false);
    waiter waiting = {.semaphore = semaphore, .value = 1, .cancel = &cancel};
    pthread_t thread = start_waiter(&waiting);
    davit_semaphore_wake(semaphore);
    atomic_store(&cancel, true);
    davit_semaphore_wake(semaphore);
    pthread_join(thread, NULL);
    assert_int_equal(waiting.status, DAVIT_CANCELLED);
    assert_int_equal(davit_semaphore_wait_unless(semaphore, 0, 0, &cancel), DAVIT_OK);
    davit_semaphore_release(semaphore);
}

static void test_creation_without_memory_sets_nothing(void **state)
{
    (void)state;
    counting_allocator counting;
    counting_allocator_init(&counting);
    counting_allocator_restart(&counting, 1);
    davit_semaphore *semaphore = (davit_semaphore *)&counting;
    assert_int_equal(davit_semaphore_create(&counting.allocator, 0, &semaphore),
                     DAVIT_OUT_OF_MEMORY);
    assert_null(semaphore);
    assert_int_equal(davit_semaphore_create(&counting.allocator, 0, NULL), DAVIT_INVALID_ARGUMENT);
    assert_int_equal(davit_semaphore_create(&counting.allocator, 0, &semaphore), DAVIT_OK);
    davit_semaphore_release(semaphore);
    davit_semaphore_release(NULL);
    assert_int_equal(atomic_load(&counting.live), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_value_only_rises),
        cmocka_unit_test(test_deadlines_end_waits),
        cmocka_unit_test(test_deadline_after_saturates),
        cmocka_unit_test(test_first_failure_stays),
        cmocka_unit_test(test_signals_wake_every_waiter),
        cmocka_unit_test(test_wake_ends_a_cancelled_wait),
        cmocka_unit_test(test_creation_without_memory_sets_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
