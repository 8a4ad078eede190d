/* Generating kernels against closed forms, and the mel filter bank against the ONNX reference. */
#include "op_case.h"

static void test_windows(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"HannWindow", "", "s64[] 4", "f32[4] 0 0.5 1 0.5"},
        {"HannWindow", "periodic=0", "s64[] 3", "f32[3] 0 1 0"},
        {"HannWindow", "periodic=0", "s64[] 1", "f32[1] 1"},
        {"HannWindow", "output_datatype=11", "s32[] 2", "f64[2] 0 1"},
        {"HannWindow", "", "s64[] 0", "f32[0]"},
        {"HammingWindow", "", "s64[] 2", "f32[2] 0.08695652 1"},
        {"BlackmanWindow", "periodic=0", "s64[] 3", "f32[3] 0 1 0"},
        {"BlackmanWindow", "", "s64[] 4", "f32[4] 0 0.34 1 0.34"},
    };
    OP_CASES_RUN(cases);
}

static void test_constants(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"ConstantOfShape", "", "s64[2] 1 2", "f32[1,2] 0 0"},
        {"ConstantOfShape", "value=s32[1] 7", "s64[1] 3", "s32[3] 7 7 7"},
        {"ConstantOfShape", "value=f16[1] 1.5", "s64[0]", "f16[] 1.5"},
        {"ConstantOfShape", "", "s64[2] 0 4", "f32[0,4]"},
        {"EyeLike", "", "f32[2,3] 9 9 9 9 9 9", "f32[2,3] 1 0 0 0 1 0"},
        {"EyeLike", "k=1;dtype=7", "f32[2,3] 9 9 9 9 9 9", "s64[2,3] 0 1 0 0 0 1"},
        {"EyeLike", "k=-1", "bool[3,2] 0 0 0 0 0 0", "bool[3,2] 0 0 1 0 0 1"},
        {"EyeLike", "k=9223372036854775807", "f32[1,1] 0", "f32[1,1] 0"},
        {"Shape", "", "f32[2,3]", "s64[2]"},
        {"Shape", "", "f32[0,3]", "s64[2] 0 3"},
        {"Shape", "start=-1", "u8[1,2] 0 0", "s64[1] 2"},
        {"Shape", "start=1;end=-1", "u8[1,1,2] 0 0", "s64[1] 1"},
        {"Shape", "start=5;end=2", "u8[1] 0", "s64[0]"},
        {"Size", "", "bool[2,2] 0 0 0 0", "s64[] 4"},
    };
    OP_CASES_RUN(cases);
}

static void test_ranges(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"Range", "", "s32[] 10; s32[] 4; s32[] -2", "s32[3] 10 8 6"},
        {"Range", "", "f32[] 1; f32[] 2; f32[] 0.3", "f32[4] 1 1.3 1.6 1.9"},
        {"Range", "", "f64[] 1; f64[] 0; f64[] 1", "f64[0]"},
        {"Range", "", "s16[] 3; s16[] 4; s16[] 100", "s16[1] 3"},
        {"Range", "",
         "s64[] -9223372036854775808; s64[] 9223372036854775807; s64[] 9223372036854775807",
         "s64[3] -9223372036854775808 -1 9223372036854775806"},
    };
    OP_CASES_RUN(cases);
}

static void test_one_hot(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"OneHot", "", "s64[3] 0 2 -1; s64[] 3; f32[2] 5 2", "f32[3,3] 2 5 5 5 5 2 5 5 2"},
        {"OneHot", "axis=0", "s64[2] 0 1; s64[1] 2; u8[2] 0 1", "u8[2,2] 1 0 0 1"},
        {"OneHot", "axis=1", "f32[1,2] 1 5; f32[] 2; s32[2] 0 1", "s32[1,2,2] 0 0 1 0"},
        {"OneHot", "", "s8[2] -4 3; u8[] 3; bool[2] 0 1", "bool[2,3] 0 0 0 0 0 0"},
        {"OneHot", "", "u64[1] 18446744073709551615; s64[] 2; f32[2] 0 1", "f32[1,2] 0 0"},
    };
    OP_CASES_RUN(cases);
}

static void test_affine_grid(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"AffineGrid", "", "f32[1,2,3] 1 0 0 0 1 0; s64[4] 1 1 2 2",
         "f32[1,2,2,2] -0.5 -0.5 0.5 -0.5 -0.5 0.5 0.5 0.5"},
        {"AffineGrid", "align_corners=1", "f32[1,2,3] 2 0 1 0 3 0; s64[4] 1 1 2 1",
         "f32[1,2,1,2] -1 -3 -1 3"},
        {"AffineGrid", "align_corners=1", "f64[1,3,4] 1 0 0 0 0 1 0 0 0 0 1 0.5; s64[5] 1 1 2 1 2",
         "f64[1,2,1,2,3] -1 -1 -0.5 1 -1 -0.5 -1 -1 1.5 1 -1 1.5"},
    };
    OP_CASES_RUN(cases);
}

/* onnx.reference of onnx 1.23.2: 4 bands of 16-point spectra at 8192 Hz between 0 and 4096 Hz. */
static void test_mel_weight_matrix(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"MelWeightMatrix", "", "s64[] 4; s64[] 16; s64[] 8192; f32[] 0; f32[] 4096",
         "f32[9,4] 1 0 0 0"
         " 0 1 0 0"
         " 0 0 1 0"
         " 0 0 0 1"
         " 0 0 0 0.5"
         " 0 0 0 0"
         " 0 0 0 0"
         " 0 0 0 0"
         " 0 0 0 0"},
    };
    OP_CASES_RUN(cases);
    static const op_failure failures[] = {
        {"MelWeightMatrix", "", "s64[] 4; s64[] 16; s64[] 0; f32[] 0; f32[] 4096", 1,
         DAVIT_BAD_DATA, "half the sample rate"},
        {"MelWeightMatrix", "", "s64[] 4; s64[] 16; s64[] 8192; f32[] -50; f32[] 4096", 1,
         DAVIT_BAD_DATA, "band 0"},
        {"MelWeightMatrix", "", "s64[] 4; s64[] 16; s64[] 8192; f32[] 0; f32[] 40960", 1,
         DAVIT_BAD_DATA, "half the sample rate"},
        {"MelWeightMatrix", "", "s64[] 4; s64[] 16; s64[] 8192; f32[] nan; f32[] 4096", 1,
         DAVIT_BAD_DATA, "band 0"},
    };
    OP_FAILURES_RUN(failures);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_windows),     cmocka_unit_test(test_constants),
        cmocka_unit_test(test_ranges),      cmocka_unit_test(test_one_hot),
        cmocka_unit_test(test_affine_grid), cmocka_unit_test(test_mel_weight_matrix),
    };
    return cmocka_run_group_tests_name("kernels_generate", tests, NULL, NULL);
}
