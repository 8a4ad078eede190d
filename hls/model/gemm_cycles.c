/* gemm_s8 in closed form. hls/README.md has the derivation; the names are those of the text there.
 */
#include <stddef.h>

#include "davit/cycle_model.h"

#include "memory.h"

/* From the last product of a tile to its last word on the way to memory, beside the tile's own
 * rows: conversion, three additions, two multiplications, the reorder buffer, packing. */
#define PIPELINE_CYCLES 40.0

double davit_engine_peak(const davit_engine *engine)
{
    return (double)engine->gemm.rows * engine->gemm.columns * engine->gemm.depth;
}

double davit_engine_words_per_cycle(const davit_engine *engine)
{
    double usable = engine->bytes_per_second * engine->efficiency *
                    (1.0 - engine->refresh_ns / engine->refresh_interval_ns);
    return usable / (DAVIT_ENGINE_WORD * engine->clock_hz);
}

double davit_engine_seconds(const davit_engine *engine, double cycles)
{
    return cycles / engine->clock_hz;
}

/* What the formulas need of a shape. */
typedef struct tiles {
    davit_gemm_layout layout;
    double step;       /* s: cycles of one tile */
    double gather;     /* f: cycles to gather the rows of one tile */
    double step_words; /* of the weights, for one k-step */
    double beta;       /* words of the channel per cycle */
    double port;       /* words of one port per cycle */
} tiles;

/* Every chunk of 64 bytes takes one cycle per row; its k-steps leave one per cycle. */
static double gather_cycles(const davit_gemm_geometry *g, const davit_gemm_layout *l)
{
    double whole = l->segment_bytes / DAVIT_ENGINE_WORD;
    uint32_t rest = l->segment_bytes % DAVIT_ENGINE_WORD;
    double cycles = whole * davit_larger(g->rows, davit_steps(DAVIT_ENGINE_WORD, g->depth));
    if (rest != 0) {
        cycles += davit_larger(g->rows, davit_steps(rest, g->depth));
    }
    return cycles * l->segments_y * l->segments_x;
}

static const char *cut(const davit_engine *engine, const davit_gemm_shape *shape, tiles *out)
{
    const davit_gemm_geometry *g = &engine->gemm;
    const char *why = davit_gemm_plan(g, shape, &out->layout);
    if (why != NULL) {
        return why;
    }
    out->step = davit_larger(out->layout.k_steps, g->rows);
    out->gather = gather_cycles(g, &out->layout);
    out->step_words = (double)(g->columns * g->depth) / DAVIT_ENGINE_WORD;
    out->beta = davit_engine_words_per_cycle(engine);
    out->port = davit_smaller(out->beta, 1.0);
    return NULL;
}

/* Column tiles of a panel; 0 behind the last. */
static double tiles_of_panel(const davit_gemm_layout *l, uint32_t panel)
{
    if (panel >= l->panels) {
        return 0;
    }
    return panel + 1 < l->panels ? l->panel_tiles : l->n_tiles - (l->panels - 1) * l->panel_tiles;
}

/* Words of the input that the first tile of pixels waits for. */
static double first_rows(const davit_gemm_geometry *g, const davit_gemm_shape *s,
                         const davit_gemm_layout *l)
{
    double below = (double)(s->kernel_h - 1) * s->dilation_h - s->pad_top;
    double wraps = (double)((g->rows - 1) / s->out_w) * s->stride_h;
    double pixels = davit_smaller(g->rows, s->out_w) - 1;
    double bytes = (below + wraps) * s->in_w * s->channels + pixels * s->stride_w * s->channels +
                   l->segment_bytes;
    return davit_larger(1, davit_smaller(bytes / DAVIT_ENGINE_WORD, l->a_words));
}

/* All words that a panel moves: its rows of the result, and of the residual, the input where it is
 * read, and the weights of the next panel. */
static double panel_words(const davit_gemm_shape *s, const tiles *t, uint32_t panel)
{
    const davit_gemm_layout *l = &t->layout;
    double share = tiles_of_panel(l, panel) / l->n_tiles;
    double words = (double)l->result_words * share * (s->residual ? 2 : 1);
    words += panel == 0 || !l->resident ? l->a_words : 0;
    return words + tiles_of_panel(l, panel + 1) * l->k_steps * t->step_words;
}

/* The longest of: the array, the input's port, the channel. */
static double panel_cycles(const davit_gemm_shape *s, const tiles *t, uint32_t panel)
{
    const davit_gemm_layout *l = &t->layout;
    double tile = davit_larger(tiles_of_panel(l, panel) * t->step, t->gather);
    double weights = tiles_of_panel(l, panel + 1) * l->k_steps * t->step_words / t->port;
    double input = panel == 0 || !l->resident ? l->a_words / t->port : 0;
    double array = davit_larger(l->m_tiles * tile, davit_larger(weights, input));
    return davit_larger(array, panel_words(s, t, panel) / t->beta);
}

const char *davit_gemm_cycles(const davit_engine *engine, const davit_gemm_shape *shape,
                              davit_cycles *out)
{
    tiles t;
    const char *why = cut(engine, shape, &t);
    if (why != NULL) {
        return why;
    }
    const davit_gemm_layout *l = &t.layout;
    double first = tiles_of_panel(l, 0);
    double weights = first * l->k_steps * t.step_words;
    double rows = first_rows(&engine->gemm, shape, l);
    /* The first tile of pixels takes the weights as they arrive. */
    double arrival = davit_larger(weights / t.port, (weights + rows + l->parameter_words) / t.beta);
    double tile = davit_larger(first * t.step, t.gather);
    davit_cycles made = {0};
    made.start =
        2 * davit_latency_cycles(engine) + t.gather + davit_larger(arrival - tile, rows / t.port);
    made.words = l->a_words * (double)(l->resident ? 1 : l->panels) + l->weight_words +
                 l->parameter_words + (double)l->result_words * (shape->residual ? 2 : 1);
    made.memory = made.words / t.beta;
    made.total = made.start;
    for (uint32_t panel = 0; panel < l->panels; panel++) {
        made.compute += l->m_tiles * davit_larger(tiles_of_panel(l, panel) * t.step, t.gather);
        made.total += panel_cycles(shape, &t, panel);
    }
    double last_rows = tiles_of_panel(l, l->panels - 1) * engine->gemm.rows;
    made.total += last_rows + PIPELINE_CYCLES + davit_latency_cycles(engine);
    /* What overlaps above cannot make the channel faster. */
    made.total = davit_larger(made.total, made.memory + 3 * davit_latency_cycles(engine));
    made.macs = (double)l->m * shape->columns * shape->channels * shape->kernel_h * shape->kernel_w;
    *out = made;
    return NULL;
}
