#include "int8_windows.h"

#include <string.h>

#include "dnnl_int8.h"
#include "int8_dot.h"
#include "kernels.h"
#include "operators.h"
#include "parallel.h"

enum { SLACK_BYTES = 64 }; /* behind the image: the last quad of the last line reads them */

static bool is_rule(const davit_tensor_desc *x, const davit_window *window)
{
    enum { FEW_CHANNELS = 4, FEW_PLACES = 64, MANY_CHANNELS = 64 };
    const int64_t places = window->out[0] * window->out[1];
    return !davit_dnnl_version_get().amx &&
           (x->dims[1] <= FEW_CHANNELS || (places <= FEW_PLACES && x->dims[1] >= MANY_CHANNELS));
}

bool davit_int8_windows_fit(const davit_onednn_builder *builder,
                            const davit_int8_weighted *weighted, const davit_window *window)
{
    const davit_tensor_desc *x = davit_node_input(builder->graph, weighted->node, 0);
    const davit_tensor_desc *w = davit_node_input(builder->graph, weighted->node, 1);
    return davit_int8_loops_choose()->dot != NULL && x->dtype == DAVIT_U8 && w->dtype == DAVIT_S8 &&
           window->axes == 2 && window->dilation[0] == 1 && window->dilation[1] == 1 &&
           davit_node_int(weighted->node, "group", 1) == 1 &&
           davit_onednn_picks(builder, DAVIT_ONEDNN_DOT, is_rule(x, window));
}

/* ---- the padded image ---- */

typedef struct padding {
    int64_t lines, height, above;        /* of an image: padded, as it is, before its first */
    int64_t line_bytes, bytes, in_bytes; /* of a line: padded, copied, in the image */
    int64_t before;                      /* its first byte */
    int64_t count;                       /* of padded lines, all images */
    uint8_t zero;
} padding;

typedef struct padding_run {
    const padding *padding;
    const uint8_t *x;
    uint8_t *out;
} padding_run;

static void pad_lines(const void *context, int64_t begin, int64_t end)
{
    const padding_run *run = context;
    const padding *p = run->padding;
    for (int64_t i = begin; i < end; i++) {
        const int64_t row = i % p->lines - p->above;
        uint8_t *to = run->out + i * p->line_bytes;
        if (row < 0 || row >= p->height) {
            memset(to, p->zero, (size_t)p->line_bytes);
            continue;
        }
        const uint8_t *from = run->x + (i / p->lines * p->height + row) * p->in_bytes;
        const int64_t after = p->before + p->bytes;
        memset(to, p->zero, (size_t)p->before);
        memcpy(to + p->before, from, (size_t)p->bytes);
        memset(to + after, p->zero, (size_t)(p->line_bytes - after));
    }
}

/* Operands: x, the padded image. */
static davit_status run_padding(const davit_onednn_call *call)
{
    enum { GRAIN_BYTES = 16384 };
    const padding *p = call->params;
    const padding_run run = {p, call->pointers[0], call->pointers[1]};
    davit_onednn_parallel(p->count, 1 + GRAIN_BYTES / p->line_bytes, pad_lines, &run);
    return DAVIT_OK;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static davit_status add_padding(davit_onednn_builder *builder, const davit_int8_weighted *weighted,
                                const davit_window *window, davit_int8_dense *dense)
{
    const davit_tensor_desc *x = davit_node_input(builder->graph, weighted->node, 0);
    const int64_t channels = x->dims[1], before = window->pad_begin[1] * channels;
    const davit_int8_windows *w = &dense->windows;
    padding *p = davit_onednn_alloc(builder, sizeof(*p));
    if (p == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    *p = (padding){.lines = w->image_lines,
                   .height = window->in[0],
                   .above = window->pad_begin[0],
                   .line_bytes = w->line_bytes,
                   .in_bytes = window->in[1] * channels,
                   .before = least(before, w->line_bytes),
                   .count = x->dims[0] * w->image_lines,
                   .zero = (uint8_t)weighted->x.zero};
    p->bytes = least(p->in_bytes, p->line_bytes - p->before);
    davit_status status = davit_onednn_new_bytes(
        builder, (size_t)(p->count * p->line_bytes) + SLACK_BYTES, &dense->x);
    if (status == DAVIT_OK) {
        const davit_onednn_operand operands[2] = {weighted->src, dense->x};
        status = davit_onednn_add_kernel(builder, "padding", run_padding, p, operands, 2);
    }
    builder->implementation = NULL; /* that of the product is told */
    return status;
}

/* ---- weights ---- */

/* Weights [M, C, kernel] as [lines][columns and channels of a line, padded to quads][M]; NULL after
 * a report. */
static int8_t *spread_weights(davit_onednn_builder *builder, const davit_tensor *w,
                              int64_t line_bytes)
{
    const int64_t outputs = w->desc.dims[0], inputs = w->desc.dims[1];
    const int64_t height = w->desc.dims[2], width = w->desc.dims[3];
    const size_t bytes = (size_t)(height * line_bytes * outputs);
    int8_t *spread = davit_alloc_array(builder->program->allocator, bytes, 1);
    if (spread == NULL) {
        (void)davit_fail(builder->diag, DAVIT_OUT_OF_MEMORY, "unit '%s': no memory for weights",
                         builder->unit->name);
        return NULL;
    }
    memset(spread, 0, bytes);
    const int8_t *from = w->data;
    for (int64_t o = 0; o < outputs; o++) {
        for (int64_t c = 0; c < inputs; c++) {
            for (int64_t tap = 0; tap < height * width; tap++) {
                int64_t at = tap / width * line_bytes + tap % width * inputs + c;
                spread[at * outputs + o] = *from++;
            }
        }
    }
    return spread;
}

davit_status davit_int8_add_windows(davit_onednn_builder *builder,
                                    const davit_int8_weighted *weighted, const davit_window *window)
{
    const davit_tensor *tensor = davit_node_constant(builder->graph, weighted->node, 1);
    const davit_tensor_desc *x = davit_node_input(builder->graph, weighted->node, 0);
    const int64_t channels = x->dims[1], height = window->kernel[0], width = window->kernel[1];
    const int64_t line_bytes = (width * channels + 3) / 4 * 4; /* of a window */
    davit_int8_finish finish;
    davit_int8_dense dense = {
        .rows = x->dims[0] * window->out[0] * window->out[1],
        .depth = height * line_bytes,
        .columns = (int64_t)weighted->spec.channels,
        .tensor = tensor,
        .depth_stride = (int64_t)weighted->spec.channels,
        .column_stride = 1,
        .finish = &finish,
        .windows = {.lines = height,
                    .width = window->out[1],
                    .height = window->out[0],
                    .step = window->stride[1] * channels,
                    .down = window->stride[0],
                    .line_bytes = ((window->out[1] - 1) * window->stride[1] + width) * channels,
                    .image_lines = (window->out[0] - 1) * window->stride[0] + height}};
    int8_t *spread = spread_weights(builder, tensor, line_bytes);
    if (spread == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    dense.weights = spread;
    davit_status status = davit_int8_weighted_finish(builder, weighted, 1, &finish);
    if (status == DAVIT_OK) {
        status = add_padding(builder, weighted, window, &dense);
    }
    if (status == DAVIT_OK) {
        status = davit_int8_add_dot(builder, weighted, &dense);
    }
    davit_free(builder->program->allocator, spread);
    return status;
}
