/* Element types and the IEEE conversions between them. */
#include <string.h>

#include "davit/tensor.h"

typedef struct dtype_info {
    const char *name;
    size_t bytes;
} dtype_info;

/* By ONNX's numbers; those above 16 came with opsets 19 to 23. */
static const dtype_info dtypes[] = {
    [DAVIT_DTYPE_NONE] = {"untyped", 0},
    [DAVIT_F32] = {"f32", 4},
    [DAVIT_U8] = {"u8", 1},
    [DAVIT_S8] = {"s8", 1},
    [DAVIT_U16] = {"u16", 2},
    [DAVIT_S16] = {"s16", 2},
    [DAVIT_S32] = {"s32", 4},
    [DAVIT_S64] = {"s64", 8},
    [DAVIT_STRING] = {"string", 0},
    [DAVIT_BOOL] = {"bool", 1},
    [DAVIT_F16] = {"f16", 2},
    [DAVIT_F64] = {"f64", 8},
    [DAVIT_U32] = {"u32", 4},
    [DAVIT_U64] = {"u64", 8},
    [DAVIT_C64] = {"complex64", 0},
    [DAVIT_C128] = {"complex128", 0},
    [DAVIT_BF16] = {"bf16", 2},
    [17] = {"float8e4m3fn", 0},
    [18] = {"float8e4m3fnuz", 0},
    [19] = {"float8e5m2", 0},
    [20] = {"float8e5m2fnuz", 0},
    [21] = {"uint4", 0},
    [22] = {"int4", 0},
    [23] = {"float4e2m1", 0},
    [24] = {"float8e8m0", 0},
    [25] = {"uint2", 0},
    [26] = {"int2", 0},
};

static const dtype_info *find(davit_dtype dtype)
{
    static const dtype_info unknown = {"unknown type", 0};
    size_t index = (size_t)dtype;
    return index < sizeof(dtypes) / sizeof(dtypes[0]) ? &dtypes[index] : &unknown;
}

const char *davit_dtype_name(davit_dtype dtype)
{
    return find(dtype)->name;
}

size_t davit_dtype_bytes(davit_dtype dtype)
{
    return find(dtype)->bytes;
}

bool davit_dtype_is_float(davit_dtype dtype)
{
    return dtype == DAVIT_F16 || dtype == DAVIT_BF16 || dtype == DAVIT_F32 || dtype == DAVIT_F64;
}

bool davit_dtype_is_integer(davit_dtype dtype)
{
    switch (dtype) {
    case DAVIT_U8:
    case DAVIT_S8:
    case DAVIT_U16:
    case DAVIT_S16:
    case DAVIT_U32:
    case DAVIT_S32:
    case DAVIT_U64:
    case DAVIT_S64:
        return true;
    default:
        return false;
    }
}

static float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

float davit_f16_to_f32(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
    uint32_t exponent = (half >> 10) & 0x1fu;
    uint32_t mantissa = half & 0x3ffu;
    if (exponent == 0x1f) {
        uint32_t quiet = mantissa != 0 ? 0x400000u : 0u;
        return float_of(sign | 0x7f800000u | quiet | (mantissa << 13));
    }
    if (exponent == 0) {
        /* zero or subnormal: mantissa * 2^-24, exact in f32 */
        float magnitude = (float)mantissa * 0x1p-24f;
        return float_of(sign | bits_of(magnitude));
    }
    return float_of(sign | ((exponent + 112) << 23) | (mantissa << 13));
}

uint16_t davit_f64_to_f16(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    uint16_t sign = (uint16_t)((bits >> 48) & 0x8000u);
    int exponent = (int)((bits >> 52) & 0x7ffu) - 1023;
    uint64_t mantissa = bits & 0xfffffffffffffu;
    if (exponent == 1024) {
        uint16_t payload = mantissa != 0 ? (uint16_t)(0x200u | (mantissa >> 42)) : 0u;
        return (uint16_t)(sign | 0x7c00u | payload);
    }
    if (exponent > 15) {
        return (uint16_t)(sign | 0x7c00u);
    }
    if (exponent < -25) {
        return sign; /* below half of the smallest subnormal */
    }
    /* Drop bits of 1.mantissa so that what stays counts units of the last place, and round. */
    mantissa |= (uint64_t)1 << 52;
    int drop = exponent >= -14 ? 42 : 42 + (-14 - exponent);
    uint64_t kept = mantissa >> drop;
    uint64_t rest = mantissa & (((uint64_t)1 << drop) - 1);
    uint64_t half = (uint64_t)1 << (drop - 1);
    kept += rest > half || (rest == half && (kept & 1) != 0);
    /* A normal number carries its leading 1 into the exponent field. */
    uint64_t field = exponent >= -14 ? (uint64_t)(exponent + 14) << 10 : 0;
    return (uint16_t)(sign | (uint16_t)(field + kept));
}

uint16_t davit_f32_to_f16(float value)
{
    return davit_f64_to_f16((double)value);
}

float davit_bf16_to_f32(uint16_t value)
{
    return float_of((uint32_t)value << 16);
}

uint16_t davit_f32_to_bf16(float value)
{
    uint32_t bits = bits_of(value);
    if ((bits & 0x7fffffffu) > 0x7f800000u) {
        return (uint16_t)((bits >> 16) | 0x40u);
    }
    return (uint16_t)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}
