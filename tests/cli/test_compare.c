#include "unit_test.h"

#include <math.h>
#include <string.h>

#include "compare.h"

static davit_tensor *make(davit_dtype dtype, int64_t count, const void *data)
{
    davit_tensor *tensor;
    assert_int_equal(davit_tensor_create(davit_allocator_default(), dtype, 1, &count, &tensor),
                     DAVIT_OK);
    memcpy(tensor->data, data, (size_t)count * davit_dtype_bytes(dtype));
    return tensor;
}

static cli_difference compare(davit_dtype dtype, int64_t count, const void *got, const void *want,
                              cli_tolerance tolerance)
{
    davit_tensor *a = make(dtype, count, got);
    davit_tensor *b = make(dtype, count, want);
    cli_difference difference = cli_compare(a, b, tolerance);
    davit_tensor_destroy(a);
    davit_tensor_destroy(b);
    return difference;
}

static void test_tolerance_is_absolute_plus_relative(void **state)
{
    (void)state;
    const float want[] = {0, 0, 100, 100};
    const float got[] = {0.009f, 0.011f, 100.1f, 101.1f};
    cli_difference difference = compare(DAVIT_F32, 4, got, want, (cli_tolerance){0.01, 0.01});
    assert_true(difference.comparable);
    assert_int_equal(difference.wrong, 2);
    assert_int_equal(difference.first_wrong, 1);
    assert_true(fabs(difference.greatest - 1.1) < 1e-4);
    double l2 = sqrt(0.009 * 0.009 + 0.011 * 0.011 + 0.1 * 0.1 + 1.1 * 1.1) / sqrt(20000.0);
    assert_true(fabs(difference.relative_l2 - l2) < 1e-6);
}

static void test_nan_and_infinity_equal_themselves(void **state)
{
    (void)state;
    const float want[] = {NAN, INFINITY, -INFINITY, 1, INFINITY};
    const float same[] = {NAN, INFINITY, -INFINITY, 1, INFINITY};
    const float other[] = {1, -INFINITY, NAN, INFINITY, 1e30f};
    const cli_tolerance tolerance = {0.1, 0.1};
    assert_int_equal(compare(DAVIT_F32, 5, same, want, tolerance).wrong, 0);
    assert_int_equal(compare(DAVIT_F32, 5, other, want, tolerance).wrong, 5);
}

static void test_integers_are_exact(void **state)
{
    (void)state;
    const uint8_t want[] = {1, 2, 255};
    const uint8_t got[] = {1, 3, 255};
    assert_int_equal(compare(DAVIT_U8, 3, got, want, (cli_tolerance){1, 100}).wrong, 1);
}

static void test_types_and_shapes_must_agree(void **state)
{
    (void)state;
    const float values[] = {1, 2};
    davit_tensor *a = make(DAVIT_F32, 2, values);
    davit_tensor *b = make(DAVIT_F32, 1, values);
    davit_tensor *c = make(DAVIT_S32, 2, values);
    assert_false(cli_compare(a, b, (cli_tolerance){1, 1}).comparable);
    assert_false(cli_compare(a, c, (cli_tolerance){1, 1}).comparable);
    davit_tensor_destroy(a);
    davit_tensor_destroy(b);
    davit_tensor_destroy(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tolerance_is_absolute_plus_relative),
        cmocka_unit_test(test_nan_and_infinity_equal_themselves),
        cmocka_unit_test(test_integers_are_exact),
        cmocka_unit_test(test_types_and_shapes_must_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
