#include "float_unit.h"

#include "davit/window.h"

static const davit_tensor_desc *input(const davit_graph *graph, const davit_node *node, uint32_t i)
{
    return &graph->values[node->inputs[i]].desc;
}

static bool has_residual(const davit_unit *unit)
{
    for (uint32_t i = 0; i < unit->epilogue_count; i++) {
        if (unit->epilogues[i].kind == DAVIT_EPILOGUE_RESIDUAL) {
            return true;
        }
    }
    return false;
}

static davit_vector_shape window_shape(davit_vector_kind kind, const davit_tensor_desc *x,
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

static const char *fit_vector(davit_engine_call *call)
{
    davit_vector_layout layout;
    call->vector = true;
    return davit_vector_plan(&call->vector_shape, &layout);
}

static const char *convolution(const davit_graph *graph, const davit_unit *unit,
                               const davit_gemm_geometry *geometry, davit_engine_call *out)
{
    const davit_node *node = &graph->nodes[unit->anchor];
    const davit_tensor_desc *x = input(graph, node, 0);
    const davit_tensor_desc *weights = input(graph, node, 1);
    const davit_window_spec spec = {.node = node, .x = x, .weights = weights};
    davit_window window;
    if (x->rank != 4 || davit_window_resolve(&spec, NULL, &window) != DAVIT_OK) {
        return "not of rank 4";
    }
    int64_t groups = davit_node_int(node, "group", 1);
    davit_vector_shape v = window_shape(DAVIT_VECTOR_DEPTHWISE, x, &window);
    if (groups == 1) {
        out->gemm_shape = (davit_gemm_shape){
            v.images,          v.in_h,     v.in_w,     v.channels,   v.kernel_h,
            v.kernel_w,        v.stride_h, v.stride_w, v.dilation_h, v.dilation_w,
            v.pad_top,         v.pad_left, v.out_h,    v.out_w,      (uint32_t)weights->dims[0],
            has_residual(unit)};
        return fit_gemm(geometry, &out->gemm_shape);
    }
    if (groups != x->dims[1] || groups != weights->dims[0]) {
        return "groups of several channels";
    }
    out->vector_shape = v;
    return fit_vector(out);
}

static const char *product(const davit_graph *graph, const davit_unit *unit,
                           const davit_gemm_geometry *geometry, davit_engine_call *out)
{
    const davit_node *node = &graph->nodes[unit->anchor];
    const davit_tensor_desc *x = input(graph, node, 0);
    const davit_tensor_desc *w = input(graph, node, 1);
    bool transposed = node->op->op == DAVIT_OP_Gemm && davit_node_int(node, "transB", 0) != 0;
    if (w->rank != 2 || graph->values[node->inputs[1]].constant == NULL) {
        return "two products of activations";
    }
    int64_t k = w->dims[transposed ? 1 : 0];
    int64_t n = w->dims[transposed ? 0 : 1];
    out->gemm_shape =
        davit_gemm_matrix((uint32_t)(davit_tensor_desc_elems(x) / k), (uint32_t)k, (uint32_t)n);
    out->gemm_shape.residual = has_residual(unit);
    return fit_gemm(geometry, &out->gemm_shape);
}

static const char *pool(const davit_graph *graph, const davit_node *node, davit_vector_kind kind,
                        davit_engine_call *out)
{
    const davit_tensor_desc *x = input(graph, node, 0);
    const davit_window_spec spec = {.node = node, .x = x};
    davit_window window = {.axes = 2};
    if (x->rank != 4) {
        return "not of rank 4";
    }
    if (node->op->op == DAVIT_OP_GlobalAveragePool) {
        for (int i = 0; i < 2; i++) {
            window.in[i] = window.kernel[i] = x->dims[2 + i];
            window.out[i] = window.stride[i] = window.dilation[i] = 1;
        }
    } else if (davit_window_resolve(&spec, NULL, &window) != DAVIT_OK) {
        return "its window";
    }
    out->vector_shape = window_shape(kind, x, &window);
    return fit_vector(out);
}

static const char *addition(const davit_graph *graph, const davit_node *node,
                            davit_engine_call *out)
{
    const davit_tensor_desc *a = input(graph, node, 0);
    if (!davit_tensor_desc_same_shape(a, input(graph, node, 1))) {
        return "broadcasting";
    }
    out->vector_shape = (davit_vector_shape){DAVIT_VECTOR_ADDITION,
                                             1,
                                             1,
                                             1,
                                             (uint32_t)davit_tensor_desc_elems(a),
                                             1,
                                             1,
                                             1,
                                             1,
                                             1,
                                             1,
                                             0,
                                             0,
                                             1,
                                             1};
    return fit_vector(out);
}

const char *davit_float_unit(const davit_graph *graph, const davit_unit *unit,
                             const davit_gemm_geometry *geometry, davit_engine_call *out)
{
    const davit_node *node = &graph->nodes[unit->anchor];
    *out = (davit_engine_call){0};
    switch (node->op->op) {
    case DAVIT_OP_Conv:
        return convolution(graph, unit, geometry, out);
    case DAVIT_OP_Gemm:
    case DAVIT_OP_MatMul:
        return product(graph, unit, geometry, out);
    case DAVIT_OP_MaxPool:
        return pool(graph, node, DAVIT_VECTOR_MAXIMUM, out);
    case DAVIT_OP_AveragePool:
    case DAVIT_OP_GlobalAveragePool:
        return pool(graph, node, DAVIT_VECTOR_AVERAGE, out);
    case DAVIT_OP_Add:
        return addition(graph, node, out);
    default:
        return "";
    }
}
