/* Training losses against numpy. */
#include "op_case.h"

static void test_losses(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"NegativeLogLikelihoodLoss", "", "f32[2, 3] -1 -2 -3 -4 -5 -6; s64[2] 2 0", "f32[] 3.5"},
        {"NegativeLogLikelihoodLoss", "reduction=sum", "f32[2, 3] -1 -2 -3 -4 -5 -6; s32[2] 2 0",
         "f32[] 7"},
        {"NegativeLogLikelihoodLoss", "reduction=none",
         "f32[2, 3] -1 -2 -3 -4 -5 -6; s64[2] 2 0; f32[3] 10 1 2", "f32[2] 6 40"},
        {"NegativeLogLikelihoodLoss", "", "f32[2, 3] -1 -2 -3 -4 -5 -6; s64[2] 2 0; f32[3] 10 1 2",
         "f32[] 3.8333333"},
        {"NegativeLogLikelihoodLoss", "ignore_index=-1", "f32[2, 3] -1 -2 -3 -4 -5 -6; s64[2] -1 0",
         "f32[] 4"},
        {"NegativeLogLikelihoodLoss", "ignore_index=0", "f32[1, 2] -1 -2; s64[1] 0", "f32[] nan"},
        {"NegativeLogLikelihoodLoss", "reduction=none", "f32[1, 2, 2] -1 -2 -3 -4; s64[1, 2] 1 0",
         "f32[1, 2] 3 2"},
        {"SoftmaxCrossEntropyLoss", "", "f32[2, 3] 1 2 3 1 1 1; s64[2] 2 0",
         "f32[] 0.75310913; f32[2, 3] -2.407606 -1.407606 -0.40760596 -1.0986123 -1.0986123 "
         "-1.0986123"},
        {"SoftmaxCrossEntropyLoss", "reduction=none", "f32[2, 3] 1 2 3 1 1 1; s64[2] 2 0",
         "f32[2] 0.40760596 1.0986123"},
    };
    OP_CASES_RUN(cases);
}

static void test_failures(void **state)
{
    (void)state;
    static const op_failure failures[] = {
        {"NegativeLogLikelihoodLoss", "", "f32[1, 2] -1 -2; s64[1] 2", 1, DAVIT_BAD_DATA,
         "label is out of range"},
        {"SoftmaxCrossEntropyLoss", "ignore_index=-2", "f32[1, 2] -1 -2; s64[1] -1", 1,
         DAVIT_BAD_DATA, "label is out of range"},
    };
    OP_FAILURES_RUN(failures);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_losses),
        cmocka_unit_test(test_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
