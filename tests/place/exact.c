/* place_exact COUNT: compares the solver with brute force on COUNT small random problems of each
 * objective; prints one line each. The tests take a sample of them. */
#include <stdio.h>
#include <stdlib.h>

#include "solving.h"
#include "unit_test.h"

static uint64_t problems = 500;

static void throughput(void **state)
{
    (void)state;
    compare_with_brute_force(DAVIT_PLACE_THROUGHPUT, 1000, problems, true);
}

static void latency(void **state)
{
    (void)state;
    compare_with_brute_force(DAVIT_PLACE_LATENCY, 2000, problems, true);
}

static void energy(void **state)
{
    (void)state;
    compare_with_brute_force(DAVIT_PLACE_ENERGY, 3000, problems, true);
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        problems = strtoull(argv[1], NULL, 10);
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(throughput), cmocka_unit_test(latency),
                                       cmocka_unit_test(energy)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
