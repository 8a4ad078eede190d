/* More of what becomes of requests when devices fail: who is to blame, and what comes together. */
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "brittle_session.h"

#define MANY 5

typedef struct batch {
    float x[MANY][ELEMS], expected[MANY][ELEMS];
    davit_named_tensor inputs[MANY], outputs[MANY];
    davit_request *requests[MANY];
} batch;

static void submit_batch(fixture *f, batch *b, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        expect(f, i, b->expected[i]);
        fill(b->x[i], i);
        b->inputs[i] =
            (davit_named_tensor){"x", fixture_tensor(DAVIT_F32, 4, brittle_dims, b->x[i])};
        b->outputs[i] = (davit_named_tensor){"y", NULL};
    }
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(davit_session_submit(f->session, &b->inputs[i], 1, &b->outputs[i], 1, 0,
                                              &b->requests[i]),
                         DAVIT_OK);
    }
}

static unsigned wait_batch(batch *b, unsigned count)
{
    unsigned wrong = 0;
    for (unsigned i = 0; i < count; i++) {
        davit_status status = davit_request_wait(b->requests[i]);
        davit_request_release(b->requests[i]);
        if (status != DAVIT_OK) {
            wrong++;
        } else {
            wrong +=
                memcmp(b->outputs[i].tensor->data, b->expected[i], sizeof(b->expected[i])) != 0;
        }
        davit_tensor_destroy(b->outputs[i].tensor);
        davit_tensor_destroy(b->inputs[i].tensor);
    }
    return wrong;
}

static bool is_lost(const fixture *f, const char *device)
{
    for (size_t i = 0; i < davit_session_event_count(f->session); i++) {
        davit_event event;
        assert_int_equal(davit_session_event(f->session, i, &event), DAVIT_OK);
        if (event.kind == DAVIT_EVENT_DEVICE_LOST && strcmp(event.device, device) == 0) {
            return true;
        }
    }
    return false;
}

/* Requests that never reached the late device blame no other. */
static void only_the_late_device_is_lost(void **state)
{
    fixture *f = *state;
    batch b;
    davit_session_options options = options_for("brittle:0,brittle:1");
    options.in_flight = MANY;
    options.timeout_ns = 1000 * MS;
    assert_int_equal(open_placed(f, &options, "0110000"), DAVIT_OK);
    brittle_slow_down(20);
    brittle_break(1, BRITTLE_LATE, 2);
    submit_batch(f, &b, MANY);
    unsigned wrong = wait_batch(&b, MANY);
    assert_int_equal(wrong, 0);
    assert_false(is_lost(f, "brittle:0"));
}

/* What ended well is not to blame for a deadline, however long it took. */
static void long_work_is_not_lateness(void **state)
{
    fixture *f = *state;
    davit_session_options options = options_for("brittle:0,brittle:1");
    options.timeout_ns = 1000 * MS;
    assert_int_equal(open_placed(f, &options, "1111110"), DAVIT_OK);
    brittle_slow_down(110); /* 660 ms of 1000 on brittle:1, then brittle:0 hangs */
    brittle_break(0, BRITTLE_LATE, 1);
    assert_runs(f, 1);
    assert_false(is_lost(f, "brittle:1"));
}

/* The same with a driver that does not come back. */
static void a_stuck_device_loses_no_other(void **state)
{
    fixture *f = *state;
    batch b;
    davit_session_options options = options_for("brittle:0,brittle:1");
    options.in_flight = MANY;
    options.timeout_ns = 200 * MS;
    assert_int_equal(open_placed(f, &options, "0110000"), DAVIT_OK);
    brittle_break(1, BRITTLE_STUCK, 2);
    submit_batch(f, &b, MANY);
    unsigned wrong = wait_batch(&b, MANY);
    brittle_repair();
    rest(100);
    assert_int_equal(wrong, 0);
}

/* A device that came back is used, although another is lost before anyone noticed. */
static void a_return_survives_another_loss(void **state)
{
    fixture *f = *state;
    batch b;
    float y[ELEMS];
    davit_session_options options = options_for("brittle:0,brittle:1,brittle:2,reference");
    assert_int_equal(open_placed(f, &options, "0110112"), DAVIT_OK);
    brittle_break(1, BRITTLE_LOST, 2);
    assert_int_equal(run(f, 5, y), DAVIT_OK);
    brittle_repair();
    brittle_slow_down(300);
    brittle_break(2, BRITTLE_LOST, 1); /* met two seconds on, when 1 is back */
    submit_batch(f, &b, 1);            /* begins on the plan without 1, and fails */
    await_event(f, DAVIT_EVENT_RETURNED);
    assert_int_equal(wait_batch(&b, 1), 0);
    brittle_slow_down(0);
    assert_int_equal(run(f, 5, y), DAVIT_OK);
    assert_string_equal(device_of(f, 1), "brittle:1");
}

