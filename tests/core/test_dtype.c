#include "unit_test.h"

#include <math.h>
#include <string.h>

#include "davit/tensor.h"

/* The value of a finite half by the formula of IEEE 754-2008, 3.4. */
static double half_value(uint16_t half)
{
    int exponent = (half >> 10) & 31;
    int mantissa = half & 1023;
    double magnitude = exponent == 0 ? ldexp(mantissa, -24) : ldexp(1024 + mantissa, exponent - 25);
    return (half & 0x8000) != 0 ? -magnitude : magnitude;
}

static void test_every_half_goes_to_f32_and_back(void **state)
{
    (void)state;
    for (uint32_t i = 0; i <= 0xffff; i++) {
        uint16_t half = (uint16_t)i;
        float value = davit_f16_to_f32(half);
        if (((half >> 10) & 31) == 31) {
            assert_true((half & 1023) != 0 ? isnan(value) : isinf(value));
            continue;
        }
        assert_true((double)value == half_value(half));
        assert_int_equal(davit_f32_to_f16(value), half);
    }
}

/* Between two neighbours a, b = a + 1: just below the middle goes to a, just above to b, the middle
 * to the even one. */
static void test_halves_round_to_nearest_even(void **state)
{
    (void)state;
    for (uint16_t a = 0; a < 0x7bff; a++) {
        double middle = (half_value(a) + half_value((uint16_t)(a + 1))) / 2;
        uint16_t even = (uint16_t)((a & 1) == 0 ? a : a + 1);
        assert_int_equal(davit_f64_to_f16(middle), even);
        assert_int_equal(davit_f64_to_f16(nextafter(middle, 0)), a);
        assert_int_equal(davit_f64_to_f16(nextafter(middle, 1e9)), a + 1);
        assert_int_equal(davit_f64_to_f16(-middle), even | 0x8000);
    }
    assert_int_equal(davit_f64_to_f16(65519.999), 0x7bff);
    assert_int_equal(davit_f64_to_f16(65520.0), 0x7c00);
    assert_int_equal(davit_f64_to_f16(-1e300), 0xfc00);
    assert_int_equal(davit_f64_to_f16(1e-300), 0);
    assert_true(isnan(davit_f16_to_f32(davit_f64_to_f16((double)NAN))));
}

static void test_bf16_rounds_to_nearest_even(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 0x7f7f; i++) {
        uint16_t a = (uint16_t)i;
        float low = davit_bf16_to_f32(a);
        assert_int_equal(davit_f32_to_bf16(low), a);
        uint32_t bits = (i << 16) | 0x8000u; /* the middle, exact in f32 */
        float middle;
        memcpy(&middle, &bits, sizeof(middle));
        assert_int_equal(davit_f32_to_bf16(middle), (i & 1) == 0 ? i : i + 1);
        assert_int_equal(davit_f32_to_bf16(nextafterf(middle, INFINITY)), i + 1);
    }
    assert_true(isnan(davit_bf16_to_f32(davit_f32_to_bf16(NAN))));
    assert_true(isinf(davit_bf16_to_f32(davit_f32_to_bf16(INFINITY))));
}

static void test_names_and_sizes(void **state)
{
    (void)state;
    assert_string_equal(davit_dtype_name(DAVIT_F32), "f32");
    assert_string_equal(davit_dtype_name((davit_dtype)22), "int4");
    assert_string_equal(davit_dtype_name((davit_dtype)999), "unknown type");
    assert_int_equal(davit_dtype_bytes(DAVIT_S64), 8);
    assert_int_equal(davit_dtype_bytes(DAVIT_STRING), 0);
    assert_int_equal(davit_dtype_bytes((davit_dtype)-1), 0);
    assert_true(davit_dtype_is_integer(DAVIT_U8));
    assert_false(davit_dtype_is_integer(DAVIT_BOOL));
    assert_true(davit_dtype_is_float(DAVIT_BF16));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_half_goes_to_f32_and_back),
        cmocka_unit_test(test_halves_round_to_nearest_even),
        cmocka_unit_test(test_bf16_rounds_to_nearest_even),
        cmocka_unit_test(test_names_and_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
