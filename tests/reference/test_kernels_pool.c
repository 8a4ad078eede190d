/* Pools, and what is close to them, against closed forms. */
#include "op_case.h"

static void test_max(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"MaxPool", "kernel_shape=[2, 2]", "f32[1, 1, 3, 3] 1 2 3 4 5 6 7 8 9",
         "f32[1, 1, 2, 2] 5 6 8 9; s64[1, 1, 2, 2] 4 5 7 8"},
        {"MaxPool", "kernel_shape=[2, 2];storage_order=1", "f32[1, 1, 3, 3] 1 2 3 4 5 6 7 8 9",
         "f32[1, 1, 2, 2] 5 6 8 9; s64[1, 1, 2, 2] 4 7 5 8"},
        {"MaxPool", "kernel_shape=[2];strides=[2];ceil_mode=1", "f32[1, 1, 5] 1 2 3 4 5",
         "f32[1, 1, 3] 2 4 5"},
        {"MaxPool", "kernel_shape=[2];strides=[2]", "f32[1, 1, 5] 1 2 3 4 5", "f32[1, 1, 2] 2 4"},
        {"MaxPool", "kernel_shape=[3];strides=[2];ceil_mode=1", "f32[1, 1, 2] 1 2",
         "f32[1, 1, 1] 2"},
        {"MaxPool", "kernel_shape=[2];strides=[3];pads=[1, 1];ceil_mode=1", "f32[1, 1, 4] 1 2 3 4",
         "f32[1, 1, 2] 1 4"},
        {"MaxPool", "kernel_shape=[2];dilations=[2]", "f32[1, 1, 5] 1 2 3 4 5",
         "f32[1, 1, 3] 3 4 5"},
        {"MaxPool", "kernel_shape=[3];auto_pad=SAME_UPPER;strides=[2]", "f32[1, 1, 5] 1 2 3 4 5",
         "f32[1, 1, 3] 2 4 5"},
        {"MaxPool", "kernel_shape=[2]", "s8[1, 1, 3] -5 -3 -128", "s8[1, 1, 2] -3 -3"},
        {"MaxPool", "kernel_shape=[2]", "u8[1, 1, 3] 0 255 3", "u8[1, 1, 2] 255 255"},
        {"MaxPool", "kernel_shape=[2]", "f32[1, 1, 3] 1 nan 3", "f32[1, 1, 2] nan nan"},
        {"MaxPool", "kernel_shape=[2]", "f32[2, 1, 2] 1 1 3 4",
         "f32[2, 1, 1] 1 4; s64[2, 1, 1] 0 3"},
        {"MaxPool", "kernel_shape=[1, 1, 2]", "f64[1, 1, 1, 1, 2] 1 2", "f64[1, 1, 1, 1, 1] 2"},
        {"GlobalMaxPool", "", "f32[1, 2, 2] 1 2 -4 -3", "f32[1, 2, 1] 2 -3"},
    };
    OP_CASES_RUN_EXACT(cases);
}

static void test_average(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"AveragePool", "kernel_shape=[2, 2]", "f32[1, 1, 3, 3] 1 2 3 4 5 6 7 8 9",
         "f32[1, 1, 2, 2] 3 4 6 7"},
        {"AveragePool", "kernel_shape=[3];pads=[1, 1]", "f32[1, 1, 3] 3 6 9",
         "f32[1, 1, 3] 4.5 6 7.5"},
        {"AveragePool", "kernel_shape=[3];pads=[1, 1];count_include_pad=1", "f32[1, 1, 3] 3 6 9",
         "f32[1, 1, 3] 3 6 5"},
        {"AveragePool", "kernel_shape=[3];strides=[2];ceil_mode=1;count_include_pad=1",
         "f32[1, 1, 2] 1 2", "f32[1, 1, 1] 1.5"},
        {"AveragePool", "kernel_shape=[2];strides=[2];ceil_mode=1;count_include_pad=1",
         "f32[1, 1, 5] 1 2 3 4 5", "f32[1, 1, 3] 1.5 3.5 5"},
        {"AveragePool", "kernel_shape=[2];strides=[3];pads=[1, 1];ceil_mode=1;count_include_pad=1",
         "f32[1, 1, 4] 1 2 3 4", "f32[1, 1, 2] 0.5 3.5"},
        {"AveragePool", "kernel_shape=[2];dilations=[2]", "f32[1, 1, 5] 1 2 3 4 5",
         "f32[1, 1, 3] 2 3 4"},
        {"GlobalAveragePool", "", "f32[1, 2, 2] 1 2 -4 -3", "f32[1, 2, 1] 1.5 -3.5"},
        {"GlobalAveragePool", "", "f32[1, 1, 0]", "f32[1, 1, 1] nan"},
    };
    OP_CASES_RUN_EXACT(cases);
}

