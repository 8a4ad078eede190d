/* Add, multiply, average pooling and linear resize: golden vectors, what they tell apart, and an
 * exact oracle over all operands. */
#include "unit_test.h"

#include <math.h>
#include <string.h>

#include "davit/requantize.h"
#include "exact_f32.h"
#include "golden.h"

static davit_quant8 read_type(const golden *g, int i)
{
    return (davit_quant8){golden_dtype(g, i), golden_f32(g, i + 2), golden_s32(g, i + 1)};
}

static davit_result_spec read_result(const golden *g, int i)
{
    return (davit_result_spec){read_type(g, i), golden_f32(g, i + 3), golden_f32(g, i + 4)};
}

/* The finish with other roundings. */
static int32_t finish_half_away(const davit_result *y, float t)
{
    t = roundf(davit_clamp(t, y->low, y->high)) + (float)y->zero;
    float q =
        davit_clamp(t, (float)davit_quantized_low(y->dtype), (float)davit_quantized_high(y->dtype));
    return (int32_t)q;
}

static void test_golden_add(void **state)
{
    (void)state;
    int half_away = 0;
    int zero_first = 0;
    int unrounded = 0;
    int fused_unrounded = 0;
    int fused = 0;
    golden g;
    golden_open(&g, "add.txt");
    while (golden_next(&g)) {
        davit_quant8 a = read_type(&g, 0);
        davit_quant8 b = read_type(&g, 3);
        davit_result_spec y = read_result(&g, 6);
        davit_addition p;
        assert_int_equal(davit_addition_prepare(&a, &b, &y, &p, NULL), DAVIT_OK);
        golden_expect_f32(&g, "ra", p.a_scale, golden_f32(&g, 13));
        golden_expect_f32(&g, "rb", p.b_scale, golden_f32(&g, 14));
        int32_t qa = golden_s32(&g, 11);
        int32_t qb = golden_s32(&g, 12);
        int32_t wanted = golden_s32(&g, 15);
        uint8_t bytes[] = {(uint8_t)qa, (uint8_t)qb, 0};
        davit_add(&p, 1, &bytes[0], &bytes[1], &bytes[2]);
        golden_expect_s64(&g, "q", bytes[2], (uint8_t)wanted);
        float fa = (float)(qa - a.zero);
        float fb = (float)(qb - b.zero);
        float ra = a.scale / y.type.scale;
        float rb = b.scale / y.type.scale;
        float t = fa * p.a_scale + fb * p.b_scale;
        half_away += finish_half_away(&p.result, t) != wanted;
        zero_first += davit_result_finish(&p.result, t) != wanted;
        unrounded += davit_result_quantize(&p.result, fa * ra + fb * rb) != wanted;
        fused_unrounded += davit_result_quantize(&p.result, fmaf(fb, rb, fa * ra)) != wanted;
        fused += davit_result_quantize(&p.result, fmaf(fa, p.a_scale, fb * p.b_scale)) != wanted;
    }
    print_message("of %d vectors differ: half away %d, zero point first %d, unrounded %d, fused and "
                  "unrounded %d, fused %d\n",
                  g.vectors, half_away, zero_first, unrounded, fused_unrounded, fused);
    assert_true(half_away >= 8 && zero_first >= 8 && unrounded >= 8 && fused_unrounded >= 8);
    assert_int_equal(fused, 0);
}

static void test_golden_multiply(void **state)
{
    (void)state;
    int half_away = 0;
    int zero_first = 0;
    int quotient_first = 0;
    golden g;
    golden_open(&g, "multiply.txt");
    while (golden_next(&g)) {
        davit_quant8 a = read_type(&g, 0);
        davit_quant8 b = read_type(&g, 3);
        davit_result_spec y = read_result(&g, 6);
        davit_multiplication p;
        assert_int_equal(davit_multiplication_prepare(&a, &b, &y, &p, NULL), DAVIT_OK);
        golden_expect_f32(&g, "m", p.rescale.scale, golden_f32(&g, 13));
        int32_t qa = golden_s32(&g, 11);
        int32_t qb = golden_s32(&g, 12);
        int32_t wanted = golden_s32(&g, 14);
        uint8_t bytes[] = {(uint8_t)qa, (uint8_t)qb, 0};
        davit_multiply(&p, 1, &bytes[0], &bytes[1], &bytes[2]);
        golden_expect_s64(&g, "q", bytes[2], (uint8_t)wanted);
        const davit_result *result = &p.rescale.result;
        float product = (float)((qa - a.zero) * (qb - b.zero));
        float m = p.rescale.scale;
        half_away += finish_half_away(result, product * m) != wanted;
        zero_first += davit_result_finish(result, product * m) != wanted;
        float other = a.scale * (b.scale / y.type.scale);
        quotient_first += davit_result_quantize(result, product * other) != wanted;
    }
    print_message("of %d vectors differ: half away %d, zero point first %d, quotient first %d\n",
                  g.vectors, half_away, zero_first, quotient_first);
    assert_true(half_away >= 4 && zero_first >= 4 && quotient_first >= 4);
}

