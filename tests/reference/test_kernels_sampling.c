/* Resize, GridSample, RoiAlign and Col2Im against closed forms and numpy. */
#include "op_case.h"

static void test_resize_nearest(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"Resize", "", "f32[2] 1 2; -; f32[1] 2", "f32[4] 1 1 2 2"},
        {"Resize", "", "f32[1, 1, 2, 2] 1 2 3 4; -; -; s64[4] 1 1 2 4",
         "f32[1, 1, 2, 4] 1 1 2 2 3 3 4 4"},
        {"Resize", "", "f32[4] 1 2 3 4; -; -; s64[1] 2", "f32[2] 1 3"},
        {"Resize", "nearest_mode=round_prefer_ceil", "f32[4] 1 2 3 4; -; -; s64[1] 2",
         "f32[2] 2 4"},
        {"Resize", "nearest_mode=ceil", "f32[4] 1 2 3 4; -; -; s64[1] 2", "f32[2] 2 4"},
        {"Resize", "nearest_mode=floor", "f32[4] 1 2 3 4; -; -; s64[1] 2", "f32[2] 1 3"},
        {"Resize", "coordinate_transformation_mode=asymmetric;nearest_mode=floor",
         "s64[2] 9007199254740993 2; -; f32[1] 1.5", "s64[3] 9007199254740993 9007199254740993 2"},
        {"Resize", "axes=[1]", "bool[2, 2] 0 1 1 0; -; f32[1] 2", "bool[2, 4] 0 0 1 1 1 1 0 0"},
        {"Resize", "axes=[1, 0];keep_aspect_ratio_policy=not_larger", "f32[2, 4]; -; -; s64[2] 8 8",
         "f32[4, 8]"},
        {"Resize", "keep_aspect_ratio_policy=not_smaller", "f32[2, 4]; -; -; s64[2] 3 3",
         "f32[3, 6]"},
        {"Resize", "coordinate_transformation_mode=tf_crop_and_resize;extrapolation_value=9.0",
         "f32[4] 1 2 3 4; f32[2] 0.5 1.5; -; s64[1] 3", "f32[3] 2 4 9"},
        {"Resize", "", "f32[2] 1 2; -; f32[1] 0.25", "f32[0]"},
    };
    OP_CASES_RUN_EXACT(cases);
}

static void test_resize_smooth(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"Resize", "mode=linear", "f32[2] 1 2; -; f32[1] 2", "f32[4] 1 1.25 1.75 2"},
        {"Resize", "mode=linear", "f32[2, 2] 1 2 3 4; -; f32[2] 2 1",
         "f32[4, 2] 1 2 1.5 2.5 2.5 3.5 3 4"},
        {"Resize", "mode=linear;coordinate_transformation_mode=align_corners",
         "f32[3] 1 2 3; -; -; s64[1] 5", "f32[5] 1 1.5 2 2.5 3"},
        {"Resize", "mode=linear;coordinate_transformation_mode=asymmetric",
         "f32[2] 1 2; -; f32[1] 2", "f32[4] 1 1.5 2 2"},
        {"Resize", "mode=linear;coordinate_transformation_mode=pytorch_half_pixel",
         "f32[3] 1 2 3; -; -; s64[1] 1", "f32[1] 1"},
        {"Resize", "mode=linear;coordinate_transformation_mode=half_pixel_symmetric",
         "f32[4] 1 2 3 4; -; f32[1] 0.6", "f32[2] 1.6666667 3.3333333"},
        {"Resize",
         "mode=linear;coordinate_transformation_mode=tf_crop_and_resize;extrapolation_value=10.0",
         "f32[4] 1 2 3 4; f32[2] 0.5 1.5; -; s64[1] 3", "f32[3] 2.5 4 10"},
        {"Resize", "mode=cubic", "f32[4] 1 2 4 8; -; f32[1] 2",
         "f32[8] 0.89453125 1.15625 1.5625 2.4179688 3.1601562 5.1171875 7.1640625 8.421875"},
        {"Resize", "mode=cubic;exclude_outside=1", "f32[4] 1 2 4 8; -; f32[1] 2",
         "f32[8] 0.86363636 1.1413428 1.5433962 2.4179688 3.1601562 5.2150943 7.2438163 8.5454545"},
        {"Resize", "mode=linear;antialias=1", "f32[6] 1 4 9 16 25 36; -; f32[1] 0.5",
         "f32[3] 3.125 13 29.375"},
        {"Resize", "mode=linear", "u8[2] 10 20; -; f32[1] 2", "u8[4] 10 12 17 20"},
        {"Resize", "mode=linear", "f16[2] 1 2; -; f32[1] 1", "f16[2] 1 2"},
    };
    OP_CASES_RUN(cases);
}

