/* The executor over reference and null devices: values that cross, times, limits, faults. */
#include <math.h>
#include <stdio.h>

#include "fixture.h"

#define MS ((uint64_t)1000000)
#define MAX_ELEMS 64

/* Runs a plan once with inputs[i][j] = i + j / 8 - 1 and keeps the outputs. */
typedef struct outcome {
    _Alignas(DAVIT_ALIGNMENT) float inputs[2][MAX_ELEMS]; /* which devices may read in place */
    float outputs[4][MAX_ELEMS];
    davit_run_record record;
    uint64_t timeout_ns; /* 0: none */
} outcome;

static uint64_t deadline_of(const outcome *o)
{
    return o->timeout_ns > 0 ? davit_deadline_after(o->timeout_ns) : DAVIT_DEADLINE_NEVER;
}

static davit_status create(fixture *f, const davit_plan *plan,
                           const davit_executor_options *options, davit_executor **out)
{
    const davit_executor_options defaults = {0};
    return davit_executor_create(f->allocator, f->graph, plan, options ? options : &defaults,
                                 &f->diag.sink, out);
}

static davit_status run(davit_executor *executor, outcome *o)
{
    const void *inputs[2];
    void *outputs[4];
    for (size_t i = 0; i < 2; i++) {
        for (size_t j = 0; j < MAX_ELEMS; j++) {
            o->inputs[i][j] = (float)i + (float)j / 8 - 1;
        }
        inputs[i] = o->inputs[i];
    }
    for (size_t i = 0; i < 4; i++) {
        memset(o->outputs[i], 0xff, sizeof(o->outputs[i]));
        outputs[i] = o->outputs[i];
    }
    return davit_executor_run(executor, inputs, outputs, deadline_of(o), &o->record);
}

/* Places with pins, runs once, destroys. */
static void place_and_run(fixture *f, const char *const *pins, size_t pin_count, outcome *o)
{
    davit_plan *plan = fixture_plan(f, pins, pin_count);
    davit_executor *executor;
    assert_int_equal(create(f, plan, NULL, &executor), DAVIT_OK);
    assert_int_equal(run(executor, o), DAVIT_OK);
    davit_executor_destroy(executor);
    davit_plan_destroy(plan);
}

/* The chain on reference, with one unit pinned to a null device. */
typedef struct chain {
    davit_plan *plan;
    davit_executor *executor;
    outcome o;
} chain;

static void open_chain(fixture *f, const char *pin, const char *null_options, uint64_t timeout_ns,
                       chain *c)
{
    const char *const backend_options[] = {NULL, null_options};
    const davit_executor_options options = {.backend_options = backend_options};
    fixture_chain(f);
    fixture_add_device(f, "reference");
    fixture_add_device(f, "null");
    c->plan = fixture_plan(f, &pin, 1);
    c->o.timeout_ns = timeout_ns;
    assert_int_equal(create(f, c->plan, &options, &c->executor), DAVIT_OK);
}

static void close_chain(chain *c)
{
    davit_executor_destroy(c->executor);
    davit_plan_destroy(c->plan);
}

static void runs_a_chain_on_one_device(void **state)
{
    fixture *f = *state;
    fixture_chain(f);
    fixture_add_device(f, "reference");
    davit_plan *plan = fixture_plan(f, NULL, 0);
    davit_executor *executor;
    outcome o = {0};
    assert_int_equal(create(f, plan, NULL, &executor), DAVIT_OK);
    assert_int_equal(davit_executor_program_count(executor), 1);
    assert_true(davit_executor_memory_bytes(executor) >= 24 * sizeof(float));
    assert_int_equal(run(executor, &o), DAVIT_OK);
    for (size_t i = 0; i < 12; i++) {
        float x = o.inputs[0][i] > 0 ? o.inputs[0][i] : 0;
        assert_float_equal(o.outputs[0][i], tanhf(x), 1e-6);
    }
    assert_int_equal(o.record.unit_count, 3);
    assert_int_equal(o.record.transfer_bytes, 12 * sizeof(float)); /* the output */
    assert_true(o.record.total_ns >= o.record.transfer_ns);
    davit_executor_destroy(executor);
    davit_plan_destroy(plan);
}

/* Two programs of a device read the caller's input where it is, unless it lies at an odd address,
 * or the inference may be given up while a program goes on. */
