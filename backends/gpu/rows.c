/* Reductions, global pools, softmax and normalisations. */
#include "operators.h"

/* ---- reductions ---- */

static bool is_global_pool(davit_op op)
{
    return op == DAVIT_OP_GlobalAveragePool || op == DAVIT_OP_GlobalMaxPool;
}

/* The axes to reduce; false when they are not constant. */
static bool axes_of(const davit_graph *graph, const davit_node *node, bool *reduced)
{
    int rank = davit_node_input(graph, node, 0)->rank;
    const davit_tensor *axes = davit_node_constant(graph, node, 1);
    int64_t given[DAVIT_MAX_RANK];
    if (is_global_pool(node->op->op)) {
        for (int i = 0; i < rank; i++) {
            reduced[i] = i >= 2;
        }
        return true;
    }
    if (davit_node_has_input(node, 1) && axes == NULL) {
        return false;
    }
    size_t count = axes != NULL ? davit_constant_ints(axes, given, DAVIT_MAX_RANK) : 0;
    bool all = count == 0 && davit_node_int(node, "noop_with_empty_axes", 0) == 0;
    for (int i = 0; i < rank; i++) {
        reduced[i] = all;
    }
    for (size_t i = 0; i < count; i++) {
        reduced[davit_node_axis(given[i], rank)] = true;
    }
    return true;
}

/* Kept and reduced dimensions, in the order of the result in a layout. */
static bool split(const davit_tensor_desc *x, davit_gpu_layout layout, const bool *reduced,
                  davit_gpu_reduce_params *params)
{
    int64_t strides[DAVIT_MAX_RANK], flags[DAVIT_MAX_RANK], dims[DAVIT_MAX_RANK];
    int64_t ordered[DAVIT_MAX_RANK], ordered_flags[DAVIT_MAX_RANK];
    int64_t parts[2][DAVIT_MAX_RANK], part_strides[2][DAVIT_MAX_RANK];
    int counts[2] = {0, 0};
    davit_gpu_strides(x, layout, strides);
    for (int i = 0; i < x->rank; i++) {
        flags[i] = reduced[i];
    }
    davit_gpu_order(x, layout, x->dims, dims);
    davit_gpu_order(x, layout, strides, ordered);
    davit_gpu_order(x, layout, flags, ordered_flags);
    for (int i = 0; i < x->rank; i++) {
        int part = ordered_flags[i] != 0;
        parts[part][counts[part]] = dims[i];
        part_strides[part][counts[part]++] = ordered[i];
    }
    const int64_t *kept[] = {part_strides[0]}, *gone[] = {part_strides[1]};
    int *const kept_out[] = {params->strides}, *const gone_out[] = {params->reduced_strides};
    return davit_gpu_merge(counts[0], parts[0], 1, kept, params->dims, kept_out) &&
           davit_gpu_merge(counts[1], parts[1], 1, gone, params->reduced, gone_out);
}

static const char *refuse_reduction(const davit_graph *graph, const davit_unit *unit)
{
    const davit_node *node = &graph->nodes[unit->anchor];
    const davit_tensor_desc *x = davit_node_input(graph, node, 0);
    bool reduced[DAVIT_MAX_RANK];
    davit_gpu_reduce_params params;
    if (!axes_of(graph, node, reduced)) {
        return "axes that are not constant";
    }
    return split(x, DAVIT_GPU_DENSE, reduced, &params) &&
                   split(x, DAVIT_GPU_CHANNELS_LAST, reduced, &params)
               ? NULL
               : "axes apart from each other";
}

static int reduction_of(davit_op op)
{
    switch (op) {
    case DAVIT_OP_GlobalMaxPool:
    case DAVIT_OP_ReduceMax:
        return DAVIT_GPU_REDUCE_MAX;
    case DAVIT_OP_ReduceMin:
        return DAVIT_GPU_REDUCE_MIN;
    case DAVIT_OP_ReduceProd:
        return DAVIT_GPU_REDUCE_PROD;
    case DAVIT_OP_ReduceL1:
        return DAVIT_GPU_REDUCE_L1;
    case DAVIT_OP_ReduceL2:
        return DAVIT_GPU_REDUCE_L2;
    case DAVIT_OP_ReduceSumSquare:
        return DAVIT_GPU_REDUCE_SQUARES;
    case DAVIT_OP_ReduceLogSum:
        return DAVIT_GPU_REDUCE_LOG_SUM;
    default: /* ReduceSum, ReduceMean, GlobalAveragePool */
        return DAVIT_GPU_REDUCE_SUM;
    }
}

