/* Shapes and types of the generating family, and what it refuses. */
#include "tests/reference/op_case.h"

static void test_results(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"HannWindow", "output_datatype=10", "s32[] 5", "f16[5]"},
        {"ConstantOfShape", "value=u8[1] 1", "s64[2] 2 3", "u8[2,3]"},
        {"EyeLike", "dtype=11", "s32[2,3]", "f64[2,3]"},
        {"MelWeightMatrix", "", "s64[] 8; s64[] 17; s64[]; f32[]; f32[]", "f32[9,8]"},
        {"OneHot", "axis=1", "s64[2,3]; f64[] 4; u8[2]", "u8[2,4,3]"},
        {"OneHot", "", "s64[]; u8[1] 200; u8[2]", "u8[200]"},
        {"Range", "", "f32[] 0; f32[] 1; f32[] 0.25", "f32[4]"},
        {"Range", "", "f32[] 0; f32[] -inf; f32[] 1", "f32[0]"},
        {"Shape", "end=-1", "f32[2,3,4]", "s64[2]"},
        {"Shape", "", "f32[]", "s64[0]"},
        {"Size", "", "f32[2,3]", "s64[]"},
        {"AffineGrid", "", "f32[2,2,3]; s64[4] 2 3 4 5", "f32[2,4,5,2]"},
        {"AffineGrid", "", "f32[2,3,4]; s64[5] 2 1 4 5 6", "f32[2,4,5,6,3]"},
    };
    OP_CASES_RUN(cases);
}

static void test_refusals(void **state)
{
    (void)state;
    static const op_failure failures[] = {
        {"HannWindow", "", "s64[] -1", 1, DAVIT_BAD_DATA, "input 0 is -1"},
        {"HannWindow", "", "s64[2] 1 2", 1, DAVIT_BAD_DATA, "input 0 is not a scalar"},
        {"HannWindow", "", "s64[] 9223372036854775807", 1, DAVIT_OUT_OF_MEMORY, "too large"},
        {"HannWindow", "output_datatype=8", "s64[] 1", 1, DAVIT_UNSUPPORTED, "type string"},
        {"ConstantOfShape", "", "s64[1] -1", 1, DAVIT_BAD_DATA, "cannot have shape"},
        {"ConstantOfShape", "value=f32[2] 1 2", "s64[1] 1", 1, DAVIT_BAD_DATA, "one element"},
        {"EyeLike", "", "f32[2]", 1, DAVIT_BAD_DATA, "rank 1, not 2"},
        {"EyeLike", "dtype=77", "f32[2,2]", 1, DAVIT_BAD_DATA, "dtype is 77"},
        {"MelWeightMatrix", "", "s64[] 8; s64[] 16; s64[2]; f32[]; f32[]", 1, DAVIT_BAD_DATA,
         "input 2 is not a scalar"},
        {"OneHot", "", "s64[2]; s64[] -3; f32[2]", 1, DAVIT_BAD_DATA, "input 1 is -3"},
        {"OneHot", "", "s64[2]; f32[] nan; f32[2]", 1, DAVIT_BAD_DATA, "out of range"},
        {"OneHot", "", "s64[2]; u64[] 18446744073709551615; f32[2]", 1, DAVIT_OUT_OF_MEMORY,
         "too large"},
        {"OneHot", "", "s64[2]; s64[] 3; f32[3]", 1, DAVIT_BAD_DATA, "3 values, not 2"},
        {"OneHot", "axis=3", "s64[2]; s64[] 3; f32[2]", 1, DAVIT_BAD_DATA, "axis 3"},
        {"Range", "", "f32[] 0; f32[] 1; f32[] 0", 1, DAVIT_BAD_DATA, "delta is 0"},
        {"Range", "", "f32[] 0; f32[] 1; f32[] nan", 1, DAVIT_OUT_OF_MEMORY, "too many"},
        {"Range", "", "s64[] 0; s64[] 9223372036854775807; s64[] 1", 1, DAVIT_OUT_OF_MEMORY,
         "too many"},
        {"Range", "", "s64[] 0; s32[] 1; s64[] 1", 1, DAVIT_BAD_DATA, "input 1 is not one s64"},
        {"Range", "", "s64[] 0; s64[]; s64[] 1", 1, DAVIT_UNSUPPORTED, "value of input 1"},
        {"AffineGrid", "", "f32[2,2,3]; s64[5] 2 1 4 5 6", 1, DAVIT_BAD_DATA, "theta and size"},
        {"AffineGrid", "", "f32[3,2,3]; s64[4] 2 1 4 5", 1, DAVIT_BAD_DATA, "theta and size"},
    };
    OP_FAILURES_RUN(failures);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_results),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests_name("infer_generate", tests, NULL, NULL);
}
