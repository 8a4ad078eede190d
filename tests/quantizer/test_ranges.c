/* Ranges cut to what matters, and means told from noise: closed forms and brute force. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/quantizer/observer.h"
#include "host/quantizer/shrink.h"
#include "unit_test.h"

/* ---- what a function does not tell apart ---- */

static void check_trim(davit_range range, davit_function function, davit_range want)
{
    float grid = (range.high - range.low) / 1023;
    davit_range_trim(&range, function, 0.2f, 0.5f);
    if (fabsf(range.low - want.low) > 1.5f * grid || fabsf(range.high - want.high) > 1.5f * grid) {
        fail_msg("%s: [%g, %g], not [%g, %g]", davit_function_name(function), (double)range.low,
                 (double)range.high, (double)want.low, (double)want.high);
    }
}

static void test_flat_ends_are_cut(void **state)
{
    (void)state;
    /* 0.2 x + 0.5 is 0 and 1 at -2.5 and 2.5; a quarter of its step is 1 / 204 units of x. */
    check_trim((davit_range){-20, 20}, DAVIT_FUNCTION_HARDSIGMOID, (davit_range){-2.5f, 2.5f});
    check_trim((davit_range){-1, 20}, DAVIT_FUNCTION_HARDSIGMOID, (davit_range){-1, 2.5f});
    /* x (x + 3) / 6 = -t just right of -3, t = (10 + 0.375) / 1020: x = -3 + 2 t. */
    check_trim((davit_range){-20, 10}, DAVIT_FUNCTION_HARDSWISH, (davit_range){-2.98f, 10});
    check_trim((davit_range){1, 10}, DAVIT_FUNCTION_HARDSWISH, (davit_range){1, 10});
    /* 1 / (1 + e^-x) = t and 1 - t, t = 1 / 1020: log(1019) = 6.927. */
    check_trim((davit_range){-30, 30}, DAVIT_FUNCTION_SIGMOID, (davit_range){-6.927f, 6.927f});
    check_trim((davit_range){-30, 30}, DAVIT_FUNCTION_IDENTITY, (davit_range){-30, 30});
}

/* All of it is flat: nothing is left to cut to. */
static void test_flat_functions_keep_their_range(void **state)
{
    (void)state;
    check_trim((davit_range){-9, -5}, DAVIT_FUNCTION_HARDSWISH, (davit_range){-9, -5});
}

/* ---- square errors ---- */

enum { BINS = 8192, COUNT = 20000 };

static double rounded_error(const float *x, davit_range range)
{
    double low = fmin((double)range.low, 0);
    double high = fmax((double)range.high, 0);
    double step = (high - low) / 255;
    double zero = nearbyint(-low / step);
    double sum = 0;
    for (size_t i = 0; i < COUNT; i++) {
        double q = fmin(fmax(nearbyint((double)x[i] / step) + zero, 0), 255);
        double difference = (q - zero) * step - (double)x[i];
        sum += difference * difference;
    }
    return sum;
}

static void check_errors(const float *x)
{
    static uint64_t bins[BINS];
    static double scratch[3 * (BINS + 1)];
    davit_histogram histogram = {{FLT_MAX, -FLT_MAX}, BINS, bins};
    memset(bins, 0, sizeof(bins));
    assert_true(davit_range_observe(&histogram.range, x, COUNT));
    davit_histogram_add(&histogram, x, COUNT);
    for (int k = 1; k <= 8; k++) { /* the zero point moves the ends by up to half a step */
        davit_range range = {histogram.range.low * (float)k / 8, histogram.range.high};
        double want = rounded_error(x, range);
        double got = davit_histogram_square_error(&histogram, range, scratch);
        if (fabs(got - want) > 0.1 * want) {
            fail_msg("[%g, %g]: %g, rounding makes %g", (double)range.low, (double)range.high, got,
                     want);
        }
    }
    davit_range found = davit_histogram_mse(&histogram, scratch);
    double best = rounded_error(x, found);
    for (int i = 0; i < 16; i++) {
        for (int k = 0; k < 16; k++) {
            davit_range range = {histogram.range.low * (1 - (float)i / 16),
                                 histogram.range.high * (1 - (float)k / 16)};
            assert_true(best <= 1.1 * rounded_error(x, range));
        }
    }
}

static void test_square_errors_are_those_of_rounding(void **state)
{
    (void)state;
    float *x = malloc(COUNT * sizeof(*x));
    assert_non_null(x);
    for (int kind = 0; kind < 4; kind++) {
        uint64_t seed = 40 + (uint64_t)kind;
        for (size_t i = 0; i < COUNT; i++) {
            float u = test_random_float(&seed);
            const float values[] = {u, u * u * u * u * u, fmaxf(u, 0), u + 0.25f};
            x[i] = values[kind];
        }
        check_errors(x);
    }
    free(x);
}

/* Even steps over even values: nothing is gained by clipping. One value far away is clipped. */
static void test_least_square_error(void **state)
{
    (void)state;
    static uint64_t bins[BINS];
    static double scratch[3 * (BINS + 1)];
    davit_histogram histogram = {{-1, 1}, BINS, bins};
    for (size_t i = 0; i < BINS; i++) {
        bins[i] = 3;
    }
    davit_range found = davit_histogram_mse(&histogram, scratch);
    assert_true(found.low == -1 && found.high == 1);
    histogram.range = (davit_range){0, 64};
    for (size_t i = 0; i < BINS; i++) {
        bins[i] = i < BINS / 64 ? 1000000 : 0;
    }
    bins[BINS - 1] = 1;
    found = davit_histogram_mse(&histogram, scratch);
    assert_true(found.low == 0 && found.high >= 1 && found.high <= 4);
}

/* ---- means ---- */

static void test_means_are_shrunk(void **state)
{
    (void)state;
    double estimates[2];
    /* Means 2 and 0 with variances 1 and 0: t = (4 - 1 + 0 - 0) / 2. */
    davit_shrink_means((const double[]){1, 0, 3, 0}, 2, 2, estimates);
    assert_true(fabs(estimates[0] - 2 * 1.5 / 2.5) < 1e-12 && estimates[1] == 0);
    /* Rows that agree are believed, so is a single one; noise is not. */
    davit_shrink_means((const double[]){5, -1, 5, -1, 5, -1}, 3, 2, estimates);
    assert_true(estimates[0] == 5 && estimates[1] == -1);
    davit_shrink_means((const double[]){5, -1}, 1, 2, estimates);
    assert_true(estimates[0] == 5 && estimates[1] == -1);
    davit_shrink_means((const double[]){5, -1, -4, 2}, 2, 2, estimates);
    assert_true(estimates[0] == 0 && estimates[1] == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flat_ends_are_cut),
        cmocka_unit_test(test_flat_functions_keep_their_range),
        cmocka_unit_test(test_square_errors_are_those_of_rounding),
        cmocka_unit_test(test_least_square_error),
        cmocka_unit_test(test_means_are_shrunk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
