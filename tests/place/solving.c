#include "solving.h"

#include <pthread.h>

#include "counting_allocator.h"
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

typedef struct job {
    const davit_place_problem *problem;
    const davit_place_options *options;
    davit_placement placement;
    davit_status status;
} job;

static void *solve_job(void *argument)
{
    job *j = argument;
    j->status =
        davit_place_solve(j->problem, j->options, davit_allocator_default(), NULL, &j->placement);
    return NULL;
}

void solve_in_threads(const davit_place_problem *problem, const davit_place_options *options)
{
    job jobs[3];
    pthread_t threads[2];
    for (int k = 0; k < 3; k++) {
        jobs[k] = (job){.problem = problem, .options = options};
    }
    for (int k = 0; k < 2; k++) {
        assert_int_equal(pthread_create(&threads[k], NULL, solve_job, &jobs[k]), 0);
    }
    for (int k = 0; k < 2; k++) {
        assert_int_equal(pthread_join(threads[k], NULL), 0);
    }
    (void)solve_job(&jobs[2]);
    for (int k = 0; k < 3; k++) {
        assert_int_equal(jobs[k].status, DAVIT_OK);
        assert_memory_equal(jobs[k].placement.devices, jobs[0].placement.devices,
                            problem->node_count * sizeof(uint32_t));
        assert_string_equal(jobs[k].placement.certificate, jobs[0].placement.certificate);
    }
    for (int k = 0; k < 3; k++) {
        davit_placement_clear(&jobs[k].placement);
    }
}

void solve_without_memory(const davit_place_problem *problem, const davit_place_options *options)
{
    counting_allocator counting;
    counting_allocator_init(&counting);
    davit_diagnostics_buffer diag;
    davit_status status = DAVIT_OUT_OF_MEMORY;
    for (size_t fail_at = 1; status != DAVIT_OK; fail_at++) {
        assert_true(fail_at < 2000);
        counting_allocator_restart(&counting, fail_at);
        davit_diagnostics_buffer_init(&diag);
        davit_placement placement;
        status = davit_place_solve(problem, options, &counting.allocator, &diag.sink, &placement);
        assert_true(status == DAVIT_OK || status == DAVIT_OUT_OF_MEMORY);
        assert_int_equal(diag.error_count, status == DAVIT_OK ? 0 : 1);
        davit_placement_clear(&placement);
        assert_int_equal(counting.live, 0);
    }
}
