/* Placements of the least latency, and of the least energy within a latency. */
#include <string.h>

#include "clock.h"
#include "solving.h"
#include "tally.h"
#include "unit_test.h"

static const random_shape middle_shape = {.nodes = 40,
                                          .devices = 4,
                                          .classes = 2,
                                          .density = 0.2,
                                          .unsupported = 0.1,
                                          .grouped = 0.2,
                                          .memory = 0.35,
                                          .transport = 0.3,
                                          .discipline = -2,
                                          .joules = true};

static bool same(double a, double b)
{
    return a == b || fabs(a - b) <= 1e-9 * fmax(fabs(a), fabs(b));
}

/* The fast evaluator is the simulator. */
static void clock_agrees_with_the_simulator(void **state)
{
    (void)state;
    uint64_t random = 5;
    for (uint64_t seed = 0; seed < 300; seed++) {
        random_shape shape = seed % 2 == 0 ? random_small_shape(seed) : middle_shape;
        shape.discipline = seed % 4 == 1 ? -1 : shape.discipline;
        shape.discipline = seed % 8 == 3 ? DAVIT_PLACE_IN_ORDER : shape.discipline;
        shape.joules = true;
        random_problem made;
        random_problem_make(&made, &shape, seed);
        davit_place_clock clock;
        assert_int_equal(
            davit_place_clock_make(&made.problem, true, davit_allocator_default(), &clock),
            DAVIT_OK);
        for (int k = 0; k < 20; k++) {
            uint32_t device[64];
            for (uint32_t v = 0; v < made.problem.node_count; v++) {
                device[v] = k < 5 || v == 0 || test_random_below(&random, 4) == 0
                                ? (uint32_t)test_random_below(&random, made.problem.device_count)
                                : device[v - 1];
            }
            davit_place_timeline timeline;
            davit_place_fault fault;
            assert_int_equal(davit_place_simulate(&made.problem, device, false,
                                                  davit_allocator_default(), &timeline, &fault),
                             DAVIT_OK);
            davit_place_time time;
            davit_place_clock_read(&clock, device, &time);
            assert_true(same(time.latency_s, timeline.latency_s));
            assert_true(same(time.joules, timeline.joules));
            assert_true(fault != DAVIT_PLACE_MEMORY_EXCEEDED || time.excess > 0.0);
            davit_place_timeline_clear(&timeline);
        }
        davit_place_clock_clear(&clock);
        random_problem_clear(&made);
    }
}

/* Moves one node after the other; the tally says what the clock says. */
static void move_and_compare(const davit_place_problem *problem, uint64_t seed)
{
    davit_place_clock clock;
    assert_int_equal(davit_place_clock_make(problem, false, davit_allocator_default(), &clock),
                     DAVIT_OK);
    assert_true(davit_place_tally_can(&clock));
    davit_place_tally tally;
    assert_int_equal(davit_place_tally_make(&clock, davit_allocator_default(), &tally), DAVIT_OK);
    uint32_t device[64] = {0};
    davit_place_tally_set(&tally, device);
    for (int k = 0; k < 400; k++) {
        uint32_t node = (uint32_t)test_random_below(&seed, problem->node_count);
        device[node] = k % 4 == 0 || node == 0
                           ? (uint32_t)test_random_below(&seed, problem->device_count)
                           : device[node - 1];
        davit_place_tally_move(&tally, node, device[node]);
        davit_place_time expected;
        davit_place_time time;
        davit_place_clock_read(&clock, device, &expected);
        davit_place_tally_read(&tally, &time);
        assert_true(same(time.latency_s, expected.latency_s));
        assert_true(same(time.excess, expected.excess));
    }
    davit_place_tally_clear(&tally);
    davit_place_clock_clear(&clock);
}

static void tally_agrees_with_the_clock(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        random_shape shape = seed % 2 == 0 ? random_small_shape(seed) : middle_shape;
        shape.discipline = DAVIT_PLACE_BLOCK;
        shape.unsupported = 0.0; /* any node may be tried anywhere */
        random_problem made;
        random_problem_make(&made, &shape, seed);
        davit_place_device devices[16];
        davit_place_problem problem = made.problem;
        memcpy(devices, problem.devices, problem.device_count * sizeof(*devices));
        for (uint32_t d = 0; d < seed % 3 && d < problem.device_count; d++) {
            devices[d].discipline = DAVIT_PLACE_UNLIMITED;
        }
        problem.devices = devices;
        move_and_compare(&problem, seed);
        random_problem_clear(&made);
    }
}

