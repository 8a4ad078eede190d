#include "chain.h"

#include <string.h>

#define SECOND 1000000000ull

/* A program of the chain with bound memory. */
typedef struct execution {
    chain_bench bench;
    davit_program *program;
    davit_queue *queue;
    davit_buffer *buffer;
    davit_buffer_ref bindings[2];
    size_t bytes;
} execution;

static davit_status open_execution(test_suite *suite, execution *out)
{
    memset(out, 0, sizeof(*out));
    if (!chain_open(suite, &out->bench)) {
        return DAVIT_INTERNAL;
    }
    davit_status status = davit_program_build(suite->device, &out->bench.spec, &out->program);
    if (status == DAVIT_OK) {
        status = davit_queue_create(suite->device, &out->queue);
    }
    if (status == DAVIT_OK) {
        status = davit_buffer_alloc(suite->device, 4096, &out->buffer);
    }
    out->bytes = davit_tensor_desc_bytes(&out->bench.inputs[0].desc);
    out->bindings[0] = (davit_buffer_ref){out->buffer, 0, out->bytes};
    out->bindings[1] = (davit_buffer_ref){out->buffer, 1024, out->bytes};
    return status;
}

static void close_execution(execution *closing)
{
    davit_queue_free(closing->queue);
    davit_program_free(closing->program);
    davit_buffer_free(closing->buffer);
    chain_close(&closing->bench);
}

static davit_command execute(const execution *of)
{
    return (davit_command){.kind = DAVIT_COMMAND_EXECUTE,
                           .program = of->program,
                           .bindings = of->bindings,
                           .binding_count = 2};
}

static uint64_t soon(void)
{
    return davit_deadline_after(20 * SECOND);
}

static void wrong_bindings_are_refused(test_suite *suite)
{
    execution running;
    CHECK_STATUS(suite, open_execution(suite, &running), DAVIT_OK);
    const davit_buffer_ref good[2] = {running.bindings[0], running.bindings[1]};
    const davit_buffer_ref bad[] = {
        {NULL, 0, running.bytes},                   /* no buffer */
        {running.buffer, 0, running.bytes - 4},     /* too small */
        {running.buffer, 0, running.bytes + 4},     /* too large */
        {running.buffer, 4096 - 64, running.bytes}, /* beyond the end */
        {running.buffer, 1024 + 4, running.bytes},  /* not aligned */
        {running.buffer, 64, running.bytes},        /* the output overlaps the input */
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        running.bindings[1] = bad[i];
        const davit_command command = execute(&running);
        CHECK_STATUS(suite, davit_queue_run(running.queue, &command, 1, soon()),
                     DAVIT_INVALID_ARGUMENT);
    }
    running.bindings[1] = good[1];
    davit_command command = execute(&running);
    command.binding_count = 1;
    CHECK_STATUS(suite, davit_queue_run(running.queue, &command, 1, soon()),
                 DAVIT_INVALID_ARGUMENT);
    command = execute(&running);
    command.bindings = NULL;
    CHECK_STATUS(suite, davit_queue_run(running.queue, &command, 1, soon()),
                 DAVIT_INVALID_ARGUMENT);
    command = execute(&running);
    command.program = NULL;
    CHECK_STATUS(suite, davit_queue_run(running.queue, &command, 1, soon()),
                 DAVIT_INVALID_ARGUMENT);
    close_execution(&running);
}

static void programs_of_other_devices_are_refused(test_suite *suite)
{
    davit_device *other = suite_open_null(suite, NULL);
    CHECK(suite, other != NULL);
    execution running;
    davit_program *foreign = NULL;
    CHECK_STATUS(suite, open_execution(suite, &running), DAVIT_OK);
    CHECK_STATUS(suite, davit_program_build(other, &running.bench.spec, &foreign), DAVIT_OK);
    davit_command command = execute(&running);
    command.program = foreign;
    CHECK_STATUS(suite, davit_queue_run(running.queue, &command, 1, soon()),
                 DAVIT_INVALID_ARGUMENT);
    davit_program_free(foreign);
    close_execution(&running);
    davit_device_close(other);
}

