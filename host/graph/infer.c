#include "davit/infer.h"

#include <stdio.h>

davit_status davit_infer_fail(const davit_infer *infer, davit_status status, const char *format,
                              ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return davit_fail(infer->diag, status, "node '%s' (%s): %s", infer->node->name,
                      infer->node->op->name, text);
}

int davit_infer_input_count(const davit_infer *infer)
{
    return (int)infer->node->input_count;
}

/* The value of input i, or NULL when it is absent. */
static const davit_value *input_value(const davit_infer *infer, int i)
{
    const davit_node *node = infer->node;
    if (i < 0 || (uint32_t)i >= node->input_count || node->inputs[i] == DAVIT_NONE) {
        return NULL;
    }
    return &infer->graph->values[node->inputs[i]];
}

const davit_tensor_desc *davit_infer_input(const davit_infer *infer, int i)
{
    const davit_value *value = input_value(infer, i);
    return value ? &value->desc : NULL;
}

const davit_tensor *davit_infer_constant(const davit_infer *infer, int i)
{
    const davit_value *value = input_value(infer, i);
    return value ? value->constant : NULL;
}

davit_status davit_infer_ints(const davit_infer *infer, int i, int64_t *values, size_t capacity,
                              size_t *count)
{
    const davit_tensor *tensor = davit_infer_constant(infer, i);
    if (!tensor) {
        return davit_infer_fail(infer, DAVIT_UNSUPPORTED, "input %d must be constant", i);
    }
    const davit_tensor_desc *desc = &tensor->desc;
    if ((desc->dtype != DAVIT_S32 && desc->dtype != DAVIT_S64) || desc->rank > 1) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA,
                                "input %d must be a list of integers (s32 or s64), not %s of "
                                "rank %d",
                                i, davit_dtype_name(desc->dtype), desc->rank);
    }
    int64_t elems = davit_tensor_desc_elems(desc);
    if ((uint64_t)elems > capacity) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA,
                                "input %d has %lld elements, at most %zu "
                                "are possible",
                                i, (long long)elems, capacity);
    }
    for (int64_t e = 0; e < elems; e++) {
        values[e] = desc->dtype == DAVIT_S64 ? ((const int64_t *)tensor->data)[e]
                                             : ((const int32_t *)tensor->data)[e];
    }
    *count = (size_t)elems;
    return DAVIT_OK;
}

bool davit_infer_has_output(const davit_infer *infer, int i)
{
    const davit_node *node = infer->node;
    return i >= 0 && (uint32_t)i < node->output_count && node->outputs[i] != DAVIT_NONE;
}

davit_status davit_infer_output(davit_infer *infer, int i, davit_dtype dtype, int rank,
                                const int64_t *dims)
{
    if (!davit_infer_has_output(infer, i)) {
        return DAVIT_OK;
    }
    char shape[128];
    davit_tensor_desc desc;
    davit_status status = davit_tensor_desc_dense(&desc, dtype, rank, dims);
    if (status == DAVIT_OK) {
        davit_value *value = &infer->graph->values[infer->node->outputs[i]];
        value->desc = desc;
        value->inferred = true;
        return DAVIT_OK;
    }
    if (rank < 0 || rank > DAVIT_MAX_RANK) {
        return davit_infer_fail(infer, DAVIT_UNSUPPORTED,
                                "output %d would have rank %d; at most %d is supported", i, rank,
                                DAVIT_MAX_RANK);
    }
    davit_shape_text(dims, rank, shape, sizeof(shape));
    if (status == DAVIT_OUT_OF_MEMORY) {
        return davit_infer_fail(infer, status, "output %d of shape %s and type %s is too large", i,
                                shape, davit_dtype_name(dtype));
    }
    return davit_infer_fail(infer, status == DAVIT_UNSUPPORTED ? status : DAVIT_BAD_DATA,
                            "output %d cannot have shape %s and type %s", i, shape,
                            davit_dtype_name(dtype));
}

davit_status davit_infer_axis(const davit_infer *infer, int64_t axis, int rank, int *out)
{
    if (axis < -(int64_t)rank || axis >= rank) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "axis %lld is not in [%d, %d)",
                                (long long)axis, -rank, rank);
    }
    *out = (int)(axis < 0 ? axis + rank : axis);
    return DAVIT_OK;
}

