/* Shapes of the movement family, and what it refuses. */
#include "tests/reference/op_case.h"

static void test_reshaping(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"Reshape", "", "f32[2,3,4]; s64[2] 6 -1", "f32[6,4]"},
        {"Reshape", "", "f32[2,3,4]; s64[3] 0 0 -1", "f32[2,3,4]"},
        {"Reshape", "", "f32[]; s64[1] 1", "f32[1]"},
        {"Reshape", "", "f32[1]; s64[0]", "f32[]"},
        {"Flatten", "", "f32[2,3,4]", "f32[2,12]"},
        {"Flatten", "axis=3", "f32[2,3,4]", "f32[24,1]"},
        {"Flatten", "axis=-1", "f32[2,3,4]", "f32[6,4]"},
        {"Flatten", "axis=0", "f32[]", "f32[1,1]"},
        {"Squeeze", "", "f32[1,2,1]", "f32[2]"},
        {"Squeeze", "", "f32[1,2,1]; s64[2] -1 0", "f32[2]"},
        {"Unsqueeze", "", "f32[2]; s64[2] 2 0", "f32[1,2,1]"},
        {"Unsqueeze", "", "f32[]; s64[] 0", "f32[1]"},
        {"Transpose", "", "f32[2,3,4]", "f32[4,3,2]"},
        {"Transpose", "perm=[0,2,1]", "f32[2,3,4]", "f32[2,4,3]"},
        {"Expand", "", "f32[3,1]; s64[2] 1 4", "f32[3,4]"},
        {"Tile", "", "f32[2,3]; s64[2] 3 0", "f32[6,0]"},
        {"Concat", "axis=1", "f32[2,1]; f32[2,3]", "f32[2,4]"},
        {"DepthToSpace", "blocksize=2", "f32[1,8,2,3]", "f32[1,2,4,6]"},
        {"SpaceToDepth", "blocksize=2", "f32[1,2,4,6]", "f32[1,8,2,3]"},
        {"Trilu", "", "f32[2,3]; s64[]", "f32[2,3]"},
    };
    OP_CASES_RUN(cases);
}

