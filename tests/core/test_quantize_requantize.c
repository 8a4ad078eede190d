/* Requantisation: golden vectors, the power of these vectors, an exact oracle. */
#include "unit_test.h"

#include <math.h>
#include <string.h>

#include "davit/requantize.h"
#include "exact_f32.h"
#include "golden.h"

/* A line of requantize.txt; the prepared form's arrays are in it. */
typedef struct vector {
    davit_requantization_spec spec;
    float w_scale;
    int32_t bias;
    int32_t previous;
    int64_t acc;
    float s, r, low, high;
    int32_t q;
    float scale, bias_f32;
    davit_requantization prepared;
} vector;

static void read_vector(const golden *g, vector *v)
{
    v->w_scale = golden_f32(g, 6);
    v->bias = golden_s32(g, 7);
    v->spec = (davit_requantization_spec){
        .result = {{golden_dtype(g, 0), golden_f32(g, 2), golden_s32(g, 1)},
                   golden_f32(g, 3),
                   golden_f32(g, 4)},
        .channels = 1,
        .x_scale = golden_f32(g, 5),
        .w_scale = &v->w_scale,
        .w_scale_count = 1,
        .bias = &v->bias,
        .bias_count = v->bias != 0 ? 1 : 0,
        .residual = {golden_dtype(g, 8), golden_f32(g, 9), golden_s32(g, 10)},
    };
    bool residual = v->spec.residual.dtype != DAVIT_DTYPE_NONE;
    v->previous = residual ? golden_s32(g, 11) - golden_s32(g, 10) : 0;
    v->acc = golden_s64(g, 12);
    v->s = golden_f32(g, 13);
    v->r = golden_f32(g, 14);
    v->low = golden_f32(g, 15);
    v->high = golden_f32(g, 16);
    v->q = golden_s32(g, 17);
    davit_reason reason;
    if (davit_requantization_prepare(&v->spec, &v->scale, &v->bias_f32, &v->prepared, &reason) !=
        DAVIT_OK) {
        fail_msg("%s:%d: %s", g->path, g->line, reason.text);
    }
}

static void test_golden(void **state)
{
    (void)state;
    golden g;
    golden_open(&g, "requantize.txt");
    while (golden_next(&g)) {
        vector v;
        read_vector(&g, &v);
        golden_expect_f32(&g, "s", v.prepared.scale[0], v.s);
        golden_expect_f32(&g, "r", v.prepared.residual_scale, v.r);
        golden_expect_f32(&g, "low", v.prepared.result.low, v.low);
        golden_expect_f32(&g, "high", v.prepared.result.high, v.high);
        golden_expect_s64(&g, "q", davit_requantize_one(&v.prepared, 0, v.acc, v.previous), v.q);
        uint8_t residual = (uint8_t)(v.previous + v.prepared.residual_zero);
        const void *previous = v.prepared.residual_dtype != DAVIT_DTYPE_NONE ? &residual : NULL;
        uint8_t byte;
        davit_requantize_wide(&v.prepared, 1, &v.acc, previous, &byte);
        golden_expect_s64(&g, "wide byte", byte, (uint8_t)v.q);
        int32_t narrow = (int32_t)v.acc;
        if (narrow == v.acc) {
            davit_requantize(&v.prepared, 1, &narrow, previous, &byte);
            golden_expect_s64(&g, "byte", byte, (uint8_t)v.q);
        }
    }
}

/* ---- other definitions, each of which the vectors must tell from ours ---- */

static float sum_of(const vector *v)
{
    return (float)v->acc + (float)v->bias;
}

static float before_activation(const vector *v)
{
    return sum_of(v) * v->s + (float)v->previous * v->r;
}

static int32_t saturate(const vector *v, double q)
{
    davit_dtype dtype = v->prepared.result.dtype;
    double low = davit_quantized_low(dtype);
    double high = davit_quantized_high(dtype);
    return (int32_t)(q < low ? low : q > high ? high : q);
}

static int32_t finish(const vector *v, float t)
{
    return davit_result_finish(&v->prepared.result, t);
}

static float activated(const vector *v)
{
    return davit_clamp(before_activation(v), v->low, v->high);
}

static int32_t half_away(const vector *v)
{
    return saturate(v, (double)roundf(activated(v) + (float)v->prepared.result.zero));
}

