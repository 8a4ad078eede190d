/* Conv and ConvTranspose with what follows them. */
#include <math.h>
#include <string.h>

#include "convolution.h"
#include "copy.h"
#include "davit/window.h"
#include "dense.h"
#include "depthwise.h"
#include "fusion.h"
#include "kernels.h"
#include "operators.h"
#include "winograd.h"

typedef davit_onednn_convolution convolution;

static const char *resolve(const davit_graph *graph, const davit_node *node, davit_window *window)
{
    const davit_window_spec spec = {.node = node,
                                    .x = davit_node_input(graph, node, 0),
                                    .weights = davit_node_input(graph, node, 1),
                                    .transposed = node->op->op == DAVIT_OP_ConvTranspose};
    return davit_window_resolve(&spec, NULL, window) == DAVIT_OK ? NULL : "window";
}

bool davit_onednn_convolution_of(const davit_graph *graph, const davit_unit *unit,
                                 davit_onednn_convolution *out)
{
    const davit_node *node = &graph->nodes[unit->anchor];
    if (node->op->op != DAVIT_OP_Conv && node->op->op != DAVIT_OP_ConvTranspose) {
        return false;
    }
    *out = (davit_onednn_convolution){.unit = unit,
                                      .node = node,
                                      .transposed = node->op->op == DAVIT_OP_ConvTranspose,
                                      .rank = davit_node_input(graph, node, 0)->rank,
                                      .groups = davit_node_int(node, "group", 1),
                                      .channels = graph->values[unit->outputs[0]].desc.dims[1]};
    return resolve(graph, node, &out->window) == NULL;
}

/* oneDNN derives the padding at the end from the shapes; this is what it comes to. */
static int64_t padding_end(const davit_window *w, int axis, bool transposed)
{
    int64_t range = (w->kernel[axis] - 1) * w->dilation[axis] + 1;
    return transposed
               ? (w->in[axis] - 1) * w->stride[axis] + range - w->pad_begin[axis] - w->out[axis]
               : w->pad_end[axis];
}

static const char *refuse_convolution(const davit_graph *graph, const davit_unit *unit)
{
    const davit_node *node = &graph->nodes[unit->anchor];
    int rank = davit_node_input(graph, node, 0)->rank;
    davit_window w;
    if (rank < 3 || rank > 5) {
        return "spatial rank above 3";
    }
    if (!davit_onednn_fusion_fits(unit) || unit->output_count != 1) {
        return "epilogues";
    }
    const char *reason = resolve(graph, node, &w);
    if (reason != NULL) {
        return reason;
    }
    for (int i = 0; i < w.axes; i++) {
        int64_t end = padding_end(&w, i, node->op->op == DAVIT_OP_ConvTranspose);
        if (w.pad_begin[i] < 0 || end + w.stride[i] <= 0) {
            return "negative padding";
        }
    }
    return NULL;
}

static void to_native_window(const convolution *c, davit_dnnl_window *native)
{
    const davit_window *w = &c->window;
    for (int i = 0; i < w->axes; i++) {
        native->strides[i] = w->stride[i];
        native->dilation[i] = w->dilation[i] - 1;
        native->padding_left[i] = w->pad_begin[i];
        native->padding_right[i] = padding_end(w, i, c->transposed);
    }
}

/* Describes ONNX weights, Conv [O, I / G, k...] or ConvTranspose [I, O / G, k...], as oneDNN's
 * [G,] O / G, I / G, k...; returns the rank. */
static int weight_dims(const convolution *c, const davit_tensor_desc *w, int64_t *dims,
                       int64_t *strides)
{
    int n = 0;
    int64_t kernel = 1;
    for (int i = 2; i < w->rank; i++) {
        kernel *= w->dims[i];
    }
    int64_t inner = w->dims[1];             /* I / G, or O / G when transposed */
    int64_t outer = w->dims[0] / c->groups; /* O / G, or I / G when transposed */
    if (c->groups > 1) {
        dims[n] = c->groups;
        strides[n++] = outer * inner * kernel;
    }
    dims[n] = c->transposed ? inner : outer;
    strides[n++] = c->transposed ? kernel : inner * kernel;
    dims[n] = c->transposed ? outer : inner;
    strides[n++] = c->transposed ? inner * kernel : kernel;
    for (int i = 2; i < w->rank; i++) {
        dims[n] = w->dims[i];
        strides[n++] = w->strides[i];
    }
    return n;
}

