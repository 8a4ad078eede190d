/* Quantisation and integer products against the specification. */
#include "op_case.h"

static void test_quantize(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"QuantizeLinear", "", "f32[6] 0 0.5 1.5 2.5 -1 1000; f32[] 1; u8[] 128",
         "u8[6] 128 128 130 130 127 255"},
        {"QuantizeLinear", "", "f32[3] 0.5 1.5 -0.5; f32[] 1; u8[] 1", "u8[3] 1 3 1"},
        {"QuantizeLinear", "", "f32[3] -1 1 300; f32[1] 2", "u8[3] 0 0 150"},
        {"QuantizeLinear", "output_dtype=3", "f32[2] -1000 3; f32[] 1", "s8[2] -128 3"},
        {"QuantizeLinear", "", "f32[2] -1e9 1e9; f32[] 1; s16[] 0", "s16[2] -32768 32767"},
        {"QuantizeLinear", "", "f16[2] -3 4; f16[] 0.5; u16[] 32768", "u16[2] 32762 32776"},
        {"QuantizeLinear", "", "s32[2] 7 -8; s32[] 2; s8[] 0", "s8[2] 4 -4"},
        {"QuantizeLinear", "axis=0", "f32[2, 2] 1 2 3 4; f32[2] 1 0.5; s8[2] 0 10",
         "s8[2, 2] 1 2 16 18"},
        {"QuantizeLinear", "", "f32[2, 2] 1 2 3 4; f32[2] 1 0.5", "u8[2, 2] 1 4 3 8"},
        {"QuantizeLinear", "axis=1;block_size=2",
         "f32[1, 3, 1] 1 2 3; f32[1, 2, 1] 1 0.5; u8[1, 2, 1] 0 5", "u8[1, 3, 1] 1 2 11"},
        {"QuantizeLinear", "", "f32[2] nan inf; f32[] 1", "u8[2] 0 255"},
    };
    OP_CASES_RUN_EXACT(cases);
}

static void test_dequantize(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"DequantizeLinear", "", "u8[3] 0 128 255; f32[] 0.5; u8[] 128", "f32[3] -64 0 63.5"},
        {"DequantizeLinear", "", "s32[2] -3 4; f32[] 0.5", "f32[2] -1.5 2"},
        {"DequantizeLinear", "", "s8[2, 2] 1 2 3 4; f16[2] 1 0.5; s8[2] 0 2", "f16[2, 2] 1 0 3 1"},
        {"DequantizeLinear", "axis=0;block_size=2",
         "u16[3, 2] 1 2 3 4 5 6; f32[2, 2] 1 10 100 1000; u16[2, 2] 1 0 0 0",
         "f32[3, 2] 0 20 2 40 500 6000"},
    };
    OP_CASES_RUN_EXACT(cases);
}

static void test_dynamic(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"DynamicQuantizeLinear", "", "f32[6] 0 2 -3 -2.5 1.34 0.5",
         "u8[6] 153 255 0 26 221 179; f32[] 0.019607844; u8[] 153"},
        {"DynamicQuantizeLinear", "", "f32[2] 0 0", "u8[2] 0 0; f32[] 1; u8[] 0"},
        {"DynamicQuantizeLinear", "", "f32[2] -255 -1", "u8[2] 0 254; f32[] 1; u8[] 255"},
    };
    OP_CASES_RUN(cases);
}

static void test_conv_integer(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"ConvInteger", "", "u8[1, 1, 3, 3] 2 3 4 5 6 7 8 9 10; u8[1, 1, 2, 2] 1 1 1 1; u8[] 1",
         "s32[1, 1, 2, 2] 12 16 24 28"},
        {"ConvInteger", "pads=[1, 1, 1, 1]",
         "u8[1, 1, 3, 3] 2 3 4 5 6 7 8 9 10; u8[1, 1, 2, 2] 1 1 1 1; u8[] 1",
         "s32[1, 1, 4, 4] 1 3 5 3 5 12 16 9 11 24 28 15 7 15 17 9"},
        {"ConvInteger", "", "s8[1, 1, 2] -128 127; s8[2, 1, 1] -128 127; s8[] 127; s8[2] 127 -128",
         "s32[1, 2, 2] 65025 0 -65025 0"},
        {"QLinearConv", "",
         "u8[1, 1, 2] 3 5; f32[] 0.5; u8[] 1; s8[2, 1, 1] 2 4; f32[2] 0.5 1; s8[2] 0 2; f32[] "
         "0.25; u8[] 10; s32[2] 1 -1",
         "u8[1, 2, 2] 15 19 16 24"},
        {"QLinearConv", "",
         "u8[1, 1, 1] 1; f32[] 0.5; u8[] 0; u8[1, 1, 1] 1; f32[] 1; u8[] 0; f32[] 1; u8[] 1",
         "u8[1, 1, 1] 1"},
    };
    OP_CASES_RUN_EXACT(cases);
}

static void test_matmul_integer(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"MatMulInteger", "",
         "u8[4, 3] 11 7 3 10 6 2 9 5 1 8 4 0; u8[3, 2] 1 4 2 5 3 6; u8[1] 12; u8[1] 0",
         "s32[4, 2] -38 -83 -44 -98 -50 -113 -56 -128"},
        {"MatMulInteger", "", "s8[2, 1] 3 4; u8[1, 2] 5 6; s8[2] 1 2; u8[2] 1 3",
         "s32[2, 2] 8 6 8 6"},
        {"MatMulInteger", "", "u8[2, 1, 1] 3 4; u8[1, 1] 5; u8[2, 1, 1] 1 3", "s32[2, 1, 1] 10 5"},
        {"QLinearMatMul", "",
         "u8[1, 2] 3 5; f32[] 0.5; u8[] 1; u8[2, 1] 4 6; f32[] 0.5; u8[] 2; f32[] 0.25; u8[] 10",
         "u8[1, 1] 30"},
        {"QLinearMatMul", "",
         "s8[2, 1] 3 5; f32[2] 1 2; s8[2] 0 1; s8[1, 2] 2 -100; f16[2] 1 2; s8[2] 0 0; f32[] 1; "
         "s8[] 0",
         "s8[2, 2] 6 -128 16 -128"},
    };
    OP_CASES_RUN_EXACT(cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quantize),       cmocka_unit_test(test_dequantize),
        cmocka_unit_test(test_dynamic),        cmocka_unit_test(test_conv_integer),
        cmocka_unit_test(test_matmul_integer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
