/* Shapes of recurrent layers. */
#include "op_case.h"

static void test_shapes(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"RNN", "hidden_size=5",
         "f32[7, 2, 3]; f32[1, 5, 3]; f32[1, 5, 5]; f32[1, 10]; s32[2]; f32[1, 2, 5]",
         "f32[7, 1, 2, 5]; f32[1, 2, 5]"},
        {"GRU", "direction=bidirectional", "f16[7, 2, 3]; f16[2, 15, 3]; f16[2, 15, 5]",
         "f16[7, 2, 2, 5]; f16[2, 2, 5]"},
        {"LSTM", "layout=1",
         "f32[2, 7, 3]; f32[1, 20, 3]; f32[1, 20, 5]; -; -; f32[2, 1, 5]; f32[2, 1, 5]; f32[1, 15]",
         "f32[2, 7, 1, 5]; f32[2, 1, 5]; f32[2, 1, 5]"},
    };
    OP_CASES_RUN(cases);
}

static void test_failures(void **state)
{
    (void)state;
    static const op_failure failures[] = {
        {"RNN", "", "f32[7, 2, 3]; f32[1, 5, 4]; f32[1, 5, 5]", 1, DAVIT_BAD_DATA, "input 1"},
        {"RNN", "hidden_size=4", "f32[7, 2, 3]; f32[1, 5, 3]; f32[1, 5, 5]", 1, DAVIT_BAD_DATA,
         "hidden_size is 4"},
        {"RNN", "direction=sideways", "f32[7, 2, 3]; f32[1, 5, 3]; f32[1, 5, 5]", 1, DAVIT_BAD_DATA,
         "sideways"},
        {"RNN", "layout=2", "f32[7, 2, 3]; f32[1, 5, 3]; f32[1, 5, 5]", 1, DAVIT_BAD_DATA,
         "layout is 2"},
        {"RNN", "activations=[Relu, Relu]", "f32[7, 2, 3]; f32[1, 5, 3]; f32[1, 5, 5]", 1,
         DAVIT_BAD_DATA, "2 activations"},
        {"RNN", "activations=[Swish]", "f32[7, 2, 3]; f32[1, 5, 3]; f32[1, 5, 5]", 1,
         DAVIT_BAD_DATA, "'Swish'"},
        {"RNN", "", "f32[7, 2]; f32[1, 5, 3]; f32[1, 5, 5]", 1, DAVIT_BAD_DATA, "rank 2"},
        {"RNN", "", "f32[7, 2, 3]; f32[1, 5, 3]; f64[1, 5, 5]", 1, DAVIT_BAD_DATA, "f64"},
        {"GRU", "", "f32[7, 2, 3]; f32[1, 15, 3]; f32[1, 15, 5]; f32[1, 15]", 1, DAVIT_BAD_DATA,
         "input 3"},
        {"LSTM", "", "f32[7, 2, 3]; f32[1, 20, 3]; f32[1, 20, 5]; -; s32[3]", 1, DAVIT_BAD_DATA,
         "input 4"},
        {"LSTM", "", "f32[7, 2, 3]; f32[1, 20, 3]; f32[1, 20, 5]; -; -; -; f64[1, 2, 5]", 1,
         DAVIT_BAD_DATA, "input 6 is f64"},
        {"ReverseSequence", "batch_axis=1;time_axis=1", "f32[3, 2]; s64[2]", 1, DAVIT_BAD_DATA,
         "time_axis"},
        {"ReverseSequence", "", "f32[3, 2]; s64[3]", 1, DAVIT_BAD_DATA, "input 1"},
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
