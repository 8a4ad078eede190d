/* Real functions, tables and softmax: golden vectors, and the machine's long double as oracle. */
#include "unit_test.h"

#include <math.h>
#include <string.h>

#include "davit/quantize_table.h"
#include "golden.h"
#include "host/core/real.h"

/* ---- error bounds of host/core/real.h ---- */

static long double normal_l(long double x)
{
    return 0.5L * erfcl(-x * 0.70710678118654752440084436210484903928L);
}

static long double sigmoid_l(long double x)
{
    return 1.0L / (1.0L + expl(-x));
}

static long double softplus_l(long double x)
{
    return x > 0.0L ? x + log1pl(expl(-x)) : log1pl(expl(x));
}

/* Uniform in sign, with an exponent uniform in low..high, 24 significant bits as an f32 has. */
static double random_argument(uint64_t *seed, int low, int high)
{
    double magnitude = 1.0 + (double)(test_random(seed) >> 41) * 0x1p-23;
    int exponent = low + (int)test_random_below(seed, (uint64_t)high + 1 - (uint64_t)low);
    return ldexp(test_random_below(seed, 2) != 0 ? magnitude : -magnitude, exponent);
}

static void test_error_bounds(void **state)
{
    (void)state;
    const struct {
        const char *name;
        double (*ours)(double x);
        long double (*oracle)(long double x);
        int high;  /* exponent of the greatest |x| */
        int bound; /* relative error below 2^-bound, as the header says */
    } functions[] = {
        {"exp", davit_real_exp, expl, 8, 50},
        {"expm1", davit_real_expm1, expm1l, 8, 48},
        {"sigmoid", davit_real_sigmoid, sigmoid_l, 8, 49},
        {"tanh", davit_real_tanh, tanhl, 6, 47},
        {"softplus", davit_real_softplus, softplus_l, 8, 48},
        {"erf", davit_real_erf, erfl, 4, 48},
        {"normal", davit_real_normal, normal_l, 4, 42},
    };
    for (size_t f = 0; f < sizeof(functions) / sizeof(functions[0]); f++) {
        uint64_t seed = 9 + f;
        long double worst = 0.0L;
        double where = 0.0;
        for (int i = 0; i < 50000; i++) {
            double x = random_argument(&seed, i % 2 != 0 ? -126 : -4, functions[f].high);
            long double wanted = functions[f].oracle((long double)x);
            long double error = fabsl((long double)functions[f].ours(x) / wanted - 1.0L);
            if (error > worst) {
                worst = error;
                where = x;
            }
        }
        print_message("%-9s relative error 2^%.1f at %a\n", functions[f].name, (double)log2l(worst),
                      where);
        assert_true(worst < ldexpl(1.0L, -functions[f].bound));
    }
}

static void test_limits(void **state)
{
    (void)state;
    const double infinite = (double)INFINITY;
    assert_true(davit_real_exp(0.0) == 1.0);
    assert_true(davit_real_exp(1000.0) == infinite && davit_real_exp(-1000.0) == 0.0);
    assert_true(davit_real_exp(709.5) > 1e308 && davit_real_exp(709.5) < infinite);
    assert_true(davit_real_exp(-740.0) > 0.0 && davit_real_exp(-740.0) < 1e-320);
    assert_true(davit_real_expm1(-infinite) == -1.0 && davit_real_expm1(infinite) == infinite);
    assert_true(davit_real_sigmoid(infinite) == 1.0 && davit_real_sigmoid(-infinite) == 0.0);
    assert_true(davit_real_tanh(infinite) == 1.0 && davit_real_tanh(-infinite) == -1.0);
    assert_true(davit_real_softplus(infinite) == infinite && davit_real_softplus(-infinite) == 0.0);
    assert_true(davit_real_erf(infinite) == 1.0 && davit_real_erf(-infinite) == -1.0);
    assert_true(davit_real_normal(infinite) == 1.0 && davit_real_normal(-infinite) == 0.0);
    const double nan = (double)NAN;
    assert_true(isnan(davit_real_exp(nan)) && isnan(davit_real_tanh(nan)));
    assert_true(isnan(davit_real_erf(nan)) && isnan(davit_real_normal(nan)));
    assert_true(isnan(davit_real_sigmoid(nan)) && isnan(davit_real_softplus(nan)));
    for (int f = 0; f < DAVIT_FUNCTION_COUNT; f++) {
        double high = davit_function_value((davit_function)f, 0.0f, 1.0f, INFINITY);
        double low = davit_function_value((davit_function)f, 0.0f, 1.0f, -INFINITY);
        assert_true(high == high && low == low);
    }
}

