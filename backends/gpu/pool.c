/* MaxPool, AveragePool, IntegerAveragePool, of one or two spatial axes. The global forms are
 * reductions (rows.c). */
#include "davit/integer.h"
#include "davit/window.h"
#include "operators.h"

static davit_status resolve(const davit_graph *graph, const davit_node *node, davit_window *window)
{
    const davit_window_spec spec = {.node = node, .x = davit_node_input(graph, node, 0)};
    return davit_window_resolve(&spec, NULL, window);
}

static const char *refuse_pool(const davit_graph *graph, const davit_unit *unit)
{
    const davit_node *node = &graph->nodes[unit->anchor];
    const davit_tensor_desc *x = davit_node_input(graph, node, 0);
    davit_window window;
    if (x->rank < 3 || x->rank > 4) {
        return "spatial rank above 2";
    }
    if (node->op->op == DAVIT_OP_AveragePool && x->dtype != DAVIT_F32) {
        return "element type";
    }
    const char *reason = davit_gpu_refuse_outputs(graph, unit);
    if (reason == NULL && resolve(graph, node, &window) != DAVIT_OK) {
        reason = "window";
    }
    if (reason == NULL) {
        int64_t places = 1;
        for (int i = 0; i < window.axes; i++) {
            places *= window.kernel[i];
        }
        reason = places > INT32_MAX / 255 ? "window of many elements" : NULL;
    }
    return reason;
}

static davit_gpu_pool_params shape_of(const davit_graph *graph, const davit_node *node,
                                      const davit_window *w)
{
    const davit_tensor_desc *x = davit_node_input(graph, node, 0);
    bool flat = w->axes == 1;
    int last = w->axes - 1;
    return (davit_gpu_pool_params){.count =
                                       (int)davit_tensor_desc_elems(davit_node_output(graph, node)),
                                   .images = (int)x->dims[0],
                                   .channels = (int)x->dims[1],
                                   .in_h = flat ? 1 : (int)w->in[0],
                                   .in_w = (int)w->in[last],
                                   .out_h = flat ? 1 : (int)w->out[0],
                                   .out_w = (int)w->out[last],
                                   .kernel_h = flat ? 1 : (int)w->kernel[0],
                                   .kernel_w = (int)w->kernel[last],
                                   .stride_h = flat ? 1 : (int)w->stride[0],
                                   .stride_w = (int)w->stride[last],
                                   .pad_top = flat ? 0 : (int)w->pad_begin[0],
                                   .pad_left = (int)w->pad_begin[last],
                                   .dilation_h = flat ? 1 : (int)w->dilation[0],
                                   .dilation_w = (int)w->dilation[last],
                                   .x_unsigned = davit_gpu_unsigned(x->dtype)};
}

/* ---- averages ---- */

/* How many elements count in the average at each place of an output image. */
static int64_t divisor_of(const davit_node *node, const davit_window *w, int64_t y, int64_t x)
{
    int64_t divisor = 1;
    for (int i = 0; i < w->axes; i++) {
        const davit_average_axis axis = {
            .in = w->in[i],
            .kernel = w->kernel[i],
            .stride = w->stride[i],
            .dilation = w->dilation[i],
            .pad_begin = w->pad_begin[i],
            .pad_end = w->pad_end[i],
            .include_pad = davit_node_int(node, "count_include_pad", 0) != 0};
        divisor *= davit_average_extent(&axis, i == w->axes - 1 ? x : y);
    }
    return divisor;
}

/* The factor of each place, and for bytes the end of params. */
static davit_status make_factors(davit_gpu_builder *builder, const davit_node *node,
                                 const davit_window *w, davit_gpu_pool_params *params,
                                 davit_gpu_place *out)
{
    bool integer = node->op->op == DAVIT_OP_IntegerAveragePool;
    davit_quant8 x = davit_integer_x(builder->graph, node);
    davit_result_spec y = davit_integer_result(node);
    davit_rescale rescale = {.scale = 0.0f};
    davit_reason reason;
    size_t places = (size_t)params->out_h * (size_t)params->out_w;
    void *data;
    davit_status status = davit_gpu_constant(builder, places * sizeof(float), &data, out);
    for (size_t i = 0; i < places && status == DAVIT_OK; i++) {
        int64_t divisor = divisor_of(node, w, (int64_t)i / params->out_w, (int64_t)i % params->out_w);
        if (integer) {
            status = davit_average_prepare(&x, &y, divisor, &rescale, &reason);
            if (status != DAVIT_OK) {
                (void)davit_fail(builder->diag, status, "unit '%s': %s", builder->unit->name,
                                 reason.text);
            }
        }
        ((float *)data)[i] = integer ? rescale.scale : 1.0f / (float)divisor;
    }
    params->x_zero = x.zero;
    params->y_unsigned = davit_gpu_unsigned(rescale.result.dtype);
    params->y_zero = rescale.result.zero;
    params->low = rescale.result.low;
    params->high = rescale.result.high;
    return status;
}

static davit_status build_pool(davit_gpu_builder *builder, const davit_unit *unit,
                               const davit_node *node)
{
    davit_window window;
    if (resolve(builder->graph, node, &window) != DAVIT_OK) {
        return DAVIT_UNSUPPORTED;
    }
    bool max = node->op->op == DAVIT_OP_MaxPool;
    bool f32 = davit_node_input(builder->graph, node, 0)->dtype == DAVIT_F32;
    davit_gpu_pool_params params = shape_of(builder->graph, node, &window);
    davit_gpu_call call = {.kernel = max ? (f32 ? "pool_max_f32" : "pool_max_byte")
                                         : (f32 ? "pool_average_f32" : "pool_average_byte"),
                           .params = &params,
                           .param_bytes = sizeof(params),
                           .operand_count = max ? 2 : 3};
    davit_status status = davit_gpu_get(builder, node->inputs[0], DAVIT_GPU_CHANNELS_LAST,
                                        &call.operands[0]);
    if (status == DAVIT_OK && !max) {
        status = make_factors(builder, node, &window, &params, &call.operands[1]);
    }
    if (status == DAVIT_OK) {
        status = davit_gpu_make(builder, unit->outputs[0], DAVIT_GPU_CHANNELS_LAST,
                                &call.operands[max ? 1 : 2]);
    }
    return status == DAVIT_OK ? davit_gpu_launch_flat(builder, &call, params.count) : status;
}

static const davit_gpu_operator operators[] = {
    {DAVIT_OP_AveragePool, DAVIT_GPU_FLOATS, refuse_pool, build_pool},
    {DAVIT_OP_IntegerAveragePool, DAVIT_GPU_BYTES, refuse_pool, build_pool},
    {DAVIT_OP_MaxPool, DAVIT_GPU_BYTES | DAVIT_GPU_FLOATS, refuse_pool, build_pool}};

const davit_gpu_family davit_gpu_pools = DAVIT_GPU_FAMILY(operators);
