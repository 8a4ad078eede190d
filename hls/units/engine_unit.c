#include "davit/engine_unit.h"

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
    const davit_tensor_desc *x = davit_engine_input(graph, node, 0);
    const davit_tensor_desc *weights = davit_engine_input(graph, node, 1);
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
    const davit_tensor_desc *x = davit_engine_input(graph, node, 0);
    const davit_tensor_desc *weights = davit_engine_input(graph, node, 1);
    if (weights->dtype != DAVIT_S8) {
        return "weights of 9 bits";
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

static const char *pool(const davit_graph *graph, const davit_node *node, davit_vector_kind kind,
                        davit_engine_call *out)
{
    const davit_tensor_desc *x = davit_engine_input(graph, node, 0);
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
    return davit_engine_fit_vector(&out->vector_shape);
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
        why = "";
        break;
    }
    if (why == NULL) {
        *out = call;
    }
    return why;
}
