/* Requests, and what becomes of them when devices fail at a given command. */
#include <pthread.h>
#include <stdio.h>

#include "brittle_session.h"

/* At whatever command a device is lost, the inference ends well, as do those after it. */
static void completes_on_the_other_devices(void **state)
{
    fixture *f = *state;
    unsigned at = 1;
    for (bool struck = true; struck; at++) {
        davit_session_options options = options_for("brittle:0,brittle:1,reference");
        assert_int_equal(open_placed(f, &options, "0101r01"), DAVIT_OK);
        brittle_break(1, at % 2 == 0 ? BRITTLE_LOST : BRITTLE_ERROR, at);
        assert_runs(f, 1);
        struck = brittle_pending(1) == 0;
        assert_int_equal(f->diag.error_count, 0);
        assert_int_equal(count_events(f, DAVIT_EVENT_DEVICE_LOST), struck);
        assert_int_equal(count_events(f, DAVIT_EVENT_MOVED), struck);
        assert_int_equal(count_events(f, DAVIT_EVENT_REPEATED), struck);
        if (struck) {
            assert_string_not_equal(device_of(f, 1), "brittle:1");
            assert_string_equal(device_of(f, 0), "brittle:0");
            assert_string_equal(device_of(f, 4), "reference");
        }
        brittle_break(1, BRITTLE_NONE, 0);
        assert_runs(f, 1);
        brittle_repair();
    }
    assert_true(at > 5);
}

static void one_after_the_other_may_go(void **state)
{
    fixture *f = *state;
    davit_session_options options = options_for("brittle:0,brittle:1,brittle:2,reference");
    assert_int_equal(open_placed(f, &options, "0120120"), DAVIT_OK);
    for (uint32_t d = 0; d < BRITTLE_DEVICES; d++) {
        brittle_break(d, BRITTLE_LOST, 2);
    }
    assert_runs(f, 2);
    assert_int_equal(count_events(f, DAVIT_EVENT_DEVICE_LOST), 3);
    for (size_t u = 0; u < UNITS; u++) {
        assert_string_equal(device_of(f, u), "reference");
    }
}

/* What two long units before the failed one have made is not made again. */
static void uses_what_still_exists(void **state)
{
    fixture *f = *state;
    davit_session_options options = options_for("brittle:0,brittle:1,reference");
    assert_int_equal(open_placed(f, &options, "0011100"), DAVIT_OK);
    brittle_slow_down(200);
    brittle_break(1, BRITTLE_LOST, 2);
    assert_runs(f, 3);
    davit_event event;
    size_t count = davit_session_event_count(f->session);
    assert_int_equal(davit_session_event(f->session, count - 1, &event), DAVIT_OK);
    assert_int_equal(event.kind, DAVIT_EVENT_REPEATED);
    assert_string_equal(event.text, "the inference that brittle:1 failed was completed: 5 of 7 "
                                    "units ran again, 1 values were used again");
    brittle_slow_down(0);
    assert_runs(f, 3);
}

static uint64_t time_of(const fixture *f, davit_event_kind kind)
{
    for (size_t i = 0; i < davit_session_event_count(f->session); i++) {
        davit_event event;
        assert_int_equal(davit_session_event(f->session, i, &event), DAVIT_OK);
        if (event.kind == kind) {
            return event.time_ns;
        }
    }
    fail_msg("no event of kind %d", (int)kind);
    return 0;
}

/* From the loss on, at most twice a clean inference and making the session's programs again, at
 * whatever unit the device is lost. */