static int32_t half_up(const vector *v)
{
    return saturate(v, floor((double)(activated(v) + (float)v->prepared.result.zero) + 0.5));
}

static int32_t truncated(const vector *v)
{
    return saturate(v, (double)truncf(activated(v) + (float)v->prepared.result.zero));
}

static int32_t zero_after_rounding(const vector *v)
{
    return saturate(v, (double)rintf(activated(v)) + v->prepared.result.zero);
}

static int32_t bias_after_scaling(const vector *v)
{
    float t = (float)v->acc * v->s + (float)v->bias * v->s;
    return finish(v, t + (float)v->previous * v->r);
}

static int32_t bias_in_accumulator(const vector *v)
{
    double sum = (double)v->acc + v->bias; /* exact for s32, which all differing vectors are */
    return finish(v, (float)sum * v->s + (float)v->previous * v->r);
}

static float unrounded_r(const vector *v)
{
    return v->previous != 0 ? v->spec.residual.scale / v->spec.result.type.scale : 0.0f;
}

static int32_t fused_unrounded_residual(const vector *v)
{
    return finish(v, fmaf((float)v->previous, unrounded_r(v), sum_of(v) * v->s));
}

static int32_t separate_unrounded_residual(const vector *v)
{
    return finish(v, sum_of(v) * v->s + (float)v->previous * unrounded_r(v));
}

static int32_t fused_scale(const vector *v)
{
    return finish(v, fmaf(sum_of(v), v->s, (float)v->previous * v->r));
}

/* What a compiler that contracts makes of an unit without residual and activation. */
static int32_t fused_zero_point(const vector *v)
{
    if (v->previous != 0) {
        return finish(v, before_activation(v));
    }
    davit_result result = v->prepared.result;
    float t = fmaf(sum_of(v), v->s, (float)result.zero);
    result.zero = 0;
    result.low = (float)davit_quantized_low(result.dtype);
    result.high = (float)davit_quantized_high(result.dtype);
    return davit_result_finish(&result, t);
}

static int32_t in_double(const vector *v)
{
    double s = (double)v->spec.x_scale * (double)v->w_scale / (double)v->spec.result.type.scale;
    double t = ((double)v->acc + v->bias) * s + v->previous * (double)v->r;
    t = t < (double)v->low ? (double)v->low : t;
    t = t > (double)v->high ? (double)v->high : t;
    return saturate(v, rint(t + v->prepared.result.zero));
}

static int32_t quotient_first(const vector *v)
{
    float s = v->spec.x_scale * (v->w_scale / v->spec.result.type.scale);
    return finish(v, sum_of(v) * s + (float)v->previous * v->r);
}

static int32_t reciprocal_of_result(const vector *v)
{
    float s = v->spec.x_scale * v->w_scale * (1.0f / v->spec.result.type.scale);
    return finish(v, sum_of(v) * s + (float)v->previous * v->r);
}

static int32_t activation_before_residual(const vector *v)
{
    davit_result unbounded = v->prepared.result;
    unbounded.low = -0x1p20f;
    unbounded.high = 0x1p20f;
    float t = davit_clamp(sum_of(v) * v->s, v->low, v->high);
    return davit_result_finish(&unbounded, t + (float)v->previous * v->r);
}

static int32_t without_low_first(const vector *v)
{
    float t = before_activation(v);
    t = t < v->high ? t : v->high;
    t = t > v->low ? t : v->low;
    return saturate(v, (double)rintf(t + (float)v->prepared.result.zero));
}

/* The same definition in other operations: shows that the comparison above is sound, and that
 * fused and separate multiply-add agree on a residual scale of 16 bits. */
static int32_t same_fused_residual(const vector *v)
{
    return finish(v, fmaf((float)v->previous, v->r, sum_of(v) * v->s));
}

/* On a machine that flushes denormal operands and results to 0, where that can be had. */
static int32_t same_flushed(const vector *v)
{
#ifdef __SSE2__
    const unsigned flush = 0x8040; /* MXCSR: flush to zero, denormals are zeros */
    unsigned before = __builtin_ia32_stmxcsr();
    __builtin_ia32_ldmxcsr(before | flush);
    int32_t q = davit_requantize_one(&v->prepared, 0, v->acc, v->previous);
    __builtin_ia32_ldmxcsr(before);
    return q;
#else
    return v->q;
#endif
}