/* A program that is freed while submitted runs to its end. */
static void programs_outlive_their_free(test_suite *suite)
{
    execution running;
    davit_semaphore *semaphore = NULL;
    CHECK_STATUS(suite, open_execution(suite, &running), DAVIT_OK);
    CHECK_STATUS(suite, davit_semaphore_create(NULL, 0, &semaphore), DAVIT_OK);
    const davit_semaphore_point before = {semaphore, 1};
    const davit_semaphore_point after = {semaphore, 2};
    const davit_command command = execute(&running);
    const davit_submission submission = {.wait_count = 1,
                                         .waits = &before,
                                         .command_count = 1,
                                         .commands = &command,
                                         .signal_count = 1,
                                         .signals = &after,
                                         .deadline_ns = soon()};
    CHECK_STATUS(suite, davit_queue_submit(running.queue, &submission), DAVIT_OK);
    davit_program_free(running.program);
    running.program = NULL;
    CHECK_STATUS(suite, davit_semaphore_signal(semaphore, 1), DAVIT_OK);
    CHECK_STATUS(suite, davit_semaphore_wait(semaphore, 2, soon()), DAVIT_OK);
    davit_semaphore_release(semaphore);
    close_execution(&running);
}

/* Times of units are those of this run, and no more than it took. */
static void units_are_timed(test_suite *suite)
{
    execution running;
    uint64_t unit_ns[CHAIN_UNITS];
    uint64_t command_ns = UINT64_MAX;
    uint64_t sum_ns = 0;
    memset(unit_ns, 0xff, sizeof(unit_ns));
    CHECK_STATUS(suite, open_execution(suite, &running), DAVIT_OK);
    davit_command command = execute(&running);
    command.unit_ns = unit_ns;
    command.command_ns = &command_ns;
    uint64_t begin_ns = davit_clock_ns();
    CHECK_STATUS(suite, davit_queue_run(running.queue, &command, 1, soon()), DAVIT_OK);
    uint64_t elapsed_ns = davit_clock_ns() - begin_ns;
    for (int i = 0; i < CHAIN_UNITS; i++) {
        CHECK(suite, unit_ns[i] <= elapsed_ns);
        sum_ns += unit_ns[i];
    }
    CHECK(suite, sum_ns <= elapsed_ns && command_ns <= elapsed_ns);
    close_execution(&running);
}

static void info_describes_the_program(test_suite *suite)
{
    execution running;
    davit_program_info info;
    CHECK_STATUS(suite, open_execution(suite, &running), DAVIT_OK);
    davit_program_get_info(running.program, &info);
    for (int i = 0; info.unit_implementations != NULL && i < CHAIN_UNITS; i++) {
        CHECK(suite, info.unit_implementations[i] != NULL);
        CHECK(suite, info.unit_implementations[i][0] != '\0');
    }
    CHECK(suite, info.scratch_bytes < 1u << 20 && info.constant_bytes < 1u << 20);
    close_execution(&running);
}

/* ---- results ---- */

static bool computes(const test_suite *suite)
{
    return suite->info.profile.kind != DAVIT_DEVICE_NULL;
}

static const char computes_nothing[] = "results: the device computes nothing (the case ran)";

