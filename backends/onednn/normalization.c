/* Softmax and normalisations. */
#include "fusion.h"
#include "instance.h"
#include "operators.h"

/* ---- Softmax, LogSoftmax ---- */

static const char *refuse_softmax(const davit_graph *graph, const davit_unit *unit)
{
    const davit_node *node = &graph->nodes[unit->anchor];
    return davit_node_input(graph, node, 0)->rank == 0 ? "scalar" : NULL;
}

/* As [outer, length, inner], or [outer, length] where nothing is inside; with coerce_2d (opsets
 * below 13) all dimensions from axis on are the length, and axis may be the rank. */
static davit_status build_softmax(davit_onednn_builder *builder, const davit_unit *unit,
                                  const davit_node *node)
{
    const davit_tensor_desc *in = davit_node_input(builder->graph, node, 0);
    bool flat = davit_node_int(node, "coerce_2d", 0) != 0;
    int axis = davit_node_axis(davit_node_int(node, "axis", -1), in->rank);
    int64_t dims[3] = {1, 1, 1};
    davit_onednn_operand from, to;
    davit_dnnl_primitive primitive;
    for (int i = 0; i < in->rank; i++) {
        dims[i < axis ? 0 : i == axis || flat ? 1 : 2] *= in->dims[i];
    }
    davit_status status = davit_onednn_value_dense(builder, node->inputs[0], &from);
    if (status == DAVIT_OK) {
        status = davit_onednn_desc_dense(builder, dims[2] == 1 ? 2 : 3, dims, &from.desc);
    }
    if (status == DAVIT_OK) {
        status = davit_dnnl_softmax(&builder->program->pool, node->op->op == DAVIT_OP_LogSoftmax,
                                    from.desc, 1, &primitive);
    }
    to = from;
    if (status == DAVIT_OK && !davit_onednn_is_last_use(builder, &from)) {
        status = davit_onednn_new(builder, from.desc, &to);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    const davit_onednn_arg args[] = {{DNNL_ARG_SRC, from}, {DNNL_ARG_DST, to}};
    status = davit_onednn_add_primitive(builder, &primitive, args, 2);
    return status == DAVIT_OK ? davit_onednn_value_set_dense(builder, unit->outputs[0], &to)
                              : status;
}

/* ---- LayerNormalization ---- */

/* Elements of one normalised slice. */
static int64_t slice_elems(const davit_tensor_desc *in, int axis)
{
    return axis == 0 ? davit_tensor_desc_elems(in) : in->strides[axis - 1];
}

static const char *refuse_layer(const davit_graph *graph, const davit_unit *unit)
{
    const davit_node *node = &graph->nodes[unit->anchor];
    const davit_tensor_desc *in = davit_node_input(graph, node, 0);
    if (in->rank == 0 || unit->output_count != 1 || unit->outputs[0] != node->outputs[0]) {
        return "second output";
    }
    int axis = davit_node_axis(davit_node_int(node, "axis", -1), in->rank);
    int64_t length = slice_elems(in, axis);
    for (uint32_t i = 1; i < 3; i++) {
        if (davit_node_has_input(node, i) &&
            davit_tensor_desc_elems(davit_node_input(graph, node, i)) != length) {
            return "broadcast scale";
        }
    }
    return NULL;
}

/* A parameter of one element for each of length, or fill where it is absent. */
static davit_status vector(davit_onednn_builder *builder, const davit_node *node, uint32_t i,
                           int64_t length, float fill, davit_onednn_operand *out)
{
    davit_dnnl_desc desc;
    davit_status status = davit_onednn_desc_dense(builder, 1, &length, &desc);
    if (status != DAVIT_OK) {
        return status;
    }
    if (davit_node_has_input(node, i)) {
        status = davit_onednn_value_dense(builder, node->inputs[i], out);
        out->desc = desc;
        return status;
    }
    void *data;
    status = davit_onednn_new_constant(builder, desc, out, &data);
    for (int64_t k = 0; k < length && status == DAVIT_OK; k++) {
        ((float *)data)[k] = fill;
    }
    return status;
}

static davit_status build_layer(davit_onednn_builder *builder, const davit_unit *unit,
                                const davit_node *node)
{
    const davit_tensor_desc *in = davit_node_input(builder->graph, node, 0);
    int axis = davit_node_axis(davit_node_int(node, "axis", -1), in->rank);
    int64_t length = slice_elems(in, axis);
    const int64_t dims[2] = {davit_tensor_desc_elems(in) / length, length};
    davit_onednn_operand from, to, scale, shift;
    davit_dnnl_primitive primitive;
    davit_status status = davit_onednn_value_dense(builder, node->inputs[0], &from);
    if (status == DAVIT_OK) {
        status = davit_onednn_desc_dense(builder, 2, dims, &from.desc);
    }
    if (status == DAVIT_OK) {
        status = vector(builder, node, 1, length, 1.0f, &scale);
    }
    if (status == DAVIT_OK) {
        status = vector(builder, node, 2, length, 0.0f, &shift);
    }
    if (status == DAVIT_OK) {
        status =
            davit_dnnl_layer_normalization(&builder->program->pool, from.desc,
                                           davit_node_float(node, "epsilon", 1e-5f), &primitive);
    }
    if (status == DAVIT_OK) {
        status = davit_onednn_new(builder, from.desc, &to);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    const davit_onednn_arg args[] = {
        {DNNL_ARG_SRC, from}, {DNNL_ARG_SCALE, scale}, {DNNL_ARG_SHIFT, shift}, {DNNL_ARG_DST, to}};
    status = davit_onednn_add_primitive(builder, &primitive, args, 4);
    return status == DAVIT_OK ? davit_onednn_value_set_dense(builder, unit->outputs[0], &to)
                              : status;
}

/* ---- BatchNormalization ---- */

static const char *refuse_batch(const davit_graph *graph, const davit_unit *unit)
{
    const davit_node *node = &graph->nodes[unit->anchor];
    int rank = davit_node_input(graph, node, 0)->rank;
    if (unit->output_count != 1 || unit->outputs[0] != node->outputs[0] ||
        davit_node_int(node, "training_mode", 0) != 0) {
        return "training";
    }
    return rank < 2 || rank > 5 ? "rank" : NULL;
}

static davit_status build_batch(davit_onednn_builder *builder, const davit_unit *unit,
                                const davit_node *node)
{
    static const int native[] = {DNNL_ARG_SCALE, DNNL_ARG_SHIFT, DNNL_ARG_MEAN, DNNL_ARG_VARIANCE};
    const davit_tensor_desc *in = davit_node_input(builder->graph, node, 0);
    davit_dnnl_primitive primitive;
    davit_onednn_arg args[6];
    davit_onednn_operand from, to;
    davit_status status = davit_onednn_value_get(builder, node->inputs[0], &from);
    for (uint32_t i = 0; i < 4 && status == DAVIT_OK; i++) {
        args[i].index = native[i];
        status = vector(builder, node, i + 1, in->dims[1], 0.0f, &args[i].operand);
    }
    if (status == DAVIT_OK) {
        status =
            davit_dnnl_batch_normalization(&builder->program->pool, from.desc,
                                           davit_node_float(node, "epsilon", 1e-5f), &primitive);
    }
    if (status == DAVIT_OK) {
        status = davit_onednn_new(builder, from.desc, &to);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    args[4] = (davit_onednn_arg){DNNL_ARG_SRC, from};
    args[5] = (davit_onednn_arg){DNNL_ARG_DST, to};
    status = davit_onednn_add_primitive(builder, &primitive, args, 6);
    if (status == DAVIT_OK) {
        davit_onednn_value_set(builder, unit->outputs[0], &to);
    }
    return status;
}

/* ---- LRN ---- */

static const char *refuse_lrn(const davit_graph *graph, const davit_unit *unit)
{
    const davit_node *node = &graph->nodes[unit->anchor];
    if (davit_node_input(graph, node, 0)->rank != 4) {
        return "rank other than 4";
    }
    /* The window of an even size is off centre, and not to the same side as oneDNN's. */
    return davit_node_int(node, "size", 1) % 2 == 0 ? "even size" : NULL;
}

static davit_status build_lrn(davit_onednn_builder *builder, const davit_unit *unit,
                              const davit_node *node)
{
    davit_dnnl_lrn_params params = {.size = davit_node_int(node, "size", 1),
                                    .alpha = davit_node_float(node, "alpha", 1e-4f),
                                    .beta = davit_node_float(node, "beta", 0.75f),
                                    .k = davit_node_float(node, "bias", 1.0f)};
    davit_dnnl_primitive primitive;
    davit_onednn_operand from, to;
    davit_status status = davit_onednn_value_dense(builder, node->inputs[0], &from);
    if (status == DAVIT_OK) {
        params.data = from.desc;
        status = davit_dnnl_lrn(&builder->program->pool, &params, &primitive);
    }
    if (status == DAVIT_OK) {
        status = davit_onednn_new(builder, from.desc, &to);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    const davit_onednn_arg args[] = {{DNNL_ARG_SRC, from}, {DNNL_ARG_DST, to}};
    status = davit_onednn_add_primitive(builder, &primitive, args, 2);
    if (status == DAVIT_OK) {
        davit_onednn_value_set(builder, unit->outputs[0], &to);
    }
    return status;
}

static const davit_onednn_operator operators[] = {
    {DAVIT_OP_BatchNormalization, false, refuse_batch, build_batch},
    {DAVIT_OP_GroupNormalization, false, davit_onednn_refuse_instance, davit_onednn_build_instance},
    {DAVIT_OP_InstanceNormalization, false, davit_onednn_refuse_instance,
     davit_onednn_build_instance},
    {DAVIT_OP_LRN, false, refuse_lrn, build_lrn},
    {DAVIT_OP_LayerNormalization, false, refuse_layer, build_layer},
    {DAVIT_OP_LogSoftmax, false, refuse_softmax, build_softmax},
    {DAVIT_OP_Softmax, false, refuse_softmax, build_softmax}};

const davit_onednn_family davit_onednn_normalizations = DAVIT_ONEDNN_FAMILY(operators);