/* ---- tables ---- */

static davit_function function_of(const golden *g, int i)
{
    for (int f = 0; f < DAVIT_FUNCTION_COUNT; f++) {
        if (strcmp(davit_function_name((davit_function)f), golden_text(g, i)) == 0) {
            return (davit_function)f;
        }
    }
    fail_msg("%s:%d: no function %s", g->path, g->line, golden_text(g, i));
    return DAVIT_FUNCTION_COUNT;
}

static davit_quant8 read_type(const golden *g, int i)
{
    return (davit_quant8){golden_dtype(g, i), golden_f32(g, i + 2), golden_s32(g, i + 1)};
}

static void test_golden_tables(void **state)
{
    (void)state;
    int seen[DAVIT_FUNCTION_COUNT] = {0};
    golden g;
    golden_open(&g, "table.txt");
    while (golden_next(&g)) {
        davit_table_spec spec = {function_of(&g, 0), golden_f32(&g, 1), golden_f32(&g, 2),
                                 read_type(&g, 3), read_type(&g, 6)};
        seen[spec.function]++;
        uint8_t table[256];
        assert_int_equal(davit_table_make(&spec, table, NULL), DAVIT_OK);
        const char *digits = golden_text(&g, 9);
        assert_int_equal(strlen(digits), 512);
        for (int i = 0; i < 256; i++, digits += 2) {
            char byte[3] = {digits[0], digits[1], '\0'};
            golden_expect_s64(&g, davit_function_name(spec.function), table[i],
                              strtol(byte, NULL, 16));
        }
    }
    for (int f = 0; f < DAVIT_FUNCTION_COUNT; f++) {
        assert_true(seen[f] >= 8);
    }
}

static long double value_l(davit_function function, long double a, long double b, long double x)
{
    switch (function) {
    case DAVIT_FUNCTION_RELU:
        return fmaxl(x, 0.0L);
    case DAVIT_FUNCTION_CLIP:
        return fminl(fmaxl(x, a), b);
    case DAVIT_FUNCTION_LEAKY_RELU:
        return x < 0.0L ? a * x : x;
    case DAVIT_FUNCTION_ELU:
        return x < 0.0L ? a * expm1l(x) : x;
    case DAVIT_FUNCTION_LINEAR:
        return a * x + b;
    case DAVIT_FUNCTION_HARDSIGMOID:
        return fmaxl(0.0L, fminl(1.0L, a * x + b));
    case DAVIT_FUNCTION_HARDSWISH:
        return x * fmaxl(0.0L, fminl(6.0L, x + 3.0L)) / 6.0L;
    case DAVIT_FUNCTION_EXP:
        return expl(x);
    case DAVIT_FUNCTION_SIGMOID:
        return sigmoid_l(x);
    case DAVIT_FUNCTION_TANH:
        return tanhl(x);
    case DAVIT_FUNCTION_SILU:
        return x * sigmoid_l(x);
    case DAVIT_FUNCTION_ERF:
        return erfl(x);
    case DAVIT_FUNCTION_GELU_ERF:
        return x * normal_l(x);
    case DAVIT_FUNCTION_GELU_TANH:
        return x * sigmoid_l(2.0L * 0.79788456080286535587989211986876373695L *
                             (x + 0.044715L * x * x * x));
    case DAVIT_FUNCTION_SOFTPLUS:
        return softplus_l(x);
    case DAVIT_FUNCTION_MISH:
        return x * tanhl(softplus_l(x));
    default:
        return x;
    }
}

