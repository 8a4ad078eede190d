#include "suite.h"

#include "case.h"

#include <string.h>

/* What happens when things go wrong: no memory, a lost device, one that hangs. */

#define SECOND 1000000000ull
#define MS 1000000ull

static const char small_network[] =
    "Conv x:1x2x5x5 w:3x2x3x3 pads=1,1,1,1 ; Relu ; MaxPool kernel_shape=2,2 ; Flatten ; Softmax";

/* ---- memory ---- */

static davit_status use_everything(davit_device *device, const unit_case *built)
{
    davit_tensor *outputs[CASE_MAX_NODES];
    davit_status status = case_run(device, built, true, NULL, outputs);
    case_free_outputs(built, outputs);
    return status;
}

/* Opens a device on an allocator and uses everything it has. */
static davit_status open_and_use(test_suite *suite, counting_allocator *counting,
                                 const unit_case *built)
{
    const davit_device_options options = {
        .allocator = &counting->allocator, .diag = &suite->errors.sink, .threads = 2};
    davit_device *device = NULL;
    davit_status status = davit_device_open(suite->backend, &suite->info, &options, &device);
    if (status == DAVIT_OK) {
        status = use_everything(device, built);
    }
    davit_device_close(device);
    return status;
}

/* Each allocation of a device's life fails in turn: always one error, nothing left behind. */
static void every_allocation_may_fail(test_suite *suite)
{
    counting_allocator counting;
    counting_allocator_init(&counting);
    unit_case built;
    char reason[160];
    CHECK_STATUS(suite, case_build(small_network, 1, NULL, &suite->errors.sink, &built), DAVIT_OK);
    for (size_t i = 0; i < built.graph->unit_count; i++) {
        if (!davit_backend_supports(suite->backend, &suite->info.profile, built.graph,
                                    &built.graph->units[i], reason, sizeof(reason))) {
            case_destroy(&built);
            SKIP(suite, "failing allocations: the small network has units the device lacks");
        }
    }
    CHECK_STATUS(suite, open_and_use(suite, &counting, &built), DAVIT_OK);
    size_t calls = atomic_load(&counting.calls);
    CHECK(suite, calls > 0 && atomic_load(&counting.live) == 0);
    for (size_t i = 1; i <= calls; i++) {
        suite->errors.count = 0;
        counting_allocator_restart(&counting, i);
        CHECK_STATUS(suite, open_and_use(suite, &counting, &built), DAVIT_OUT_OF_MEMORY);
        CHECK(suite, suite->errors.count == 1);
        CHECK(suite, atomic_load(&counting.live) == 0);
    }
    case_destroy(&built);
}

/* ---- the null backend's faults ---- */

/* Runs count executions of the small network, and tells how each ended. */
static void execute_on(test_suite *suite, const char *options, uint64_t timeout_ns,
                       davit_status *statuses, size_t count)
{
    unit_case built;
    CHECK_STATUS(suite, case_build(small_network, 1, NULL, &suite->errors.sink, &built), DAVIT_OK);
    davit_device *device = suite_open_null(suite, options);
    CHECK(suite, device != NULL);
    case_spec spec;
    davit_program *program = NULL;
    davit_queue *queue = NULL;
    davit_buffer *buffer = NULL;
    CHECK_STATUS(suite, case_spec_create(&built, false, &spec), DAVIT_OK);
    CHECK_STATUS(suite, davit_program_build(device, &spec.spec, &program), DAVIT_OK);
    CHECK_STATUS(suite, davit_queue_create(device, &queue), DAVIT_OK);
    CHECK_STATUS(suite, davit_buffer_alloc(device, 4096, &buffer), DAVIT_OK);
    const davit_buffer_ref bindings[] = {
        {buffer, 0, davit_tensor_desc_bytes(&spec.ios[0].desc)},
        {buffer, 2048, davit_tensor_desc_bytes(&spec.ios[1].desc)},
    };
    const davit_command execute = {.kind = DAVIT_COMMAND_EXECUTE,
                                   .program = program,
                                   .bindings = bindings,
                                   .binding_count = 2};
    for (size_t i = 0; i < count; i++) {
        statuses[i] = davit_queue_run(queue, &execute, 1, davit_deadline_after(timeout_ns));
    }
    davit_queue_free(queue);
    davit_buffer_free(buffer);
    davit_program_free(program);
    case_spec_destroy(&spec);
    davit_device_close(device);
    case_destroy(&built);
}

