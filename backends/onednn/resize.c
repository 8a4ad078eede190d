/* Resize, nearest and linear, of one to three spatial axes. Through oneDNN, in any layout, where
 * its coordinates (half-pixel, nearest rounds half away from zero) are those of the node; else a
 * loop over dense row-major images. */
#include "davit/resize.h"

#include <math.h>

#include "int8_image.h"
#include "operators.h"
#include "parallel.h"

#define GRAIN_ELEMS 8192

/* ---- coordinates ---- */

static int64_t clamp(int64_t i, int64_t count)
{
    return i < 0 ? 0 : (i >= count ? count - 1 : i);
}

/* The coordinate is rounded to f32, in which scales are given: 8 / 1.6 is 5, not a little less. */
static int64_t nearest_of(const davit_resize *r, int axis, int64_t i)
{
    double x = (float)davit_resize_coordinate(r, axis, i);
    double low = floor(x);
    switch (r->rounding) {
    case DAVIT_RESIZE_ROUND_PREFER_CEIL:
        low += x - low >= 0.5 ? 1.0 : 0.0;
        break;
    case DAVIT_RESIZE_FLOOR:
        break;
    case DAVIT_RESIZE_CEIL:
        low = ceil(x);
        break;
    default:
        low += x - low > 0.5 ? 1.0 : 0.0;
        break;
    }
    return clamp((int64_t)low, r->in[axis]);
}

/* oneDNN's nearest index. */
static int64_t native_nearest_of(const davit_resize *r, int axis, int64_t i)
{
    float x = ((float)i + 0.5f) * (float)r->in[axis] / (float)r->out[axis] - 0.5f;
    return clamp((int64_t)roundf(x), r->in[axis]);
}

static bool is_native(const davit_resize *r)
{
    for (int axis = 2; axis < r->rank; axis++) {
        if (r->mode == DAVIT_RESIZE_LINEAR) {
            bool half = r->coordinates == DAVIT_RESIZE_HALF_PIXEL ||
                        (r->coordinates == DAVIT_RESIZE_PYTORCH_HALF_PIXEL && r->out[axis] > 1);
            if (!half || r->length[axis] != (double)r->out[axis]) {
                return false;
            }
            continue;
        }
        for (int64_t i = 0; i < r->out[axis]; i++) {
            if (nearest_of(r, axis, i) != native_nearest_of(r, axis, i)) {
                return false;
            }
        }
    }
    return true;
}

/* ---- what is supported ---- */

static const char *resolve(const davit_graph *graph, const davit_node *node, davit_resize *r)
{
    const davit_resize_inputs inputs = {.x = davit_node_input(graph, node, 0),
                                        .roi = davit_node_constant(graph, node, 1),
                                        .scales = davit_node_constant(graph, node, 2),
                                        .sizes = davit_node_constant(graph, node, 3)};
    return davit_resize_resolve(node, &inputs, NULL, r) == DAVIT_OK ? NULL : "attributes";
}

static const char *refuse_resize(const davit_graph *graph, const davit_unit *unit)
{
    const davit_node *node = &graph->nodes[unit->anchor];
    davit_resize r;
    davit_dtype dtype = davit_node_input(graph, node, 0)->dtype;
    bool byte = dtype == DAVIT_U8 || dtype == DAVIT_S8;
    if (dtype != DAVIT_F32 && !byte) {
        return "element type";
    }
    for (uint32_t i = 1; i < davit_node_input_count(node); i++) {
        if (davit_node_has_input(node, i) && davit_node_constant(graph, node, i) == NULL) {
            return "inputs that are not constant";
        }
    }
    const char *reason = resolve(graph, node, &r);
    if (reason != NULL) {
        return reason;
    }
    if (r.rank < 3 || r.rank > 5 || r.in[0] != r.out[0] || r.in[1] != r.out[1] ||
        r.scale[0] != 1.0 || r.scale[1] != 1.0) {
        return "axes";
    }
    if (r.mode == DAVIT_RESIZE_CUBIC || r.antialias) {
        return "mode";
    }
    if (byte && (r.mode != DAVIT_RESIZE_NEAREST || r.rank != 4)) {
        return "8-bit elements other than nearest in two dimensions";
    }
    if (r.coordinates != DAVIT_RESIZE_HALF_PIXEL && r.coordinates != DAVIT_RESIZE_ALIGN_CORNERS &&
        r.coordinates != DAVIT_RESIZE_ASYMMETRIC &&
        r.coordinates != DAVIT_RESIZE_PYTORCH_HALF_PIXEL) {
        return "coordinates";
    }
    return r.rank < 5 || is_native(&r) ? NULL : "coordinates in three dimensions";
}