static davit_status build_reduction(davit_gpu_builder *builder, const davit_unit *unit,
                                    const davit_node *node)
{
    const davit_tensor_desc *x = davit_node_input(builder->graph, node, 0);
    const davit_tensor_desc *y = davit_gpu_desc(builder, unit->outputs[0]);
    davit_op op = node->op->op;
    bool reduced[DAVIT_MAX_RANK];
    (void)axes_of(builder->graph, node, reduced);
    /* The result in another layout than dense only where it keeps the axes. */
    davit_gpu_layout layout = x->rank == y->rank ? davit_gpu_layout_of(builder, node->inputs[0])
                                                 : DAVIT_GPU_DENSE;
    davit_gpu_reduce_params params = {.count = (int)davit_tensor_desc_elems(y),
                                      .function = reduction_of(op),
                                      .factor = 1.0f};
    (void)split(x, layout, reduced, &params);
    params.reduced_count = (int)(davit_tensor_desc_elems(x) / params.count);
    if (op == DAVIT_OP_ReduceMean || op == DAVIT_OP_GlobalAveragePool) {
        params.factor = 1.0f / (float)params.reduced_count;
    }
    davit_gpu_call call = {.kernel = "reduce_f32",
                           .groups = {(uint32_t)params.count},
                           .threads = DAVIT_GPU_ROW_THREADS,
                           .params = &params,
                           .param_bytes = sizeof(params),
                           .operand_count = 2};
    davit_status status = davit_gpu_get(builder, node->inputs[0], layout, &call.operands[0]);
    if (status == DAVIT_OK) {
        status = davit_gpu_make(builder, unit->outputs[0], layout, &call.operands[1]);
    }
    return status == DAVIT_OK ? davit_gpu_launch_add(builder, &call) : status;
}

/* ---- rows ---- */

static void choose_rows(const davit_gpu_builder *builder, const davit_gpu_row_params *params,
                        davit_gpu_call *call)
{
    const davit_gpu_tuning *tuning = builder->tuning;
    davit_gpu_row_choice choice = {call->kernel, 1, DAVIT_GPU_ROW_THREADS};
    if (tuning != NULL && tuning->choose_rows != NULL && params->stride == 1) {
        tuning->choose_rows(tuning->user, (uint32_t)params->count, &choice);
    }
    call->kernel = choice.kernel;
    call->threads = choice.threads;
    call->groups[0] = ((uint32_t)params->rows + choice.rows - 1) / choice.rows;
}

static davit_status launch_rows(davit_gpu_builder *builder, const davit_unit *unit,
                                const davit_node *node, const char *kernel,
                                const davit_gpu_row_params *params)
{
    bool normalizes = node->op->op != DAVIT_OP_Softmax && node->op->op != DAVIT_OP_LogSoftmax;
    davit_gpu_call call = {.kernel = kernel,
                           .params = params,
                           .param_bytes = sizeof(*params),
                           .operand_count = normalizes ? 4 : 2};
    choose_rows(builder, params, &call);
    davit_status status =
        davit_gpu_get(builder, node->inputs[0], DAVIT_GPU_DENSE, &call.operands[0]);
    for (uint32_t i = 1; i < 3 && status == DAVIT_OK && normalizes; i++) {
        call.operands[i] = davit_gpu_absent();
        if (davit_node_has_input(node, i)) {
            status = davit_gpu_get(builder, node->inputs[i], DAVIT_GPU_DENSE, &call.operands[i]);
        }
    }
    if (status == DAVIT_OK) {
        status = davit_gpu_make(builder, unit->outputs[0], DAVIT_GPU_DENSE,
                                &call.operands[call.operand_count - 1]);
    }
    return status == DAVIT_OK ? davit_gpu_launch_add(builder, &call) : status;
}

static const char *refuse_softmax(const davit_graph *graph, const davit_unit *unit)
{
    return davit_node_input(graph, &graph->nodes[unit->anchor], 0)->rank == 0 ? "scalar" : NULL;
}

/* With coerce_2d (opsets below 13) all dimensions from axis on are a row, and axis may be the
 * rank. */
static davit_status build_softmax(davit_gpu_builder *builder, const davit_unit *unit,
                                  const davit_node *node)
{
    const davit_tensor_desc *x = davit_node_input(builder->graph, node, 0);
    bool flat = davit_node_int(node, "coerce_2d", 0) != 0;
    int axis = davit_node_axis(davit_node_int(node, "axis", -1), x->rank);
    davit_gpu_row_params params = {
        .count = 1, .stride = 1, .log = node->op->op == DAVIT_OP_LogSoftmax};
    for (int i = axis; i < x->rank; i++) {
        if (i == axis || flat) {
            params.count *= (int)x->dims[i];
        } else {
            params.stride *= (int)x->dims[i];
        }
    }
    params.rows = (int)(davit_tensor_desc_elems(x) / params.count);
    return launch_rows(builder, unit, node, "softmax_f32", &params);
}

