/* What a call of gemm_s8 takes: its cycles (gemm_walk.c), and what array and channel have to do. */
#include <stddef.h>

#include "davit/cycle_model.h"

#include "gemm_walk.h"
#include "memory.h"

double davit_engine_peak(const davit_engine *engine)
{
    return (double)engine->gemm.rows * engine->gemm.columns * engine->gemm.depth;
}

double davit_engine_words_per_cycle(const davit_engine *engine)
{
    return davit_channel_words(engine) * (1.0 - engine->refresh_ns / engine->refresh_interval_ns);
}

double davit_engine_seconds(const davit_engine *engine, double cycles)
{
    return cycles / engine->clock_hz;
}

const char *davit_gemm_cycles(const davit_engine *engine, const davit_gemm_shape *shape,
                              davit_cycles *out)
{
    davit_gemm_layout l;
    const char *why = davit_gemm_plan(&engine->gemm, shape, &l);
    if (why != NULL) {
        return why;
    }
    davit_gemm_walk walk = davit_gemm_walk_tiles(engine, shape, &l);
    davit_cycles made = {.start = walk.start, .compute = walk.compute, .total = walk.total};
    made.words = l.a_words * (double)(l.resident ? 1 : l.panels) + l.weight_words +
                 l.parameter_words + (double)l.result_words * (shape->residual ? 2 : 1);
    made.memory = made.words / davit_engine_words_per_cycle(engine);
    made.macs = (double)l.m * shape->columns * shape->channels * shape->kernel_h * shape->kernel_w;
    *out = made;
    return NULL;
}