davit_status davit_onednn_convolution_gather(davit_onednn_builder *builder,
                                             davit_onednn_convolution *c)
{
    davit_status status = davit_onednn_value_dense(builder, c->node->inputs[1], &c->weights);
    c->has_bias = davit_node_has_input(c->node, 2);
    if (status == DAVIT_OK && c->has_bias) {
        status = davit_onednn_value_dense(builder, c->node->inputs[2], &c->bias);
    }
    if (status == DAVIT_OK) {
        status = davit_onednn_fuse_epilogues(builder, c->unit, c->rank, 1, &c->fusion);
    }
    /* A bias that comes first goes where the primitive has its own place for one. */
    if (status == DAVIT_OK && !c->has_bias && c->unit->epilogue_count > 0 &&
        c->unit->epilogues[0].kind == DAVIT_EPILOGUE_BIAS) {
        c->bias = c->fusion.items[0].operand;
        c->has_bias = true;
        c->fusion.count--;
        memmove(c->fusion.items, c->fusion.items + 1, c->fusion.count * sizeof(c->fusion.items[0]));
    }
    if (status == DAVIT_OK && c->has_bias) {
        status = davit_onednn_desc_dense(builder, 1, &c->channels, &c->bias.desc);
    }
    return status;
}

static bool has_empty_window(const davit_window *w, int axis)
{
    for (int64_t i = 0; i < w->out[axis]; i++) {
        bool inside = false;
        for (int64_t k = 0; k < w->kernel[axis] && !inside; k++) {
            int64_t at = i * w->stride[axis] - w->pad_begin[axis] + k * w->dilation[axis];
            inside = at >= 0 && at < w->in[axis];
        }
        if (!inside) {
            return true;
        }
    }
    return false;
}

bool davit_onednn_has_empty_window(const davit_window *window)
{
    for (int axis = 0; axis < window->axes; axis++) {
        if (has_empty_window(window, axis)) {
            return true;
        }
    }
    return false;
}

/* The residual is lost in such windows by brgconv of oneDNN 2.6.3. */
static size_t fusion_limit(const convolution *c)
{
    if (!c->transposed && davit_onednn_has_empty_window(&c->window)) {
        return 0;
    }
    return davit_onednn_fusion_limit(&c->fusion);
}

/* With as many of the following operations inside as oneDNN takes. */
static davit_status create_as(davit_onednn_builder *builder, convolution *c,
                              const davit_dnnl_convolution_params *params,
                              davit_dnnl_primitive *out)
{
    davit_status status = DAVIT_UNSUPPORTED;
    for (size_t count = fusion_limit(c) + 1; count-- > 0 && status == DAVIT_UNSUPPORTED;) {
        davit_dnnl_post_ops post_ops;
        davit_onednn_fusion_post_ops(&c->fusion, count, &post_ops);
        c->fusion.in_primitive = count;
        status = davit_dnnl_convolution(&builder->program->pool, params, &post_ops, out);
    }
    return status;
}

/* One input channel for each output channel: memory is what bounds it. */
static bool is_depthwise(const convolution *c, const davit_onednn_builder *builder)
{
    return c->groups > 1 && davit_node_input(builder->graph, c->node, 0)->dims[1] == c->groups;
}

/* With operands in bfloat16 where that is asked for. */
static davit_status create(davit_onednn_builder *builder, convolution *c,
                           const davit_dnnl_convolution_params *params, davit_dnnl_primitive *out)
{
    davit_dnnl_pool *pool = &builder->program->pool;
    davit_dnnl_convolution_params rounded = *params;
    if (!builder->bf16 || is_depthwise(c, builder)) {
        return create_as(builder, c, params, out);
    }
    davit_status status = davit_dnnl_desc_retype(pool, params->src, dnnl_bf16, &rounded.src);
    if (status == DAVIT_OK) {
        status = davit_dnnl_desc_retype(pool, params->weights, dnnl_bf16, &rounded.weights);
    }
    if (status == DAVIT_OK) {
        status = create_as(builder, c, &rounded, out);
    }
    if (status == DAVIT_UNSUPPORTED || (status == DAVIT_OK && davit_dnnl_is_reference(out))) {
        builder->f32_count++;
        return create_as(builder, c, params, out);
    }
    return status;
}

