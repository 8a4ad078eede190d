/* Shapes and types of quantisation and integer products. */
#include "op_case.h"

static void test_shapes(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"QuantizeLinear", "", "f32[2, 3]; f32[3]; s8[3]", "s8[2, 3]"},
        {"QuantizeLinear", "output_dtype=5", "bf16[2, 3]; bf16[]", "s16[2, 3]"},
        {"DequantizeLinear", "axis=-1;block_size=2", "u8[2, 5]; f16[2, 3]", "f16[2, 5]"},
        {"DynamicQuantizeLinear", "", "f32[2, 3]", "u8[2, 3]; f32[]; u8[]"},
        {"ConvInteger", "strides=[2, 2]", "u8[1, 3, 9, 9]; s8[4, 3, 3, 3]; u8[]; s8[4]",
         "s32[1, 4, 4, 4]"},
        {"QLinearConv", "",
         "u8[1, 3, 9]; f32[]; u8[]; s8[4, 3, 3]; f32[4]; s8[4]; f32[]; s8[]; s32[4]",
         "s8[1, 4, 7]"},
        {"MatMulInteger", "", "u8[2, 3, 4]; s8[4, 5]; u8[2, 3, 1]; s8[5]", "s32[2, 3, 5]"},
        {"QLinearMatMul", "", "u8[3, 4]; f32[3]; u8[3]; u8[4, 5]; f32[5]; u8[5]; f32[]; s8[]",
         "s8[3, 5]"},
    };
    OP_CASES_RUN(cases);
}

static void test_failures(void **state)
{
    (void)state;
    static const op_failure failures[] = {
        {"QuantizeLinear", "output_dtype=17", "f32[2]; f32[]", 1, DAVIT_UNSUPPORTED,
         "float8e4m3fn"},
        {"QuantizeLinear", "output_dtype=3", "f32[2]; f32[]; u8[]", 1, DAVIT_BAD_DATA,
         "output_dtype"},
        {"QuantizeLinear", "", "f32[2, 3]; f32[2]", 1, DAVIT_BAD_DATA,
         "input 1 has shape 2, not 3"},
        {"QuantizeLinear", "", "f32[2, 3]; f32[3]; u8[]", 1, DAVIT_BAD_DATA, "input 2"},
        {"QuantizeLinear", "axis=2", "f32[2, 3]; f32[3]", 1, DAVIT_BAD_DATA, "axis 2"},
        {"QuantizeLinear", "block_size=2", "f32[2, 5]; f32[2, 2]", 1, DAVIT_BAD_DATA, "not 2x3"},
        {"QuantizeLinear", "block_size=-1", "f32[2, 5]; f32[]", 1, DAVIT_BAD_DATA, "block_size"},
        {"DequantizeLinear", "", "u8[2]; f32[]; s8[]", 1, DAVIT_BAD_DATA, "zero point"},
        {"DequantizeLinear", "", "s64[2]; f32[]", 1, DAVIT_UNSUPPORTED, "s64"},
        {"ConvInteger", "", "u8[1, 1, 3]; u8[2, 1, 2]; u8[2]", 1, DAVIT_BAD_DATA, "2 elements"},
        {"ConvInteger", "", "u8[1, 1, 3]; u8[2, 1, 2]; u8[]; u8[3]", 1, DAVIT_BAD_DATA, "input 3"},
        {"ConvInteger", "", "u8[1, 1, 3]; u8[2, 1, 2]; s8[]", 1, DAVIT_BAD_DATA, "input 2 is s8"},
        {"MatMulInteger", "", "u8[2, 3]; u8[3, 4]; u8[3]", 1, DAVIT_BAD_DATA, "input 2"},
        {"MatMulInteger", "", "u8[2, 3]; u8[4, 4]", 1, DAVIT_BAD_DATA, "rows"},
        {"QLinearMatMul", "", "u8[3, 4]; f32[3]; u8[3]; u8[4, 5]; f32[4]; u8[5]; f32[]; s8[]", 1,
         DAVIT_BAD_DATA, "input 4"},
        {"QLinearConv", "", "u8[1, 3, 9]; f32[3]; u8[]; s8[4, 3, 3]; f32[4]; s8[4]; f32[]; s8[]", 1,
         DAVIT_BAD_DATA, "input 1"},
        {"QLinearConv", "",
         "u8[1, 3, 9]; f32[]; u8[]; s8[4, 3, 3]; f32[4]; s8[4]; f32[]; s8[]; s32[3]", 1,
         DAVIT_BAD_DATA, "input 8"},
    };
    OP_FAILURES_RUN(failures);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
