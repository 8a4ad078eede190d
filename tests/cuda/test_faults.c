/* What the CUDA backend does when the driver fails: reports it, hangs nobody, leaves nothing. */
#include "rig.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "backends/cuda/driver.h"

static const char network[] = "IntegerConv u:1x3x17x15 c:8x3x3x3 b:8 x_zero=7 x_scale=0.02 "
                              "w_scale=0.01, y_scale=0.05 y_zero=3 "
                              "y_type=2 low=0.0 strides=2,2 pads=1,1,1,1";
static const char float_network[] = "Conv x:1x3x9x9 w:5x3x3x3 ; Relu ; Softmax";

/* Runs again and again are graphs from the second on: the same results as the first. */
static void repeated_runs_agree(void **state)
{
    static rig on;
    rig_program program;
    (void)state;
    rig_init(&on, 0);
    rig_open(&on, NULL);
    assert_int_equal(rig_build(&on, float_network, &program), DAVIT_OK);
    for (uint64_t i = 0; i < 5; i++) {
        float *data = program.built.inputs[0]->data;
        for (int j = 0; j < 3 * 9 * 9; j++) {
            data[j] = (float)((j * 7 + (int)i * 13) % 31) / 31.0f;
        }
        assert_int_equal(rig_run(&on, &program, 20 * RIG_SECOND), DAVIT_OK);
    }
    rig_destroy(&program);
    rig_close(&on);
}

static void lost_devices_stay_lost(void **state)
{
    static rig on;
    rig_program program;
    (void)state;
    rig_init(&on, 0);
    rig_open(&on, "lost_at=2");
    assert_int_equal(rig_build(&on, network, &program), DAVIT_OK);
    davit_status first = rig_run(&on, &program, 20 * RIG_SECOND);
    if (first == DAVIT_OK) {
        first = rig_run(&on, &program, 20 * RIG_SECOND);
    }
    assert_int_equal(first, DAVIT_DEVICE_LOST);
    assert_int_equal(atomic_load(&on.errors), 1);
    assert_non_null(strstr(on.error, "CUDA_ERROR_LAUNCH_FAILED"));
    assert_non_null(strstr(on.error, "lost_at"));
    assert_int_equal(rig_run(&on, &program, 20 * RIG_SECOND), DAVIT_DEVICE_LOST);
    assert_non_null(strstr(on.error, "is lost"));
    davit_buffer *buffer = NULL;
    assert_int_equal(davit_buffer_alloc(on.device, 64, &buffer), DAVIT_DEVICE_LOST);
    rig_destroy(&program);
    rig_close(&on);
    rig_open(&on, NULL); /* the context is a new one */
    assert_int_equal(rig_build(&on, network, &program), DAVIT_OK);
    assert_int_equal(rig_run(&on, &program, 20 * RIG_SECOND), DAVIT_OK);
    rig_destroy(&program);
    rig_close(&on);
}

/* Who looks whether a lost device works again opens it beside what is left of it: that fails, leaves
 * nothing, and succeeds as soon as that is closed. */
static void lost_devices_return_when_closed(void **state)
{
    static rig on, again;
    rig_program program;
    (void)state;
    for (int i = 0; i < 3; i++) {
        rig_init(&on, 0);
        rig_init(&again, 0);
        rig_open(&on, "lost_at=1");
        assert_int_equal(rig_build(&on, network, &program), DAVIT_OK);
        assert_int_equal(rig_run(&on, &program, 20 * RIG_SECOND), DAVIT_DEVICE_LOST);
        const davit_device_options options = {.allocator = &again.allocator.allocator,
                                              .diag = &again.sink};
        assert_int_equal(davit_device_open(&again.backend, &again.info, &options, &again.device),
                         DAVIT_DEVICE_LOST);
        assert_int_equal(atomic_load(&again.errors), 1);
        assert_int_equal(atomic_load(&again.allocator.live), 0);
        rig_destroy(&program);
        rig_close(&on);
        rig_open(&again, NULL);
        assert_int_equal(rig_build(&again, network, &program), DAVIT_OK);
        assert_int_equal(rig_run(&again, &program, 20 * RIG_SECOND), DAVIT_OK);
        rig_destroy(&program);
        rig_close(&again);
    }
}

/* A kernel that never ends: the deadline does, and closing waits for nothing. The other device
 * works on. What the driver has of the hung one stays with it. */
static void hung_devices_are_given_up(void **state)
{
    static rig on, other;
    rig_program program, beside;
    (void)state;
    rig_init(&on, 1);
    rig_init(&other, 0);
    rig_open(&on, "hang_at=1");
    rig_open(&other, NULL);
    assert_int_equal(rig_build(&on, network, &program), DAVIT_OK);
    assert_int_equal(rig_build(&other, network, &beside), DAVIT_OK);
    uint64_t begin_ns = davit_clock_ns();
    assert_int_equal(rig_run(&on, &program, 100 * RIG_MS), DAVIT_DEADLINE_EXCEEDED);
    assert_int_equal(atomic_load(&on.errors), 1);
    assert_non_null(strstr(on.error, "does not end"));
    assert_int_equal(rig_run(&on, &program, 100 * RIG_MS), DAVIT_DEVICE_LOST);
    rig_destroy(&program);
    davit_device_close(on.device);
    assert_true(davit_clock_ns() - begin_ns < 10 * RIG_SECOND);
    assert_int_equal(atomic_load(&on.allocator.live), 0);
    assert_int_equal(rig_run(&other, &beside, 20 * RIG_SECOND), DAVIT_OK);
    rig_destroy(&beside);
    rig_close(&other);
}

