#include "real.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#if FLT_EVAL_METHOD != 0
#error "f64 arithmetic is evaluated in a wider type here: compile with -msse2 -mfpmath=sse"
#endif

#define LN2_HIGH 0x1.62e42feep-1      /* ln 2 to 32 bits: times a 12-bit integer it is exact */
#define LN2_LOW 0x1.a39ef35793c76p-33 /* ln 2 - LN2_HIGH */
#define LOG2_E 0x1.71547652b82fep+0   /* 1 / ln 2 */
#define TWO_BY_SQRT_PI 0x1.20dd750429b6dp+0
#define ONE_BY_SQRT_2_PI 0x1.9884533d43651p-2

/* 2^k, k in -1022..1023. */
static double power_of_two(int k)
{
    uint64_t bits = (uint64_t)(k + 1023) << 52;
    double value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* (e^r - 1) / r for |r| <= ln 2 / 2: Taylor, the first term left out is below 2^-57. */
static double expm1_quotient(double r)
{
    double sum = 1.0;
    for (int n = 15; n >= 2; n--) {
        sum = 1.0 + sum * r / n;
    }
    return sum;
}

/* x = k * ln 2 + r, |r| <= ln 2 / 2 but for a rounding; |x| < 800. */
static double reduce(double x, int *k)
{
    double turns = x * LOG2_E;
    *k = (int)(turns < 0.0 ? turns - 0.5 : turns + 0.5);
    return (x - *k * LN2_HIGH) - *k * LN2_LOW;
}

double davit_real_exp(double x)
{
    if (x != x) {
        return x;
    }
    if (x > 709.7) {
        return (double)INFINITY;
    }
    if (x < -750.0) {
        return 0.0;
    }
    int k;
    double r = reduce(x, &k);
    double value = 1.0 + r * expm1_quotient(r);
    if (k < -1000) {
        return value * power_of_two(k + 200) * power_of_two(-200);
    }
    return k > 1000 ? value * power_of_two(k - 200) * power_of_two(200) : value * power_of_two(k);
}

double davit_real_expm1(double x)
{
    if (x > -0.34 && x < 0.34) {
        return x * expm1_quotient(x);
    }
    return davit_real_exp(x) - 1.0;
}

double davit_real_sigmoid(double x)
{
    if (x < 0.0) {
        double e = davit_real_exp(x);
        return e / (1.0 + e);
    }
    return 1.0 / (1.0 + davit_real_exp(-x));
}

double davit_real_tanh(double x)
{
    double magnitude = x < 0.0 ? -x : x;
    double value = 1.0;
    if (magnitude < 20.0) {
        double e = davit_real_expm1(2.0 * magnitude);
        value = e / (e + 2.0);
    } else if (x != x) {
        return x;
    }
    return x < 0.0 ? -value : value;
}

/* log(1 + z) for z in [0, 1], as 2 atanh(z / (2 + z)). */
static double log1p_of(double z)
{
    double s = z / (2.0 + z);
    double square = s * s; /* <= 1/9 */
    double sum = 0.0;
    for (int n = 39; n >= 1; n -= 2) {
        sum = sum * square + 1.0 / n;
    }
    return 2.0 * s * sum;
}

double davit_real_softplus(double x)
{
    return x > 0.0 ? x + log1p_of(davit_real_exp(-x)) : log1p_of(davit_real_exp(x));
}

/* sum of factor^n x^(2n + 1) / (1 * 3 * ... * (2n + 1)): all terms of one sign, none cancels
 * (Abramowitz and Stegun 7.1.6 and 26.2.11). square is factor * x * x, at most 72. */
static double odd_factorial_series(double x, double square)
{
    double term = x;
    double sum = x;
    for (int n = 1; n <= 250; n++) {
        term = term * square / (2 * n + 1);
        sum += term;
    }
    return sum;
}

double davit_real_erf(double x)
{
    if (x > 6.0 || x < -6.0) {
        return x > 0.0 ? 1.0 : -1.0;
    }
    return TWO_BY_SQRT_PI * davit_real_exp(-x * x) * odd_factorial_series(x, 2.0 * x * x);
}

/* 1 - normal(x) for x >= 2.5, by Laplace's continued fraction 1/(x + 1/(x + 2/(x + 3/(x + ...
 * (Abramowitz and Stegun 26.2.14). */
static double normal_tail(double x, double density)
{
    double fraction = x;
    for (int n = 300; n >= 1; n--) {
        fraction = x + n / fraction;
    }
    return density / fraction;
}

double davit_real_normal(double x)
{
    if (x != x) {
        return x;
    }
    double magnitude = x < 0.0 ? -x : x;
    if (magnitude > 40.0) {
        return x < 0.0 ? 0.0 : 1.0;
    }
    double square = x * x;
    double density = ONE_BY_SQRT_2_PI * davit_real_exp(-square / 2.0);
    if (magnitude < 2.5) {
        return 0.5 + density * odd_factorial_series(x, square);
    }
    double tail = normal_tail(magnitude, density);
    return x < 0.0 ? tail : 1.0 - tail;
}