/* A request that failed before its device came back does not lose it again. */
static void an_old_failure_is_no_new_one(void **state)
{
    fixture *f = *state;
    batch b;
    float y[ELEMS];
    davit_session_options options = options_for("brittle:0,brittle:1,reference");
    options.in_flight = 3;
    assert_int_equal(open_placed(f, &options, "0110011"), DAVIT_OK);
    brittle_break(1, BRITTLE_LOST, 2);
    submit_batch(f, &b, 2);
    davit_request *late = b.requests[1];
    assert_int_equal(wait_batch(&b, 1), 0);
    brittle_repair();
    await_event(f, DAVIT_EVENT_RETURNED);
    assert_int_equal(run(f, 5, y), DAVIT_OK);
    assert_string_equal(device_of(f, 1), "brittle:1");
    assert_int_equal(davit_request_wait(late), DAVIT_OK);
    davit_request_release(late);
    davit_tensor_destroy(b.outputs[1].tensor);
    davit_tensor_destroy(b.inputs[1].tensor);
    assert_int_equal(count_events(f, DAVIT_EVENT_DEVICE_LOST), 1);
}

typedef struct poller {
    davit_request *request;
    atomic_bool stop;
    uint64_t timeout_ns;
} poller;

static void *poll_on(void *argument)
{
    poller *p = argument;
    while (!atomic_load(&p->stop)) {
        (void)davit_request_poll(p->request, p->timeout_ns);
    }
    return NULL;
}

/* Requests may be polled by any thread while they move. */
static void polls_while_it_moves(void **state)
{
    fixture *f = *state;
    for (int round = 0; round < 15; round++) {
        batch b;
        davit_session_options options = options_for("brittle:0,reference");
        assert_int_equal(open_placed(f, &options, "0000000"), DAVIT_OK);
        brittle_slow_down(5);
        brittle_break(0, BRITTLE_LOST, 2);
        submit_batch(f, &b, 1);
        enum { POLLERS = 4 };
        poller p[POLLERS];
        pthread_t threads[POLLERS];
        for (int t = 0; t < POLLERS; t++) {
            p[t] = (poller){.request = b.requests[0], .timeout_ns = t % 2 ? 1000 * MS : 1000};
            assert_int_equal(pthread_create(&threads[t], NULL, poll_on, &p[t]), 0);
        }
        assert_int_equal(davit_request_wait(b.requests[0]), DAVIT_OK);
        for (int t = 0; t < POLLERS; t++) {
            atomic_store(&p[t].stop, true);
        }
        for (int t = 0; t < POLLERS; t++) {
            pthread_join(threads[t], NULL);
        }
        davit_request_release(b.requests[0]);
        davit_tensor_destroy(b.outputs[0].tensor);
        davit_tensor_destroy(b.inputs[0].tensor);
        brittle_repair();
    }
}

typedef struct one_run {
    fixture *f;
    unsigned seed;
    float y[ELEMS];
    davit_status status;
    atomic_bool ended;
} one_run;

static void *run_once(void *argument)
{
    one_run *r = argument;
    r->status = run(r->f, r->seed, r->y);
    atomic_store(&r->ended, true);
    return NULL;
}

/* A second device that hangs while values are read from it. */
static void stuck_while_values_are_read(void **state)
{
    fixture *f = *state;
    one_run r = {.f = f, .seed = 3};
    float expected[ELEMS];
    expect(f, 3, expected);
    davit_session_options options = options_for("brittle:0,brittle:1,reference");
    options.timeout_ns = 1000 * MS;
    assert_int_equal(open_placed(f, &options, "0010000"), DAVIT_OK);
    brittle_slow_down(50);
    brittle_break(1, BRITTLE_LOST, 2);
    brittle_break(0, BRITTLE_STUCK,
                  5); /* write, execute, read b, execute; then the read that keeps e */
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, run_once, &r), 0);
    for (int i = 0; i < 200 && !atomic_load(&r.ended); i++) {
        rest(100);
    }
    bool ended = atomic_load(&r.ended);
    brittle_repair();
    pthread_join(thread, NULL);
    rest(100);
    assert_true(ended);
    assert_int_equal(r.status, DAVIT_OK);
    assert_memory_equal(r.y, expected, sizeof(r.y));
}

/* A driver that hangs in what goes on from a failed inference; everything is freed when it is back.
 */
static void stuck_when_resumed(void **state)
{
    fixture *f = *state;
    float y[ELEMS];
    davit_session_options options = options_for("brittle:0,brittle:1,reference");
    options.timeout_ns = 1500 * MS;
    assert_int_equal(open_placed(f, &options, "0011100"), DAVIT_OK);
    brittle_slow_down(100);
    brittle_break(1, BRITTLE_LOST, 2);
    brittle_break(0, BRITTLE_STUCK, 6); /* in the resumed one */
    assert_runs(f, 3);
    brittle_slow_down(0);
    assert_int_equal(run(f, 3, y), DAVIT_OK);
    brittle_repair();
    rest(200);
}