static void test_refused_reshaping(void **state)
{
    (void)state;
    static const op_failure failures[] = {
        {"Reshape", "", "f32[6]; s64[2] 4 -1", 1, DAVIT_BAD_DATA, "cannot make 6 elements"},
        {"Reshape", "", "f32[6]; s64[2] -1 -1", 1, DAVIT_BAD_DATA, "more than one -1"},
        {"Reshape", "", "f32[6]; s64[1] -2", 1, DAVIT_BAD_DATA, "below it"},
        {"Reshape", "", "f32[6]; s64[2] 2 4", 1, DAVIT_BAD_DATA, "6 elements do not fit shape 2x4"},
        {"Reshape", "", "f32[6]; s64[2] 6 0", 1, DAVIT_BAD_DATA, "dimension 1 is to be copied"},
        {"Reshape", "", "f32[0]; s64[2] 0 -1", 1, DAVIT_BAD_DATA, "cannot make"},
        {"Reshape", "", "f32[6]; s64[9] 1 1 1 1 1 1 1 1 6", 1, DAVIT_BAD_DATA, "at most 8"},
        {"Reshape", "", "f32[6]; s64[2] 9223372036854775807 3", 1, DAVIT_OUT_OF_MEMORY, "large"},
        {"Reshape", "", "f32[6]; s64[1]", 1, DAVIT_UNSUPPORTED, "value of input 1"},
        {"Flatten", "axis=3", "f32[2,3]", 1, DAVIT_BAD_DATA, "axis 3 is not in [-2, 2]"},
        {"Squeeze", "", "f32[1,2]; s64[1] 1", 1, DAVIT_BAD_DATA, "dimension 1 is 2, not 1"},
        {"Squeeze", "", "f32[1]; s64[1] 1", 1, DAVIT_BAD_DATA, "axis 1"},
        {"Squeeze", "", "f32[1,1]; s64[2] 0 -2", 1, DAVIT_BAD_DATA, "axis 0 is given twice"},
        {"Unsqueeze", "", "f32[2]; s64[1] 2", 1, DAVIT_BAD_DATA, "axis 2"},
        {"Unsqueeze", "", "f32[1,1,1,1,1,1,1,1]; s64[1] 0", 1, DAVIT_UNSUPPORTED, "rank 9"},
        {"Transpose", "perm=[0,0]", "f32[2,3]", 1, DAVIT_BAD_DATA, "axis 0 is given twice"},
        {"Transpose", "perm=[0]", "f32[2,3]", 1, DAVIT_BAD_DATA, "perm has 1 axes"},
        {"Transpose", "perm=[0,5]", "f32[2,3]", 1, DAVIT_BAD_DATA, "axis 5"},
        {"Expand", "", "f32[3]; s64[1] 2", 1, DAVIT_BAD_DATA, "do not broadcast"},
        {"Expand", "", "f32[1]; s64[1] -1", 1, DAVIT_BAD_DATA, "cannot have shape"},
        {"Expand", "", "f32[1]; s64[2] 1099511627776 1099511627776", 1, DAVIT_OUT_OF_MEMORY,
         "too large"},
        {"Tile", "", "f32[2]; s64[2] 1 1", 1, DAVIT_BAD_DATA, "2 repeats"},
        {"Tile", "", "f32[2]; s64[1] -1", 1, DAVIT_BAD_DATA, "-1 repeats"},
        {"Tile", "", "f32[2]; s64[1] 9223372036854775807", 1, DAVIT_OUT_OF_MEMORY, "too large"},
        {"Concat", "axis=1", "f32[2,1]; f32[3,1]", 1, DAVIT_BAD_DATA, "input 1 differs"},
        {"Concat", "axis=0", "f32[2]; f64[2]", 1, DAVIT_BAD_DATA, "input 1 differs"},
        {"Concat", "axis=2", "f32[2]", 1, DAVIT_BAD_DATA, "axis 2"},
        {"DepthToSpace", "blocksize=2", "f32[1,6,1,1]", 1, DAVIT_BAD_DATA, "does not divide"},
        {"DepthToSpace", "blocksize=0", "f32[1,4,1,1]", 1, DAVIT_BAD_DATA, "blocksize 0"},
        {"DepthToSpace", "blocksize=2;mode=XYZ", "f32[1,4,1,1]", 1, DAVIT_BAD_DATA, "XYZ"},
        {"SpaceToDepth", "blocksize=2", "f32[1,4,3,2]", 1, DAVIT_BAD_DATA, "does not divide"},
        {"Trilu", "", "f32[3]", 1, DAVIT_BAD_DATA, "not a matrix"},
    };
    OP_FAILURES_RUN(failures);
}

