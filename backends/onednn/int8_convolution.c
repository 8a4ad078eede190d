/* IntegerConv and IntegerConvTranspose by our own loops: a product over gathered windows. */
#include <string.h>

#include "copy.h"
#include "int8_depthwise.h"
#include "int8_dot.h"
#include "int8_filters.h"
#include "int8_primitive.h"
#include "int8_tiling.h"
#include "int8_weighted.h"
#include "int8_window.h"
#include "int8_windows.h"
#include "int8_winograd.h"
#include "kernels.h"
#include "operators.h"

/* What gathering needs. */
typedef struct geometry {
    davit_int8_window window;
    davit_int8_source source;
    int64_t inputs; /* channels of a group */
} geometry;

static const char *resolve(const davit_graph *graph, const davit_node *node, davit_window *window)
{
    const davit_window_spec spec = {.node = node,
                                    .x = davit_node_input(graph, node, 0),
                                    .weights = davit_node_input(graph, node, 1),
                                    .transposed = node->op->op == DAVIT_OP_IntegerConvTranspose};
    return davit_window_resolve(&spec, NULL, window) == DAVIT_OK ? NULL : "window";
}

static const char *refuse_convolution(const davit_graph *graph, const davit_unit *unit)
{
    const davit_node *node = &graph->nodes[unit->anchor];
    int rank = davit_node_input(graph, node, 0)->rank;
    davit_window window;
    if (rank < 3 || rank > 2 + DAVIT_INT8_AXES) {
        return "spatial rank above 3";
    }
    const char *reason = resolve(graph, node, &window);
    return reason != NULL ? reason : davit_int8_refuse_weighted(graph, node);
}

/* ---- gathering ---- */

/* One line of taps along the last axis; neighbours that lie side by side are read at once. */
static int16_t *gather_line(const davit_int8_product *p, const uint8_t *line, int64_t group,
                            const int32_t *taps, int16_t *values)
{
    const geometry *g = p->geometry;
    for (int64_t t = 0; t < g->window.kernel[2];) {
        int64_t run = 1;
        if (taps[t] < 0) {
            memset(values, 0, (size_t)g->inputs * sizeof(*values));
        } else {
            while (g->inputs == g->window.channels && t + run < g->window.kernel[2] &&
                   taps[t + run] == taps[t] + run) {
                run++;
            }
            p->loops->widen(g->source, run * g->inputs,
                            line + taps[t] * g->window.channels + group * g->inputs, values);
        }
        values += run * g->inputs;
        t += run;
    }
    return values;
}

static void gather_window(const davit_int8_product *p, const uint8_t *x, int64_t group, int64_t row,
                          int16_t *values)
{
    const geometry *g = p->geometry;
    const davit_int8_place at = davit_int8_place_at(&g->window, row);
    int64_t line_elems = g->window.kernel[2] * g->inputs;
    for (int64_t a = 0; a < g->window.kernel[0]; a++) {
        for (int64_t b = 0; b < g->window.kernel[1]; b++) {
            int32_t d = at.taps[0][a], h = at.taps[1][b];
            if (d < 0 || h < 0) {
                memset(values, 0, (size_t)line_elems * sizeof(*values));
                values += line_elems;
                continue;
            }
            int64_t line =
                ((at.image * g->window.in[0] + d) * g->window.in[1] + h) * g->window.in[2];
            values = gather_line(p, x + line * g->window.channels, group, at.taps[2], values);
        }
    }
}

/* ---- building ---- */