static void reads_inputs_in_place(void **state)
{
    fixture *f = *state;
    const int64_t dims[] = {1, 2, 2, 3};
    davit_value_id x = fixture_input(f, "x", 4, dims);
    davit_value_id first = fixture_node(f, DAVIT_OP_Relu, "first", x, DAVIT_NONE);
    davit_value_id far = fixture_node(f, DAVIT_OP_Abs, "far", first, DAVIT_NONE);
    fixture_output(f, fixture_node(f, DAVIT_OP_Add, "last", far, x));
    fixture_finish(f);
    fixture_add_device(f, "reference");
    fixture_add_device(f, "null");
    const char *const pins[] = {"far=null"};
    davit_plan *plan = fixture_plan(f, pins, 1);
    davit_executor *executor;
    assert_int_equal(create(f, plan, NULL, &executor), DAVIT_OK);
    _Alignas(DAVIT_ALIGNMENT) float memory[32];
    for (size_t kind = 0; kind < 3; kind++) {
        const size_t shift = kind == 1;
        const uint64_t deadline_ns =
            kind == 2 ? davit_deadline_after(60000 * MS) : DAVIT_DEADLINE_NEVER;
        float *input = memory + shift, output[12];
        for (size_t i = 0; i < 12; i++) {
            input[i] = (float)i - 5;
        }
        const void *inputs[] = {input};
        void *outputs[] = {output};
        davit_run_record record;
        assert_int_equal(davit_executor_run(executor, inputs, outputs, deadline_ns, &record),
                         DAVIT_OK);
        for (size_t i = 0; i < 12; i++) {
            assert_float_equal(input[i], (float)i - 5, 0);
            assert_float_equal(output[i], input[i], 0); /* null devices give zeros */
        }
        /* To the null device, back, and the output; else the input twice, too. */
        assert_int_equal(record.transfer_bytes, (kind == 0 ? 36 : 60) * sizeof(float));
    }
    davit_executor_destroy(executor);
    davit_plan_destroy(plan);
}

/* x -> relu on reference -> abs on null:1 (zeros) -> ... : layouts and copies at each crossing. */
static void hands_values_from_device_to_device(void **state)
{
    fixture *f = *state;
    fixture_chain(f);
    fixture_add_device(f, "reference");
    fixture_add_device(f, "null");
    outcome o = {0};
    const char *const null_first[] = {"relu=null"};
    place_and_run(f, null_first, 1, &o);
    assert_int_equal(o.record.transfer_bytes, 36 * sizeof(float));
    for (size_t i = 0; i < 12; i++) {
        assert_float_equal(o.outputs[0][i], 0, 0); /* |tanh(0)| */
    }
    const char *const null_last[] = {"abs=null"};
    place_and_run(f, null_last, 1, &o);
    for (size_t i = 0; i < 12; i++) {
        assert_float_equal(o.outputs[0][i], 0, 0);
    }
}

/* Graph outputs that need care: an input, the same value twice, one that is also used inside. */
static void delivers_every_kind_of_output(void **state)
{
    fixture *f = *state;
    const int64_t dims[] = {1, 2, 2, 3};
    davit_value_id x = fixture_input(f, "x", 4, dims);
    davit_value_id y = fixture_input(f, "y", 4, dims);
    davit_value_id sum = fixture_node(f, DAVIT_OP_Add, "add", x, y);
    davit_value_id negative = fixture_node(f, DAVIT_OP_Neg, "neg", sum, DAVIT_NONE);
    fixture_output(f, sum);
    fixture_output(f, negative);
    fixture_output(f, negative);
    fixture_output(f, y);
    fixture_finish(f);
    fixture_add_device(f, "reference");
    fixture_add_device(f, "null");
    outcome o = {0};
    place_and_run(f, NULL, 0, &o);
    for (size_t i = 0; i < 12; i++) {
        float expected = o.inputs[0][i] + o.inputs[1][i];
        assert_float_equal(o.outputs[0][i], expected, 0);
        assert_float_equal(o.outputs[1][i], -expected, 0);
        assert_float_equal(o.outputs[2][i], -expected, 0);
        assert_float_equal(o.outputs[3][i], o.inputs[1][i], 0);
    }
    const char *const pins[] = {"neg=null"};
    place_and_run(f, pins, 1, &o);
    for (size_t i = 0; i < 12; i++) {
        assert_float_equal(o.outputs[0][i], o.inputs[0][i] + o.inputs[1][i], 0);
        assert_float_equal(o.outputs[2][i], 0, 0);
    }
}

