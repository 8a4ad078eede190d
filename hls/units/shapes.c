#include "shapes.h"

bool davit_engine_takes(const davit_tensor_desc *desc)
{
    int64_t elems = davit_tensor_desc_elems(desc);
    return elems > 0 && elems < (int64_t)1 << 30;
}

davit_vector_shape davit_engine_vector_window(davit_vector_kind kind, const davit_tensor_desc *x,
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

davit_gemm_shape davit_engine_gemm_window(const davit_tensor_desc *x, const davit_window *w,
                                          int64_t columns)
{
    const davit_vector_shape v = davit_engine_vector_window(DAVIT_VECTOR_DEPTHWISE, x, w);
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

const char *davit_engine_window(const davit_graph *graph, const davit_node *node,
                                const davit_tensor_desc *weights, davit_window *window)
{
    const davit_tensor_desc *x = davit_node_input(graph, node, 0);
    if (x->rank != 4) {
        return "not of rank 4";
    }
    if (!davit_engine_takes(x) || !davit_engine_takes(&graph->values[node->outputs[0]].desc)) {
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

const char *davit_engine_fit_gemm(const davit_gemm_geometry *geometry, davit_gemm_shape *shape)
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

const char *davit_engine_fit_vector(const davit_vector_shape *shape)
{
    davit_vector_layout layout;
    return davit_vector_plan(shape, &layout);
}

const char *davit_engine_addition(const davit_graph *graph, const davit_node *node,
                                  davit_vector_shape *out)
{
    const davit_tensor_desc *a = davit_node_input(graph, node, 0);
    if (!davit_tensor_desc_same_shape(a, davit_node_input(graph, node, 1))) {
        return "broadcasting";
    }
    if (!davit_engine_takes(a)) {
        return "a tensor that is empty or larger than 1 GiB";
    }
    *out = (davit_vector_shape){.kind = DAVIT_VECTOR_ADDITION,
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
    return davit_engine_fit_vector(out);
}
