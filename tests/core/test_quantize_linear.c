/* QuantizeLinear, DequantizeLinear, DynamicQuantizeLinear and the rounding they share. */
#include "unit_test.h"

#include <math.h>
#include <string.h>

#include "davit/quantize.h"
#include "exact_f32.h"
#include "golden.h"

static davit_tensor_desc single(davit_dtype dtype, const float *scale, const int32_t *zero)
{
    return (davit_tensor_desc){.dtype = dtype, .quantization = {scale, zero, 1, 0}};
}

/* Quantises one value of any type, through the array function. */
static int32_t quantize(davit_dtype dtype, float scale, int32_t zero, float x)
{
    davit_tensor_desc desc = single(dtype, &scale, &zero);
    davit_reason reason;
    if (davit_quantization_check(&desc, "x", &reason) != DAVIT_OK) {
        fail_msg("%s", reason.text);
    }
    uint16_t wide = 0;
    uint8_t byte = 0;
    davit_quantize(&desc, &x, davit_dtype_bytes(dtype) == 2 ? (void *)&wide : (void *)&byte);
    switch (dtype) {
    case DAVIT_U8:
        return byte;
    case DAVIT_S8:
        return (int8_t)byte;
    case DAVIT_U16:
        return wide;
    default:
        return (int16_t)wide;
    }
}

static int32_t saturate(davit_dtype dtype, double q)
{
    double low = davit_quantized_low(dtype);
    double high = davit_quantized_high(dtype);
    return (int32_t)(q < low ? low : q > high ? high : q);
}

static void test_golden_quantize(void **state)
{
    (void)state;
    int half_away = 0;
    int zero_before_rounding = 0;
    int by_reciprocal = 0;
    int in_double = 0;
    golden g;
    golden_open(&g, "quantize.txt");
    while (golden_next(&g)) {
        davit_dtype dtype = golden_dtype(&g, 0);
        int32_t zero = golden_s32(&g, 1);
        float scale = golden_f32(&g, 2);
        float x = golden_f32(&g, 3);
        int32_t wanted = golden_s32(&g, 4);
        golden_expect_s64(&g, "q", quantize(dtype, scale, zero, x), wanted);
        float t = x / scale;
        half_away += saturate(dtype, (double)roundf(t) + zero) != wanted;
        zero_before_rounding += saturate(dtype, rint((double)t + zero)) != wanted;
        by_reciprocal += saturate(dtype, (double)rintf(x * (1.0f / scale)) + zero) != wanted;
        in_double += saturate(dtype, rint((double)x / (double)scale) + zero) != wanted;
    }
    print_message("of %d vectors differ: half away %d, zero point before rounding %d, "
                  "reciprocal %d, f64 %d\n",
                  g.vectors, half_away, zero_before_rounding, by_reciprocal, in_double);
    assert_true(half_away >= 8 && zero_before_rounding >= 8);
    assert_true(by_reciprocal >= 8 && in_double >= 8);
}

static void test_golden_dequantize(void **state)
{
    (void)state;
    golden g;
    golden_open(&g, "dequantize.txt");
    while (golden_next(&g)) {
        int32_t zero = golden_s32(&g, 1);
        float scale = golden_f32(&g, 2);
        davit_tensor_desc desc = single(golden_dtype(&g, 0), &scale, &zero);
        int32_t q = golden_s32(&g, 3);
        uint16_t two = (uint16_t)q;
        uint8_t one = (uint8_t)q;
        size_t bytes = davit_dtype_bytes(desc.dtype);
        float x;
        davit_dequantize(&desc,
                         bytes == 4   ? (const void *)&q
                         : bytes == 2 ? (const void *)&two
                                      : (const void *)&one,
                         &x);
        golden_expect_f32(&g, "x", x, golden_f32(&g, 4));
    }
}

static void test_golden_dynamic(void **state)
{
    (void)state;
    golden g;
    golden_open(&g, "dynamic.txt");
    while (golden_next(&g)) {
        int count = golden_s32(&g, 0);
        float x[8];
        assert_in_range(count, 0, 8);
        for (int i = 0; i < count; i++) {
            x[i] = golden_f32(&g, 1 + i);
        }
        davit_quant8 type = davit_dynamic_quantization(x, (size_t)count);
        assert_int_equal(type.dtype, DAVIT_U8);
        golden_expect_f32(&g, "scale", type.scale, golden_f32(&g, 1 + count));
        golden_expect_s64(&g, "zero", type.zero, golden_s64(&g, 2 + count));
    }
    const float odd[] = {NAN, -2.0f, NAN, 1.0f};
    davit_quant8 type = davit_dynamic_quantization(odd, 4);
    assert_true(type.scale == 3.0f / 255.0f);
    assert_int_equal(type.zero, 170);
    const float infinite[] = {-INFINITY, INFINITY};
    type = davit_dynamic_quantization(infinite, 2);
    assert_true(type.scale == FLT_MAX);
    assert_int_equal(type.zero, 255);
}

