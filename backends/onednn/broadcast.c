/* Element-wise operators of two and more inputs that are broadcast to one shape. */
#include <math.h>

#include "broadcast_loops.h"
#include "fusion.h"
#include "operators.h"

static const char *refuse_broadcast(const davit_graph *graph, const davit_unit *unit)
{
    const davit_node *node = &graph->nodes[unit->anchor];
    bool where = node->op->op == DAVIT_OP_Where;
    if (node->input_count < 2) {
        return "one input";
    }
    davit_dtype dtype = davit_node_input(graph, node, where ? 1 : 0)->dtype;
    if (davit_onednn_row_of(node->op->op, dtype) == NULL) {
        return "element type";
    }
    for (uint32_t i = 0; i < node->input_count; i++) {
        if (!davit_node_has_input(node, i)) {
            return "absent input";
        }
        const davit_tensor_desc *desc = davit_node_input(graph, node, i);
        if (desc->dtype != dtype && !(where && i == 0)) {
            return "inputs of several element types";
        }
        if (davit_tensor_desc_elems(desc) == 0) {
            return "empty tensor";
        }
    }
    return NULL;
}

/* ---- with a constant scalar ---- */

/* x op c, or c op x when reversed, as one element-wise algorithm; false when there is none. */
static bool scalar_algorithm(davit_op op, float c, bool reversed, davit_dnnl_eltwise_params *p)
{
    p->algorithm = dnnl_eltwise_linear;
    p->alpha = 1.0f;
    p->beta = 0.0f;
    switch (op) {
    case DAVIT_OP_Add:
    case DAVIT_OP_Sum:
        p->beta = c;
        return true;
    case DAVIT_OP_Sub:
        p->alpha = reversed ? -1.0f : 1.0f;
        p->beta = reversed ? c : -c;
        return true;
    case DAVIT_OP_Mul:
        p->alpha = c;
        return true;
    case DAVIT_OP_Div:
        p->alpha = 1.0f / c;
        return !reversed && isnormal(c) && isnormal(p->alpha);
    case DAVIT_OP_Pow:
        p->algorithm = dnnl_eltwise_square;
        return !reversed && c == 2.0f;
    default:
        return false;
    }
}

static davit_status build_scalar(davit_onednn_builder *builder, const davit_unit *unit,
                                 davit_onednn_operand *from, davit_dnnl_eltwise_params *params)
{
    davit_onednn_operand to = *from;
    davit_status status = DAVIT_OK;
    params->data = from->desc;
    if (!davit_onednn_is_last_use(builder, from)) {
        status = davit_onednn_new(builder, from->desc, &to);
    }
    if (status == DAVIT_OK) {
        status = davit_onednn_add_eltwise(builder, params, from, &to);
    }
    if (status == DAVIT_OK) {
        davit_onednn_value_set(builder, unit->outputs[0], &to);
    }
    return status;
}

/* ---- in a layout that is not row-major: oneDNN's binary primitive ---- */

static dnnl_alg_kind_t binary_algorithm(davit_op op)
{
    switch (op) {
    case DAVIT_OP_Add:
    case DAVIT_OP_Sum:
        return dnnl_binary_add;
    case DAVIT_OP_Sub:
        return dnnl_binary_sub;
    case DAVIT_OP_Mul:
        return dnnl_binary_mul;
    case DAVIT_OP_Div:
        return dnnl_binary_div;
    case DAVIT_OP_Max:
        return dnnl_binary_max;
    case DAVIT_OP_Min:
        return dnnl_binary_min;
    default:
        return dnnl_alg_kind_undef;
    }
}

/* The second input as the primitive wants it: in the layout of the first where the shapes are the
 * same, else row-major with dimensions of 1 in front. */
static davit_status align_second(davit_onednn_builder *builder, davit_value_id value,
                                 const davit_onednn_operand *first, davit_onednn_operand *second)
{
    const davit_tensor_desc *desc = &builder->graph->values[value].desc;
    davit_dnnl_layout layout;
    int64_t dims[DNNL_MAX_NDIMS];
    bool same = true;
    if (!davit_dnnl_desc_layout(first->desc, &layout)) {
        return DAVIT_UNSUPPORTED;
    }
    for (int i = 0; i < layout.rank; i++) {
        int own = i - (layout.rank - desc->rank);
        dims[i] = own >= 0 ? desc->dims[own] : 1;
        same = same && own >= 0 && dims[i] == layout.dims[i];
    }
    if (same) {
        davit_status status = davit_onednn_value_get(builder, value, second);
        return status == DAVIT_OK ? davit_onednn_convert(builder, second, first->desc, second)
                                  : status;
    }
    davit_status status = davit_onednn_value_dense(builder, value, second);
    return status == DAVIT_OK ? davit_onednn_desc_dense(builder, layout.rank, dims, &second->desc)
                              : status;
}

