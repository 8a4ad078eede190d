/* Shapes of training losses. */
#include "op_case.h"

static void test_shapes(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"NegativeLogLikelihoodLoss", "", "f32[2, 3, 4, 5]; s64[2, 4, 5]; f32[3]", "f32[]"},
        {"SoftmaxCrossEntropyLoss", "reduction=none", "f16[2, 3, 4]; s32[2, 4]",
         "f16[2, 4]; f16[2, 3, 4]"},
    };
    OP_CASES_RUN(cases);
}

static void test_failures(void **state)
{
    (void)state;
    static const op_failure failures[] = {
        {"NegativeLogLikelihoodLoss", "", "f32[2, 3, 4]; s64[2, 3]", 1, DAVIT_BAD_DATA,
         "input 1 has shape 2x3, not 2x4"},
        {"NegativeLogLikelihoodLoss", "", "f32[2, 3]; s64[2]; f32[2]", 1, DAVIT_BAD_DATA,
         "input 2"},
        {"NegativeLogLikelihoodLoss", "", "f32[2, 3]; s64[2]; f64[3]", 1, DAVIT_BAD_DATA,
         "weights"},
        {"NegativeLogLikelihoodLoss", "reduction=max", "f32[2, 3]; s64[2]", 1, DAVIT_BAD_DATA,
         "'max'"},
        {"NegativeLogLikelihoodLoss", "", "f32[3]; s64[]", 1, DAVIT_BAD_DATA, "rank 1"},
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
