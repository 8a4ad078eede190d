/* Integer operators by hand, at the borders of what their types hold. */
#include "op_case.h"

static void test_products(void **state)
{
    (void)state;
    static const op_case cases[] = {
        /* Padding is real 0, whatever the zero point. */
        {"IntegerConv", "y_type=3;x_zero=7;pads=[1, 1]", "u8[1, 1, 3] 7 8 5; s8[1, 1, 3] 1 2 4",
         "s8[1, 1, 3] 4 -6 -3"},
        {"IntegerConv", "y_type=3;x_zero=-128;pads=[0, 2];strides=[2];dilations=[2]",
         "s8[1, 1, 3] 127 0 -128; s8[1, 1, 2] 0 -1; s32[1] 5", "s8[1, 1, 2] 5 5"},
        /* Halves go to the even number; the zero point is added before that. */
        {"IntegerConv", "y_type=2;w_scale=[0.5]", "u8[1, 1, 4] 1 3 5 255; s8[1, 1, 1] 1",
         "u8[1, 1, 4] 0 2 2 128"},
        {"IntegerConv", "y_type=2;w_scale=[0.5];y_zero=1", "u8[1, 1, 3] 1 3 5; s8[1, 1, 1] 1",
         "u8[1, 1, 3] 2 2 4"},
        /* Groups, a scale and a bias for each channel. */
        {"IntegerConv", "y_type=3;group=2;w_scale=[1.0, 0.5, 0.25, 2.0]",
         "u8[1, 2, 2] 1 2 3 4; s8[4, 1, 1] 4 4 4 -4; s32[4] 0 4 8 -1",
         "s8[1, 4, 2] 4 8 4 6 5 6 -26 -34"},
        /* A residual with its own type, then the bounds, then saturation. */
        {"IntegerConv", "y_type=3;residual_scale=0.5;residual_zero=100;low=-3.0;high=4.0",
         "u8[1, 1, 4] 0 1 9 2; s8[1, 1, 1] 1; -; u8[1, 1, 4] 0 102 100 97", "s8[1, 1, 4] -3 2 4 0"},
        {"IntegerConv", "y_type=2;y_zero=250", "u8[1, 1, 2] 255 3; s8[1, 1, 1] -128",
         "u8[1, 1, 2] 0 0"},
        /* s16 weights: u8 ones without their zero point. */
        {"IntegerConv", "y_type=3;x_zero=1", "u8[1, 1, 2] 2 1; s16[1, 1, 1] 255; s32[1] -200",
         "s8[1, 1, 2] 55 -128"},
        {"IntegerConvTranspose", "y_type=3;x_zero=1;strides=[2]",
         "u8[1, 1, 2] 2 4; s8[1, 1, 3] 1 10 20", "s8[1, 1, 5] 1 10 23 30 60"},
        {"IntegerConvTranspose", "y_type=3;pads=[1, 1];w_scale=[1.0, 2.0]",
         "u8[1, 1, 2] 1 2; s8[1, 2, 3] 1 2 3 1 1 1", "s8[1, 2, 2] 4 7 6 6"},
        {"IntegerMatMul", "y_type=3;x_zero=2;w_scale=[1.0, 0.5]",
         "u8[2, 2] 3 2 2 0; s8[2, 2] 1 2 3 4; s32[2] 0 6", "s8[2, 2] 1 4 -6 -1"},
        {"IntegerMatMul", "y_type=2;residual_scale=1.0", "s8[2] 1 -1; s8[2, 1] 5 2; -; s8[1] 4",
         "u8[1] 7"},
        {"IntegerMatMul", "y_type=2;y_zero=9", "s8[2, 0]; s8[0, 2]", "u8[2, 2] 9 9 9 9"},
        {"IntegerProduct", "y_type=3;a_zero=1;b_zero=-1;a_scale=0.5;b_scale=0.5",
         "u8[1, 2] 3 0; s8[2, 2] 1 2 3 -128", "s8[1, 2] 0 33"},
        {"IntegerProduct", "y_type=2", "u8[2, 1, 2] 1 2 3 4; u8[2] 5 6", "u8[2, 1] 17 39"},
        {"IntegerProduct", "y_type=2", "u8[2, 1, 1] 2 3; u8[1, 1, 2] 5 6",
         "u8[2, 1, 2] 10 12 15 18"},
    };
    OP_CASES_RUN_EXACT(cases);
}

static void test_pairs(void **state)
{
    (void)state;
    static const op_case cases[] = {
        /* Halves go to the even number before the zero point is added. */
        {"IntegerAdd", "y_type=3;a_zero=10;b_zero=-5;b_scale=2.0",
         "u8[2, 2] 10 11 12 0; s8[2] -5 0", "s8[2, 2] 0 11 2 0"},
        {"IntegerAdd", "y_type=2;a_scale=0.5;b_scale=0.5;y_zero=3;low=0.0",
         "s8[3] 1 -9 127; s8[3] 2 2 127", "u8[3] 5 3 130"},
        {"IntegerMul", "y_type=2;a_scale=0.5;y_zero=1", "u8[2] 1 3; u8[2] 1 1", "u8[2] 1 3"},
        {"IntegerMul", "y_type=3;a_zero=255;b_zero=-128", "u8[2, 1] 0 254; s8[1, 2] 127 -127",
         "s8[2, 2] -128 -128 -128 -1"},
        {"IntegerMul", "y_type=2;high=6.0;a_scale=0.5", "u8[3] 3 4 5; u8[3] 1 1 3", "u8[3] 2 2 6"},
    };
    OP_CASES_RUN_EXACT(cases);
}

