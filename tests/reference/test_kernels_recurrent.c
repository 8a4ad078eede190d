/* Recurrent layers of one unit against the specification written out in numpy. */
#include "op_case.h"

static void test_rnn(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"RNN", "", "f32[3, 1, 1] 1 2 3; f32[1, 1, 1] 0.5; f32[1, 1, 1] 0.25; f32[1, 2] 0.04 0.06",
         "f32[3, 1, 1, 1] 0.53704957 0.84381124 0.94792858; f32[1, 1, 1] 0.94792858"},
        {"RNN", "direction=reverse",
         "f32[3, 1, 1] 1 2 3; f32[1, 1, 1] 0.5; f32[1, 1, 1] 0.25; f32[1, 2] 0.1 0",
         "f32[3, 1, 1, 1] 0.67361829 0.86935125 0.92166855; f32[1, 1, 1] 0.67361829"},
        {"RNN", "direction=reverse",
         "f32[3, 1, 1] 1 2 3; f32[1, 1, 1] 0.5; f32[1, 1, 1] 0.25; f32[1, 2] 0.1 0; s32[1] 2",
         "f32[3, 1, 1, 1] 0.66410651 0.80049902 0; f32[1, 1, 1] 0.66410651"},
        {"RNN", "direction=bidirectional",
         "f32[2, 1, 1] 1 2; f32[2, 1, 1] 0.5 0.3; f32[2, 1, 1] 0.25 0.2",
         "f32[2, 2, 1, 1] 0.46211716 0.38627126 0.80600823 0.53704957; f32[2, 1, 1] 0.80600823 "
         "0.38627126"},
        {"RNN", "layout=1;direction=bidirectional",
         "f32[1, 2, 1] 1 2; f32[2, 1, 1] 0.5 0.3; f32[2, 1, 1] 0.25 0.2",
         "f32[1, 2, 2, 1] 0.46211716 0.38627126 0.80600823 0.53704957; f32[1, 2, 1] 0.80600823 "
         "0.38627126"},
        {"RNN", "activations=[Affine];activation_alpha=[2.0];activation_beta=[1.0]",
         "f32[2, 1, 1] 1 2; f32[1, 1, 1] 1; f32[1, 1, 1] 1; -; -; f32[1, 1, 1] 3",
         "f32[2, 1, 1, 1] 9 23; f32[1, 1, 1] 23"},
        {"RNN", "activations=[Relu]", "f32[2, 1, 1] -1 2; f32[1, 1, 1] 1; f32[1, 1, 1] 1",
         "f32[2, 1, 1, 1] 0 2; f32[1, 1, 1] 2"},
        {"RNN", "activations=[relu];clip=1.5", "f32[2, 1, 1] -1 2; f32[1, 1, 1] 1; f32[1, 1, 1] 1",
         "f32[2, 1, 1, 1] 0 1.5; f32[1, 1, 1] 1.5"},
        {"RNN", "activations=[LeakyRelu]", "f32[1, 1, 1] -1; f32[1, 1, 1] 1; f32[1, 1, 1] 1",
         "f32[1, 1, 1, 1] -0.01"},
        {"RNN", "activations=[HardSigmoid]", "f32[1, 1, 1] 1; f32[1, 1, 1] 1; f32[1, 1, 1] 1",
         "f32[1, 1, 1, 1] 0.7"},
        {"RNN", "activations=[Elu]", "f32[1, 1, 1] -1; f32[1, 1, 1] 1; f32[1, 1, 1] 1",
         "f32[1, 1, 1, 1] -0.63212056"},
        {"RNN", "activations=[Softsign]", "f32[1, 1, 1] -3; f32[1, 1, 1] 1; f32[1, 1, 1] 1",
         "f32[1, 1, 1, 1] -0.75"},
        {"RNN", "activations=[Softplus]", "f32[1, 1, 1] 0; f32[1, 1, 1] 1; f32[1, 1, 1] 1",
         "f32[1, 1, 1, 1] 0.69314718"},
        {"RNN", "activations=[ScaledTanh];activation_alpha=[2.0];activation_beta=[0.5]",
         "f32[1, 1, 1] 1; f32[1, 1, 1] 1; f32[1, 1, 1] 1", "f32[1, 1, 1, 1] 0.92423431"},
        {"RNN", "activations=[ThresholdedRelu];activation_alpha=[2.0]",
         "f32[1, 2, 1] 1 2; f32[1, 1, 1] 1; f32[1, 1, 1] 1", "f32[1, 1, 2, 1] 0 2"},
        {"RNN", "", "f32[0, 1, 1]; f32[1, 1, 1] 1; f32[1, 1, 1] 1; -; -; f32[1, 1, 1] 3",
         "f32[0, 1, 1, 1]; f32[1, 1, 1] 3"},
    };
    OP_CASES_RUN(cases);
}

