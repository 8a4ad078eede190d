/* Weights without their zero point, and the bound of accumulators. */
#include "unit_test.h"

#include <string.h>

#include "davit/quantize_weights.h"
#include "golden.h"

#define MAX_REPEATED 600000

static void test_golden(void **state)
{
    (void)state;
    static uint8_t data[MAX_REPEATED];
    static const char *classes[] = {"f32", "s32", "overflow"};
    int seen[3] = {0, 0, 0};
    golden g;
    golden_open(&g, "bound.txt");
    while (golden_next(&g)) {
        int32_t zero = golden_s32(&g, 1);
        size_t repeat = (size_t)golden_s64(&g, 5);
        size_t n = (size_t)golden_s64(&g, 6);
        assert_true(n * repeat <= MAX_REPEATED);
        for (size_t i = 0; i < n * repeat; i++) {
            data[i] = (uint8_t)golden_s32(&g, 7 + (int)(i % n));
        }
        davit_weights weights = {golden_dtype(&g, 0), data, repeat, 1, n, &zero, 1};
        assert_int_equal(davit_weights_check(&weights, NULL), DAVIT_OK);
        int64_t sum;
        davit_weights_sum(&weights, &sum);
        int field = 7 + (int)n;
        golden_expect_s64(&g, "sum", sum, golden_s64(&g, field));
        uint64_t bound;
        davit_accumulator_bound(&weights, golden_dtype(&g, 2), golden_s32(&g, 3), &bound);
        golden_expect_s64(&g, "bound", (int64_t)bound, golden_s64(&g, field + 1));
        davit_exactness exactness = davit_bound_exactness(bound, golden_s32(&g, 4));
        seen[exactness]++;
        if (strcmp(classes[exactness], golden_text(&g, field + 2)) != 0) {
            fail_msg("%s:%d: %s", g.path, g.line, davit_exactness_text(exactness));
        }
        golden_expect_s64(&g, "type", davit_weights_fit(&weights), golden_dtype(&g, field + 3));
    }
    assert_true(seen[0] >= 8 && seen[1] >= 8 && seen[2] >= 4);
}

static void test_limits_of_the_classes(void **state)
{
    (void)state;
    assert_int_equal(davit_bound_exactness(1 << 24, 0), DAVIT_EXACT_F32);
    assert_int_equal(davit_bound_exactness((1 << 24) - 1, -1), DAVIT_EXACT_F32);
    assert_int_equal(davit_bound_exactness(1 << 24, 1), DAVIT_EXACT_S32);
    assert_int_equal(davit_bound_exactness(0, INT32_MIN), DAVIT_EXACT_S32);
    assert_int_equal(davit_bound_exactness(INT32_MAX, INT32_MAX), DAVIT_EXACT_S32);
    assert_int_equal(davit_bound_exactness((uint64_t)1 << 31, 0), DAVIT_OVERFLOWS_S32);
    assert_int_equal(davit_bound_exactness((uint64_t)1 << 57, INT32_MIN), DAVIT_OVERFLOWS_S32);
    assert_string_equal(davit_exactness_text(DAVIT_EXACT_F32), "exact in f32");
    assert_string_equal(davit_exactness_text(DAVIT_EXACT_S32), "exact in s32");
    assert_string_equal(davit_exactness_text(DAVIT_OVERFLOWS_S32), "can overflow s32");
}

static void note(int64_t value, uint64_t *greatest)
{
    uint64_t magnitude = (uint64_t)(value < 0 ? -value : value);
    *greatest = magnitude > *greatest ? magnitude : *greatest;
}

/* The greatest intermediate value of three ways to sum a channel: as defined, s8 shifted to u8 with
 * the compensation last, and with the compensation first. */
static uint64_t greatest_sum(const int32_t *x, const int32_t *w, int n, davit_dtype dtype,
                             int64_t zero)
{
    uint64_t greatest = 0;
    int64_t shift = dtype == DAVIT_S8 ? 128 : 0;
    int64_t total = 0;
    for (int i = 0; i < n; i++) {
        total += w[i];
    }
    int64_t defined = 0;
    int64_t shifted = 0;
    int64_t plain = -zero * total;
    note(plain, &greatest);
    for (int i = 0; i < n; i++) {
        defined += (x[i] - zero) * w[i];
        shifted += (x[i] + shift) * w[i];
        plain += (int64_t)x[i] * w[i];
        note(defined, &greatest);
        note(shifted, &greatest);
        note(plain, &greatest);
    }
    note((zero + shift) * total, &greatest);
    assert_true(shifted - (zero + shift) * total == defined);
    assert_true(plain == defined);
    return greatest;
}

