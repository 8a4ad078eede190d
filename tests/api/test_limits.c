/* Memory, time and threads of sessions. */
#include <pthread.h>

#include "fixture.h"

/* Loads, binds, plans, runs and lets go of everything, over two devices. */
static davit_status whole_life(fixture *f, const davit_session_options *options)
{
    float x[X_ELEMS];
    float y[X_ELEMS];
    fixture_fill(x, y);
    const davit_context_options context_options = {.allocator = &f->counting.allocator,
                                                   .diag = &f->diag.sink};
    fixture life = {.session = NULL};
    davit_status status = davit_context_create(&context_options, &life.context);
    if (status == DAVIT_OK) {
        status = davit_model_load(life.context, f->model_path, &life.model);
    }
    if (status == DAVIT_OK) {
        status = davit_session_create(life.model, options, &life.session);
    }
    if (status == DAVIT_OK) {
        status = fixture_run(&life, x, y);
    }
    davit_session_destroy(life.session);
    davit_model_destroy(life.model);
    davit_context_destroy(life.context);
    return status;
}

static void survives_each_failing_allocation(void **state)
{
    fixture *f = *state;
    davit_session_options options = fixture_options();
    const char *const pins[] = {"relu=null"};
    options.devices = "reference,null";
    options.pin_count = 1;
    options.pins = pins;
    size_t live = atomic_load(&f->counting.live);
    davit_status status = DAVIT_OUT_OF_MEMORY;
    for (size_t at = 1; status != DAVIT_OK; at++) {
        davit_diagnostics_buffer_init(&f->diag);
        counting_allocator_restart(&f->counting, at);
        status = whole_life(f, &options);
        if (status != DAVIT_OK && status != DAVIT_OUT_OF_MEMORY) {
            fail_msg("allocation %zu: %s: %s", at, davit_status_text(status), f->diag.text);
        }
        assert_int_equal(f->diag.error_count, status == DAVIT_OK ? 0 : 1);
        assert_int_equal(atomic_load(&f->counting.live), live);
        assert_true(at < 5000);
    }
}

static bool has_cpu(const fixture *f)
{
    davit_device_summary device = {.name = ""};
    return davit_context_device(f->context, 0, &device) == DAVIT_OK &&
           strcmp(device.name, "cpu") == 0 && device.unusable[0] == '\0';
}

static void allocates_nothing_after_the_first_run(void **state)
{
    fixture *f = *state;
    static const char *const lists[] = {"reference,null", "cpu,null"};
    const char *const pins[] = {"relu=null"};
    davit_session_options options = fixture_options();
    options.pin_count = 1;
    options.pins = pins;
    float x[X_ELEMS];
    float y[X_ELEMS];
    fixture_fill(x, y);
    for (size_t i = 0; i < (has_cpu(f) ? 2 : 1); i++) {
        options.devices = lists[i];
        assert_int_equal(fixture_session(f, &options), DAVIT_OK);
        assert_int_equal(fixture_run(f, x, y), DAVIT_OK);
        counting_allocator_restart(&f->counting, 0);
        assert_int_equal(fixture_run(f, x, y), DAVIT_OK);
        assert_int_equal(atomic_load(&f->counting.calls), 0);
    }
}

typedef struct worker {
    davit_model *model;
    davit_status status;
} worker;

static void *run_sessions(void *argument)
{
    worker *w = argument;
    davit_session_options options = fixture_options();
    float x[X_ELEMS];
    float y[X_ELEMS];
    fixture_fill(x, y);
    for (int i = 0; i < 5 && w->status == DAVIT_OK; i++) {
        fixture f = {.session = NULL};
        w->status = davit_session_create(w->model, &options, &f.session);
        if (w->status == DAVIT_OK) {
            w->status = fixture_run(&f, x, y);
        }
        davit_session_destroy(f.session);
    }
    return NULL;
}

static void runs_sessions_side_by_side(void **state)
{
    fixture *f = *state;
    pthread_t threads[3];
    worker workers[3];
    for (size_t i = 0; i < 3; i++) {
        workers[i] = (worker){.model = f->model, .status = DAVIT_OK};
        assert_int_equal(pthread_create(&threads[i], NULL, run_sessions, &workers[i]), 0);
    }
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(workers[i].status, DAVIT_OK);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(survives_each_failing_allocation),
        TEST(allocates_nothing_after_the_first_run),
        TEST(runs_sessions_side_by_side),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
