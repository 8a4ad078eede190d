/* The closed-form cycle model: never below what the array or the channel need, never better with
 * less memory, exact where everything is known. */
#include "unit_test.h"

#include <string.h>

#include "davit/cycle_model.h"
#include "engine_memory.h"

static davit_gemm_shape any_shape(engine_random *random)
{
    davit_gemm_shape s = {.images = 1};
    s.in_h = 1 + engine_draw(random, 60);
    s.in_w = 1 + engine_draw(random, 60);
    s.channels = 1 + engine_draw(random, 300);
    s.kernel_h = s.kernel_w = 1 + 2 * engine_draw(random, 3);
    s.stride_h = s.stride_w = 1 + engine_draw(random, 2);
    s.dilation_h = s.dilation_w = 1;
    s.pad_top = s.pad_left = s.kernel_h / 2;
    s.out_h = (s.in_h - 1) / s.stride_h + 1;
    s.out_w = (s.in_w - 1) / s.stride_w + 1;
    s.columns = 64 * (1 + engine_draw(random, 12));
    s.residual = engine_chance(random, 50);
    return s;
}

static void test_bounds(void **state)
{
    (void)state;
    int fitting = 0;
    for (uint64_t i = 0; i < 2000; i++) {
        engine_random random = engine_random_of(3, i);
        davit_gemm_shape s = any_shape(&random);
        davit_cycles c, slow, late;
        if (davit_gemm_cycles(&davit_engine_u250, &s, &c) != NULL) {
            continue;
        }
        fitting++;
        assert_true(c.macs / davit_engine_peak(&davit_engine_u250) <= c.compute);
        assert_true(c.compute <= c.total);
        assert_true(c.memory <= c.total * 1.0001);
        davit_engine other = davit_engine_u250;
        other.bytes_per_second /= 2;
        assert_null(davit_gemm_cycles(&other, &s, &slow));
        assert_true(slow.total >= c.total);
        other = davit_engine_u250;
        other.latency_ns *= 2;
        assert_null(davit_gemm_cycles(&other, &s, &late));
        assert_true(late.total > c.total);
    }
    assert_true(fitting > 1000);
}

/* Memory without limits: the array's cycles are countable by hand. */
static void test_array(void **state)
{
    (void)state;
    davit_engine engine = davit_engine_u250;
    engine.bytes_per_second = 1e15;
    engine.latency_ns = 0;
    engine.refresh_ns = 0;
    davit_gemm_shape s = davit_gemm_matrix(70, 1024, 64); /* 10 tiles of rows, 2 of columns */
    davit_cycles c;
    assert_null(davit_gemm_cycles(&engine, &s, &c));
    assert_int_equal((int)c.compute, 10 * 2 * 128);
    /* The start; the arrival of weights through a port of one word a cycle (4 for each of 2 * 128
     * steps, of which 256 overlap); the last 7 rows leave, 2 * 7 chunks are put in order; the
     * result is 70 words, of which the first burst of 64 begins 12 cycles before the end; the
     * pipeline; the end word. */
    assert_int_equal((int)(c.total - c.compute), 19 + 3 * 256 + 7 + 2 * 7 + 70 - 12 + 49 + 20);
}

static void test_refused(void **state)
{
    (void)state;
    davit_cycles c = {.total = -1};
    davit_gemm_shape s = davit_gemm_matrix(10, 20000, 64);
    assert_string_equal(davit_gemm_cycles(&davit_engine_u250, &s, &c),
                        "a sum has more steps than the buffers of the engine");
    s = davit_gemm_matrix(10, 16000, 1000);
    assert_string_equal(davit_gemm_cycles(&davit_engine_u250, &s, &c),
                        "the columns need several panels and are not a multiple of 64");
    s = davit_gemm_matrix(0, 16, 16);
    assert_string_equal(davit_gemm_cycles(&davit_engine_u250, &s, &c), "an extent is 0");
    s = davit_gemm_matrix(UINT32_MAX, UINT32_MAX, 1);
    assert_non_null(davit_gemm_cycles(&davit_engine_u250, &s, &c));
    assert_true(c.total == -1);
}

static void test_vector(void **state)
{
    (void)state;
    davit_vector_shape s = {.kind = DAVIT_VECTOR_DEPTHWISE,
                            .images = 1,
                            .in_h = 56,
                            .in_w = 56,
                            .channels = 144,
                            .kernel_h = 3,
                            .kernel_w = 3,
                            .stride_h = 1,
                            .stride_w = 1,
                            .dilation_h = 1,
                            .dilation_w = 1,
                            .pad_top = 1,
                            .pad_left = 1,
                            .out_h = 56,
                            .out_w = 56};
    davit_cycles c;
    assert_null(davit_vector_cycles(&davit_engine_u250, &s, &c));
    assert_int_equal((int)c.compute, 56 * 56 * 3 * 9);
    assert_int_equal((int)c.macs, 56 * 56 * 144 * 9);
    assert_true(c.total > c.compute);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_array),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_vector),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
