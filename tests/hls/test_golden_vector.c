/* The golden vectors of additions and averages (tests/golden) through vector_s8. The sum of an
 * average replaces its correction. */
#include "unit_test.h"

#include <string.h>

#include "engine_case.h"
#include "golden.h"

enum { BLOCK_WORDS = 32 };

static void expect_simulated(const golden *g)
{
    const char *error = engine_simulation_error();
    if (error != NULL) {
        fail_msg("%s:%d: %s", g->path, g->line, error);
    }
}

static davit_result_spec result_at(const golden *g, int type, int zero, int scale, int low)
{
    return (davit_result_spec){{golden_dtype(g, type), golden_f32(g, scale), golden_s32(g, zero)},
                               golden_f32(g, low),
                               golden_f32(g, low + 1)};
}

static uint8_t run_vector(const davit_vector_shape *shape, const davit_vector_values *values,
                          const int32_t *correction, uint8_t qa, uint8_t qb)
{
    _Alignas(64) uint8_t a[64] = {0}, b[64] = {0}, c[64] = {0}, e[64] = {0};
    _Alignas(64) uint32_t block[BLOCK_WORDS * 16];
    davit_vector_layout layout;
    assert_null(davit_vector_plan(shape, &layout));
    davit_vector_pack_parameters(shape, &layout, values, block);
    if (correction != NULL) {
        block[DAVIT_VECTOR_F_CORRECTION] = (uint32_t)*correction;
    }
    a[0] = qa;
    b[0] = qb;
    vector_s8(a, b, block, c, e);
    return c[0];
}

static const davit_vector_shape one = {.images = 1,
                                       .in_h = 1,
                                       .in_w = 1,
                                       .channels = 1,
                                       .kernel_h = 1,
                                       .kernel_w = 1,
                                       .stride_h = 1,
                                       .stride_w = 1,
                                       .dilation_h = 1,
                                       .dilation_w = 1,
                                       .out_h = 1,
                                       .out_w = 1};

static void test_add(void **state)
{
    (void)state;
    golden g;
    golden_open(&g, "add.txt");
    while (golden_next(&g)) {
        const davit_quant8 a = {golden_dtype(&g, 0), golden_f32(&g, 2), golden_s32(&g, 1)};
        const davit_quant8 b = {golden_dtype(&g, 3), golden_f32(&g, 5), golden_s32(&g, 4)};
        const davit_result_spec y = result_at(&g, 6, 7, 8, 9);
        davit_addition prepared;
        assert_int_equal(davit_addition_prepare(&a, &b, &y, &prepared, NULL), DAVIT_OK);
        davit_vector_shape shape = one;
        shape.kind = DAVIT_VECTOR_ADDITION;
        const davit_vector_values values = {.a_u8 = a.dtype == DAVIT_U8,
                                            .b_u8 = b.dtype == DAVIT_U8,
                                            .c_u8 = y.type.dtype == DAVIT_U8,
                                            .a_zero = a.zero,
                                            .b_zero = b.zero,
                                            .a_scale = prepared.a_scale,
                                            .b_scale = prepared.b_scale,
                                            .low = prepared.result.low,
                                            .high = prepared.result.high,
                                            .c_zero = y.type.zero};
        uint8_t q = run_vector(&shape, &values, NULL, (uint8_t)golden_s32(&g, 11),
                               (uint8_t)golden_s32(&g, 12));
        expect_simulated(&g);
        golden_expect_s64(&g, "q", q, (uint8_t)golden_s32(&g, 15));
    }
    print_message("add.txt: %d vectors exact on vector_s8\n", g.vectors);
}

static void test_average(void **state)
{
    (void)state;
    golden g;
    int beyond = 0;
    golden_open(&g, "average.txt");
    while (golden_next(&g)) {
        const davit_quant8 x = {golden_dtype(&g, 0), golden_f32(&g, 2), golden_s32(&g, 1)};
        const davit_result_spec y = result_at(&g, 3, 4, 5, 6);
        davit_rescale prepared;
        assert_int_equal(davit_average_prepare(&x, &y, golden_s64(&g, 8), &prepared, NULL),
                         DAVIT_OK);
        int64_t sum = golden_s64(&g, 9);
        if (sum != (int32_t)sum) {
            beyond++;
            continue;
        }
        davit_vector_shape shape = one;
        shape.kind = DAVIT_VECTOR_AVERAGE;
        const davit_vector_values values = {.c_u8 = y.type.dtype == DAVIT_U8,
                                            .factors = &prepared.scale,
                                            .factor_count = 1,
                                            .low = prepared.result.low,
                                            .high = prepared.result.high,
                                            .c_zero = y.type.zero};
        const int32_t correction = (int32_t)sum;
        uint8_t q = run_vector(&shape, &values, &correction, 0, 0);
        expect_simulated(&g);
        golden_expect_s64(&g, "q", q, (uint8_t)golden_s32(&g, 11));
    }
    assert_true(beyond < g.vectors / 4);
    print_message("average.txt: %d vectors exact on vector_s8, %d have sums beyond s32\n",
                  g.vectors - beyond, beyond);
}

/* A block of gemm_s8 is refused: nothing is written but the end word. */
static void test_foreign_block(void **state)
{
    (void)state;
    _Alignas(64) uint32_t block[BLOCK_WORDS * 16] = {DAVIT_GEMM_MAGIC};
    _Alignas(64) uint8_t a[64] = {0}, b[64] = {0}, c[64], e[64] = {0};
    memset(c, 0x77, sizeof(c));
    const davit_end_expected expected = {DAVIT_VECTOR_MAGIC, 0, 1};
    vector_s8(a, b, block, c, e);
    assert_null(engine_simulation_error());
    assert_non_null(strstr(davit_end_check(e, &expected), "refused"));
    for (size_t i = 0; i < sizeof(c); i++) {
        assert_int_equal(c[i], 0x77);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_add),
        cmocka_unit_test(test_average),
        cmocka_unit_test(test_foreign_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
