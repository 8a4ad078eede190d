#include "int8_loops.h"

#include <oneapi/dnnl/dnnl.h>

davit_int8_result davit_int8_finishing(const davit_result *result)
{
    return (davit_int8_result){.low = result->low,
                               .high = result->high,
                               .zero = (float)result->zero,
                               .least = (float)davit_quantized_low(result->dtype),
                               .greatest = (float)davit_quantized_high(result->dtype)};
}

davit_int8_result davit_int8_quantizing(const davit_result *result)
{
    return (davit_int8_result){
        .low = result->low,
        .high = result->high,
        .least = (float)(davit_quantized_low(result->dtype) - result->zero),
        .greatest = (float)(davit_quantized_high(result->dtype) - result->zero),
        .after = (uint8_t)result->zero};
}

#if defined(__x86_64__)
static bool has(unsigned isa, dnnl_cpu_isa_t wanted)
{
    return (isa & (unsigned)wanted) == (unsigned)wanted;
}

const davit_int8_loops *davit_int8_loops_choose(void)
{
    unsigned isa = (unsigned)dnnl_get_effective_cpu_isa();
    if (has(isa, dnnl_cpu_isa_avx512_core_vnni) && __builtin_cpu_supports("avx512vbmi")) {
        return &davit_int8_loops_avx512_vnni;
    }
    if (has(isa, dnnl_cpu_isa_avx512_core)) {
        return &davit_int8_loops_avx512;
    }
    if (has(isa, dnnl_cpu_isa_avx2)) {
        return &davit_int8_loops_avx2;
    }
    return has(isa, dnnl_cpu_isa_sse41) ? &davit_int8_loops_sse41 : &davit_int8_loops_plain;
}
#else
const davit_int8_loops *davit_int8_loops_choose(void)
{
    return &davit_int8_loops_plain;
}
#endif
