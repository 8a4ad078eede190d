/* The golden vectors of requantisation (tests/golden/requantize.txt) through gemm_s8, in C
 * simulation and in RTL. The sum of a vector is the correction of a channel whose weights are 0. */
#include "unit_test.h"

#include <string.h>

#include "engine_case.h"
#include "golden.h"

static const davit_gemm_geometry full_geometry = DAVIT_GEMM_DEFAULT_GEOMETRY;

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

/* A 1 x 1 product of one zero weight. */
static uint8_t run_gemm(bool small, const davit_requantization *r, int32_t acc, uint8_t residual)
{
    const davit_gemm_geometry geometry = small ? engine_small_geometry : full_geometry;
    _Alignas(64) uint8_t a[64] = {0}, b[64 * 8] = {0}, c[64] = {0}, e[64] = {0}, previous[64] = {0};
    _Alignas(64) uint32_t block[BLOCK_WORDS * 16];
    const int8_t weight = 0;
    davit_gemm_shape shape = davit_gemm_matrix(1, 1, 1);
    davit_gemm_layout layout;
    shape.residual = r->residual_dtype != DAVIT_DTYPE_NONE;
    assert_null(davit_gemm_plan(&geometry, &shape, &layout));
    davit_gemm_values values = {.c_u8 = r->result.dtype == DAVIT_U8,
                                .residual_u8 = r->residual_dtype == DAVIT_U8,
                                .weights = &weight,
                                .scale = r->scale,
                                .bias = r->bias,
                                .residual_zero = r->residual_zero,
                                .residual_scale = r->residual_scale,
                                .low = r->result.low,
                                .high = r->result.high,
                                .c_zero = r->result.zero};
    davit_gemm_pack_weights(&geometry, &shape, &layout, &weight, b);
    davit_gemm_pack_parameters(&geometry, &shape, &layout, &values, block);
    block[DAVIT_ENGINE_DESCRIPTOR] = (uint32_t)acc;
    previous[0] = residual;
    (small ? gemm_s8_small : gemm_s8)(a, b, block, previous, c, e);
    return c[0];
}

/* *state: whether on the small array. */
static void test_requantize(void **state)
{
    bool small = *(const bool *)*state;
    int beyond = 0;
    golden g;
    golden_open(&g, "requantize.txt");
    while (golden_next(&g)) {
        float w_scale = golden_f32(&g, 6);
        int32_t bias = golden_s32(&g, 7);
        int64_t acc = golden_s64(&g, 12);
        davit_requantization_spec spec = {
            .result = result_at(&g, 0, 1, 2, 3),
            .channels = 1,
            .x_scale = golden_f32(&g, 5),
            .w_scale = &w_scale,
            .w_scale_count = 1,
            .bias = &bias,
            .bias_count = bias != 0 ? 1 : 0,
            .residual = {golden_dtype(&g, 8), golden_f32(&g, 9), golden_s32(&g, 10)}};
        float scale, bias_f32;
        davit_requantization prepared;
        assert_int_equal(davit_requantization_prepare(&spec, &scale, &bias_f32, &prepared, NULL),
                         DAVIT_OK);
        if (acc != (int32_t)acc) {
            beyond++; /* the engine's sums fit s32: K is at most 16,384 */
            continue;
        }
        bool residual = spec.residual.dtype != DAVIT_DTYPE_NONE;
        uint8_t q = run_gemm(small, &prepared, (int32_t)acc,
                             residual ? (uint8_t)golden_s32(&g, 11) : (uint8_t)0);
        expect_simulated(&g);
        golden_expect_s64(&g, "q", q, (uint8_t)golden_s32(&g, 17));
    }
    assert_true(beyond < g.vectors / 4);
    print_message("requantize.txt: %d vectors exact on gemm_s8%s, %d have sums beyond s32\n",
                  g.vectors - beyond, small ? "_small" : "", beyond);
}

/* Where single operations decide: 3 * s is 2.5 and half a unit in the last place, which rounds to
 * even, to 2.5 and to 2; 20971520 + b is half a unit and a little more, which rounds up, and times
 * 2^-23 to 3. */
static void test_last_places(void **state)
{
    bool small = *(const bool *)*state;
    const float third = 6990507.0f / 8388608.0f, bias = 1.0f + 1.0f / 8388608.0f;
    const float one = 1.0f / 8388608.0f, zero = 0.0f;
    davit_requantization r = {
        .result = {.dtype = DAVIT_S8, .low = -100, .high = 100}, .scale = &third, .bias = &zero};
    assert_int_equal(run_gemm(small, &r, 3, 0), 2);
    assert_int_equal((int8_t)run_gemm(small, &r, -3, 0), -2);
    r.scale = &one;
    r.bias = &bias;
    assert_int_equal(run_gemm(small, &r, 20971520, 0), 3);
    assert_null(engine_simulation_error());
}

static void expect_refused(const void *end)
{
    const davit_end_expected expected = {DAVIT_GEMM_MAGIC, 7, 1};
    assert_null(engine_simulation_error());
    assert_non_null(strstr(davit_end_check(end, &expected), "refused"));
}

/* A block for another array, or for the other kernel, is refused: nothing is written but the end
 * word. */
static void test_foreign_block(void **state)
{
    (void)state;
    _Alignas(64) uint32_t block[BLOCK_WORDS * 16] = {DAVIT_VECTOR_MAGIC};
    _Alignas(64) uint8_t a[64] = {0}, b[64] = {0}, c[64], e[64] = {0};
    memset(c, 0x77, sizeof(c));
    gemm_s8(a, b, block, NULL, c, e);
    expect_refused(e);
    memset(e, 0, sizeof(e));
    block[0] = DAVIT_GEMM_MAGIC;
    block[DAVIT_GEMM_F_GEOMETRY] = 8u | 32u << 8 | 8u << 16;
    gemm_s8(a, b, block, NULL, c, e);
    expect_refused(e);
    for (size_t i = 0; i < sizeof(c); i++) {
        assert_int_equal(c[i], 0x77);
    }
}

int main(int argc, char **argv)
{
    static bool full = false, small = true;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_requantize, &small),
        cmocka_unit_test_prestate(test_last_places, &small),
        cmocka_unit_test_prestate(test_requantize, &full),
        cmocka_unit_test_prestate(test_last_places, &full),
        cmocka_unit_test(test_foreign_block),
    };
    if (argc > 1 && strcmp(argv[1], "small") == 0) {
        return _cmocka_run_group_tests("small", tests, 2, NULL, NULL);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
