#include "suite.h"

#include <string.h>

#define SECOND 1000000000ull
#define MS 1000000ull

/* A queue, a buffer that its commands use, and a semaphore for what they signal. */
typedef struct bench {
    davit_queue *queue;
    davit_buffer *buffer;
    davit_semaphore *semaphore;
} bench;

static davit_status open_bench(test_suite *suite, bench *out)
{
    *out = (bench){NULL, NULL, NULL};
    davit_status status = davit_queue_create(suite->device, &out->queue);
    if (status == DAVIT_OK) {
        status = davit_buffer_alloc(suite->device, 256, &out->buffer);
    }
    if (status == DAVIT_OK) {
        status = davit_semaphore_create(&suite->allocator.allocator, 0, &out->semaphore);
    }
    return status;
}

static void close_bench(bench *closing)
{
    davit_queue_free(closing->queue);
    davit_buffer_free(closing->buffer);
    davit_semaphore_release(closing->semaphore);
}

static davit_command fill_byte(davit_buffer *buffer, size_t offset, uint8_t pattern)
{
    return (davit_command){
        .kind = DAVIT_COMMAND_FILL, .to = {buffer, offset, 1}, .pattern = pattern};
}

/* One command that waits for wait (0: nothing) and signals a value of the bench's semaphore. */
static davit_status submit(bench *using, const davit_command *command,
                           const davit_semaphore_point *wait, uint64_t signal, uint64_t deadline_ns)
{
    const davit_semaphore_point after = {using->semaphore, signal};
    const davit_submission submission = {.wait_count = wait != NULL,
                                         .waits = wait,
                                         .command_count = 1,
                                         .commands = command,
                                         .signal_count = 1,
                                         .signals = &after,
                                         .deadline_ns = deadline_ns};
    return davit_queue_submit(using->queue, &submission);
}

static uint64_t soon(void)
{
    return davit_deadline_after(10 * SECOND);
}

/* Later submissions see what earlier ones did, without semaphores between them. */
static void submissions_run_in_order(test_suite *suite)
{
    enum { COUNT = 200 };
    static uint8_t seen[COUNT];
    bench using;
    CHECK_STATUS(suite, open_bench(suite, &using), DAVIT_OK);
    for (uint64_t i = 0; i < COUNT; i++) {
        const davit_command commands[] = {
            fill_byte(using.buffer, 0, (uint8_t)i),
            {.kind = DAVIT_COMMAND_READ, .from = {using.buffer, 0, 1}, .host_target = &seen[i]},
        };
        const davit_semaphore_point after = {using.semaphore, i + 1};
        const davit_submission submission = {.command_count = 2,
                                             .commands = commands,
                                             .signal_count = 1,
                                             .signals = &after,
                                             .deadline_ns = soon()};
        CHECK_STATUS(suite, davit_queue_submit(using.queue, &submission), DAVIT_OK);
    }
    CHECK_STATUS(suite, davit_semaphore_wait(using.semaphore, COUNT, soon()), DAVIT_OK);
    for (int i = 0; i < COUNT; i++) {
        CHECK(suite, seen[i] == (uint8_t)i);
    }
    close_bench(&using);
}

/* A blocked submission holds back the ones behind it on its queue. */
static void blocked_submissions_keep_their_place(test_suite *suite)
{
    bench using;
    davit_semaphore *gate = NULL;
    CHECK_STATUS(suite, open_bench(suite, &using), DAVIT_OK);
    CHECK_STATUS(suite, davit_semaphore_create(NULL, 0, &gate), DAVIT_OK);
    const davit_semaphore_point wait = {gate, 1};
    uint8_t got = 0;
    const davit_command first = fill_byte(using.buffer, 0, 1);
    const davit_command second = {
        .kind = DAVIT_COMMAND_READ, .from = {using.buffer, 0, 1}, .host_target = &got};
    CHECK_STATUS(suite, submit(&using, &first, &wait, 1, soon()), DAVIT_OK);
    CHECK_STATUS(suite, submit(&using, &second, NULL, 2, soon()), DAVIT_OK);
    CHECK_STATUS(suite, davit_semaphore_wait(using.semaphore, 2, davit_deadline_after(10 * MS)),
                 DAVIT_DEADLINE_EXCEEDED);
    CHECK_STATUS(suite, davit_semaphore_signal(gate, 1), DAVIT_OK);
    CHECK_STATUS(suite, davit_semaphore_wait(using.semaphore, 2, soon()), DAVIT_OK);
    CHECK(suite, got == 1);
    close_bench(&using);
    davit_semaphore_release(gate);
}

