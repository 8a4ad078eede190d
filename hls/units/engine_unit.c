#include "davit/engine_unit.h"

#include "davit/window.h"

static const davit_tensor_desc *input(const davit_graph *graph, const davit_node *node, uint32_t i)
{
    return &graph->values[node->inputs[i]].desc;
}

static const davit_tensor_desc *result(const davit_graph *graph, const davit_node *node)
{
    return &graph->values[node->outputs[0]].desc;
}

static bool is_8_bit(const davit_tensor_desc *desc)
{
    return desc->dtype == DAVIT_S8 || desc->dtype == DAVIT_U8;
}

/* Every tensor of the engine is below 1 GiB, so every extent below 2^31. */
static bool is_small(const davit_tensor_desc *desc)
{
    int64_t elems = davit_tensor_desc_elems(desc);
    return elems > 0 && elems < (int64_t)1 << 30;
}

static davit_vector_shape vector_window(davit_vector_kind kind, const davit_tensor_desc *x,
                                        const davit_window *w)
{
    return (davit_vector_shape){.kind = kind,
                                .images = (uint32_t)x->dims[0],
                                .in_h = (uint32_t)w->in[0],
                                .in_w = (uint32_t)w->in[1],
                                .channels = (uint32_t)x->dims[1],
                                .kernel_h = (uint32_t)w->kernel[0],
                                .kernel_w = (uint32_t)w->kernel[1],
                                .stride_h = (uint32_t)w->stride[0],
                                .stride_w = (uint32_t)w->stride[1],
                                .dilation_h = (uint32_t)w->dilation[0],
                                .dilation_w = (uint32_t)w->dilation[1],
                                .pad_top = (uint32_t)w->pad_begin[0],
                                .pad_left = (uint32_t)w->pad_begin[1],
                                .out_h = (uint32_t)w->out[0],
                                .out_w = (uint32_t)w->out[1]};
}

static davit_gemm_shape gemm_window(const davit_tensor_desc *x, const davit_window *w,
                                    int64_t columns)
{
    const davit_vector_shape v = vector_window(DAVIT_VECTOR_DEPTHWISE, x, w);
    return (davit_gemm_shape){.images = v.images,
                              .in_h = v.in_h,
                              .in_w = v.in_w,
                              .channels = v.channels,
                              .kernel_h = v.kernel_h,
                              .kernel_w = v.kernel_w,
                              .stride_h = v.stride_h,
                              .stride_w = v.stride_w,
                              .dilation_h = v.dilation_h,
                              .dilation_w = v.dilation_w,
                              .pad_top = v.pad_top,
                              .pad_left = v.pad_left,
                              .out_h = v.out_h,
                              .out_w = v.out_w,
                              .columns = (uint32_t)columns};
}

/* The window of a node of rank 4 whose numbers fit the engine's; NULL, or why not. */
static const char *resolve(const davit_graph *graph, const davit_node *node,
                           const davit_tensor_desc *weights, davit_window *window)
{
    const davit_tensor_desc *x = input(graph, node, 0);
    if (x->rank != 4) {
        return "not of rank 4";
    }
    if (!is_small(x) || !is_small(result(graph, node))) {
        return "a tensor that is empty or larger than 1 GiB";
    }
    const davit_window_spec spec = {.node = node, .x = x, .weights = weights};
    if (davit_window_resolve(&spec, NULL, window) != DAVIT_OK) {
        return "its window";
    }
    for (int i = 0; i < 2; i++) {
        if (window->kernel[i] > INT32_MAX || window->stride[i] > INT32_MAX ||
            window->dilation[i] > INT32_MAX || window->pad_begin[i] < 0 ||
            window->pad_begin[i] > INT32_MAX) {
            return "its window";
        }
    }
    return NULL;
}

/* The shape that fits: as it is, or with the columns padded to a multiple of 64. */
static const char *fit_gemm(const davit_gemm_geometry *geometry, davit_gemm_shape *shape)
{
    davit_gemm_layout layout;
    const char *why = davit_gemm_plan(geometry, shape, &layout);
    uint32_t rest = shape->columns % DAVIT_ENGINE_WORD;
    if (why != NULL && rest != 0) {
        shape->columns += DAVIT_ENGINE_WORD - rest;
        why = davit_gemm_plan(geometry, shape, &layout);
    }
    return why;
}

static const char *fit_vector(const davit_vector_shape *shape)
{
    davit_vector_layout layout;
    return davit_vector_plan(shape, &layout);
}