/* Each allocation of device memory fails in turn. */
static void memory_may_run_out(void **state)
{
    static rig on;
    rig_program program;
    char options[32];
    davit_status status = DAVIT_OUT_OF_MEMORY;
    (void)state;
    rig_init(&on, 0);
    unsigned n = 1;
    for (; status != DAVIT_OK && n < 50; n++) {
        (void)snprintf(options, sizeof(options), "alloc_fail=%u", n);
        rig_open(&on, options);
        status = rig_build(&on, network, &program);
        if (status != DAVIT_OK) {
            assert_int_equal(status, DAVIT_OUT_OF_MEMORY);
            assert_int_equal(atomic_load(&on.errors), 1);
            assert_non_null(strstr(on.error, "bytes of device memory"));
        } else {
            assert_int_equal(rig_run(&on, &program, 20 * RIG_SECOND), DAVIT_OK);
        }
        rig_destroy(&program);
        rig_close(&on);
    }
    assert_true(n > 3 && n < 50);
}

/* Freed memory stays in a pool, and leaves it when there is no other. */
static void pools_are_emptied_when_memory_is_short(void **state)
{
    static rig on;
    davit_buffer *buffers[3] = {NULL, NULL, NULL};
    (void)state;
    rig_init(&on, 0);
    rig_open(&on, "memory_mib=4");
    assert_int_equal(davit_buffer_alloc(on.device, 3 << 20, &buffers[0]), DAVIT_OK);
    assert_int_equal(davit_buffer_alloc(on.device, 2 << 20, &buffers[1]), DAVIT_OUT_OF_MEMORY);
    davit_buffer_free(buffers[0]);
    assert_int_equal(davit_buffer_alloc(on.device, 2 << 20, &buffers[1]), DAVIT_OK);
    assert_int_equal(davit_buffer_alloc(on.device, 2 << 20, &buffers[2]), DAVIT_OK);
    davit_buffer_free(buffers[1]);
    davit_buffer_free(buffers[2]);
    rig_close(&on);
}

/* Work that ends late fails its submission, not the device. */
static void late_copies_leave_the_device_well(void **state)
{
    static rig on;
    static uint8_t bytes[64];
    davit_queue *queue;
    davit_buffer *buffer;
    (void)state;
    rig_init(&on, 0);
    rig_open(&on, "slow_copy_us=60000");
    assert_int_equal(davit_queue_create(on.device, &queue), DAVIT_OK);
    assert_int_equal(davit_buffer_alloc(on.device, sizeof(bytes), &buffer), DAVIT_OK);
    const davit_command write = {
        .kind = DAVIT_COMMAND_WRITE, .to = {buffer, 0, sizeof(bytes)}, .host_source = bytes};
    assert_int_equal(davit_queue_run(queue, &write, 1, davit_deadline_after(20 * RIG_MS)),
                     DAVIT_DEADLINE_EXCEEDED);
    assert_int_equal(atomic_load(&on.errors), 1);
    assert_int_equal(davit_queue_run(queue, &write, 1, davit_deadline_after(20 * RIG_SECOND)),
                     DAVIT_OK);
    davit_queue_free(queue);
    davit_buffer_free(buffer);
    rig_close(&on);
}

static void bad_options_are_refused(void **state)
{
    static rig on;
    static const char *const bad[] = {"lost_at",    "lost_at=",
                                      "lost_at=-1", "lost_at=1,",
                                      "what=1",     "lost_at=1x",
                                      "races=2",    "seed=1,,races=1",
                                      ",",          "memory_mib=99999999999999999999"};
    (void)state;
    rig_init(&on, 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const davit_device_options options = {
            .allocator = &on.allocator.allocator, .diag = &on.sink, .backend_options = bad[i]};
        davit_device *device;
        bool trailing = strcmp(bad[i], "lost_at=1,") == 0; /* as of the null backend */
        davit_status status = davit_device_open(&on.backend, &on.info, &options, &device);
        assert_int_equal(status, trailing ? DAVIT_OK : DAVIT_INVALID_ARGUMENT);
        davit_device_close(device);
    }
    assert_int_equal(atomic_load(&on.allocator.live), 0);
}

/* ---- the emulated driver by itself ---- */

static void wait_for(const davit_cuda_driver *driver, cuda_event event, cuda_result expected)
{
    cuda_result result;
    uint64_t begin_ns = davit_clock_ns();
    do {
        result = driver->event_query(event);
        assert_true(davit_clock_ns() - begin_ns < 20 * RIG_SECOND);
    } while (result == CUDA_RESULT_NOT_READY);
    assert_int_equal(result, expected);
}