/* Nothing of a submission whose wait failed runs; the queue goes on. */
static void failed_waits_fail_signals(test_suite *suite)
{
    bench using;
    davit_semaphore *gate = NULL;
    uint8_t got = 77;
    CHECK_STATUS(suite, open_bench(suite, &using), DAVIT_OK);
    CHECK_STATUS(suite, davit_semaphore_create(NULL, 0, &gate), DAVIT_OK);
    const davit_command clear = fill_byte(using.buffer, 0, 5);
    CHECK_STATUS(suite, davit_queue_run(using.queue, &clear, 1, soon()), DAVIT_OK);

    const davit_semaphore_point wait = {gate, 1};
    const davit_command forbidden = fill_byte(using.buffer, 0, 9);
    davit_semaphore_fail(gate, DAVIT_DEVICE_LOST);
    CHECK_STATUS(suite, submit(&using, &forbidden, &wait, 1, soon()), DAVIT_OK);
    CHECK_STATUS(suite, davit_semaphore_wait(using.semaphore, 1, soon()), DAVIT_DEVICE_LOST);

    const davit_command read = {
        .kind = DAVIT_COMMAND_READ, .from = {using.buffer, 0, 1}, .host_target = &got};
    CHECK_STATUS(suite, davit_queue_run(using.queue, &read, 1, soon()), DAVIT_OK);
    CHECK(suite, got == 5);
    close_bench(&using);
    davit_semaphore_release(gate);
}

/* Who submits something wrong gets the status, and so does who waits for it. */
static void refused_submissions_fail_signals(test_suite *suite)
{
    bench using;
    CHECK_STATUS(suite, open_bench(suite, &using), DAVIT_OK);
    const davit_command bad = fill_byte(using.buffer, 256, 0);
    CHECK_STATUS(suite, submit(&using, &bad, NULL, 1, soon()), DAVIT_INVALID_ARGUMENT);
    CHECK_STATUS(suite, davit_semaphore_wait(using.semaphore, 1, soon()), DAVIT_INVALID_ARGUMENT);
    CHECK(suite, suite->errors.count == 1);

    const davit_semaphore_point nothing = {NULL, 1};
    davit_submission submission = {.wait_count = 1, .waits = &nothing, .deadline_ns = soon()};
    CHECK_STATUS(suite, davit_queue_submit(using.queue, &submission), DAVIT_INVALID_ARGUMENT);
    submission.waits = NULL;
    CHECK_STATUS(suite, davit_queue_submit(using.queue, &submission), DAVIT_INVALID_ARGUMENT);
    submission = (davit_submission){.command_count = 1, .deadline_ns = soon()};
    CHECK_STATUS(suite, davit_queue_submit(using.queue, &submission), DAVIT_INVALID_ARGUMENT);
    CHECK_STATUS(suite, davit_queue_submit(using.queue, NULL), DAVIT_INVALID_ARGUMENT);
    CHECK_STATUS(suite, davit_queue_submit(NULL, &submission), DAVIT_INVALID_ARGUMENT);
    CHECK_STATUS(suite, davit_queue_run(NULL, NULL, 0, soon()), DAVIT_INVALID_ARGUMENT);
    CHECK_STATUS(suite, davit_queue_run(using.queue, NULL, 0, soon()), DAVIT_OK);
    davit_queue *queue = using.queue;
    CHECK_STATUS(suite, davit_queue_create(NULL, &queue), DAVIT_INVALID_ARGUMENT);
    CHECK(suite, queue == NULL);
    close_bench(&using);
}

typedef struct completion {
    atomic_uint calls;
    davit_status status;
} completion;

static void count_completion(void *user, davit_status status)
{
    completion *done = user;
    done->status = status;
    atomic_fetch_add(&done->calls, 1);
}

