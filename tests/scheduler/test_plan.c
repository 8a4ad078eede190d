/* Placing units: pins, fallbacks, strict, and what is said of them. */
#include "fixture.h"

#include <stdio.h>

static davit_status make(fixture *f, const davit_pin *pins, size_t pin_count, bool strict)
{
    davit_plan_request request = fixture_request(f);
    request.pins = pins;
    request.pin_count = pin_count;
    request.strict = strict;
    davit_plan *plan;
    davit_diagnostics_buffer_init(&f->diag);
    davit_status status = davit_plan_make(f->allocator, &request, &f->diag.sink, &plan);
    assert_int_equal(f->diag.error_count, status == DAVIT_OK ? 0 : 1);
    assert_int_equal(f->diag.status, status);
    assert_true((plan == NULL) == (status != DAVIT_OK));
    davit_plan_destroy(plan);
    return status;
}

static void takes_the_first_device_that_can(void **state)
{
    fixture *f = *state;
    fixture_chain(f);
    fixture_add_device(f, "partial");
    fixture_add_device(f, "null");
    fixture_add_device(f, "reference");
    davit_plan *plan = fixture_plan(f, NULL, 0);
    assert_int_equal(plan->unit_count, 3);
    assert_int_equal(plan->units[0].device, 0);
    assert_int_equal(plan->units[1].device, 1);
    assert_int_equal(plan->units[2].device, 0);
    assert_false(plan->units[0].fallback);
    assert_true(plan->units[1].fallback);
    assert_string_equal(plan->units[0].reason, "first device");
    assert_string_equal(plan->units[1].reason, "partial: operator Tanh");
    assert_int_equal(f->diag.warning_count, 1);
    assert_string_equal(f->diag.warning_text,
                        "partial cannot run 1 of 3 units: 1 runs on null (Tanh)");
    davit_plan_destroy(plan);
}

static void keeps_floats_on_one_device(void **state)
{
    fixture *f = *state;
    fixture_chain(f);
    fixture_add_device(f, "partial");
    fixture_add_device(f, "reference");
    davit_plan_request request = fixture_request(f);
    davit_arena arena;
    davit_arena_init(&arena, f->allocator);
    davit_plan *plan;
    assert_int_equal(
        davit_plan_find_float_device(&request, &arena, &f->diag.sink, &request.float_device),
        DAVIT_OK);
    assert_string_equal(request.float_device, "reference");
    assert_int_equal(davit_plan_make(f->allocator, &request, &f->diag.sink, &plan), DAVIT_OK);
    for (size_t u = 0; u < plan->unit_count; u++) {
        assert_int_equal(plan->units[u].device, 1);
    }
    assert_string_equal(plan->units[0].reason, "partial: all that computes floats is on reference");
    davit_plan_destroy(plan);
    const davit_pin pin = {"relu", "partial"};
    request.pins = &pin;
    request.pin_count = 1;
    request.float_device = NULL;
    assert_int_equal(
        davit_plan_find_float_device(&request, &arena, &f->diag.sink, &request.float_device),
        DAVIT_UNSUPPORTED);
    assert_null(request.float_device);
    davit_arena_clear(&arena);
}

static void pins_name_units_nodes_or_values(void **state)
{
    fixture *f = *state;
    fixture_chain(f);
    fixture_add_device(f, "reference");
    fixture_add_device(f, "null");
    const char *const pins[] = {"tanh=null", "abs.out=null"};
    davit_plan *plan = fixture_plan(f, pins, 2);
    assert_int_equal(plan->units[0].device, 0);
    assert_int_equal(plan->units[1].device, 1);
    assert_int_equal(plan->units[2].device, 1);
    assert_string_equal(plan->units[2].reason, "pinned");
    assert_false(plan->units[2].fallback);
    assert_int_equal(f->diag.warning_count, 0);
    davit_plan_destroy(plan);
}