static davit_quant8 random_type(uint64_t *seed)
{
    davit_dtype dtype = test_random_below(seed, 2) != 0 ? DAVIT_U8 : DAVIT_S8;
    int32_t zero = davit_quantized_low(dtype) + (int32_t)test_random_below(seed, 256);
    return (davit_quant8){dtype, (float)fabs(random_argument(seed, -10, -2)), zero};
}

/* The definition with the machine's long double in the place of the real function. How often the
 * byte is also that of the real result, rounded once, is printed: the f32 steps of the definition
 * move some of those within 2^-23 of a tie. */
static void test_random_tables(void **state)
{
    (void)state;
    uint64_t seed = 10;
    unsigned entries = 0;
    unsigned moved = 0;
    for (int round = 0; round < 200 * DAVIT_FUNCTION_COUNT; round++) {
        davit_table_spec spec = {(davit_function)(round % DAVIT_FUNCTION_COUNT),
                                 fabsf(test_random_float(&seed)), 1.0f + test_random_float(&seed),
                                 random_type(&seed), random_type(&seed)};
        uint8_t table[256];
        assert_int_equal(davit_table_make(&spec, table, NULL), DAVIT_OK);
        davit_tensor_desc y = {.dtype = spec.y.dtype,
                               .quantization = {&spec.y.scale, &spec.y.zero, 1, 0}};
        long double least = davit_quantized_low(spec.y.dtype);
        long double greatest = davit_quantized_high(spec.y.dtype);
        for (int i = 0; i < 256; i++) {
            int32_t q = davit_quantized_low(spec.x.dtype) + i - spec.x.zero;
            long double real =
                value_l(spec.function, (long double)spec.alpha, (long double)spec.beta,
                        (long double)((float)q * spec.x.scale));
            float nearest = (float)real;
            uint8_t wanted;
            davit_quantize(&y, &nearest, &wanted);
            uint8_t byte = (uint8_t)(q + spec.x.zero);
            assert_int_equal(table[byte], wanted);
            real = value_l(spec.function, (long double)spec.alpha, (long double)spec.beta,
                           (long double)q * (long double)spec.x.scale);
            real = rintl(real / (long double)spec.y.scale) + spec.y.zero;
            real = fminl(fmaxl(real, least), greatest);
            moved += (uint8_t)(int32_t)real != table[byte];
            entries++;
        }
    }
    print_message("%u entries, %u of them not the real result rounded once\n", entries, moved);
    assert_true(moved < entries / 1000);
}

/* Moving values between equal types changes nothing; a table applies in place. */
static void test_identity(void **state)
{
    (void)state;
    uint64_t seed = 11;
    for (int round = 0; round < 1000; round++) {
        davit_quant8 type = random_type(&seed);
        davit_table_spec spec = {DAVIT_FUNCTION_IDENTITY, NAN, NAN, type, type};
        uint8_t table[256];
        uint8_t bytes[256];
        assert_int_equal(davit_table_make(&spec, table, NULL), DAVIT_OK);
        for (int i = 0; i < 256; i++) {
            bytes[i] = (uint8_t)(255 - i);
        }
        davit_table_apply(table, 256, bytes, bytes);
        for (int i = 0; i < 256; i++) {
            assert_int_equal(table[i], i);
            assert_int_equal(bytes[i], 255 - i);
        }
    }
}

/* ---- softmax ---- */