/* Adds the primitive; *result is what it and the rest of the fusion make. */
static davit_status add(davit_onednn_builder *builder, convolution *c,
                        const davit_dnnl_primitive *primitive, davit_onednn_operand *result)
{
    davit_onednn_arg args[4 + DAVIT_DNNL_MAX_POST_OPS];
    davit_onednn_operand src, weights;
    size_t count = 0;
    davit_status status = davit_onednn_convert(
        builder, &c->src, davit_dnnl_query(primitive, dnnl_query_src_md), &src);
    if (status == DAVIT_OK) {
        status = davit_onednn_convert(builder, &c->weights,
                                      davit_dnnl_query(primitive, dnnl_query_weights_md), &weights);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    args[count++] = (davit_onednn_arg){DNNL_ARG_SRC, src};
    args[count++] = (davit_onednn_arg){DNNL_ARG_WEIGHTS, weights};
    if (c->has_bias) {
        args[count++] = (davit_onednn_arg){DNNL_ARG_BIAS, c->bias};
    }
    status = davit_onednn_fusion_target(
        builder, &c->fusion, davit_dnnl_query(primitive, dnnl_query_dst_md), args, count, result);
    if (status != DAVIT_OK) {
        return status;
    }
    args[count++] = (davit_onednn_arg){DNNL_ARG_DST, *result};
    count = davit_onednn_fusion_args(&c->fusion, args, count);
    status = davit_onednn_add_primitive(builder, primitive, args, count);
    return status == DAVIT_OK ? davit_onednn_fusion_rest(builder, &c->fusion, result) : status;
}

static davit_status build_general(davit_onednn_builder *builder, convolution *c)
{
    davit_dnnl_pool *pool = &builder->program->pool;
    const davit_tensor_desc *w = davit_node_input(builder->graph, c->node, 1);
    davit_dnnl_convolution_params params = {.transposed = c->transposed};
    davit_dnnl_primitive primitive;
    davit_onednn_operand result;
    int64_t dims[DAVIT_MAX_RANK + 1], strides[DAVIT_MAX_RANK + 1];
    int rank = weight_dims(c, w, dims, strides);
    davit_status status = davit_dnnl_desc_create(pool, rank, dims, strides, &c->weights.desc);
    if (status == DAVIT_OK) {
        status = davit_dnnl_desc_create(pool, rank, dims, NULL, &params.weights);
    }
    if (status == DAVIT_OK) {
        (void)davit_onednn_dims(builder, c->node->inputs[0], dims);
        status = davit_dnnl_desc_create(pool, c->rank, dims, NULL, &params.src);
    }
    if (status == DAVIT_OK) {
        (void)davit_onednn_dims(builder, c->unit->outputs[0], dims);
        status = davit_dnnl_desc_create(pool, c->rank, dims, NULL, &params.dst);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    params.bias = c->has_bias ? c->bias.desc : NULL;
    to_native_window(c, &params.window);
    status = create(builder, c, &params, &primitive);
    if (status == DAVIT_OK) {
        status = add(builder, c, &primitive, &result);
    }
    if (status == DAVIT_OK) {
        davit_onednn_value_set(builder, c->unit->outputs[0], &result);
    }
    return status;
}

/* ---- a transposed convolution whose windows do not overlap ---- */

bool davit_onednn_is_tiling(const davit_window *window)
{
    for (int i = 0; i < window->axes; i++) {
        if (window->kernel[i] != window->stride[i] || window->dilation[i] != 1 ||
            window->pad_begin[i] != 0 || window->out[i] != window->in[i] * window->stride[i]) {
            return false;
        }
    }
    return true;
}

/* 2-D: a 1x1 convolution to kernel * channels and a move of the result. */
static bool is_tiling(const davit_onednn_builder *builder, const convolution *c)
{
    if (!c->transposed || c->rank != 4 || c->groups != 1 || !davit_onednn_is_tiling(&c->window) ||
        davit_onednn_constant(builder, &c->weights) == NULL ||
        (c->has_bias && davit_onednn_constant(builder, &c->bias) == NULL)) {
        return false;
    }
    for (size_t i = 0; i < c->fusion.count; i++) {
        if (c->fusion.items[i].op.kind != DAVIT_DNNL_ELTWISE) {
            return false;
        }
    }
    return true;
}

/* Weights [I, O, kh, kw] as [kh kw O, I], and the bias once for each pixel of the window. */
static davit_status spread_weights(davit_onednn_builder *builder, convolution *c, int64_t inputs)
{
    int64_t pixels = c->window.kernel[0] * c->window.kernel[1];
    const int64_t dims[4] = {pixels * c->channels, inputs, 1, 1};
    const float *from = davit_onednn_constant(builder, &c->weights);
    const float *bias = c->has_bias ? davit_onednn_constant(builder, &c->bias) : NULL;
    davit_dnnl_desc desc;
    void *data;
    davit_status status = davit_onednn_desc_dense(builder, 4, dims, &desc);
    if (status == DAVIT_OK) {
        status = davit_onednn_new_constant(builder, desc, &c->weights, &data);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    float *to = data;
    for (int64_t p = 0; p < pixels; p++) {
        for (int64_t o = 0; o < c->channels; o++) {
            for (int64_t i = 0; i < inputs; i++) {
                to[(p * c->channels + o) * inputs + i] =
                    davit_read_f32(from, (size_t)((i * c->channels + o) * pixels + p));
            }
        }
    }
    if (bias == NULL) {
        return DAVIT_OK;
    }
    status = davit_onednn_desc_dense(builder, 1, dims, &desc);
    if (status == DAVIT_OK) {
        status = davit_onednn_new_constant(builder, desc, &c->bias, &data);
    }
    for (int64_t k = 0; k < dims[0] && status == DAVIT_OK; k++) {
        ((float *)data)[k] = bias[k % c->channels];
    }
    return status;
}

static davit_status channels_last(davit_onednn_builder *builder, const int64_t *dims,
                                  davit_dnnl_desc *out)
{
    const int64_t strides[4] = {dims[1] * dims[2] * dims[3], 1, dims[3] * dims[1], dims[1]};
    return davit_dnnl_desc_create(&builder->program->pool, 4, dims, strides, out);
}

/* from [N, H, W, kh, kw, O] to [N, H, kh, W, kw, O]. */
static davit_status move_pixels(davit_onednn_builder *builder, const convolution *c,
                                const davit_onednn_operand *from, int64_t batch)
{
    int64_t height = c->window.in[0], width = c->window.in[1];
    int64_t kernel_height = c->window.kernel[0];
    int64_t row = c->window.kernel[1] * c->channels; /* of one window */
    const davit_onednn_copy copy = {
        .rank = 4,
        .elem_bytes = sizeof(float),
        .dims = {batch * height, kernel_height, width, row},
        .from_strides = {width * kernel_height * row, row, kernel_height * row, 1},
        .to_strides = {kernel_height * width * row, width * row, row, 1}};
    int64_t dims[DAVIT_MAX_RANK];
    davit_onednn_operand result;
    davit_dnnl_desc desc;
    (void)davit_onednn_dims(builder, c->unit->outputs[0], dims);
    davit_status status = channels_last(builder, dims, &desc);
    if (status == DAVIT_OK) {
        status = davit_onednn_new(builder, desc, &result);
    }
    if (status == DAVIT_OK) {
        status = davit_onednn_add_copy(builder, from, &result, &copy);
    }
    if (status == DAVIT_OK) {
        davit_onednn_value_set(builder, c->unit->outputs[0], &result);
    }
    return status;
}

static davit_status build_tiling(davit_onednn_builder *builder, convolution *c)
{
    davit_dnnl_convolution_params params = {.window = {.strides = {1, 1}}};
    int64_t src_dims[DAVIT_MAX_RANK];
    davit_dnnl_primitive primitive;
    davit_onednn_operand result;
    (void)davit_onednn_dims(builder, c->node->inputs[0], src_dims);
    davit_status status = spread_weights(builder, c, src_dims[1]);
    if (status != DAVIT_OK) {
        return status;
    }
    const int64_t weight_shape[4] = {c->window.kernel[0] * c->window.kernel[1] * c->channels,
                                     src_dims[1], 1, 1};
    const int64_t dst_dims[4] = {src_dims[0], weight_shape[0], src_dims[2], src_dims[3]};
    status =
        davit_dnnl_desc_create(&builder->program->pool, 4, weight_shape, NULL, &params.weights);
    if (status == DAVIT_OK) {
        status = channels_last(builder, src_dims, &params.src);
    }
    if (status == DAVIT_OK) {
        status = channels_last(builder, dst_dims, &params.dst);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    params.bias = c->has_bias ? c->bias.desc : NULL;
    status = create(builder, c, &params, &primitive);
    if (status == DAVIT_OK) {
        status = add(builder, c, &primitive, &result);
    }
    return status == DAVIT_OK ? move_pixels(builder, c, &result, src_dims[0]) : status;
}

/* ---- by our own Winograd ---- */

/* Takes a residual that comes first, and then a bound. */
static void take_end(convolution *c, davit_winograd_spec *spec)
{
    const davit_onednn_fused *item = c->fusion.items;
    const davit_onednn_fused *end = item + c->fusion.count;
    if (item < end && item->op.kind == DAVIT_DNNL_SUM) {
        spec->residual = &item->operand;
        item++;
    }
    if (item < end && item->op.kind == DAVIT_DNNL_ELTWISE) {
        if (item->op.algorithm == dnnl_eltwise_relu && item->op.alpha == 0.0f) {
            spec->low = 0.0f;
            item++;
        } else if (item->op.algorithm == dnnl_eltwise_clip) {
            spec->low = item->op.alpha;
            spec->high = item->op.beta;
            item++;
        }
    }
    c->fusion.in_primitive = (size_t)(item - c->fusion.items);
}

/* DAVIT_UNSUPPORTED where it does not fit. */
static davit_status build_winograd(davit_onednn_builder *builder, convolution *c)
{
    davit_winograd_spec spec = {.window = &c->window,
                                .source = c->node->inputs[0],
                                .output = c->unit->outputs[0],
                                .weights = davit_onednn_constant(builder, &c->weights),
                                .bias =
                                    c->has_bias ? davit_onednn_constant(builder, &c->bias) : NULL,
                                .low = -INFINITY,
                                .high = INFINITY};
    davit_onednn_operand result;
    if (builder->bf16 || c->transposed || c->groups != 1 || spec.weights == NULL ||
        (c->has_bias && spec.bias == NULL) || !davit_winograd_can(builder, &spec) ||
        !davit_onednn_picks(builder, DAVIT_ONEDNN_WINOGRAD, davit_winograd_fits(builder, &spec))) {
        return DAVIT_UNSUPPORTED;
    }
    take_end(c, &spec);
    davit_status status = davit_winograd_add(builder, &spec, &result);
    davit_onednn_rest(builder, &c->weights);
    if (status == DAVIT_OK) {
        status = davit_onednn_fusion_rest(builder, &c->fusion, &result);
    }
    if (status == DAVIT_OK) {
        davit_onednn_value_set(builder, c->unit->outputs[0], &result);
    }
    return status;
}

/* ---- pointwise, by our own product ---- */

bool davit_onednn_is_pointwise(const davit_onednn_convolution *c)
{
    bool is = c->rank == 4 && !c->transposed && c->groups == 1;
    for (int i = 0; i < c->window.axes && is; i++) {
        is = c->window.kernel[i] == 1 && c->window.stride[i] == 1 && c->window.pad_begin[i] == 0 &&
             c->window.pad_end[i] == 0;
    }
    return is;
}

davit_dense_spec davit_onednn_pointwise_spec(const davit_onednn_builder *builder,
                                             const davit_onednn_convolution *c)
{
    int64_t dims[DAVIT_MAX_RANK];
    (void)davit_onednn_dims(builder, c->node->inputs[0], dims);
    return (davit_dense_spec){.rows = dims[0] * dims[2] * dims[3],
                              .depth = dims[1],
                              .columns = c->channels,
                              .weights = davit_onednn_constant(builder, &c->weights),
                              .depth_stride = 1,
                              .column_stride = dims[1],
                              .borrowed = davit_onednn_borrowed(builder, &c->weights),
                              .bias = c->has_bias ? davit_onednn_constant(builder, &c->bias) : NULL,
                              .ends = c->fusion.count,
                              .has_function = davit_dense_has_function(&c->fusion)};
}

/* DAVIT_UNSUPPORTED where it does not fit. */
static davit_status build_pointwise(davit_onednn_builder *builder, convolution *c)
{
    int64_t dims[DAVIT_MAX_RANK];
    davit_dnnl_layout layout;
    davit_dnnl_desc from;
    davit_onednn_operand result;
    if (builder->bf16 || !davit_onednn_is_pointwise(c)) {
        return DAVIT_UNSUPPORTED;
    }
    davit_dense_spec spec = davit_onednn_pointwise_spec(builder, c);
    bool fits = spec.weights != NULL && (!c->has_bias || spec.bias != NULL) &&
                davit_dense_can(&spec) &&
                davit_onednn_picks(builder, DAVIT_ONEDNN_DENSE,
                                   davit_dense_fits(&spec) &&
                                       davit_dnnl_desc_layout(c->src.desc, &layout) &&
                                       layout.block_count == 0);
    if (!fits) {
        return DAVIT_UNSUPPORTED;
    }
    (void)davit_onednn_dims(builder, c->node->inputs[0], dims);
    davit_status status = channels_last(builder, dims, &from);
    if (status == DAVIT_OK) {
        status = davit_onednn_convert(builder, &c->src, from, &spec.x);
    }
    if (status == DAVIT_OK) {
        (void)davit_onednn_dims(builder, c->unit->outputs[0], dims);
        status = channels_last(builder, dims, &spec.out);
    }
    if (status == DAVIT_OK) {
        status = davit_dense_add(builder, &spec, &c->fusion, &result);
    }
    if (status == DAVIT_OK) {
        davit_onednn_value_set(builder, c->unit->outputs[0], &result);
    }
    return status;
}

/* ---- depthwise, by our own loops ---- */

bool davit_onednn_is_depthwise(const davit_graph *graph, const davit_onednn_convolution *c)
{
    return c->rank == 4 && !c->transposed && c->groups > 1 && c->groups == c->channels &&
           c->groups == davit_node_input(graph, c->node, 0)->dims[1];
}

davit_depthwise_spec davit_onednn_depthwise_spec(const davit_onednn_builder *builder,
                                                 const davit_onednn_convolution *c)
{
    return (davit_depthwise_spec){.window = &c->window,
                                  .source = c->node->inputs[0],
                                  .output = c->unit->outputs[0],
                                  .weights = davit_onednn_constant(builder, &c->weights),
                                  .bias = c->has_bias ? davit_onednn_constant(builder, &c->bias)
                                                      : NULL};
}

/* DAVIT_UNSUPPORTED where it does not fit. */
static davit_status build_depthwise(davit_onednn_builder *builder, convolution *c)
{
    const davit_depthwise_spec spec = davit_onednn_depthwise_spec(builder, c);
    davit_dnnl_layout layout;
    davit_onednn_operand result;
    if (!davit_onednn_is_depthwise(builder->graph, c) || spec.weights == NULL ||
        (c->has_bias && spec.bias == NULL) || !davit_depthwise_can(&spec) ||
        !davit_onednn_picks(builder, DAVIT_ONEDNN_DEPTHWISE,
                            davit_dnnl_desc_layout(c->src.desc, &layout) &&
                                layout.block_count == 0)) {
        return DAVIT_UNSUPPORTED;
    }
    davit_status status = davit_depthwise_add(builder, &spec, &c->fusion, &result);
    if (status == DAVIT_OK) {
        davit_onednn_value_set(builder, c->unit->outputs[0], &result);
    }
    return status;
}

static davit_status build_convolution(davit_onednn_builder *builder, const davit_unit *unit,
                                      const davit_node *node)
{
    convolution c;
    if (!davit_onednn_convolution_of(builder->graph, unit, &c)) {
        return DAVIT_UNSUPPORTED;
    }
    davit_status status = davit_onednn_value_get(builder, node->inputs[0], &c.src);
    if (status == DAVIT_OK) {
        status = davit_onednn_convolution_gather(builder, &c);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    if (is_tiling(builder, &c)) {
        return build_tiling(builder, &c);
    }
    status = build_pointwise(builder, &c);
    if (status == DAVIT_UNSUPPORTED) {
        status = build_winograd(builder, &c);
    }
    if (status == DAVIT_UNSUPPORTED) {
        status = build_depthwise(builder, &c);
    }
    return status == DAVIT_UNSUPPORTED ? build_general(builder, &c) : status;
}

static const davit_onednn_operator operators[] = {
    {DAVIT_OP_Conv, false, refuse_convolution, build_convolution},
    {DAVIT_OP_ConvTranspose, false, refuse_convolution, build_convolution}};

const davit_onednn_family davit_onednn_convolutions = DAVIT_ONEDNN_FAMILY(operators);
