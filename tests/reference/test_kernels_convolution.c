/* Convolutions and transposed convolutions against closed forms. */
#include "op_case.h"

static void test_conv(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"Conv", "pads=[1, 1, 1, 1]",
         "f32[1, 1, 3, 3] 1 2 3 4 5 6 7 8 9; f32[1, 1, 3, 3] 1 1 1 1 1 1 1 1 1",
         "f32[1, 1, 3, 3] 12 21 16 27 45 33 24 39 28"},
        {"Conv", "strides=[2, 1]", "f32[1, 1, 3, 3] 1 2 3 4 5 6 7 8 9; f32[1, 1, 1, 2] 1 10",
         "f32[1, 1, 2, 2] 21 32 87 98"},
        {"Conv", "dilations=[2]", "f32[1, 1, 5] 1 2 3 4 5; f32[1, 1, 2] 1 10",
         "f32[1, 1, 3] 31 42 53"},
        {"Conv", "group=2", "f32[1, 2, 2] 1 2 3 4; f32[2, 1, 1] 10 100; f32[2] 1 2",
         "f32[1, 2, 2] 11 21 302 402"},
        {"Conv", "", "f32[2, 2, 1] 1 2 3 4; f32[2, 2, 1] 1 10 100 1000",
         "f32[2, 2, 1] 21 2100 43 4300"},
        {"Conv", "auto_pad=SAME_UPPER", "f32[1, 1, 3] 1 2 3; f32[1, 1, 2] 1 10",
         "f32[1, 1, 3] 21 32 3"},
        {"Conv", "auto_pad=SAME_LOWER", "f32[1, 1, 3] 1 2 3; f32[1, 1, 2] 1 10",
         "f32[1, 1, 3] 10 21 32"},
        {"Conv", "auto_pad=SAME_UPPER;strides=[2]", "f32[1, 1, 5] 1 2 3 4 5; f32[1, 1, 3] 1 10 100",
         "f32[1, 1, 3] 210 432 54"},
        {"Conv", "auto_pad=VALID;pads=[1, 1]", "f32[1, 1, 3] 1 2 3; f32[1, 1, 2] 1 10",
         "f32[1, 1, 2] 21 32"},
        {"Conv", "", "f32[1, 1, 2, 2, 2] 1 2 3 4 5 6 7 8; f32[1, 1, 2, 2, 2] 1 1 1 1 1 1 1 1",
         "f32[1, 1, 1, 1, 1] 36"},
        {"Conv", "", "f16[1, 1, 2] 1 2; f16[1, 1, 1] 3; f16[1] 1", "f16[1, 1, 2] 4 7"},
        {"Conv", "", "f64[1, 1, 2] 1 2; f64[1, 1, 1] 3", "f64[1, 1, 2] 3 6"},
        {"Conv", "",
         "f32[1, 1, 18] 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18; f32[5, 1, 1] 1 2 3 4 5",
         "f32[1, 5, 18] 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 2 4 6 8 10 12 14 16 18 20 22 "
         "24 26 28 30 32 34 36 3 6 9 12 15 18 21 24 27 30 33 36 39 42 45 48 51 54 4 8 12 16 20 24 "
         "28 32 36 40 44 48 52 56 60 64 68 72 5 10 15 20 25 30 35 40 45 50 55 60 65 70 75 80 85 "
         "90"},
        {"Conv", "", "f32[0, 1, 3]; f32[1, 1, 2] 1 10", "f32[0, 1, 2]"},
        {"Conv", "", "f32[1, 0, 3]; f32[1, 0, 2]; f32[1] 5", "f32[1, 1, 2] 5 5"},
    };
    OP_CASES_RUN_EXACT(cases);
}

static void test_conv_transpose(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"ConvTranspose", "", "f32[1, 1, 2] 1 2; f32[1, 1, 3] 1 10 100",
         "f32[1, 1, 4] 1 12 120 200"},
        {"ConvTranspose", "strides=[2]", "f32[1, 1, 2] 1 2; f32[1, 1, 3] 1 10 100; f32[1] 1000",
         "f32[1, 1, 5] 1001 1010 1102 1020 1200"},
        {"ConvTranspose", "strides=[2];pads=[1, 1]", "f32[1, 1, 2] 1 2; f32[1, 1, 3] 1 10 100",
         "f32[1, 1, 3] 10 102 20"},
        {"ConvTranspose", "strides=[2];output_padding=[1]",
         "f32[1, 1, 2] 1 2; f32[1, 1, 3] 1 10 100", "f32[1, 1, 6] 1 10 102 20 200 0"},
        {"ConvTranspose", "strides=[2];output_shape=[4]", "f32[1, 1, 2] 1 2; f32[1, 1, 3] 1 10 100",
         "f32[1, 1, 4] 10 102 20 200"},
        {"ConvTranspose", "strides=[2];output_shape=[7]", "f32[1, 1, 2] 1 2; f32[1, 1, 3] 1 10 100",
         "f32[1, 1, 7] 1 10 102 20 200 0 0"},
        {"ConvTranspose", "strides=[2];output_shape=[1, 1, 4]",
         "f32[1, 1, 2] 1 2; f32[1, 1, 3] 1 10 100", "f32[1, 1, 4] 10 102 20 200"},
        {"ConvTranspose", "strides=[2];auto_pad=SAME_UPPER",
         "f32[1, 1, 2] 1 2; f32[1, 1, 3] 1 10 100", "f32[1, 1, 4] 1 10 102 20"},
        {"ConvTranspose", "strides=[2];auto_pad=SAME_LOWER",
         "f32[1, 1, 2] 1 2; f32[1, 1, 3] 1 10 100", "f32[1, 1, 4] 10 102 20 200"},
        {"ConvTranspose", "dilations=[2]", "f32[1, 1, 2] 1 2; f32[1, 1, 3] 1 10 100",
         "f32[1, 1, 6] 1 2 10 20 100 200"},
        {"ConvTranspose", "group=2", "f32[1, 2, 1] 1 2; f32[2, 1, 2] 1 2 3 4",
         "f32[1, 2, 2] 1 2 6 8"},
        {"ConvTranspose", "", "f32[1, 2, 1] 1 2; f32[2, 2, 1] 1 10 100 1000",
         "f32[1, 2, 1] 201 2010"},
        {"ConvTranspose", "", "f32[1, 1, 2, 2] 1 2 3 4; f32[1, 1, 2, 2] 1 1 1 1",
         "f32[1, 1, 3, 3] 1 3 2 4 10 6 3 7 4"},
        {"ConvTranspose", "", "f32[1, 1, 1, 1, 2] 1 2; f32[1, 1, 1, 1, 2] 1 10",
         "f32[1, 1, 1, 1, 3] 1 12 20"},
    };
    OP_CASES_RUN_EXACT(cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conv),
        cmocka_unit_test(test_conv_transpose),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
