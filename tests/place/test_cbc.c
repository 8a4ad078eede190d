/* COIN-OR: placements of its mixed integer program, the linear bound and its certificate. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cbc.h"
#include "solving.h"
#include "unit_test.h"

#define MOST_ITEMS 16

static const davit_place_options throughput = {.objective = DAVIT_PLACE_THROUGHPUT};

typedef struct found {
    uint32_t at[MOST_ITEMS];
    double period, bound;
} found;

static double most_seconds(const davit_place_problem *p)
{
    double sum = 1e-6;
    for (uint32_t v = 0; v < p->node_count * p->class_count; v++) {
        sum += isfinite(p->node_seconds[v]) ? p->node_seconds[v] : 0.0;
    }
    for (uint32_t i = 0; i < p->value_count * p->class_count; i++) {
        sum += p->device_count * (p->in_seconds[i] + p->out_seconds[i]);
    }
    for (uint32_t d = 0; d < p->device_count; d++) {
        sum += p->devices[d].use_seconds;
    }
    return sum;
}

/* From nothing but a period that any placement keeps. False: there is none. */
static bool run(const davit_place_problem *problem, found *result)
{
    memset(result, 0, sizeof(*result));
    davit_place_items items;
    const davit_allocator *allocator = davit_allocator_default();
    assert_int_equal(davit_place_items_make(problem, allocator, &items), DAVIT_OK);
    assert_true(items.count <= MOST_ITEMS);
    davit_place_context context = {
        .problem = problem, .options = throughput, .items = &items, .allocator = allocator};
    davit_arena arena;
    davit_arena_init(&arena, allocator);
    double most = result->period = most_seconds(problem) * 1.01;
    davit_place_linear linear;
    assert_int_equal(davit_place_linear_make(&items, most, &arena, &linear), DAVIT_OK);
    for (uint32_t apart = 0; apart < 4; apart++) {
        double *duals;
        assert_int_equal(davit_place_clp_duals(&context, &linear, apart, &arena, &duals), DAVIT_OK);
        double bound = duals != NULL ? davit_place_linear_bound(&linear, duals) : 0.0;
        assert_true(bound >= result->bound * (1.0 - 1e-6)); /* more apart, no lower */
        result->bound = fmax(result->bound, bound);
    }
    /* 1e-5 of the period is what CBC may miss: the second run begins close to the optimum. */
    for (int k = 0; k < 2; k++) {
        assert_int_equal(davit_place_linear_make(&items, result->period, &arena, &linear),
                         DAVIT_OK);
        assert_int_equal(
            davit_place_cbc_run(&context, &linear, 100000, &arena, result->at, &result->period),
            DAVIT_OK);
    }
    davit_arena_clear(&arena);
    davit_place_items_clear(&items);
    return result->period < most;
}

/* Of every kind: blocks, devices in order, groups, pins, memories. */
static void finds_the_optimum(void **state)
{
    (void)state;
    uint32_t placed = 0;
    for (uint64_t seed = 0; seed < 60; seed++) {
        random_shape shape = random_small_shape(seed);
        random_problem made;
        random_problem_make(&made, &shape, seed);
        double best = brute_best(&made.problem, &throughput, NULL);
        bool unlimited = false;
        for (uint32_t d = 0; d < made.problem.device_count; d++) {
            unlimited = unlimited || made.problem.devices[d].discipline == DAVIT_PLACE_UNLIMITED;
        }
        found result;
        if (!unlimited) {
            bool any = run(&made.problem, &result);
            if (any != (isfinite(best) != 0) ||
                (any && !(fabs(result.period - best) <= 2e-5 * best))) {
                fail_msg("seed %llu: %.12g, and %.12g is possible", (unsigned long long)seed,
                         result.period, best);
            }
            if (result.bound > best * (1.0 + 1e-9)) {
                fail_msg("seed %llu: bound %.12g of %.12g", (unsigned long long)seed, result.bound,
                         best);
            }
            placed += any;
        }
        random_problem_clear(&made);
    }
    assert_true(placed > 30);
}

static const random_shape shapes[] = {
    {.nodes = 50,
     .devices = 4,
     .classes = 2,
     .density = 0.3,
     .grouped = 0.1,
     .memory = 0.4,
     .transport = 1.0,
     .discipline = -2},
    {.nodes = 50,
     .devices = 3,
     .classes = 2,
     .density = 0.3,
     .pinned = 0.05,
     .transport = 1.0,
     .discipline = DAVIT_PLACE_IN_ORDER},
};

/* The whole solver: what it says is proved, the same bytes twice, nothing printed. */
static void solves_silently_the_same_twice(void **state)
{
    (void)state;
    char name[] = "/tmp/davit-cbc-XXXXXX";
    int file = mkstemp(name);
    assert_true(file >= 0);
    (void)unlink(name);
    int linear = 0;
    for (size_t k = 0; k < sizeof(shapes) / sizeof(shapes[0]); k++) {
        random_problem made;
        random_problem_make(&made, &shapes[k], k);
        davit_placement twice[2];
        assert_true(solve_checked(&made.problem, &throughput, &twice[0]));
        fflush(NULL);
        int out = dup(1);
        int err = dup(2);
        dup2(file, 1);
        dup2(file, 2);
        davit_status status = davit_place_solve(&made.problem, &throughput,
                                                davit_allocator_default(), NULL, &twice[1]);
        fflush(NULL);
        dup2(out, 1);
        dup2(err, 2);
        close(out);
        close(err);
        assert_int_equal(status, DAVIT_OK);
        assert_string_equal(twice[0].certificate, twice[1].certificate);
        assert_memory_equal(twice[0].devices, twice[1].devices,
                            made.problem.node_count * sizeof(uint32_t));
        linear += strcmp(twice[0].bound_method, "linear program") == 0;
        davit_placement_clear(&twice[0]);
        davit_placement_clear(&twice[1]);
        random_problem_clear(&made);
    }
    assert_int_equal(lseek(file, 0, SEEK_END), 0);
    close(file);
    assert_true(linear > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_optimum),
        cmocka_unit_test(solves_silently_the_same_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