static void delivers_a_constant(void **state)
{
    fixture *f = *state;
    const int64_t dims[] = {3};
    davit_tensor *tensor;
    davit_value_id constant;
    assert_int_equal(davit_tensor_create(f->allocator, DAVIT_F32, 1, dims, &tensor), DAVIT_OK);
    memcpy(tensor->data, (const float[]){3, 1, 4}, 3 * sizeof(float));
    assert_int_equal(davit_graph_add_constant(f->graph, "c", tensor, &constant), DAVIT_OK);
    davit_value_id x = fixture_input(f, "x", 1, dims);
    fixture_output(f, constant);
    fixture_output(f, fixture_node(f, DAVIT_OP_Mul, "mul", x, constant));
    fixture_finish(f);
    fixture_add_device(f, "reference");
    outcome o = {0};
    place_and_run(f, NULL, 0, &o);
    assert_float_equal(o.outputs[0][2], 4, 0);
    assert_float_equal(o.outputs[1][2], 4 * o.inputs[0][2], 0);
}

/* A graph without units: all that is left of a folded one. */
static void runs_a_graph_without_units(void **state)
{
    fixture *f = *state;
    const int64_t dims[] = {2};
    fixture_output(f, fixture_input(f, "x", 1, dims));
    fixture_finish(f);
    fixture_add_device(f, "reference");
    outcome o = {0};
    place_and_run(f, NULL, 0, &o);
    assert_float_equal(o.outputs[0][1], o.inputs[0][1], 0);
    assert_int_equal(o.record.unit_count, 0);
}

static void leaves_out_what_nobody_wants(void **state)
{
    fixture *f = *state;
    fixture_chain(f);
    fixture_add_device(f, "reference");
    davit_plan *plan = fixture_plan(f, NULL, 0);
    davit_executor *executor;
    _Alignas(DAVIT_ALIGNMENT) float x[13] = {0};
    const void *inputs[] = {x + 1};
    void *outputs[] = {NULL};
    davit_run_record record;
    assert_int_equal(create(f, plan, NULL, &executor), DAVIT_OK);
    assert_int_equal(davit_executor_run(executor, inputs, outputs, DAVIT_DEADLINE_NEVER, &record),
                     DAVIT_OK);
    assert_int_equal(record.transfer_bytes, 12 * sizeof(float)); /* the input */
    inputs[0] = NULL;
    assert_int_equal(davit_executor_run(executor, inputs, outputs, DAVIT_DEADLINE_NEVER, NULL),
                     DAVIT_INVALID_ARGUMENT);
    assert_string_equal(f->diag.text, "input 'x' is missing");
    davit_executor_destroy(executor);
    davit_plan_destroy(plan);
}

static void allocates_nothing_after_the_first_run(void **state)
{
    fixture *f = *state;
    chain c;
    open_chain(f, "tanh=null", NULL, 0, &c);
    assert_int_equal(davit_executor_program_count(c.executor), 3);
    assert_int_equal(run(c.executor, &c.o), DAVIT_OK);
    counting_allocator_restart(&f->counting, 0);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(run(c.executor, &c.o), DAVIT_OK);
    }
    assert_int_equal(atomic_load(&f->counting.calls), 0);
    close_chain(&c);
}

static void measures_units(void **state)
{
    fixture *f = *state;
    chain c;
    open_chain(f, "tanh=null", "delay_us=2000", 0, &c);
    assert_int_equal(run(c.executor, &c.o), DAVIT_OK);
    assert_true(c.o.record.unit_ns[1] >= 2 * MS);
    assert_true(c.o.record.total_ns >= c.o.record.unit_ns[1]);
    assert_string_equal(davit_executor_unit_implementation(c.executor, 1), "null");
    close_chain(&c);
}

static void ends_at_its_time_limit_and_recovers(void **state)
{
    fixture *f = *state;
    chain c;
    open_chain(f, "tanh=null", "hang_at=1", 1000 * MS, &c);
    assert_int_equal(run(c.executor, &c.o), DAVIT_DEADLINE_EXCEEDED);
    assert_int_equal(f->diag.error_count, 1);
    assert_string_equal(f->diag.text, "the run did not end within 1000 ms: program 2 of 3 (units "
                                      "'tanh' to 'tanh') on device null was not done");
    assert_int_equal(run(c.executor, &c.o), DAVIT_OK);
    assert_float_equal(c.o.outputs[0][11], 0, 0);
    close_chain(&c);
}

static void names_the_device_and_program_that_fail(void **state)
{
    fixture *f = *state;
    chain c;
    open_chain(f, "abs=null", "fail_at=2", 0, &c);
    assert_int_equal(run(c.executor, &c.o), DAVIT_OK);
    for (int i = 0; i < 2; i++) {
        davit_diagnostics_buffer_init(&f->diag);
        assert_int_equal(run(c.executor, &c.o), DAVIT_DEVICE_LOST);
        assert_int_equal(f->diag.error_count, 1);
        assert_string_equal(f->diag.text,
                            "device null failed in program 2 of 2 (units 'abs' to 'abs'): device "
                            "lost: device 'null' is lost (fail_at=2)");
    }
    close_chain(&c);
}