/* Submits a command whose end is told to a function, and frees the queue. */
static davit_status complete_one(test_suite *suite, size_t offset, completion *done)
{
    bench using;
    davit_status status = open_bench(suite, &using);
    if (status == DAVIT_OK) {
        const davit_command command = fill_byte(using.buffer, offset, 1);
        const davit_submission submission = {.command_count = 1,
                                             .commands = &command,
                                             .deadline_ns = soon(),
                                             .completed = count_completion,
                                             .completed_user = done};
        status = davit_queue_submit(using.queue, &submission);
        close_bench(&using);
    }
    return status;
}

/* Once, whether it ran or was refused. */
static void completion_is_told_once(test_suite *suite)
{
    completion done = {.calls = 0, .status = DAVIT_INTERNAL};
    CHECK_STATUS(suite, complete_one(suite, 0, &done), DAVIT_OK);
    CHECK(suite, atomic_load(&done.calls) == 1 && done.status == DAVIT_OK);
    CHECK_STATUS(suite, complete_one(suite, 256, &done), DAVIT_INVALID_ARGUMENT);
    CHECK(suite, atomic_load(&done.calls) == 2 && done.status == DAVIT_INVALID_ARGUMENT);
}

/* A wait that never ends fails at the deadline; so does what comes after its own. */
static void deadlines_end_submissions(test_suite *suite)
{
    bench using;
    davit_semaphore *gate = NULL;
    CHECK_STATUS(suite, open_bench(suite, &using), DAVIT_OK);
    CHECK_STATUS(suite, davit_semaphore_create(NULL, 0, &gate), DAVIT_OK);
    const davit_semaphore_point wait = {gate, 1};
    const davit_command command = fill_byte(using.buffer, 0, 1);
    uint64_t begin_ns = davit_clock_ns();
    CHECK_STATUS(suite, submit(&using, &command, &wait, 1, davit_deadline_after(30 * MS)),
                 DAVIT_OK);
    CHECK_STATUS(suite, davit_semaphore_wait(using.semaphore, 1, soon()), DAVIT_DEADLINE_EXCEEDED);
    CHECK(suite, davit_clock_ns() - begin_ns >= 30 * MS);
    CHECK_STATUS(suite, davit_queue_run(using.queue, &command, 1, 0), DAVIT_DEADLINE_EXCEEDED);
    CHECK_STATUS(suite, davit_queue_run(using.queue, &command, 1, davit_clock_ns()),
                 DAVIT_DEADLINE_EXCEEDED);
    CHECK_STATUS(suite, davit_queue_run(using.queue, &command, 1, DAVIT_DEADLINE_NEVER), DAVIT_OK);
    close_bench(&using);
    davit_semaphore_release(gate);
}

/* Buffers and semaphores that are freed while in use live on until the use ends. */
static void objects_outlive_their_free(test_suite *suite)
{
    bench using;
    davit_semaphore *gate = NULL;
    davit_buffer *buffer = NULL;
    CHECK_STATUS(suite, open_bench(suite, &using), DAVIT_OK);
    CHECK_STATUS(suite, davit_semaphore_create(NULL, 0, &gate), DAVIT_OK);
    CHECK_STATUS(suite, davit_buffer_alloc(suite->device, 4096, &buffer), DAVIT_OK);
    const davit_semaphore_point wait = {gate, 1};
    const davit_command command = {.kind = DAVIT_COMMAND_FILL, .to = {buffer, 0, 4096}};
    CHECK_STATUS(suite, submit(&using, &command, &wait, 1, soon()), DAVIT_OK);
    size_t live = atomic_load(&suite->allocator.live);
    davit_buffer_free(buffer);
    CHECK(suite, atomic_load(&suite->allocator.live) == live);
    CHECK_STATUS(suite, davit_semaphore_signal(gate, 1), DAVIT_OK);
    CHECK_STATUS(suite, davit_semaphore_wait(using.semaphore, 1, soon()), DAVIT_OK);
    close_bench(&using);
    davit_semaphore_release(gate);
}

