/* The kernels in C simulation, as C sees them. What each argument points to is in
 * davit/engine_abi.h: words of 64 bytes, aligned to 64; r is NULL without a residual.
 *
 * Two libraries have them: davit_csim checks what csim.h says, davit_engine_csim is the same
 * kernels for emulated cards, several times faster. Threads may call them at the same time, each
 * with buffers of its own. hls/rtl/sim has gemm_s8 under the same name. */
#ifndef DAVIT_ENGINE_CSIM_H
#define DAVIT_ENGINE_CSIM_H

#ifdef __cplusplus
extern "C" {
#endif

void gemm_s8(const void *a, const void *b, const void *p, const void *r, void *c, void *e);
void vector_s8(const void *a, const void *b, const void *p, void *c, void *e);

/* The first failure of the simulation since the last call in this thread, or NULL. Valid until the
 * next call in this thread. */
const char *engine_simulation_error(void);

#ifdef __cplusplus
}
#endif
#endif
