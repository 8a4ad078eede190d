#include "unit_test.h"

#include <string.h>

#include "davit/reference.h"
#include "tests/conformance/case.h"

#define MS 1000000ull

typedef struct fixture {
    davit_registry registry;
    davit_diagnostics_buffer diag;
    davit_device *device;
    unit_case built;
    case_spec spec;
    davit_program *program;
    davit_program_info info;
} fixture;

/* Opens the reference device and builds a case for it. */
static void open_program(fixture *fix, const char *text)
{
    memset(fix, 0, sizeof(*fix));
    davit_diagnostics_buffer_init(&fix->diag);
    davit_registry_init(&fix->registry, NULL);
    assert_int_equal(davit_registry_add(&fix->registry, &davit_reference_backend, NULL), DAVIT_OK);
    davit_device_info info;
    size_t count = 0;
    davit_backend *backend = &fix->registry.backends[0];
    assert_int_equal(backend->table->enumerate(backend, NULL, &info, 1, &count), DAVIT_OK);
    const davit_device_options options = {.diag = &fix->diag.sink};
    assert_int_equal(davit_device_open(backend, &info, &options, &fix->device), DAVIT_OK);
    assert_int_equal(case_build(text, 1, NULL, &fix->diag.sink, &fix->built), DAVIT_OK);
    assert_int_equal(case_spec_create(&fix->built, false, &fix->spec), DAVIT_OK);
    assert_int_equal(davit_program_build(fix->device, &fix->spec.spec, &fix->program), DAVIT_OK);
    davit_program_get_info(fix->program, &fix->info);
}

static void close_program(fixture *fix)
{
    davit_program_free(fix->program);
    case_spec_destroy(&fix->spec);
    case_destroy(&fix->built);
    davit_device_close(fix->device);
}

static void test_scratch_is_reused_along_a_chain(void **state)
{
    (void)state;
    fixture fix;
    open_program(&fix, "Relu x:64x64 ; Exp ; Neg ; Tanh ; Abs ; Exp ; Neg ; Tanh ; Abs");
    assert_int_equal(fix.info.scratch_bytes, sizeof(float[2][64][64]));
    assert_int_equal(fix.info.constant_bytes, 0);
    assert_string_equal(fix.info.unit_implementations[8], "plain C");
    close_program(&fix);
}

static void test_bound_values_need_no_scratch(void **state)
{
    (void)state;
    fixture fix;
    open_program(&fix, "MatMul x:8x8 w:8x8");
    assert_int_equal(fix.info.scratch_bytes, 0);
    close_program(&fix);
}

/* The first product takes far longer than the deadline allows: the second is never begun. */
static void test_deadline_is_seen_between_nodes(void **state)
{
    (void)state;
    enum { SIZE = 384 };
    fixture fix;
    davit_queue *queue = NULL;
    davit_buffer *buffer = NULL;
    open_program(&fix, "MatMul x:384x384 w:384x384 ; MatMul w:384x384 ; MatMul w:384x384");
    const size_t bytes = sizeof(float[SIZE][SIZE]);
    uint64_t unit_ns[3] = {0, 77, 77};
    assert_int_equal(davit_buffer_alloc(fix.device, 2 * bytes, &buffer), DAVIT_OK);
    assert_int_equal(davit_queue_create(fix.device, &queue), DAVIT_OK);
    const davit_buffer_ref bindings[] = {{buffer, 0, bytes}, {buffer, bytes, bytes}};
    const davit_command commands[] = {
        {.kind = DAVIT_COMMAND_FILL, .to = {buffer, 0, 2 * bytes}},
        {.kind = DAVIT_COMMAND_EXECUTE,
         .program = fix.program,
         .bindings = bindings,
         .binding_count = 2,
         .unit_ns = unit_ns},
    };
    assert_int_equal(davit_queue_run(queue, commands, 2, davit_deadline_after(5 * MS)),
                     DAVIT_DEADLINE_EXCEEDED);
    assert_int_equal(fix.diag.error_count, 1);
    assert_non_null(strstr(fix.diag.text, "deadline"));
    assert_true(unit_ns[2] == 0 || unit_ns[2] == 77);
    davit_queue_free(queue);
    davit_buffer_free(buffer);
    close_program(&fix);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scratch_is_reused_along_a_chain),
        cmocka_unit_test(test_bound_values_need_no_scratch),
        cmocka_unit_test(test_deadline_is_seen_between_nodes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
