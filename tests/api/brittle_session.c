#include "brittle_session.h"

#include <stdio.h>
#include <time.h>

#include "objects.h"

const int64_t brittle_dims[4] = {1, 2, 3, 5};

/* x -> exp -> tanh -> left, right and more -> sum -> last -> y, and the brittle devices. */
int brittle_setup(void **state)
{
    int status = fixture_setup(state);
    fixture *f = *state;
    onnx_builder builder;
    onnx_builder_init(&builder, 13);
    onnx_add_input(&builder, "x", DAVIT_F32, 4, brittle_dims);
    fixture_add_node(&builder, "Exp", "exp", "x", "a");
    fixture_add_node(&builder, "Tanh", "tanh", "a", "b");
    fixture_add_node(&builder, "Sigmoid", "left", "b", "c");
    fixture_add_node(&builder, "Sqrt", "right", "b", "d");
    fixture_add_node(&builder, "Neg", "more", "d", "e");
    fixture_add_node(&builder, "Add", "sum", "c e", "g");
    fixture_add_node(&builder, "Sin", "last", "g", "y");
    onnx_add_output(&builder, "y");
    fixture_load(f, &builder);
    assert_int_equal(davit_registry_add(&f->context->registry, &test_brittle_backend, NULL),
                     DAVIT_OK);
    brittle_repair();
    brittle_slow_down(0);
    return status;
}

int brittle_teardown(void **state)
{
    brittle_repair();
    return fixture_teardown(state);
}

davit_session_options options_for(const char *devices)
{
    davit_session_options options;
    davit_session_options_init(&options);
    options.devices = devices;
    options.optimize = false;
    return options;
}

/* Pins of the units, in the order of the model, by a digit each: a brittle device, or r. */
static void pin(davit_session_options *options, const char *places, char (*texts)[24],
                const char **pins)
{
    static const char *const names[UNITS] = {"exp", "tanh", "left", "right", "more", "sum", "last"};
    for (size_t i = 0; i < UNITS; i++) {
        if (places[i] == 'r') {
            snprintf(texts[i], sizeof(texts[i]), "%s=reference", names[i]);
        } else {
            snprintf(texts[i], sizeof(texts[i]), "%s=brittle:%c", names[i], places[i]);
        }
        pins[i] = texts[i];
    }
    options->pins = pins;
    options->pin_count = UNITS;
}

davit_status open_placed(fixture *f, davit_session_options *options, const char *places)
{
    char texts[UNITS][24];
    const char *pins[UNITS];
    pin(options, places, texts, pins);
    return fixture_session(f, options);
}

void fill(float *x, unsigned seed)
{
    for (size_t i = 0; i < ELEMS; i++) {
        x[i] = (float)((i * 7 + seed * 13) % 31) / 31 - 0.5f;
    }
}

/* What the reference makes of the input with that seed. */
void expect(fixture *f, unsigned seed, float *y)
{
    float x[ELEMS];
    davit_session_options options = options_for("reference");
    davit_session *session;
    fill(x, seed);
    assert_int_equal(davit_session_create(f->model, &options, &session), DAVIT_OK);
    davit_named_tensor input = {"x", fixture_tensor(DAVIT_F32, 4, brittle_dims, x)};
    davit_named_tensor output = {"y", fixture_tensor(DAVIT_F32, 4, brittle_dims, y)};
    assert_int_equal(davit_session_run(session, &input, 1, &output, 1), DAVIT_OK);
    davit_tensor_destroy(input.tensor);
    davit_tensor_destroy(output.tensor);
    davit_session_destroy(session);
}

davit_status run(fixture *f, unsigned seed, float *y)
{
    float x[ELEMS];
    fill(x, seed);
    davit_named_tensor input = {"x", fixture_tensor(DAVIT_F32, 4, brittle_dims, x)};
    davit_named_tensor output = {"y", fixture_tensor(DAVIT_F32, 4, brittle_dims, y)};
    davit_status status = davit_session_run(f->session, &input, 1, &output, 1);
    davit_tensor_destroy(input.tensor);
    davit_tensor_destroy(output.tensor);
    return status;
}

const char *device_of(const fixture *f, size_t unit)
{
    davit_unit_summary summary;
    assert_int_equal(davit_session_unit(f->session, unit, &summary), DAVIT_OK);
    return summary.device;
}

size_t count_events(const fixture *f, davit_event_kind kind)
{
    size_t found = 0;
    for (size_t i = 0; i < davit_session_event_count(f->session); i++) {
        davit_event event;
        assert_int_equal(davit_session_event(f->session, i, &event), DAVIT_OK);
        found += event.kind == kind;
    }
    return found;
}

void rest(long ms)
{
    const struct timespec wait = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * (long)MS};
    nanosleep(&wait, NULL);
}

void await_event(const fixture *f, davit_event_kind kind)
{
    for (int i = 0; i < 500 && count_events(f, kind) == 0; i++) {
        rest(20);
    }
    assert_true(count_events(f, kind) > 0);
}

void assert_runs(fixture *f, unsigned seed)
{
    float expected[ELEMS], y[ELEMS] = {0};
    expect(f, seed, expected);
    assert_int_equal(run(f, seed, y), DAVIT_OK);
    assert_memory_equal(y, expected, sizeof(y));
}
