/* How programs are laid out: layouts stay from unit to unit, constants are packed once, results are
 * made in the outputs, nothing is allocated when a program runs. */
#include "unit_test.h"

#include "backends/onednn/program.h"
#include "counting_allocator.h"
#include "davit/onednn.h"
#include "tests/conformance/case.h"

#define TIME_LIMIT_NS 60000000000u

static davit_registry registry;
static counting_allocator counting;
static davit_device *device;

static int open_device(void **state)
{
    (void)state;
    davit_device_info info;
    size_t count;
    counting_allocator_init(&counting);
    const davit_device_options options = {.allocator = &counting.allocator, .threads = 1};
    davit_registry_init(&registry, NULL);
    davit_backend *backend = &registry.backends[0];
    return davit_registry_add(&registry, &davit_onednn_backend, NULL) == DAVIT_OK &&
                   davit_onednn_backend.enumerate(backend, NULL, &info, 1, &count) == DAVIT_OK &&
                   davit_device_open(backend, &info, &options, &device) == DAVIT_OK
               ? 0
               : -1;
}

static int close_device(void **state)
{
    (void)state;
    davit_device_close(device);
    assert_int_equal(atomic_load(&counting.live), 0);
    return 0;
}

/* A case as a program of the device. */
typedef struct built_program {
    unit_case built;
    case_spec spec;
    davit_program *program;
} built_program;

static void build(const char *text, bool channels_last, built_program *out)
{
    assert_int_equal(case_build(text, 1, NULL, NULL, &out->built), DAVIT_OK);
    assert_int_equal(case_spec_create(&out->built, channels_last, &out->spec), DAVIT_OK);
    assert_int_equal(davit_program_build(device, &out->spec.spec, &out->program), DAVIT_OK);
}

static void destroy(built_program *program)
{
    davit_program_free(program->program);
    case_spec_destroy(&program->spec);
    case_destroy(&program->built);
}

static size_t reorders(const char *text, bool channels_last)
{
    built_program program;
    build(text, channels_last, &program);
    size_t count = ((const davit_onednn_program *)program.program)->reorder_count;
    destroy(&program);
    return count;
}

static size_t steps(const char *text)
{
    built_program program;
    build(text, false, &program);
    size_t count = ((const davit_onednn_program *)program.program)->step_count;
    destroy(&program);
    return count;
}

/* Between the input and the output no layout changes: convolutions, depthwise ones, pools,
 * activations, additions and joins take what the one before made. */
static void test_layouts_stay(void **state)
{
    (void)state;
    assert_true(reorders("Conv x:1x32x14x14 w:64x32x5x5 pads=2,2,2,2 ; Relu ; "
                         "Conv w:64x1x3x3 group=64 pads=1,1,1,1 ; HardSwish ; "
                         "MaxPool kernel_shape=2,2 strides=2,2 ; Conv w:32x64x1x1 ; Relu ; "
                         "Conv w:32x32x1x1 ; Sigmoid ; Mul @6 ; Concat @6 axis=1 ; "
                         "Conv w:32x64x1x1 ; GlobalAveragePool ; Flatten ; Gemm w:32x10 w:10",
                         false) <= 1);
}

static void test_residual_is_added_in_place(void **state)
{
    (void)state;
    assert_true(
        reorders("Conv x:1x32x14x14 w:32x32x5x5 pads=2,2,2,2 ; Relu ; "
                 "Conv w:64x32x1x1 ; Relu ; Conv w:32x64x5x5 pads=2,2,2,2 ; Add @1 ; Relu ; "
                 "Conv w:64x32x1x1 ; Relu ; Conv w:32x64x5x5 pads=2,2,2,2 ; Add @6 ; Relu",
                 false) <= 2);
}

static void test_views_cost_nothing(void **state)
{
    (void)state;
    assert_int_equal(steps("Relu x:2x3x4x5 ; Reshape l:6,20 ; Unsqueeze l:0 ; Squeeze l:0 ; "
                           "Flatten axis=1 ; Sigmoid"),
                     2);
}

static void test_epilogues_are_inside(void **state)
{
    (void)state;
    assert_int_equal(steps("Gemm x:8x16 w:16x32 w:32 ; Relu"), 1);
    assert_int_equal(steps("MatMul x:8x16 w:16x32 ; Add w:32 ; Gelu"), 1);
}