/* No input exceeds the bound; the input of extremes comes within a factor of 2. */
static void test_nothing_exceeds_the_bound(void **state)
{
    (void)state;
    uint64_t seed = 8;
    for (int round = 0; round < 20000; round++) {
        enum { N = 7 };
        int8_t data[N];
        int32_t w[N];
        int32_t x[N];
        davit_dtype dtype = test_random_below(&seed, 2) != 0 ? DAVIT_U8 : DAVIT_S8;
        int32_t low = davit_quantized_low(dtype);
        int32_t zero = low + (int32_t)test_random_below(&seed, 256);
        bool one_sign = test_random_below(&seed, 2) != 0;
        for (int i = 0; i < N; i++) {
            int32_t value = (int32_t)test_random_below(&seed, 256) - 128;
            w[i] = one_sign && value > 0 ? -value : value;
            data[i] = (int8_t)w[i];
        }
        davit_weights weights = {DAVIT_S8, data, 1, 1, N, NULL, 0};
        uint64_t bound;
        davit_accumulator_bound(&weights, dtype, zero, &bound);
        uint64_t greatest = 0;
        for (int choice = 0; choice < 3; choice++) {
            for (int i = 0; i < N; i++) {
                bool high = choice == 0 ? w[i] > 0 : choice == 1 ? w[i] < 0 : true;
                x[i] = low + (high ? 255 : 0);
            }
            uint64_t reached = greatest_sum(x, w, N, dtype, zero);
            greatest = reached > greatest ? reached : greatest;
        }
        assert_true(greatest <= bound);
        for (int i = 0; i < N; i++) {
            x[i] = low + (int32_t)test_random_below(&seed, 256);
        }
        assert_true(greatest_sum(x, w, N, dtype, zero) <= bound);
    }
}

/* Weights [outer 2][channels 3][inner 2] with a zero point for each channel. */
static void test_shift_and_fold(void **state)
{
    (void)state;
    const uint8_t data[] = {0, 255, 128, 129, 10, 20, 1, 2, 127, 130, 137, 0};
    const int32_t zero[] = {128, 128, 10};
    davit_weights weights = {DAVIT_U8, data, 2, 3, 2, zero, 3};
    assert_int_equal(davit_weights_check(&weights, NULL), DAVIT_OK);
    assert_int_equal(davit_weights_fit(&weights), DAVIT_S8);
    int8_t narrow[12];
    const int8_t wanted[] = {-128, 127, 0, 1, 0, 10, -127, -126, -1, 2, 127, -10};
    assert_int_equal(davit_weights_shift(&weights, DAVIT_S8, narrow, NULL), DAVIT_OK);
    assert_memory_equal(narrow, wanted, sizeof(wanted));
    int64_t sum[3];
    davit_weights_sum(&weights, sum);
    assert_true(sum[0] == -254 && sum[1] == 2 && sum[2] == 127);
    int32_t folded[3];
    assert_int_equal(davit_fold_zero_point(&weights, -3, folded, NULL), DAVIT_OK);
    assert_true(folded[0] == -762 && folded[1] == 6 && folded[2] == 381);
    weights.zero_count = 1; /* 128 for all: channel 2 has 10 - 128, which still fits */
    assert_int_equal(davit_weights_fit(&weights), DAVIT_S8);
    weights.zero = (const int32_t[]){127};
    assert_int_equal(davit_weights_fit(&weights), DAVIT_S16);
    int16_t wide[12];
    assert_int_equal(davit_weights_shift(&weights, DAVIT_S16, wide, NULL), DAVIT_OK);
    assert_int_equal(wide[1], 128);
    assert_int_equal(wide[11], -127);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_limits_of_the_classes),
        cmocka_unit_test(test_nothing_exceeds_the_bound),
        cmocka_unit_test(test_shift_and_fold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
