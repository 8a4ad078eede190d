/* MaxPool, AveragePool and their global forms. */
#include "pool.h"

#include "davit/window.h"
#include "int8_image.h"
#include "operators.h"

static davit_status resolve(const davit_graph *graph, const davit_node *node, davit_window *window)
{
    const davit_window_spec spec = {.node = node, .x = davit_node_input(graph, node, 0)};
    return davit_window_resolve(&spec, NULL, window);
}

static int64_t range(const davit_window *w, int axis)
{
    return (w->kernel[axis] - 1) * w->dilation[axis] + 1;
}

/* The padding at the end that makes oneDNN's output shape (rounded down) that of the node. */
static int64_t padding_end(const davit_window *w, int axis)
{
    int64_t given = w->in[axis] + w->pad_begin[axis] + w->pad_end[axis] - range(w, axis);
    if (given / w->stride[axis] + 1 == w->out[axis]) {
        return w->pad_end[axis];
    }
    return (w->out[axis] - 1) * w->stride[axis] + range(w, axis) - w->in[axis] - w->pad_begin[axis];
}

static const char *refuse_shape(const davit_graph *graph, const davit_unit *unit)
{
    const davit_node *node = &graph->nodes[unit->anchor];
    int rank = davit_node_input(graph, node, 0)->rank;
    if (rank < 3 || rank > 5) {
        return "spatial rank above 3";
    }
    if (unit->output_count != 1 || unit->outputs[0] != node->outputs[0]) {
        return "second output";
    }
    return NULL;
}

static const char *refuse_pool(const davit_graph *graph, const davit_unit *unit)
{
    const davit_node *node = &graph->nodes[unit->anchor];
    bool average = node->op->op == DAVIT_OP_AveragePool;
    bool include = davit_node_int(node, "count_include_pad", 0) != 0;
    const char *reason = refuse_shape(graph, unit);
    davit_window w;
    if (reason != NULL) {
        return reason;
    }
    if (resolve(graph, node, &w) != DAVIT_OK) {
        return "window";
    }
    for (int i = 0; i < w.axes; i++) {
        int64_t end = padding_end(&w, i);
        if (w.pad_begin[i] >= w.kernel[i] || end >= w.kernel[i] || end < 0) {
            return "padding of a whole window";
        }
        if (w.dilation[i] != 1 && (average || w.pad_begin[i] != 0 || end != 0)) {
            return "dilation with padding";
        }
        if (average && include && end > w.pad_end[i]) {
            return "count_include_pad with a partial window";
        }
    }
    return NULL;
}

static bool is_byte(davit_dtype dtype)
{
    return dtype == DAVIT_U8 || dtype == DAVIT_S8;
}

static const char *refuse_max_pool(const davit_graph *graph, const davit_unit *unit)
{
    davit_dtype dtype = davit_node_input(graph, &graph->nodes[unit->anchor], 0)->dtype;
    return dtype == DAVIT_F32 || is_byte(dtype) ? refuse_pool(graph, unit) : "element type";
}