davit_status davit_infer_broadcast(const davit_infer *infer, int rank_a, const int64_t *a,
                                   int rank_b, const int64_t *b, int *rank, int64_t *dims)
{
    int64_t result[DAVIT_MAX_RANK];
    int result_rank = rank_a > rank_b ? rank_a : rank_b;
    for (int i = 0; i < result_rank; i++) {
        int in_a = i - (result_rank - rank_a);
        int in_b = i - (result_rank - rank_b);
        int64_t dim_a = in_a < 0 ? 1 : a[in_a];
        int64_t dim_b = in_b < 0 ? 1 : b[in_b];
        if (dim_a != dim_b && dim_a != 1 && dim_b != 1) {
            char text_a[96];
            char text_b[96];
            davit_shape_text(a, rank_a, text_a, sizeof(text_a));
            davit_shape_text(b, rank_b, text_b, sizeof(text_b));
            return davit_infer_fail(infer, DAVIT_BAD_DATA, "shapes %s and %s do not broadcast",
                                    text_a, text_b);
        }
        result[i] = dim_a == 1 ? dim_b : dim_a;
    }
    for (int i = 0; i < result_rank; i++) {
        dims[i] = result[i];
    }
    *rank = result_rank;
    return DAVIT_OK;
}

/* ---- one node ---- */

static davit_status check_arity(const davit_infer *infer)
{
    const davit_node *node = infer->node;
    const davit_op_info *op = node->op;
    if (op->max_inputs >= 0 && node->input_count > (uint32_t)op->max_inputs) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "%u inputs, at most %d are possible",
                                node->input_count, op->max_inputs);
    }
    for (int i = 0; i < op->min_inputs; i++) {
        if (!input_value(infer, i)) {
            return davit_infer_fail(infer, DAVIT_BAD_DATA, "input %d is missing", i);
        }
    }
    if (op->max_outputs >= 0 && node->output_count > (uint32_t)op->max_outputs) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "%u outputs, at most %d are possible",
                                node->output_count, op->max_outputs);
    }
    if (node->output_count < (uint32_t)op->min_outputs) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "%u outputs, at least %d are needed",
                                node->output_count, op->min_outputs);
    }
    return DAVIT_OK;
}

/* The mask of types that input i may have. */
static uint32_t type_mask(const davit_op_info *op, uint32_t i)
{
    uint32_t at = i < DAVIT_OP_MAX_TYPED_INPUTS ? i : DAVIT_OP_MAX_TYPED_INPUTS - 1;
    while (at > 0 && op->types[at] == 0) {
        at--;
    }
    return op->types[at];
}

static davit_status check_types(const davit_infer *infer)
{
    const davit_node *node = infer->node;
    for (uint32_t i = 0; i < node->input_count; i++) {
        const davit_tensor_desc *desc = davit_infer_input(infer, (int)i);
        if (desc && !(type_mask(node->op, i) & DAVIT_TYPE(desc->dtype))) {
            return davit_infer_fail(infer, DAVIT_UNSUPPORTED,
                                    "input %u of type %s is not supported", i,
                                    davit_dtype_name(desc->dtype));
        }
    }
    return DAVIT_OK;
}

davit_status davit_graph_infer_node(davit_graph *graph, davit_node_id node,
                                    const davit_diagnostics *diag)
{
    davit_infer infer = {.graph = graph, .node = &graph->nodes[node], .diag = diag};
    davit_status status = check_arity(&infer);
    if (status == DAVIT_OK) {
        status = check_types(&infer);
    }
    for (uint32_t i = 0; i < infer.node->input_count && i < 32 && status == DAVIT_OK; i++) {
        if ((infer.node->op->shape_inputs >> i & 1) != 0 && input_value(&infer, (int)i) &&
            !davit_infer_constant(&infer, (int)i)) {
            status = davit_infer_fail(&infer, DAVIT_UNSUPPORTED,
                                      "the shape of its result depends on the value of input %u, "
                                      "which is not known before the network runs",
                                      i);
        }
    }
    return status == DAVIT_OK ? infer.node->op->infer(&infer) : status;
}
