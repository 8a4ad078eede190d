/* The recurrences over the tiles of a call. Each process of hls/README.md's drawing has the time at
 * which it is done with a tile: the maximum of when it was done with the tile before, when its
 * input is there and when the buffer behind has room, plus its own cycles. What waits for memory
 * asks the channel (channel.h) when so many words were moved. */
#include "gemm_walk.h"

#include <math.h>

#include "channel.h"
#include "memory.h"

/* Cycles from start to the first request for input, beside the latency of the descriptor; and how
 * much later the others ask. */
#define OPEN_CYCLES 16.0
#define OPEN_WEIGHTS 5.0
#define OPEN_RESULTS 16.0
/* From a word of the input to the k-steps of its chunk, beside the chunk's own cycles. */
#define GATHER_CYCLES 18.0
/* From a word of the weights to the array. */
#define WEIGHT_CYCLES 5.0
/* From the last step of a tile to the first of its sums that is taken for requantisation. */
#define SUM_CYCLES 12.0
/* From a row of sums to its bytes in the buffer of the result. */
#define REQUANTISE_CYCLES 24.0
/* From a chunk of the result to its word on the way to memory. */
#define PACK_CYCLES 8.0
/* Steps that the queues between map and array hold. */
#define QUEUED_STEPS 40.0
/* Rows of sums, and rows on the way through requantisation, that wait before the array does. */
#define QUEUED_SUMS 32.0
#define QUEUED_ROWS 62.0
/* From the last chunk of a tile's residual to the first that is given out. */
#define FILLED_CYCLES 2.0
/* Words of a port's queue, of its longest burst, and bursts under way. */
#define QUEUE_WORDS 512.0
#define BURST_WORDS 64.0
#define BURSTS 16.0

typedef struct walk {
    const davit_gemm_geometry *geometry;
    const davit_gemm_shape *shape;
    const davit_gemm_layout *layout;
    davit_channel channel;
    double latency, step, gather;
    /* Done with the tile before, and the one before that. */
    double gathered[2], computed[2], filled[2], taken[2], emitted[2];
    double weights, results; /* words up to the panel and the tile at hand */
} walk;

static double panel_tiles(const davit_gemm_layout *l, uint32_t panel)
{
    if (panel >= l->panels) {
        return 0;
    }
    return panel + 1 < l->panels ? l->panel_tiles : l->n_tiles - (l->panels - 1) * l->panel_tiles;
}

/* Words of the input up to the last byte that an output pixel needs of kernel row ky. */
static double input_words(const davit_gemm_shape *s, uint64_t pixel, uint32_t ky)
{
    uint64_t pixels = (uint64_t)s->out_h * s->out_w;
    uint64_t image = pixel / pixels;
    int64_t y = (int64_t)(pixel % pixels / s->out_w) * s->stride_h + (int64_t)ky * s->dilation_h -
                s->pad_top;
    int64_t x = (int64_t)(pixel % s->out_w) * s->stride_w +
                (int64_t)(s->kernel_w - 1) * s->dilation_w + 1 - s->pad_left;
    y = y < 0 ? 0 : y >= (int64_t)s->in_h ? (int64_t)s->in_h - 1 : y;
    x = x < 1 ? 1 : x > (int64_t)s->in_w ? (int64_t)s->in_w : x;
    int64_t bytes = (((int64_t)image * s->in_h + y) * s->in_w + x) * s->channels;
    return davit_steps((uint64_t)bytes, DAVIT_ENGINE_WORD);
}

/* Words that the tile's gather of kernel row ky needs. */
static double tile_input(const walk *w, uint32_t tile, uint32_t ky)
{
    uint64_t first = (uint64_t)tile * w->geometry->rows;
    uint64_t last = first + w->geometry->rows - 1;
    last = last < w->layout->m ? last : w->layout->m - 1;
    double words = input_words(w->shape, last, ky);
    uint64_t line = last / w->shape->out_w * w->shape->out_w;
    return line > first ? davit_larger(words, input_words(w->shape, line - 1, ky)) : words;
}

/* Words of the input that no tile from this one on needs. */
static double released_words(const walk *w, uint32_t tile)
{
    const davit_gemm_shape *s = w->shape;
    uint64_t pixels = (uint64_t)s->out_h * s->out_w;
    uint64_t pixel = (uint64_t)tile * w->geometry->rows;
    int64_t y = (int64_t)(pixel % pixels / s->out_w) * s->stride_h - s->pad_top;
    int64_t x = (int64_t)(pixel % s->out_w) * s->stride_w - s->pad_left;
    int64_t row = (int64_t)(pixel / pixels) * s->in_h + (y > 0 ? y : 0);
    int64_t bytes = (row * s->in_w + (y >= 0 && x > 0 ? x : 0)) * s->channels;
    return (double)(bytes / DAVIT_ENGINE_WORD);
}

