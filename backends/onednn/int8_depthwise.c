#include "int8_depthwise.h"

#include "operators.h"
#include "parallel.h"

typedef struct depthwise {
    davit_int8_window window;
    davit_int8_source source;
    const davit_int8_loops *loops;
    davit_int8_finish finish;
    int64_t rows;           /* output places of all images */
    const int16_t *weights; /* [kernel places][channels] */
} depthwise;

typedef struct depthwise_run {
    const depthwise *params;
    const uint8_t *x, *residual;
    uint8_t *out;
    int64_t *offsets; /* [threads][kernel places] */
} depthwise_run;

static void run_depthwise_rows(const void *context, int64_t begin, int64_t end)
{
    const depthwise_run *run = context;
    const depthwise *p = run->params;
    const davit_int8_window *g = &p->window;
    int64_t count = davit_int8_places(g->kernel);
    int64_t *offsets = run->offsets + davit_onednn_thread_index() * count;
    const davit_int8_taps taps = {.channels = g->channels,
                                  .count = count,
                                  .offsets = offsets,
                                  .image = run->x,
                                  .source = p->source,
                                  .weights = p->weights};
    for (int64_t row = begin; row < end; row++) {
        davit_int8_find_offsets(g, row, offsets);
        for (int64_t c = 0; c < g->channels; c += DAVIT_INT8_COLUMNS) {
            int64_t left = g->channels - c, at = row * g->channels + c;
            int64_t n = left < DAVIT_INT8_COLUMNS ? left : DAVIT_INT8_COLUMNS;
            int32_t sums[DAVIT_INT8_COLUMNS];
            davit_int8_finish finish = p->finish;
            finish.scale += c;
            finish.bias += c;
            p->loops->depthwise(&taps, c, n, sums);
            p->loops->finish(&finish, n, sums, run->residual != NULL ? run->residual + at : NULL,
                             run->out + at);
        }
    }
}

/* Operands: x, out, scratch, maybe the residual. */
static davit_status run_depthwise(const davit_onednn_call *call)
{
    const depthwise *p = call->params;
    const depthwise_run run = {.params = p,
                               .x = call->pointers[0],
                               .out = call->pointers[1],
                               .offsets = call->pointers[2],
                               .residual =
                                   p->finish.residual_scale != 0.0f ? call->pointers[3] : NULL};
    davit_onednn_parallel(p->rows, 4, run_depthwise_rows, &run);
    return DAVIT_OK;
}

/* Weights [channels][1][kernel] as s16 [kernel places][channels]. */
static const int16_t *pack(davit_onednn_builder *builder, const davit_tensor *w, int64_t count,
                           int64_t channels)
{
    int16_t *packed = davit_onednn_alloc(builder, (size_t)(count * channels) * sizeof(*packed));
    bool wide = w->desc.dtype == DAVIT_S16;
    for (int64_t i = 0; i < count * channels && packed != NULL; i++) {
        packed[i % count * channels + i / count] =
            wide ? ((const int16_t *)w->data)[i] : ((const int8_t *)w->data)[i];
    }
    return packed;
}

davit_status davit_int8_add_depthwise(davit_onednn_builder *builder, const davit_int8_weighted *w,
                                      const davit_int8_window *window, int64_t places)
{
    int64_t count = davit_int8_places(window->kernel);
    davit_onednn_operand operands[4] = {w->src, w->dst, {0}, w->residual};
    depthwise *p = davit_onednn_alloc(builder, sizeof(*p));
    if (p == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    *p = (depthwise){.window = *window,
                     .source = davit_int8_source_of(w->x.dtype, w->x.zero),
                     .loops = davit_int8_loops_choose(),
                     .rows = places,
                     .weights = pack(builder, davit_node_constant(builder->graph, w->node, 1),
                                     count, window->channels)};
    if (p->weights == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    davit_status status = davit_int8_weighted_finish(builder, w, 1, &p->finish);
    if (status == DAVIT_OK) {
        status = davit_onednn_new_bytes(
            builder, (size_t)(davit_onednn_thread_count() * count) * sizeof(int64_t), &operands[2]);
    }
    if (status == DAVIT_OK) {
        status = davit_onednn_add_kernel(builder, p->loops->name, run_depthwise, p, operands,
                                         w->has_residual ? 4 : 3);
    }
    if (status == DAVIT_OK) {
        davit_onednn_value_set(builder, w->output, &w->dst);
    }
    return status;
}
