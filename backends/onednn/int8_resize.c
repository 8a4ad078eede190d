/* Nearest Resize of bytes and IntegerResize. */
#include "int8_image.h"

#include <string.h>

#include "davit/integer.h"
#include "davit/resize.h"
#include "int8_layout.h"
#include "int8_loops.h"
#include "operators.h"
#include "parallel.h"

#define CHUNK 256 /* channels at once */
#define GRAIN_ELEMS 8192

typedef struct resize {
    int64_t images, channels;
    int64_t in[2], out[2];
    const int64_t *nearest[2]; /* input coordinates; NULL: linear */
    const davit_resize_tap *linear[2];
    davit_int8_source source;
    const davit_int8_loops *loops;
    davit_rescale rescale;
    davit_int8_result result;
} resize;

typedef struct resize_run {
    const resize *params;
    const uint8_t *x;
    uint8_t *out;
} resize_run;

/* The weighted sums of a chunk of channels of four neighbours. */
static void weigh(const resize *p, const uint8_t *const corners[4], const int32_t weights[4],
                  int64_t count, int32_t *sums)
{
    const davit_int8_source s = p->source;
    for (int64_t c = 0; c < count; c++) {
        int32_t sum = 0;
        for (int i = 0; i < 4; i++) {
            sum += ((int32_t)(uint8_t)(corners[i][c] ^ s.flip) - s.offset) * weights[i];
        }
        sums[c] = sum;
    }
}

static void resize_pixel(const resize_run *run, int64_t image, const davit_resize_tap *row,
                         const davit_resize_tap *column, uint8_t *out)
{
    const resize *p = run->params;
    const int32_t one = 1 << DAVIT_RESIZE_WEIGHT_BITS;
    const uint8_t *low = run->x + ((image * p->in[0] + row->low) * p->in[1]) * p->channels;
    const uint8_t *high = run->x + ((image * p->in[0] + row->high) * p->in[1]) * p->channels;
    const int32_t weights[4] = {(one - column->weight) * (one - row->weight),
                                column->weight * (one - row->weight),
                                (one - column->weight) * row->weight, column->weight * row->weight};
    for (int64_t c = 0; c < p->channels; c += CHUNK) {
        int64_t count = p->channels - c < CHUNK ? p->channels - c : CHUNK;
        int64_t left = column->low * p->channels + c, right = column->high * p->channels + c;
        const uint8_t *const corners[4] = {low + left, low + right, high + left, high + right};
        int32_t sums[CHUNK];
        weigh(p, corners, weights, count, sums);
        p->loops->rescale(&p->result, p->rescale.scale, count, sums, out + c);
    }
}

static void resize_rows(const void *context, int64_t begin, int64_t end)
{
    const resize_run *run = context;
    const resize *p = run->params;
    for (int64_t i = begin; i < end; i++) {
        int64_t image = i / p->out[0], row = i % p->out[0];
        uint8_t *out = run->out + i * p->out[1] * p->channels;
        for (int64_t c = 0; c < p->out[1]; c++, out += p->channels) {
            if (p->nearest[0] != NULL) {
                int64_t line = image * p->in[0] + p->nearest[0][row];
                memcpy(out, run->x + (line * p->in[1] + p->nearest[1][c]) * p->channels,
                       (size_t)p->channels);
            } else {
                resize_pixel(run, image, &p->linear[0][row], &p->linear[1][c], out);
            }
        }
    }
}

static davit_status run_resize(const davit_onednn_call *call)
{
    const resize *p = call->params;
    const resize_run run = {.params = p, .x = call->pointers[0], .out = call->pointers[1]};
    davit_onednn_parallel(p->images * p->out[0], 1 + GRAIN_ELEMS / (p->out[1] * p->channels),
                          resize_rows, &run);
    return DAVIT_OK;
}

static resize *make_resize(davit_onednn_builder *builder, const davit_node *node)
{
    const davit_tensor_desc *x = davit_node_input(builder->graph, node, 0);
    const davit_tensor_desc *y = davit_node_output(builder->graph, node);
    resize *p = davit_onednn_alloc(builder, sizeof(*p));
    if (p != NULL) {
        *p = (resize){.images = x->dims[0],
                      .channels = x->dims[1],
                      .in = {x->dims[2], x->dims[3]},
                      .out = {y->dims[2], y->dims[3]},
                      .loops = davit_int8_loops_choose()};
    }
    return p;
}

static davit_status add_resize(davit_onednn_builder *builder, const davit_node *node,
                               const char *name, const resize *p)
{
    const davit_int8_image_kernel kernel = {.name = name, .run = run_resize, .params = p};
    return davit_int8_add_image_kernel(builder, &kernel, node);
}

davit_status davit_int8_build_nearest(davit_onednn_builder *builder, const davit_node *node,
                                      const int64_t *rows, const int64_t *columns)
{
    resize *p = make_resize(builder, node);
    if (p == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    p->nearest[0] = rows;
    p->nearest[1] = columns;
    return add_resize(builder, node, "loop", p);
}

static davit_status resolve_resize(const davit_graph *graph, const davit_node *node,
                                   davit_resize *r)
{
    const davit_resize_inputs inputs = {.x = davit_node_input(graph, node, 0),
                                        .roi = davit_node_constant(graph, node, 1),
                                        .scales = davit_node_constant(graph, node, 2),
                                        .sizes = davit_node_constant(graph, node, 3)};
    return davit_resize_resolve(node, &inputs, NULL, r);
}

static davit_status build_linear(davit_onednn_builder *builder, const davit_unit *unit,
                                 const davit_node *node)
{
    davit_quant8 x = davit_integer_x(builder->graph, node);
    davit_result_spec y = davit_integer_result(node);
    resize *p = make_resize(builder, node);
    davit_resize r;
    davit_reason reason;
    (void)unit;
    if (p == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    if (resolve_resize(builder->graph, node, &r) != DAVIT_OK) {
        return DAVIT_UNSUPPORTED;
    }
    davit_status status = davit_linear_resize_prepare(&x, &y, 2, &p->rescale, &reason);
    if (status != DAVIT_OK) {
        return davit_fail(builder->diag, status, "unit '%s': %s", builder->unit->name, reason.text);
    }
    for (int i = 0; i < 2; i++) {
        davit_resize_tap *taps = davit_onednn_alloc(builder, (size_t)p->out[i] * sizeof(*taps));
        if (taps == NULL) {
            return DAVIT_OUT_OF_MEMORY;
        }
        for (int64_t o = 0; o < p->out[i]; o++) {
            taps[o] = davit_resize_tap_at(davit_resize_coordinate(&r, 2 + i, o), p->in[i]);
        }
        p->linear[i] = taps;
    }
    p->source = davit_int8_source_of(x.dtype, x.zero);
    p->result = davit_int8_quantizing(&p->rescale.result);
    return add_resize(builder, node, p->loops->name, p);
}

static const davit_onednn_operator operators[] = {
    {DAVIT_OP_IntegerResize, true, NULL, build_linear}};

const davit_onednn_family davit_onednn_int8_resizes = DAVIT_ONEDNN_FAMILY(operators);
