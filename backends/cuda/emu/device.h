/* The part of CUDA C++ that Davit's kernels use, for a host compiler (C++17; gcc, clang): the same .cu
 * file runs on the emulated driver. Compiled without exceptions; kernels have no objects with
 * destructors, so that a block may be given up at any point.
 *
 * Shared arrays are declared by DAVIT_SHARED(type, name, count), entry points by
 * DAVIT_KERNEL(name, threads)(arguments) { ... }, which also registers them. */
#ifndef DAVIT_CUDAEMU_DEVICE_H
#define DAVIT_CUDAEMU_DEVICE_H

#include <math.h>
#include <stdint.h>
#include <string.h>
#include <type_traits>
#include <utility>

#include "calls.h"

/* ---- what a thread knows of itself ---- */

#define threadIdx (davit_emu_self->index)
#define blockIdx (davit_emu_self->block->index)
#define blockDim (davit_emu_self->block->dim)
#define gridDim (davit_emu_self->block->grid)
#define warpSize 32

#define __device__
#define __forceinline__ inline __attribute__((always_inline))

#define __syncthreads() davit_emu_barrier(__FILE__, __LINE__)
#define DAVIT_EMU_ALL 0xffffffffu

static inline void __syncwarp(unsigned mask = DAVIT_EMU_ALL)
{
    davit_emu_warp_barrier(mask);
}