/* A queue that is freed with work on it ends that work: no waiter is left behind. */
static void freeing_a_queue_ends_its_work(test_suite *suite)
{
    bench using;
    davit_semaphore *gate = NULL;
    davit_semaphore *reached = NULL;
    CHECK_STATUS(suite, open_bench(suite, &using), DAVIT_OK);
    CHECK_STATUS(suite, davit_semaphore_create(NULL, 0, &gate), DAVIT_OK);
    CHECK_STATUS(suite, davit_semaphore_create(NULL, 7, &reached), DAVIT_OK);
    const davit_semaphore_point never = {gate, 1};
    const davit_semaphore_point already = {reached, 7};
    const davit_semaphore_point signal = {reached, 8};
    const davit_command command = fill_byte(using.buffer, 0, 1);
    CHECK_STATUS(suite, submit(&using, &command, &never, 1, DAVIT_DEADLINE_NEVER), DAVIT_OK);
    const davit_submission behind = {.wait_count = 1,
                                     .waits = &already,
                                     .command_count = 1,
                                     .commands = &command,
                                     .signal_count = 1,
                                     .signals = &signal,
                                     .deadline_ns = DAVIT_DEADLINE_NEVER};
    CHECK_STATUS(suite, davit_queue_submit(using.queue, &behind), DAVIT_OK);
    davit_queue_free(using.queue);
    using.queue = NULL;
    CHECK_STATUS(suite, davit_semaphore_wait(using.semaphore, 1, 0), DAVIT_CANCELLED);
    CHECK_STATUS(suite, davit_semaphore_wait(reached, 8, 0), DAVIT_OK);
    close_bench(&using);
    davit_semaphore_release(gate);
    davit_semaphore_release(reached);
}

/* ---- many threads ---- */

enum { THREADS = 4, SUBMISSIONS = 100 };

typedef struct submitter {
    davit_queue *queue;
    davit_buffer *buffer;
    size_t offset;
    davit_status status;
    bool intact;
} submitter;

/* Each thread has bytes of its own, which must hold what it wrote last. */
static void *submit_many(void *argument)
{
    submitter *own = argument;
    own->intact = true;
    own->status = DAVIT_OK;
    for (int i = 0; own->status == DAVIT_OK && i < SUBMISSIONS; i++) {
        uint8_t got = 0;
        const davit_command commands[] = {
            fill_byte(own->buffer, own->offset, (uint8_t)i),
            {.kind = DAVIT_COMMAND_READ,
             .from = {own->buffer, own->offset, 1},
             .host_target = &got},
        };
        own->status = davit_queue_run(own->queue, commands, 2, soon());
        own->intact = own->intact && got == (uint8_t)i;
    }
    return NULL;
}

static void threads_share_queues(test_suite *suite)
{
    bench using;
    davit_queue *other = NULL;
    pthread_t threads[THREADS];
    submitter submitters[THREADS];
    CHECK_STATUS(suite, open_bench(suite, &using), DAVIT_OK);
    CHECK_STATUS(suite, davit_queue_create(suite->device, &other), DAVIT_OK);
    for (size_t i = 0; i < THREADS; i++) {
        submitters[i] =
            (submitter){.queue = i % 2 ? using.queue : other, .buffer = using.buffer, .offset = i};
        CHECK(suite, pthread_create(&threads[i], NULL, submit_many, &submitters[i]) == 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    for (size_t i = 0; i < THREADS; i++) {
        CHECK_STATUS(suite, submitters[i].status, DAVIT_OK);
        CHECK(suite, submitters[i].intact);
    }
    davit_queue_free(other);
    close_bench(&using);
}

static const suite_test tests[] = {
    {"queue/submissions_run_in_order", submissions_run_in_order},
    {"queue/blocked_submissions_keep_their_place", blocked_submissions_keep_their_place},
    {"queue/failed_waits_fail_signals", failed_waits_fail_signals},
    {"queue/refused_submissions_fail_signals", refused_submissions_fail_signals},
    {"queue/completion_is_told_once", completion_is_told_once},
    {"queue/deadlines_end_submissions", deadlines_end_submissions},
    {"queue/objects_outlive_their_free", objects_outlive_their_free},
    {"queue/freeing_a_queue_ends_its_work", freeing_a_queue_ends_its_work},
    {"queue/threads_share_queues", threads_share_queues},
};

const suite_group conformance_queue = SUITE_GROUP(tests);
