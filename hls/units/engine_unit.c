#include "davit/engine_unit.h"

#include "davit/requantize.h"
#include "davit/work_class.h"
#include "shapes.h"

static const davit_tensor_desc *result(const davit_graph *graph, const davit_node *node)
{
    return &graph->values[node->outputs[0]].desc;
}

static bool is_8_bit(const davit_tensor_desc *desc)
{
    return desc->dtype == DAVIT_S8 || desc->dtype == DAVIT_U8;
}

static const char *convolution(const davit_graph *graph, const davit_node *node,
                               const davit_gemm_geometry *geometry, davit_engine_call *out)
{
    const davit_tensor_desc *x = davit_node_input(graph, node, 0);
    const davit_tensor_desc *weights = davit_node_input(graph, node, 1);
    davit_window window;
    const char *why = davit_engine_window(graph, node, weights, &window);
    if (why != NULL) {
        return why;
    }
    if (weights->dtype != DAVIT_S8) {
        return "weights of 9 bits";
    }
    bool residual = node->input_count > 3 && node->inputs[3] != DAVIT_NONE;
    int64_t groups = davit_node_int(node, "group", 1);
    if (groups == 1) {
        out->gemm_shape = davit_engine_gemm_window(x, &window, weights->dims[0]);
        out->gemm_shape.residual = residual;
        return davit_engine_fit_gemm(geometry, &out->gemm_shape);
    }
    if (groups != x->dims[1] || groups != weights->dims[0]) {
        return "groups of several channels";
    }
    if (residual) {
        return "a depthwise convolution with a residual";
    }
    out->vector = true;
    out->vector_shape = davit_engine_vector_window(DAVIT_VECTOR_DEPTHWISE, x, &window);
    return davit_engine_fit_vector(&out->vector_shape);
}

static const char *product(const davit_graph *graph, const davit_node *node,
                           const davit_gemm_geometry *geometry, davit_engine_call *out)
{
    const davit_tensor_desc *x = davit_node_input(graph, node, 0);
    const davit_tensor_desc *weights = davit_node_input(graph, node, 1);
    if (weights->dtype != DAVIT_S8) {
        return "weights of 9 bits";
    }
    if (x->rank == 4) {
        return "a matrix product of rank 4";
    }
    if (!davit_engine_takes(x) || !davit_engine_takes(weights) ||
        !davit_engine_takes(result(graph, node))) {
        return "a tensor that is empty or larger than 1 GiB";
    }
    int64_t depth = weights->dims[0];
    out->gemm_shape = davit_gemm_matrix((uint32_t)(davit_tensor_desc_elems(x) / depth),
                                        (uint32_t)depth, (uint32_t)weights->dims[1]);
    out->gemm_shape.residual = node->input_count > 3 && node->inputs[3] != DAVIT_NONE;
    return davit_engine_fit_gemm(geometry, &out->gemm_shape);
}

/* How the divisors of an average depend on the place: not at all, or by the taps inside. */
static const char *find_divisor(const davit_node *node, const davit_window *w,
                                davit_engine_call *out)
{
    bool same = true;
    bool counted = w->kernel[0] * w->kernel[1] < DAVIT_VECTOR_FACTORS;
    int64_t divisor = 1;
    for (int i = 0; i < 2; i++) {
        davit_average_axis axis = {.in = w->in[i],
                                   .kernel = w->kernel[i],
                                   .stride = w->stride[i],
                                   .dilation = w->dilation[i],
                                   .pad_begin = w->pad_begin[i],
                                   .pad_end = w->pad_end[i]};
        int64_t first = 0;
        for (int64_t o = 0; o < w->out[i]; o++) {
            axis.include_pad = false;
            int64_t inside = davit_average_extent(&axis, o);
            axis.include_pad = davit_node_int(node, "count_include_pad", 0) != 0;
            int64_t extent = davit_average_extent(&axis, o);
            first = o == 0 ? extent : first;
            same = same && extent == first;
            counted = counted && extent == inside;
        }
        divisor *= first;
    }
    out->divisor = same ? divisor : 0;
    return same || counted ? NULL : "an average whose divisors depend on more than the taps inside";
}

static const char *pool(const davit_graph *graph, const davit_node *node, davit_vector_kind kind,
                        davit_engine_call *out)
{
    const davit_tensor_desc *x = davit_node_input(graph, node, 0);
    davit_window window;
    if (!is_8_bit(x)) {
        return "element type other than u8 and s8";
    }
    if (node->output_count > 1 && node->outputs[1] != DAVIT_NONE) {
        return "indices of the maxima";
    }
    const char *why = davit_engine_window(graph, node, NULL, &window);
    if (why != NULL) {
        return why;
    }
    out->vector = true;
    out->vector_shape = davit_engine_vector_window(kind, x, &window);
    why = davit_engine_fit_vector(&out->vector_shape);
    if (why == NULL && kind == DAVIT_VECTOR_AVERAGE) {
        why = find_divisor(node, &window, out);
    }
    return why;
}

/* The same bytes under another shape. */
static const char *view(const davit_graph *graph, const davit_node *node, davit_engine_call *out)
{
    const davit_tensor_desc *x = davit_node_input(graph, node, 0);
    if (!is_8_bit(x)) {
        return "element type other than u8 and s8";
    }
    if (!davit_engine_takes(x)) {
        return "a tensor that is empty or larger than 1 GiB";
    }
    out->view = true;
    return NULL;
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
        call.vector = true;
        why = davit_engine_addition(graph, node, &call.vector_shape);
        break;
    default:
        why = davit_unit_work_class(graph, unit) == DAVIT_WORK_VIEW && node->output_count == 1
                  ? view(graph, node, &call)
                  : "";
        break;
    }
    if (why == NULL) {
        *out = call;
    }
    return why;
}
