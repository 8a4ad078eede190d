/* Shapes of convolutions, pools and sampling. */
#include "op_case.h"

static void test_windows(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"Conv", "strides=[2, 2];pads=[3, 3, 3, 3]",
         "f32[1, 3, 224, 224]; f32[64, 3, 7, 7]; f32[64]", "f32[1, 64, 112, 112]"},
        {"Conv", "group=32;dilations=[2, 3];auto_pad=SAME_LOWER;strides=[1, 2]",
         "f32[1, 32, 9, 9]; f32[32, 1, 3, 3]", "f32[1, 32, 9, 5]"},
        {"Conv", "kernel_shape=[3]", "f32[4, 2, 10]; f32[1, 2, 3]", "f32[4, 1, 8]"},
        {"ConvTranspose", "group=2;strides=[2, 2];output_padding=[1, 0]",
         "f32[1, 4, 5, 5]; f32[4, 3, 3, 3]; f32[6]", "f32[1, 6, 12, 11]"},
        {"MaxPool", "kernel_shape=[3, 3];strides=[2, 2];pads=[1, 1, 1, 1]", "f32[1, 64, 112, 112]",
         "f32[1, 64, 56, 56]; s64[1, 64, 56, 56]"},
        {"MaxPool", "kernel_shape=[3, 3];strides=[2, 2];ceil_mode=1", "u8[1, 1, 6, 7]",
         "u8[1, 1, 3, 3]"},
        {"AveragePool", "kernel_shape=[2];auto_pad=SAME_UPPER;strides=[3]", "f16[1, 1, 7]",
         "f16[1, 1, 3]"},
        {"AveragePool", "kernel_shape=[2];strides=[3];pads=[1, 1];ceil_mode=1", "f32[1, 1, 4]",
         "f32[1, 1, 2]"},
        {"MaxPool", "kernel_shape=[3];strides=[2];ceil_mode=1", "f32[1, 1, 2]",
         "f32[1, 1, 1]; s64[1, 1, 1]"},
        {"LpPool", "kernel_shape=[2, 2, 2]", "f32[1, 1, 3, 3, 3]", "f32[1, 1, 2, 2, 2]"},
        {"GlobalAveragePool", "", "f32[2, 3, 4, 5]", "f32[2, 3, 1, 1]"},
        {"Conv", "", "f32[1, 2, 0]; f32[1, 2, 3]", "f32[1, 1, 0]"},
    };
    OP_CASES_RUN(cases);
}

static void test_sampling(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"Resize", "", "f32[1, 3, 4, 5]; -; f32[4] 1 1 2 0.5", "f32[1, 3, 8, 2]"},
        {"Resize", "axes=[2, 3]", "f32[1, 3, 4, 5]; -; -; s64[2] 7 9", "f32[1, 3, 7, 9]"},
        {"Resize", "", "f32[10]; -; f32[1] 0.7", "f32[7]"},
        {"Resize", "coordinate_transformation_mode=tf_crop_and_resize",
         "f32[8]; f32[2] 0.25 0.75; f32[1] 2", "f32[8]"},
        {"GridSample", "", "f32[2, 3, 4, 5]; f32[2, 6, 7, 2]", "f32[2, 3, 6, 7]"},
        {"RoiAlign", "output_height=5;output_width=6", "f32[2, 3, 4, 5]; f32[7, 4]; s64[7]",
         "f32[7, 3, 5, 6]"},
        {"MaxRoiPool", "pooled_shape=[5, 6]", "f32[2, 3, 4, 5]; f32[7, 5]", "f32[7, 3, 5, 6]"},
        {"MaxUnpool", "kernel_shape=[2, 2];strides=[2, 2]", "f32[1, 1, 2, 2]; s64[1, 1, 2, 2]",
         "f32[1, 1, 4, 4]"},
        {"Col2Im", "strides=[1, 2];dilations=[1, 1]", "f32[2, 12, 10]; s64[2] 6 5; s64[2] 2 2",
         "f32[2, 3, 6, 5]"},
    };
    OP_CASES_RUN(cases);
}

