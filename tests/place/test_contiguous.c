/* Dynamic programming over downsets against all placements whose devices form a chain. */
#include <string.h>

#include "brute_force.h"
#include "random_problem.h"
#include "scheduler/place/contiguous.h"
#include "unit_test.h"

/* Whether devices wait for each other in a circle, groups taken as one. */
static bool is_chain(const davit_place_problem *p, const uint32_t *device)
{
    bool before[8][8] = {{false}};
    for (uint32_t i = 0; i < p->value_count; i++) {
        const davit_place_value *value = &p->values[i];
        for (uint32_t k = 0; value->producer != DAVIT_PLACE_NONE && k < value->consumer_count;
             k++) {
            before[device[value->producer]][device[value->consumers[k]]] = true;
        }
    }
    for (uint32_t d = 0; d < p->device_count; d++) {
        before[d][d] = false;
    }
    for (uint32_t m = 0; m < p->device_count; m++) {
        for (uint32_t a = 0; a < p->device_count; a++) {
            for (uint32_t b = 0; b < p->device_count; b++) {
                before[a][b] = before[a][b] || (before[a][m] && before[m][b]);
            }
        }
    }
    bool chain = true;
    for (uint32_t d = 0; d < p->device_count; d++) {
        chain = chain && !before[d][d];
    }
    return chain;
}

static double best_chain(const davit_place_problem *p)
{
    uint32_t device[16] = {0};
    double least = INFINITY;
    for (;;) {
        if (is_chain(p, device)) {
            brute_times times = brute_simulate(p, device);
            least = times.feasible ? fmin(least, times.period_s) : least;
        }
        uint32_t v = 0;
        while (v < p->node_count && ++device[v] == p->device_count) {
            device[v++] = 0;
        }
        if (v == p->node_count) {
            return least;
        }
    }
}

static void finds_the_best_chain(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 150; seed++) {
        random_shape shape = random_small_shape(seed);
        shape.pinned = 0.0;
        random_problem made;
        random_problem_make(&made, &shape, seed);
        davit_place_items items;
        assert_int_equal(davit_place_items_make(&made.problem, davit_allocator_default(), &items),
                         DAVIT_OK);
        davit_place_context context = {.problem = &made.problem,
                                       .options = {.objective = DAVIT_PLACE_THROUGHPUT},
                                       .items = &items,
                                       .allocator = davit_allocator_default()};
        davit_place_contiguous run = {.downsets = 4096, .steps = 1000000};
        uint32_t at[16];
        uint32_t device[16];
        double period = INFINITY;
        assert_int_equal(davit_place_contiguous_run(&context, &run, at, &period), DAVIT_OK);
        double best = best_chain(&made.problem);
        assert_true(run.exact);
        assert_true(run.found == (isfinite(best) != 0));
        assert_true(period == best || fabs(period - best) < 1e-9);
        if (run.found) {
            davit_place_items_spread(&items, at, device);
            brute_times times = brute_simulate(&made.problem, device);
            assert_true(times.feasible && is_chain(&made.problem, device));
            assert_true(fabs(times.period_s - period) < 1e-9);
        }
        davit_place_items_clear(&items);
        random_problem_clear(&made);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(finds_the_best_chain)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