static void test_slicing(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"Slice", "", "f32[10,4]; s64[1] 1; s64[1] -1; s64[1] 0; s64[1] 3", "f32[3,4]"},
        {"Slice", "", "f32[10]; s64[1] -1; s64[1] -9223372036854775808; -; s64[1] -3", "f32[4]"},
        {"Split", "axis=-1;num_outputs=2", "f32[2,5]", "f32[2,3]; f32[2,2]"},
        {"Split", "", "f32[5]; s64[2] 0 5", "f32[0]; f32[5]"},
        {"Pad", "", "f32[2,3]; s64[4] 1 -1 0 2", "f32[3,4]"},
        {"Pad", "mode=wrap", "f32[2,3]; s64[2] 1 1; -; s64[1] -2", "f32[4,3]"},
        {"CenterCropPad", "", "f32[2,3]; s64[2] 4 1", "f32[4,1]"},
        {"CenterCropPad", "axes=[1]", "f32[2,3]; s32[1] 7", "f32[2,7]"},
    };
    OP_CASES_RUN(cases);
    static const op_failure failures[] = {
        {"Slice", "", "f32[4]; s64[1] 0; s64[1] 1; s64[1] 0; s64[1] 0", 1, DAVIT_BAD_DATA,
         "a step is 0"},
        {"Slice", "", "f32[4]; s64[1] 0; s64[2] 1 2", 1, DAVIT_BAD_DATA, "1 starts, 2 ends"},
        {"Slice", "", "f32[4]; s64[2] 0 0; s64[2] 1 1", 1, DAVIT_BAD_DATA, "2 values"},
        {"Slice", "", "f32[4]; s64[1] 0; s64[1] 1; s64[1] 4", 1, DAVIT_BAD_DATA, "axis 4"},
        {"Slice", "", "f32[4,4]; s64[2] 0 0; s64[2] 1 1; s64[2] 1 -1", 1, DAVIT_BAD_DATA, "twice"},
        {"Slice", "", "f32[4]; s64[1] 0; s64[1] 1; s64[2] 0 0", 1, DAVIT_BAD_DATA, "2 axes"},
        {"Split", "", "f32[5]; s64[2] 2 2", 2, DAVIT_BAD_DATA, "leave 1"},
        {"Split", "", "f32[5]; s64[2] 6 -1", 2, DAVIT_BAD_DATA, "size 6"},
        {"Split", "", "f32[5]; s64[2] 2 3", 3, DAVIT_BAD_DATA, "2 sizes for 3 outputs"},
        {"Split", "num_outputs=2", "f32[5]", 3, DAVIT_BAD_DATA, "num_outputs"},
        {"Split", "num_outputs=4", "f32[5]", 4, DAVIT_BAD_DATA, "has no 4 parts"},
        {"Pad", "", "f32[2]; s64[3] 0 0 0", 1, DAVIT_BAD_DATA, "3 pads"},
        {"Pad", "", "f32[2]; s64[4] 0 0 0 0", 1, DAVIT_BAD_DATA, "2 values"},
        {"Pad", "", "f32[2]; s64[2] -2 -1", 1, DAVIT_BAD_DATA, "padded to -1"},
        {"Pad", "", "f32[2]; s64[2] 9223372036854775807 9223372036854775807", 1, DAVIT_BAD_DATA,
         "out of range"},
        {"Pad", "mode=edge", "f32[0]; s64[2] 1 0", 1, DAVIT_BAD_DATA, "empty dimension"},
        {"Pad", "mode=edge", "f32[2]; s64[2] -3 2", 1, DAVIT_BAD_DATA, "empty dimension"},
        {"Pad", "mode=mirror", "f32[2]; s64[2] 0 0", 1, DAVIT_BAD_DATA, "mode 'mirror'"},
        {"Pad", "", "f32[2]; s64[2] 0 0; f64[]", 1, DAVIT_BAD_DATA, "not one f32"},
        {"CenterCropPad", "axes=[0]", "f32[2,3]; s64[2] 1 1", 1, DAVIT_BAD_DATA, "for 1 axes"},
        {"CenterCropPad", "", "f32[2]; s64[1] -1", 1, DAVIT_BAD_DATA, "cannot have shape"},
    };
    OP_FAILURES_RUN(failures);
}

