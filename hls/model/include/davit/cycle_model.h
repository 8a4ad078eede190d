/* How long the FPGA engine takes, in closed form: the cycles of one call of gemm_s8 or vector_s8,
 * from the shape, the array and the memory. No simulation, no allocation, no dependency; reentrant.
 * The planner's FPGA profiles and backends/xrt's costs are made of this.
 *
 * hls/README.md derives the formulas, and says what they were compared with. */
#ifndef DAVIT_CYCLE_MODEL_H
#define DAVIT_CYCLE_MODEL_H

#include "davit/engine_abi.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A compute unit and the memory behind it. All ports of the unit share one channel. */
typedef struct davit_engine {
    const char *name;
    double clock_hz;
    davit_gemm_geometry gemm;
    /* Memory channel: bytes_per_second is the data sheet's peak. What is left after refresh
     * (refresh_ns out of every refresh_interval_ns) times efficiency (row misses, turning the bus
     * around between reads and writes) can be used. */
    double bytes_per_second;
    double refresh_interval_ns, refresh_ns;
    double efficiency;
    double latency_ns; /* from the address of a read to its first word, at the kernel */
    /* DSP slices of the whole unit, for the planner's reports: array and requantisation. */
    uint32_t dsp;
} davit_engine;

/* Alveo U250 (and U200): 300 MHz, one compute unit on one DDR4-2400 channel, 19.2 GB/s. */
extern const davit_engine davit_engine_u250;
/* U280 and U55C: the same unit on one pair of HBM2 pseudo-channels, 28.8 GB/s. */
extern const davit_engine davit_engine_u280;
extern const davit_engine davit_engine_u55c;

/* Multiply-accumulates of the array in a cycle: rows * columns * depth. */
double davit_engine_peak(const davit_engine *engine);

/* Words of 64 bytes that the channel moves in a cycle. */
double davit_engine_words_per_cycle(const davit_engine *engine);

typedef struct davit_cycles {
    double total;   /* of the call, from start to done */
    double start;   /* until the array begins: descriptor, first weights, first rows */
    double compute; /* of the array or the lanes, without any wait for memory */
    double memory;  /* of the channel: all words that the call moves */
    double words;   /* read and written */
    double macs;    /* useful ones: without padding of tiles; 0 for pooling and addition */
} davit_cycles;

/* Returns NULL with *out set, or why the shape does not fit (davit_gemm_plan), *out untouched. */
const char *davit_gemm_cycles(const davit_engine *engine, const davit_gemm_shape *shape,
                              davit_cycles *out);

/* The same for vector_s8 (davit_vector_plan). */
const char *davit_vector_cycles(const davit_engine *engine, const davit_vector_shape *shape,
                                davit_cycles *out);

/* Seconds of a number of cycles. */
double davit_engine_seconds(const davit_engine *engine, double cycles);

#ifdef __cplusplus
}
#endif
#endif