#define DAVIT_SHARED(type, name, count)                                                            \
    static char name##_site;                                                                       \
    type *const name = static_cast<type *>(davit_emu_shared(&name##_site, sizeof(type) * (count)))
#define DAVIT_DYNAMIC_SHARED(type, name)                                                           \
    type *const name = static_cast<type *>(davit_emu_dynamic_shared())

/* ---- shuffles and votes ---- */

template <class T>
static inline T davit_emu_shuffle_value(davit_emu_shuffle_kind kind, unsigned mask, T value, int by,
                                        int width)
{
    static_assert(sizeof(T) == 4, "words only");
    uint32_t bits;
    memcpy(&bits, &value, 4);
    bits = davit_emu_shuffle(kind, mask, bits, by, width);
    memcpy(&value, &bits, 4);
    return value;
}

template <class T> static inline T __shfl_sync(unsigned mask, T value, int lane, int width = 32)
{
    return davit_emu_shuffle_value(DAVIT_EMU_INDEX, mask, value, lane, width);
}

template <class T> static inline T __shfl_up_sync(unsigned mask, T value, int by, int width = 32)
{
    return davit_emu_shuffle_value(DAVIT_EMU_UP, mask, value, by, width);
}

template <class T> static inline T __shfl_down_sync(unsigned mask, T value, int by, int width = 32)
{
    return davit_emu_shuffle_value(DAVIT_EMU_DOWN, mask, value, by, width);
}

template <class T> static inline T __shfl_xor_sync(unsigned mask, T value, int by, int width = 32)
{
    return davit_emu_shuffle_value(DAVIT_EMU_XOR, mask, value, by, width);
}

static inline unsigned __ballot_sync(unsigned mask, int predicate)
{
    return davit_emu_ballot(mask, predicate);
}

static inline int __any_sync(unsigned mask, int predicate)
{
    return davit_emu_ballot(mask, predicate) != 0;
}

static inline int __all_sync(unsigned mask, int predicate)
{
    return davit_emu_ballot(mask, predicate) == mask;
}

/* ---- numbers ---- */

static inline float __fadd_rn(float a, float b)
{
    return a + b;
}

static inline float __fsub_rn(float a, float b)
{
    return a - b;
}

static inline float __fmul_rn(float a, float b)
{
    return a * b;
}

static inline float __fdiv_rn(float a, float b)
{
    return a / b;
}

/* Two roundings, where a GPU has one: a call of fmaf for each would be a hundred times slower. */
static inline float __fmaf_rn(float a, float b, float c)
{
    return a * b + c;
}

static inline float __int2float_rn(int i)
{
    return static_cast<float>(i);
}

/* Saturates, NaN becomes 0. */
static inline int __float2int_rn(float t)
{
    if (!(t > -2147483648.0f)) {
        return t == t ? -2147483647 - 1 : 0;
    }
    return t >= 2147483648.0f ? 2147483647 : static_cast<int>(__builtin_rintf(t));
}

static inline float __uint_as_float(unsigned bits)
{
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

static inline unsigned __float_as_uint(float value)
{
    unsigned bits;
    memcpy(&bits, &value, 4);
    return bits;
}

static inline int __dp4a(int a, int b, int c)
{
    uint32_t sum = static_cast<uint32_t>(c);
    for (int i = 0; i < 32; i += 8) {
        sum += static_cast<uint32_t>(static_cast<int8_t>(a >> i) * static_cast<int8_t>(b >> i));
    }
    return static_cast<int>(sum);
}

/* Byte i of the result is the one of a (0-3) and b (4-7) that digit i of selector names. */
static inline unsigned __byte_perm(unsigned a, unsigned b, unsigned selector)
{
    uint64_t bytes = static_cast<uint64_t>(b) << 32 | a;
    unsigned result = 0;
    for (int i = 0; i < 4; i++) {
        result |= static_cast<unsigned>(bytes >> (selector >> (4 * i) & 7) * 8 & 255) << (8 * i);
    }
    return result;
}

static inline int min(int a, int b)
{
    return a < b ? a : b;
}

static inline int max(int a, int b)
{
    return a > b ? a : b;
}

/* ---- vectors ---- */

struct alignas(8) uint2 {
    unsigned x, y;
};
struct alignas(16) uint4 {
    unsigned x, y, z, w;
};
struct alignas(8) float2 {
    float x, y;
};
struct alignas(16) float4 {
    float x, y, z, w;
};

static inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w)
{
    return {x, y, z, w};
}

static inline float4 make_float4(float x, float y, float z, float w)
{
    return {x, y, z, w};
}

/* ---- atomics: relaxed, as CUDA's ---- */

static inline int atomicAdd(int *to, int value)
{
    return __atomic_fetch_add(to, value, __ATOMIC_RELAXED);
}

static inline unsigned atomicAdd(unsigned *to, unsigned value)
{
    return __atomic_fetch_add(to, value, __ATOMIC_RELAXED);
}

static inline float atomicAdd(float *to, float value)
{
    float before, after;
    __atomic_load(to, &before, __ATOMIC_RELAXED);
    do {
        after = before + value;
    } while (!__atomic_compare_exchange(to, &before, &after, true, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED));
    return before;
}

/* ---- entry points ---- */

struct davit_emu_head {
    const char *name;
    unsigned threads;
};

/* Calls Function with arguments from the addresses of a launch. */
template <auto Function> struct davit_emu_call;

template <class... Types, void (*Function)(Types...)> struct davit_emu_call<Function> {
    static constexpr uint32_t bytes[sizeof...(Types)] = {sizeof(Types)...};

    template <size_t... I>
    static void spread(void *const *arguments, std::index_sequence<I...>)
    {
        Function(*static_cast<std::remove_cv_t<Types> *>(arguments[I])...);
    }

    static void body(void *const *arguments)
    {
        spread(arguments, std::index_sequence_for<Types...>());
    }
};

#ifdef DAVIT_EMU_CHECKED
template <auto Function> struct davit_emu_entry {
    davit_emu_checked kernel;

    explicit davit_emu_entry(davit_emu_head head)
        : kernel{head.name, davit_emu_call<Function>::body, nullptr}
    {
        davit_emu_register_checked(&kernel);
    }
};
#else
template <auto Function> struct davit_emu_entry {
    using call = davit_emu_call<Function>;
    static inline const char *name;
    davit_cudaemu_kernel kernel;

    static bool run(const davit_cudaemu_launch *launch, char *text, size_t text_bytes)
    {
        return davit_emu_run(call::body, davit_emu_find_checked(name), launch, text, text_bytes);
    }

    explicit davit_emu_entry(davit_emu_head head)
        : kernel{head.name,
                 static_cast<uint32_t>(sizeof call::bytes / sizeof call::bytes[0]),
                 call::bytes,
                 head.threads,
                 0,
                 0,
                 run,
                 nullptr}
    {
        name = head.name;
        davit_cudaemu_register(&kernel);
    }
};
#endif

/* Before the names of entry points, where a source is compiled in several ways. */
#ifndef DAVIT_EMU_PREFIX
#define DAVIT_EMU_PREFIX ""
#endif

/* The macro ends with the name of one that takes the list of arguments; numbers join the two. */
template <int Number> struct davit_emu_number {
};
#define DAVIT_KERNEL(name, threads) DAVIT_EMU_HEAD(name, threads, __COUNTER__)
#define DAVIT_EMU_HEAD(name, threads, number) DAVIT_EMU_HEAD_(name, threads, number)
#define DAVIT_EMU_HEAD_(name, threads, number)                                                     \
    static constexpr davit_emu_head davit_emu_head_of(davit_emu_number<number>)                    \
    {                                                                                              \
        return {DAVIT_EMU_PREFIX #name, threads};                                                                   \
    }                                                                                              \
    static void DAVIT_EMU_LIST
#define DAVIT_EMU_LIST(...) DAVIT_EMU_LIST_(__COUNTER__, __VA_ARGS__)
#define DAVIT_EMU_LIST_(number, ...) DAVIT_EMU_LIST__(number, __VA_ARGS__)
#define DAVIT_EMU_LIST__(number, ...)                                                              \
    davit_emu_kernel_##number(__VA_ARGS__);                                                        \
    static davit_emu_entry<davit_emu_kernel_##number> davit_emu_entry_##number(                    \
        davit_emu_head_of(davit_emu_number<number - 1>()));                                        \
    static void davit_emu_kernel_##number(__VA_ARGS__)

#endif
