#include "suite.h"

/* Semaphores between queues of one device, between devices, and with the host. */

#define SECOND 1000000000ull
#define MS 1000000ull

typedef struct pair {
    davit_semaphore *semaphore;
    davit_queue *first, *second;
} pair;

static davit_status open_pair(test_suite *suite, davit_device *other, pair *out)
{
    *out = (pair){NULL, NULL, NULL};
    davit_status status = davit_semaphore_create(&suite->allocator.allocator, 0, &out->semaphore);
    if (status == DAVIT_OK) {
        status = davit_queue_create(suite->device, &out->first);
    }
    if (status == DAVIT_OK) {
        status = davit_queue_create(other, &out->second);
    }
    return status;
}

static void close_pair(pair *closing)
{
    davit_queue_free(closing->first);
    davit_queue_free(closing->second);
    davit_semaphore_release(closing->semaphore);
}

/* A submission without commands: waits for one value and signals another. */
static davit_status pass_on(davit_queue *queue, davit_semaphore *semaphore, uint64_t wait,
                            uint64_t signal)
{
    const davit_semaphore_point before = {semaphore, wait};
    const davit_semaphore_point after = {semaphore, signal};
    const davit_submission submission = {.wait_count = 1,
                                         .waits = &before,
                                         .signal_count = 1,
                                         .signals = &after,
                                         .deadline_ns = davit_deadline_after(10 * SECOND)};
    return davit_queue_submit(queue, &submission);
}

/* Values travel to and fro between two queues, submitted in the wrong order. */
static void play(test_suite *suite, davit_device *other)
{
    const uint64_t rounds = 50;
    pair playing;
    CHECK_STATUS(suite, open_pair(suite, other, &playing), DAVIT_OK);
    for (uint64_t i = 0; i < rounds; i++) {
        CHECK_STATUS(suite, pass_on(playing.second, playing.semaphore, 2 * i + 1, 2 * i + 2),
                     DAVIT_OK);
    }
    for (uint64_t i = 0; i < rounds; i++) {
        CHECK_STATUS(suite, pass_on(playing.first, playing.semaphore, 2 * i, 2 * i + 1), DAVIT_OK);
    }
    CHECK_STATUS(
        suite,
        davit_semaphore_wait(playing.semaphore, 2 * rounds, davit_deadline_after(10 * SECOND)),
        DAVIT_OK);
    close_pair(&playing);
}

static void queues_of_a_device_wait_for_each_other(test_suite *suite)
{
    play(suite, suite->device);
}

static void devices_wait_for_each_other(test_suite *suite)
{
    davit_device *other = suite_open_null(suite, NULL);
    CHECK(suite, other != NULL);
    play(suite, other);
    davit_device_close(other);
}

/* The host is a party like any other. */
static void host_signals_queues(test_suite *suite)
{
    pair held;
    CHECK_STATUS(suite, open_pair(suite, suite->device, &held), DAVIT_OK);
    CHECK_STATUS(suite, pass_on(held.first, held.semaphore, 5, 6), DAVIT_OK);
    CHECK_STATUS(suite, davit_semaphore_wait(held.semaphore, 6, davit_deadline_after(20 * MS)),
                 DAVIT_DEADLINE_EXCEEDED);
    CHECK_STATUS(suite, davit_semaphore_signal(held.semaphore, 5), DAVIT_OK);
    CHECK_STATUS(suite, davit_semaphore_wait(held.semaphore, 6, davit_deadline_after(10 * SECOND)),
                 DAVIT_OK);
    close_pair(&held);
}

/* A failure travels through queues and devices to whoever waits at the end. */
static void failures_travel(test_suite *suite)
{
    davit_device *other = suite_open_null(suite, NULL);
    CHECK(suite, other != NULL);
    pair failing;
    davit_semaphore *middle = NULL;
    davit_semaphore *end = NULL;
    CHECK_STATUS(suite, open_pair(suite, other, &failing), DAVIT_OK);
    CHECK_STATUS(suite, davit_semaphore_create(NULL, 0, &middle), DAVIT_OK);
    CHECK_STATUS(suite, davit_semaphore_create(NULL, 0, &end), DAVIT_OK);
    const davit_semaphore_point points[] = {{failing.semaphore, 1}, {middle, 1}, {end, 1}};
    for (int i = 0; i < 2; i++) {
        const davit_submission submission = {.wait_count = 1,
                                             .waits = &points[i],
                                             .signal_count = 1,
                                             .signals = &points[i + 1],
                                             .deadline_ns = davit_deadline_after(10 * SECOND)};
        CHECK_STATUS(suite,
                     davit_queue_submit(i == 0 ? failing.first : failing.second, &submission),
                     DAVIT_OK);
    }
    davit_semaphore_fail(failing.semaphore, DAVIT_IO_ERROR);
    CHECK_STATUS(suite, davit_semaphore_wait(end, 1, davit_deadline_after(10 * SECOND)),
                 DAVIT_IO_ERROR);
    CHECK_STATUS(suite, davit_semaphore_wait(middle, 1, 0), DAVIT_IO_ERROR);
    close_pair(&failing);
    davit_semaphore_release(middle);
    davit_semaphore_release(end);
    davit_device_close(other);
}

/* Signalling what was passed already is an error of the submission that does it. */
static void values_that_do_not_rise_fail(test_suite *suite)
{
    pair held;
    CHECK_STATUS(suite, open_pair(suite, suite->device, &held), DAVIT_OK);
    CHECK_STATUS(suite, davit_semaphore_signal(held.semaphore, 8), DAVIT_OK);
    CHECK_STATUS(suite, pass_on(held.first, held.semaphore, 8, 8), DAVIT_OK);
    CHECK_STATUS(suite, davit_semaphore_wait(held.semaphore, 9, davit_deadline_after(10 * SECOND)),
                 DAVIT_INVALID_ARGUMENT);
    close_pair(&held);
}

/* The submission keeps a semaphore that its maker has let go of. */
static void submissions_keep_semaphores(test_suite *suite)
{
    pair held;
    davit_semaphore *gate = NULL;
    CHECK_STATUS(suite, open_pair(suite, suite->device, &held), DAVIT_OK);
    CHECK_STATUS(suite, davit_semaphore_create(&suite->allocator.allocator, 0, &gate), DAVIT_OK);
    const davit_semaphore_point before = {gate, 1};
    const davit_semaphore_point after = {held.semaphore, 1};
    const davit_submission submission = {.wait_count = 1,
                                         .waits = &before,
                                         .signal_count = 1,
                                         .signals = &after,
                                         .deadline_ns = davit_deadline_after(20 * MS)};
    CHECK_STATUS(suite, davit_queue_submit(held.first, &submission), DAVIT_OK);
    davit_semaphore_release(gate);
    CHECK_STATUS(suite, davit_semaphore_wait(held.semaphore, 1, davit_deadline_after(10 * SECOND)),
                 DAVIT_DEADLINE_EXCEEDED);
    CHECK(suite, suite->errors.status == DAVIT_DEADLINE_EXCEEDED);
    close_pair(&held);
}

static const suite_test tests[] = {
    {"semaphore/queues_of_a_device_wait_for_each_other", queues_of_a_device_wait_for_each_other},
    {"semaphore/devices_wait_for_each_other", devices_wait_for_each_other},
    {"semaphore/host_signals_queues", host_signals_queues},
    {"semaphore/failures_travel", failures_travel},
    {"semaphore/values_that_do_not_rise_fail", values_that_do_not_rise_fail},
    {"semaphore/submissions_keep_semaphores", submissions_keep_semaphores},
};

const suite_group conformance_semaphore = SUITE_GROUP(tests);
