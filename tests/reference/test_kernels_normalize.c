/* Normalisation against numpy. */
#include "op_case.h"

static void test_batch(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"BatchNormalization", "epsilon=0.5",
         "f32[1, 2, 2] 1 2 3 4; f32[2] 1 2; f32[2] 0 1; f32[2] 1 3; f32[2] 3.5 0.5",
         "f32[1, 2, 2] 0 0.5 1 3"},
        {"BatchNormalization", "epsilon=0.5;training_mode=1;momentum=0.75",
         "f32[2, 2, 2] 1 2 3 4 5 6 7 9; f32[2] 1 2; f32[2] 0 1; f32[2] 0 1; f32[2] 1 2",
         "f32[2, 2, 2] -1.1470787 -0.6882472 -1.2110832 -0.40705294 0.6882472 1.1470787 2.0050378 "
         "3.6130983; f32[2] 0.875 2.1875; f32[2] 1.8125 2.921875"},
        {"BatchNormalization", "epsilon=0.0",
         "f16[3] 1 2 3; f32[1] 2; f32[1] 1; f64[1] 2; f64[1] 4", "f16[3] 0 1 2"},
        {"BatchNormalization", "", "f32[0, 2]; f32[2] 1 2; f32[2] 0 1; f32[2] 0 1; f32[2] 1 2",
         "f32[0, 2]"},
    };
    OP_CASES_RUN(cases);
}

static void test_groups(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"GroupNormalization", "epsilon=0.5;num_groups=2",
         "f32[1, 4, 2] 1 2 3 4 5 6 7 9; f32[4] 1 2 3 4; f32[4] 0 1 0 1",
         "f32[1, 4, 2] -1.1338934 -0.37796447 1.7559289 3.2677868 -3.20247 -1.3724871 1.6099943 "
         "6.4899485"},
        {"InstanceNormalization", "epsilon=0.5",
         "f32[1, 4, 2] 1 2 3 4 5 6 7 9; f32[4] 1 2 3 4; f32[4] 0 1 0 1",
         "f32[1, 4, 2] -0.57735027 0.57735027 -0.15470054 2.1547005 -1.7320508 1.7320508 "
         "-2.2659863 4.2659863"},
    };
    OP_CASES_RUN(cases);
}

static void test_layer(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"LayerNormalization", "epsilon=0.25", "f32[2, 3] 1 2 4 0 3 9; f32[3] 1 2 3; f32[3] 0 0 1",
         "f32[2, 3] -0.99227788 -0.49613894 4.721042 -1.0596259 -0.52981294 4.9735971; f32[2, 1] "
         "2.3333333 4; f32[2, 1] 0.74420841 0.26490647"},
        {"LayerNormalization", "axis=0;epsilon=0.0", "f32[2, 2] 1 1 3 3; f32[2] 1 2",
         "f32[2, 2] -1 -2 1 2"},
        {"LayerNormalization", "stash_type=16;epsilon=0.0", "bf16[2] 1 3; bf16[1] 2; bf16[1] 1",
         "bf16[2] -1 3; bf16[1] 2; bf16[1] 1"},
    };
    OP_CASES_RUN(cases);
}

static void test_others(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"LRN", "size=3;alpha=0.6", "f32[1, 4, 1] 1 2 3 4",
         "f32[1, 4, 1] 0.59460356 0.73483917 0.71242569 1.0433897"},
        {"LRN", "size=2;alpha=0.6", "f32[1, 4, 1] 1 2 3 4",
         "f32[1, 4, 1] 0.50297337 0.60727155 0.60263876 1.0702593"},
        {"LRN", "size=1;alpha=3.0;beta=1.0;bias=1.0", "f32[1, 1] 2", "f32[1, 1] 0.15384615"},
        {"LpNormalization", "", "f32[2, 2] 3 4 0 0", "f32[2, 2] 0.6 0.8 0 0"},
        {"LpNormalization", "p=1;axis=0", "f32[2, 2] 1 -4 -3 4", "f32[2, 2] 0.25 -0.5 -0.75 0.5"},
        {"MeanVarianceNormalization", "", "f32[1, 1, 2, 2] 1 2 3 6",
         "f32[1, 1, 2, 2] -1.069045 -0.53452248 0 1.6035675"},
        {"MeanVarianceNormalization", "axes=[-1]", "f64[2, 2] 1 3 5 9", "f64[2, 2] -1 1 -1 1"},
    };
    OP_CASES_RUN(cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batch),
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_layer),
        cmocka_unit_test(test_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