/* Units in programs of their own, values between them in NHWC, give what one program gives. */
static void split_programs_agree(test_suite *suite)
{
    if (!computes(suite)) {
        SKIP(suite, computes_nothing);
    }
    execution running;
    davit_tensor *expected[1] = {NULL};
    davit_program *parts[CHAIN_UNITS] = {NULL};
    davit_buffer_ref refs[CHAIN_UNITS][2];
    davit_command commands[CHAIN_UNITS + 2];
    CHECK_STATUS(suite, open_execution(suite, &running), DAVIT_OK);
    const unit_case *built = &running.bench.built;
    CHECK_STATUS(suite, case_evaluate(built, &suite->errors.sink, expected), DAVIT_OK);
    davit_tensor *got = NULL;
    CHECK_STATUS(suite, davit_tensor_clone(davit_allocator_default(), expected[0], &got), DAVIT_OK);
    memset(got->data, 0, running.bytes);
    for (davit_unit_id i = 0; i < CHAIN_UNITS; i++) {
        davit_program_io in =
            i == 0 ? running.bench.inputs[0] : chain_result(&running.bench, i - 1);
        davit_program_io out = chain_result(&running.bench, i);
        if (i > 0) {
            davit_tensor_desc_channels_last(&in.desc);
        }
        if (i + 1 < CHAIN_UNITS) {
            davit_tensor_desc_channels_last(&out.desc);
        }
        const davit_program_spec spec = {.graph = built->graph,
                                         .unit_count = 1,
                                         .units = &i,
                                         .input_count = 1,
                                         .inputs = &in,
                                         .output_count = 1,
                                         .outputs = &out};
        CHECK_STATUS(suite, davit_program_build(suite->device, &spec, &parts[i]), DAVIT_OK);
        refs[i][0] = (davit_buffer_ref){running.buffer, (size_t)512 * i, running.bytes};
        refs[i][1] = (davit_buffer_ref){running.buffer, (size_t)512 * (i + 1), running.bytes};
        commands[i + 1] = (davit_command){.kind = DAVIT_COMMAND_EXECUTE,
                                          .program = parts[i],
                                          .bindings = refs[i],
                                          .binding_count = 2};
    }
    commands[0] = (davit_command){
        .kind = DAVIT_COMMAND_WRITE, .to = refs[0][0], .host_source = built->inputs[0]->data};
    commands[CHAIN_UNITS + 1] = (davit_command){
        .kind = DAVIT_COMMAND_READ, .from = refs[CHAIN_UNITS - 1][1], .host_target = got->data};
    CHECK_STATUS(suite, davit_queue_run(running.queue, commands, CHAIN_UNITS + 2, soon()),
                 DAVIT_OK);
    char problem[128];
    CHECK(suite, case_compare(got, expected[0], problem, sizeof(problem)));
    for (int i = 0; i < CHAIN_UNITS; i++) {
        davit_program_free(parts[i]);
    }
    davit_tensor_destroy(got);
    case_free_outputs(built, expected);
    close_execution(&running);
}

/* Values that the program itself reads may be outputs too, in any order and layout. */
static void inner_values_may_leave(test_suite *suite)
{
    if (!computes(suite)) {
        SKIP(suite, computes_nothing);
    }
    static const davit_unit_id order[CHAIN_UNITS] = {2, 0, 1};
    float host[CHAIN_BYTES / sizeof(float)];
    chain_bench bench;
    davit_program *program = NULL;
    davit_queue *queue = NULL;
    davit_buffer *buffer = NULL;
    davit_buffer_ref bindings[1 + CHAIN_UNITS];
    CHECK(suite, chain_open(suite, &bench));
    for (size_t i = 0; i < CHAIN_UNITS; i++) {
        bench.outputs[i] = chain_result(&bench, order[i]);
        if (order[i] == 0) {
            davit_tensor_desc_channels_last(&bench.outputs[i].desc);
        }
    }
    bench.spec.output_count = CHAIN_UNITS;
    CHECK_STATUS(suite, davit_program_build(suite->device, &bench.spec, &program), DAVIT_OK);
    CHECK_STATUS(suite, davit_queue_create(suite->device, &queue), DAVIT_OK);
    CHECK_STATUS(suite, davit_buffer_alloc(suite->device, 2048, &buffer), DAVIT_OK);
    size_t bytes = davit_tensor_desc_bytes(&bench.inputs[0].desc);
    for (size_t i = 0; i <= CHAIN_UNITS; i++) {
        bindings[i] = (davit_buffer_ref){buffer, 512 * i, bytes};
    }
    chain_fill(&bench, false, host);
    davit_command commands[] = {
        {.kind = DAVIT_COMMAND_WRITE, .to = bindings[0], .host_source = host},
        {.kind = DAVIT_COMMAND_EXECUTE,
         .program = program,
         .bindings = bindings,
         .binding_count = 1 + CHAIN_UNITS},
    };
    CHECK_STATUS(suite, davit_queue_run(queue, commands, 2, soon()), DAVIT_OK);
    for (size_t i = 0; i < CHAIN_UNITS; i++) {
        const davit_command read = {
            .kind = DAVIT_COMMAND_READ, .from = bindings[1 + i], .host_target = host};
        CHECK_STATUS(suite, davit_queue_run(queue, &read, 1, soon()), DAVIT_OK);
        CHECK(suite, chain_right(&bench, order[i], false, host));
    }
    davit_queue_free(queue);
    davit_buffer_free(buffer);
    davit_program_free(program);
    chain_close(&bench);
}

/* What one of several threads runs: the same program on a queue of its own. */
typedef struct runner {
    const execution *of;
    davit_queue *queue;
    size_t offset_bytes; /* of its input; the output is 512 bytes further */
    bool second;         /* of the inputs that chain_fill makes */
    bool right;
    davit_status status;
} runner;