static void refuses_bad_pins(void **state)
{
    fixture *f = *state;
    fixture_chain(f);
    fixture_add_device(f, "partial");
    fixture_add_device(f, "null");
    assert_int_equal(make(f, &(davit_pin){"tanh", "fpga:0"}, 1, false), DAVIT_NOT_FOUND);
    assert_string_equal(f->diag.text,
                        "pin tanh=fpga:0: no such device among those in use (partial, null)");
    assert_int_equal(make(f, &(davit_pin){"conv9", "null"}, 1, false), DAVIT_NOT_FOUND);
    assert_non_null(strstr(f->diag.text, "pin conv9=null: no unit"));
    assert_int_equal(make(f, &(davit_pin){"tanh", "partial"}, 1, false), DAVIT_UNSUPPORTED);
    assert_string_equal(f->diag.text, "unit 'tanh' (Tanh) is pinned to partial, which cannot run "
                                      "it: operator Tanh");
    const davit_pin both[] = {{"relu", "null"}, {"relu.out", "partial"}};
    assert_int_equal(make(f, both, 2, false), DAVIT_INVALID_ARGUMENT);
    assert_string_equal(f->diag.text,
                        "pin relu.out=partial: unit 'relu' is already pinned to null");
}

static void strict_allows_no_fallback_but_pins(void **state)
{
    fixture *f = *state;
    fixture_chain(f);
    fixture_add_device(f, "partial");
    fixture_add_device(f, "null");
    assert_int_equal(make(f, NULL, 0, true), DAVIT_UNSUPPORTED);
    assert_string_equal(f->diag.text, "unit 'tanh' (Tanh) cannot run on the first device and "
                                      "strict allows no other: partial: operator Tanh");
    assert_int_equal(make(f, &(davit_pin){"tanh", "null"}, 1, true), DAVIT_OK);
}

static void refuses_what_no_device_can_run(void **state)
{
    fixture *f = *state;
    fixture_chain(f);
    assert_int_equal(make(f, NULL, 0, false), DAVIT_INVALID_ARGUMENT);
    fixture_add_device(f, "partial");
    assert_int_equal(make(f, NULL, 0, false), DAVIT_UNSUPPORTED);
    assert_string_equal(f->diag.text,
                        "unit 'tanh' (Tanh): no device can run it: partial: operator Tanh");
}

typedef struct log_lines {
    char text[1024];
} log_lines;

static void keep_line(void *user, davit_severity severity, davit_status status, const char *text)
{
    log_lines *lines = user;
    (void)status;
    if (severity == DAVIT_INFO) {
        size_t used = strlen(lines->text);
        snprintf(lines->text + used, sizeof(lines->text) - used, "%s\n", text);
    }
}

static void says_why_a_device_is_not_used(void **state)
{
    fixture *f = *state;
    fixture_chain(f);
    fixture_add_device(f, "reference");
    fixture_add_device(f, "null");
    log_lines lines = {""};
    const davit_diagnostics sink = {keep_line, &lines, DAVIT_INFO};
    davit_plan_request request = fixture_request(f);
    davit_plan *plan;
    assert_int_equal(davit_plan_make(f->allocator, &request, &sink, &plan), DAVIT_OK);
    assert_string_equal(lines.text, "device null is not used: the devices before it in the list "
                                    "run every unit that it could\n");
    davit_plan_destroy(plan);
}

static void survives_each_failing_allocation(void **state)
{
    fixture *f = *state;
    fixture_chain(f);
    fixture_add_device(f, "partial");
    fixture_add_device(f, "null");
    davit_status status = DAVIT_OUT_OF_MEMORY;
    for (size_t at = 1; status != DAVIT_OK; at++) {
        counting_allocator_restart(&f->counting, at);
        status = make(f, NULL, 0, false);
        assert_true(status == DAVIT_OK || status == DAVIT_OUT_OF_MEMORY);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(takes_the_first_device_that_can),
        TEST(keeps_floats_on_one_device),
        TEST(pins_name_units_nodes_or_values),
        TEST(refuses_bad_pins),
        TEST(strict_allows_no_fallback_but_pins),
        TEST(refuses_what_no_device_can_run),
        TEST(says_why_a_device_is_not_used),
        TEST(survives_each_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
