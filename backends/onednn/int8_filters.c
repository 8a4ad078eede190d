#include "int8_filters.h"

#include <string.h>

#include "int8_dot.h"
#include "operators.h"
#include "parallel.h"

#define BLOCK DAVIT_INT8_FILTERS
#define VECTORS 4                         /* of s32 in a block */
#define LEAST_PRODUCTS ((int64_t)1 << 16) /* of a thread */

typedef void (*run_loops)(const davit_int8_filters *filters, const davit_int8_filter_rows *rows);

static run_loops choose_loops(void)
{
#if defined(__x86_64__)
    if (davit_int8_loops_choose() == &davit_int8_loops_avx512_vnni) {
        return davit_int8_filters_avx512_vnni;
    }
#endif
    return NULL;
}

bool davit_int8_filters_fit(const davit_onednn_builder *builder,
                            const davit_int8_weighted *weighted, const davit_window *window)
{
    const davit_tensor_desc *x = davit_node_input(builder->graph, weighted->node, 0);
    const davit_tensor_desc *w = davit_node_input(builder->graph, weighted->node, 1);
    const int64_t groups = davit_node_int(weighted->node, "group", 1);
    return choose_loops() != NULL && w->dtype == DAVIT_S8 && groups > 1 && groups == x->dims[1] &&
           groups == w->dims[0] && window->axes == 2 &&
           window->kernel[0] <= DAVIT_INT8_FILTER_ROWS &&
           (window->kernel[1] == 3 || window->kernel[1] == 5) &&
           (window->stride[1] == 1 || window->stride[1] == 2) && window->dilation[1] == 1 &&
           weighted->exactness == DAVIT_EXACT_F32 && !weighted->has_residual;
}

typedef struct params {
    run_loops run;
    davit_int8_filters filters;
    davit_window window;
    davit_onednn_grid grid; /* of strips */
    int64_t lines;          /* of one or two rows */
    int64_t strips;         /* of parts lines, as many as the last block takes at once */
    int parts;
    uint8_t padding[BLOCK]; /* zero, unflipped */
} params;

/* ---- packing ---- */

/* The channel of a number; beyond the last one where there is none. */
static int64_t channel_of(const davit_int8_filters *f, int64_t number)
{
    const int64_t block = number / BLOCK, at = number % BLOCK;
    const int64_t byte = at % 16 / 4 * 16 + at / 16 * 4 + at % 4;
    return block * BLOCK + byte % (BLOCK / davit_int8_filter_parts(f->channels, block));
}

static const int8_t *pack_weights(davit_onednn_builder *builder, const params *p,
                                  const int8_t *weights)
{
    const davit_int8_filters *f = &p->filters;
    const int64_t rows = f->rows, quads = f->quads, height = p->window.kernel[0];
    const size_t bytes = (size_t)(p->grid.blocks * f->kernel * rows * quads * BLOCK * 4);
    int8_t *packed = davit_onednn_constant_bytes(builder, bytes);
    for (size_t i = 0; packed != NULL && i < bytes; i++) {
        int64_t at = (int64_t)i / (4 * BLOCK);
        const int64_t tap = at % quads * 4 + (int64_t)i % 4;
        const int64_t row = at / quads % rows;
        at /= quads * rows;
        const int64_t channel = channel_of(f, at / f->kernel * BLOCK + (int64_t)i / 4 % BLOCK);
        const bool there = channel < f->channels && tap >= row && tap - row < height;
        packed[i] = there ? weights[(channel * height + tap - row) * f->kernel + at % f->kernel]
                          : (int8_t)0;
    }
    return packed;
}

/* Scales and what sums begin with. */
static davit_status pack_ends(davit_onednn_builder *builder, const davit_int8_weighted *w,
                              const davit_int8_finish *finish, params *p)
{
    davit_int8_filters *f = &p->filters;
    const int8_t *weights = davit_node_constant(builder->graph, w->node, 1)->data;
    const int64_t taps = p->window.kernel[0] * f->kernel;
    const size_t count = (size_t)(p->grid.blocks * BLOCK);
    int32_t *start = davit_onednn_alloc(builder, count * sizeof(*start));
    float *scale = davit_onednn_alloc(builder, count * sizeof(*scale));
    if (start == NULL || scale == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        const int64_t channel = channel_of(f, (int64_t)i);
        int64_t sum = 0;
        for (int64_t t = 0; channel < f->channels && t < taps; t++) {
            sum += weights[channel * taps + t];
        }
        start[i] = (int32_t)(-sum * f->zero);
        scale[i] = 0.0f;
        if (channel < f->channels) {
            start[i] += (int32_t)finish->bias[channel];
            scale[i] = finish->scale[channel];
        }
    }
    f->start = start;
    f->scale = scale;
    return DAVIT_OK;
}

/* ---- running ---- */

typedef struct filters_run {
    const params *params;
    const uint8_t *x;
    uint8_t *out;
} filters_run;