static void test_gathering(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"Gather", "axis=1", "f32[2,3,4]; s64[5,6]", "f32[2,5,6,4]"},
        {"Gather", "", "f32[3]; s64[]", "f32[]"},
        {"GatherElements", "axis=-1", "f32[2,3]; s64[1,9]", "f32[1,9]"},
        {"GatherND", "", "f32[2,3,4]; s64[5,2]", "f32[5,4]"},
        {"GatherND", "batch_dims=1", "f32[2,3,4]; s64[2,5,1]", "f32[2,5,4]"},
        {"ScatterElements", "", "f32[3,3]; s64[2,3]; f32[2,3]", "f32[3,3]"},
        {"ScatterND", "", "f32[2,3,4]; s64[5,1]; f32[5,3,4]", "f32[2,3,4]"},
    };
    OP_CASES_RUN(cases);
    static const op_failure failures[] = {
        {"Gather", "axis=3", "f32[2,3]; s64[1]", 1, DAVIT_BAD_DATA, "axis 3"},
        {"Gather", "", "f32[]; s64[1]", 1, DAVIT_BAD_DATA, "axis 0"},
        {"Gather", "", "f32[1,1,1,1,1]; s64[1,1,1,1,1]", 1, DAVIT_UNSUPPORTED, "rank 9"},
        {"GatherElements", "", "f32[2,3]; s64[2]", 1, DAVIT_BAD_DATA, "indices of shape 2"},
        {"GatherElements", "", "f32[2,3]; s64[1,4]", 1, DAVIT_BAD_DATA, "into shape 2x3"},
        {"GatherND", "", "f32[2]; s64[1,2]", 1, DAVIT_BAD_DATA, "2 dimensions into 1"},
        {"GatherND", "", "f32[2]; s64[]", 1, DAVIT_BAD_DATA, "rank 0"},
        {"GatherND", "batch_dims=1", "f32[2,3]; s64[3,1]", 1, DAVIT_BAD_DATA, "batch dimension"},
        {"GatherND", "batch_dims=-1", "f32[2,3]; s64[3,1]", 1, DAVIT_BAD_DATA, "batch_dims is -1"},
        {"ScatterElements", "", "f32[3]; s64[2]; f32[3]", 1, DAVIT_BAD_DATA, "differ in shape"},
        {"ScatterElements", "", "f32[3]; s64[2]; f64[2]", 1, DAVIT_BAD_DATA, "updates of type f64"},
        {"ScatterElements", "reduction=avg", "f32[3]; s64[2]; f32[2]", 1, DAVIT_BAD_DATA, "'avg'"},
        {"ScatterND", "", "f32[3]; s64[2,1]; f32[3]", 1, DAVIT_BAD_DATA, "updates of shape 3"},
        {"ScatterND", "reduction=add", "bool[3]; s64[2,1]; bool[2]", 1, DAVIT_UNSUPPORTED, "bool"},
    };
    OP_FAILURES_RUN(failures);
}

static void test_data_dependent(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"Compress", "axis=1", "f32[2,3]; bool[3] 1 0 1", "f32[2,2]"},
        {"NonZero", "", "f32[3] 1 0 2", "s64[1,2]"},
        {"Unique", "", "f32[3] 1 1 2", "f32[2]; s64[2]; s64[3]; s64[2]"},
    };
    OP_CASES_RUN(cases);
    static const op_failure failures[] = {
        {"Compress", "", "f32[2]; bool[2]", 1, DAVIT_UNSUPPORTED, "value of input 1"},
        {"Compress", "axis=0", "f32[2]; bool[3] 0 0 1", 1, DAVIT_BAD_DATA, "at most 2"},
        {"NonZero", "", "f32[2]", 1, DAVIT_UNSUPPORTED, "value of input 0"},
        {"Unique", "axis=1", "f32[2] 1 2", 1, DAVIT_BAD_DATA, "axis 1"},
        {"NonMaxSuppression", "", "f32[1,1,4] 0 0 1 1; f32[1,1,2] 1 1", 1, DAVIT_BAD_DATA,
         "boxes are not"},
        {"NonMaxSuppression", "", "f32[1,1,4] 0 0 1 1; f32[1,1,1] 1; s64[2] 1 1", 1, DAVIT_BAD_DATA,
         "input 2 is not a scalar"},
    };
    OP_FAILURES_RUN(failures);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reshaping),      cmocka_unit_test(test_refused_reshaping),
        cmocka_unit_test(test_slicing),        cmocka_unit_test(test_gathering),
        cmocka_unit_test(test_data_dependent),
    };
    return cmocka_run_group_tests_name("infer_movement", tests, NULL, NULL);
}
