#include "unit_test.h"

#include "samples.h"

static void test_percentiles_by_nearest_rank(void **state)
{
    (void)state;
    uint64_t values[] = {50, 15, 40, 20, 35}; /* Wikipedia's example of the nearest rank */
    assert_int_equal(cli_percentile(values, 5, 0), 15);
    assert_int_equal(cli_percentile(values, 5, 5), 15);
    assert_int_equal(cli_percentile(values, 5, 30), 20);
    assert_int_equal(cli_percentile(values, 5, 40), 20);
    assert_int_equal(cli_percentile(values, 5, 50), 35);
    assert_int_equal(cli_percentile(values, 5, 100), 50);
    assert_int_equal(cli_percentile(values, 1, 99), 15);
    assert_int_equal(cli_percentile(values, 0, 50), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_percentiles_by_nearest_rank)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