static void test_golden_average(void **state)
{
    (void)state;
    int divided = 0;
    int divisor_first = 0;
    int reciprocal = 0;
    golden g;
    golden_open(&g, "average.txt");
    while (golden_next(&g)) {
        davit_quant8 x = read_type(&g, 0);
        davit_result_spec y = read_result(&g, 3);
        int64_t divisor = golden_s64(&g, 8);
        int64_t sum = golden_s64(&g, 9);
        int32_t wanted = golden_s32(&g, 11);
        davit_rescale p;
        assert_int_equal(davit_average_prepare(&x, &y, divisor, &p, NULL), DAVIT_OK);
        golden_expect_f32(&g, "m", p.scale, golden_f32(&g, 10));
        golden_expect_s64(&g, "q", davit_rescale_one(&p, sum), wanted);
        if (divisor == 0) {
            continue;
        }
        float count = (float)divisor;
        float ratio = x.scale / y.type.scale;
        divided += davit_result_quantize(&p.result, (float)sum * ratio / count) != wanted;
        float other = x.scale / (y.type.scale * count);
        divisor_first += davit_result_quantize(&p.result, (float)sum * other) != wanted;
        other = ratio * (1.0f / count);
        reciprocal += davit_result_quantize(&p.result, (float)sum * other) != wanted;
    }
    print_message("of %d vectors differ: division of the sum %d, divisor times y's scale %d, "
                  "reciprocal of the divisor %d\n",
                  g.vectors, divided, divisor_first, reciprocal);
    assert_true(divided >= 4 && divisor_first >= 4 && reciprocal >= 4);
}

static void test_golden_extent(void **state)
{
    (void)state;
    golden g;
    golden_open(&g, "extent.txt");
    while (golden_next(&g)) {
        davit_average_axis axis = {golden_s64(&g, 0),     golden_s64(&g, 1), golden_s64(&g, 2),
                                   golden_s64(&g, 3),     golden_s64(&g, 4), golden_s64(&g, 5),
                                   golden_s64(&g, 6) != 0};
        golden_expect_s64(&g, "count", davit_average_extent(&axis, golden_s64(&g, 7)),
                          golden_s64(&g, 8));
    }
}

/* The exact sum over the corners, as the header says. */
static int64_t corner_sum(const int32_t *weights, int axes, const int32_t *corners)
{
    int64_t sum = 0;
    for (int c = 0; c < 1 << axes; c++) {
        int64_t term = corners[c];
        for (int axis = 0; axis < axes; axis++) {
            int32_t weight = weights[axis];
            term *= (c >> axis & 1) != 0 ? weight : (1 << DAVIT_RESIZE_WEIGHT_BITS) - weight;
        }
        sum += term;
    }
    return sum;
}

static void test_golden_resize(void **state)
{
    (void)state;
    golden g;
    golden_open(&g, "resize.txt");
    while (golden_next(&g)) {
        davit_quant8 x = read_type(&g, 0);
        davit_result_spec y = read_result(&g, 3);
        int axes = golden_s32(&g, 8);
        assert_in_range(axes, 1, 4);
        int32_t weights[4];
        int32_t corners[16];
        int field = 9;
        for (int i = 0; i < axes; i++) {
            weights[i] = golden_s32(&g, field++);
        }
        for (int i = 0; i < 1 << axes; i++) {
            corners[i] = golden_s32(&g, field++) - x.zero;
        }
        int64_t sum = corner_sum(weights, axes, corners);
        golden_expect_s64(&g, "sum", sum, golden_s64(&g, field));
        assert_true(axes > 2 || (sum >= INT32_MIN && sum <= INT32_MAX));
        davit_rescale p;
        assert_int_equal(davit_linear_resize_prepare(&x, &y, axes, &p, NULL), DAVIT_OK);
        golden_expect_f32(&g, "m", p.scale, golden_f32(&g, field + 1));
        golden_expect_s64(&g, "q", davit_rescale_one(&p, sum), golden_s64(&g, field + 2));
    }
}