static double rows_of_tile(const walk *w, uint32_t tile)
{
    return davit_smaller(w->geometry->rows, w->layout->m - (double)tile * w->geometry->rows);
}

/* Words of the result of all tiles before this one of a panel; whole words in the end. */
static double words_before(const walk *w, uint32_t panel, uint32_t tile)
{
    const davit_gemm_layout *l = w->layout;
    panel += tile > l->m_tiles && panel + 1 < l->panels ? 1 : 0;
    tile -= tile > l->m_tiles ? l->m_tiles : 0;
    double columns = (double)l->panel_tiles * w->geometry->columns;
    double width = davit_smaller(columns, w->shape->columns - panel * columns);
    double rows = davit_smaller((double)tile * w->geometry->rows, l->m);
    return ((double)l->m * panel * columns + rows * width) / DAVIT_ENGINE_WORD;
}

/* From `time` on the residual may come up to before a tile, and as far as the port's queue takes
 * it. */
static void ask_residual(walk *w, double time, uint32_t panel, uint32_t tile)
{
    if (w->shape->residual) {
        double words = words_before(w, panel, tile) + QUEUE_WORDS;
        davit_channel_raise(&w->channel, DAVIT_FLOW_RESIDUAL, time,
                            davit_smaller(w->layout->result_words, words));
    }
}

static void open_channel(walk *w, const davit_engine *engine)
{
    const davit_gemm_layout *l = w->layout;
    davit_channel *c = &w->channel;
    davit_channel_start(c, engine);
    /* A channel at rest has two words at once. */
    double first = 2 * w->latency + OPEN_CYCLES - 2 / davit_smaller(c->words_per_cycle, 1);
    c->opens[DAVIT_FLOW_INPUT] = first;
    c->opens[DAVIT_FLOW_PARAMETERS] = first;
    c->opens[DAVIT_FLOW_WEIGHTS] = first + OPEN_WEIGHTS;
    c->opens[DAVIT_FLOW_RESIDUAL] = first + OPEN_RESULTS;
    c->opens[DAVIT_FLOW_RESULT] = first;
    c->limit[DAVIT_FLOW_INPUT] = l->resident ? l->a_words
                                             : davit_smaller((double)l->a_words * l->panels,
                                                             w->geometry->map_words + QUEUE_WORDS);
    c->limit[DAVIT_FLOW_PARAMETERS] = l->parameter_words - 2.0;
    ask_residual(w, 0, 0, 2);
    if (l->panels > 1) { /* short bursts, of which not many are under way */
        double run = (double)l->panel_tiles * w->geometry->columns / DAVIT_ENGINE_WORD;
        c->port[DAVIT_FLOW_RESIDUAL] =
            davit_smaller(c->port[DAVIT_FLOW_RESIDUAL], BURSTS * run / (w->latency + BURSTS));
    }
}

/* When the rows of the tile are there as k-steps. */
static double gather_tile(walk *w, uint32_t panel, uint32_t tile)
{
    const davit_gemm_layout *l = w->layout;
    double room = w->computed[1] - QUEUED_STEPS;
    double done = davit_larger(w->gathered[0], room) + w->gather;
    if (panel == 0 || !l->resident) {
        double pass = l->resident ? 0 : (double)panel * l->a_words;
        double top =
            davit_channel_reach(&w->channel, DAVIT_FLOW_INPUT, pass + tile_input(w, tile, 0));
        double all = davit_channel_reach(&w->channel, DAVIT_FLOW_INPUT,
                                         pass + tile_input(w, tile, w->shape->kernel_h - 1));
        done = davit_larger(done, top + GATHER_CYCLES + w->gather);
        done = davit_larger(done, all + GATHER_CYCLES + w->gather / w->shape->kernel_h);
        if (!l->resident) {
            bool last = tile + 1 == l->m_tiles;
            double released = last ? pass + l->a_words : pass + released_words(w, tile + 1);
            davit_channel_raise(&w->channel, DAVIT_FLOW_INPUT, done - GATHER_CYCLES,
                                davit_smaller((double)l->a_words * l->panels,
                                              released + w->geometry->map_words + QUEUE_WORDS));
        }
    }
    return done;
}

/* When the residual of the tile is in its buffer. */
static double fill_residual(walk *w, uint32_t panel, uint32_t tile)
{
    double chunks = rows_of_tile(w, tile) * panel_tiles(w->layout, panel);
    double begin = davit_larger(w->filled[0], w->taken[1]);
    double words = davit_channel_reach(
        &w->channel, DAVIT_FLOW_RESIDUAL,
        davit_smaller(w->layout->result_words, words_before(w, panel, tile + 1)));
    return davit_larger(begin + chunks, words + 6);
}

/* At `done` all words up to w->results are in the queue, `words` of them new. A burst begins when
 * all of it is there. */