static void test_windows(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"IntegerAveragePool", "y_type=2;kernel_shape=[2];x_zero=1;y_zero=10;pads=[1, 0]",
         "u8[1, 1, 3] 3 5 8", "u8[1, 1, 3] 12 13 16"},
        {"IntegerAveragePool",
         "y_type=2;kernel_shape=[2];x_zero=1;y_zero=10;pads=[1, 0];count_include_pad=1",
         "u8[1, 1, 3] 3 5 8", "u8[1, 1, 3] 11 13 16"},
        {"IntegerAveragePool", "y_type=3;kernel_shape=[2];strides=[2];ceil_mode=1",
         "s8[1, 1, 3] -128 -127 7", "s8[1, 1, 2] -128 7"},
        {"IntegerAveragePool", "y_type=3;kernel_shape=[2, 2];high=1.0",
         "s8[1, 2, 2, 2] 1 2 3 4 -1 -2 -3 -4", "s8[1, 2, 1, 1] 1 -2"},
        {"IntegerAveragePool", "y_type=2;kernel_shape=[2];y_zero=1", "u8[1, 1, 3] 1 2 5",
         "u8[1, 1, 2] 3 5"},
        {"IntegerResize", "y_type=2;mode=linear;coordinate_transformation_mode=asymmetric",
         "u8[1, 1, 1, 2] 10 20; -; f32[4] 1 1 1 2", "u8[1, 1, 1, 4] 10 15 20 20"},
        {"IntegerResize", "y_type=3;mode=linear;x_zero=100;y_scale=2.0;y_zero=-5",
         "u8[1, 1, 2, 2] 100 104 108 112; -; -; s64[4] 1 1 1 1", "s8[1, 1, 1, 1] -2"},
        {"IntegerResize", "y_type=3;mode=linear;coordinate_transformation_mode=align_corners",
         "s8[1, 2, 2, 1] -128 127 0 4; -; -; s64[4] 1 2 3 1", "s8[1, 2, 3, 1] -128 0 127 0 2 4"},
    };
    OP_CASES_RUN_EXACT(cases);
}

static void test_tables_and_softmax(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"IntegerLookup", "", "s8[3] -128 -1 127; s8[256] 9...", "s8[3] 9 9 9"},
        {"IntegerLookup", "", "u8[2, 2] 0 1 2 255; u8[256] 7 200 3 4...", "u8[2, 2] 7 200 3 4"},
        {"IntegerLookup", "", "s8[2] 1 -128; u8[256] 7 200 3 4...", "u8[2] 200 4"},
        {"IntegerSoftmax", "y_type=2;y_scale=0.00390625", "s8[2, 2] 5 5 -128 127",
         "u8[2, 2] 128 128 0 255"},
        {"IntegerSoftmax", "y_type=3;y_scale=0.00390625;y_zero=-128;axis=0", "u8[2, 2] 5 255 5 0",
         "s8[2, 2] 0 127 0 -128"},
        {"IntegerSoftmax", "y_type=2", "u8[0, 3]", "u8[0, 3]"},
        {"IntegerSoftmax", "y_type=2", "u8[3, 0]", "u8[3, 0]"},
    };
    OP_CASES_RUN_EXACT(cases);
}

static void test_empty(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"IntegerConv", "y_type=2", "u8[0, 1, 3]; s8[1, 1, 1] 1", "u8[0, 1, 3]"},
        {"IntegerConv", "y_type=2", "u8[1, 1, 3]; s8[0, 1, 1]", "u8[1, 0, 3]"},
        {"IntegerConv", "y_type=3;y_zero=-4", "u8[1, 0, 2]; s8[2, 0, 1]; s32[2] 3 5",
         "s8[1, 2, 2] -1 -1 1 1"},
        {"IntegerConvTranspose", "y_type=2", "u8[1, 1, 0]; s8[1, 2, 2] 1...", "u8[1, 2, 0]"},
        {"IntegerMatMul", "y_type=2", "u8[0, 2]; s8[2, 3] 1...", "u8[0, 3]"},
        {"IntegerMatMul", "y_type=2", "u8[3, 2]; s8[2, 0]", "u8[3, 0]"},
        {"IntegerProduct", "y_type=2;y_zero=8", "u8[2, 0]; u8[0, 2]", "u8[2, 2] 8..."},
        {"IntegerProduct", "y_type=2", "u8[0, 1, 2]; u8[2, 3]", "u8[0, 1, 3]"},
        {"IntegerAdd", "y_type=2", "u8[0, 2]; u8[1]", "u8[0, 2]"},
        {"IntegerMul", "y_type=2", "u8[2, 0]; u8[2, 1]", "u8[2, 0]"},
        {"IntegerAveragePool", "y_type=2;kernel_shape=[1]", "u8[1, 0, 2]", "u8[1, 0, 2]"},
        {"IntegerLookup", "", "u8[0]; s8[256] 0...", "s8[0]"},
    };
    OP_CASES_RUN_EXACT(cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_products), cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_windows),  cmocka_unit_test(test_tables_and_softmax),
        cmocka_unit_test(test_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
