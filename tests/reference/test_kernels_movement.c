/* Movement kernels against the examples of the ONNX specification and numpy. */
#include "op_case.h"

static void test_shapes_only(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"Reshape", "", "f32[2,3] 1 2 3 4 5 6; s64[2] 3 -1", "f32[3,2] 1 2 3 4 5 6"},
        {"Reshape", "", "f32[2,3] 1 2 3 4 5 6; s64[3] 0 1 3", "f32[2,1,3] 1 2 3 4 5 6"},
        {"Reshape", "allowzero=1", "f32[0,3]; s64[2] 0 5", "f32[0,5]"},
        {"Flatten", "axis=0", "u8[2,2] 1 2 3 4", "u8[1,4] 1 2 3 4"},
        {"Squeeze", "", "f64[1,2,1] 1 2; s64[1] -1", "f64[1,2] 1 2"},
        {"Unsqueeze", "", "bf16[2] 1 2; s64[2] 0 -1", "bf16[1,2,1] 1 2"},
    };
    OP_CASES_RUN(cases);
}

static void test_permutations(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"Transpose", "", "f32[2,3] 1 2 3 4 5 6", "f32[3,2] 1 4 2 5 3 6"},
        {"Transpose", "perm=[1,0,2]", "s8[2,2,2] 1 2 3 4 5 6 7 8", "s8[2,2,2] 1 2 5 6 3 4 7 8"},
        {"Transpose", "perm=[2,0,1]", "f64[1,2,3] 1 2 3 4 5 6", "f64[3,1,2] 1 4 2 5 3 6"},
        {"Transpose", "", "f16[] 5", "f16[] 5"},
        {"DepthToSpace", "blocksize=2", "f32[1,8,1,1] 0 1 2 3 4 5 6 7",
         "f32[1,2,2,2] 0 2 4 6 1 3 5 7"},
        {"DepthToSpace", "blocksize=2;mode=CRD", "f32[1,8,1,1] 0 1 2 3 4 5 6 7",
         "f32[1,2,2,2] 0 1 2 3 4 5 6 7"},
        {"DepthToSpace", "blocksize=2", "f32[1,4,1,2] 0 1 2 3 4 5 6 7",
         "f32[1,1,2,4] 0 2 1 3 4 6 5 7"},
        {"SpaceToDepth", "blocksize=2", "f32[1,1,2,4] 0 2 1 3 4 6 5 7",
         "f32[1,4,1,2] 0 1 2 3 4 5 6 7"},
        {"SpaceToDepth", "blocksize=2", "f32[1,2,2,2] 0 2 4 6 1 3 5 7",
         "f32[1,8,1,1] 0 1 2 3 4 5 6 7"},
    };
    OP_CASES_RUN(cases);
}

static void test_repeats(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"Expand", "", "f32[3,1] 1 2 3; s64[3] 2 1 2", "f32[2,3,2] 1 1 2 2 3 3 1 1 2 2 3 3"},
        {"Expand", "", "u16[2] 1 2; s64[1] 1", "u16[2] 1 2"},
        {"Expand", "", "f32[] 1; s64[1] 0", "f32[0]"},
        {"Tile", "", "f32[2,2] 1 2 3 4; s64[2] 1 2", "f32[2,4] 1 2 1 2 3 4 3 4"},
        {"Tile", "", "s64[2,2] 1 2 3 4; s64[2] 2 1", "s64[4,2] 1 2 3 4 1 2 3 4"},
        {"Tile", "", "f32[2] 1 2; s64[1] 0", "f32[0]"},
        {"Trilu", "", "f32[2,3] 1 2 3 4 5 6", "f32[2,3] 1 2 3 0 5 6"},
        {"Trilu", "upper=0", "f32[2,3] 1 2 3 4 5 6", "f32[2,3] 1 0 0 4 5 0"},
        {"Trilu", "", "s32[2,3] 1 2 3 4 5 6; s64[] -1", "s32[2,3] 1 2 3 4 5 6"},
        {"Trilu", "", "f32[2,2] 1 2 3 4; s64[] 9223372036854775807", "f32[2,2] 0 0 0 0"},
        {"Trilu", "upper=0", "f32[2,2] 1 2 3 4; s64[] -9223372036854775808", "f32[2,2] 0 0 0 0"},
        {"Trilu", "upper=0", "f32[2,1,2] 1 2 3 4; s64[] 1", "f32[2,1,2] 1 2 3 4"},
    };
    OP_CASES_RUN(cases);
}

