#include "isa.h"

#if defined(__x86_64__) || defined(__i386__)

#include <cpuid.h>
#include <stdbool.h>

/* CPUID leaf 7, EDX bits 24 and 25 (Intel SDM, volume 2, CPUID). The system must also have
 * enabled the tile registers (XCR0 bits 17 and 18), which XGETBV tells. */
static bool has_amx_int8(void)
{
    unsigned eax;
    unsigned ebx;
    unsigned ecx;
    unsigned edx;
    if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) {
        return false;
    }
    if ((edx >> 24 & 1u) == 0 || (edx >> 25 & 1u) == 0) {
        return false;
    }
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || (ecx >> 27 & 1u) == 0) {
        return false;
    }
    unsigned low;
    unsigned high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low >> 17 & 3u) == 3u;
}

const char *davit_isa_name(void)
{
    __builtin_cpu_init();
    bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
    if (avx512 && has_amx_int8()) {
        return "AVX-512 AMX";
    }
    if (avx512) {
        return __builtin_cpu_supports("avx512vnni") ? "AVX-512 VNNI" : "AVX-512";
    }
    if (__builtin_cpu_supports("avx2")) {
        return "AVX2";
    }
    return __builtin_cpu_supports("sse4.1") ? "SSE4.1" : "SSE2";
}

#elif defined(__aarch64__)

const char *davit_isa_name(void)
{
    return "Neon";
}

#else

const char *davit_isa_name(void)
{
    return "";
}

#endif