static int64_t slice_elems(const davit_tensor_desc *x, int axis)
{
    int64_t elems = 1;
    for (int i = axis; i < x->rank; i++) {
        elems *= x->dims[i];
    }
    return elems;
}

static const char *refuse_layer(const davit_graph *graph, const davit_unit *unit)
{
    const davit_node *node = &graph->nodes[unit->anchor];
    const davit_tensor_desc *x = davit_node_input(graph, node, 0);
    const char *reason = davit_gpu_refuse_outputs(graph, unit);
    if (reason != NULL || x->rank == 0) {
        return reason != NULL ? reason : "scalar";
    }
    int64_t elems = slice_elems(x, davit_node_axis(davit_node_int(node, "axis", -1), x->rank));
    for (uint32_t i = 1; i < 3; i++) {
        if (davit_node_has_input(node, i) &&
            davit_tensor_desc_elems(davit_node_input(graph, node, i)) != elems) {
            return "broadcast scale";
        }
    }
    return NULL;
}

static davit_status build_layer(davit_gpu_builder *builder, const davit_unit *unit,
                                const davit_node *node)
{
    const davit_tensor_desc *x = davit_node_input(builder->graph, node, 0);
    int axis = davit_node_axis(davit_node_int(node, "axis", -1), x->rank);
    davit_gpu_row_params params = {.count = (int)slice_elems(x, axis),
                                   .stride = 1,
                                   .epsilon = davit_node_float(node, "epsilon", 1e-5f)};
    params.rows = (int)(davit_tensor_desc_elems(x) / params.count);
    return launch_rows(builder, unit, node, "layer_norm_f32", &params);
}

static const char *refuse_instance(const davit_graph *graph, const davit_unit *unit)
{
    const davit_tensor_desc *x = davit_node_input(graph, &graph->nodes[unit->anchor], 0);
    return x->rank < 3 ? "no spatial axis" : davit_gpu_refuse_outputs(graph, unit);
}

static davit_status build_instance(davit_gpu_builder *builder, const davit_unit *unit,
                                   const davit_node *node)
{
    const davit_tensor_desc *x = davit_node_input(builder->graph, node, 0);
    davit_gpu_row_params params = {.count = (int)slice_elems(x, 2),
                                   .stride = 1,
                                   .channels = (int)x->dims[1],
                                   .epsilon = davit_node_float(node, "epsilon", 1e-5f)};
    params.rows = (int)(davit_tensor_desc_elems(x) / params.count);
    return launch_rows(builder, unit, node, "instance_norm_f32", &params);
}

static const davit_gpu_operator operators[] = {
    {DAVIT_OP_GlobalAveragePool, DAVIT_GPU_FLOATS, refuse_reduction, build_reduction},
    {DAVIT_OP_GlobalMaxPool, DAVIT_GPU_FLOATS, refuse_reduction, build_reduction},
    {DAVIT_OP_InstanceNormalization, DAVIT_GPU_FLOATS, refuse_instance, build_instance},
    {DAVIT_OP_LayerNormalization, DAVIT_GPU_FLOATS, refuse_layer, build_layer},
    {DAVIT_OP_LogSoftmax, DAVIT_GPU_FLOATS, refuse_softmax, build_softmax},
    {DAVIT_OP_ReduceL1, DAVIT_GPU_FLOATS, refuse_reduction, build_reduction},
    {DAVIT_OP_ReduceL2, DAVIT_GPU_FLOATS, refuse_reduction, build_reduction},
    {DAVIT_OP_ReduceLogSum, DAVIT_GPU_FLOATS, refuse_reduction, build_reduction},
    {DAVIT_OP_ReduceMax, DAVIT_GPU_FLOATS, refuse_reduction, build_reduction},
    {DAVIT_OP_ReduceMean, DAVIT_GPU_FLOATS, refuse_reduction, build_reduction},
    {DAVIT_OP_ReduceMin, DAVIT_GPU_FLOATS, refuse_reduction, build_reduction},
    {DAVIT_OP_ReduceProd, DAVIT_GPU_FLOATS, refuse_reduction, build_reduction},
    {DAVIT_OP_ReduceSum, DAVIT_GPU_FLOATS, refuse_reduction, build_reduction},
    {DAVIT_OP_ReduceSumSquare, DAVIT_GPU_FLOATS, refuse_reduction, build_reduction},
    {DAVIT_OP_Softmax, DAVIT_GPU_FLOATS, refuse_softmax, build_softmax}};

const davit_gpu_family davit_gpu_rows = DAVIT_GPU_FAMILY(operators);