/* The caller's deadline ends the request, and the stuck device is used no more. */
static void a_deadline_over_a_stuck_driver(void **state)
{
    fixture *f = *state;
    batch b;
    float y[ELEMS];
    davit_session_options options = options_for("brittle:0,reference");
    assert_int_equal(open_placed(f, &options, "0000000"), DAVIT_OK);
    brittle_break(0, BRITTLE_STUCK, 2);
    expect(f, 1, b.expected[0]);
    fill(b.x[0], 1);
    b.inputs[0] = (davit_named_tensor){"x", fixture_tensor(DAVIT_F32, 4, brittle_dims, b.x[0])};
    b.outputs[0] = (davit_named_tensor){"y", NULL};
    assert_int_equal(davit_session_submit(f->session, &b.inputs[0], 1, &b.outputs[0], 1, 200 * MS,
                                          &b.requests[0]),
                     DAVIT_OK);
    davit_status status = davit_request_wait(b.requests[0]);
    davit_request_release(b.requests[0]);
    davit_tensor_destroy(b.inputs[0].tensor);
    davit_status next = run(f, 1, y);
    brittle_repair();
    rest(100);
    assert_int_equal(next, DAVIT_OK);
    assert_int_equal(status, DAVIT_DEADLINE_EXCEEDED);
}

/* A run that ends well reports no error. */
static void errors_in_between_are_not_told(void **state)
{
    fixture *f = *state;
    davit_session_options options = options_for("brittle:0,brittle:1,reference");
    assert_int_equal(open_placed(f, &options, "0010000"), DAVIT_OK);
    brittle_slow_down(50);
    brittle_break(1, BRITTLE_LOST, 2);
    brittle_break(0, BRITTLE_ERROR, 5);
    assert_runs(f, 3);
    assert_int_equal(f->diag.error_count, 0);
}

/* A device whose units nobody may take is not lost. */
static void no_loss_without_a_move(void **state)
{
    fixture *f = *state;
    float y[ELEMS];
    davit_session_options options = options_for("brittle:0,reference");
    options.no_fallback = "reference";
    assert_int_equal(fixture_session(f, &options), DAVIT_OK);
    for (int i = 0; i < 3; i++) {
        brittle_break(0, BRITTLE_ERROR, 2);
        assert_int_equal(run(f, 4, y), DAVIT_INTERNAL);
        assert_int_equal(run(f, 4, y), DAVIT_OK);
    }
    assert_int_equal(davit_session_event_count(f->session), 0);
}

/* A request that is cancelled after its device failed ends as cancelled. */
static void cancelled_after_a_failure(void **state)
{
    fixture *f = *state;
    batch b;
    davit_session_options options = options_for("brittle:0,reference");
    assert_int_equal(open_placed(f, &options, "0000000"), DAVIT_OK);
    brittle_break(0, BRITTLE_LOST, 2);
    submit_batch(f, &b, 1);
    assert_true(davit_request_poll(b.requests[0], 10000 * MS));
    davit_request_cancel(b.requests[0]);
    davit_status status = davit_request_wait(b.requests[0]);
    davit_request_release(b.requests[0]);
    davit_tensor_destroy(b.inputs[0].tensor);
    assert_int_equal(status, DAVIT_CANCELLED);
}

/* The program learns that a driver keeps what belonged to its context. */
static void the_context_tells_what_stays(void **state)
{
    fixture *f = *state;
    davit_session_options options = options_for("brittle:0,brittle:1,reference");
    options.timeout_ns = 200 * MS;
    assert_int_equal(open_placed(f, &options, "0100100"), DAVIT_OK);
    brittle_break(1, BRITTLE_STUCK, 2);
    assert_runs(f, 7);
    davit_session_destroy(f->session);
    davit_model_destroy(f->model);
    const bool all = davit_context_destroy(f->context);
    brittle_repair();
    rest(100);
    assert_false(all);
}

/* What stays is kept in reach, so that it is no leak. */
static int leave(void **state)
{
    static fixture *left;
    left = *state;
    (void)unlink(left->model_path);
    (void)rmdir(left->folder);
    return 0;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, brittle_setup, brittle_teardown)
    const struct CMUnitTest tests[] = {
        TEST(only_the_late_device_is_lost),
        TEST(long_work_is_not_lateness),
        TEST(a_stuck_device_loses_no_other),
        TEST(a_return_survives_another_loss),
        TEST(an_old_failure_is_no_new_one),
        TEST(polls_while_it_moves),
        TEST(stuck_while_values_are_read),
        TEST(stuck_when_resumed),
        TEST(a_deadline_over_a_stuck_driver),
        TEST(errors_in_between_are_not_told),
        TEST(no_loss_without_a_move),
        TEST(cancelled_after_a_failure),
        cmocka_unit_test_setup_teardown(the_context_tells_what_stays, brittle_setup, leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
