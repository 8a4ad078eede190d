/* Random calls of the FPGA engine, and what they must give: plain loops over the definition of
 * host/core. */
#ifndef ENGINE_CASE_H
#define ENGINE_CASE_H

#include "davit/engine_abi.h"
#include "davit/requantize.h"
#include "engine_csim.h"

/* gemm_s8 with an array of 3 x 16 and buffers so small that every limit is met. */
void gemm_s8_small(const void *a, const void *b, const void *p, const void *r, void *c, void *e);
extern const davit_gemm_geometry engine_small_geometry;

/* Runs random case `index` of a seed. Returns NULL, or what went wrong; `shape` (at least 256
 * bytes) describes the case in any way. */
const char *engine_random_gemm(uint64_t seed, uint64_t index, char *shape);
const char *engine_random_vector(uint64_t seed, uint64_t index, char *shape);

/* Whether case `index` runs on gemm_s8_small. */
bool engine_random_is_small(uint64_t seed, uint64_t index);

#endif
