/* Shapes and types of the elementwise family, and what it refuses. */
#include "tests/reference/op_case.h"

static void test_results(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"Relu", "", "f16[2,3]", "f16[2,3]"},
        {"IsNaN", "", "f64[2]", "bool[2]"},
        {"Add", "", "f32[2,1,4]; f32[3,1]", "f32[2,3,4]"},
        {"Add", "", "f32[]; f32[3,1]", "f32[3,1]"},
        {"Add", "", "f32[0,1]; f32[1,5]", "f32[0,5]"},
        {"Less", "", "u8[2,1]; u8[2]", "bool[2,2]"},
        {"Pow", "", "f16[2]; s64[3,1]", "f16[3,2]"},
        {"Where", "", "bool[2,1]; s8[3]; s8[1,1,1]", "s8[1,2,3]"},
        {"Max", "", "f32[2]; f32[3,1]; f32[4,1,1]", "f32[4,3,2]"},
        {"PRelu", "", "f32[2,3,4]; f32[3,1]", "f32[2,3,4]"},
        {"Clip", "", "s8[3]; -; s8[]", "s8[3]"},
        {"Cast", "to=16", "bool[2]", "bf16[2]"},
        {"CastLike", "", "bool[2]; u16[5]", "u16[2]"},
        {"Dropout", "", "f32[2]; -; bool[] 0", "f32[2]; bool[2]"},
        {"Dropout", "", "f32[2]; f32[] 0.5; bool[] 0", "f32[2]; bool[2]"},
        {"Silu", "", "f32[2]", "f32[2]"},
    };
    OP_CASES_RUN(cases);
}

static void test_refusals(void **state)
{
    (void)state;
    static const op_failure failures[] = {
        {"Add", "", "f32[2]; f32[3]", 1, DAVIT_BAD_DATA, "shapes 2 and 3 do not broadcast"},
        {"Add", "", "f32[2]; f64[2]", 1, DAVIT_BAD_DATA, "input 1 has type f64, but input 0 has"},
        {"Add", "", "f32[2]", 1, DAVIT_BAD_DATA, "input 1 is missing"},
        {"Add", "", "bool[2]; bool[2]", 1, DAVIT_UNSUPPORTED, "type bool"},
        {"Add", "", "f32[1048576]; f32[1048576,1]", 1, DAVIT_OUT_OF_MEMORY, "too large"},
        {"Sum", "", "f32[2]; -; f32[2]", 1, DAVIT_BAD_DATA, "input 1 is missing"},
        {"Sum", "", "s32[2]", 1, DAVIT_UNSUPPORTED, "type s32"},
        {"Acos", "", "s32[2]", 1, DAVIT_UNSUPPORTED, "type s32"},
        {"And", "", "u8[2]; u8[2]", 1, DAVIT_UNSUPPORTED, "type u8"},
        {"BitShift", "", "u8[1]; u8[1]", 1, DAVIT_BAD_DATA, "direction"},
        {"BitShift", "direction=LEFT", "s8[1]; s8[1]", 1, DAVIT_UNSUPPORTED, "type s8"},
        {"Cast", "to=8", "f32[1]", 1, DAVIT_UNSUPPORTED, "type string"},
        {"Cast", "to=17", "f32[1]", 1, DAVIT_UNSUPPORTED, "type float8e4m3fn"},
        {"Cast", "to=99", "f32[1]", 1, DAVIT_BAD_DATA, "to is 99"},
        {"Cast", "to=-1", "f32[1]", 1, DAVIT_BAD_DATA, "to is -1"},
        {"Clip", "", "f32[2]; f32[2]", 1, DAVIT_BAD_DATA, "input 1 is not a scalar"},
        {"Clip", "", "f32[2]; s32[]", 1, DAVIT_BAD_DATA, "input 1 has type s32"},
        {"Dropout", "", "f32[2]; f32[] 0.5; bool[] 1", 1, DAVIT_UNSUPPORTED, "random result"},
        {"Dropout", "", "f32[2]; -; bool[] 1", 1, DAVIT_UNSUPPORTED, "random result"},
        {"Gelu", "approximate=erf", "f32[2]", 1, DAVIT_BAD_DATA, "approximate is 'erf'"},
        {"Mod", "", "f32[2]; f32[2]", 1, DAVIT_BAD_DATA, "fmod"},
        {"PRelu", "", "f32[3]; f32[2,3]", 1, DAVIT_BAD_DATA, "slope"},
        {"PRelu", "", "f32[1]; f32[3]", 1, DAVIT_BAD_DATA, "slope"},
        {"Where", "", "bool[2]; f32[2]; s32[2]", 1, DAVIT_BAD_DATA, "input 2 has type s32"},
        {"Where", "", "f32[2]; f32[2]; f32[2]", 1, DAVIT_UNSUPPORTED, "type f32"},
    };
    OP_FAILURES_RUN(failures);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_results),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests_name("infer_elementwise", tests, NULL, NULL);
}