static void test_golden_softmax(void **state)
{
    (void)state;
    golden g;
    golden_open(&g, "softmax.txt");
    while (golden_next(&g)) {
        davit_quant8 x = {golden_dtype(&g, 0), golden_f32(&g, 1), 0};
        davit_result_spec y = {read_type(&g, 2), -INFINITY, INFINITY};
        davit_softmax p;
        assert_int_equal(davit_softmax_prepare(&x, &y, &p, NULL), DAVIT_OK);
        int count = golden_s32(&g, 5);
        assert_in_range(count, 1, 64);
        uint8_t row[64][3] = {{0}}; /* the first column */
        for (int i = 0; i < count; i++) {
            row[i][0] = (uint8_t)golden_s32(&g, 6 + i);
        }
        davit_softmax_row(&p, (size_t)count, 3, row, row);
        for (int i = 0; i < count; i++) {
            golden_expect_s64(&g, "y", row[i][0], (uint8_t)golden_s32(&g, 6 + count + i));
            assert_true(row[i][1] == 0 && row[i][2] == 0);
        }
    }
}

static void test_golden_exponentials(void **state)
{
    (void)state;
    golden g;
    golden_open(&g, "exponential.txt");
    while (golden_next(&g)) {
        davit_quant8 x = {DAVIT_S8, golden_f32(&g, 0), 0};
        davit_result_spec y = {{DAVIT_U8, 0x1p-8f, 0}, -INFINITY, INFINITY};
        davit_softmax p;
        assert_int_equal(davit_softmax_prepare(&x, &y, &p, NULL), DAVIT_OK);
        for (int d = 0; d < 256; d++) {
            golden_expect_s64(&g, "E", p.exponential[d], golden_s64(&g, 1 + d));
        }
    }
}

/* The stated error, through a result type so fine that its steps show p itself: 2^-24. */
static void test_softmax_error(void **state)
{
    (void)state;
    uint64_t seed = 12;
    static uint8_t row[50000];
    long double worst = 0.0L;
    for (int round = 0; round < 60; round++) {
        davit_quant8 x = {DAVIT_U8, (float)fabs(random_argument(&seed, -9, -1)), 0};
        davit_result_spec y = {{DAVIT_U8, 0x1p-8f, 0}, -INFINITY, INFINITY};
        davit_softmax p;
        assert_int_equal(davit_softmax_prepare(&x, &y, &p, NULL), DAVIT_OK);
        size_t count = round % 3 == 0 ? sizeof(row) : 1 + test_random_below(&seed, 1000);
        int32_t spread = 1 + (int32_t)test_random_below(&seed, 256);
        long double total = 0.0L;
        uint64_t sum = 0;
        int32_t max = 0;
        for (size_t i = 0; i < count; i++) {
            row[i] = (uint8_t)test_random_below(&seed, (uint64_t)spread);
            max = row[i] > max ? row[i] : max;
        }
        for (size_t i = 0; i < count; i++) {
            total += expl((long double)(row[i] - max) * (long double)x.scale);
            sum += p.exponential[max - row[i]];
        }
        long double stated = 0x1p-25L + 0x1p-32L + (long double)(count + 1) * 0x1p-31L;
        uint64_t reciprocal = (((uint64_t)1 << 62) - 1) / sum;
        assert_true(reciprocal <= UINT32_MAX);
        static uint8_t y_row[50000];
        davit_softmax_row(&p, count, 1, row, y_row);
        for (size_t i = 0; i < count; i++) {
            uint64_t e = p.exponential[max - row[i]];
            long double share = (long double)((e * reciprocal + (1ull << 37)) >> 38) * 0x1p-24L;
            long double real = expl((long double)(row[i] - max) * (long double)x.scale) / total;
            long double error = fabsl(share - real) / stated;
            worst = error > worst ? error : worst;
            assert_true(fabsl(fminl(real * 256.0L, 255.0L) - y_row[i]) <= 0.5L + 256.0L * stated);
        }
    }
    print_message("softmax: %.3f of the stated error\n", (double)worst);
    assert_true(worst <= 1.0L);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_error_bounds),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_golden_tables),
        cmocka_unit_test(test_random_tables),
        cmocka_unit_test(test_identity),
        cmocka_unit_test(test_golden_softmax),
        cmocka_unit_test(test_golden_exponentials),
        cmocka_unit_test(test_softmax_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
