/* A call of the driver that never returns, each in turn: whoever waits is told in time, nothing else
 * hangs, and the other device works on. What the driver was given stays with it. */
#include "rig.h"

#include <stdio.h>
#include <string.h>

#define DEADLINE_NS (500 * RIG_MS)
#define MOST_NS (40 * RIG_SECOND) /* for a busy machine; far below for ever */

static const char network[] = "Conv x:1x8x9x9 w:16x8x3x3 ; Relu ; Softmax";

/* One way through: open, build, run twice, close. Returns the first failure, in *error what was said of
 * it; DAVIT_OK for none. */
static davit_status go_through(rig *on, const char *options, char error[512])
{
    rig_program program = {0};
    const davit_device_options device_options = {
        .allocator = &on->allocator.allocator, .diag = &on->sink, .backend_options = options};
    davit_status status =
        davit_device_open(&on->backend, &on->info, &device_options, &on->device);
    (void)snprintf(error, 512, "%s", on->error);
    if (status != DAVIT_OK) {
        return status;
    }
    status = rig_build(on, network, &program);
    for (int i = 0; i < 2 && status == DAVIT_OK; i++) {
        status = rig_run(on, &program, DEADLINE_NS);
    }
    (void)snprintf(error, 512, "%s", on->error);
    if (strstr(error, "is given up") != NULL) {
        assert_int_not_equal(davit_buffer_alloc(on->device, 64, &program.buffers[3]), DAVIT_OK);
    }
    rig_destroy(&program);
    davit_device_close(on->device);
    return status;
}

/* A device that blocked stays given up: each call has a device of its own. Device 0 is beside them. */
static void each_call_may_block(void **state)
{
    static rig on;
    static const unsigned calls[] = {1, 2, 5, 8, 12, 16, 19, 22, 25, 28, 31, 40};
    unsigned blocked = 0;
    (void)state;
    for (unsigned i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        char options[32], error[512];
        (void)snprintf(options, sizeof(options), "block_at=%u", calls[i]);
        rig_init(&on, i + 1);
        uint64_t begin_ns = davit_clock_ns();
        davit_status status = go_through(&on, options, error);
        assert_true(davit_clock_ns() - begin_ns < MOST_NS);
        print_message("call %u: %s\n", calls[i], status == DAVIT_OK ? "not reached" : error);
        if (status != DAVIT_OK) {
            assert_true(status == DAVIT_DEADLINE_EXCEEDED || status == DAVIT_DEVICE_LOST);
            blocked += strstr(error, "a call of its driver does not return") != NULL;
        }
    }
    assert_true(blocked > 5); /* a busy machine is late for other reasons too */
}

static void other_devices_work_on(void **state)
{
    static rig on;
    rig_program program;
    (void)state;
    rig_init(&on, 0);
    rig_open(&on, NULL);
    assert_int_equal(rig_build(&on, network, &program), DAVIT_OK);
    assert_int_equal(rig_run(&on, &program, 20 * RIG_SECOND), DAVIT_OK);
    rig_destroy(&program);
    rig_close(&on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_call_may_block),
        cmocka_unit_test(other_devices_work_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
