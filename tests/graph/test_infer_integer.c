/* Shapes and types of Davit's integer operators, and what their inference refuses. */
#include "op_case.h"

#define Y "y_type=2" /* u8 */
#define S8 "y_type=3"

static void test_shapes(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"IntegerConv", S8 ";strides=[2, 2];pads=[1, 0, 2, 1];group=2",
         "u8[1, 4, 9, 9]; s8[6, 2, 3, 3] 1...; s32[6] 0...", "s8[1, 6, 5, 4]"},
        {"IntegerConv", Y ";w_scale=[1.0, 0.5];residual_scale=2.0",
         "s8[2, 3, 5]; s16[2, 3, 1] 255...; -; s8[2, 2, 5]", "u8[2, 2, 5]"},
        {"IntegerConv", Y ";dilations=[1, 2, 1]", "u8[1, 1, 4, 5, 6]; s8[3, 1, 2, 2, 2] 1...",
         "u8[1, 3, 3, 3, 5]"},
        {"IntegerConvTranspose",
         Y ";strides=[2];output_padding=[1];group=2;w_scale=[1.0, 2.0, 3.0, 4.0]",
         "s8[1, 6, 4]; s8[6, 2, 3] 1...; s32[4] 7...", "u8[1, 4, 10]"},
        {"IntegerMatMul", Y, "u8[2, 3, 4]; s8[4, 5] 1...; s32[5] 0...", "u8[2, 3, 5]"},
        {"IntegerMatMul", S8 ";residual_scale=1.0", "u8[4]; s16[4, 5] 1...; -; u8[5]", "s8[5]"},
        {"IntegerProduct", S8, "u8[2, 1, 3, 4]; s8[5, 4, 6]", "s8[2, 5, 3, 6]"},
        {"IntegerProduct", S8, "u8[4]; s8[4]", "s8[]"},
        {"IntegerAdd", Y, "u8[2, 3]; s8[3]", "u8[2, 3]"},
        {"IntegerMul", Y, "s8[2, 1, 3]; s8[4, 1]", "u8[2, 4, 3]"},
        {"IntegerAveragePool", Y ";kernel_shape=[3, 3];strides=[2, 2];ceil_mode=1",
         "s8[1, 2, 6, 6]", "u8[1, 2, 3, 3]"},
        {"IntegerLookup", "", "u8[2, 3]; s8[256] 0...", "s8[2, 3]"},
        {"IntegerResize", Y ";mode=linear", "s8[1, 2, 3, 4]; -; f32[4] 1 1 2 1.5",
         "u8[1, 2, 6, 6]"},
        {"IntegerResize", Y ";mode=linear;axes=[2, 3]", "s8[1, 2, 3, 4]; -; -; s64[2] 7 8",
         "u8[1, 2, 7, 8]"},
        {"IntegerSoftmax", Y ";axis=0", "s8[2, 3]", "u8[2, 3]"},
    };
    OP_CASES_RUN(cases);
}

static void test_structure_is_checked(void **state)
{
    (void)state;
    static const op_failure failures[] = {
        {"IntegerConv", Y, "u8[1, 2, 4]; s8[3, 1, 1] 1...", 1, DAVIT_BAD_DATA, "groups"},
        {"IntegerConv", Y, "u8[1, 1, 4]; s8[3, 1, 1]", 1, DAVIT_UNSUPPORTED,
         "input 1 must be constant"},
        {"IntegerConv", Y, "u8[1, 1, 4]; s8[3, 1, 1] 1...; s32[3]", 1, DAVIT_UNSUPPORTED,
         "input 2 must be constant"},
        {"IntegerConv", Y, "u8[1, 1, 4]; u8[3, 1, 1] 1...", 1, DAVIT_UNSUPPORTED, "u8"},
        {"IntegerConv", Y, "f32[1, 1, 4]; s8[3, 1, 1] 1...", 1, DAVIT_UNSUPPORTED, "f32"},
        {"IntegerConv", Y, "u8[1, 1, 4]; s8[3, 1, 1] 1...; s32[2] 0 0", 1, DAVIT_BAD_DATA,
         "input 2"},
        {"IntegerConv", Y ";residual_scale=1.0", "u8[1, 1, 4]; s8[3, 1, 1] 1...; -; u8[1, 3, 1]", 1,
         DAVIT_BAD_DATA, "input 3"},
        {"IntegerConv", Y, "u8[1, 1, 4]; s8[3, 1, 1] 1...; -; u8[1, 3, 4]", 1, DAVIT_BAD_DATA,
         "a residual goes with residual_scale"},
        {"IntegerConv", Y ";residual_scale=1.0", "u8[1, 1, 4]; s8[3, 1, 1] 1...", 1, DAVIT_BAD_DATA,
         "a residual goes with residual_scale"},
        {"IntegerConvTranspose", Y, "u8[1, 3, 4]; s8[2, 1, 1] 1...", 1, DAVIT_BAD_DATA, "channels"},
        {"IntegerConvTranspose", Y, "u8[1, 3]; s8[3, 1] 1...", 1, DAVIT_BAD_DATA, "rank 2"},
        {"IntegerMatMul", Y, "u8[2, 3]; s8[1, 3, 4] 1...", 1, DAVIT_BAD_DATA, "rank 3"},
        {"IntegerMatMul", Y, "u8[2, 3]; s8[4, 4] 1...", 1, DAVIT_BAD_DATA, "rows"},
        {"IntegerProduct", Y, "u8[2, 3]; u8[4, 4]", 1, DAVIT_BAD_DATA, "rows"},
        {"IntegerAdd", Y, "u8[2]; u8[3]", 1, DAVIT_BAD_DATA, "2"},
        {"IntegerAveragePool", Y, "u8[1, 1, 4]", 1, DAVIT_BAD_DATA, "kernel"},
        {"IntegerAveragePool", Y ";kernel_shape=[1]", "u8[1, 4]", 1, DAVIT_BAD_DATA, "rank 2"},
        {"IntegerLookup", "", "u8[1]; u8[255] 0...", 1, DAVIT_BAD_DATA, "input 1"},
        {"IntegerLookup", "", "u8[1]; u8[256]", 1, DAVIT_UNSUPPORTED, "constant"},
        {"IntegerResize", Y ";mode=cubic", "u8[1, 1, 2, 2]; -; f32[4] 1 1 2 2", 1,
         DAVIT_UNSUPPORTED, "linear resize of the last two axes"},
        {"IntegerResize", Y ";mode=linear;antialias=1", "u8[1, 1, 2, 2]; -; f32[4] 1 1 2 2", 1,
         DAVIT_UNSUPPORTED, "linear resize of the last two axes"},
        {"IntegerResize", Y ";mode=linear", "u8[1, 1, 2, 2]; -; f32[4] 1 2 2 2", 1,
         DAVIT_UNSUPPORTED, "linear resize of the last two axes"},
        {"IntegerResize", Y ";mode=linear;coordinate_transformation_mode=tf_crop_and_resize",
         "u8[1, 1, 2, 2]; f32[8] 0 0 0 0 1 1 1 1; f32[4] 1 1 2 2", 1, DAVIT_UNSUPPORTED,
         "linear resize of the last two axes"},
        {"IntegerResize", Y ";mode=linear", "u8[1, 2, 2]; -; f32[3] 1 2 2", 1, DAVIT_BAD_DATA,
         "rank 3"},
        {"IntegerResize", Y ";mode=linear", "u8[1, 1, 0, 2]; -; f32[4] 1 1 2 2", 1, DAVIT_BAD_DATA,
         "empty"},
        {"IntegerSoftmax", Y ";axis=2", "u8[1, 4]", 1, DAVIT_BAD_DATA, "axis 2"},
    };
    OP_FAILURES_RUN(failures);
}