static void recovers_in_time(void **state)
{
    fixture *f = *state;
    float y[ELEMS];
    for (unsigned at = 2; at < 8; at += 2) {
        davit_session_options options = options_for("brittle:0,brittle:1,reference");
        assert_int_equal(open_placed(f, &options, "0101r01"), DAVIT_OK);
        brittle_slow_down(30);
        uint64_t begin_ns = davit_clock_ns();
        assert_int_equal(run(f, 9, y), DAVIT_OK);
        uint64_t clean_ns = davit_clock_ns() - begin_ns;
        brittle_break(1, BRITTLE_LOST, at);
        assert_int_equal(run(f, 9, y), DAVIT_OK);
        uint64_t took_ns = time_of(f, DAVIT_EVENT_REPEATED) - time_of(f, DAVIT_EVENT_DEVICE_LOST);
        davit_session_summary summary;
        davit_session_get_summary(f->session, &summary);
        assert_true(took_ns <= 2 * clean_ns + summary.load_ns);
        brittle_repair();
    }
}

static void strict_sessions_fail(void **state)
{
    fixture *f = *state;
    float y[ELEMS];
    davit_session_options options = options_for("brittle:0,brittle:1");
    options.strict = true;
    assert_int_equal(open_placed(f, &options, "0001100"), DAVIT_OK);
    brittle_break(1, BRITTLE_ERROR, 1);
    assert_int_equal(run(f, 4, y), DAVIT_INTERNAL);
    assert_int_equal(f->diag.error_count, 1);
    assert_non_null(strstr(f->diag.text, "brittle:1"));
    assert_int_equal(davit_session_event_count(f->session), 0);
    assert_runs(f, 4);
}

static void moves_only_where_it_may(void **state)
{
    fixture *f = *state;
    float y[ELEMS];
    davit_session_options options = options_for("brittle:0,reference");
    options.no_fallback = "null,reference";
    assert_int_equal(fixture_session(f, &options), DAVIT_OK);
    assert_string_equal(device_of(f, 0), "brittle:0");
    brittle_break(0, BRITTLE_ERROR, 2);
    assert_int_equal(run(f, 4, y), DAVIT_INTERNAL);
    assert_int_equal(f->diag.error_count, 1);
    assert_non_null(strstr(f->diag.text, "no other device takes its units"));
    assert_non_null(strstr(f->diag.text, "no fallback on this kind of device is allowed"));
    assert_runs(f, 4); /* it was an error of one run */

    options.no_fallback = "null,gpus";
    assert_int_equal(fixture_session(f, &options), DAVIT_NOT_FOUND);
    assert_non_null(strstr(f->diag.text, "'gpus'"));
}

static void a_lost_device_comes_back(void **state)
{
    fixture *f = *state;
    float y[ELEMS];
    davit_session_options options = options_for("brittle:0,brittle:1,reference");
    assert_int_equal(open_placed(f, &options, "0110011"), DAVIT_OK);
    brittle_break(1, BRITTLE_LOST, 2);
    assert_int_equal(run(f, 5, y), DAVIT_OK);
    assert_string_not_equal(device_of(f, 1), "brittle:1");
    brittle_repair();
    await_event(f, DAVIT_EVENT_RETURNED);
    assert_runs(f, 5);
    assert_string_equal(device_of(f, 1), "brittle:1");
    assert_string_equal(device_of(f, 0), "brittle:0");
}

/* Late devices are lost at the session's time limit; the caller's own deadline ends the request. */
static void time_limits(void **state)
{
    fixture *f = *state;
    float x[ELEMS];
    fill(x, 6);
    davit_session_options options = options_for("brittle:0,reference");
    options.timeout_ns = 300 * MS;
    assert_int_equal(open_placed(f, &options, "0000000"), DAVIT_OK);
    brittle_break(0, BRITTLE_LATE, 2);
    assert_runs(f, 6);
    assert_int_equal(count_events(f, DAVIT_EVENT_DEVICE_LOST), 1);

    options.timeout_ns = 0;
    assert_int_equal(open_placed(f, &options, "0000000"), DAVIT_OK);
    brittle_break(0, BRITTLE_LATE, 2);
    davit_named_tensor input = {"x", fixture_tensor(DAVIT_F32, 4, brittle_dims, x)};
    davit_named_tensor output = {"y", NULL};
    davit_request *request;
    assert_int_equal(davit_session_submit(f->session, &input, 1, &output, 1, 200 * MS, &request),
                     DAVIT_OK);
    assert_false(davit_request_poll(request, 0));
    assert_true(davit_request_poll(request, 10000 * MS));
    assert_int_equal(davit_request_wait(request), DAVIT_DEADLINE_EXCEEDED);
    davit_request_release(request);
    assert_null(output.tensor);
    assert_int_equal(davit_session_event_count(f->session), 0);
    davit_tensor_destroy(input.tensor);
}