static void test_gru(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"GRU", "",
         "f32[2, 1, 1] 1 2; f32[1, 3, 1] 0.1 0.2 0.3; f32[1, 3, 1] 0.4 0.5 0.6; f32[1, 6] 0.1 0.2 "
         "0.3 0.3 0.2 0.1; -; f32[1, 1, 1] 0.5",
         "f32[2, 1, 1, 1] 0.57340148 0.6575199; f32[1, 1, 1] 0.6575199"},
        {"GRU", "linear_before_reset=1",
         "f32[2, 1, 1] 1 2; f32[1, 3, 1] 0.1 0.2 0.3; f32[1, 3, 1] 0.4 0.5 0.6; f32[1, 6] 0.1 0.2 "
         "0.3 0.3 0.2 0.1; -; f32[1, 1, 1] 0.5",
         "f32[2, 1, 1, 1] 0.56853016 0.65186278; f32[1, 1, 1] 0.65186278"},
    };
    OP_CASES_RUN(cases);
}

static void test_lstm(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"LSTM", "",
         "f32[2, 1, 1] 1 2; f32[1, 4, 1] 0.1 0.2 0.3 0.4; f32[1, 4, 1] 0.5 0.6 0.7 0.8; f32[1, 8] "
         "0.1 0.1 0.1 0.1 0.2 0.2 0.2 0.2; -; f32[1, 1, 1] 0.5; f32[1, 1, 1] 0.25; f32[1, 3] 0.1 "
         "0.2 0.3",
         "f32[2, 1, 1, 1] 0.44147975 0.63945797; f32[1, 1, 1] 0.63945797; f32[1, 1, 1] 1.1926584"},
        {"LSTM", "activations=[Affine, Affine, Affine];input_forget=1",
         "f32[1, 1, 1] 2; f32[1, 4, 1] 1 1 1 1; f32[1, 4, 1] 0 0 0 0; -; -; -; f32[1, 1, 1] 3",
         "f32[1, 1, 1, 1] 2; f32[1, 1, 1] 2; f32[1, 1, 1] 1"},
    };
    OP_CASES_RUN(cases);
}

static void test_reverse_sequence(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"ReverseSequence", "", "f32[3, 2] 1 2 3 4 5 6; s64[2] 3 2", "f32[3, 2] 5 4 3 2 1 6"},
        {"ReverseSequence", "batch_axis=0;time_axis=1", "s16[2, 3] 1 2 3 4 5 6; s64[2] 1 2",
         "s16[2, 3] 1 2 3 5 4 6"},
        {"ReverseSequence", "", "bool[2, 1, 2] 1 0 0 0; s64[1] 2", "bool[2, 1, 2] 0 0 1 0"},
    };
    OP_CASES_RUN_EXACT(cases);
}

static void test_failures(void **state)
{
    (void)state;
    static const op_failure failures[] = {
        {"ReverseSequence", "", "f32[3, 2] 1 2 3 4 5 6; s64[2] 4 2", 1, DAVIT_BAD_DATA,
         "sequence length"},
        {"ReverseSequence", "", "f32[3, 2] 1 2 3 4 5 6; s64[2] -1 2", 1, DAVIT_BAD_DATA,
         "sequence length"},
        {"RNN", "", "f32[1, 1, 1] 1; f32[1, 1, 1] 1; f32[1, 1, 1] 1; -; s32[1] 2", 1,
         DAVIT_BAD_DATA, "sequence length"},
    };
    OP_FAILURES_RUN(failures);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rnn),      cmocka_unit_test(test_gru),
        cmocka_unit_test(test_lstm),     cmocka_unit_test(test_reverse_sequence),
        cmocka_unit_test(test_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