/* Over the first operand where nobody reads that or it afterwards. */
static davit_status add_binary(davit_onednn_builder *builder, dnnl_alg_kind_t algorithm,
                               const davit_onednn_operand *first,
                               const davit_onednn_operand *second, davit_onednn_operand *out)
{
    const davit_dnnl_binary_params params = {
        .algorithm = algorithm, .first = first->desc, .second = second->desc, .dst = first->desc};
    davit_dnnl_primitive primitive;
    davit_onednn_operand to = *first;
    davit_status status = davit_dnnl_binary(&builder->program->pool, &params, &primitive);
    if (status == DAVIT_OK &&
        !(davit_onednn_is_last_use(builder, first) && first->slot != second->slot)) {
        status = davit_onednn_new(builder, first->desc, &to);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    const davit_onednn_arg args[] = {
        {DNNL_ARG_SRC_0, *first}, {DNNL_ARG_SRC_1, *second}, {DNNL_ARG_DST, to}};
    *out = to;
    return davit_onednn_add_primitive(builder, &primitive, args, 3);
}

static bool is_private(const davit_onednn_operand *operand)
{
    return operand->desc != NULL && !davit_onednn_is_row_major(operand->desc);
}

/* DAVIT_UNSUPPORTED when the row-major loop is the way. */
static davit_status build_private(davit_onednn_builder *builder, const davit_unit *unit,
                                  const davit_node *node)
{
    const davit_tensor_desc *out = davit_node_output(builder->graph, node);
    dnnl_alg_kind_t algorithm = binary_algorithm(node->op->op);
    bool commutes = node->op->op != DAVIT_OP_Sub && node->op->op != DAVIT_OP_Div;
    davit_onednn_operand operands[2], second, result;
    bool full[2];
    if (node->input_count != 2 || algorithm == dnnl_alg_kind_undef || out->dtype != DAVIT_F32) {
        return DAVIT_UNSUPPORTED;
    }
    for (uint32_t i = 0; i < 2; i++) {
        davit_status status = davit_onednn_value_get(builder, node->inputs[i], &operands[i]);
        if (status != DAVIT_OK) {
            return status;
        }
        full[i] = davit_tensor_desc_same_shape(davit_node_input(builder->graph, node, i), out);
    }
    int first = full[1] && commutes && (!full[0] || !is_private(&operands[0])) ? 1 : 0;
    if (!full[first] || !is_private(&operands[first])) {
        return DAVIT_UNSUPPORTED;
    }
    davit_status status = align_second(builder, node->inputs[1 - first], &operands[first], &second);
    if (status == DAVIT_OK) {
        status = add_binary(builder, algorithm, &operands[first], &second, &result);
    }
    if (status == DAVIT_OK) {
        davit_onednn_value_set(builder, unit->outputs[0], &result);
    }
    return status;
}

/* ---- row-major ---- */

/* The output over input i, where that has its type and shape and nobody else reads it. */
static bool can_overwrite(const davit_onednn_builder *builder, const davit_node *node,
                          const davit_onednn_operand *operands, uint32_t count, uint32_t i)
{
    const davit_tensor_desc *out = davit_node_output(builder->graph, node);
    const davit_tensor_desc *in = davit_node_input(builder->graph, node, i);
    if (in->dtype != out->dtype || davit_tensor_desc_elems(in) != davit_tensor_desc_elems(out) ||
        !davit_onednn_is_last_use(builder, &operands[i])) {
        return false;
    }
    for (uint32_t k = 0; k < count; k++) {
        if (k != i && operands[k].slot == operands[i].slot) {
            return false;
        }
    }
    return true;
}

/* inputs operands[0..count) of these descriptions to *to, or over one of them. */
static davit_status add_rows(davit_onednn_builder *builder, const davit_node *node,
                             davit_onednn_operand *operands, uint32_t count,
                             const davit_tensor_desc *const *descs)
{
    const davit_tensor_desc *out = davit_node_output(builder->graph, node);
    davit_onednn_broadcast_params *params = davit_onednn_alloc(builder, sizeof(*params));
    if (params == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    params->row = davit_onednn_row_of(node->op->op, descs[count - 1]->dtype);
    davit_onednn_broadcast_prepare(params, count, descs, out);
    return davit_onednn_add_kernel(builder, "loop", davit_onednn_run_broadcast, params, operands,
                                   count + 1);
}

static davit_status build_rows(davit_onednn_builder *builder, const davit_unit *unit,
                               const davit_node *node)
{
    uint32_t count = node->op->op == DAVIT_OP_Where ? 3 : 2;
    davit_onednn_operand operands[DAVIT_ONEDNN_BROADCAST_INPUTS + 1];
    const davit_tensor_desc *descs[DAVIT_ONEDNN_BROADCAST_INPUTS];
    davit_status status = DAVIT_OK;
    for (uint32_t i = 0; i < count && status == DAVIT_OK; i++) {
        status = davit_onednn_value_dense(builder, node->inputs[i], &operands[i]);
        descs[i] = davit_node_input(builder->graph, node, i);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    bool placed = false;
    for (uint32_t i = 0; i < count && node->input_count == count && !placed; i++) {
        if (can_overwrite(builder, node, operands, count, i)) {
            operands[count] = operands[i];
            placed = true;
        }
    }
    if (!placed) {
        status = davit_onednn_new_dense(builder, unit->outputs[0], &operands[count]);
    }
    if (status == DAVIT_OK) {
        status = add_rows(builder, node, operands, count, descs);
    }
    /* Further inputs, one by one, over what is there. */
    davit_onednn_operand result = operands[count];
    for (uint32_t i = count; i < node->input_count && status == DAVIT_OK; i++) {
        davit_onednn_operand more[3] = {result, result, result};
        const davit_tensor_desc *two[2] = {davit_node_output(builder->graph, node),
                                           davit_node_input(builder->graph, node, i)};
        status = davit_onednn_value_dense(builder, node->inputs[i], &more[1]);
        if (status == DAVIT_OK) {
            status = add_rows(builder, node, more, 2, two);
        }
    }
    return status == DAVIT_OK ? davit_onednn_value_set_dense(builder, unit->outputs[0], &result)
                              : status;
}

/* ---- which way ---- */

static davit_status build_broadcast(davit_onednn_builder *builder, const davit_unit *unit,
                                    const davit_node *node)
{
    const davit_tensor_desc *out = davit_node_output(builder->graph, node);
    for (uint32_t i = 0; i < 2 && node->input_count == 2; i++) {
        const davit_tensor *scalar = davit_node_constant(builder->graph, node, i);
        const davit_tensor_desc *other = davit_node_input(builder->graph, node, 1 - i);
        davit_dnnl_eltwise_params params;
        davit_onednn_operand from;
        if (scalar != NULL && out->dtype == DAVIT_F32 && scalar->desc.dtype == DAVIT_F32 &&
            davit_tensor_desc_elems(&scalar->desc) == 1 &&
            davit_tensor_desc_same_shape(other, out) &&
            scalar_algorithm(node->op->op, davit_constant_float(scalar, 0.0f), i == 0, &params)) {
            davit_status status = davit_onednn_value_get(builder, node->inputs[1 - i], &from);
            return status == DAVIT_OK ? build_scalar(builder, unit, &from, &params) : status;
        }
    }
    davit_status status = build_private(builder, unit, node);
    return status == DAVIT_UNSUPPORTED ? build_rows(builder, unit, node) : status;
}

static const davit_onednn_operator operators[] = {
    {DAVIT_OP_Add, true, refuse_broadcast, build_broadcast},
    {DAVIT_OP_And, true, refuse_broadcast, build_broadcast},
    {DAVIT_OP_Div, true, refuse_broadcast, build_broadcast},
    {DAVIT_OP_Equal, true, refuse_broadcast, build_broadcast},
    {DAVIT_OP_Greater, true, refuse_broadcast, build_broadcast},
    {DAVIT_OP_GreaterOrEqual, true, refuse_broadcast, build_broadcast},
    {DAVIT_OP_Less, true, refuse_broadcast, build_broadcast},
    {DAVIT_OP_LessOrEqual, true, refuse_broadcast, build_broadcast},
    {DAVIT_OP_Max, true, refuse_broadcast, build_broadcast},
    {DAVIT_OP_Min, true, refuse_broadcast, build_broadcast},
    {DAVIT_OP_Mul, true, refuse_broadcast, build_broadcast},
    {DAVIT_OP_Or, true, refuse_broadcast, build_broadcast},
    {DAVIT_OP_PRelu, true, refuse_broadcast, build_broadcast},
    {DAVIT_OP_Pow, true, refuse_broadcast, build_broadcast},
    {DAVIT_OP_Sub, true, refuse_broadcast, build_broadcast},
    {DAVIT_OP_Sum, true, refuse_broadcast, build_broadcast},
    {DAVIT_OP_Where, true, refuse_broadcast, build_broadcast},
    {DAVIT_OP_Xor, true, refuse_broadcast, build_broadcast}};

const davit_onednn_family davit_onednn_broadcast = DAVIT_ONEDNN_FAMILY(operators);