/* ---- a loop of our own ---- */

/* For each output coordinate of an axis: between input low and high, the part of high. */
typedef struct tap {
    int64_t low, high;
    float part;
} tap;

typedef struct resize_params {
    int64_t images; /* batch * channels */
    int64_t in_height, in_width, out_height, out_width;
    bool linear;
    const tap *rows, *columns;
} resize_params;

typedef struct resize_run {
    const resize_params *params;
    const float *from;
    float *to;
} resize_run;

static void resize_row(const resize_params *p, const float *image, const tap *row, float *to)
{
    const float *low = image + row->low * p->in_width;
    const float *high = image + row->high * p->in_width;
    for (int64_t i = 0; i < p->out_width && !p->linear; i++) {
        to[i] = low[p->columns[i].low];
    }
    for (int64_t i = 0; i < p->out_width && p->linear; i++) {
        const tap *column = &p->columns[i];
        float above = low[column->low] + (low[column->high] - low[column->low]) * column->part;
        float below = high[column->low] + (high[column->high] - high[column->low]) * column->part;
        to[i] = above + (below - above) * row->part;
    }
}

static void resize_rows(const void *context, int64_t begin, int64_t end)
{
    const resize_run *run = context;
    const resize_params *p = run->params;
    for (int64_t i = begin; i < end; i++) {
        const float *image = run->from + i / p->out_height * p->in_height * p->in_width;
        resize_row(p, image, &p->rows[i % p->out_height], run->to + i * p->out_width);
    }
}

static davit_status run_resize(const davit_onednn_call *call)
{
    const resize_params *p = call->params;
    const resize_run run = {.params = p, .from = call->pointers[0], .to = call->pointers[1]};
    davit_onednn_parallel(p->images * p->out_height, 1 + GRAIN_ELEMS / p->out_width, resize_rows,
                          &run);
    return DAVIT_OK;
}

static tap tap_of(const davit_resize *r, int axis, int64_t i)
{
    if (r->mode == DAVIT_RESIZE_NEAREST) {
        return (tap){.low = nearest_of(r, axis, i)};
    }
    double x = davit_resize_coordinate(r, axis, i);
    x = x < 0.0 ? 0.0 : (x > (double)(r->in[axis] - 1) ? (double)(r->in[axis] - 1) : x);
    int64_t low = (int64_t)x;
    return (tap){.low = low, .high = clamp(low + 1, r->in[axis]), .part = (float)(x - (double)low)};
}

/* axis 0: none, one coordinate. */
static const tap *taps_of(davit_onednn_builder *builder, const davit_resize *r, int axis)
{
    int64_t count = axis == 0 ? 1 : r->out[axis];
    tap *taps = davit_onednn_alloc(builder, (size_t)count * sizeof(*taps));
    for (int64_t i = 0; i < count && taps != NULL && axis != 0; i++) {
        taps[i] = tap_of(r, axis, i);
    }
    return taps;
}