/* Scales, zero points and bounds that the arithmetic cannot work with. */
static void test_quantization_is_checked(void **state)
{
    (void)state;
    static const op_failure failures[] = {
        {"IntegerConv", Y ";w_scale=[1.0, 1.0]", "u8[1, 1, 4]; s8[3, 1, 1] 1...", 1, DAVIT_BAD_DATA,
         "2"},
        {"IntegerConv", Y ";w_scale=[1.0, 0.0, 1.0]", "u8[1, 1, 4]; s8[3, 1, 1] 1...", 1,
         DAVIT_BAD_DATA, "scale 1 of the weights is zero"},
        {"IntegerConv", Y ";x_scale=-1.0", "u8[1, 1, 4]; s8[3, 1, 1] 1...", 1, DAVIT_BAD_DATA,
         "scale of the input is negative"},
        {"IntegerConv", Y ";x_zero=256", "u8[1, 1, 4]; s8[3, 1, 1] 1...", 1, DAVIT_BAD_DATA, "256"},
        {"IntegerConv", Y ";x_zero=4294967296", "u8[1, 1, 4]; s8[3, 1, 1] 1...", 1, DAVIT_BAD_DATA,
         "2147483647"},
        {"IntegerConv", S8 ";y_zero=-129", "u8[1, 1, 4]; s8[3, 1, 1] 1...", 1, DAVIT_BAD_DATA,
         "-129"},
        {"IntegerConv", "", "u8[1, 1, 4]; s8[3, 1, 1] 1...", 1, DAVIT_BAD_DATA, "u8 or s8"},
        {"IntegerConv", "y_type=6", "u8[1, 1, 4]; s8[3, 1, 1] 1...", 1, DAVIT_BAD_DATA, "s32"},
        {"IntegerConv", "y_type=4242", "u8[1, 1, 4]; s8[3, 1, 1] 1...", 1, DAVIT_BAD_DATA,
         "u8 or s8"},
        {"IntegerConv", Y ";x_scale=1.0e30;y_scale=1.0e-30", "u8[1, 1, 4]; s8[3, 1, 1] 1...", 1,
         DAVIT_UNSUPPORTED, "2^64"},
        {"IntegerConv", Y ";residual_scale=0.0", "u8[1, 1, 4]; s8[3, 1, 1] 1...; -; u8[1, 3, 4]", 1,
         DAVIT_BAD_DATA, "residual"},
        {"IntegerMatMul", Y ";y_scale=0.0", "u8[2, 3]; s8[3, 4] 1...", 1, DAVIT_BAD_DATA, "zero"},
        {"IntegerProduct", Y ";b_scale=0.0", "u8[2, 3]; u8[3, 4]", 1, DAVIT_BAD_DATA, "zero"},
        {"IntegerAdd", Y ";a_scale=1.0e-40", "u8[2]; u8[2]", 1, DAVIT_BAD_DATA, "denormal"},
        {"IntegerMul", Y ";b_zero=-1", "u8[2]; u8[2]", 1, DAVIT_BAD_DATA, "-1"},
        {"IntegerAveragePool", Y ";kernel_shape=[1];x_scale=0.0", "u8[1, 1, 4]", 1, DAVIT_BAD_DATA,
         "zero"},
        {"IntegerResize", Y ";mode=linear;x_scale=0.0", "u8[1, 1, 2, 2]; -; f32[4] 1 1 2 2", 1,
         DAVIT_BAD_DATA, "zero"},
        {"IntegerSoftmax", Y ";x_scale=0.0", "u8[1, 4]", 1, DAVIT_BAD_DATA, "zero"},
    };
    OP_FAILURES_RUN(failures);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_structure_is_checked),
        cmocka_unit_test(test_quantization_is_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
