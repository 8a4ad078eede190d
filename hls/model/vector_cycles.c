/* vector_s8 in closed form: one word of 64 channels and one tap in a cycle. */
#include <stddef.h>

#include "davit/cycle_model.h"

#include "memory.h"

/* From the last tap of the last pixel to its word on the way to memory. */
#define PIPELINE_CYCLES 40.0

const char *davit_vector_cycles(const davit_engine *engine, const davit_vector_shape *shape,
                                davit_cycles *out)
{
    davit_vector_layout l;
    const char *why = davit_vector_plan(shape, &l);
    if (why != NULL) {
        return why;
    }
    double beta = davit_engine_words_per_cycle(engine);
    bool adds = shape->kind == DAVIT_VECTOR_ADDITION;
    double results = (double)l.pixels * l.blocks;
    davit_cycles made = {0};
    made.words = (double)l.a_words + l.b_words + l.parameter_words + l.result_words;
    made.memory = made.words / beta;
    made.compute = results * l.taps;
    double row_words = (double)shape->in_w * shape->channels / DAVIT_ENGINE_WORD;
    double reach = (double)(shape->kernel_h - 1) * shape->dilation_h + 1 - shape->pad_top;
    double first = adds ? 1 : davit_smaller(reach * row_words, l.a_words);
    double table = adds ? 0 : l.b_words;
    made.start = 2 * davit_latency_cycles(engine) +
                 davit_larger(first, (first + table + l.parameter_words) / beta);
    made.total = made.start + PIPELINE_CYCLES + DAVIT_END_CYCLES + davit_latency_cycles(engine) +
                 davit_larger(made.compute, made.memory);
    if (shape->kind == DAVIT_VECTOR_DEPTHWISE) {
        made.macs = (double)l.pixels * shape->channels * l.taps;
    }
    *out = made;
    return NULL;
}