static bool is_null(const test_suite *suite)
{
    return suite->info.profile.kind == DAVIT_DEVICE_NULL;
}

static const char no_faults[] = "injected faults: only null devices have them";

static void lost_device_stays_lost(test_suite *suite)
{
    if (!is_null(suite)) {
        SKIP(suite, no_faults);
    }
    davit_status statuses[4] = {DAVIT_INTERNAL};
    execute_on(suite, "fail_at=3", 10 * SECOND, statuses, 4);
    CHECK(suite, !suite->failed);
    CHECK_STATUS(suite, statuses[0], DAVIT_OK);
    CHECK_STATUS(suite, statuses[1], DAVIT_OK);
    CHECK_STATUS(suite, statuses[2], DAVIT_DEVICE_LOST);
    CHECK_STATUS(suite, statuses[3], DAVIT_DEVICE_LOST);
    CHECK(suite, strstr(suite->errors.text, "null:1") != NULL);
}

static void hanging_device_ends_at_the_deadline(test_suite *suite)
{
    if (!is_null(suite)) {
        SKIP(suite, no_faults);
    }
    davit_status statuses[3] = {DAVIT_INTERNAL};
    uint64_t begin_ns = davit_clock_ns();
    execute_on(suite, "hang_at=2", 50 * MS, statuses, 3);
    CHECK(suite, !suite->failed);
    CHECK(suite, davit_clock_ns() - begin_ns >= 50 * MS);
    CHECK_STATUS(suite, statuses[0], DAVIT_OK);
    CHECK_STATUS(suite, statuses[1], DAVIT_DEADLINE_EXCEEDED);
    CHECK_STATUS(suite, statuses[2], DAVIT_OK);
}

static void delays_are_kept(test_suite *suite)
{
    if (!is_null(suite)) {
        SKIP(suite, no_faults);
    }
    davit_status status = DAVIT_INTERNAL;
    uint64_t begin_ns = davit_clock_ns();
    execute_on(suite, "delay_us=2000", 10 * SECOND, &status, 1);
    CHECK(suite, !suite->failed);
    CHECK_STATUS(suite, status, DAVIT_OK);
    CHECK(suite, davit_clock_ns() - begin_ns >= 2 * MS);
    execute_on(suite, "delay_us=60000000", 20 * MS, &status, 1);
    CHECK(suite, !suite->failed);
    CHECK_STATUS(suite, status, DAVIT_DEADLINE_EXCEEDED);
}

static void bad_options_are_refused(test_suite *suite)
{
    if (!is_null(suite)) {
        SKIP(suite, no_faults);
    }
    static const char *const bad[] = {
        "delay",       "delay_us=",        "delay_us=-1",
        "delay_us=5x", "fail_at=1,what=2", "hang_at=99999999999999999999"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        suite->errors.count = 0;
        CHECK(suite, suite_open_null(suite, bad[i]) == NULL);
        CHECK(suite, suite->errors.count == 1 && suite->errors.status == DAVIT_INVALID_ARGUMENT);
    }
    davit_device *device = suite_open_null(suite, "delay_us=1,fail_at=2,hang_at=3");
    CHECK(suite, device != NULL);
    davit_device_close(device);
}

static const suite_test tests[] = {
    {"faults/every_allocation_may_fail", every_allocation_may_fail},
    {"faults/lost_device_stays_lost", lost_device_stays_lost},
    {"faults/hanging_device_ends_at_the_deadline", hanging_device_ends_at_the_deadline},
    {"faults/delays_are_kept", delays_are_kept},
    {"faults/bad_options_are_refused", bad_options_are_refused},
};

const suite_group conformance_faults = SUITE_GROUP(tests);