static void raise_result(walk *w, double done, double words, bool last)
{
    const davit_gemm_layout *l = w->layout;
    double run = (double)l->panel_tiles * w->geometry->columns / DAVIT_ENGINE_WORD;
    double burst = l->panels == 1 ? BURST_WORDS : davit_smaller(BURST_WORDS, run);
    double cycles = (double)DAVIT_ENGINE_WORD / w->geometry->columns; /* of a word */
    double whole = floor(w->results / burst) * burst;
    double before = floor(words / BURST_WORDS) * BURST_WORDS;
    for (; before >= 0; before -= BURST_WORDS) {
        double limit = whole - before;
        davit_channel_raise(&w->channel, DAVIT_FLOW_RESULT, done - (w->results - limit) * cycles,
                            limit);
    }
    if (last) {
        davit_channel_raise(&w->channel, DAVIT_FLOW_RESULT, done, w->results);
    }
}

/* When the rows of the tile before last are all on the way to memory's queue. */
static void emit_tile(walk *w, double filled, double chunks, double words, bool last)
{
    double done = davit_larger(w->emitted[0], filled) + chunks;
    double room = w->results - QUEUE_WORDS + 8;
    if (room > 0) {
        done = davit_larger(done, davit_channel_reach(&w->channel, DAVIT_FLOW_RESULT, room));
    }
    raise_result(w, done + PACK_CYCLES, words, last);
    w->emitted[1] = w->emitted[0];
    w->emitted[0] = done;
}

static void compute_tile(walk *w, uint32_t panel, uint32_t tile)
{
    const davit_gemm_layout *l = w->layout;
    double nt = panel_tiles(l, panel);
    double chunks = rows_of_tile(w, tile) * nt;
    double gathered = gather_tile(w, panel, tile);
    double computed = davit_larger(w->computed[0] + w->step, gathered) + (nt - 1) * w->step;
    if (tile == 0) {
        double there = davit_channel_reach(&w->channel, DAVIT_FLOW_WEIGHTS, w->weights);
        computed = davit_larger(computed, there + WEIGHT_CYCLES);
    }
    double taken = computed + SUM_CYCLES + rows_of_tile(w, tile);
    taken = davit_larger(taken, w->taken[0] + chunks);
    if (w->shape->residual) {
        double filled = fill_residual(w, panel, tile);
        w->filled[1] = w->filled[0];
        w->filled[0] = filled;
        taken = davit_larger(taken, filled + FILLED_CYCLES + chunks);
    }
    double finished = davit_larger(taken + REQUANTISE_CYCLES, w->emitted[1] + chunks);
    taken = davit_larger(taken, finished - QUEUED_ROWS);
    computed = davit_larger(computed, taken - QUEUED_SUMS);
    double words = words_before(w, panel, tile + 1) - w->results;
    w->results += words;
    w->gathered[1] = w->gathered[0];
    w->gathered[0] = gathered;
    w->computed[1] = w->computed[0];
    w->computed[0] = computed;
    w->taken[1] = w->taken[0];
    w->taken[0] = taken;
    ask_residual(w, taken, panel, tile + 3);
    bool last = panel + 1 == l->panels && tile + 1 == l->m_tiles;
    emit_tile(w, finished, chunks, words, last);
}

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

static double panel_words(const walk *w, uint32_t panel)
{
    const davit_gemm_geometry *g = w->geometry;
    return panel_tiles(w->layout, panel) * w->layout->k_steps * g->columns * g->depth /
           DAVIT_ENGINE_WORD;
}

davit_gemm_walk davit_gemm_walk_tiles(const davit_engine *engine, const davit_gemm_shape *shape,
                                      const davit_gemm_layout *layout)
{
    walk w = {.geometry = &engine->gemm,
              .shape = shape,
              .layout = layout,
              .latency = davit_latency_cycles(engine),
              .step = davit_larger(layout->k_steps, engine->gemm.rows),
              .gather = gather_cycles(&engine->gemm, layout)};
    open_channel(&w, engine);
    davit_gemm_walk out = {0};
    for (uint32_t panel = 0; panel < layout->panels; panel++) {
        /* The weights of the next panel load while this one is computed. */
        double limit = w.weights + panel_words(&w, panel) + panel_words(&w, panel + 1);
        davit_channel_raise(&w.channel, DAVIT_FLOW_WEIGHTS, w.computed[0],
                            davit_smaller(layout->weight_words, limit + QUEUE_WORDS));
        double array = panel_tiles(layout, panel) * w.step;
        out.compute += layout->m_tiles * davit_larger(array, w.gather);
        w.weights += panel_words(&w, panel);
        for (uint32_t tile = 0; tile < layout->m_tiles; tile++) {
            compute_tile(&w, panel, tile);
            if (panel == 0 && tile == 0) {
                out.start = davit_larger(w.computed[0] - array, 0);
            }
        }
    }
    double written = davit_channel_reach(&w.channel, DAVIT_FLOW_RESULT, w.results);
    out.total = davit_larger(written, w.emitted[0]) + DAVIT_END_CYCLES + w.latency;
    return out;
}
