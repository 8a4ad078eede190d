#include <math.h>

#include "elementwise.h"

#define BINARY(function, expression)                                                               \
    static void function(const davit_lanes *lanes)                                                 \
    {                                                                                              \
        double *values = lanes->f[0];                                                              \
        const double *others = lanes->f[1];                                                        \
        for (int64_t i = 0; i < lanes->count; i++) {                                               \
            const double x = values[i];                                                            \
            const double y = others[i];                                                            \
            values[i] = (expression);                                                              \
        }                                                                                          \
    }

#define BINARY_S64(function, expression)                                                           \
    static void function(const davit_lanes *lanes)                                                 \
    {                                                                                              \
        int64_t *values = lanes->s[0];                                                             \
        const int64_t *others = lanes->s[1];                                                       \
        const bool is_u64 = lanes->is_u64[0];                                                      \
        const bool flag = lanes->attribute[0] != 0.0;                                              \
        (void)is_u64;                                                                              \
        (void)flag;                                                                                \
        for (int64_t i = 0; i < lanes->count; i++) {                                               \
            const int64_t x = values[i];                                                           \
            const int64_t y = others[i];                                                           \
            values[i] = (expression);                                                              \
        }                                                                                          \
    }

#define COMPARISON(function, expression)                                                           \
    static void function(const davit_lanes *lanes)                                                 \
    {                                                                                              \
        for (int64_t i = 0; i < lanes->count; i++) {                                               \
            const double x = lanes->f[0][i];                                                       \
            const double y = lanes->f[1][i];                                                       \
            lanes->s[0][i] = (expression);                                                         \
        }                                                                                          \
    }

static int64_t add(int64_t x, int64_t y)
{
    return (int64_t)((uint64_t)x + (uint64_t)y);
}

static int64_t subtract(int64_t x, int64_t y)
{
    return (int64_t)((uint64_t)x - (uint64_t)y);
}

static int64_t multiply(int64_t x, int64_t y)
{
    return (int64_t)((uint64_t)x * (uint64_t)y);
}

/* Truncates; x / 0 is 0 (as numpy gives) and the overflow INT64_MIN / -1 wraps. */
static int64_t divide(int64_t x, int64_t y, bool is_u64)
{
    if (y == 0) {
        return 0;
    }
    if (is_u64) {
        return (int64_t)((uint64_t)x / (uint64_t)y);
    }
    return y == -1 ? subtract(0, x) : x / y;
}

/* The sign of C's % when is_c is set, else that of the divisor (Python); x mod 0 is 0. */
static int64_t modulo(int64_t x, int64_t y, bool is_u64, bool is_c)
{
    if (y == 0 || (y == -1 && !is_u64)) {
        return 0;
    }
    if (is_u64) {
        return (int64_t)((uint64_t)x % (uint64_t)y);
    }
    int64_t rest = x % y;
    return !is_c && rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest;
}

static bool less(int64_t x, int64_t y, bool is_u64)
{
    return is_u64 ? (uint64_t)x < (uint64_t)y : x < y;
}

/* Modulo 2^64. A negative exponent gives the truncated fraction: 0 except for bases 1 and -1. */
static int64_t power(int64_t x, int64_t y, bool is_y_u64)
{
    if (y < 0 && !is_y_u64) {
        bool is_odd = (y & 1) != 0;
        return x == 1 ? 1 : x == -1 ? (is_odd ? -1 : 1) : 0;
    }
    uint64_t result = 1;
    uint64_t base = (uint64_t)x;
    for (uint64_t exponent = (uint64_t)y; exponent != 0; exponent >>= 1) {
        if (exponent & 1) {
            result *= base;
        }
        base *= base;
    }
    return (int64_t)result;
}

/* Shifts by the width of the type or more give 0. */
static int64_t shift(int64_t x, int64_t y, bool is_left)
{
    if ((uint64_t)y >= 64) {
        return 0;
    }
    return (int64_t)(is_left ? (uint64_t)x << y : (uint64_t)x >> y);
}

BINARY(add_f64, x + y)
BINARY(div_f64, x / y)
BINARY(max_f64, x > y || isnan(x) ? x : y)
BINARY(min_f64, x < y || isnan(x) ? x : y)
BINARY(mod_f64, fmod(x, y))
BINARY(mul_f64, (x * y))
BINARY(pow_f64, pow(x, y))
BINARY(prelu_f64, x < 0.0 ? x * y : x)
BINARY(sub_f64, x - y)