static void test_grid_sample(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"GridSample", "", "f32[1, 1, 2, 2] 1 2 3 4; f32[1, 1, 3, 2] 0 0 -1 -1 3 3",
         "f32[1, 1, 1, 3] 2.5 0.25 0"},
        {"GridSample", "align_corners=1", "f32[1, 1, 2, 2] 1 2 3 4; f32[1, 1, 3, 2] -1 -1 1 -1 0 1",
         "f32[1, 1, 1, 3] 1 2 3.5"},
        {"GridSample", "padding_mode=border", "f32[1, 1, 2, 2] 1 2 3 4; f32[1, 1, 2, 2] -1 -1 3 3",
         "f32[1, 1, 1, 2] 1 4"},
        {"GridSample", "padding_mode=reflection;align_corners=1",
         "f32[1, 1, 1, 3] 1 2 4; f32[1, 1, 3, 2] 2 0 -2 0 5 0", "f32[1, 1, 1, 3] 2 2 4"},
        {"GridSample", "mode=nearest",
         "s64[1, 2, 1, 2] 1 9007199254740993 3 4; f32[1, 1, 2, 2] 0.5 0 -3 0",
         "s64[1, 2, 1, 2] 9007199254740993 0 4 0"},
        {"GridSample", "mode=cubic;padding_mode=border",
         "f32[1, 1, 2] 1 2; f32[1, 3, 1] 1.25 9 nan", "f32[1, 1, 3] 2.0351562 2 1"},
        {"GridSample", "mode=cubic;align_corners=1", "f64[1, 1, 4] 1 2 4 8; f64[1, 1, 1] 0",
         "f64[1, 1, 1] 2.71875"},
        {"GridSample", "", "f32[1, 1, 2, 2] 1 2 3 4; f32[1, 1, 3, 2] nan 0 inf 0 0 -inf",
         "f32[1, 1, 1, 3] 0 0 0"},
        {"GridSample", "padding_mode=reflection",
         "f32[1, 1, 2, 2] 1 1 1 1; f32[1, 1, 2, 2] nan 0 inf 0", "f32[1, 1, 1, 2] 1 1"},
        {"GridSample", "", "f32[1, 1, 2, 2, 2] 1 2 3 4 5 6 7 8; f32[1, 1, 1, 1, 3] 0 0 0",
         "f32[1, 1, 1, 1, 1] 4.5"},
    };
    OP_CASES_RUN(cases);
}

static void test_roi_align(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"RoiAlign", "output_height=2;output_width=2;sampling_ratio=2",
         "f32[1, 1, 4, 4] 0 1 2 3 0 1 2 3 0 1 2 3 0 1 2 3; f32[1, 4] 0 0 4 4; s64[1] 0",
         "f32[1, 1, 2, 2] 0.5 2.5 0.5 2.5"},
        {"RoiAlign", "coordinate_transformation_mode=output_half_pixel",
         "f32[2, 1, 2, 2] 7 7 7 7 5 5 5 5; f32[2, 4] 0 0 1 1 0.5 0.5 0.5 0.5; s64[2] 1 0",
         "f32[2, 1, 1, 1] 5 7"},
        {"RoiAlign", "mode=max;sampling_ratio=1",
         "f32[1, 1, 2, 2] 1 2 3 8; f32[1, 4] 0 0 2 2; s64[1] 0", "f32[1, 1, 1, 1] 2"},
        {"RoiAlign", "spatial_scale=0.5", "f32[1, 1, 2, 2] 1 3 5 7; f32[1, 4] 0 0 4 4; s64[1] 0",
         "f32[1, 1, 1, 1] 4"},
        {"RoiAlign", "", "f32[1, 1, 2, 2] 1 3 5 7; f32[0, 4]; s64[0]", "f32[0, 1, 1, 1]"},
    };
    OP_CASES_RUN(cases);
}

static void test_col2im(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"Col2Im", "", "f32[1, 2, 2] 1 2 3 4; s64[1] 3; s64[1] 2", "f32[1, 1, 3] 1 5 4"},
        {"Col2Im", "pads=[1, 0]", "s64[1, 2, 3] 1 2 3 4 5 6; s64[1] 3; s64[1] 2",
         "s64[1, 1, 3] 6 8 6"},
        {"Col2Im", "strides=[2];dilations=[1]", "f32[1, 4, 1] 1 2 3 4; s64[1] 2; s64[1] 2",
         "f32[1, 2, 2] 1 2 3 4"},
        {"Col2Im", "", "f32[1, 1, 4] 1 2 3 4; s64[2] 2 2; s64[2] 1 1", "f32[1, 1, 2, 2] 1 2 3 4"},
    };
    OP_CASES_RUN_EXACT(cases);
}

static void test_failures(void **state)
{
    (void)state;
    static const op_failure failures[] = {
        {"RoiAlign", "", "f32[1, 1, 2, 2] 1 3 5 7; f32[1, 4] 0 0 1 1; s64[1] 1", 1, DAVIT_BAD_DATA,
         "batch index"},
        {"RoiAlign", "", "f32[1, 1, 2, 2] 1 3 5 7; f32[1, 4] 0 0 1 1; s64[1] -1", 1, DAVIT_BAD_DATA,
         "batch index"},
        {"RoiAlign", "", "f32[1, 1, 2, 2] 1 3 5 7; f32[1, 4] 0 0 inf 1; s64[1] 0", 1,
         DAVIT_BAD_DATA, "region"},
        {"RoiAlign", "", "f32[1, 1, 0, 2]; f32[1, 4] 0 0 1 1; s64[1] 0", 1, DAVIT_BAD_DATA,
         "empty"},
        {"GridSample", "", "f32[1, 1, 0, 2]; f32[1, 1, 1, 2] 0 0", 1, DAVIT_BAD_DATA, "empty"},
    };
    OP_FAILURES_RUN(failures);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resize_nearest), cmocka_unit_test(test_resize_smooth),
        cmocka_unit_test(test_grid_sample),    cmocka_unit_test(test_roi_align),
        cmocka_unit_test(test_col2im),         cmocka_unit_test(test_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