static void test_joins_and_splits(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"Concat", "axis=0", "f32[1,2] 1 2; f32[2,2] 3 4 5 6", "f32[3,2] 1 2 3 4 5 6"},
        {"Concat", "axis=-1", "u8[2,1] 1 2; u8[2,2] 3 4 5 6; u8[2,0]", "u8[2,3] 1 3 4 2 5 6"},
        {"Split", "axis=1", "f32[2,4] 1 2 3 4 5 6 7 8; s64[2] 1 3",
         "f32[2,1] 1 5; f32[2,3] 2 3 4 6 7 8"},
        {"Split", "num_outputs=3", "f32[7] 1 2 3 4 5 6 7", "f32[3] 1 2 3; f32[3] 4 5 6; f32[1] 7"},
        {"Split", "", "f32[4] 1 2 3 4", "f32[2] 1 2; f32[2] 3 4"},
        {"Split", "", "f32[2] 1 2; s64[3] 0 2 0", "f32[0]; f32[2] 1 2; f32[0]"},
    };
    OP_CASES_RUN(cases);
}

static void test_slices(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"Slice", "", "f32[2,4] 1 2 3 4 5 6 7 8; s64[2] 1 0; s64[2] 2 3; s64[2] 0 1; s64[2] 1 2",
         "f32[1,2] 5 7"},
        {"Slice", "", "f32[2,4] 1 2 3 4 5 6 7 8; s64[2] 0 1; s64[2] -1 1000", "f32[1,3] 2 3 4"},
        {"Slice", "", "s16[5] 1 2 3 4 5; s32[1] -1; s32[1] -100; s32[1] 0; s32[1] -2",
         "s16[3] 5 3 1"},
        {"Slice", "",
         "f32[4] 1 2 3 4; s64[1] 9223372036854775807; s64[1] -9223372036854775808; s64[1] -1; "
         "s64[1] -1",
         "f32[4] 4 3 2 1"},
        {"Slice", "",
         "f32[4] 1 2 3 4; s64[1] 1; s64[1] 9223372036854775807; -; "
         "s64[1] 9223372036854775807",
         "f32[1] 2"},
        {"Slice", "",
         "f32[4] 1 2 3 4; s64[1] 3; s64[1] -9223372036854775808; -; "
         "s64[1] -9223372036854775808",
         "f32[1] 4"},
        /* Backwards the start is clamped to 0, as the specification says; numpy takes nothing. */
        {"Slice", "", "f32[4] 1 2 3 4; s64[1] -9; s64[1] -9; -; s64[1] -1", "f32[1] 1"},
        {"Slice", "", "f32[4] 1 2 3 4; s64[1] 3; s64[1] 1", "f32[0]"},
        {"Slice", "", "f32[0]; s64[1] -1; s64[1] -9; -; s64[1] -1", "f32[0]"},
    };
    OP_CASES_RUN(cases);
}

static void test_pads(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"Pad", "", "f32[2,2] 1 2 3 4; s64[4] 0 1 1 0; f32[] 9", "f32[3,3] 9 1 2 9 3 4 9 9 9"},
        {"Pad", "", "u8[2] 1 2; s64[2] 1 1", "u8[4] 0 1 2 0"},
        {"Pad", "", "f32[4] 1 2 3 4; s64[2] -1 2", "f32[5] 2 3 4 0 0"},
        {"Pad", "", "f32[4] 1 2 3 4; s64[2] -5 3; f32[] 7", "f32[2] 7 7"},
        {"Pad", "mode=edge", "f32[3] 1 2 3; s64[2] 2 1", "f32[6] 1 1 1 2 3 3"},
        {"Pad", "mode=edge", "f32[3] 1 2 3; s64[2] -1 1", "f32[3] 2 3 3"},
        {"Pad", "mode=reflect", "f32[3] 1 2 3; s64[2] 2 1", "f32[6] 3 2 1 2 3 2"},
        {"Pad", "mode=reflect", "f32[3] 1 2 3; s64[2] 5 0", "f32[8] 2 1 2 3 2 1 2 3"},
        {"Pad", "mode=reflect", "f32[1] 7; s64[2] 1 1", "f32[3] 7 7 7"},
        {"Pad", "mode=wrap", "f32[3] 1 2 3; s64[2] 4 1", "f32[8] 3 1 2 3 1 2 3 1"},
        {"Pad", "", "f32[2,1] 1 2; s64[2] 1 0; -; s64[1] -1", "f32[2,2] 0 1 0 2"},
        {"Pad", "mode=reflect", "s64[2,2] 1 2 3 4; s64[4] 1 0 0 1", "s64[3,3] 3 4 3 1 2 1 3 4 3"},
        {"Pad", "", "f32[] 5; s64[0]", "f32[] 5"},
        {"Pad", "", "f32[0,2]; s64[4] 1 0 0 0; f32[] 3", "f32[1,2] 3 3"},
        {"CenterCropPad", "", "f32[5] 1 2 3 4 5; s64[1] 2", "f32[2] 2 3"},
        {"CenterCropPad", "", "f32[2] 1 2; s64[1] 5", "f32[5] 0 1 2 0 0"},
        {"CenterCropPad", "axes=[-1]", "f32[2,1] 1 2; s64[1] 3", "f32[2,3] 0 1 0 0 2 0"},
    };
    OP_CASES_RUN(cases);
}