static void test_vectors_tell_other_definitions_apart(void **state)
{
    (void)state;
    const struct {
        const char *name;
        int32_t (*q)(const vector *v);
        int at_least; /* vectors that differ */
    } others[] = {
        {"half away from zero", half_away, 8},
        {"half up", half_up, 8},
        {"truncation", truncated, 100},
        {"zero point added after rounding", zero_after_rounding, 8},
        {"bias added after scaling", bias_after_scaling, 8},
        {"bias in an s32 accumulator above 2^24", bias_in_accumulator, 8},
        {"fused, unrounded residual scale", fused_unrounded_residual, 8},
        {"separate, unrounded residual scale", separate_unrounded_residual, 8},
        {"fused scale and residual", fused_scale, 8},
        {"fused scale and zero point", fused_zero_point, 8},
        {"f64 arithmetic", in_double, 8},
        {"s = x_scale * (w_scale / y_scale)", quotient_first, 8},
        {"s = x_scale * w_scale * (1 / y_scale)", reciprocal_of_result, 8},
        {"activation before the residual", activation_before_residual, 8},
        {"maximum after minimum", without_low_first, 1},
        {"fused residual scale of 16 bits", same_fused_residual, 0},
        {"denormal numbers flushed to 0", same_flushed, 0},
    };
    enum { OTHERS = sizeof(others) / sizeof(others[0]) };
    int differing[OTHERS] = {0};
    golden g;
    golden_open(&g, "requantize.txt");
    while (golden_next(&g)) {
        vector v;
        read_vector(&g, &v);
        for (int i = 0; i < OTHERS; i++) {
            differing[i] += others[i].q(&v) != v.q;
        }
    }
    for (int i = 0; i < OTHERS; i++) {
        print_message("%-40s %4d of %d vectors differ\n", others[i].name, differing[i], g.vectors);
        assert_true(differing[i] >= others[i].at_least);
        assert_true(others[i].at_least != 0 || differing[i] == 0);
    }
}

/* ---- random cases against 128-bit integers ---- */

static float random_scale(uint64_t *seed, int low, int high)
{
    float significand = (float)((test_random(seed) >> 41) + (1 << 23)) * 0x1p-23f;
    int exponent = low + (int)test_random_below(seed, (uint64_t)high + 1 - (uint64_t)low);
    return ldexpf(significand, exponent);
}

static int32_t oracle(const davit_requantization *p, int64_t acc, int32_t bias, int32_t previous)
{
    float t = exact_add(exact_from_s64(acc), exact_from_s64(bias));
    t = exact_multiply(t, p->scale[0]);
    t = exact_add(t, exact_multiply((float)previous, p->residual_scale));
    t = t > p->result.low ? t : p->result.low;
    t = t < p->result.high ? t : p->result.high;
    t = exact_add(t, (float)p->result.zero);
    bool u8 = p->result.dtype == DAVIT_U8;
    t = t < (u8 ? 0.0f : -128.0f) ? (u8 ? 0.0f : -128.0f) : t;
    t = t > (u8 ? 255.0f : 127.0f) ? (u8 ? 255.0f : 127.0f) : t;
    return exact_to_s32(t);
}

static davit_dtype random_dtype(uint64_t *seed)
{
    return test_random_below(seed, 2) != 0 ? DAVIT_U8 : DAVIT_S8;
}

static int32_t random_q(uint64_t *seed, davit_dtype dtype)
{
    return davit_quantized_low(dtype) + (int32_t)test_random_below(seed, 256);
}

/* A unit with scales in the usual range, or anywhere for one in eight. */
static davit_requantization_spec random_spec(uint64_t *seed, float *w_scale, int32_t *bias)
{
    int wide = test_random_below(seed, 8) == 0 ? 15 : 0;
    davit_dtype dtype = random_dtype(seed);
    davit_dtype residual = random_dtype(seed);
    *w_scale = random_scale(seed, -25 - wide, -9 + wide);
    *bias = (int32_t)(test_random(seed) >> 32) >> test_random_below(seed, 31);
    davit_requantization_spec spec = {
        .result = {{dtype, random_scale(seed, -8 - wide, -3 + wide), random_q(seed, dtype)},
                   -INFINITY,
                   INFINITY},
        .channels = 1,
        .x_scale = random_scale(seed, -8 - wide, -3 + wide),
        .w_scale = w_scale,
        .w_scale_count = 1,
        .bias = bias,
        .bias_count = 1,
        .residual = {residual, random_scale(seed, -8, -3), random_q(seed, residual)},
    };
    if (test_random_below(seed, 2) != 0) {
        spec.residual.dtype = DAVIT_DTYPE_NONE;
    }
    if (test_random_below(seed, 2) != 0) {
        spec.result.low = 0.0f;
        spec.result.high = 6.0f;
    }
    return spec;
}

