/* gemm_s8 in closed form. hls/README.md has the derivation; the names are those of the text there.
 */
#include <stddef.h>

#include "davit/cycle_model.h"

#include "memory.h"

/* From the last product of a tile to its last word on the way to memory, beside the tile's own
 * rows: sums, conversion, three additions, two multiplications, the reorder buffer, packing. */
#define PIPELINE_CYCLES 60.0
/* From the descriptor to the first addresses, and from the first words to the array. */
#define START_CYCLES 40.0
/* Words of the longest burst, and of a port's queue. */
#define BURST_WORDS 64.0
#define QUEUE_WORDS 512.0
/* Steps that the FIFOs between map and array hold. */
#define FIFO_STEPS 40.0

double davit_engine_peak(const davit_engine *engine)
{
    return (double)engine->gemm.rows * engine->gemm.columns * engine->gemm.depth;
}

/* Words that the channel moves in a cycle outside refresh, and the share of time outside it. */
static double channel_words(const davit_engine *engine)
{
    return engine->bytes_per_second * engine->efficiency / (DAVIT_ENGINE_WORD * engine->clock_hz);
}

static double channel_share(const davit_engine *engine)
{
    return 1.0 - engine->refresh_ns / engine->refresh_interval_ns;
}

double davit_engine_words_per_cycle(const davit_engine *engine)
{
    return channel_words(engine) * channel_share(engine);
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
    out->port = davit_smaller(channel_words(engine), 1.0) * channel_share(engine);
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

/* Words of the input that the first tile of pixels waits for, or its first row of segments only. */
static double first_rows(const davit_gemm_geometry *g, const davit_gemm_shape *s,
                         const davit_gemm_layout *l, bool all)
{
    double below = all ? (double)(s->kernel_h - 1) * s->dilation_h - s->pad_top : 0;
    double wraps = (double)((g->rows - 1) / s->out_w) * s->stride_h;
    double pixels = davit_smaller(g->rows, s->out_w) - 1;
    double bytes = (below + wraps) * s->in_w * s->channels + pixels * s->stride_w * s->channels +
                   l->segment_bytes;
    return davit_larger(1, davit_smaller(bytes / DAVIT_ENGINE_WORD, l->a_words));
}

/* Words of the weights of a panel. */
static double weight_words(const tiles *t, uint32_t panel)
{
    return tiles_of_panel(&t->layout, panel) * t->layout.k_steps * t->step_words;
}

/* Cycles of the channel for what a panel moves: its rows of the result, and of the residual, and
 * the input where it is read. Input rows that a stride skips come when no other port has work. */
static double channel_cycles(const davit_gemm_shape *s, const tiles *t, uint32_t panel)
{
    const davit_gemm_layout *l = &t->layout;
    double share = tiles_of_panel(l, panel) / l->n_tiles;
    double words = (double)l->result_words * share * (s->residual ? 2 : 1);
    double input = panel == 0 || !l->resident ? l->a_words : 0;
    double used = s->kernel_h < s->stride_h ? (double)s->kernel_h / s->stride_h : 1;
    return (words + input * used) / t->beta + input * (1 - used) / t->port;
}

/* What the ports ask for at once when a call begins, in words: the first panel of weights, the
 * input as far as the map takes it, the residual as far as its buffers do, the parameters. */
typedef struct opening {
    double weights, input, residual, parameters;
} opening;

static opening open_ports(const davit_gemm_geometry *g, const davit_gemm_shape *s, const tiles *t)
{
    const davit_gemm_layout *l = &t->layout;
    double reordered = 2.0 * g->rows * tiles_of_panel(l, 0) * g->columns / DAVIT_ENGINE_WORD;
    opening o = {.weights = weight_words(t, 0),
                 .input = davit_smaller(l->a_words, g->map_words + QUEUE_WORDS),
                 .residual =
                     s->residual ? davit_smaller(l->result_words, reordered + QUEUE_WORDS) : 0,
                 .parameters = l->parameter_words};
    return o;
}

/* Cycles until a port has `words`, when three others ask for theirs too and all take turns. */
static double taking_turns(const tiles *t, double words, const double others[3])
{
    double cycles = 0;
    for (double done = 0; done < words;) {
        double until = words;
        double ports = 1;
        for (int i = 0; i < 3; i++) {
            ports += others[i] > done;
            until = others[i] > done ? davit_smaller(until, others[i]) : until;
        }
        cycles += (until - done) * davit_larger(1 / t->port, ports / t->beta);
        done = until;
    }
    return cycles;
}

static double weights_there(const tiles *t, const opening *o)
{
    const double others[3] = {o->input, o->residual, o->parameters};
    return taking_turns(t, o->weights, others);
}

/* Cycles from the descriptor until the rows of the first tile are gathered. */
static double first_rows_there(const davit_gemm_geometry *g, const davit_gemm_shape *s,
                               const tiles *t, const opening *o)
{
    const davit_gemm_layout *l = &t->layout;
    const double others[3] = {o->weights, o->residual, o->parameters};
    double top = taking_turns(t, first_rows(g, s, l, false), others);
    double rows = taking_turns(t, first_rows(g, s, l, true), others);
    return davit_larger(top + t->gather, rows + t->gather / l->segments_y);
}

/* Cycles from the descriptor until the first tile of pixels is done with the first panel: the
 * k-steps of its first column tile are computed as they are gathered, and every one when its
 * weights are there. */
static double first_tile(const davit_gemm_geometry *g, const davit_gemm_shape *s, const tiles *t)
{
    opening o = open_ports(g, s, t);
    double gathered = davit_larger(first_rows_there(g, s, t, &o), t->step);
    return davit_larger(gathered + (tiles_of_panel(&t->layout, 0) - 1) * t->step,
                        weights_there(t, &o));
}

/* Cycles that the array loses in `work` cycles because the input is read ahead: while it takes its
 * turns, the result may get less of the channel than it needs, and its queue fills. */
static double input_first(const davit_gemm_shape *s, const tiles *t, const opening *o, double work)
{
    const davit_gemm_layout *l = &t->layout;
    double fair = davit_smaller(t->port, t->beta / (s->residual ? 3 : 2));
    double needed = l->result_words * tiles_of_panel(l, 0) / l->n_tiles / work;
    double ahead = o->input > o->weights ? o->input - o->weights : 0;
    double lost = ahead / fair * (1 - fair / needed) - QUEUE_WORDS / needed;
    return lost > 0 ? davit_smaller(lost, work * (needed / fair - 1)) : 0;
}

/* Where the panels are: cycles from the descriptor until the array is done with the last one and
 * the channel with what it moves, both with the one before, and the weights of the last are there.
 */
typedef struct progress {
    double array, moved, before, loaded;
} progress;

/* The array behind the first tile. Where the gather is slower, it has one tile more when the
 * weights are there, and what the FIFOs hold. */
static double first_tiles(const davit_gemm_geometry *g, const davit_gemm_shape *s, const tiles *t,
                          const opening *o)
{
    double more = t->layout.m_tiles - 1.0;
    double step = tiles_of_panel(&t->layout, 0) * t->step;
    double first = first_tile(g, s, t);
    if (t->gather <= step) {
        return first + more * step + input_first(s, t, o, (more + 1) * step);
    }
    double gathered = first_rows_there(g, s, t, o) + more * t->gather;
    double behind = davit_larger(more * step, (more - 1) * t->gather - FIFO_STEPS);
    return davit_larger(gathered, first + davit_smaller(behind, more * t->gather));
}

static progress first_panel(const davit_gemm_geometry *g, const davit_gemm_shape *s, const tiles *t)
{
    opening o = open_ports(g, s, t);
    double channel = (o.weights + o.parameters) / t->beta + channel_cycles(s, t, 0);
    progress p = {.loaded = weights_there(t, &o), .array = first_tiles(g, s, t, &o)};
    p.moved = davit_larger(t->layout.a_words / t->port, channel);
    return p;
}

/* The weights of a panel load while the panel before is computed; its first tile of pixels takes
 * them as they arrive. */
static void next_panel(const davit_gemm_shape *s, const tiles *t, uint32_t panel, progress *p)
{
    const davit_gemm_layout *l = &t->layout;
    double tile = davit_larger(tiles_of_panel(l, panel) * t->step, t->gather);
    double weights = weight_words(t, panel);
    double shared = weights / t->beta + channel_cycles(s, t, panel - 1);
    double loaded = davit_larger(p->loaded + weights / t->port, p->before + shared);
    double input = l->resident ? 0 : l->a_words / t->port;
    double done = davit_larger(p->array, p->moved);
    p->array = davit_larger(done + tile, loaded) + (l->m_tiles - 1) * tile;
    p->moved = done + davit_larger(input, channel_cycles(s, t, panel));
    p->before = done;
    p->loaded = loaded;
}

/* From the last product to the answer of the last write: the rows of the last column tile leave the
 * array, all rows of the tile leave the reorder buffer, and the last burst the queue. */
static double ending(const davit_gemm_geometry *g, const tiles *t)
{
    const davit_gemm_layout *l = &t->layout;
    double rows = l->m - (l->m_tiles - 1.0) * g->rows;
    double chunks = rows * tiles_of_panel(l, l->panels - 1);
    double burst = davit_smaller(BURST_WORDS, chunks * g->columns / DAVIT_ENGINE_WORD);
    return rows + chunks + burst / t->port + PIPELINE_CYCLES;
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
    double latency = davit_latency_cycles(engine);
    davit_cycles made = {0};
    made.words = l->a_words * (double)(l->resident ? 1 : l->panels) + l->weight_words +
                 l->parameter_words + (double)l->result_words * (shape->residual ? 2 : 1);
    made.memory = made.words / t.beta;
    progress p = first_panel(&engine->gemm, shape, &t);
    for (uint32_t panel = 0; panel < l->panels; panel++) {
        double tile = davit_larger(tiles_of_panel(l, panel) * t.step, t.gather);
        made.compute += l->m_tiles * tile;
        if (panel > 0) {
            next_panel(shape, &t, panel, &p);
        } else {
            made.start = davit_larger(first_tile(&engine->gemm, shape, &t) - tile, 0);
        }
    }
    made.start += 2 * latency + START_CYCLES;
    /* Where the channel is the limit, the array follows the input, or is ahead of the result. */
    double end = ending(&engine->gemm, &t);
    double follows = l->a_words > l->result_words ? end : 0;
    made.total = 3 * latency + START_CYCLES + davit_larger(p.array + end, p.moved + follows);
    /* What overlaps above cannot make the channel faster. */
    made.total = davit_larger(made.total, made.memory + 3 * latency);
    made.macs = (double)l->m * shape->columns * shape->channels * shape->kernel_h * shape->kernel_w;
    *out = made;
    return NULL;
}
