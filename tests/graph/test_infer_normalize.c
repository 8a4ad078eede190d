/* Shapes of normalisation. */
#include "op_case.h"

static void test_shapes(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"BatchNormalization", "", "f32[2, 3, 4]; f32[3]; f32[3]; f32[3]; f32[3]", "f32[2, 3, 4]"},
        {"BatchNormalization", "training_mode=1", "f16[2, 3]; f16[3]; f16[3]; f32[3]; f32[3]",
         "f16[2, 3]; f32[3]; f32[3]"},
        {"LayerNormalization", "axis=1", "f16[2, 3, 4]; f16[3, 4]; f16[4]",
         "f16[2, 3, 4]; f32[2, 1, 1]; f32[2, 1, 1]"},
        {"GroupNormalization", "num_groups=3", "f32[2, 6, 4]; f32[6]; f32[6]", "f32[2, 6, 4]"},
    };
    OP_CASES_RUN(cases);
}

static void test_failures(void **state)
{
    (void)state;
    static const op_failure failures[] = {
        {"BatchNormalization", "", "f32[2, 3]; f32[3]; f32[3]; f32[3]; f32[2]", 1, DAVIT_BAD_DATA,
         "input 4 has shape 2, not 3"},
        {"BatchNormalization", "", "f32[2, 3]; f32[3]; f32[3]; f32[3]; f32[3]", 2, DAVIT_BAD_DATA,
         "training_mode"},
        {"BatchNormalization", "", "f32[2, 3]; f32[3]; f64[3]; f32[3]; f32[3]", 1, DAVIT_BAD_DATA,
         "f64"},
        {"GroupNormalization", "num_groups=4", "f32[2, 6]; f32[6]; f32[6]", 1, DAVIT_BAD_DATA,
         "num_groups 4"},
        {"GroupNormalization", "", "f32[2, 6]; f32[6]; f32[6]", 1, DAVIT_BAD_DATA, "num_groups 0"},
        {"InstanceNormalization", "", "f32[2, 6]; f32[2]; f32[6]", 1, DAVIT_BAD_DATA, "input 1"},
        {"LayerNormalization", "", "f32[2, 3]; f32[2]", 1, DAVIT_BAD_DATA, "does not broadcast"},
        {"LayerNormalization", "", "f32[2, 3]; f32[2, 3]", 1, DAVIT_BAD_DATA, "does not broadcast"},
        {"LayerNormalization", "stash_type=10", "f32[2, 3]; f32[3]", 1, DAVIT_BAD_DATA,
         "stash_type"},
        {"LayerNormalization", "axis=2", "f32[2, 3]; f32[3]", 1, DAVIT_BAD_DATA, "axis 2"},
        {"LRN", "size=0", "f32[2, 3]", 1, DAVIT_BAD_DATA, "size"},
        {"LpNormalization", "p=3", "f32[2, 3]", 1, DAVIT_BAD_DATA, "p is 3"},
        {"MeanVarianceNormalization", "", "f32[2, 3]", 1, DAVIT_BAD_DATA, "axis 2"},
    };
    OP_FAILURES_RUN(failures);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