static void check_factors(const davit_requantization_spec *spec, const davit_requantization *p)
{
    float product = exact_multiply(spec->x_scale, *spec->w_scale);
    assert_true(p->scale[0] == exact_divide(product, spec->result.type.scale));
    if (spec->residual.dtype == DAVIT_DTYPE_NONE) {
        assert_true(p->residual_scale == 0.0f);
        return;
    }
    float r = exact_divide(spec->residual.scale, spec->result.type.scale);
    exact bits = exact_of(r);
    exact rounded = {exact_shift(bits.significand, 8), bits.exponent + 8};
    assert_true(p->residual_scale == exact_round(rounded));
}

static void test_random_units_against_integers(void **state)
{
    (void)state;
    uint64_t seed = 7;
    for (int unit = 0; unit < 20000; unit++) {
        float w_scale;
        float scale;
        float bias_f32;
        int32_t bias;
        davit_requantization_spec spec = random_spec(&seed, &w_scale, &bias);
        davit_requantization p;
        assert_int_equal(davit_requantization_prepare(&spec, &scale, &bias_f32, &p, NULL),
                         DAVIT_OK);
        check_factors(&spec, &p);
        double steps = 1.0 / (double)scale;
        for (int i = 0; i < 100; i++) {
            bool residual = p.residual_dtype != DAVIT_DTYPE_NONE;
            int32_t previous = residual ? random_q(&seed, p.residual_dtype) - p.residual_zero : 0;
            /* close to the middle of two steps, a random number otherwise */
            double middle = random_q(&seed, p.result.dtype) + 0.5 - p.result.zero -
                            previous * (double)p.residual_scale;
            double acc = i % 4 != 0 ? rint(middle * steps) - bias
                                    : (double)((int32_t)(test_random(&seed) >> 32) >> i % 32);
            acc = acc < -0x1p62 ? -0x1p62 : acc > 0x1p62 ? 0x1p62 : acc;
            int32_t got = davit_requantize_one(&p, 0, (int64_t)acc, previous);
            assert_int_equal(got, oracle(&p, (int64_t)acc, bias, previous));
        }
    }
}

/* Rows and channels are where the header says. */
static void test_rows_and_channels(void **state)
{
    (void)state;
    const float w_scale[] = {0.25f, 0.5f, 1.0f};
    const int32_t bias[] = {0, 4, -300};
    davit_requantization_spec spec = {
        .result = {{DAVIT_S8, 1.0f, -1}, -INFINITY, INFINITY},
        .channels = 3,
        .x_scale = 1.0f,
        .w_scale = w_scale,
        .w_scale_count = 3,
        .bias = bias,
        .bias_count = 3,
        .residual = {DAVIT_U8, 2.0f, 128},
    };
    float scale[3];
    float bias_f32[3];
    davit_requantization p;
    assert_int_equal(davit_requantization_prepare(&spec, scale, bias_f32, &p, NULL), DAVIT_OK);
    const int32_t acc[] = {8, 8, 8, -8, -8, 1000};
    uint8_t bytes[] = {128, 129, 128, 128, 127, 0};
    davit_requantize(&p, 2, acc, bytes, bytes); /* in place */
    const int8_t wanted[] = {1, 7, -128, -3, -5, 127};
    assert_memory_equal(bytes, wanted, sizeof(wanted));
    spec.w_scale_count = 1;
    spec.bias_count = 0;
    spec.residual.dtype = DAVIT_DTYPE_NONE;
    assert_int_equal(davit_requantization_prepare(&spec, scale, NULL, &p, NULL), DAVIT_OK);
    davit_requantize(&p, 2, acc, NULL, bytes);
    const int8_t same_scale[] = {1, 1, 1, -3, -3, 127};
    assert_memory_equal(bytes, same_scale, sizeof(same_scale));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_vectors_tell_other_definitions_apart),
        cmocka_unit_test(test_random_units_against_integers),
        cmocka_unit_test(test_rows_and_channels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