static void test_window_failures(void **state)
{
    (void)state;
    static const op_failure failures[] = {
        {"Conv", "", "f32[1, 3, 4, 4]; f32[1, 2, 3, 3]", 1, DAVIT_BAD_DATA, "weights take 2"},
        {"Conv", "group=2", "f32[1, 4, 4]; f32[3, 2, 3]", 1, DAVIT_BAD_DATA, "do not divide"},
        {"Conv", "group=0", "f32[1, 4, 4]; f32[4, 4, 3]", 1, DAVIT_BAD_DATA, "0 groups"},
        {"Conv", "", "f32[1, 1, 4]; f32[1, 1, 5]", 1, DAVIT_BAD_DATA,
         "larger than the padded input"},
        {"MaxPool", "kernel_shape=[4];strides=[2];ceil_mode=1", "f32[1, 1, 2]", 1, DAVIT_BAD_DATA,
         "larger than the padded input"},
        {"Conv", "", "f32[1, 1]; f32[1, 1]", 1, DAVIT_BAD_DATA, "rank 2"},
        {"Conv", "", "f32[1, 1, 4]; f32[1, 1, 4, 4]", 1, DAVIT_BAD_DATA, "rank 4"},
        {"Conv", "", "f32[1, 1, 4]; f32[2, 1, 2]; f32[1]", 1, DAVIT_BAD_DATA, "input 2"},
        {"Conv", "", "f32[1, 1, 4]; f64[2, 1, 2]", 1, DAVIT_BAD_DATA, "f64"},
        {"Conv", "kernel_shape=[3]", "f32[1, 1, 4]; f32[1, 1, 2]", 1, DAVIT_BAD_DATA,
         "not the shape of the weights"},
        {"Conv", "strides=[0]", "f32[1, 1, 4]; f32[1, 1, 2]", 1, DAVIT_BAD_DATA,
         "strides has a value out of range"},
        {"Conv", "strides=[1, 1]", "f32[1, 1, 4]; f32[1, 1, 2]", 1, DAVIT_BAD_DATA,
         "strides has 2 values"},
        {"Conv", "pads=[-1, 0]", "f32[1, 1, 4]; f32[1, 1, 2]", 1, DAVIT_BAD_DATA,
         "pads has a value out of range"},
        {"Conv", "dilations=[4611686018427387904]", "f32[1, 1, 4]; f32[1, 1, 2]", 1, DAVIT_BAD_DATA,
         "dilations has a value out of range"},
        {"Conv", "pads=[1073741823, 1073741823]", "f32[1, 1, 4]; f32[4096, 1, 1]", 1,
         DAVIT_OUT_OF_MEMORY, ""},
        {"Conv", "auto_pad=SAME", "f32[1, 1, 4]; f32[1, 1, 2]", 1, DAVIT_BAD_DATA,
         "auto_pad 'SAME'"},
        {"ConvTranspose", "", "f32[1, 1, 4]; f32[2, 1, 2]", 1, DAVIT_BAD_DATA, "weights take 2"},
        {"ConvTranspose", "pads=[9, 9]", "f32[1, 1, 4]; f32[1, 1, 2]", 1, DAVIT_BAD_DATA, "crop"},
        {"ConvTranspose", "output_shape=[-1]", "f32[1, 1, 4]; f32[1, 1, 2]", 1, DAVIT_BAD_DATA,
         "output_shape"},
        {"MaxPool", "", "f32[1, 1, 4]", 1, DAVIT_BAD_DATA, "kernel"},
        {"MaxPool", "kernel_shape=[2, 2]", "f32[1, 1, 4]", 1, DAVIT_BAD_DATA,
         "kernel_shape has 2 values"},
        {"MaxPool", "kernel_shape=[2]", "s32[1, 1, 4]", 1, DAVIT_UNSUPPORTED, "s32"},
        {"LpPool", "kernel_shape=[2];p=0", "f32[1, 1, 4]", 1, DAVIT_BAD_DATA, "p is 0"},
        {"GlobalMaxPool", "", "f32[4]", 1, DAVIT_BAD_DATA, "rank 1"},
    };
    OP_FAILURES_RUN(failures);
}

