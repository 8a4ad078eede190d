#include "unit_test.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "counting_allocator.h"
#include "davit/host_queue.h"
#include "davit/null_backend.h"

/* What the queue's thread was asked to do. */
typedef struct binding {
    atomic_uint calls;
    uint32_t ordinal;
    pthread_t thread;
    bool signals_blocked;
    davit_status answer;
} binding;

static davit_status bind_thread(void *user, const davit_device_info *device)
{
    binding *bound = user;
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    bound->signals_blocked = sigismember(&blocked, SIGINT) && sigismember(&blocked, SIGUSR1);
    bound->ordinal = device->ordinal;
    bound->thread = pthread_self();
    (void)atomic_fetch_add(&bound->calls, 1);
    return bound->answer;
}

typedef struct fixture {
    counting_allocator counting;
    davit_diagnostics_buffer diag;
    binding bound;
    davit_registry registry;
    davit_device *device;
    davit_queue *queue;
    davit_buffer *buffer;
} fixture;

static int set_up(void **state)
{
    static fixture fix;
    memset(&fix, 0, sizeof(fix));
    counting_allocator_init(&fix.counting);
    davit_diagnostics_buffer_init(&fix.diag);
    davit_registry_init(&fix.registry, NULL);
    assert_int_equal(davit_registry_add(&fix.registry, &davit_null_backend, NULL), DAVIT_OK);
    davit_device_info info = {.name = "null", .ordinal = 3};
    const davit_device_options options = {.allocator = &fix.counting.allocator,
                                          .diag = &fix.diag.sink,
                                          .bind_thread = bind_thread,
                                          .bind_user = &fix.bound};
    assert_int_equal(davit_device_open(&fix.registry.backends[0], &info, &options, &fix.device),
                     DAVIT_OK);
    assert_int_equal(davit_buffer_alloc(fix.device, 64, &fix.buffer), DAVIT_OK);
    assert_int_equal(davit_queue_create(fix.device, &fix.queue), DAVIT_OK);
    *state = &fix;
    return 0;
}

static int tear_down(void **state)
{
    fixture *fix = *state;
    davit_queue_free(fix->queue);
    davit_buffer_free(fix->buffer);
    davit_device_close(fix->device);
    assert_int_equal(atomic_load(&fix->counting.live), 0);
    return 0;
}

static davit_command fill(const fixture *fix, uint8_t pattern)
{
    return (davit_command){
        .kind = DAVIT_COMMAND_FILL, .to = {fix->buffer, 0, 64}, .pattern = pattern};
}

static void test_thread_is_bound_once_with_signals_blocked(void **state)
{
    fixture *fix = *state;
    const davit_command command = fill(fix, 1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(davit_queue_run(fix->queue, &command, 1, DAVIT_DEADLINE_NEVER), DAVIT_OK);
    }
    assert_int_equal(atomic_load(&fix->bound.calls), 1);
    assert_int_equal(fix->bound.ordinal, 3);
    assert_false(pthread_equal(fix->bound.thread, pthread_self()));
    assert_true(fix->bound.signals_blocked);
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    assert_false(sigismember(&blocked, SIGUSR1));
}

static void test_failed_binding_fails_creation(void **state)
{
    fixture *fix = *state;
    fix->bound.answer = DAVIT_UNAVAILABLE;
    davit_queue *queue = fix->queue;
    assert_int_equal(davit_queue_create(fix->device, &queue), DAVIT_UNAVAILABLE);
    assert_null(queue);
    assert_int_equal(fix->diag.error_count, 1);
}

static void test_submitting_allocates_nothing(void **state)
{
    fixture *fix = *state;
    davit_semaphore *semaphore = NULL;
    assert_int_equal(davit_semaphore_create(&fix->counting.allocator, 0, &semaphore), DAVIT_OK);
    davit_command commands[4];
    for (uint8_t i = 0; i < 4; i++) {
        commands[i] = fill(fix, i);
    }
    counting_allocator_restart(&fix->counting, 0);
    for (uint64_t i = 0; i < 300; i += 3) {
        for (uint64_t j = 1; j <= 3; j++) {
            const davit_semaphore_point before = {semaphore, i};
            const davit_semaphore_point after = {semaphore, i + j};
            const davit_submission submission = {.wait_count = 1,
                                                 .waits = &before,
                                                 .command_count = 4,
                                                 .commands = commands,
                                                 .signal_count = 1,
                                                 .signals = &after,
                                                 .deadline_ns = DAVIT_DEADLINE_NEVER};
            assert_int_equal(davit_queue_submit(fix->queue, &submission), DAVIT_OK);
        }
        assert_int_equal(davit_semaphore_wait(semaphore, i + 3, DAVIT_DEADLINE_NEVER), DAVIT_OK);
        assert_int_equal(davit_queue_run(fix->queue, commands, 4, DAVIT_DEADLINE_NEVER), DAVIT_OK);
    }
    assert_int_equal(atomic_load(&fix->counting.calls), 0);
    davit_semaphore_release(semaphore);
}

static void test_commands_are_timed(void **state)
{
    fixture *fix = *state;
    uint64_t elapsed_ns = UINT64_MAX;
    davit_command command = fill(fix, 1);
    command.command_ns = &elapsed_ns;
    assert_int_equal(davit_queue_run(fix->queue, &command, 1, DAVIT_DEADLINE_NEVER), DAVIT_OK);
    assert_true(elapsed_ns < 1000000000u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_thread_is_bound_once_with_signals_blocked, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_failed_binding_fails_creation, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_submitting_allocates_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_commands_are_timed, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
