/* MaxPool of bytes and IntegerAveragePool. */
#include "int8_image.h"

#include "davit/integer.h"
#include "int8_layout.h"
#include "int8_loops.h"
#include "int8_window.h"
#include "operators.h"
#include "parallel.h"

#define CHUNK 256 /* channels at once */
#define GRAIN_ELEMS 8192

typedef struct pool {
    davit_int8_window window;
    int64_t places; /* of all images' outputs */
    int64_t taps;   /* of a window */
    const davit_int8_loops *loops;
    uint8_t flip; /* of maximum pooling */
    /* Of average pooling: */
    davit_int8_source source;
    davit_int8_result result;
    const float *scales; /* [out places of an image] */
} pool;

typedef struct pool_run {
    const pool *params;
    const uint8_t *x;
    uint8_t *out;
    int64_t *offsets; /* [threads][offset_stride] */
} pool_run;

/* No two threads write to one line of a cache. */
static int64_t offset_stride(const pool *p)
{
    enum { LINE = 64 / sizeof(int64_t) };
    return (p->taps + 2 * LINE - 1) / LINE * LINE;
}

static void average_chunk(const pool_run *run, const int64_t *offsets, int64_t first, int64_t count,
                          float scale, uint8_t *out)
{
    const pool *p = run->params;
    int32_t sums[CHUNK] = {0};
    for (int64_t t = 0; t < p->taps; t++) {
        const uint8_t *x = run->x + offsets[t] + first;
        for (int64_t c = 0; c < count && offsets[t] >= 0; c++) {
            sums[c] += (int32_t)(uint8_t)(x[c] ^ p->source.flip) - p->source.offset;
        }
    }
    p->loops->rescale(&p->result, scale, count, sums, out);
}

static void pool_places(const void *context, int64_t begin, int64_t end)
{
    const pool_run *run = context;
    const pool *p = run->params;
    int64_t channels = p->window.channels, image = davit_int8_places(p->window.out);
    int64_t *offsets = run->offsets + davit_onednn_thread_index() * offset_stride(p);
    for (int64_t place = begin; place < end; place++) {
        davit_int8_find_offsets(&p->window, place, offsets);
        for (int64_t c = 0; c < channels; c += CHUNK) {
            int64_t count = channels - c < CHUNK ? channels - c : CHUNK;
            uint8_t *out = run->out + place * channels + c;
            if (p->scales != NULL) {
                average_chunk(run, offsets, c, count, p->scales[place % image], out);
            } else {
                p->loops->greatest(p->flip, p->taps, offsets, run->x + c, count, out);
            }
        }
    }
}

static davit_status run_pool(const davit_onednn_call *call)
{
    const pool *p = call->params;
    const pool_run run = {.params = p,
                          .x = call->pointers[0],
                          .out = call->pointers[1],
                          .offsets = call->pointers[2]};
    davit_onednn_parallel(p->places, 1 + GRAIN_ELEMS / (p->window.channels * p->taps), pool_places,
                          &run);
    return DAVIT_OK;
}

static davit_status make_pool(davit_onednn_builder *builder, const davit_node *node,
                              const davit_window *window, pool *p)
{
    const davit_tensor_desc *x = davit_node_input(builder->graph, node, 0);
    davit_status status = davit_int8_window_make(builder, window, false, x->dims[1], &p->window);
    if (status == DAVIT_OK) {
        p->places = x->dims[0] * davit_int8_places(p->window.out);
        p->taps = davit_int8_places(p->window.kernel);
    }
    return status;
}

static davit_status add_pool(davit_onednn_builder *builder, const davit_node *node,
                             const char *name, const pool *p)
{
    const davit_int8_image_kernel kernel = {
        .name = name,
        .run = run_pool,
        .params = p,
        .scratch_bytes =
            (size_t)(davit_onednn_thread_count() * offset_stride(p)) * sizeof(int64_t)};
    return davit_int8_add_image_kernel(builder, &kernel, node);
}

