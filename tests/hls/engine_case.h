/* Random calls of the FPGA engine, and what they must give: plain loops over the definition of
 * host/core. */
#ifndef ENGINE_CASE_H
#define ENGINE_CASE_H

#include "davit/engine_abi.h"
#include "davit/requantize.h"

/* The kernels, C-simulated. Pointers are to words of 64 bytes. */
void gemm_s8(const void *a, const void *b, const void *p, const void *r, void *c);
void vector_s8(const void *a, const void *b, const void *p, void *c);
/* gemm_s8 with an array of 3 x 16 and buffers so small that every limit is met. */
void gemm_s8_small(const void *a, const void *b, const void *p, const void *r, void *c);
extern const davit_gemm_geometry engine_small_geometry;

/* The first failure of the simulation (widths, depths, deadlock) since the last call, or NULL. */
const char *engine_simulation_error(void);

/* Runs random case `index` of a seed. Returns NULL, or what went wrong; `shape` (at least 256
 * bytes) describes the case in any way. */
const char *engine_random_gemm(uint64_t seed, uint64_t index, char *shape);
const char *engine_random_vector(uint64_t seed, uint64_t index, char *shape);

#endif
