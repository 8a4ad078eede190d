/* Devices, pins and plans of a session. */
#include <stdio.h>

#include "fixture.h"

static void knows_its_devices(void **state)
{
    fixture *f = *state;
    size_t count = davit_context_device_count(f->context);
    bool reference = false;
    bool null = false;
    davit_device_summary device;
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(davit_context_device(f->context, i, &device), DAVIT_OK);
        reference = reference || (strcmp(device.name, "reference") == 0 && !device.emulated &&
                                  strcmp(device.unusable, "") == 0);
        null = null || (strcmp(device.name, "null") == 0 && device.emulated);
    }
    assert_true(reference && null);
    assert_int_equal(davit_context_device(f->context, count, &device), DAVIT_INVALID_ARGUMENT);
}

static void chooses_devices_by_default(void **state)
{
    fixture *f = *state;
    davit_session_options options = fixture_options();
    options.devices = NULL;
    davit_unit_summary unit;
    assert_int_equal(fixture_session(f, &options), DAVIT_OK);
    assert_int_equal(davit_session_unit(f->session, 0, &unit), DAVIT_OK);
    bool on_cpu = strcmp(unit.device, "cpu") == 0;
    assert_true(on_cpu || strcmp(unit.device, "reference") == 0);
    assert_true(on_cpu || strstr(f->diag.warning_text, "slowly") != NULL);
}

static void means_the_only_device_by_ordinal_0(void **state)
{
    fixture *f = *state;
    davit_session_options options = fixture_options();
    davit_unit_summary unit;
    options.devices = "reference:0";
    assert_int_equal(fixture_session(f, &options), DAVIT_OK);
    assert_int_equal(davit_session_unit(f->session, 0, &unit), DAVIT_OK);
    assert_string_equal(unit.device, "reference");
}

/* A list of devices and the line that refuses it. */
typedef struct bad_list {
    const char *devices;
    davit_status status;
    const char *message;
} bad_list;

static void refuses_bad_lists(void **state)
{
    static const bad_list lists[] = {
        {"gpu", DAVIT_NOT_FOUND, "no device 'gpu'; known are "},
        {"reference,fpga:emu:99", DAVIT_NOT_FOUND, "no device 'fpga:emu:99'; known are "},
        {"reference:7", DAVIT_NOT_FOUND, "no device 'reference:7'; known are "},
        {"", DAVIT_INVALID_ARGUMENT, "device '': expected KIND[:emu][:N]; known are "},
        {"reference,", DAVIT_INVALID_ARGUMENT, "device '': expected KIND[:emu][:N]; known are "},
        {"reference:x", DAVIT_INVALID_ARGUMENT, "device 'reference:x': expected KIND[:emu][:N];"},
        {"reference, null", DAVIT_INVALID_ARGUMENT, "device ' null': expected KIND[:emu][:N];"},
        {"null,null", DAVIT_INVALID_ARGUMENT, "device null is listed twice"},
    };
    fixture *f = *state;
    davit_session_options options = fixture_options();
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        options.devices = lists[i].devices;
        assert_int_equal(fixture_session(f, &options), lists[i].status);
        if (strncmp(f->diag.text, lists[i].message, strlen(lists[i].message)) != 0) {
            fail_msg("'%s': %s", lists[i].devices, f->diag.text);
        }
    }
}

static void places_on_profiles(void **state)
{
    fixture *f = *state;
    davit_session_options options = fixture_options();
    float x[X_ELEMS];
    float y[X_ELEMS];
    davit_unit_summary unit;
    davit_session_summary summary;
    fixture_fill(x, y);
    options.devices = "profile:a100";
    assert_int_equal(fixture_session(f, &options), DAVIT_UNAVAILABLE);
    assert_non_null(strstr(f->diag.text, "exists only as a profile"));
    options.place_only = true;
    assert_int_equal(fixture_session(f, &options), DAVIT_OK);
    assert_int_equal(davit_session_unit(f->session, 0, &unit), DAVIT_OK);
    assert_string_equal(unit.device, "profile:a100");
    assert_string_equal(unit.implementation, "");
    davit_session_get_summary(f->session, &summary);
    assert_int_equal(summary.program_count, 0);
    assert_int_equal(fixture_run(f, x, y), DAVIT_INVALID_ARGUMENT);
    assert_non_null(strstr(f->diag.text, "cannot run"));
    options.profiles = "/nonexistent";
    assert_int_equal(fixture_session(f, &options), DAVIT_NOT_FOUND);
}

