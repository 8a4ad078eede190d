/* The cycle model (hls/model) against the RTL: random layers on the default array, each on three
 * memories. Prints the worst and the median difference of each memory; fails when one shape is more
 * than 3 % off. Values do not matter here, only cycles. Buffers begin at 4 KiB borders, as those of
 * a card do: where a burst is cut at such a border, it begins later or earlier. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "davit/cycle_model.h"
#include "engine_memory.h"
#include "rtl_engine.h"

#define LIMIT 0.03

enum { MEMORIES = 3, MOST_SHAPES = 10000, PAGE_BYTES = 4096 };

static uint32_t pick(engine_random *random, const uint32_t *values, uint32_t count)
{
    return values[engine_draw(random, count)];
}

static davit_gemm_shape draw_matrix(engine_random *random)
{
    static const uint32_t sizes[] = {1, 7, 16, 49, 64, 100, 128, 196, 250, 384, 500, 784, 1000};
    uint32_t m = pick(random, sizes, 13);
    uint32_t k = engine_chance(random, 70) ? 64 * (1 + engine_draw(random, 32))
                                           : 16 + engine_draw(random, 2000);
    return davit_gemm_matrix(m, k, 0);
}

static davit_gemm_shape draw_convolution(engine_random *random)
{
    static const uint32_t kernels[] = {1, 1, 3, 3, 3, 5, 7};
    static const uint32_t maps[] = {7, 14, 28, 56, 13, 19, 26, 38, 40, 52, 80, 112};
    static const uint32_t channels[] = {3, 8, 16, 24, 32, 48, 64, 80, 96, 128, 160, 256, 384, 512};
    davit_gemm_shape s = {.images = engine_chance(random, 15) ? 2 + engine_draw(random, 3) : 1};
    s.kernel_h = s.kernel_w = pick(random, kernels, 7);
    s.stride_h = s.stride_w = engine_chance(random, 30) ? 2 : 1;
    s.dilation_h = s.dilation_w = s.kernel_h > 1 && engine_chance(random, 10) ? 2 : 1;
    s.out_h = pick(random, maps, 12);
    s.out_w = engine_chance(random, 70) ? s.out_h : pick(random, maps, 12);
    s.channels =
        engine_chance(random, 80) ? pick(random, channels, 14) : 1 + engine_draw(random, 300);
    if (engine_chance(random, 8)) { /* the first layer of a network */
        s.kernel_h = s.kernel_w = engine_chance(random, 50) ? 7 : 3;
        s.stride_h = s.stride_w = 2;
        s.dilation_h = s.dilation_w = 1;
        s.channels = 3;
        s.out_h = s.out_w = engine_chance(random, 50) ? 112 : 80;
    }
    s.in_h = s.out_h * s.stride_h;
    s.in_w = s.out_w * s.stride_w;
    s.pad_top = s.pad_left = (s.kernel_h - 1) * s.dilation_h / 2;
    return s;
}

/* Layers of 4 to 60 million products that the engine takes. */
static davit_gemm_shape draw_shape(engine_random *random, davit_gemm_layout *layout)
{
    const davit_gemm_geometry geometry = DAVIT_GEMM_DEFAULT_GEOMETRY;
    for (;;) {
        davit_gemm_shape s =
            engine_chance(random, 25) ? draw_matrix(random) : draw_convolution(random);
        s.columns = engine_chance(random, 70) ? 64 * (1 + engine_draw(random, 8))
                                              : 8 + engine_draw(random, 250);
        s.residual = engine_chance(random, 30);
        double work =
            (double)s.images * s.out_h * s.out_w * s.columns * s.channels * s.kernel_h * s.kernel_w;
        if (work >= 4e6 && work <= 60e6 && davit_gemm_plan(&geometry, &s, layout) == NULL) {
            return s;
        }
    }
}

static rtl_memory memory_of(const davit_engine *e)
{
    double cycles = e->clock_hz * 1e-9;
    return (rtl_memory){.name = e->name,
                        .words_per_cycle =
                            e->bytes_per_second * e->efficiency / (DAVIT_ENGINE_WORD * e->clock_hz),
                        .latency = floor(e->latency_ns * cycles),
                        .refresh_interval = e->refresh_interval_ns * cycles,
                        .refresh_cycles = e->refresh_ns * cycles};
}

typedef struct call {
    davit_gemm_shape shape;
    engine_buffer a, b, p, r, c, e;
} call;

