#include "unit_test.h"

#include <string.h>

#include "davit/diagnostics.h"

static void test_fail_returns_status_and_keeps_text(void **state)
{
    (void)state;
    davit_diagnostics_buffer buffer;
    davit_diagnostics_buffer_init(&buffer);
    assert_int_equal(davit_fail(&buffer.sink, DAVIT_BAD_DATA, "%s: node %d", "m.onnx", 3),
                     DAVIT_BAD_DATA);
    assert_int_equal(buffer.error_count, 1);
    assert_int_equal(buffer.status, DAVIT_BAD_DATA);
    assert_string_equal(buffer.text, "m.onnx: node 3");
}

static void test_names_cannot_break_the_line(void **state)
{
    (void)state;
    davit_diagnostics_buffer buffer;
    davit_diagnostics_buffer_init(&buffer);
    assert_int_equal(davit_fail(&buffer.sink, DAVIT_BAD_DATA, "node '%s'", "a\n\x1b[31mb"),
                     DAVIT_BAD_DATA);
    assert_string_equal(buffer.text, "node 'a??[31mb'");
}

static void test_long_messages_are_cut(void **state)
{
    (void)state;
    char name[5000];
    memset(name, 'n', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    davit_diagnostics_buffer buffer;
    davit_diagnostics_buffer_init(&buffer);
    assert_int_equal(davit_fail(&buffer.sink, DAVIT_IO_ERROR, "%s", name), DAVIT_IO_ERROR);
    assert_int_equal(strlen(buffer.text), 1023);
}

static void test_levels_and_null_sinks(void **state)
{
    (void)state;
    davit_diagnostics_buffer buffer;
    davit_diagnostics_buffer_init(&buffer);
    assert_true(davit_log_enabled(&buffer.sink, DAVIT_WARNING));
    assert_false(davit_log_enabled(&buffer.sink, DAVIT_INFO));
    davit_log(&buffer.sink, DAVIT_INFO, "not made");
    davit_log(&buffer.sink, DAVIT_WARNING, "made");
    assert_int_equal(buffer.warning_count, 1);
    assert_string_equal(buffer.warning_text, "made");
    davit_log(NULL, DAVIT_WARNING, "dropped");
    assert_int_equal(davit_fail(NULL, DAVIT_INTERNAL, "dropped"), DAVIT_INTERNAL);
    for (int level = DAVIT_ERROR; level <= DAVIT_DEBUG; level++) {
        assert_int_equal(davit_diagnostics_stderr((davit_severity)level)->level, level);
    }
}

static void test_every_status_has_a_text(void **state)
{
    (void)state;
    for (int a = DAVIT_OK; a <= DAVIT_INTERNAL; a++) {
        for (int b = DAVIT_OK; b < a; b++) {
            assert_string_not_equal(davit_status_text((davit_status)a),
                                    davit_status_text((davit_status)b));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fail_returns_status_and_keeps_text),
        cmocka_unit_test(test_names_cannot_break_the_line),
        cmocka_unit_test(test_long_messages_are_cut),
        cmocka_unit_test(test_levels_and_null_sinks),
        cmocka_unit_test(test_every_status_has_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
