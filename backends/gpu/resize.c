/* Resize, nearest and linear over the last two axes, and IntegerResize. */
#include "davit/resize.h"

#include <math.h>
#include <string.h>

#include "davit/integer.h"
#include "operators.h"

static bool resolve(const davit_graph *graph, const davit_node *node, davit_resize *r)
{
    const davit_resize_inputs inputs = {.x = davit_node_input(graph, node, 0),
                                        .roi = davit_node_constant(graph, node, 1),
                                        .scales = davit_node_constant(graph, node, 2),
                                        .sizes = davit_node_constant(graph, node, 3)};
    return davit_resize_resolve(node, &inputs, NULL, r) == DAVIT_OK;
}

static const char *refuse_resize(const davit_graph *graph, const davit_unit *unit)
{
    const davit_node *node = &graph->nodes[unit->anchor];
    davit_dtype dtype = davit_node_input(graph, node, 0)->dtype;
    davit_resize r;
    const char *reason = davit_gpu_refuse_shape_inputs(graph, unit);
    if (reason != NULL || !resolve(graph, node, &r)) {
        return reason != NULL ? reason : "attributes";
    }
    if (r.rank < 3 || r.rank > 4 || r.in[0] != r.out[0] || r.in[1] != r.out[1] ||
        r.scale[0] != 1.0 || r.scale[1] != 1.0) {
        return "axes";
    }
    if (r.mode == DAVIT_RESIZE_CUBIC || r.antialias ||
        r.coordinates == DAVIT_RESIZE_TF_CROP_AND_RESIZE) {
        return "mode";
    }
    return node->op->op == DAVIT_OP_Resize && r.mode == DAVIT_RESIZE_LINEAR && dtype != DAVIT_F32
               ? "linear of bytes"
               : NULL;
}

/* The coordinate is rounded to f32, in which scales are given: 8 / 1.6 is 5, not a little less. */
static int64_t nearest_of(const davit_resize *r, int axis, int64_t i)
{
    double x = (float)davit_resize_coordinate(r, axis, i);
    double low = floor(x);
    bool up = r->rounding == DAVIT_RESIZE_CEIL                ? x > low
              : r->rounding == DAVIT_RESIZE_FLOOR             ? false
              : r->rounding == DAVIT_RESIZE_ROUND_PREFER_CEIL ? x - low >= 0.5
                                                              : x - low > 0.5;
    low += up ? 1.0 : 0.0;
    double last = (double)(r->in[axis] - 1);
    return (int64_t)(low < 0.0 ? 0.0 : low > last ? last : low);
}

static bool is_identity(const davit_resize *r, int axis)
{
    return r->in[axis] == r->out[axis] && r->scale[axis] == 1.0;
}

static davit_status build_nearest(davit_gpu_builder *builder, const davit_unit *unit,
                                  const davit_node *node, const davit_resize *r)
{
    static const char *const names[4] = {"resize_nearest_1", "resize_nearest_2", "resize_nearest_4",
                                         "resize_nearest_8"};
    const davit_tensor_desc *x = davit_node_input(builder->graph, node, 0);
    davit_gpu_nearest_params params = {.count = 1, .dims = {1, 1, 1, 1}};
    int64_t strides[DAVIT_MAX_RANK], order[DAVIT_MAX_RANK], axes[DAVIT_MAX_RANK];
    size_t entries = (size_t)(4 - r->rank);
    davit_gpu_strides(x, DAVIT_GPU_CHANNELS_LAST, strides);
    for (int i = 0; i < r->rank; i++) {
        axes[i] = i;
        entries += (size_t)r->out[i];
        params.count *= (int)r->out[i];
    }
    davit_gpu_order(x, DAVIT_GPU_CHANNELS_LAST, axes, order);
    davit_gpu_call call = {.kernel = davit_gpu_of_width(names, davit_dtype_bytes(x->dtype)),
                           .params = &params,
                           .param_bytes = sizeof(params),
                           .operand_count = 3};
    void *data;
    davit_status status =
        davit_gpu_constant(builder, entries * sizeof(int32_t), &data, &call.operands[1]);
    if (status != DAVIT_OK) {
        return status;
    }
    int32_t *table = (int32_t *)data + (4 - r->rank); /* in front: dimensions of 1, offset 0 */
    for (int i = 0; i < r->rank; i++) {
        int axis = (int)order[i];
        params.dims[4 - r->rank + i] = (int)r->out[axis];
        for (int64_t k = 0; k < r->out[axis]; k++) {
            int64_t at = is_identity(r, axis) ? k : nearest_of(r, axis, k);
            *table++ = (int32_t)(at * strides[axis]);
        }
    }
    status = davit_gpu_get(builder, node->inputs[0], DAVIT_GPU_CHANNELS_LAST, &call.operands[0]);
    if (status == DAVIT_OK) {
        status = davit_gpu_make(builder, unit->outputs[0], DAVIT_GPU_CHANNELS_LAST,
                                &call.operands[2]);
    }
    return status == DAVIT_OK ? davit_gpu_launch_flat(builder, &call, params.count) : status;
}