static void test_gathers(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"Gather", "", "f32[3,2] 1 2 3 4 5 6; s64[2] 2 -3", "f32[2,2] 5 6 1 2"},
        {"Gather", "axis=1", "u8[2,3] 1 2 3 4 5 6; s32[1,2] 0 2", "u8[2,1,2] 1 3 4 6"},
        {"Gather", "axis=-1", "f64[2] 1 2; s64[] 1", "f64[] 2"},
        {"Gather", "", "f32[3] 1 2 3; s64[0]", "f32[0]"},
        {"GatherElements", "axis=1", "f32[2,2] 1 2 3 4; s64[2,2] 0 0 1 0", "f32[2,2] 1 1 4 3"},
        {"GatherElements", "", "f32[3,2] 1 2 3 4 5 6; s32[1,2] -1 0", "f32[1,2] 5 2"},
        {"GatherND", "", "f32[2,2] 0 1 2 3; s64[2,2] 0 0 1 -1", "f32[2] 0 3"},
        {"GatherND", "", "f32[2,2] 0 1 2 3; s64[2,1] 1 0", "f32[2,2] 2 3 0 1"},
        {"GatherND", "batch_dims=1", "s32[2,2,2] 0 1 2 3 4 5 6 7; s64[2,1] 1 0",
         "s32[2,2] 2 3 4 5"},
    };
    OP_CASES_RUN(cases);
}

static void test_scatters(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"ScatterElements", "axis=1", "f32[1,5] 1 2 3 4 5; s64[1,2] 1 -2; f32[1,2] 1.5 2.5",
         "f32[1,5] 1 1.5 3 2.5 5"},
        {"ScatterElements", "reduction=add", "f32[3] 1 2 3; s64[3] 1 1 0; f32[3] 10 20 5",
         "f32[3] 6 32 3"},
        {"ScatterElements", "reduction=mul", "u8[2] 100 2; s64[2] 0 1; u8[2] 3 4", "u8[2] 44 8"},
        {"ScatterElements", "reduction=max", "f32[2] 1 5; s64[3] 0 1 0; f32[3] 3 4 2",
         "f32[2] 3 5"},
        {"ScatterElements", "reduction=min", "s64[2] 1 5; s32[2] 0 1; s64[2] 3 4", "s64[2] 1 4"},
        {"ScatterElements", "reduction=max", "u64[1] 1; s64[1] 0; u64[1] 18446744073709551615",
         "u64[1] 18446744073709551615"},
        {"ScatterND", "", "f32[4] 1 2 3 4; s64[2,1] 3 -4; f32[2] 9 8", "f32[4] 8 2 3 9"},
        {"ScatterND", "", "bool[2,2] 0 0 0 0; s64[1,1] 1; bool[1,2] 1 0", "bool[2,2] 0 0 1 0"},
        {"ScatterND", "reduction=add", "f16[2,2] 1 2 3 4; s64[2,1] 0 0; f16[2,2] 1 1 2 2",
         "f16[2,2] 4 5 3 4"},
        {"ScatterND", "reduction=mul", "s32[2] 3 4; s64[1,1] 1; s32[1] -2", "s32[2] 3 -8"},
    };
    OP_CASES_RUN(cases);
}

static void test_selections(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"Compress", "axis=0", "f32[3,2] 1 2 3 4 5 6; bool[3] 0 1 1", "f32[2,2] 3 4 5 6"},
        {"Compress", "axis=-1", "f32[2,3] 1 2 3 4 5 6; bool[2] 0 1", "f32[2,1] 2 5"},
        {"Compress", "", "f32[2,2] 1 2 3 4; bool[4] 1 0 0 1", "f32[2] 1 4"},
        {"NonZero", "", "f32[2,2] 1 0 -0 nan", "s64[2,2] 0 1 0 1"},
        {"NonZero", "", "bool[3] 0 1 1", "s64[1,2] 1 2"},
        {"NonZero", "", "s32[] 5", "s64[0,1]"},
        {"NonZero", "", "u8[2] 0 0", "s64[1,0]"},
        {"Unique", "", "f32[6] 2 1 1 3 4 3",
         "f32[4] 1 2 3 4; s64[4] 1 0 3 4; s64[6] 1 0 0 2 3 2; s64[4] 2 1 2 1"},
        {"Unique", "sorted=0", "f32[6] 2 1 1 3 4 3",
         "f32[4] 2 1 3 4; s64[4] 0 1 3 4; s64[6] 0 1 1 2 3 2; s64[4] 1 2 2 1"},
        {"Unique", "axis=0", "s8[3,2] 1 0 1 0 -2 3",
         "s8[2,2] -2 3 1 0; s64[2] 2 0; s64[3] 1 1 0; s64[2] 1 2"},
        {"Unique", "axis=1", "s64[2,3] 1 1 0 4 4 5", "s64[2,2] 0 1 5 4"},
        {"Unique", "", "f32[4] nan -0 0 nan", "f32[2] 0 nan; s64[2] 1 0; s64[4] 1 0 0 1"},
        {"Unique", "", "u64[2] 18446744073709551615 1", "u64[2] 1 18446744073709551615"},
        {"Unique", "", "f32[0]", "f32[0]; s64[0]; s64[0]; s64[0]"},
    };
    OP_CASES_RUN(cases);
}