/* The chain of a constant. */
static void *run_often(void *argument)
{
    runner *own = argument;
    const chain_bench *bench = &own->of->bench;
    float in[CHAIN_BYTES / sizeof(float)];
    float out[CHAIN_BYTES / sizeof(float)];
    chain_fill(bench, own->second, in);
    const davit_buffer_ref bindings[2] = {
        {own->of->buffer, own->offset_bytes, own->of->bytes},
        {own->of->buffer, own->offset_bytes + 512, own->of->bytes}};
    davit_command commands[3] = {
        {.kind = DAVIT_COMMAND_WRITE, .to = bindings[0], .host_source = in},
        execute(own->of),
        {.kind = DAVIT_COMMAND_READ, .from = bindings[1], .host_target = out},
    };
    commands[1].bindings = bindings;
    own->right = true;
    own->status = DAVIT_OK;
    for (int run = 0; own->status == DAVIT_OK && run < 50; run++) {
        memset(out, 0, sizeof(out));
        own->status = davit_queue_run(own->queue, commands, 3, soon());
        own->right = own->right && chain_right(bench, CHAIN_UNITS - 1, own->second, out);
    }
    return NULL;
}

static void queues_share_a_program(test_suite *suite)
{
    if (!computes(suite)) {
        SKIP(suite, computes_nothing);
    }
    execution running;
    pthread_t threads[2];
    runner runners[2];
    CHECK_STATUS(suite, open_execution(suite, &running), DAVIT_OK);
    for (size_t i = 0; i < 2; i++) {
        runners[i] = (runner){.of = &running, .offset_bytes = 1024 * i, .second = i > 0};
        CHECK_STATUS(suite, davit_queue_create(suite->device, &runners[i].queue), DAVIT_OK);
        CHECK(suite, pthread_create(&threads[i], NULL, run_often, &runners[i]) == 0);
    }
    for (size_t i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        davit_queue_free(runners[i].queue);
    }
    for (size_t i = 0; i < 2; i++) {
        CHECK_STATUS(suite, runners[i].status, DAVIT_OK);
        CHECK(suite, runners[i].right);
    }
    close_execution(&running);
}

static double index_out_of_range(int operand, const int64_t *index)
{
    (void)operand;
    (void)index;
    return 9;
}

/* What a kernel refuses because of its data fails the submission, and the node is named. */
static void bad_data_fails_the_submission(test_suite *suite)
{
    if (!computes(suite)) {
        SKIP(suite, computes_nothing);
    }
    unit_case built;
    char reason[160];
    davit_tensor *outputs[2];
    CHECK_STATUS(suite,
                 case_build("Cast x:1 to=7 ; Gather @0", suite->seed, index_out_of_range,
                            &suite->errors.sink, &built),
                 DAVIT_OK);
    for (size_t i = 0; i < built.graph->unit_count; i++) {
        if (!davit_backend_supports(suite->backend, &suite->info.profile, built.graph,
                                    &built.graph->units[i], reason, sizeof(reason))) {
            case_destroy(&built);
            SKIP(suite, "bad data: no operator that depends on data");
        }
    }
    suite->errors.count = 0;
    CHECK(suite, case_run(suite->device, &built, false, NULL, outputs) != DAVIT_OK);
    CHECK(suite, suite->errors.count == 1);
    CHECK(suite, strstr(suite->errors.text, "Gather") != NULL);
    case_free_outputs(&built, outputs);
    case_destroy(&built);
}

static const suite_test tests[] = {
    {"execute/wrong_bindings_are_refused", wrong_bindings_are_refused},
    {"execute/programs_of_other_devices_are_refused", programs_of_other_devices_are_refused},
    {"execute/programs_outlive_their_free", programs_outlive_their_free},
    {"execute/units_are_timed", units_are_timed},
    {"execute/info_describes_the_program", info_describes_the_program},
    {"execute/split_programs_agree", split_programs_agree},
    {"execute/inner_values_may_leave", inner_values_may_leave},
    {"execute/queues_share_a_program", queues_share_a_program},
    {"execute/bad_data_fails_the_submission", bad_data_fails_the_submission},
};

const suite_group conformance_execute = SUITE_GROUP(tests);
