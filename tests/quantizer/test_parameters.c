/* Scales and zero points against closed forms. */
#include <float.h>
#include <math.h>

#include "host/quantizer/parameters.h"
#include "unit_test.h"

static void check_type(davit_range range, davit_dtype dtype, float scale, int32_t zero)
{
    davit_quant8 type = davit_type_of_range(range, dtype);
    assert_int_equal(type.dtype, dtype);
    assert_true(type.scale == scale);
    assert_int_equal(type.zero, zero);
    assert_int_equal(davit_quant8_check(&type, "x", NULL), DAVIT_OK);
}

static void test_types_of_ranges(void **state)
{
    (void)state;
    check_type((davit_range){0, 255}, DAVIT_U8, 1, 0);
    check_type((davit_range){-255, 0}, DAVIT_U8, 1, 255);
    check_type((davit_range){-51, 204}, DAVIT_U8, 1, 51);
    check_type((davit_range){-51, 204}, DAVIT_S8, 1, -77);
    /* 0 is always in the range. */
    check_type((davit_range){100, 510}, DAVIT_U8, 2, 0);
    check_type((davit_range){-510, -100}, DAVIT_S8, 2, 127);
    /* Halves go to the even zero point: 127.5 to 128. */
    check_type((davit_range){-1, 1}, DAVIT_U8, (float)(2.0 / 255.0), 128);
}

static void test_degenerate_ranges(void **state)
{
    (void)state;
    check_type((davit_range){0, 0}, DAVIT_U8, 1, 0);
    check_type((davit_range){-0.0f, 0}, DAVIT_S8, 1, 0);
    check_type((davit_range){0, FLT_MIN}, DAVIT_U8, 1, 0);
    check_type((davit_range){FLT_MAX, -FLT_MAX}, DAVIT_U8, 1, 0); /* nothing was seen */
    davit_quant8 widest = davit_type_of_range((davit_range){-FLT_MAX, FLT_MAX}, DAVIT_U8);
    assert_int_equal(davit_quant8_check(&widest, "x", NULL), DAVIT_OK);
}

static void test_weight_scales(void **state)
{
    (void)state;
    assert_true(davit_weight_scale(127, 1, 0) == 1);
    assert_true(davit_weight_scale(0, 1, 0) == 1);
    assert_true(davit_weight_scale(63.5f, 0.25f, 1000) == 0.5f);
    /* The bias must fit: 2^40 units of 2^-10 would be 2^50. */
    float raised = davit_weight_scale(127.0f * 0x1p-10f, 1, 0x1p40f);
    assert_true(0x1p40f / raised <= 0x1p30f && 0x1p40f / raised > 0x1.fff0p29f);
    /* The scale of the bias is normal, whatever the inputs. */
    const float magnitudes[] = {0, FLT_MIN, 1e-30f, 1, 1e30f};
    const float x_scales[] = {FLT_MIN, 1e-20f, 1, 1e20f};
    for (size_t m = 0; m < sizeof(magnitudes) / sizeof(magnitudes[0]); m++) {
        for (size_t x = 0; x < sizeof(x_scales) / sizeof(x_scales[0]); x++) {
            float scale = davit_weight_scale(magnitudes[m], x_scales[x], 0);
            assert_null(davit_scale_defect(scale));
            assert_true(scale * x_scales[x] >= FLT_MIN);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types_of_ranges),
        cmocka_unit_test(test_degenerate_ranges),
        cmocka_unit_test(test_weight_scales),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