/* The first two boxes overlap by 9 / 11, the third lies apart. */
static void test_non_max_suppression(void **state)
{
    (void)state;
#define BOXES "f32[1,3,4] 0 0 1 1 0 0.1 1 1.1 0 10 1 11; "
#define SCORES "f32[1,1,3] 0.9 0.75 0.6; "
    static const op_case cases[] = {
        {"NonMaxSuppression", "", BOXES SCORES "s64[] 3; f32[] 0.5; f32[] 0",
         "s64[2,3] 0 0 0 0 0 2"},
        {"NonMaxSuppression", "", BOXES SCORES "s64[] 3; f32[] 0.9; f32[] 0.7",
         "s64[2,3] 0 0 0 0 0 1"},
        {"NonMaxSuppression", "", BOXES SCORES "s64[] 1; f32[] 0.9", "s64[1,3] 0 0 0"},
        {"NonMaxSuppression", "", BOXES SCORES, "s64[0,3]"},
        {"NonMaxSuppression", "", BOXES "f32[1,2,3] 1 2 3 2 2 1; s64[] 2; f32[] 0.5",
         "s64[4,3] 0 0 2 0 0 1 0 1 0 0 1 2"},
        {"NonMaxSuppression", "center_point_box=1",
         "f32[1,2,4] 0.5 0.5 1 1 0.5 0.6 1 1; f32[1,1,2] 0.1 0.2; s64[] 2; f32[] 0.5",
         "s64[1,3] 0 0 1"},
        {"NonMaxSuppression", "",
         "f32[1,2,4] 1 1 0 0 0 0.1 1 1.1; f32[1,1,2] 1 2; s64[] 2; f32[] 0.5", "s64[1,3] 0 0 1"},
        {"NonMaxSuppression", "", "f32[0,3,4]; f32[0,1,3]; s64[] 3", "s64[0,3]"},
    };
    OP_CASES_RUN(cases);
}

static void test_bad_indices(void **state)
{
    (void)state;
    static const op_failure failures[] = {
        {"Gather", "", "f32[3] 1 2 3; s64[1] 3", 1, DAVIT_BAD_DATA, "index 3 is not in [-3, 3)"},
        {"Gather", "", "f32[3] 1 2 3; s64[1] -4", 1, DAVIT_BAD_DATA, "index -4"},
        {"Gather", "", "f32[0]; s64[1] 0", 1, DAVIT_BAD_DATA, "index 0"},
        {"GatherElements", "", "f32[2] 1 2; s64[1] 2", 1, DAVIT_BAD_DATA, "index 2"},
        {"GatherND", "", "f32[2,2] 1 2 3 4; s64[1,2] 0 2", 1, DAVIT_BAD_DATA, "index 2"},
        {"GatherND", "", "f32[2] 1 2; s64[1,1] -9223372036854775808", 1, DAVIT_BAD_DATA, "index"},
        {"ScatterElements", "", "f32[2] 1 2; s64[1] -3; f32[1] 0", 1, DAVIT_BAD_DATA, "index -3"},
        {"ScatterND", "", "f32[2] 1 2; s64[1,1] 2; f32[1] 0", 1, DAVIT_BAD_DATA, "index 2"},
    };
    OP_FAILURES_RUN(failures);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes_only), cmocka_unit_test(test_permutations),
        cmocka_unit_test(test_repeats),     cmocka_unit_test(test_joins_and_splits),
        cmocka_unit_test(test_slices),      cmocka_unit_test(test_pads),
        cmocka_unit_test(test_gathers),     cmocka_unit_test(test_scatters),
        cmocka_unit_test(test_selections),  cmocka_unit_test(test_non_max_suppression),
        cmocka_unit_test(test_bad_indices),
    };
    return cmocka_run_group_tests_name("kernels_movement", tests, NULL, NULL);
}