static void finds_and_proves_the_least_latency(void **state)
{
    (void)state;
    compare_with_brute_force(DAVIT_PLACE_LATENCY, 0, 100, true);
}

static void finds_and_proves_the_least_energy(void **state)
{
    (void)state;
    compare_with_brute_force(DAVIT_PLACE_ENERGY, 0, 100, true);
}

/* Also on problems too large for brute force: the answer is what it says, the bound is proved. */
static void proves_what_it_says(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 6; seed++) {
        random_shape shape = middle_shape;
        shape.discipline = seed % 2 == 0 ? DAVIT_PLACE_IN_ORDER : -2;
        random_problem made;
        random_problem_make(&made, &shape, seed);
        davit_place_options options = {.objective = DAVIT_PLACE_LATENCY, .effort = 10};
        davit_placement placement;
        assert_true(solve_checked(&made.problem, &options, &placement));
        assert_true(placement.bound > 0.0);
        options.objective = DAVIT_PLACE_ENERGY;
        options.latency_limit_s = placement.objective * 1.2;
        davit_placement_clear(&placement);
        assert_true(solve_checked(&made.problem, &options, &placement));
        assert_true(placement.bound > 0.0);
        davit_placement_clear(&placement);
        random_problem_clear(&made);
    }
}

/* Three seconds one after the other on either device. */
static void says_what_latency_can_be_had(void **state)
{
    (void)state;
    const davit_place_node nodes[] = {{"a", 0, DAVIT_PLACE_NONE, DAVIT_PLACE_NONE},
                                      {"b", 0, DAVIT_PLACE_NONE, DAVIT_PLACE_NONE}};
    const davit_place_device devices[] = {{"cpu", 0, DAVIT_PLACE_IN_ORDER, INFINITY, 0, 0}};
    const double seconds[] = {1, 2};
    const double joules[] = {5, 5};
    const davit_place_problem problem = {.node_count = 2,
                                         .nodes = nodes,
                                         .device_count = 1,
                                         .devices = devices,
                                         .class_count = 1,
                                         .node_seconds = seconds,
                                         .node_joules = joules};
    davit_place_options options = {.objective = DAVIT_PLACE_ENERGY, .latency_limit_s = 2.5};
    davit_diagnostics_buffer diag;
    davit_diagnostics_buffer_init(&diag);
    davit_placement placement;
    assert_int_equal(
        davit_place_solve(&problem, &options, davit_allocator_default(), &diag.sink, &placement),
        DAVIT_UNSUPPORTED);
    assert_int_equal(diag.error_count, 1);
    assert_string_equal(diag.text, "no placement was found within a latency of 2.5 s: the least "
                                   "found is 3 s, and none is below 3 s");
}

static void gives_the_same_bytes_in_two_threads(void **state)
{
    (void)state;
    random_problem made;
    random_problem_make(&made, &middle_shape, 7);
    const davit_place_options options = {.objective = DAVIT_PLACE_LATENCY, .effort = 10};
    solve_in_threads(&made.problem, &options);
    random_problem_clear(&made);
}

static void fails_cleanly_without_memory(void **state)
{
    (void)state;
    random_problem made;
    random_shape shape = middle_shape;
    shape.nodes = 62; /* more than one level */
    random_problem_make(&made, &shape, 7);
    const davit_place_options options = {.objective = DAVIT_PLACE_LATENCY, .effort = 1};
    solve_without_memory(&made.problem, &options);
    random_problem_clear(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clock_agrees_with_the_simulator),
        cmocka_unit_test(tally_agrees_with_the_clock),
        cmocka_unit_test(finds_and_proves_the_least_latency),
        cmocka_unit_test(finds_and_proves_the_least_energy),
        cmocka_unit_test(proves_what_it_says),
        cmocka_unit_test(says_what_latency_can_be_had),
        cmocka_unit_test(gives_the_same_bytes_in_two_threads),
        cmocka_unit_test(fails_cleanly_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
