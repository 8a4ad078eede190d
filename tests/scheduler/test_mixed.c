/* Random graphs under random placements give what the reference device alone gives: the same bytes
 * across a device whose memory the host cannot map, close values across the CPU. What depends on a
 * null device is not looked at. */
#include <math.h>
#include <stdio.h>

#include "fixture.h"

#define TRIALS 60
#define NODES 14
#define OUTPUTS 4
#define ELEMS 36

enum { REFERENCE, OPAQUE, NOTHING, CPU, DEVICES };
static const char *const device_names[DEVICES] = {"reference", "opaque", "null", "cpu"};

typedef struct trial {
    fixture *f;
    uint64_t random;
    bool with_cpu;
    davit_value_id values[NODES + 2]; /* two inputs, then what each node makes */
    int sources[NODES + 2][2];        /* of each node, indices into values; -1: none */
    int outputs[OUTPUTS];             /* indices into values */
} trial;

/* Shapes stay 2x3x3x2 under every operator here; Transpose reverses the dimensions. */
static void add_node(trial *t, int index)
{
    static const davit_op unary[] = {DAVIT_OP_Relu, DAVIT_OP_Neg, DAVIT_OP_Tanh,
                                     DAVIT_OP_Transpose};
    static const davit_op binary[] = {DAVIT_OP_Add, DAVIT_OP_Sub, DAVIT_OP_Mul};
    char name[16];
    snprintf(name, sizeof(name), "n%d", index);
    int first = (int)test_random_below(&t->random, (uint64_t)index);
    int second = (int)test_random_below(&t->random, (uint64_t)index);
    bool two = test_random_below(&t->random, 2) == 0;
    davit_op op =
        two ? binary[test_random_below(&t->random, 3)] : unary[test_random_below(&t->random, 4)];
    t->sources[index][0] = first;
    t->sources[index][1] = two ? second : -1;
    t->values[index] =
        fixture_node(t->f, op, name, t->values[first], two ? t->values[second] : DAVIT_NONE);
}

static void build(trial *t)
{
    const int64_t dims[] = {2, 3, 3, 2};
    t->values[0] = fixture_input(t->f, "a", 4, dims);
    t->values[1] = fixture_input(t->f, "b", 4, dims);
    for (int i = 2; i < NODES + 2; i++) {
        add_node(t, i);
    }
    for (int i = 0; i < OUTPUTS; i++) {
        t->outputs[i] = i == 0 ? NODES + 1 : (int)test_random_below(&t->random, NODES + 2);
        fixture_output(t->f, t->values[t->outputs[i]]);
    }
    fixture_finish(t->f);
    for (int i = 0; i < (fixture_has_cpu() ? DEVICES : CPU); i++) {
        fixture_add_device(t->f, device_names[i]);
    }
}

static davit_status run(trial *t, const char *const *pins, size_t pin_count,
                        float outputs[OUTPUTS][ELEMS])
{
    float inputs[2][ELEMS];
    uint64_t random = 7;
    for (size_t i = 0; i < (size_t)2 * ELEMS; i++) {
        inputs[i / ELEMS][i % ELEMS] = test_random_float(&random);
    }
    const void *from[] = {inputs[0], inputs[1]};
    void *to[OUTPUTS];
    for (int i = 0; i < OUTPUTS; i++) {
        memset(outputs[i], 0xff, sizeof(outputs[i]));
        to[i] = outputs[i];
    }
    davit_plan *plan = fixture_plan(t->f, pins, pin_count);
    const davit_executor_options options = {0};
    davit_executor *executor;
    davit_status status = davit_executor_create(t->f->allocator, t->f->graph, plan, &options,
                                                &t->f->diag.sink, &executor);
    for (int i = 0; status == DAVIT_OK && i < 2; i++) {
        status = davit_executor_run(executor, from, to, DAVIT_DEADLINE_NEVER, NULL);
    }
    davit_executor_destroy(executor);
    davit_plan_destroy(plan);
    return status;
}

static bool is_unit(const davit_graph *graph, const char *name)
{
    size_t u = 0;
    while (u < graph->unit_count && strcmp(graph->units[u].name, name) != 0) {
        u++;
    }
    return u < graph->unit_count;
}

/* Null devices seldom, so that much is left to compare. */
static int choose_device(trial *t)
{
    if (test_random_below(&t->random, 9) == 0) {
        return NOTHING;
    }
    uint64_t device = test_random_below(&t->random, t->with_cpu ? 3 : 2);
    return device == 2 ? CPU : (int)device;
}

/* Pins at random those nodes that an output needs, returns how many, and says which values depend
 * on a null device. */
static size_t choose_pins(trial *t, char texts[NODES][32], const char *pins[NODES],
                          bool tainted[NODES + 2])
{
    size_t count = 0;
    tainted[0] = tainted[1] = false;
    for (int i = 2; i < NODES + 2; i++) {
        char name[16];
        snprintf(name, sizeof(name), "n%d", i);
        int device = choose_device(t);
        tainted[i] = device == NOTHING || tainted[t->sources[i][0]] ||
                     (t->sources[i][1] >= 0 && tainted[t->sources[i][1]]);
        if (is_unit(t->f->graph, name)) {
            snprintf(texts[count], 32, "%s=%s", name, device_names[device]);
            pins[count] = texts[count];
            count++;
        }
    }
    return count;
}

static void compare(const trial *t, const float *got, const float *expected)
{
    for (size_t i = 0; i < ELEMS; i++) {
        float allowed = t->with_cpu ? 1e-5f + 1e-3f * fabsf(expected[i]) : 0;
        assert_float_equal(got[i], expected[i], allowed);
    }
}

static void place_at_random(bool with_cpu)
{
    size_t compared = 0;
    for (uint64_t seed = 0; seed < TRIALS; seed++) {
        trial t = {.random = seed, .with_cpu = with_cpu};
        float expected[OUTPUTS][ELEMS];
        float got[OUTPUTS][ELEMS];
        char texts[NODES][32];
        const char *pins[NODES];
        bool tainted[NODES + 2];
        void *f;
        assert_int_equal(fixture_setup(&f), 0);
        t.f = f;
        build(&t);
        assert_int_equal(run(&t, NULL, 0, expected), DAVIT_OK);
        size_t pin_count = choose_pins(&t, texts, pins, tainted);
        assert_int_equal(run(&t, pins, pin_count, got), DAVIT_OK);
        for (int i = 0; i < OUTPUTS; i++) {
            if (!tainted[t.outputs[i]]) {
                compared++;
                compare(&t, got[i], expected[i]);
            }
        }
        assert_int_equal(fixture_teardown(&f), 0);
    }
    assert_true(compared > TRIALS);
}

static void host_and_hidden_memory(void **state)
{
    (void)state;
    place_at_random(false);
}

static void with_the_cpu(void **state)
{
    (void)state;
    if (fixture_has_cpu()) {
        place_at_random(true);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(host_and_hidden_memory),
        cmocka_unit_test(with_the_cpu),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