static void test_sampling_failures(void **state)
{
    (void)state;
    static const op_failure failures[] = {
        {"Resize", "", "f32[4]; -; f32[1] 2; s64[1] 8", 1, DAVIT_BAD_DATA, "exactly one"},
        {"Resize", "", "f32[4]", 1, DAVIT_BAD_DATA, "exactly one"},
        {"Resize", "", "f32[4]; -; f32[1] 0", 1, DAVIT_BAD_DATA, "positive"},
        {"Resize", "", "f32[4]; -; f32[1] nan", 1, DAVIT_BAD_DATA, "positive"},
        {"Resize", "", "f32[4]; -; f32[2] 2 2", 1, DAVIT_BAD_DATA, "one value for each axis"},
        {"Resize", "", "f32[4]; -; f32[1] 1e30", 1, DAVIT_BAD_DATA, "out of range"},
        {"Resize", "", "f32[4]; -; -; s64[1] -2", 1, DAVIT_BAD_DATA, "negative"},
        {"Resize", "mode=area", "f32[4]; -; f32[1] 2", 1, DAVIT_BAD_DATA, "'area'"},
        {"Resize", "axes=[1]", "f32[4]; -; f32[1] 2", 1, DAVIT_BAD_DATA, "axis"},
        {"Resize", "axes=[0, -1]", "f32[4]; -; f32[2] 2 2", 1, DAVIT_BAD_DATA, "axes"},
        {"Resize", "antialias=1", "f32[4]; -; f32[1] 2", 1, DAVIT_BAD_DATA, "antialias"},
        {"Resize", "coordinate_transformation_mode=tf_crop_and_resize", "f32[4]; -; f32[1] 2", 1,
         DAVIT_BAD_DATA, "roi"},
        {"Resize", "", "f32[0]; -; -; s64[1] 2", 1, DAVIT_BAD_DATA, "empty"},
        {"GridSample", "", "f32[2, 3, 4, 5]; f32[1, 6, 7, 2]", 1, DAVIT_BAD_DATA, "1 batches"},
        {"GridSample", "", "f32[2, 3, 4, 5]; f32[2, 6, 7, 3]", 1, DAVIT_BAD_DATA, "3-dimensional"},
        {"GridSample", "mode=quintic", "f32[2, 3, 4]; f32[2, 6, 1]", 1, DAVIT_BAD_DATA, "quintic"},
        {"RoiAlign", "", "f32[2, 3, 4, 5]; f32[7, 5]; s64[7]", 1, DAVIT_BAD_DATA, "not 4"},
        {"RoiAlign", "", "f32[2, 3, 4, 5]; f32[7, 4]; s64[6]", 1, DAVIT_BAD_DATA, "input 2"},
        {"RoiAlign", "output_width=0", "f32[2, 3, 4, 5]; f32[7, 4]; s64[7]", 1, DAVIT_BAD_DATA,
         "out of range"},
        {"MaxRoiPool", "pooled_shape=[2]", "f32[2, 3, 4, 5]; f32[7, 5]", 1, DAVIT_BAD_DATA,
         "pooled_shape"},
        {"MaxUnpool", "kernel_shape=[2]", "f32[1, 1, 2]; s64[1, 1, 3]", 1, DAVIT_BAD_DATA,
         "input 1"},
        {"MaxUnpool", "kernel_shape=[2]", "f32[1, 1, 2]; s64[1, 1, 2]; s64[3] 1 1 2", 1,
         DAVIT_BAD_DATA, "output_shape is smaller"},
        {"Col2Im", "", "f32[2, 12, 10]; s64[2] 6 5; s64[1] 2", 1, DAVIT_BAD_DATA, "block_shape 1"},
        {"Col2Im", "", "f32[2, 12, 10]; s64[2] 6 5; s64[2] 2 2", 1, DAVIT_BAD_DATA, "do not match"},
        {"Col2Im", "", "f32[2, 12, 40]; s64[2] 6 5; s64[2] 2 2", 1, DAVIT_BAD_DATA, "too many"},
        {"Col2Im", "", "f32[2, 4, 4]; s64[2] 2 2; s64[2] 5 5", 1, DAVIT_BAD_DATA, "larger"},
    };
    OP_FAILURES_RUN(failures);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_sampling),
        cmocka_unit_test(test_window_failures),
        cmocka_unit_test(test_sampling_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
