/* Reductions and what works along one axis, against closed forms and numpy. */
#include "op_case.h"

static void test_reductions(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"ReduceL1", "keepdims=0", "f32[2, 2] 1 -2 3 -4; s64[1] 1", "f32[2] 3 7"},
        {"ReduceL2", "keepdims=0", "f32[2, 3] 1 2 3 4 5 6; s64[1] 1", "f32[2] 3.7416574 8.7749644"},
        {"ReduceLogSum", "keepdims=0", "f32[2, 3] 1 2 3 4 5 6; s64[1] 0",
         "f32[3] 1.6094379 1.9459101 2.1972246"},
        {"ReduceLogSumExp", "keepdims=0", "f32[2, 3] 1 2 3 4 5 6; s64[1] -1",
         "f32[2] 3.407606 6.407606"},
        {"ReduceLogSumExp", "", "f64[2] 1000 1000; s64[1] 0", "f64[1] 1000.69314718"},
        {"ReduceLogSumExp", "", "f32[2] -inf -inf", "f32[1] -inf"},
        {"ReduceMax", "", "f32[2, 3] 1 2 3 4 5 6; s64[1] 1", "f32[2, 1] 3 6"},
        {"ReduceMax", "", "f32[3] 1 nan 2", "f32[1] nan"},
        {"ReduceMean", "keepdims=0", "f32[2, 3] 1 2 3 4 5 6", "f32[] 3.5"},
        {"ReduceMin", "keepdims=0", "f32[2, 3] 1 2 3 4 5 6; s64[2] 0 1", "f32[] 1"},
        {"ReduceMin", "", "f32[3] 1 nan 0", "f32[1] nan"},
        {"ReduceProd", "keepdims=0", "f32[2, 3] 1 2 3 4 5 6; s64[1] 1", "f32[2] 6 120"},
        {"ReduceSum", "keepdims=0", "f32[2, 2, 2] 1 2 3 4 5 6 7 8; s64[2] 0 2", "f32[2] 14 22"},
        {"ReduceSum", "", "f16[2] 1.5 2.5", "f16[1] 4"},
        {"ReduceSum", "", "bf16[2] 1.5 2.5", "bf16[1] 4"},
        {"ReduceSumSquare", "keepdims=0", "f32[2, 3] 1 2 3 4 5 6; s64[1] 1", "f32[2] 14 77"},
        {"ReduceSum", "keepdims=0", "f32[] 5", "f32[] 5"},
    };
    OP_CASES_RUN(cases);
}

static void test_no_axes(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"ReduceSum", "noop_with_empty_axes=1", "f32[2] -1 2; s64[0]", "f32[2] -1 2"},
        {"ReduceSum", "noop_with_empty_axes=1", "f32[2] -1 2", "f32[2] -1 2"},
        {"ReduceSum", "keepdims=0", "f32[2] -1 2; s64[0]", "f32[] 1"},
        {"ReduceSumSquare", "noop_with_empty_axes=1", "f32[2] -1 2", "f32[2] 1 4"},
    };
    OP_CASES_RUN_EXACT(cases);
}

static void test_empty_sets(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"ReduceSum", "", "f32[2, 0]; s64[1] 1", "f32[2, 1] 0 0"},
        {"ReduceProd", "", "f32[2, 0]; s64[1] 1", "f32[2, 1] 1 1"},
        {"ReduceMax", "", "f32[0]", "f32[1] -inf"},
        {"ReduceMin", "", "f64[0]", "f64[1] inf"},
        {"ReduceMax", "", "s8[0]", "s8[1] -128"},
        {"ReduceMin", "", "u32[0]", "u32[1] 4294967295"},
        {"ReduceMax", "", "bool[0]", "bool[1] 0"},
        {"ReduceMin", "", "bool[0]", "bool[1] 1"},
        {"ReduceMean", "", "f32[0]", "f32[1] nan"},
        {"ReduceLogSum", "", "f32[0]", "f32[1] -inf"},
        {"ReduceLogSumExp", "", "f32[0]", "f32[1] -inf"},
        {"ReduceSum", "", "f32[0, 2]; s64[1] 1", "f32[0, 1]"},
    };
    OP_CASES_RUN_EXACT(cases);
}

static void test_integers(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"ReduceSum", "", "s64[2] 9007199254740993 1", "s64[1] 9007199254740994"},
        {"ReduceSum", "", "s32[2] 2147483647 1", "s32[1] -2147483648"},
        {"ReduceMax", "", "u64[2] 18446744073709551615 1", "u64[1] 18446744073709551615"},
        {"ReduceMin", "", "u64[2] 18446744073709551615 1", "u64[1] 1"},
        {"ReduceMin", "", "s8[3] 5 -7 3", "s8[1] -7"},
        {"ReduceMax", "keepdims=0", "bool[2, 2] 0 1 0 0; s64[1] 1", "bool[2] 1 0"},
        {"ReduceL1", "", "s32[3] -3 4 -5", "s32[1] 12"},
        {"ReduceL2", "", "s32[2] 3 4", "s32[1] 5"},
        {"ReduceMean", "", "s32[2] 3 4", "s32[1] 3"},
        {"ReduceProd", "", "s64[2] 3037000500 3037000500", "s64[1] -9223372036709301616"},
        {"ReduceSumSquare", "", "u32[2] 2 3", "u32[1] 13"},
    };
    OP_CASES_RUN_EXACT(cases);
}