static davit_status build_loop(davit_onednn_builder *builder, const davit_node *node,
                               const davit_resize *r)
{
    resize_params *p = davit_onednn_alloc(builder, sizeof(*p));
    davit_onednn_operand operands[2];
    if (p == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    bool flat = r->rank == 3;
    int width = r->rank - 1, height = flat ? 0 : width - 1;
    *p = (resize_params){.images = r->in[0] * r->in[1],
                         .in_height = flat ? 1 : r->in[height],
                         .in_width = r->in[width],
                         .out_height = flat ? 1 : r->out[height],
                         .out_width = r->out[width],
                         .linear = r->mode == DAVIT_RESIZE_LINEAR,
                         .rows = taps_of(builder, r, height),
                         .columns = taps_of(builder, r, width)};
    if (p->rows == NULL || p->columns == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    davit_status status = davit_onednn_value_dense(builder, node->inputs[0], &operands[0]);
    if (status == DAVIT_OK) {
        status = davit_onednn_new_dense(builder, node->outputs[0], &operands[1]);
    }
    if (status == DAVIT_OK) {
        status = davit_onednn_add_kernel(builder, "loop", run_resize, p, operands, 2);
    }
    if (status == DAVIT_OK) {
        davit_onednn_value_set(builder, node->outputs[0], &operands[1]);
    }
    return status;
}

/* ---- oneDNN ---- */

static davit_status build_native(davit_onednn_builder *builder, const davit_node *node,
                                 const davit_resize *r)
{
    davit_onednn_operand from, to;
    davit_dnnl_primitive primitive;
    davit_dnnl_desc dst;
    davit_status status = davit_onednn_value_get(builder, node->inputs[0], &from);
    if (status == DAVIT_OK) {
        status = davit_dnnl_desc_create(&builder->program->pool, r->rank, r->out, NULL, &dst);
    }
    if (status == DAVIT_OK) {
        status = davit_dnnl_resampling(&builder->program->pool, r->mode == DAVIT_RESIZE_LINEAR,
                                       from.desc, dst, &primitive);
    }
    if (status == DAVIT_OK) {
        status = davit_onednn_new(builder, davit_dnnl_query(&primitive, dnnl_query_dst_md), &to);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    const davit_onednn_arg args[] = {{DNNL_ARG_SRC, from}, {DNNL_ARG_DST, to}};
    status = davit_onednn_add_primitive(builder, &primitive, args, 2);
    if (status == DAVIT_OK) {
        davit_onednn_value_set(builder, node->outputs[0], &to);
    }
    return status;
}

/* ---- 8-bit elements ---- */

static const int64_t *nearest_taps(davit_onednn_builder *builder, const davit_resize *r, int axis)
{
    int64_t *taps = davit_onednn_alloc(builder, (size_t)r->out[axis] * sizeof(*taps));
    for (int64_t i = 0; i < r->out[axis] && taps != NULL; i++) {
        taps[i] = nearest_of(r, axis, i);
    }
    return taps;
}

static davit_status build_bytes(davit_onednn_builder *builder, const davit_node *node,
                                const davit_resize *r)
{
    const int64_t *rows = nearest_taps(builder, r, 2);
    const int64_t *columns = nearest_taps(builder, r, 3);
    return rows != NULL && columns != NULL ? davit_int8_build_nearest(builder, node, rows, columns)
                                           : DAVIT_OUT_OF_MEMORY;
}

static davit_status build_resize(davit_onednn_builder *builder, const davit_unit *unit,
                                 const davit_node *node)
{
    davit_resize r;
    (void)unit;
    if (resolve(builder->graph, node, &r) != NULL) {
        return DAVIT_UNSUPPORTED;
    }
    if (davit_node_input(builder->graph, node, 0)->dtype != DAVIT_F32) {
        return build_bytes(builder, node, &r);
    }
    return is_native(&r) ? build_native(builder, node, &r) : build_loop(builder, node, &r);
}

static const davit_onednn_operator operators[] = {
    {DAVIT_OP_Resize, true, refuse_resize, build_resize}};

const davit_onednn_family davit_onednn_resizes = DAVIT_ONEDNN_FAMILY(operators);
