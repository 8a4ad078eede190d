/* CUDA's side of the dialect of backends/gpu/kernels/dialect.h, and what Davit's own CUDA kernels use
 * beside it. For nvcc, and through emu/device.h for host compilers. */
#ifndef DAVIT_CUDA_PRELUDE_H
#define DAVIT_CUDA_PRELUDE_H

#ifdef __CUDACC__
#define DAVIT_KERNEL(name, threads) extern "C" __global__ void __launch_bounds__(threads) name
#define DAVIT_KERNEL_BLOCKS(name, threads, blocks)                                                 \
    extern "C" __global__ void __launch_bounds__(threads, blocks) name
#define DAVIT_SHARED(type, name, count) __shared__ __align__(128) type name[count]
#define DAVIT_UNROLL _Pragma("unroll")
#define DAVIT_NOINLINE static __device__ __noinline__
typedef signed char davit_s8;
typedef long long davit_s64;
typedef unsigned long long davit_u64;
#else
#include "../emu/device.h"
#define DAVIT_KERNEL_BLOCKS(name, threads, blocks) DAVIT_KERNEL(name, threads)
#define DAVIT_UNROLL
#define DAVIT_NOINLINE [[maybe_unused]] static
typedef int8_t davit_s8;
typedef int64_t davit_s64;
typedef uint64_t davit_u64;
#endif

typedef davit_s8 s8;
typedef unsigned char u8;
typedef short s16;
typedef unsigned short u16;
typedef int s32;
typedef unsigned u32;
typedef davit_s64 s64;
typedef davit_u64 u64;

#define KERNEL(name, threads) DAVIT_KERNEL(name, threads)
#define PARAMS(type, p) [[maybe_unused]] const type p
#define ARG(type, x) [[maybe_unused]] type *__restrict__ x
#define BIND(type, x)
#define FUNCTION static __device__ __forceinline__
#define GLOBAL
#define LOCAL
#define LOCAL_ARRAY(type, name, count) DAVIT_SHARED(type, name, count);
#define BARRIER() __syncthreads()
#define THREAD() (int)threadIdx.x
#define GROUP(i) (int)((i) == 0 ? blockIdx.x : (i) == 1 ? blockIdx.y : blockIdx.z)
#define UNROLL DAVIT_UNROLL

FUNCTION s32 dot4(s32 acc, s32 a, s32 b)
{
    return __dp4a(a, b, acc);
}

/* ---- f32, one rounding each ---- */

FUNCTION float add_rn(float a, float b)
{
    return __fadd_rn(a, b);
}

FUNCTION float sub_rn(float a, float b)
{
    return __fsub_rn(a, b);
}

FUNCTION float mul_rn(float a, float b)
{
    return __fmul_rn(a, b);
}

FUNCTION float div_rn(float a, float b)
{
    return __fdiv_rn(a, b);
}

FUNCTION float to_f32(s32 i)
{
    return __int2float_rn(i);
}

FUNCTION s32 round_even(float t)
{
    return __float2int_rn(t);
}

FUNCTION float as_f32(u32 bits)
{
    return __uint_as_float(bits);
}

FUNCTION u32 as_u32(float value)
{
    return __float_as_uint(value);
}

#define F_EXP(x) expf(x)
#define F_LOG(x) logf(x)
#define F_TANH(x) tanhf(x)
#define F_ERF(x) erff(x)
#define F_SQRT(x) sqrtf(x)
#define F_POW(x, y) powf(x, y)
#define F_SIN(x) sinf(x)
#define F_COS(x) cosf(x)
#define F_TAN(x) tanf(x)
#define F_FLOOR(x) floorf(x)
#define F_CEIL(x) ceilf(x)
#define F_RINT(x) rintf(x)
#define F_FMA(a, b, c) __fmaf_rn(a, b, c)
#define F_MOD(a, b) fmodf(a, b)
#define F_ABS(x) fabsf(x)
#define F_ISNAN(x) ((x) != (x))
#define F_INFINITY __uint_as_float(0x7f800000u)

#endif