static void test_arg(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"ArgMax", "axis=1", "f32[2, 3] 1 3 2 6 5 6", "s64[2, 1] 1 0"},
        {"ArgMax", "axis=1;select_last_index=1;keepdims=0", "f32[2, 3] 1 3 2 6 5 6", "s64[2] 1 2"},
        {"ArgMax", "axis=0;keepdims=0", "f32[2, 2] 1 5 2 4", "s64[2] 1 0"},
        {"ArgMin", "axis=-1;keepdims=0", "s8[2, 2] 1 -5 2 4", "s64[2] 1 0"},
        {"ArgMin", "select_last_index=1", "f32[3] 0 -0 1", "s64[1] 1"},
        {"ArgMax", "", "u64[3] 1 18446744073709551615 2", "s64[1] 1"},
        {"ArgMax", "", "f32[3] 1 nan 2", "s64[1] 1"},
        {"ArgMin", "", "f32[3] 1 nan 0", "s64[1] 1"},
        {"ArgMax", "axis=1", "f32[0, 3]", "s64[0, 1]"},
    };
    OP_CASES_RUN_EXACT(cases);
}

static void test_cumsum(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"CumSum", "", "f32[2, 3] 1 2 3 4 5 6; s32[] 1", "f32[2, 3] 1 3 6 4 9 15"},
        {"CumSum", "", "f32[2, 3] 1 2 3 4 5 6; s64[1] 0", "f32[2, 3] 1 2 3 5 7 9"},
        {"CumSum", "exclusive=1", "s32[3] 1 2 3; s32[] 0", "s32[3] 0 1 3"},
        {"CumSum", "reverse=1", "s64[3] 1 2 3; s32[] -1", "s64[3] 6 5 3"},
        {"CumSum", "reverse=1;exclusive=1", "f64[3] 1 2 3; s32[] 0", "f64[3] 5 3 0"},
    };
    OP_CASES_RUN_EXACT(cases);
}

static void test_softmax(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"Softmax", "", "f32[2, 3] 1 2 3 4 5 6",
         "f32[2, 3] 0.090030573 0.24472847 0.66524096 0.090030573 0.24472847 0.66524096"},
        {"Softmax", "axis=0", "f32[2, 3] 1 2 3 4 5 6",
         "f32[2, 3] 0.047425873 0.047425873 0.047425873 0.95257413 0.95257413 0.95257413"},
        {"Softmax", "", "f32[2] 1000 1000", "f32[2] 0.5 0.5"},
        {"Softmax", "coerce_2d=1", "f32[2, 2, 2] 0 0.25 0.5 0.75 1 1.25 1.5 1.75",
         "f32[2, 2, 2] 0.16529618 0.21224449 0.27252732 0.34993201 0.16529618 0.21224449 "
         "0.27252732 0.34993201"},
        {"Softmax", "coerce_2d=1;axis=2", "f32[1, 2] 3 4", "f32[1, 2] 1 1"},
        {"LogSoftmax", "", "f32[2, 3] 1 2 3 4 5 6",
         "f32[2, 3] -2.407606 -1.407606 -0.40760596 -2.407606 -1.407606 -0.40760596"},
        {"LogSoftmax", "", "f64[2] -1000 0", "f64[2] -1000 0"},
        {"Hardmax", "", "f32[2, 3] 1 3 3 2 0 1", "f32[2, 3] 0 1 0 1 0 0"},
        {"Hardmax", "axis=0", "f32[2, 2] 1 3 2 0", "f32[2, 2] 0 1 1 0"},
        {"Softmax", "", "f32[2, 0]", "f32[2, 0]"},
    };
    OP_CASES_RUN(cases);
}

static void test_topk(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"TopK", "", "f32[2, 4] 1 4 3 2 8 5 8 7; s64[1] 2", "f32[2, 2] 4 3 8 8; s64[2, 2] 1 2 0 2"},
        {"TopK", "largest=0", "f32[4] 3 1 2 1; s64[1] 3", "f32[3] 1 1 2; s64[3] 1 3 2"},
        {"TopK", "axis=0", "s64[3, 2] 1 6 3 4 5 2; s64[1] 2",
         "s64[2, 2] 5 6 3 4; s64[2, 2] 2 0 1 1"},
        {"TopK", "", "u64[2] 1 18446744073709551615; s64[1] 1",
         "u64[1] 18446744073709551615; s64[1] 1"},
        {"TopK", "", "f32[3] 1 nan 2; s64[1] 2", "f32[2] nan 2; s64[2] 1 2"},
        {"TopK", "", "f32[3] 1 2 3; s64[1] 0", "f32[0]; s64[0]"},
    };
    OP_CASES_RUN_EXACT(cases);
}

static void test_failures(void **state)
{
    (void)state;
    static const op_failure failures[] = {
        {"CumSum", "", "f32[3] 1 2 3; s32[] 1", 1, DAVIT_BAD_DATA, "axis is out of range"},
        {"ArgMax", "axis=1", "f32[2, 0]", 1, DAVIT_BAD_DATA, "empty"},
    };
    OP_FAILURES_RUN(failures);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reductions), cmocka_unit_test(test_no_axes),
        cmocka_unit_test(test_empty_sets), cmocka_unit_test(test_integers),
        cmocka_unit_test(test_arg),        cmocka_unit_test(test_cumsum),
        cmocka_unit_test(test_softmax),    cmocka_unit_test(test_topk),
        cmocka_unit_test(test_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