/* Where line y of part reads and writes; past the end of the image it reads padding. */
static void place_part(const filters_run *run, int64_t image, int64_t y, int part,
                       davit_int8_filter_rows *r)
{
    const params *p = run->params;
    const davit_int8_filters *f = &p->filters;
    const davit_window *w = &p->window;
    const int64_t line = f->out * f->channels, channel = r->block * BLOCK;
    for (int k = 0; k < 4 * f->quads; k++) {
        const int64_t row = y * w->stride[0] - w->pad_begin[0] + k * w->dilation[0];
        const bool read = k < w->kernel[0] + f->rows - 1 && row >= 0 && row < w->in[0];
        r->x[part][k] =
            read ? run->x + (image * w->in[0] + row) * f->in * f->channels + channel : p->padding;
        r->steps[part][k] = read ? f->channels : 0;
    }
    for (int k = 0; k < f->rows; k++) {
        r->out[part][k] =
            y + k < w->out[0] ? run->out + (image * w->out[0] + y + k) * line + channel : NULL;
    }
}

/* Strips first to end of a block, counted over all images. */
static void run_block(const filters_run *run, int64_t block, int64_t first, int64_t end)
{
    const params *p = run->params;
    davit_int8_filter_rows r = {.block = block,
                                .parts = davit_int8_filter_parts(p->filters.channels, block)};
    for (int64_t strip = first; strip < end; strip++) {
        const int64_t image = strip / p->strips, line = strip % p->strips * p->parts;
        for (int64_t l = line; l < line + p->parts && l < p->lines; l += r.parts) {
            for (int part = 0; part < r.parts; part++) {
                place_part(run, image, (l + part) * p->filters.rows, part, &r);
            }
            p->run(&p->filters, &r);
        }
    }
}

/* Items: the blocks of each strip. */
static void run_items(const void *context, int64_t begin, int64_t end)
{
    const filters_run *run = context;
    for (int64_t block = 0; block < run->params->grid.blocks; block++) {
        int64_t strips[2];
        davit_onednn_grid_part(&run->params->grid, begin, end, block, strips);
        run_block(run, block, strips[0], strips[1]);
    }
}

/* Operands: x, out. */
static davit_status run_filters(const davit_onednn_call *call)
{
    const params *p = call->params;
    const filters_run run = {.params = p, .x = call->pointers[0], .out = call->pointers[1]};
    const int64_t products = p->parts * p->filters.rows * p->filters.out * BLOCK *
                             p->window.kernel[0] * p->window.kernel[1];
    davit_onednn_parallel(p->grid.rows * p->grid.blocks, LEAST_PRODUCTS / products + 1, run_items,
                          &run);
    return DAVIT_OK;
}

/* ---- building ---- */

static davit_status prepare(davit_onednn_builder *builder, const davit_int8_weighted *w,
                            const davit_window *window, params *p)
{
    const davit_tensor_desc *x = davit_node_input(builder->graph, w->node, 0);
    const davit_int8_source source = davit_int8_source_of(w->x.dtype, w->x.zero);
    const bool two = window->kernel[1] == 3 && window->stride[1] == 1 && window->kernel[0] <= 3 &&
                     window->stride[0] == 1 && window->dilation[0] == 1;
    davit_int8_finish finish;
    davit_int8_filters *f = &p->filters;
    davit_status status = davit_int8_weighted_finish(builder, w, 1, &finish);
    if (status != DAVIT_OK) {
        return status;
    }
    *p = (params){.run = choose_loops(),
                  .window = *window,
                  .grid = {.blocks = (x->dims[1] + BLOCK - 1) / BLOCK},
                  .filters = {.channels = x->dims[1],
                              .in = window->in[1],
                              .out = window->out[1],
                              .kernel = window->kernel[1],
                              .stride = window->stride[1],
                              .pad = window->pad_begin[1],
                              .rows = two ? 2 : 1,
                              .quads = window->kernel[0] <= 4 ? 1 : 2,
                              .flip = source.flip,
                              .zero = (uint8_t)source.offset,
                              .saturates = davit_int8_saturates(w, &finish),
                              .result = finish.result}};
    p->lines = (window->out[0] + f->rows - 1) / f->rows;
    p->parts = davit_int8_filter_parts(f->channels, p->grid.blocks - 1);
    p->strips = (p->lines + p->parts - 1) / p->parts;
    p->grid.rows = x->dims[0] * p->strips;
    p->grid.by_rows = davit_onednn_shares_rows(x->dims[0] * window->in[0], window->kernel[0]);
    memset(p->padding, f->zero ^ f->flip, sizeof(p->padding));
    f->weights = pack_weights(builder, p, davit_node_constant(builder->graph, w->node, 1)->data);
    return f->weights != NULL ? pack_ends(builder, w, &finish, p) : DAVIT_OUT_OF_MEMORY;
}

davit_status davit_int8_add_filters(davit_onednn_builder *builder, const davit_int8_weighted *w,
                                    const davit_window *window)
{
    const davit_onednn_operand operands[2] = {w->src, w->dst};
    params *p = davit_onednn_alloc(builder, sizeof(*p));
    if (p == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    davit_status status = prepare(builder, w, window, p);
    if (status == DAVIT_OK) {
        status = davit_onednn_add_kernel(builder, "own_depthwise:avx512_vnni", run_filters, p,
                                         operands, 2);
    }
    if (status == DAVIT_OK) {
        davit_onednn_value_set(builder, w->output, &w->dst);
    }
    return status;
}