static call make_call(const davit_gemm_shape *s, const davit_gemm_layout *l)
{
    const davit_gemm_geometry geometry = DAVIT_GEMM_DEFAULT_GEOMETRY;
    size_t weights = (size_t)s->channels * s->kernel_h * s->kernel_w * s->columns;
    size_t results = (size_t)l->m * s->columns;
    call made = {.shape = *s,
                 .a = engine_alloc_at((size_t)l->a_words * DAVIT_ENGINE_WORD, 1, PAGE_BYTES),
                 .b = engine_alloc_at((size_t)l->weight_words * DAVIT_ENGINE_WORD, 1, PAGE_BYTES),
                 .p =
                     engine_alloc_at((size_t)l->parameter_words * DAVIT_ENGINE_WORD, 0, PAGE_BYTES),
                 .r = engine_alloc_at(results, 1, PAGE_BYTES),
                 .c = engine_alloc_at(results, 0, PAGE_BYTES),
                 .e = engine_alloc_at(DAVIT_ENGINE_WORD, 0, PAGE_BYTES)};
    int8_t *none = calloc(weights, 1);
    float *scale = calloc(s->columns, sizeof(float));
    davit_gemm_values values = {.weights = none, .scale = scale, .low = -1e3f, .high = 1e3f};
    davit_gemm_pack_parameters(&geometry, s, l, &values, made.p.data);
    free(none);
    free(scale);
    return made;
}

static void free_call(call *c)
{
    engine_buffer *buffers[] = {&c->a, &c->b, &c->p, &c->r, &c->c, &c->e};
    for (size_t i = 0; i < sizeof(buffers) / sizeof(buffers[0]); i++) {
        (void)engine_free(buffers[i]);
    }
}

/* Measured over predicted, minus 1. */
static double difference(call *c, const davit_engine *engine, bool verbose)
{
    const davit_gemm_shape *s = &c->shape;
    rtl_memory memory = memory_of(engine);
    rtl_use_memory(&memory);
    gemm_s8(c->a.data, c->b.data, c->p.data, s->residual ? c->r.data : NULL, c->c.data, c->e.data);
    const char *error = engine_simulation_error();
    davit_cycles model;
    if (error != NULL || davit_gemm_cycles(engine, s, &model) != NULL) {
        printf("%s\n", error != NULL ? error : "no prediction");
        return INFINITY;
    }
    double measured = (double)rtl_cycles();
    double off = measured / model.total - 1;
    if (verbose || fabs(off) > LIMIT) {
        printf("%-9s %+6.2f %%  RTL %7.0f model %9.1f (start %.0f, compute %.0f, memory %.0f)  "
               "images %u in %ux%ux%u kernel %ux%u stride %u dilation %u out %ux%ux%u%s\n",
               engine->name, 100 * off, measured, model.total, model.start, model.compute,
               model.memory, s->images, s->in_h, s->in_w, s->channels, s->kernel_h, s->kernel_w,
               s->stride_h, s->dilation_h, s->out_h, s->out_w, s->columns,
               s->residual ? " residual" : "");
        fflush(stdout);
    }
    return off;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static bool report(const char *name, double *off, uint32_t count)
{
    uint32_t beyond = 0;
    for (uint32_t i = 0; i < count; i++) {
        off[i] = fabs(off[i]);
        beyond += off[i] > LIMIT;
    }
    qsort(off, count, sizeof(*off), ascending);
    printf("%-9s worst %.2f %%, median %.2f %%, %u of %u shapes more than 3 %% off\n", name,
           100 * off[count - 1], 100 * off[count / 2], beyond, count);
    return beyond == 0;
}

int main(int argc, char **argv)
{
    static double off[MEMORIES][MOST_SHAPES];
    uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 200;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    uint64_t from = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;
    bool verbose = argc > 4 && strcmp(argv[4], "-v") == 0;
    if (count == 0 || count > MOST_SHAPES) {
        fprintf(stderr, "usage: rtl_validate_model [SHAPES [SEED [FIRST [-v]]]]\n");
        return 2;
    }
    /* The third: a channel that another unit uses too. */
    davit_engine shared = davit_engine_u250;
    shared.name = "u250 half";
    shared.bytes_per_second /= 2;
    shared.latency_ns *= 2;
    const davit_engine *engines[MEMORIES] = {&davit_engine_u250, &davit_engine_u280, &shared};
    for (uint64_t i = 0; i < count; i++) {
        engine_random random = engine_random_of(seed, from + i);
        davit_gemm_layout layout;
        davit_gemm_shape shape = draw_shape(&random, &layout);
        call c = make_call(&shape, &layout);
        for (int e = 0; e < MEMORIES; e++) {
            off[e][i] = difference(&c, engines[e], verbose);
        }
        free_call(&c);
    }
    bool good = true;
    for (int e = 0; e < MEMORIES; e++) {
        good = report(engines[e]->name, off[e], (uint32_t)count) && good;
    }
    return good ? 0 : 1;
}
