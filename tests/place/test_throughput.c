/* Placements of the largest load that is least. */
#include <stdio.h>
#include <string.h>

#include "solving.h"
#include "unit_test.h"

static const davit_place_options throughput = {.objective = DAVIT_PLACE_THROUGHPUT,
                                               .latency_limit_s = INFINITY};

static const random_shape middle_shape = {.nodes = 40,
                                          .devices = 4,
                                          .classes = 2,
                                          .density = 0.2,
                                          .unsupported = 0.1,
                                          .grouped = 0.2,
                                          .memory = 0.35,
                                          .transport = 0.3,
                                          .discipline = -2};

static void finds_and_proves_the_optimum(void **state)
{
    (void)state;
    compare_with_brute_force(DAVIT_PLACE_THROUGHPUT, 0, 100, true);
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
        davit_place_options options = throughput;
        options.effort = 10;
        davit_placement placement;
        assert_true(solve_checked(&made.problem, &options, &placement));
        assert_true(placement.bound > 0.5 * placement.objective);
        davit_placement_clear(&placement);
        random_problem_clear(&made);
    }
}

static void gives_the_same_bytes_in_two_threads(void **state)
{
    (void)state;
    random_problem made;
    random_problem_make(&made, &middle_shape, 7);
    const davit_place_options options = {.objective = DAVIT_PLACE_THROUGHPUT, .effort = 10};
    solve_in_threads(&made.problem, &options);
    random_problem_clear(&made);
}

static void fails_cleanly_without_memory(void **state)
{
    (void)state;
    random_problem made;
    random_shape shape = middle_shape;
    shape.nodes = 60; /* more than one level */
    random_problem_make(&made, &shape, 7);
    const davit_place_options options = {.objective = DAVIT_PLACE_THROUGHPUT, .effort = 1};
    solve_without_memory(&made.problem, &options);
    random_problem_clear(&made);
}

static void says_why_there_is_none(void **state)
{
    (void)state;
    const davit_place_node nodes[] = {{"conv", 8, DAVIT_PLACE_NONE, DAVIT_PLACE_NONE},
                                      {"loop", 1, DAVIT_PLACE_NONE, 1},
                                      {"gemm", 8, DAVIT_PLACE_NONE, DAVIT_PLACE_NONE}};
    davit_place_device devices[] = {{"cpu", 0, DAVIT_PLACE_IN_ORDER, 9, 0, 0},
                                    {"fpga", 1, DAVIT_PLACE_BLOCK, 7, 0, 0}};
    double seconds[] = {1, 1, 1, INFINITY, 1, 1};
    davit_place_problem problem = {.node_count = 3,
                                   .nodes = nodes,
                                   .device_count = 2,
                                   .devices = devices,
                                   .class_count = 2,
                                   .node_seconds = seconds};
    davit_diagnostics_buffer diag;
    davit_placement placement;
    davit_diagnostics_buffer_init(&diag);
    assert_int_equal(
        davit_place_solve(&problem, &throughput, davit_allocator_default(), &diag.sink, &placement),
        DAVIT_UNSUPPORTED);
    assert_string_equal(diag.text, "node loop is pinned to device fpga, where node loop cannot be");
    seconds[3] = 1;
    assert_int_equal(
        davit_place_solve(&problem, &throughput, davit_allocator_default(), &diag.sink, &placement),
        DAVIT_UNSUPPORTED);
    assert_string_equal(diag.text,
                        "no placement was found that keeps the limits of memory: when the largest "
                        "are placed first, node gemm (8 bytes) fits nowhere: cpu has 1 of 9 bytes "
                        "left; 9 bytes in all remain to be placed");
    devices[0].memory_bytes = 5;
    assert_int_equal(
        davit_place_solve(&problem, &throughput, davit_allocator_default(), &diag.sink, &placement),
        DAVIT_UNSUPPORTED);
    assert_string_equal(diag.text,
                        "node conv needs 8 bytes, and no device that can run it has more than 7");
    seconds[0] = seconds[1] = INFINITY;
    assert_int_equal(
        davit_place_solve(&problem, &throughput, davit_allocator_default(), &diag.sink, &placement),
        DAVIT_UNSUPPORTED);
    assert_string_equal(diag.text, "no device can run node conv");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_and_proves_the_optimum),
        cmocka_unit_test(proves_what_it_says),
        cmocka_unit_test(gives_the_same_bytes_in_two_threads),
        cmocka_unit_test(fails_cleanly_without_memory),
        cmocka_unit_test(says_why_there_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