/* A driver that does not come back is set aside with what it was given. */
static void a_stuck_driver_is_set_aside(void **state)
{
    fixture *f = *state;
    float y[ELEMS];
    davit_session_options options = options_for("brittle:0,brittle:1,reference");
    options.timeout_ns = 500 * MS;
    assert_int_equal(open_placed(f, &options, "0100100"), DAVIT_OK);
    brittle_break(1, BRITTLE_STUCK, 2);
    assert_runs(f, 7);
    assert_int_equal(count_events(f, DAVIT_EVENT_DEVICE_LOST), 1);
    assert_int_equal(run(f, 7, y), DAVIT_OK);
    /* It comes back in the end: then, and only then, everything can be freed. */
    brittle_repair();
    rest(100);
}

/* Several in flight: results in the order of submission, whatever fails. */
static void requests_overlap(void **state)
{
    fixture *f = *state;
    enum { COUNT = 24, DEPTH = 4 };
    float x[COUNT][ELEMS], expected[COUNT][ELEMS];
    davit_named_tensor inputs[COUNT], outputs[COUNT] = {0};
    davit_request *requests[COUNT];
    davit_session_options options = options_for("brittle:0,brittle:1,reference");
    options.in_flight = DEPTH;
    for (unsigned i = 0; i < COUNT; i++) {
        expect(f, i, expected[i]);
        fill(x[i], i);
        inputs[i] = (davit_named_tensor){"x", fixture_tensor(DAVIT_F32, 4, brittle_dims, x[i])};
        outputs[i].name = "y";
    }
    assert_int_equal(open_placed(f, &options, "0101r10"), DAVIT_OK);
    brittle_break(0, BRITTLE_LOST, 37);
    for (unsigned i = 0; i < COUNT + DEPTH; i++) {
        if (i >= DEPTH) {
            davit_named_tensor *output = &outputs[i - DEPTH];
            assert_int_equal(davit_request_wait(requests[i - DEPTH]), DAVIT_OK);
            davit_request_release(requests[i - DEPTH]);
            assert_memory_equal(output->tensor->data, expected[i - DEPTH], sizeof(expected[0]));
            davit_tensor_destroy(output->tensor);
        }
        if (i < COUNT) {
            assert_int_equal(
                davit_session_submit(f->session, &inputs[i], 1, &outputs[i], 1, 0, &requests[i]),
                DAVIT_OK);
        }
    }
    assert_int_equal(count_events(f, DAVIT_EVENT_DEVICE_LOST), 1);
    for (unsigned i = 0; i < COUNT; i++) {
        davit_tensor_destroy(inputs[i].tensor);
    }
}

static void requests_end_early(void **state)
{
    fixture *f = *state;
    float x[ELEMS];
    fill(x, 8);
    davit_session_options options = options_for("brittle:0,reference");
    assert_int_equal(open_placed(f, &options, "0r0r0r0"), DAVIT_OK);
    brittle_slow_down(50);
    davit_named_tensor input = {"x", fixture_tensor(DAVIT_F32, 4, brittle_dims, x)};
    davit_named_tensor output = {"y", NULL};
    davit_request *request, *second;
    assert_int_equal(davit_session_submit(f->session, &input, 1, &output, 1, 0, &request),
                     DAVIT_OK);
    davit_named_tensor other = {"y", NULL};
    assert_int_equal(davit_session_submit(f->session, &input, 1, &other, 1, 20 * MS, &second),
                     DAVIT_DEADLINE_EXCEEDED);
    assert_null(second);
    assert_non_null(strstr(f->diag.text, "could not begin within"));
    davit_request_cancel(request);
    assert_int_equal(davit_request_wait(request), DAVIT_CANCELLED);
    davit_request_release(request);
    assert_null(output.tensor);
    assert_int_equal(davit_session_event_count(f->session), 0);
    brittle_slow_down(0);
    assert_runs(f, 8);
    davit_tensor_destroy(input.tensor);
}