static const char *convolution(const davit_graph *graph, const davit_node *node,
                               const davit_gemm_geometry *geometry, davit_engine_call *out)
{
    const davit_tensor_desc *x = input(graph, node, 0);
    const davit_tensor_desc *weights = input(graph, node, 1);
    davit_window window;
    const char *why = resolve(graph, node, weights, &window);
    if (why != NULL) {
        return why;
    }
    if (weights->dtype != DAVIT_S8) {
        return "weights of 9 bits";
    }
    bool residual = node->input_count > 3 && node->inputs[3] != DAVIT_NONE;
    int64_t groups = davit_node_int(node, "group", 1);
    if (groups == 1) {
        out->gemm_shape = gemm_window(x, &window, weights->dims[0]);
        out->gemm_shape.residual = residual;
        return fit_gemm(geometry, &out->gemm_shape);
    }
    if (groups != x->dims[1] || groups != weights->dims[0]) {
        return "groups of several channels";
    }
    if (residual) {
        return "a depthwise convolution with a residual";
    }
    out->vector = true;
    out->vector_shape = vector_window(DAVIT_VECTOR_DEPTHWISE, x, &window);
    return fit_vector(&out->vector_shape);
}

static const char *product(const davit_graph *graph, const davit_node *node,
                           const davit_gemm_geometry *geometry, davit_engine_call *out)
{
    const davit_tensor_desc *x = input(graph, node, 0);
    const davit_tensor_desc *weights = input(graph, node, 1);
    if (weights->dtype != DAVIT_S8) {
        return "weights of 9 bits";
    }
    if (!is_small(x) || !is_small(weights) || !is_small(result(graph, node))) {
        return "a tensor that is empty or larger than 1 GiB";
    }
    int64_t depth = weights->dims[0];
    out->gemm_shape = davit_gemm_matrix((uint32_t)(davit_tensor_desc_elems(x) / depth),
                                        (uint32_t)depth, (uint32_t)weights->dims[1]);
    out->gemm_shape.residual = node->input_count > 3 && node->inputs[3] != DAVIT_NONE;
    return fit_gemm(geometry, &out->gemm_shape);
}

static const char *pool(const davit_graph *graph, const davit_node *node, davit_vector_kind kind,
                        davit_engine_call *out)
{
    const davit_tensor_desc *x = input(graph, node, 0);
    davit_window window;
    if (!is_8_bit(x)) {
        return "element type other than u8 and s8";
    }
    if (node->output_count > 1 && node->outputs[1] != DAVIT_NONE) {
        return "indices of the maxima";
    }
    const char *why = resolve(graph, node, NULL, &window);
    if (why != NULL) {
        return why;
    }
    out->vector = true;
    out->vector_shape = vector_window(kind, x, &window);
    return fit_vector(&out->vector_shape);
}

static const char *addition(const davit_graph *graph, const davit_node *node,
                            davit_engine_call *out)
{
    const davit_tensor_desc *a = input(graph, node, 0);
    if (!davit_tensor_desc_same_shape(a, input(graph, node, 1))) {
        return "broadcasting";
    }
    if (!is_small(a)) {
        return "a tensor that is empty or larger than 1 GiB";
    }
    out->vector = true;
    out->vector_shape = (davit_vector_shape){.kind = DAVIT_VECTOR_ADDITION,
                                             .images = 1,
                                             .in_h = 1,
                                             .in_w = 1,
                                             .channels = (uint32_t)davit_tensor_desc_elems(a),
                                             .kernel_h = 1,
                                             .kernel_w = 1,
                                             .stride_h = 1,
                                             .stride_w = 1,
                                             .dilation_h = 1,
                                             .dilation_w = 1,
                                             .out_h = 1,
                                             .out_w = 1};
    return fit_vector(&out->vector_shape);
}

const char *davit_engine_unit(const davit_graph *graph, const davit_unit *unit,
                              const davit_gemm_geometry *geometry, davit_engine_call *out)
{
    const davit_node *node = &graph->nodes[unit->anchor];
    davit_engine_call call = {0};
    const char *why;
    switch (node->op->op) {
    case DAVIT_OP_IntegerConv:
        why = convolution(graph, node, geometry, &call);
        break;
    case DAVIT_OP_IntegerMatMul:
        why = product(graph, node, geometry, &call);
        break;
    case DAVIT_OP_MaxPool:
        why = pool(graph, node, DAVIT_VECTOR_MAXIMUM, &call);
        break;
    case DAVIT_OP_IntegerAveragePool:
        why = pool(graph, node, DAVIT_VECTOR_AVERAGE, &call);
        break;
    case DAVIT_OP_IntegerAdd:
        why = addition(graph, node, &call);
        break;
    default:
        why = "";
        break;
    }
    if (why == NULL) {
        *out = call;
    }
    return why;
}