/* The bytes of a program's bindings, each a buffer of its own. */
static void run(const built_program *program, davit_queue *queue)
{
    const davit_program_spec *spec = &program->spec.spec;
    davit_buffer_ref refs[8];
    size_t count = spec->input_count + spec->output_count;
    assert_true(count <= 8);
    for (size_t i = 0; i < count; i++) {
        const davit_program_io *io =
            i < spec->input_count ? &spec->inputs[i] : &spec->outputs[i - spec->input_count];
        refs[i] = (davit_buffer_ref){.bytes = davit_tensor_desc_bytes(&io->desc)};
        assert_int_equal(davit_buffer_alloc(device, refs[i].bytes, &refs[i].buffer), DAVIT_OK);
    }
    const davit_command command = {.kind = DAVIT_COMMAND_EXECUTE,
                                   .program = program->program,
                                   .bindings = refs,
                                   .binding_count = count};
    for (int i = 0; i < 3; i++) {
        if (i == 2) { /* by now the queue has grown to what it needs */
            counting_allocator_restart(&counting, 0);
        }
        assert_int_equal(davit_queue_run(queue, &command, 1, davit_deadline_after(TIME_LIMIT_NS)),
                         DAVIT_OK);
    }
    assert_int_equal(atomic_load(&counting.calls), 0);
    for (size_t i = 0; i < count; i++) {
        davit_buffer_free(refs[i].buffer);
    }
}

static void test_nothing_is_allocated_at_execution(void **state)
{
    (void)state;
    built_program program;
    davit_queue *queue;
    build("Conv x:1x8x9x9 w:16x8x3x3 ; Relu ; Transpose perm=0,2,3,1 ; ReduceMean l:1 ; "
          "MatMul w:16x8 ; Softmax ; Resize - f:1,1,1,2 mode=nearest ; Concat @6 axis=1",
          false, &program);
    assert_int_equal(davit_queue_create(device, &queue), DAVIT_OK);
    run(&program, queue);
    davit_queue_free(queue);
    destroy(&program);
}

static void test_constants_are_packed_once(void **state)
{
    (void)state;
    const size_t weight_bytes = sizeof(float) * 64 * 32 * 25;
    built_program program;
    davit_program_info info = {0};
    build("Conv x:1x32x14x14 w:64x32x5x5 pads=2,2,2,2 ; Relu", false, &program);
    davit_program_get_info(program.program, &info);
    assert_true(info.constant_bytes >= weight_bytes);
    assert_true(info.constant_bytes < 2 * weight_bytes);
    assert_non_null(info.unit_implementations[0]);
    destroy(&program);
}

/* Values that are not needed at the same time share memory. */
static void test_activations_share_memory(void **state)
{
    (void)state;
    const size_t value_bytes = sizeof(float) * 64 * 64;
    built_program program;
    davit_program_info info = {0};
    build("MatMul x:64x64 w:64x64 ; Relu ; MatMul w:64x64 ; Relu ; MatMul w:64x64 ; Relu ; "
          "MatMul w:64x64 ; Relu ; MatMul w:64x64",
          false, &program);
    davit_program_get_info(program.program, &info);
    assert_true(info.scratch_bytes <= 4 * value_bytes);
    destroy(&program);
}

/* A program that cannot be built for want of memory leaves nothing behind. */
static void test_each_allocation_may_fail(void **state)
{
    (void)state;
    built_program program = {0};
    size_t live = atomic_load(&counting.live);
    davit_status status = DAVIT_OUT_OF_MEMORY;
    assert_int_equal(case_build("Conv x:1x8x6x6 w:16x8x3x3 w:16 ; Relu ; Transpose perm=0,2,3,1 ; "
                                "MatMul w:16x4 ; Add w:4 ; Softmax",
                                1, NULL, NULL, &program.built),
                     DAVIT_OK);
    assert_int_equal(case_spec_create(&program.built, false, &program.spec), DAVIT_OK);
    for (size_t fail_at = 1; status == DAVIT_OUT_OF_MEMORY; fail_at++) {
        counting_allocator_restart(&counting, fail_at);
        status = davit_program_build(device, &program.spec.spec, &program.program);
        if (status != DAVIT_OK) {
            assert_null(program.program);
            assert_int_equal(atomic_load(&counting.live), live);
        }
    }
    counting_allocator_restart(&counting, 0);
    assert_int_equal(status, DAVIT_OK);
    destroy(&program);
    assert_int_equal(atomic_load(&counting.live), live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_layouts_stay),
                                       cmocka_unit_test(test_residual_is_added_in_place),
                                       cmocka_unit_test(test_views_cost_nothing),
                                       cmocka_unit_test(test_epilogues_are_inside),
                                       cmocka_unit_test(test_nothing_is_allocated_at_execution),
                                       cmocka_unit_test(test_constants_are_packed_once),
                                       cmocka_unit_test(test_activations_share_memory),
                                       cmocka_unit_test(test_each_allocation_may_fail)};
    return cmocka_run_group_tests(tests, open_device, close_device);
}
