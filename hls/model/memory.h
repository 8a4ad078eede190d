/* The memory channel in cycles of the engine; private to hls/model. */
#ifndef DAVIT_HLS_MODEL_MEMORY_H
#define DAVIT_HLS_MODEL_MEMORY_H

#include "davit/cycle_model.h"

/* From the last word of the result to the end word, whose sum is made of sixteen fields. */
#define DAVIT_END_CYCLES 20.0

/* The integer quotient rounded up. */
static inline double davit_steps(uint64_t a, uint64_t b)
{
    return (double)(a / b + (a % b != 0));
}

static inline double davit_larger(double a, double b)
{
    return a > b ? a : b;
}

static inline double davit_smaller(double a, double b)
{
    return a < b ? a : b;
}

/* Words that the channel moves in a cycle outside refresh. */
static inline double davit_channel_words(const davit_engine *engine)
{
    return engine->bytes_per_second * engine->efficiency / (DAVIT_ENGINE_WORD * engine->clock_hz);
}

static inline double davit_latency_cycles(const davit_engine *engine)
{
    return engine->latency_ns * 1e-9 * engine->clock_hz;
}

#endif