/* ---- several inferences ---- */

#define THREADS 4
#define EACH 50

typedef struct caller {
    davit_executor *executor;
    int number;
    int failures;
} caller;

/* One value for all inputs, the caller's own in each inference; cancels some of them. */
static void *call_many(void *argument)
{
    caller *c = argument;
    for (int i = 0; i < EACH; i++) {
        float x[12], y[12];
        for (size_t j = 0; j < 12; j++) {
            x[j] = (float)(c->number * EACH + i) / (THREADS * EACH);
        }
        const void *inputs[] = {x};
        void *outputs[] = {y};
        davit_inference *inference;
        uint64_t deadline_ns = davit_deadline_after(60000 * MS);
        if (davit_executor_start(c->executor, inputs, outputs, deadline_ns, false, &inference) !=
            DAVIT_OK) {
            c->failures++;
            continue;
        }
        if (i % 5 == 4) {
            davit_inference_cancel(inference);
        }
        davit_status status = davit_inference_wait(inference, NULL, NULL);
        c->failures += !davit_inference_poll(inference, 0);
        davit_inference_release(inference);
        bool good = status == DAVIT_OK && fabsf(y[11] - tanhf(x[11])) < 1e-6f;
        c->failures += !good && !(status == DAVIT_CANCELLED && i % 5 == 4);
    }
    return NULL;
}

static void threads_share_an_executor(void **state)
{
    fixture *f = *state;
    fixture_chain(f);
    fixture_add_device(f, "reference");
    fixture_add_device(f, "opaque");
    const char *const pins[] = {"tanh=opaque"};
    davit_plan *plan = fixture_plan(f, pins, 1);
    const davit_executor_options options = {.depth = 3};
    davit_executor *executor;
    assert_int_equal(create(f, plan, &options, &executor), DAVIT_OK);
    caller callers[THREADS];
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        callers[i] = (caller){.executor = executor, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, call_many, &callers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(callers[i].failures, 0);
    }
    davit_executor_destroy(executor);
    davit_plan_destroy(plan);
}

/* With every place taken the next inference waits, and says so when its time is over. */
static void a_full_executor_makes_callers_wait(void **state)
{
    fixture *f = *state;
    chain c;
    open_chain(f, "tanh=null", "delay_us=200000", 100 * MS, &c);
    const void *inputs[] = {c.o.inputs[0]};
    void *outputs[] = {c.o.outputs[0]};
    davit_inference *first, *second;
    uint64_t deadline_ns = davit_deadline_after(100 * MS);
    assert_int_equal(davit_executor_start(c.executor, inputs, outputs, deadline_ns, false, &first),
                     DAVIT_OK);
    assert_false(davit_inference_poll(first, 0));
    assert_int_equal(davit_executor_start(c.executor, inputs, outputs,
                                          davit_deadline_after(100 * MS), false, &second),
                     DAVIT_DEADLINE_EXCEEDED);
    assert_true(davit_inference_poll(first, DAVIT_DEADLINE_NEVER));
    assert_string_equal(f->diag.text,
                        "the inference could not begin within 100 ms: 1 others are in flight");
    assert_int_equal(davit_inference_wait(first, NULL, NULL), DAVIT_DEADLINE_EXCEEDED);
    davit_inference_release(first);
    close_chain(&c);
}

/* Relu and tanh run, then the device of abs fails: what they made is there, in the layout between
 * devices, and another plan goes on from it. pin: what makes "opaque" read tanh back from it. */