static void test_lp(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"LpPool", "kernel_shape=[2]", "f32[1, 1, 3] 3 -4 0", "f32[1, 1, 2] 5 4"},
        {"LpPool", "kernel_shape=[2];p=1", "f32[1, 1, 3] 3 -4 0", "f32[1, 1, 2] 7 4"},
        {"LpPool", "kernel_shape=[2];p=3", "f32[1, 1, 2] 1 2", "f32[1, 1, 1] 2.0800838"},
        {"GlobalLpPool", "", "f32[1, 1, 2] 3 -4", "f32[1, 1, 1] 5"},
    };
    OP_CASES_RUN(cases);
}

static void test_max_unpool(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"MaxUnpool", "kernel_shape=[1, 2];strides=[1, 2]",
         "f32[1, 1, 1, 2] 5 7; s64[1, 1, 1, 2] 1 3", "f32[1, 1, 1, 4] 0 5 0 7"},
        {"MaxUnpool", "kernel_shape=[2];strides=[2]",
         "f32[1, 2, 1] 5 7; s64[1, 2, 1] 1 2; s64[3] 1 2 3", "f32[1, 2, 3] 0 5 0 7 0 0"},
    };
    OP_CASES_RUN_EXACT(cases);
}

static void test_max_roi(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"MaxRoiPool", "pooled_shape=[2, 2]",
         "f32[1, 1, 4, 4] 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; f32[1, 5] 0 0 0 3 3",
         "f32[1, 1, 2, 2] 6 8 14 16"},
        {"MaxRoiPool", "pooled_shape=[1, 1];spatial_scale=0.5",
         "f32[1, 1, 4, 4] 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; f32[2, 5] 0 2 2 4 4 0 20 20 24 "
         "24",
         "f32[2, 1, 1, 1] 11 0"},
    };
    OP_CASES_RUN_EXACT(cases);
}

static void test_failures(void **state)
{
    (void)state;
    static const op_failure failures[] = {
        {"MaxUnpool", "kernel_shape=[2];strides=[2]", "f32[1, 1, 1] 5; s64[1, 1, 1] 2", 1,
         DAVIT_BAD_DATA, "index is out of range"},
        {"MaxUnpool", "kernel_shape=[2];strides=[2]", "f32[1, 1, 1] 5; s64[1, 1, 1] -1", 1,
         DAVIT_BAD_DATA, "index is out of range"},
        {"MaxRoiPool", "pooled_shape=[1, 1]", "f32[1, 1, 1, 1] 5; f32[1, 5] 1 0 0 0 0", 1,
         DAVIT_BAD_DATA, "region is out of range"},
        {"MaxRoiPool", "pooled_shape=[1, 1]", "f32[1, 1, 1, 1] 5; f32[1, 5] 0 0 nan 0 0", 1,
         DAVIT_BAD_DATA, "region is out of range"},
    };
    OP_FAILURES_RUN(failures);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_max),     cmocka_unit_test(test_average),
        cmocka_unit_test(test_lp),      cmocka_unit_test(test_max_unpool),
        cmocka_unit_test(test_max_roi), cmocka_unit_test(test_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
