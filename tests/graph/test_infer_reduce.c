/* Shapes of reductions and what works along one axis. */
#include "op_case.h"

static void test_shapes(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"ReduceMean", "", "f32[2, 3, 4]; s64[2] -1 1", "f32[2, 1, 1]"},
        {"ReduceMean", "keepdims=0", "f32[2, 3, 4]; s64[2] -1 1", "f32[2]"},
        {"ReduceMean", "keepdims=0", "f32[2, 3, 4]", "f32[]"},
        {"ReduceMean", "noop_with_empty_axes=1", "f32[2, 3, 4]; s64[0]", "f32[2, 3, 4]"},
        {"ReduceMax", "", "bool[2, 3]; -", "bool[1, 1]"},
        {"ArgMax", "axis=-2", "f16[2, 3, 4]", "s64[2, 1, 4]"},
        {"TopK", "axis=1", "s8[2, 3, 4]; s64[1] 2", "s8[2, 2, 4]; s64[2, 2, 4]"},
        {"CumSum", "", "f32[2, 3]; s64[]", "f32[2, 3]"},
        {"Softmax", "axis=-2", "bf16[2, 3]", "bf16[2, 3]"},
    };
    OP_CASES_RUN(cases);
}

static void test_failures(void **state)
{
    (void)state;
    static const op_failure failures[] = {
        {"ReduceMean", "", "f32[2, 3]; s64[1] 2", 1, DAVIT_BAD_DATA, "axis 2"},
        {"ReduceMean", "", "f32[2, 3]; s64[1] -3", 1, DAVIT_BAD_DATA, "axis -3"},
        {"ReduceMean", "", "f32[2, 3]; s64[1]", 1, DAVIT_UNSUPPORTED, "input 1"},
        {"ReduceMean", "", "u8[2, 3]", 1, DAVIT_UNSUPPORTED, "u8"},
        {"ArgMax", "axis=2", "f32[2, 3]", 1, DAVIT_BAD_DATA, "axis 2"},
        {"Softmax", "axis=2", "f32[2, 3]", 1, DAVIT_BAD_DATA, "axis 2"},
        {"Softmax", "", "s32[2, 3]", 1, DAVIT_UNSUPPORTED, "s32"},
        {"TopK", "", "f32[3]; s64[1] 4", 2, DAVIT_BAD_DATA, "k is 4"},
        {"TopK", "", "f32[3]; s64[1] -1", 2, DAVIT_BAD_DATA, "k is -1"},
        {"CumSum", "", "f32[]; s64[] 0", 1, DAVIT_BAD_DATA, "rank 0"},
        {"CumSum", "", "f32[2]; s64[2] 0 1", 1, DAVIT_BAD_DATA, "2 elements"},
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