BINARY_S64(add_s64, add(x, y))
BINARY_S64(and_s64, (x & y))
BINARY_S64(div_s64, divide(x, y, is_u64))
BINARY_S64(equal_s64, x == y)
BINARY_S64(greater_s64, less(y, x, is_u64))
BINARY_S64(greater_or_equal_s64, !less(x, y, is_u64))
BINARY_S64(less_s64, less(x, y, is_u64))
BINARY_S64(less_or_equal_s64, !less(y, x, is_u64))
BINARY_S64(max_s64, less(x, y, is_u64) ? y : x)
BINARY_S64(min_s64, less(y, x, is_u64) ? y : x)
BINARY_S64(mod_s64, modulo(x, y, is_u64, flag))
BINARY_S64(mul_s64, multiply(x, y))
BINARY_S64(or_s64, x | y)
BINARY_S64(pow_s64, power(x, y, lanes->is_u64[1]))
BINARY_S64(prelu_s64, x < 0 && !is_u64 ? multiply(x, y) : x)
BINARY_S64(shift_s64, shift(x, y, flag))
BINARY_S64(sub_s64, subtract(x, y))
BINARY_S64(xor_s64, x ^ y)

COMPARISON(equal_f64, x == y)
COMPARISON(greater_f64, x > y)
COMPARISON(greater_or_equal_f64, x >= y)
COMPARISON(less_f64, x < y)
COMPARISON(less_or_equal_f64, x <= y)

/* min(max(x, low), high): high where low > high; NaN in x stays. */
static void clip_f64(const davit_lanes *lanes)
{
    for (int64_t i = 0; i < lanes->count; i++) {
        double x = lanes->f[0][i];
        if (lanes->f[1] != NULL && x < lanes->f[1][i]) {
            x = lanes->f[1][i];
        }
        if (lanes->f[2] != NULL && x > lanes->f[2][i]) {
            x = lanes->f[2][i];
        }
        lanes->f[0][i] = x;
    }
}

static void clip_s64(const davit_lanes *lanes)
{
    for (int64_t i = 0; i < lanes->count; i++) {
        int64_t x = lanes->s[0][i];
        if (lanes->s[1] != NULL && less(x, lanes->s[1][i], lanes->is_u64[0])) {
            x = lanes->s[1][i];
        }
        if (lanes->s[2] != NULL && less(lanes->s[2][i], x, lanes->is_u64[0])) {
            x = lanes->s[2][i];
        }
        lanes->s[0][i] = x;
    }
}

static void divide_by_count(const davit_lanes *lanes)
{
    for (int64_t i = 0; i < lanes->count; i++) {
        lanes->f[0][i] /= lanes->attribute[0];
    }
}

static const davit_elementwise table[] = {
    {.op = DAVIT_OP_Add, .f64 = add_f64, .s64 = add_s64},
    {.op = DAVIT_OP_And, .s64 = and_s64},
    {.op = DAVIT_OP_BitShift, .s64 = shift_s64, .attributes = {{"direction", 0.0f, "LEFT"}}},
    {.op = DAVIT_OP_BitwiseAnd, .s64 = and_s64},
    {.op = DAVIT_OP_BitwiseOr, .s64 = or_s64},
    {.op = DAVIT_OP_BitwiseXor, .s64 = xor_s64},
    {.op = DAVIT_OP_Clip, .f64 = clip_f64, .s64 = clip_s64},
    {.op = DAVIT_OP_Div, .f64 = div_f64, .s64 = div_s64},
    {.op = DAVIT_OP_Equal, .f64 = equal_f64, .s64 = equal_s64, .is_predicate = true},
    {.op = DAVIT_OP_Greater, .f64 = greater_f64, .s64 = greater_s64, .is_predicate = true},
    {.op = DAVIT_OP_GreaterOrEqual,
     .f64 = greater_or_equal_f64,
     .s64 = greater_or_equal_s64,
     .is_predicate = true},
    {.op = DAVIT_OP_Less, .f64 = less_f64, .s64 = less_s64, .is_predicate = true},
    {.op = DAVIT_OP_LessOrEqual,
     .f64 = less_or_equal_f64,
     .s64 = less_or_equal_s64,
     .is_predicate = true},
    {.op = DAVIT_OP_Max, .f64 = max_f64, .s64 = max_s64, .is_variadic = true},
    {.op = DAVIT_OP_Mean, .f64 = add_f64, .is_variadic = true, .finish = divide_by_count},
    {.op = DAVIT_OP_Min, .f64 = min_f64, .s64 = min_s64, .is_variadic = true},
    {.op = DAVIT_OP_Mod, .f64 = mod_f64, .s64 = mod_s64, .attributes = {{"fmod", 0.0f, NULL}}},
    {.op = DAVIT_OP_Mul, .f64 = mul_f64, .s64 = mul_s64},
    {.op = DAVIT_OP_Or, .s64 = or_s64},
    {.op = DAVIT_OP_PRelu, .f64 = prelu_f64, .s64 = prelu_s64},
    {.op = DAVIT_OP_Pow, .f64 = pow_f64, .s64 = pow_s64},
    {.op = DAVIT_OP_Sub, .f64 = sub_f64, .s64 = sub_s64},
    {.op = DAVIT_OP_Sum, .f64 = add_f64, .is_variadic = true},
    {.op = DAVIT_OP_Xor, .s64 = xor_s64},
};

const davit_elementwise *davit_elementwise_nary(davit_op op)
{
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (table[i].op == op) {
            return &table[i];
        }
    }
    return NULL;
}
