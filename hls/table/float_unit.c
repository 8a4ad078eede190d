#include "float_unit.h"

#include "../units/shapes.h"

static bool has_residual(const davit_unit *unit)
{
    for (uint32_t i = 0; i < unit->epilogue_count; i++) {
        if (unit->epilogues[i].kind == DAVIT_EPILOGUE_RESIDUAL) {
            return true;
        }
    }
    return false;
}

static const char *convolution(const davit_graph *graph, const davit_unit *unit,
                               const davit_gemm_geometry *geometry, davit_engine_call *out)
{
    const davit_node *node = &graph->nodes[unit->anchor];
    const davit_tensor_desc *x = davit_node_input(graph, node, 0);
    const davit_tensor_desc *weights = davit_node_input(graph, node, 1);
    davit_window window;
    const char *why = davit_engine_window(graph, node, weights, &window);
    if (why != NULL) {
        return why;
    }
    int64_t groups = davit_node_int(node, "group", 1);
    if (groups == 1) {
        out->gemm_shape = davit_engine_gemm_window(x, &window, weights->dims[0]);
        out->gemm_shape.residual = has_residual(unit);
        return davit_engine_fit_gemm(geometry, &out->gemm_shape);
    }
    if (groups != x->dims[1] || groups != weights->dims[0]) {
        return "groups of several channels";
    }
    out->vector = true;
    out->vector_shape = davit_engine_vector_window(DAVIT_VECTOR_DEPTHWISE, x, &window);
    return davit_engine_fit_vector(&out->vector_shape);
}

static const char *product(const davit_graph *graph, const davit_unit *unit,
                           const davit_gemm_geometry *geometry, davit_engine_call *out)
{
    const davit_node *node = &graph->nodes[unit->anchor];
    const davit_tensor_desc *x = davit_node_input(graph, node, 0);
    const davit_tensor_desc *w = davit_node_input(graph, node, 1);
    bool transposed = node->op->op == DAVIT_OP_Gemm && davit_node_int(node, "transB", 0) != 0;
    if (w->rank != 2 || graph->values[node->inputs[1]].constant == NULL) {
        return "two products of activations";
    }
    if (!davit_engine_takes(x) || !davit_engine_takes(w)) {
        return "a tensor that is empty or larger than 1 GiB";
    }
    int64_t k = w->dims[transposed ? 1 : 0];
    int64_t n = w->dims[transposed ? 0 : 1];
    out->gemm_shape =
        davit_gemm_matrix((uint32_t)(davit_tensor_desc_elems(x) / k), (uint32_t)k, (uint32_t)n);
    out->gemm_shape.residual = has_residual(unit);
    return davit_engine_fit_gemm(geometry, &out->gemm_shape);
}

static const char *pool(const davit_graph *graph, const davit_node *node, davit_vector_kind kind,
                        davit_engine_call *out)
{
    const davit_tensor_desc *x = davit_node_input(graph, node, 0);
    davit_window window = {.axes = 2};
    const char *why = NULL;
    if (node->op->op != DAVIT_OP_GlobalAveragePool) {
        why = davit_engine_window(graph, node, NULL, &window);
    } else if (x->rank != 4 || !davit_engine_takes(x)) {
        why = "not of rank 4, empty or larger than 1 GiB";
    } else {
        for (int i = 0; i < 2; i++) {
            window.in[i] = window.kernel[i] = x->dims[2 + i];
            window.out[i] = window.stride[i] = window.dilation[i] = 1;
        }
    }
    if (why != NULL) {
        return why;
    }
    out->vector = true;
    out->vector_shape = davit_engine_vector_window(kind, x, &window);
    return davit_engine_fit_vector(&out->vector_shape);
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
        out->vector = true;
        return davit_engine_addition(graph, node, &out->vector_shape);
    default:
        return "";
    }
}
