/* The dialect of backends/gpu/kernels/dialect.h in OpenCL C 1.2. Options of the build:
 * DAVIT_EXACT_DIVIDE  division is correctly rounded (-cl-fp32-correctly-rounded-divide-sqrt)
 * DAVIT_DOT_PRODUCT   the device has cl_khr_integer_dot_product */
#pragma OPENCL FP_CONTRACT OFF

typedef char s8;
typedef uchar u8;
typedef short s16;
typedef ushort u16;
typedef int s32;
typedef uint u32;
typedef long s64;
typedef ulong u64;

#define KERNEL(name, threads) __kernel __attribute__((reqd_work_group_size(threads, 1, 1))) void name
#define PARAMS(type, name) const type name
#define ARG(type, name) __global type *restrict name##_buffer, const ulong name##_offset
#define BIND(type, name)                                                                           \
    __global type *const name =                                                                    \
        name##_buffer ? (__global type *)((__global const uchar *)name##_buffer + name##_offset) : 0;
#define FUNCTION static inline
#define GLOBAL __global
#define LOCAL __local
#define LOCAL_ARRAY(type, name, count) __local type name[count];
#define BARRIER() barrier(CLK_LOCAL_MEM_FENCE)
#define THREAD() ((int)get_local_id(0))
#define GROUP(axis) ((int)get_group_id(axis))
#define UNROLL _Pragma("unroll")

#define add_rn(a, b) ((a) + (b))
#define sub_rn(a, b) ((a) - (b))
#define mul_rn(a, b) ((a) * (b))
#define to_f32(a) convert_float_rte(a)
#define round_even(t) convert_int_rte(t)
#define as_f32(bits) as_float(bits)
#define as_u32(value) as_uint(value)

#define F_EXP(x) exp(x)
#define F_LOG(x) log(x)
#define F_TANH(x) tanh(x)
#define F_ERF(x) erf(x)
#define F_SQRT(x) sqrt(x)
#define F_POW(x, y) pow(x, y)
#define F_SIN(x) sin(x)
#define F_COS(x) cos(x)
#define F_TAN(x) tan(x)
#define F_FLOOR(x) floor(x)
#define F_CEIL(x) ceil(x)
#define F_RINT(x) rint(x)
#define F_FMA(a, b, c) mad(a, b, c)
#define F_MOD(x, y) fmod(x, y)
#define F_ABS(x) fabs(x)
#define F_ISNAN(x) isnan(x)
#define F_INFINITY INFINITY

#ifdef DAVIT_EXACT_DIVIDE
#define div_rn(a, b) ((a) / (b))
#else
/* a / b rounded correctly where 2^-20 < |a / b| < 2^20: two steps of Newton for the reciprocal, two
 * corrections of the quotient (Markstein, 1990). Small operands are scaled, so that no remainder is
 * denormal. */
FUNCTION float div_rn(float a, float b)
{
    float factor = fabs(b) < 0x1p-60f ? 0x1p64f : 1.0f;
    b = b * factor;
    float rough = a * factor / b;
    if (!(fabs(rough) > 0x1p-20f && fabs(rough) < 0x1p20f)) {
        return rough;
    }
    a = a * factor;
    float y = 1.0f / b;
    y = fma(y, fma(-b, y, 1.0f), y);
    y = fma(y, fma(-b, y, 1.0f), y);
    float q = a * y;
    q = fma(fma(-b, q, a), y, q);
    return fma(fma(-b, q, a), y, q);
}
#endif

#ifdef DAVIT_DOT_PRODUCT
#pragma OPENCL EXTENSION cl_khr_integer_dot_product : enable
#define dot4(acc, a, b) ((acc) + dot(as_char4(a), as_char4(b)))
#else
FUNCTION s32 dot4(s32 acc, s32 a, s32 b)
{
    short4 products = convert_short4(as_char4(a)) * convert_short4(as_char4(b));
    int4 wide = convert_int4(products);
    return acc + (wide.x + wide.y) + (wide.z + wide.w);
}
#endif