static void test_golden_tap(void **state)
{
    (void)state;
    golden g;
    golden_open(&g, "tap.txt");
    while (golden_next(&g)) {
        double coordinate = ldexp((double)golden_s64(&g, 0), -golden_s32(&g, 1));
        davit_resize_tap tap = davit_resize_tap_at(coordinate, golden_s64(&g, 2));
        golden_expect_s64(&g, "low", tap.low, golden_s64(&g, 3));
        golden_expect_s64(&g, "high", tap.high, golden_s64(&g, 4));
        golden_expect_s64(&g, "weight", tap.weight, golden_s64(&g, 5));
    }
    davit_resize_tap tap = davit_resize_tap_at((double)NAN, 5);
    assert_true(tap.low == 0 && tap.high == 1 && tap.weight == 0);
    tap = davit_resize_tap_at((double)INFINITY, 5);
    assert_true(tap.low == 4 && tap.high == 4 && tap.weight == 0);
}

/* ---- every pair of operands against 128-bit integers ---- */

static davit_quant8 random_type(uint64_t *seed)
{
    davit_dtype dtype = test_random_below(seed, 2) != 0 ? DAVIT_U8 : DAVIT_S8;
    float scale = (float)((test_random(seed) >> 41) + (1 << 23)) * 0x1p-30f;
    return (davit_quant8){dtype, scale,
                          davit_quantized_low(dtype) + (int32_t)test_random_below(seed, 256)};
}

static int32_t exact_finish(const davit_result *y, float t)
{
    t = t > y->low ? t : y->low;
    t = t < y->high ? t : y->high;
    int32_t q = exact_to_s32(t) + y->zero;
    int32_t low = davit_quantized_low(y->dtype);
    int32_t high = davit_quantized_high(y->dtype);
    return q < low ? low : q > high ? high : q;
}

/* y as wide as a + b needs, so that most results are not saturated. */
static void test_all_sums_and_products(void **state)
{
    (void)state;
    uint64_t seed = 5;
    for (int unit = 0; unit < 20; unit++) {
        davit_quant8 a = random_type(&seed);
        davit_quant8 b = random_type(&seed);
        davit_result_spec y = {random_type(&seed), -INFINITY, INFINITY};
        y.type.scale = (a.scale + b.scale) * 0.7f;
        davit_addition sum;
        assert_int_equal(davit_addition_prepare(&a, &b, &y, &sum, NULL), DAVIT_OK);
        y.type.scale = a.scale * b.scale * 90.0f;
        davit_multiplication product;
        assert_int_equal(davit_multiplication_prepare(&a, &b, &y, &product, NULL), DAVIT_OK);
        for (int i = 0; i < 65536; i++) {
            int32_t qa = davit_quantized_low(a.dtype) + i % 256;
            int32_t qb = davit_quantized_low(b.dtype) + i / 256;
            float t = exact_add(exact_multiply((float)(qa - a.zero), sum.a_scale),
                                exact_multiply((float)(qb - b.zero), sum.b_scale));
            assert_int_equal(davit_add_one(&sum, qa, qb), exact_finish(&sum.result, t));
            t = exact_multiply((float)((qa - a.zero) * (qb - b.zero)), product.rescale.scale);
            assert_int_equal(davit_multiply_one(&product, qa, qb),
                             exact_finish(&product.rescale.result, t));
        }
    }
}

/* A resize never leaves the range of its neighbours, and does not move equal ones. */
static void test_resize_stays_between_neighbours(void **state)
{
    (void)state;
    uint64_t seed = 6;
    for (int i = 0; i < 200000; i++) {
        davit_quant8 x = random_type(&seed);
        davit_result_spec y = {x, -INFINITY, INFINITY};
        davit_rescale p;
        assert_int_equal(davit_linear_resize_prepare(&x, &y, 2, &p, NULL), DAVIT_OK);
        int32_t weights[2];
        int32_t corners[4];
        int32_t low = 255;
        int32_t high = -255;
        for (int w = 0; w < 2; w++) {
            weights[w] = (int32_t)test_random_below(&seed, 2049);
        }
        int32_t spread = 1 + (int32_t)test_random_below(&seed, 256);
        for (int c = 0; c < 4; c++) {
            int32_t q = (int32_t)test_random_below(&seed, (uint64_t)spread);
            corners[c] = davit_quantized_low(x.dtype) + q - x.zero;
            low = corners[c] < low ? corners[c] : low;
            high = corners[c] > high ? corners[c] : high;
        }
        int32_t q = davit_rescale_one(&p, corner_sum(weights, 2, corners)) - x.zero;
        assert_true(q >= low && q <= high);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_add),
        cmocka_unit_test(test_golden_multiply),
        cmocka_unit_test(test_golden_average),
        cmocka_unit_test(test_golden_extent),
        cmocka_unit_test(test_golden_resize),
        cmocka_unit_test(test_golden_tap),
        cmocka_unit_test(test_all_sums_and_products),
        cmocka_unit_test(test_resize_stays_between_neighbours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