static davit_status pack(davit_onednn_builder *builder, const davit_int8_weighted *weighted,
                         davit_int8_product *p)
{
    const davit_tensor *w = davit_node_constant(builder->graph, weighted->node, 1);
    const geometry *g = p->geometry;
    bool transposed = weighted->node->op->op == DAVIT_OP_IntegerConvTranspose;
    int64_t taps = davit_int8_places(g->window.kernel);
    const davit_int8_weights weights = {.dtype = w->desc.dtype,
                                        .channels = p->channels,
                                        .inputs = g->inputs,
                                        .taps = taps,
                                        .o_stride = transposed ? taps : g->inputs * taps,
                                        .c_stride = transposed ? p->channels * taps : taps,
                                        .tap_stride = 1};
    int64_t elems = davit_int8_packed_elems(p->depth, p->channels);
    int64_t group_bytes =
        p->channels * g->inputs * taps * (int64_t)davit_dtype_bytes(w->desc.dtype);
    bool made;
    int16_t *packed = davit_onednn_packed_bytes(
        builder, "pairs", (size_t)(p->groups * elems) * sizeof(*packed), &made);
    if (packed == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (int64_t i = 0; i < p->groups && made; i++) {
        davit_int8_pack(&weights, (const char *)w->data + i * group_bytes, 0,
                        davit_int8_padded(p->channels) / DAVIT_INT8_COLUMNS, packed + i * elems);
    }
    p->weights = packed;
    return DAVIT_OK;
}

static davit_status build_own(davit_onednn_builder *builder, const davit_int8_weighted *w,
                              const davit_window *window)
{
    const davit_tensor_desc *x = davit_node_input(builder->graph, w->node, 0);
    geometry *g = davit_onednn_alloc(builder, sizeof(*g));
    if (g == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    bool transposed = w->node->op->op == DAVIT_OP_IntegerConvTranspose;
    davit_status status =
        davit_int8_window_make(builder, window, transposed, x->dims[1], &g->window);
    davit_int8_product p = {.loops = davit_int8_loops_choose(),
                            .groups = davit_node_int(w->node, "group", 1),
                            .gather = gather_window,
                            .geometry = g};
    if (status != DAVIT_OK) {
        return status;
    }
    g->source = davit_int8_source_of(w->x.dtype, w->x.zero);
    g->inputs = x->dims[1] / p.groups;
    p.rows = x->dims[0] * davit_int8_places(g->window.out);
    p.depth = g->inputs * davit_int8_places(g->window.kernel);
    p.channels = (int64_t)w->spec.channels / p.groups;
    p.row_stride = (int64_t)w->spec.channels;
    p.group_stride = p.channels;
    p.finish_stride = davit_int8_padded(p.channels);
    if (p.groups > 1 && p.channels == 1 && g->inputs == 1) {
        return davit_int8_add_depthwise(builder, w, &g->window, p.rows);
    }
    status = davit_int8_weighted_finish(builder, w, p.groups, &p.finish);
    if (status != DAVIT_OK) {
        return status;
    }
    status = pack(builder, w, &p);
    return status == DAVIT_OK ? davit_int8_weighted_add(builder, w, &p) : status;
}

/* ---- pointwise ---- */

static bool is_pointwise(const davit_window *window, int64_t groups)
{
    bool pointwise = groups == 1;
    for (int i = 0; i < window->axes && pointwise; i++) {
        pointwise = window->kernel[i] == 1 && window->pad_begin[i] == 0 && window->pad_end[i] == 0;
    }
    return pointwise;
}

/* The places that a convolution with strides reads, side by side; the source itself without. */
static davit_status thin_out(davit_onednn_builder *builder, const davit_int8_weighted *w,
                             const davit_window *window, davit_onednn_operand *out)
{
    const davit_tensor_desc *x = davit_node_input(builder->graph, w->node, 0);
    davit_onednn_copy copy = {.rank = window->axes + 2, .elem_bytes = 1};
    int last = copy.rank - 1;
    bool strided = false;
    copy.dims[0] = x->dims[0];
    copy.dims[last] = x->dims[1];
    copy.from_strides[last] = 1;
    int64_t stride = x->dims[1];
    for (int i = window->axes - 1; i >= 0; i--) {
        copy.dims[i + 1] = window->out[i];
        copy.from_strides[i + 1] = stride * window->stride[i];
        stride *= window->in[i];
        strided = strided || window->stride[i] != 1;
    }
    copy.from_strides[0] = stride;
    davit_onednn_dense_strides(copy.rank, copy.dims, copy.to_strides);
    *out = w->src;
    if (!strided) {
        return DAVIT_OK;
    }
    davit_status status =
        davit_onednn_new_bytes(builder, (size_t)(copy.dims[0] * copy.to_strides[0]), out);
    if (status == DAVIT_OK) {
        status = davit_onednn_add_copy(builder, &w->src, out, &copy);
    }
    builder->implementation = NULL; /* that of the product is told */
    return status;
}

static davit_status build_pointwise(davit_onednn_builder *builder, const davit_int8_weighted *w,
                                    const davit_window *window)
{
    const davit_tensor *weights = davit_node_constant(builder->graph, w->node, 1);
    const davit_tensor_desc *x = davit_node_input(builder->graph, w->node, 0);
    davit_int8_finish finish;
    davit_int8_dense dense = {.rows = x->dims[0],
                              .depth = x->dims[1],
                              .columns = (int64_t)w->spec.channels,
                              .weights = weights->data,
                              .depth_stride = 1,
                              .column_stride = x->dims[1],
                              .tensor = weights,
                              .finish = &finish};
    for (int i = 0; i < window->axes; i++) {
        dense.rows *= window->out[i];
    }
    davit_status status = davit_int8_weighted_finish(builder, w, 1, &finish);
    if (status == DAVIT_OK) {
        status = thin_out(builder, w, window, &dense.x);
    }
    return status == DAVIT_OK ? davit_int8_add_dot(builder, w, &dense) : status;
}

static davit_status build_native(davit_onednn_builder *builder, const davit_int8_weighted *w,
                                 const davit_window *window)
{
    davit_int8_shape shape = {.window = window,
                              .groups = davit_node_int(w->node, "group", 1),
                              .rows = davit_node_input(builder->graph, w->node, 0)->dims[0]};
    if (is_pointwise(window, shape.groups) &&
        davit_int8_dot_fits(builder, w, davit_node_input(builder->graph, w->node, 0)->dims[1])) {
        return build_pointwise(builder, w, window);
    }
    if (davit_int8_winograd_fits(builder, w, window)) {
        return davit_int8_add_winograd(builder, w, window);
    }
    if (davit_int8_windows_fit(builder, w, window)) {
        return davit_int8_add_windows(builder, w, window);
    }
    if (davit_int8_filters_fit(builder, w, window) &&
        davit_onednn_picks(builder, DAVIT_ONEDNN_DEPTHWISE, true)) {
        return davit_int8_add_filters(builder, w, window);
    }
    if (davit_onednn_picks(builder, DAVIT_ONEDNN_LOOPS, false)) {
        return DAVIT_UNSUPPORTED;
    }
    for (int i = 0; i < window->axes; i++) {
        shape.rows *= window->out[i];
    }
    return davit_int8_add_primitive(builder, w, &shape);
}

static davit_status build_convolution(davit_onednn_builder *builder, const davit_unit *unit,
                                      const davit_node *node)
{
    davit_int8_weighted weighted;
    davit_window window;
    if (resolve(builder->graph, node, &window) != NULL) {
        return DAVIT_UNSUPPORTED;
    }
    davit_status status = davit_int8_weighted_open(builder, unit, node, &weighted);
    if (status == DAVIT_OK && node->op->op == DAVIT_OP_IntegerConv) {
        status = build_native(builder, &weighted, &window);
    } else if (status == DAVIT_OK) {
        status = davit_int8_tiles_image(builder, &weighted, &window)
                     ? davit_int8_add_tiling(builder, &weighted, &window)
                     : DAVIT_UNSUPPORTED;
    }
    return status == DAVIT_UNSUPPORTED ? build_own(builder, &weighted, &window) : status;
}

static const davit_onednn_operator operators[] = {
    {DAVIT_OP_IntegerConv, true, refuse_convolution, build_convolution},
    {DAVIT_OP_IntegerConvTranspose, true, refuse_convolution, build_convolution}};

const davit_onednn_family davit_onednn_int8_convolutions = DAVIT_ONEDNN_FAMILY(operators);