static davit_status add_pool(davit_onednn_builder *builder, davit_dnnl_pooling_params *params,
                             const davit_onednn_operand *from, const int64_t *dst_dims,
                             davit_onednn_operand *out)
{
    davit_dnnl_primitive primitive;
    davit_dnnl_layout layout;
    davit_onednn_operand result;
    params->src = from->desc;
    if (!davit_dnnl_desc_layout(from->desc, &layout)) {
        return DAVIT_UNSUPPORTED;
    }
    davit_status status =
        davit_dnnl_desc_create(&builder->program->pool, layout.rank, dst_dims, NULL, &params->dst);
    if (status == DAVIT_OK) {
        status = davit_dnnl_pooling(&builder->program->pool, params, &primitive);
    }
    if (status == DAVIT_OK) {
        status =
            davit_onednn_new(builder, davit_dnnl_query(&primitive, dnnl_query_dst_md), &result);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    const davit_onednn_arg args[] = {{DNNL_ARG_SRC, *from}, {DNNL_ARG_DST, result}};
    *out = result;
    return davit_onednn_add_primitive(builder, &primitive, args, 2);
}

davit_status davit_onednn_add_global_pool(davit_onednn_builder *builder, dnnl_alg_kind_t algorithm,
                                          const davit_onednn_operand *from,
                                          davit_onednn_operand *out)
{
    davit_dnnl_pooling_params params = {.algorithm = algorithm};
    davit_dnnl_layout layout;
    int64_t dst_dims[DNNL_MAX_NDIMS];
    if (!davit_dnnl_desc_layout(from->desc, &layout)) {
        return DAVIT_UNSUPPORTED;
    }
    for (int i = 0; i < layout.rank; i++) {
        dst_dims[i] = i < 2 ? layout.dims[i] : 1;
        if (i >= 2) {
            params.window.kernel[i - 2] = layout.dims[i];
            params.window.strides[i - 2] = layout.dims[i];
        }
    }
    return add_pool(builder, &params, from, dst_dims, out);
}

static davit_status build_pool(davit_onednn_builder *builder, const davit_unit *unit,
                               const davit_node *node)
{
    bool include = davit_node_int(node, "count_include_pad", 0) != 0;
    davit_dnnl_pooling_params params = {.algorithm = node->op->op == DAVIT_OP_MaxPool
                                                         ? dnnl_pooling_max
                                                     : include ? dnnl_pooling_avg_include_padding
                                                               : dnnl_pooling_avg_exclude_padding};
    davit_onednn_operand from, result;
    int64_t dims[DAVIT_MAX_RANK];
    davit_window w;
    if (resolve(builder->graph, node, &w) != DAVIT_OK) {
        return DAVIT_UNSUPPORTED;
    }
    if (is_byte(davit_node_input(builder->graph, node, 0)->dtype)) {
        return davit_int8_build_max_pool(builder, node, &w);
    }
    for (int i = 0; i < w.axes; i++) {
        params.window.kernel[i] = w.kernel[i];
        params.window.strides[i] = w.stride[i];
        params.window.dilation[i] = w.dilation[i] - 1;
        params.window.padding_left[i] = w.pad_begin[i];
        params.window.padding_right[i] = padding_end(&w, i);
    }
    (void)davit_onednn_dims(builder, unit->outputs[0], dims);
    davit_status status = davit_onednn_value_get(builder, node->inputs[0], &from);
    if (status == DAVIT_OK) {
        status = add_pool(builder, &params, &from, dims, &result);
    }
    if (status == DAVIT_OK) {
        davit_onednn_value_set(builder, unit->outputs[0], &result);
    }
    return status;
}

static davit_status build_global_pool(davit_onednn_builder *builder, const davit_unit *unit,
                                      const davit_node *node)
{
    dnnl_alg_kind_t algorithm = node->op->op == DAVIT_OP_GlobalMaxPool
                                    ? dnnl_pooling_max
                                    : dnnl_pooling_avg_exclude_padding;
    davit_onednn_operand from, result;
    davit_status status = davit_onednn_value_get(builder, node->inputs[0], &from);
    if (status == DAVIT_OK) {
        status = davit_onednn_add_global_pool(builder, algorithm, &from, &result);
    }
    if (status == DAVIT_OK) {
        davit_onednn_value_set(builder, unit->outputs[0], &result);
    }
    return status;
}

static const davit_onednn_operator operators[] = {
    {DAVIT_OP_AveragePool, false, refuse_pool, build_pool},
    {DAVIT_OP_GlobalAveragePool, false, refuse_shape, build_global_pool},
    {DAVIT_OP_GlobalMaxPool, false, refuse_shape, build_global_pool},
    {DAVIT_OP_MaxPool, true, refuse_max_pool, build_pool}};

const davit_onednn_family davit_onednn_pools = DAVIT_ONEDNN_FAMILY(operators);
