/* The simulator against the same rules written another way, and the published cost model. */
#include "brute_force.h"
#include "davit/simulate.h"
#include "random_problem.h"
#include "unit_test.h"

static void place_at_random(const davit_place_problem *problem, uint64_t *state, uint32_t *device)
{
    for (uint32_t v = 0; v < problem->node_count; v++) {
        device[v] = (uint32_t)test_random_below(state, problem->device_count);
    }
}

static void assert_same(double a, double b)
{
    if (!(a == b || fabs(a - b) <= 1e-12 * fmax(fabs(a), fabs(b)))) {
        fail_msg("%.17g is not %.17g", a, b);
    }
}

static void agrees_with_the_graph_of_waits(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 2000; seed++) {
        random_shape shape = random_small_shape(seed);
        shape.nodes = 2 + (uint32_t)(seed % 30);
        shape.devices = 1 + (uint32_t)(seed % 4);
        shape.classes = 1 + (uint32_t)(seed % shape.devices);
        random_problem made;
        random_problem_make(&made, &shape, seed);
        davit_status good = davit_place_problem_check(&made.problem, made.arena.allocator, NULL);
        assert_int_equal(good, DAVIT_OK);
        uint32_t device[64];
        uint64_t random = seed;
        place_at_random(&made.problem, &random, device);
        davit_place_timeline timeline;
        davit_place_fault fault;
        assert_int_equal(davit_place_simulate(&made.problem, device, seed % 2 == 1,
                                              made.arena.allocator, &timeline, &fault),
                         DAVIT_OK);
        brute_times times = brute_simulate(&made.problem, device);
        assert_same(timeline.latency_s, times.latency_s);
        assert_same(timeline.period_s, times.period_s);
        assert_same(timeline.joules, times.joules);
        bool kept = fault == DAVIT_PLACE_FEASIBLE || fault == DAVIT_PLACE_CIRCLE;
        assert_true(kept == times.feasible);
        if (fault == DAVIT_PLACE_CIRCLE) {
            assert_true(isinf(times.latency_s) != 0);
        }
        davit_place_timeline_clear(&timeline);
        random_problem_clear(&made);
    }
}

/* The cost model of Tarnawski et al.: class 0 are cpus without copies, the others accelerators. */
static double published_load(const davit_place_problem *p, const uint32_t *device, uint32_t d)
{
    uint32_t of_class = p->devices[d].device_class;
    double load = 0.0;
    for (uint32_t v = 0; v < p->node_count; v++) {
        load += device[v] == d ? p->node_seconds[v * p->class_count + of_class] : 0.0;
    }
    for (uint32_t i = 0; i < p->value_count && of_class > 0; i++) {
        const davit_place_value *value = &p->values[i];
        bool inside = false;
        bool outside = value->to_host;
        for (uint32_t k = 0; k < value->consumer_count; k++) {
            inside = inside || device[value->consumers[k]] == d;
            outside = outside || device[value->consumers[k]] != d;
        }
        bool own = value->producer != DAVIT_PLACE_NONE && device[value->producer] == d;
        load += own && outside ? p->out_seconds[i * p->class_count + of_class] : 0.0;
        load += !own && inside ? p->in_seconds[i * p->class_count + of_class] : 0.0;
    }
    return load;
}

static void agrees_with_the_published_loads(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 500; seed++) {
        random_shape shape = {.nodes = 20,
                              .devices = 4,
                              .classes = 2,
                              .density = 0.3,
                              .transport = 1.0,
                              .discipline = -2};
        random_problem made;
        random_problem_make(&made, &shape, seed);
        uint32_t device[64];
        uint64_t random = seed;
        place_at_random(&made.problem, &random, device);
        davit_place_timeline timeline;
        davit_place_fault fault;
        assert_int_equal(davit_place_simulate(&made.problem, device, false, made.arena.allocator,
                                              &timeline, &fault),
                         DAVIT_OK);
        double most = 0.0;
        for (uint32_t d = 0; d < 4; d++) {
            double load = published_load(&made.problem, device, d);
            bool used = timeline.loads[d].node_count > 0;
            most = fmax(most, used ? load + made.problem.devices[d].use_seconds : 0.0);
        }
        assert_same(timeline.period_s, most);
        davit_place_timeline_clear(&timeline);
        random_problem_clear(&made);
    }
}

/* Three nodes in a row, a and c on device 0, b on device 1: all times by hand. */
static void overlaps_copies_with_computing(void **state)
{
    (void)state;
    const davit_place_node nodes[] = {{"a", 1, DAVIT_PLACE_NONE, DAVIT_PLACE_NONE},
                                      {"b", 1, DAVIT_PLACE_NONE, DAVIT_PLACE_NONE},
                                      {"c", 1, DAVIT_PLACE_NONE, DAVIT_PLACE_NONE}};
    const davit_place_device devices[] = {{"x", 0, DAVIT_PLACE_IN_ORDER, INFINITY, 0.0, 0.0},
                                          {"y", 1, DAVIT_PLACE_IN_ORDER, INFINITY, 2.0, 0.5}};
    const uint32_t one[] = {1};
    const uint32_t two[] = {2};
    const davit_place_value values[] = {
        {0, false, 1, one, 4}, {1, true, 1, two, 4}, {DAVIT_PLACE_NONE, false, 1, one, 8}};
    const double seconds[] = {1, 9, 9, 2, 3, 9};
    const double in[] = {0, 0.25, 0.125, 0, 0, 4};
    const double out[] = {0.5, 0, 0, 1, 0, 0};
    const davit_place_problem problem = {.node_count = 3,
                                         .nodes = nodes,
                                         .device_count = 2,
                                         .devices = devices,
                                         .class_count = 2,
                                         .node_seconds = seconds,
                                         .value_count = 3,
                                         .values = values,
                                         .in_seconds = in,
                                         .out_seconds = out};
    const uint32_t device[] = {0, 1, 0};
    davit_place_timeline t;
    davit_place_fault fault;
    assert_int_equal(
        davit_place_simulate(&problem, device, true, davit_allocator_default(), &t, &fault),
        DAVIT_OK);
    assert_int_equal(fault, DAVIT_PLACE_FEASIBLE);
    /* a 0-1, out 1-1.5, in of a 1.5-1.75, in of the host's value 1.75-5.75, b 5.75-7.75,
     * out 7.75-8.75, in 8.75-8.875, c 8.875-11.875, then 0.5 for the use of y. */
    assert_same(t.latency_s, 12.375);
    assert_same(t.period_s, 4.25);
    assert_same(t.joules, 2.0 * 12.375);
    assert_int_equal(t.event_count, 8);
    assert_int_equal(t.events[7].kind, DAVIT_PLACE_COMPUTE);
    assert_int_equal(t.events[7].index, 2);
    assert_same(t.events[7].start_s, 8.875);
    assert_same(t.loads[1].compute_s, 2.5);
    assert_same(t.loads[1].in_bytes, 12.0);
    davit_place_timeline_clear(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_graph_of_waits),
        cmocka_unit_test(agrees_with_the_published_loads),
        cmocka_unit_test(overlaps_copies_with_computing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