/* A kernel that gets an address where there is nothing becomes the driver's error, which names
 * kernel and address; the process's handlers are as they were. */
static void wild_kernels_become_errors(void **state)
{
    static rig on;
    const davit_cuda_driver *driver = davit_cuda_driver_open(DAVIT_CUDA_EMULATED);
    cuda_context context;
    cuda_module module;
    cuda_function function;
    cuda_stream stream;
    cuda_event event;
    cuda_address small;
    struct sigaction before, after;
    char fault[256] = "";
    struct {
        int count;
        unsigned low, high;
    } params = {4096, 1, 0}; /* davit_gpu_fill_params */
    void *arguments[] = {&params, &small};
    (void)state;
    rig_init(&on, 0);
    (void)sigaction(SIGSEGV, NULL, &before);
    assert_int_equal(driver->configure(0, NULL), 0);
    assert_int_equal(driver->context_retain(&context, 0), 0);
    assert_int_equal(driver->context_push(context), 0);
    assert_int_equal(driver->module_load(&module, DAVIT_CUDA_EMULATED_IMAGE), 0);
    assert_int_equal(driver->module_function(&function, module, "fill_4"), 0);
    assert_int_equal(driver->stream_create(&stream, 0), 0);
    assert_int_equal(driver->event_create(&event, 0), 0);
    assert_int_equal(driver->memory_alloc(&small, 1024), 0);
    assert_int_equal(driver->launch(function, 16, 1, 1, 256, 1, 1, 0, stream, arguments, NULL), 0);
    (void)driver->event_record(event, stream);
    wait_for(driver, event, CUDA_RESULT_ILLEGAL_ADDRESS);
    assert_int_equal(driver->last_fault(0, fault, sizeof(fault)), 0);
    assert_non_null(strstr(fault, "kernel fill_4: block "));
    assert_non_null(strstr(fault, "thread "));
    assert_non_null(strstr(fault, "touched address 0x"));
    assert_non_null(strstr(fault, "bytes behind an allocation of 1024"));
    cuda_address more;
    assert_int_equal(driver->memory_alloc(&more, 64), CUDA_RESULT_ILLEGAL_ADDRESS);
    (void)driver->memory_free(small);
    (void)driver->event_destroy(event);
    (void)driver->stream_destroy(stream);
    (void)driver->module_unload(module);
    assert_int_equal(driver->context_pop(&context), 0);
    assert_int_equal(driver->context_release(0), 0);
    (void)sigaction(SIGSEGV, NULL, &after);
    assert_memory_equal(&before.sa_sigaction, &after.sa_sigaction, sizeof(before.sa_sigaction));
    assert_int_equal(rig_leaked(&on), 0);
}

/* Copies reach no memory but their own: not beyond an allocation, not the device's through the
 * host. */
static void copies_are_checked(void **state)
{
    static rig on;
    static char bytes[4096];
    const davit_cuda_driver *driver = davit_cuda_driver_open(DAVIT_CUDA_EMULATED);
    cuda_context context;
    cuda_stream stream;
    cuda_address memory;
    (void)state;
    rig_init(&on, 0);
    assert_int_equal(driver->configure(0, NULL), 0);
    assert_int_equal(driver->memory_alloc(&memory, 8), CUDA_RESULT_INVALID_CONTEXT);
    assert_int_equal(driver->context_retain(&context, 0), 0);
    assert_int_equal(driver->context_push(context), 0);
    assert_int_equal(driver->stream_create(&stream, 0), 0);
    assert_int_equal(driver->memory_alloc(&memory, 1000), 0);
    assert_int_equal(driver->copy_to_device(memory, bytes, 1001, stream), 1);
    assert_int_equal(driver->copy_to_device(memory - 1, bytes, 10, stream), 1);
    assert_int_equal(driver->copy_to_device(memory + 999, bytes, 2, stream), 1);
    assert_int_equal(driver->copy_to_host(bytes, (cuda_address)(uintptr_t)bytes, 8, stream), 1);
    assert_int_equal(driver->copy_to_host((void *)(uintptr_t)memory, memory, 8, stream), 1);
    assert_int_equal(driver->fill(memory + 500, 0, 501, stream), 1);
    assert_int_equal(driver->copy_to_device(memory, bytes, 1000, stream), 0);
    assert_int_equal(driver->memory_free(memory), 0);
    assert_int_equal(driver->memory_free(memory), 1);
    assert_int_equal(driver->stream_destroy(stream), 0);
    assert_int_equal(driver->context_pop(&context), 0);
    assert_int_equal(driver->context_release(0), 0);
    assert_int_equal(rig_leaked(&on), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repeated_runs_agree),
        cmocka_unit_test(lost_devices_stay_lost),
        cmocka_unit_test(lost_devices_return_when_closed),
        cmocka_unit_test(hung_devices_are_given_up),
        cmocka_unit_test(memory_may_run_out),
        cmocka_unit_test(pools_are_emptied_when_memory_is_short),
        cmocka_unit_test(late_copies_leave_the_device_well),
        cmocka_unit_test(bad_options_are_refused),
        cmocka_unit_test(wild_kernels_become_errors),
        cmocka_unit_test(copies_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