static void test_not_a_number_and_infinity(void **state)
{
    (void)state;
    assert_int_equal(quantize(DAVIT_U8, 1.0f, 100, NAN), 0);
    assert_int_equal(quantize(DAVIT_S8, 1.0f, 100, NAN), -128);
    assert_int_equal(quantize(DAVIT_S8, 1.0f, 100, -NAN), -128);
    assert_int_equal(quantize(DAVIT_S16, FLT_MIN, 0, INFINITY), 32767);
    assert_int_equal(quantize(DAVIT_U16, FLT_MAX, 65535, -INFINITY), 0);
    assert_true(davit_clamp(NAN, -1.0f, 1.0f) == -1.0f);
    assert_true(davit_clamp(0.0f, 5.0f, 2.0f) == 2.0f);
}

static void test_rounding_helper(void **state)
{
    (void)state;
    for (int32_t twice = -100000; twice <= 100000; twice++) {
        float t = (float)twice * 0.5f;
        assert_int_equal(davit_round_half_even(t), (int32_t)rintf(t));
        float above = nextafterf(t, INFINITY);
        float below = nextafterf(t, -INFINITY);
        assert_int_equal(davit_round_half_even(above), (int32_t)rintf(above));
        assert_int_equal(davit_round_half_even(below), (int32_t)rintf(below));
    }
    uint64_t seed = 3;
    for (int i = 0; i < 2000000; i++) {
        uint32_t bits = (uint32_t)(test_random(&seed) >> 32);
        float t;
        memcpy(&t, &bits, sizeof(t));
        if (t > -0x1p31f && t < 0x1p31f) {
            assert_int_equal(davit_round_half_even(t), exact_to_s32(t));
        }
    }
}

/* q of [2, 3, 2] quantised along axis 1, and back. */
static void test_slices_along_an_axis(void **state)
{
    (void)state;
    const float scale[] = {1.0f, 0.5f, 0.25f};
    const int32_t zero[] = {0, 10, -10};
    davit_tensor_desc desc;
    assert_int_equal(davit_tensor_desc_dense(&desc, DAVIT_S8, 3, (const int64_t[]){2, 3, 2}),
                     DAVIT_OK);
    desc.quantization = (davit_quantization){scale, zero, 3, 1};
    assert_int_equal(davit_quantization_check(&desc, "x", NULL), DAVIT_OK);
    const float x[] = {1, -2, 1, -2, 1, -2, 3, 100, 3, 100, 3, 100};
    const int8_t wanted[] = {1, -2, 12, 6, -6, -18, 3, 100, 16, 127, 2, 127};
    int8_t q[12];
    davit_quantize(&desc, x, q);
    assert_memory_equal(q, wanted, sizeof(q));
    const float back[] = {1, -2, 1, -2, 1, -2, 3, 100, 3, 58.5f, 3, 34.25f};
    float dequantized[12];
    davit_dequantize(&desc, q, dequantized);
    assert_memory_equal(dequantized, back, sizeof(back));
    /* Without zero points, along the last axis, and with nothing in it. */
    desc.quantization = (davit_quantization){scale, NULL, 2, 2};
    davit_quantize(&desc, x, q);
    assert_int_equal(q[1], -4);
    assert_int_equal(q[2], 1);
    desc.dims[0] = 0;
    davit_quantize(&desc, x, q);
}

/* The division is one f32 rounding, against 128-bit integers. */
static void test_random_values_against_integers(void **state)
{
    (void)state;
    uint64_t seed = 4;
    for (int i = 0; i < 1000000; i++) {
        float scale = ldexpf(1.0f + (float)(test_random(&seed) >> 41) * 0x1p-23f,
                             (int)test_random_below(&seed, 40) - 30);
        int32_t zero = (int32_t)test_random_below(&seed, 256) - 128;
        float middle = (float)test_random_below(&seed, 512) - 255.5f;
        float x = middle * scale * (1.0f + test_random_float(&seed) * 0x1p-22f);
        int32_t wanted = exact_to_s32(exact_divide(x, scale)) + zero;
        wanted = wanted < -128 ? -128 : wanted > 127 ? 127 : wanted;
        assert_int_equal(quantize(DAVIT_S8, scale, zero, x), wanted);
        float product;
        davit_tensor_desc desc = single(DAVIT_S8, &scale, &zero);
        int8_t q = (int8_t)wanted;
        davit_dequantize(&desc, &q, &product);
        assert_true(product == exact_multiply((float)(wanted - zero), scale));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_quantize),
        cmocka_unit_test(test_golden_dequantize),
        cmocka_unit_test(test_golden_dynamic),
        cmocka_unit_test(test_not_a_number_and_infinity),
        cmocka_unit_test(test_rounding_helper),
        cmocka_unit_test(test_slices_along_an_axis),
        cmocka_unit_test(test_random_values_against_integers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
