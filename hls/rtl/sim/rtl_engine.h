/* gemm_s8 in RTL, run by Verilator. gemm_s8() and gemm_s8_small() have the arguments of the kernel
 * and take the place of the C-simulated ones in the tests: each drives the registers as a host
 * does and waits for the interrupt. Each thread has a kernel, and a memory, of its own. */
#ifndef DAVIT_RTL_ENGINE_H
#define DAVIT_RTL_ENGINE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The memory channel, in cycles of the kernel's clock. */
typedef struct rtl_memory {
    const char *name;
    double words_per_cycle; /* of 64 bytes, outside refresh */
    double latency;         /* of a read, and of the answer to a write */
    double refresh_interval, refresh_cycles;
} rtl_memory;

/* For the calls that follow. At first a channel without refresh, one word a cycle, latency 20. */
void rtl_use_memory(const rtl_memory *memory);

/* From start to the interrupt, of the last call. */
uint64_t rtl_cycles(void);

/* What the last call did wrong (an access that is not allowed, no end, a register that does not
 * answer as it should), or NULL; forgets it. */
const char *engine_simulation_error(void);

void gemm_s8(const void *a, const void *b, const void *p, const void *r, void *c, void *e);
void gemm_s8_small(const void *a, const void *b, const void *p, const void *r, void *c, void *e);

#ifdef __cplusplus
}
#endif
#endif
