/* Observers against closed forms, sorted values, and what onnxruntime's HistogramCollector finds.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "host/quantizer/observer.h"
#include "unit_test.h"

static void test_range_takes_what_it_sees(void **state)
{
    (void)state;
    davit_range range = {FLT_MAX, -FLT_MAX};
    assert_true(davit_range_observe(&range, (const float[]){3, -2, 1}, 3));
    assert_true(range.low == -2 && range.high == 3);
    assert_true(davit_range_observe(&range, (const float[]){2.5f, 7}, 2));
    assert_true(range.low == -2 && range.high == 7);
    assert_true(davit_range_observe(&range, NULL, 0));
    const float bad[][2] = {{NAN, 1}, {1, INFINITY}, {-INFINITY, -20}};
    for (size_t i = 0; i < 3; i++) {
        assert_false(davit_range_observe(&range, bad[i], 2));
        assert_true(range.low == -2 && range.high == 7);
    }
}

static void test_histogram_counts(void **state)
{
    (void)state;
    uint64_t bins[4] = {0};
    davit_histogram histogram = {{-1, 1}, 4, bins};
    davit_histogram_add(&histogram, (const float[]){-1, -0.6f, -0.4f, 0.1f, 0.6f, 0.7f, 1, 5, -5},
                        9);
    assert_int_equal(bins[0], 3);
    assert_int_equal(bins[1], 1);
    assert_int_equal(bins[2], 1);
    assert_int_equal(bins[3], 4);
}

static int ascending(const void *a, const void *b)
{
    float left = *(const float *)a;
    float right = *(const float *)b;
    return (left > right) - (left < right);
}

static void check_percentile(float *x, size_t count, double percentile)
{
    enum { BINS = 4096 };
    uint64_t bins[BINS] = {0};
    davit_range seen = {FLT_MAX, -FLT_MAX};
    assert_true(davit_range_observe(&seen, x, count));
    davit_histogram histogram = {seen, BINS, bins};
    davit_histogram_add(&histogram, x, count);
    davit_range found = davit_histogram_percentile(&histogram, percentile);
    qsort(x, count, sizeof(*x), ascending);
    size_t cut = (size_t)((100.0 - percentile) / 200.0 * (double)count);
    float width = (seen.high - seen.low) / BINS;
    /* Bins that hold a value to keep are kept whole. */
    assert_true(found.low <= x[cut] && found.low >= x[cut] - 1.001f * width);
    assert_true(found.high >= x[count - 1 - cut] &&
                found.high <= x[count - 1 - cut] + 1.001f * width);
}

static void test_percentile_is_that_of_sorted_values(void **state)
{
    (void)state;
    enum { COUNT = 50000 };
    float *x = malloc(COUNT * sizeof(*x));
    assert_non_null(x);
    const double percentiles[] = {60, 90, 99, 99.9, 99.99, 100};
    for (size_t p = 0; p < sizeof(percentiles) / sizeof(percentiles[0]); p++) {
        uint64_t seed = 7 + p;
        for (size_t i = 0; i < COUNT; i++) {
            float v = test_random_float(&seed);
            x[i] = p % 2 == 0 ? v : v * v * v + 0.3f;
        }
        check_percentile(x, COUNT, percentiles[p]);
    }
    free(x);
}

/* 20000 numbers u^power, u uniform in [-1, 1), in 513 bins at 64 levels. */
static double entropy_threshold(uint64_t seed, int power)
{
    enum { BINS = 513, LEVELS = 64, COUNT = 20000 };
    uint64_t bins[BINS] = {0};
    double scratch[2 * BINS];
    davit_histogram histogram = {{-1, 1}, BINS, bins};
    for (size_t i = 0; i < COUNT; i++) {
        double u = (double)test_random_float(&seed);
        double v = 1;
        for (int k = 0; k < power; k++) {
            v *= u;
        }
        float x = (float)v;
        davit_histogram_add(&histogram, &x, 1);
    }
    davit_range found = davit_histogram_entropy(&histogram, LEVELS, scratch);
    assert_true(found.low == -found.high);
    return (double)found.high * BINS / 2 - 0.5; /* in bins on each side of the middle one */
}

static void test_entropy_is_that_of_onnxruntime(void **state)
{
    (void)state;
    /* onnxruntime 1.31.1: HistogramCollector.get_entropy_threshold of the same histograms. */
    const struct {
        uint64_t seed;
        int power;
        double bins;
    } cases[] = {{1, 1, 256}, {3, 9, 227}, {4, 15, 227}, {5, 31, 36}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        double found = entropy_threshold(cases[i].seed, cases[i].power);
        if (fabs(found - cases[i].bins) > 1e-3) {
            fail_msg("seed %d: %.4f bins, onnxruntime finds %.0f", (int)cases[i].seed, found,
                     cases[i].bins);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_range_takes_what_it_sees),
        cmocka_unit_test(test_histogram_counts),
        cmocka_unit_test(test_percentile_is_that_of_sorted_values),
        cmocka_unit_test(test_entropy_is_that_of_onnxruntime),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
