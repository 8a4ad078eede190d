#include "solving.h"

#include "unit_test.h"

static bool same(double a, double b)
{
    return a == b || fabs(a - b) <= 1e-9 * fmax(fabs(a), fabs(b));
}

static double pick(const davit_place_options *options, brute_times times)
{
    double values[] = {times.latency_s, times.period_s, times.joules};
    return values[options->objective];
}

bool solve_checked(const davit_place_problem *problem, const davit_place_options *options,
                   davit_placement *placement)
{
    davit_diagnostics_buffer diag;
    davit_diagnostics_buffer_init(&diag);
    davit_status status =
        davit_place_solve(problem, options, davit_allocator_default(), &diag.sink, placement);
    assert_int_equal(diag.error_count, status == DAVIT_OK ? 0 : 1);
    if (status == DAVIT_UNSUPPORTED) {
        assert_null(placement->devices);
        return false;
    }
    if (status != DAVIT_OK) {
        fail_msg("%s", diag.text);
    }
    brute_times times = brute_simulate(problem, placement->devices);
    assert_true(times.feasible);
    assert_true(same(placement->objective, pick(options, times)));
    if (options->objective == DAVIT_PLACE_ENERGY) {
        assert_true(times.latency_s <= options->latency_limit_s * (1.0 + 1e-9));
    }
    assert_true(placement->bound <= placement->objective);
    double bound = -1.0;
    status = davit_place_certificate_check(problem, options, placement->certificate,
                                           davit_allocator_default(), &diag.sink, &bound);
    if (status != DAVIT_OK) {
        fail_msg("%s: %s", placement->bound_method, diag.text);
    }
    assert_true(bound == placement->bound);
    return true;
}

void compare_with_brute_force(davit_place_objective objective, uint64_t first, uint64_t count,
                              bool proved)
{
    for (uint64_t seed = first; seed < first + count; seed++) {
        random_shape shape = random_small_shape(seed);
        shape.joules = objective == DAVIT_PLACE_ENERGY || shape.joules;
        random_problem made;
        random_problem_make(&made, &shape, seed);
        davit_place_options options = {.objective = objective, .latency_limit_s = INFINITY};
        if (objective == DAVIT_PLACE_ENERGY) {
            davit_place_options latency = {.objective = DAVIT_PLACE_LATENCY};
            options.latency_limit_s = brute_best(&made.problem, &latency, NULL) * 1.25;
        }
        double best = brute_best(&made.problem, &options, NULL);
        davit_placement placement;
        bool found = solve_checked(&made.problem, &options, &placement);
        if (found != (isfinite(best) != 0)) {
            fail_msg("seed %llu: best %g, found %d", (unsigned long long)seed, best, found);
        }
        if (found && !same(placement.objective, best)) {
            fail_msg("seed %llu: %.12g by %s, and %.12g is possible", (unsigned long long)seed,
                     placement.objective, placement.method, best);
        }
        if (found && proved && !same(placement.bound, best)) {
            fail_msg("seed %llu: bound %.12g by %s of %.12g", (unsigned long long)seed,
                     placement.bound, placement.bound_method, best);
        }
        davit_placement_clear(&placement);
        random_problem_clear(&made);
    }
}
