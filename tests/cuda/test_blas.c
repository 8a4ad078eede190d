/* Large products by cuBLASLt, which the emulated driver plays: the same bytes as without it, and own
 * kernels wherever it is not there, cannot or is wrong. With DAVIT_CUBLASLT=0 nothing may use it. */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ONE_UNIT "multiprocessors=1,"

static bool switched_off(void)
{
    const char *wish = getenv("DAVIT_CUBLASLT");
    return wish != NULL && strcmp(wish, "0") == 0;
}

typedef struct outcome {
    char implementation[64];
    unsigned errors;
} outcome;

/* Runs it twice; the results are right, or the test fails. */
static outcome run(const char *text, const char *options, davit_precision precision)
{
    static rig on;
    rig_program program;
    davit_program_info info;
    outcome result = {.errors = 0};
    rig_init(&on, 0);
    on.info.profile.precision = precision;
    on.measures = precision != DAVIT_PRECISION_F32;
    rig_open(&on, options);
    assert_int_equal(rig_build(&on, text, &program), DAVIT_OK);
    davit_program_get_info(program.program, &info);
    (void)snprintf(result.implementation, sizeof(result.implementation), "%s",
                   info.unit_implementations[0]);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(rig_run(&on, &program, 60 * RIG_SECOND), DAVIT_OK);
        assert_true(on.relative_l2 < 1e-3);
    }
    result.errors = atomic_load(&on.errors);
    rig_destroy(&program);
    rig_close(&on);
    return result;
}

/* s8, as a matrix and as a convolution; f32 with bias and activation, and with nothing at all. */
static const struct {
    const char *text, *library;
} products[] = {
    {"IntegerMatMul i:128x5120 c:5120x128 b:128 x_zero=3 x_scale=0.02 w_scale=0.01, y_scale=0.9 "
     "y_zero=-4 y_type=3",
     "cublasLt_s8"},
    {"IntegerConv i:1x5120x16x8 c:124x5120x1x1 b:124 x_zero=-19 x_scale=0.02 w_scale=0.01, "
     "y_scale=0.9 y_zero=3 y_type=2 low=0.0",
     "cublasLt_s8"},
    {"MatMul x:1x127x1028 w:1028x121", "cublasLt_f32"},
    {"Gemm x:128x1000 w:1000x128 w:128 ; Relu", "cublasLt_f32"},
    {"Conv x:1x512x16x8 w:128x512x1x1 w:128 ; Add x:same ; Relu", "cublasLt_f32"},
};
enum { PRODUCTS = sizeof products / sizeof products[0] };

static void library_gives_the_same(void **state)
{
    (void)state;
    for (int i = 0; i < PRODUCTS; i++) {
        outcome with = run(products[i].text, ONE_UNIT "cublaslt=1", DAVIT_PRECISION_F32);
        if (switched_off()) {
            assert_true(strncmp(with.implementation, "product_", 8) == 0);
        } else {
            assert_string_equal(with.implementation, products[i].library);
        }
        assert_int_equal(with.errors, 0);
    }
}

static void without_it_own_kernels_run(void **state)
{
    static const char *const ways[] = {ONE_UNIT "cublaslt=0", ONE_UNIT "cublaslt=2"};
    (void)state;
    for (int w = 0; w < 2; w++) {
        outcome bytes = run(products[0].text, ways[w], DAVIT_PRECISION_F32);
        outcome reals = run(products[3].text, ways[w], DAVIT_PRECISION_F32);
        assert_true(strncmp(bytes.implementation, "product_s8", 10) == 0);
        assert_true(strncmp(reals.implementation, "product_f32", 11) == 0);
        assert_int_equal(bytes.errors + reals.errors, 0);
    }
}

/* Shapes that are not worth it or not plain, rows that are no whole words, u8. */
static void small_and_other_products_stay_own(void **state)
{
    static const char *const others[] = {
        "IntegerMatMul i:128x5120 c:5120x125 b:125 x_zero=3 x_scale=0.02 w_scale=0.01, y_scale=0.9 "
        "y_zero=-4 y_type=3",
        "IntegerMatMul u:128x5120 c:5120x128 b:128 x_zero=3 x_scale=0.02 w_scale=0.01, y_scale=0.9 "
        "y_zero=-4 y_type=3",
        "IntegerMatMul i:8x64 c:64x32 b:32 x_zero=3 x_scale=0.02 w_scale=0.01, y_scale=0.2 "
        "y_zero=-4 y_type=3",
        "MatMul x:1x5x16 w:16x8", "Conv x:1x64x6x5 w:96x64x3x3 w:96",
        "Conv x:1x512x6x5 w:96x512x1x1 w:96 strides=2,2"};
    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        outcome with = run(others[i], ONE_UNIT "cublaslt=1", DAVIT_PRECISION_F32);
        assert_true(strncmp(with.implementation, "product_", 8) == 0);
    }
}

/* The library is asked for TF32 only where that is asked for. */
static void tf32_goes_through(void **state)
{
    (void)state;
    if (!switched_off()) {
        outcome asked = run("MatMul x:1x130x4096 w:4096x128", ONE_UNIT "cublaslt=1",
                            DAVIT_PRECISION_TF32);
        assert_string_equal(asked.implementation, "cublasLt_tf32");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(library_gives_the_same),
        cmocka_unit_test(without_it_own_kernels_run),
        cmocka_unit_test(small_and_other_products_stay_own),
        cmocka_unit_test(tf32_goes_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