/* {low, high, weight} of each coordinate of an axis; axis 0: of one coordinate, itself. */
static davit_status make_taps(davit_gpu_builder *builder, const davit_resize *r, int axis,
                              bool integer, davit_gpu_place *out)
{
    int64_t count = axis == 0 ? 1 : r->out[axis];
    void *data;
    davit_status status =
        davit_gpu_constant(builder, (size_t)count * 3 * sizeof(int32_t), &data, out);
    for (int64_t i = 0; i < count && axis != 0 && status == DAVIT_OK; i++) {
        int32_t *tap = (int32_t *)data + 3 * i;
        double x = is_identity(r, axis) ? (double)i : davit_resize_coordinate(r, axis, i);
        davit_resize_tap exact = davit_resize_tap_at(x, r->in[axis]);
        double last = (double)(r->in[axis] - 1);
        x = x > 0.0 ? (x > last ? last : x) : 0.0;
        float part = (float)(x - (double)exact.low);
        tap[0] = (int32_t)exact.low;
        tap[1] = (int32_t)exact.high;
        tap[2] = exact.weight;
        if (!integer) {
            memcpy(&tap[2], &part, sizeof(part));
        }
    }
    return status;
}

static davit_status prepare_integer(const davit_gpu_builder *builder, const davit_node *node,
                                    davit_gpu_linear_params *params)
{
    davit_quant8 x = davit_integer_x(builder->graph, node);
    davit_result_spec y = davit_integer_result(node);
    davit_rescale rescale;
    davit_reason reason;
    davit_status status = davit_linear_resize_prepare(&x, &y, 2, &rescale, &reason);
    if (status != DAVIT_OK) {
        return davit_fail(builder->diag, status, "unit '%s': %s", builder->unit->name, reason.text);
    }
    params->x_unsigned = davit_gpu_unsigned(x.dtype);
    params->x_zero = x.zero;
    params->y_unsigned = davit_gpu_unsigned(rescale.result.dtype);
    params->y_zero = rescale.result.zero;
    params->factor = rescale.scale;
    params->low = rescale.result.low;
    params->high = rescale.result.high;
    return DAVIT_OK;
}

/* Over channels-last images, the images outside, the channels inside. */
static davit_status build_linear(davit_gpu_builder *builder, const davit_unit *unit,
                                 const davit_node *node, const davit_resize *r)
{
    bool integer = node->op->op == DAVIT_OP_IntegerResize;
    bool flat = r->rank == 3;
    int width = r->rank - 1, height = flat ? 0 : width - 1;
    davit_gpu_linear_params params = {.in_h = flat ? 1 : (int)r->in[height],
                                      .in_w = (int)r->in[width],
                                      .out_h = flat ? 1 : (int)r->out[height],
                                      .out_w = (int)r->out[width],
                                      .inner = (int)r->in[1]};
    params.count = (int)r->in[0] * params.out_h * params.out_w * params.inner;
    davit_gpu_call call = {.kernel = integer ? "resize_linear_byte" : "resize_linear_f32",
                           .params = &params,
                           .param_bytes = sizeof(params),
                           .operand_count = 4};
    davit_status status = integer ? prepare_integer(builder, node, &params) : DAVIT_OK;
    if (status == DAVIT_OK) {
        status = make_taps(builder, r, height, integer, &call.operands[1]);
    }
    if (status == DAVIT_OK) {
        status = make_taps(builder, r, width, integer, &call.operands[2]);
    }
    if (status == DAVIT_OK) {
        status =
            davit_gpu_get(builder, node->inputs[0], DAVIT_GPU_CHANNELS_LAST, &call.operands[0]);
    }
    if (status == DAVIT_OK) {
        status = davit_gpu_make(builder, unit->outputs[0], DAVIT_GPU_CHANNELS_LAST,
                                &call.operands[3]);
    }
    return status == DAVIT_OK ? davit_gpu_launch_flat(builder, &call, params.count) : status;
}

static davit_status build_resize(davit_gpu_builder *builder, const davit_unit *unit,
                                 const davit_node *node)
{
    davit_resize r;
    if (!resolve(builder->graph, node, &r)) {
        return DAVIT_UNSUPPORTED;
    }
    return r.mode == DAVIT_RESIZE_NEAREST ? build_nearest(builder, unit, node, &r)
                                          : build_linear(builder, unit, node, &r);
}

static const davit_gpu_operator operators[] = {
    {DAVIT_OP_IntegerResize, DAVIT_GPU_BYTES, refuse_resize, build_resize},
    {DAVIT_OP_Resize, DAVIT_GPU_BYTES | DAVIT_GPU_FLOATS, refuse_resize, build_resize}};

const davit_gpu_family davit_gpu_resizes = DAVIT_GPU_FAMILY(operators);
