/* Shapes of matrix products, Einsum, determinants and Fourier transforms. */
#include "op_case.h"

static void test_shapes(void **state)
{
    (void)state;
    static const op_case cases[] = {
        {"MatMul", "", "f32[8, 1, 5, 6]; f32[7, 6, 4]", "f32[8, 7, 5, 4]"},
        {"Gemm", "transA=1", "f32[6, 5]; f32[6, 4]; f32[5, 1]", "f32[5, 4]"},
        {"Einsum", "equation=bhid,bhjd->bhij", "f32[2, 3, 4, 5]; f32[2, 3, 6, 5]",
         "f32[2, 3, 4, 6]"},
        {"Einsum", "equation=a...b,b->...a", "f32[2, 3, 4, 5]; f32[5]", "f32[3, 4, 2]"},
        {"Einsum", "equation=Ba", "f32[2, 3]", "f32[2, 3]"},
        {"Det", "", "f32[2, 3, 4, 4]", "f32[2, 3]"},
        {"DFT", "onesided=1", "f16[2, 9, 3, 1]; -; s64[] 1", "f16[2, 5, 3, 2]"},
        {"DFT", "", "f32[2, 9, 3, 2]; s32[] 16; s64[] -3", "f32[2, 16, 3, 2]"},
        {"STFT", "", "f32[2, 100, 1]; s64[] 10; -; s64[] 20", "f32[2, 9, 11, 2]"},
    };
    OP_CASES_RUN(cases);
}

static void test_failures(void **state)
{
    (void)state;
    static const op_failure failures[] = {
        {"MatMul", "", "f32[2, 3]; f32[2, 3]", 1, DAVIT_BAD_DATA, "3 columns"},
        {"MatMul", "", "f32[2, 2, 3]; f32[3, 3, 2]", 1, DAVIT_BAD_DATA, "broadcast"},
        {"MatMul", "", "f32[]; f32[2]", 1, DAVIT_BAD_DATA, "scalar"},
        {"MatMul", "", "f32[2, 2]; f64[2, 2]", 1, DAVIT_BAD_DATA, "f64"},
        {"MatMul", "", "u8[2, 2]; u8[2, 2]", 1, DAVIT_UNSUPPORTED, "u8"},
        {"Gemm", "", "f32[2, 3]; f32[2, 3]", 1, DAVIT_BAD_DATA, "3 columns"},
        {"Gemm", "", "f32[2, 3]; f32[3, 3]; f32[3, 1]", 1, DAVIT_BAD_DATA, "C does not broadcast"},
        {"Gemm", "", "f32[1, 2, 3]; f32[3, 3]", 1, DAVIT_BAD_DATA, "rank 3"},
        {"Einsum", "", "f32[2, 3]", 1, DAVIT_BAD_DATA, "equation is missing"},
        {"Einsum", "equation=ij,jk->ik", "f32[2, 3]; f32[2, 3]", 1, DAVIT_BAD_DATA,
         "3 and 2 values"},
        {"Einsum", "equation=ij->ik", "f32[2, 3]", 1, DAVIT_BAD_DATA, "no operand has"},
        {"Einsum", "equation=ij->ii", "f32[2, 3]", 1, DAVIT_BAD_DATA, "twice"},
        {"Einsum", "equation=i", "f32[2, 3]", 1, DAVIT_BAD_DATA, "more axes"},
        {"Einsum", "equation=ijk", "f32[2, 3]", 1, DAVIT_BAD_DATA, "fewer axes"},
        {"Einsum", "equation=ij,j", "f32[2, 3]", 1, DAVIT_BAD_DATA, "one term per operand"},
        {"Einsum", "equation=ij", "f32[2, 3]; f32[2]", 1, DAVIT_BAD_DATA, "one term per operand"},
        {"Einsum", "equation=i.j", "f32[2, 3]", 1, DAVIT_BAD_DATA, "no ellipsis"},
        {"Einsum", "equation=......", "f32[2, 3]", 1, DAVIT_BAD_DATA, "two ellipses"},
        {"Einsum", "equation=i-j", "f32[2]", 1, DAVIT_BAD_DATA, "no arrow"},
        {"Einsum", "equation=i*j", "f32[2, 3]", 1, DAVIT_BAD_DATA, "no letter"},
        {"Det", "", "f32[2, 3]", 1, DAVIT_BAD_DATA, "square"},
        {"DFT", "", "f32[2, 3]", 1, DAVIT_BAD_DATA, "3 parts"},
        {"DFT", "", "f32[2, 2]; -; s64[] 1", 1, DAVIT_BAD_DATA, "complex parts"},
        {"DFT", "", "f32[2, 2]; s64[] 0", 1, DAVIT_BAD_DATA, "dft_length is 0"},
        {"DFT", "onesided=1", "f32[2, 2]", 1, DAVIT_BAD_DATA, "needs real"},
        {"STFT", "", "f32[1, 8, 1]; s64[] 0", 1, DAVIT_BAD_DATA, "do not fit"},
        {"STFT", "", "f32[1, 8, 1]; s64[] 2; -; s64[] 9", 1, DAVIT_BAD_DATA, "do not fit"},
        {"STFT", "", "f32[1, 8, 1]; s64[] 2; f32[3]; s64[] 4", 1, DAVIT_BAD_DATA, "window has 3"},
        {"STFT", "", "f32[1, 8, 2]; s64[] 2; f32[3]", 1, DAVIT_BAD_DATA, "needs real"},
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