davit_status davit_int8_build_max_pool(davit_onednn_builder *builder, const davit_node *node,
                                       const davit_window *window)
{
    pool *p = davit_onednn_alloc(builder, sizeof(*p));
    if (p == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    bool is_signed = davit_node_input(builder->graph, node, 0)->dtype == DAVIT_S8;
    *p = (pool){.flip = is_signed ? 0x80 : 0, .loops = davit_int8_loops_choose()};
    davit_status status = make_pool(builder, node, window, p);
    return status == DAVIT_OK ? add_pool(builder, node, "loop", p) : status;
}

/* ---- IntegerAveragePool ---- */

static davit_status resolve_pool(const davit_graph *graph, const davit_node *node,
                                 davit_window *window)
{
    const davit_window_spec spec = {.node = node, .x = davit_node_input(graph, node, 0)};
    return davit_window_resolve(&spec, NULL, window);
}

static const char *refuse_average(const davit_graph *graph, const davit_unit *unit)
{
    const davit_node *node = &graph->nodes[unit->anchor];
    int rank = davit_node_input(graph, node, 0)->rank;
    davit_window window;
    if (rank < 3 || rank > 2 + DAVIT_INT8_AXES) {
        return "spatial rank above 3";
    }
    if (resolve_pool(graph, node, &window) != DAVIT_OK) {
        return "window";
    }
    int64_t taps = 1;
    for (int i = 0; i < window.axes; i++) {
        if (window.kernel[i] > INT32_MAX / 255 / taps) {
            return "sums that may not fit s32";
        }
        taps *= window.kernel[i];
    }
    return NULL;
}

/* The factor at each output place of an image. */
static davit_status prepare_average(davit_onednn_builder *builder, const davit_node *node,
                                    const davit_window *w, pool *p)
{
    davit_quant8 x = davit_integer_x(builder->graph, node);
    davit_result_spec y = davit_integer_result(node);
    int64_t places = davit_int8_places(p->window.out), last = -1;
    float *scales = davit_onednn_alloc(builder, (size_t)places * sizeof(*scales));
    davit_rescale made = {.scale = 0.0f};
    if (scales == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (int64_t place = 0; place < places; place++) {
        int64_t divisor = 1, rest = place;
        davit_reason reason;
        for (int i = w->axes - 1; i >= 0; i--) {
            const davit_average_axis axis = {w->in[i],
                                             w->kernel[i],
                                             w->stride[i],
                                             w->dilation[i],
                                             w->pad_begin[i],
                                             w->pad_end[i],
                                             davit_node_int(node, "count_include_pad", 0) != 0};
            divisor *= davit_average_extent(&axis, rest % w->out[i]);
            rest /= w->out[i];
        }
        davit_status status =
            divisor == last ? DAVIT_OK : davit_average_prepare(&x, &y, divisor, &made, &reason);
        if (status != DAVIT_OK) {
            return davit_fail(builder->diag, status, "unit '%s': %s", builder->unit->name,
                              reason.text);
        }
        last = divisor;
        scales[place] = made.scale;
    }
    p->scales = scales;
    p->source = davit_int8_source_of(x.dtype, x.zero);
    p->result = davit_int8_quantizing(&made.result);
    p->loops = davit_int8_loops_choose();
    return DAVIT_OK;
}

static davit_status build_average(davit_onednn_builder *builder, const davit_unit *unit,
                                  const davit_node *node)
{
    pool *p = davit_onednn_alloc(builder, sizeof(*p));
    davit_window window;
    (void)unit;
    if (p == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    *p = (pool){.flip = 0};
    if (resolve_pool(builder->graph, node, &window) != DAVIT_OK) {
        return DAVIT_UNSUPPORTED;
    }
    davit_status status = make_pool(builder, node, &window, p);
    if (status == DAVIT_OK) {
        status = prepare_average(builder, node, &window, p);
    }
    return status == DAVIT_OK ? add_pool(builder, node, p->loops->name, p) : status;
}

static const davit_onednn_operator operators[] = {
    {DAVIT_OP_IntegerAveragePool, true, refuse_average, build_average}};

const davit_onednn_family davit_onednn_int8_pools = DAVIT_ONEDNN_FAMILY(operators);