static void go_on_after_a_loss(fixture *f, const char *pin)
{
    fixture_chain(f);
    fixture_add_device(f, "reference");
    fixture_add_device(f, "null");
    fixture_add_device(f, "opaque");
    const char *const pins[] = {"abs=null", pin};
    davit_plan *plan = fixture_plan(f, pins, 2);
    const char *const backend_options[] = {NULL, "fail_at=1", NULL};
    const davit_executor_options failing = {.backend_options = backend_options};
    davit_executor *executor;
    outcome o = {0};
    const void *inputs[] = {o.inputs[0], NULL};
    void *outputs[] = {o.outputs[0]};
    for (size_t j = 0; j < 12; j++) {
        o.inputs[0][j] = (float)j / 8 - 1;
    }
    assert_int_equal(create(f, plan, &failing, &executor), DAVIT_OK);
    davit_inference *inference;
    davit_failure failure;
    assert_int_equal(
        davit_executor_start(executor, inputs, outputs, DAVIT_DEADLINE_NEVER, false, &inference),
        DAVIT_OK);
    assert_int_equal(davit_inference_wait(inference, NULL, &failure), DAVIT_DEVICE_LOST);
    assert_int_equal(failure.device, 1);
    assert_int_equal(f->diag.error_count, 0);

    const bool lost[] = {false, true, false};
    davit_arena arena;
    size_t count;
    davit_kept_value *values;
    uint64_t saved_ns;
    davit_arena_init(&arena, f->allocator);
    assert_int_equal(davit_inference_keep(inference, lost, DAVIT_DEADLINE_NEVER, &arena, &count,
                                          &values, &saved_ns),
                     DAVIT_OK);
    assert_true(count >= 1 && saved_ns > 0);
    size_t last = count;
    for (size_t i = 0; i < count; i++) {
        last = strcmp(f->graph->values[values[i].value].name, "tanh.out") == 0 ? i : last;
    }
    assert_true(last < count);
    const davit_executor_options going_on = {.given_count = 1, .given = &values[last].value};
    davit_plan *other_plan = fixture_plan(f, NULL, 0);
    davit_executor *other;
    assert_int_equal(create(f, other_plan, &going_on, &other), DAVIT_OK);
    assert_int_equal(davit_executor_program_count(other), 1);
    inputs[1] = values[last].data;
    davit_run_record record;
    assert_int_equal(davit_executor_run(other, inputs, outputs, DAVIT_DEADLINE_NEVER, &record),
                     DAVIT_OK);
    assert_int_equal(record.unit_ns[0], 0);
    assert_int_equal(record.unit_ns[1], 0);
    for (size_t i = 0; i < 12; i++) {
        float x = o.inputs[0][i] > 0 ? o.inputs[0][i] : 0;
        assert_float_equal(o.outputs[0][i], tanhf(x), 1e-6);
    }
    davit_executor_destroy(other);
    davit_plan_destroy(other_plan);
    davit_inference_release(inference);
    assert_true(davit_executor_destroy(executor));
    davit_plan_destroy(plan);
    davit_arena_clear(&arena);
}

static void goes_on_from_what_the_host_has(void **state)
{
    go_on_after_a_loss(*state, "tanh=reference");
}

static void goes_on_from_what_a_device_has(void **state)
{
    go_on_after_a_loss(*state, "tanh=opaque");
}

static void fails_with_a_device_that_cannot_be_opened(void **state)
{
    fixture *f = *state;
    fixture_chain(f);
    fixture_add_device(f, "partial");
    fixture_add_device(f, "null");
    davit_plan *plan = fixture_plan(f, NULL, 0);
    davit_executor *executor;
    assert_int_equal(create(f, plan, NULL, &executor), DAVIT_UNAVAILABLE);
    assert_null(executor);
    assert_int_equal(f->diag.error_count, 1);
    davit_plan_destroy(plan);
}

static void survives_each_failing_allocation(void **state)
{
    fixture *f = *state;
    fixture_chain(f);
    fixture_add_device(f, "reference");
    fixture_add_device(f, "null");
    const char *const pins[] = {"tanh=null"};
    davit_plan *plan = fixture_plan(f, pins, 1);
    davit_status status = DAVIT_OUT_OF_MEMORY;
    for (size_t at = 1; status != DAVIT_OK; at++) {
        davit_executor *executor;
        outcome o = {0};
        counting_allocator_restart(&f->counting, at);
        status = create(f, plan, NULL, &executor);
        if (status == DAVIT_OK) {
            status = run(executor, &o);
        }
        davit_executor_destroy(executor);
        assert_true(status == DAVIT_OK || status == DAVIT_OUT_OF_MEMORY);
    }
    davit_plan_destroy(plan);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(runs_a_chain_on_one_device),
        TEST(reads_inputs_in_place),
        TEST(hands_values_from_device_to_device),
        TEST(delivers_every_kind_of_output),
        TEST(delivers_a_constant),
        TEST(runs_a_graph_without_units),
        TEST(leaves_out_what_nobody_wants),
        TEST(allocates_nothing_after_the_first_run),
        TEST(measures_units),
        TEST(ends_at_its_time_limit_and_recovers),
        TEST(names_the_device_and_program_that_fail),
        TEST(threads_share_an_executor),
        TEST(a_full_executor_makes_callers_wait),
        TEST(goes_on_from_what_the_host_has),
        TEST(goes_on_from_what_a_device_has),
        TEST(fails_with_a_device_that_cannot_be_opened),
        TEST(survives_each_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