typedef struct caller {
    fixture *f;
    unsigned seed;
    unsigned wrong;
    float expected[ELEMS];
} caller;

static void *call_often(void *argument)
{
    caller *c = argument;
    for (int i = 0; i < 12; i++) {
        float y[ELEMS] = {0};
        if (run(c->f, c->seed, y) != DAVIT_OK || memcmp(y, c->expected, sizeof(y)) != 0) {
            c->wrong++;
        }
    }
    return NULL;
}

static unsigned from_environment(const char *name, unsigned otherwise)
{
    const char *text = getenv(name);
    return text != NULL ? (unsigned)atoi(text) : otherwise;
}

/* Random faults on random devices at random moments, under several threads; soak.sh asks for more
 * rounds and other seeds. */
static void threads_and_random_faults(void **state)
{
    fixture *f = *state;
    enum { THREADS = 3 };
    unsigned rounds = from_environment("DAVIT_FAILOVER_ROUNDS", 6);
    uint64_t random = from_environment("DAVIT_FAILOVER_SEED", 11);
    caller callers[THREADS];
    size_t lost = 0;
    for (unsigned t = 0; t < THREADS; t++) {
        callers[t] = (caller){.f = f, .seed = t};
        expect(f, t, callers[t].expected);
    }
    for (unsigned round = 0; round < rounds; round++) {
        char places[UNITS + 1] = "";
        for (size_t u = 0; u < UNITS; u++) {
            places[u] = "012r"[test_random_below(&random, 4)];
        }
        davit_session_options options = options_for("brittle:0,brittle:1,brittle:2,reference");
        options.in_flight = 1 + (uint32_t)test_random_below(&random, 3);
        options.timeout_ns = 2000 * MS;
        assert_int_equal(open_placed(f, &options, places), DAVIT_OK);
        for (uint32_t d = 0; d < BRITTLE_DEVICES; d++) {
            static const brittle_fault faults[] = {BRITTLE_NONE, BRITTLE_LOST, BRITTLE_ERROR};
            brittle_break(d, faults[test_random_below(&random, 3)],
                          1 + (unsigned)test_random_below(&random, 60));
        }
        pthread_t threads[THREADS];
        for (unsigned t = 0; t < THREADS; t++) {
            assert_int_equal(pthread_create(&threads[t], NULL, call_often, &callers[t]), 0);
        }
        for (unsigned t = 0; t < THREADS; t++) {
            pthread_join(threads[t], NULL);
            assert_int_equal(callers[t].wrong, 0);
        }
        lost += count_events(f, DAVIT_EVENT_DEVICE_LOST);
        brittle_repair();
    }
    assert_true(lost > rounds / 3);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, brittle_setup, brittle_teardown)
    const struct CMUnitTest tests[] = {
        TEST(completes_on_the_other_devices),
        TEST(one_after_the_other_may_go),
        TEST(uses_what_still_exists),
        TEST(recovers_in_time),
        TEST(strict_sessions_fail),
        TEST(moves_only_where_it_may),
        TEST(a_lost_device_comes_back),
        TEST(time_limits),
        TEST(a_stuck_driver_is_set_aside),
        TEST(requests_overlap),
        TEST(requests_end_early),
        TEST(threads_and_random_faults),
    };
    if (getenv("DAVIT_FAILOVER_ROUNDS") != NULL) {
        cmocka_set_test_filter("threads_*");
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