static void pins_units(void **state)
{
    fixture *f = *state;
    davit_session_options options = fixture_options();
    const char *pins[] = {"tanh=null"};
    options.devices = "reference,null";
    options.pin_count = 1;
    options.pins = pins;
    float x[X_ELEMS];
    float y[X_ELEMS];
    fixture_fill(x, y);
    assert_int_equal(fixture_session(f, &options), DAVIT_OK);
    assert_int_equal(fixture_run(f, x, y), DAVIT_OK);
    for (size_t i = 0; i < X_ELEMS; i++) {
        assert_float_equal(y[i], 0, 0);
    }
    davit_session_summary summary;
    davit_session_get_summary(f->session, &summary);
    assert_int_equal(summary.program_count, 2);
    static const char *const bad[] = {"tanh", "=null", "tanh=", ""};
    for (size_t i = 0; i < 4; i++) {
        pins[0] = bad[i];
        assert_int_equal(fixture_session(f, &options), DAVIT_INVALID_ARGUMENT);
        assert_non_null(strstr(f->diag.text, "expected NAME=DEVICE"));
    }
    pins[0] = "conv=null";
    assert_int_equal(fixture_session(f, &options), DAVIT_NOT_FOUND);
    pins[0] = "tanh=cpu:9";
    assert_int_equal(fixture_session(f, &options), DAVIT_NOT_FOUND);
}

static void write_plan(const fixture *f, const char *text)
{
    FILE *file = fopen(f->plan_path, "wb");
    assert_non_null(file);
    assert_int_equal(fputs(text, file) >= 0, 1);
    assert_int_equal(fclose(file), 0);
}

static void runs_a_written_plan(void **state)
{
    fixture *f = *state;
    davit_session_options options = fixture_options();
    const char *pins[] = {"tanh=null"};
    options.devices = "reference,null";
    options.pin_count = 1;
    options.pins = pins;
    assert_int_equal(fixture_session(f, &options), DAVIT_OK);
    char *written;
    char *again;
    assert_int_equal(davit_session_plan_json(f->session, false, &written), DAVIT_OK);
    write_plan(f, written);
    options.plan_path = f->plan_path;
    assert_int_equal(fixture_session(f, &options), DAVIT_INVALID_ARGUMENT); /* pins and plan */
    options.pin_count = 0;
    options.place_only = true; /* keeps the proof, too */
    assert_int_equal(fixture_session(f, &options), DAVIT_OK);
    assert_int_equal(davit_session_plan_json(f->session, false, &again), DAVIT_OK);
    assert_string_equal(again, written);
    options.place_only = false;
    assert_int_equal(fixture_session(f, &options), DAVIT_OK);
    davit_unit_summary unit;
    assert_int_equal(
        davit_session_unit(f->session, davit_session_unit_count(f->session) - 1, &unit), DAVIT_OK);
    assert_string_equal(unit.device, "null");
    options.devices = "reference";
    assert_int_equal(fixture_session(f, &options), DAVIT_NOT_FOUND);
    assert_non_null(strstr(f->diag.text, "needs device null"));
    free(written);
    free(again);
}

static void refuses_plans_that_do_not_fit(void **state)
{
    fixture *f = *state;
    davit_session_options options = fixture_options();
    options.plan_path = f->plan_path;
    assert_int_equal(fixture_session(f, &options), DAVIT_NOT_FOUND);
    assert_non_null(strstr(f->diag.text, "plan.json: cannot be opened: "));
    write_plan(f, "hello");
    assert_int_equal(fixture_session(f, &options), DAVIT_BAD_DATA);
    options.plan_path = f->folder;
    assert_int_equal(fixture_session(f, &options), DAVIT_IO_ERROR);

    options.plan_path = NULL;
    assert_int_equal(fixture_session(f, &options), DAVIT_OK);
    char *written;
    assert_int_equal(davit_session_plan_json(f->session, false, &written), DAVIT_OK);
    write_plan(f, written);
    free(written);
    options.plan_path = f->plan_path;
    const davit_named_shape other = {"x", 4, {1, 2, 2, 3}};
    options.shapes = &other;
    assert_int_equal(fixture_session(f, &options), DAVIT_INVALID_ARGUMENT);
    assert_non_null(strstr(f->diag.text, "made for input 'x' of f32 2x2x2x3, here it is f32 1x2"));

    onnx_builder file;
    const int64_t dims[] = {2, 2, 2, 3};
    onnx_builder_init(&file, 13);
    onnx_add_input(&file, "x", DAVIT_F32, 4, dims);
    fixture_add_node(&file, "Relu", "relu", "x", "y");
    onnx_add_output(&file, "y");
    fixture_load(f, &file);
    options.shape_count = 0;
    assert_int_equal(fixture_session(f, &options), DAVIT_INVALID_ARGUMENT);
    assert_non_null(strstr(f->diag.text, "made for another model (sha256 "));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(knows_its_devices),
        TEST(chooses_devices_by_default),
        TEST(knows_its_devices),
        TEST(means_the_only_device_by_ordinal_0),
        TEST(refuses_bad_lists),
        TEST(places_on_profiles),
        TEST(pins_units),
        TEST(runs_a_written_plan),
        TEST(refuses_plans_that_do_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
