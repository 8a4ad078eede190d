#include "lower_integer.h"

#include "epilogue.h"

#include <math.h>

/* What is computed in one integer operator: anchor + bias + residual. */
typedef struct weighted {
    davit_lowering *l;
    davit_node_id anchor;
    davit_value_id added_bias; /* by an Add of its own, else DAVIT_NONE */
    davit_value_id residual;   /* float */
    davit_tensor_desc result;
    int axis; /* of the output channels in it */
    davit_lowered x;
    davit_lowered previous; /* the residual's bytes */
    davit_lowered_weights weights;
    davit_value_id bias; /* s32 */
    size_t channels;
} weighted;

/* ---- the chain ---- */

/* True for f32 constants and for what is dequantised from constants. */
static bool is_constant(const davit_lowering *l, davit_value_id value)
{
    const davit_node *node = davit_lower_producer(l, value, NULL);
    if (node && node->op->op == DAVIT_OP_DequantizeLinear) {
        value = davit_lower_resolve(l, node->inputs[0]);
    }
    return value != DAVIT_NONE && l->graph->values[value].constant;
}

/* Finds the anchor that value is computed by, with at most two additions after it. */
static bool find_chain(weighted *w, davit_value_id value, int additions)
{
    davit_node_id id = DAVIT_NONE;
    const davit_lowering *l = w->l;
    const davit_node *node = davit_lower_producer(l, value, &id);
    if (!node) {
        return false;
    }
    if (davit_op_is_anchor(node->op->op)) {
        w->anchor = id;
        return true;
    }
    if (node->op->op != DAVIT_OP_Add || additions == 2) {
        return false;
    }
    const weighted before = *w;
    for (uint32_t i = 0; i < 2; i++) {
        davit_value_id other = node->inputs[1 - i];
        *w = before;
        if (!davit_tensor_desc_same_shape(&l->graph->values[node->inputs[i]].desc,
                                          &l->graph->values[value].desc) ||
            !find_chain(w, node->inputs[i], additions + 1)) {
            continue;
        }
        bool constant = is_constant(l, other);
        davit_value_id *place = constant ? &w->added_bias : &w->residual;
        if (!davit_lower_read_once(l, node->inputs[i]) || *place != DAVIT_NONE ||
            (!constant && !davit_tensor_desc_same_shape(&l->graph->values[other].desc,
                                                        &l->graph->values[value].desc))) {
            return false;
        }
        *place = other;
        return true;
    }
    return false;
}

/* ---- operands ---- */

static const char *check_anchor(const davit_node *anchor)
{
    if (anchor->op->op != DAVIT_OP_Gemm) {
        return NULL;
    }
    if (davit_node_float(anchor, "alpha", 1.0f) != 1.0f ||
        (anchor->input_count > 2 && davit_node_float(anchor, "beta", 1.0f) != 1.0f)) {
        return "its alpha or beta is not 1";
    }
    return davit_node_int(anchor, "transA", 0) != 0 ? "its first matrix is transposed" : NULL;
}

/* x_scale * w_scale[o], as the requantisation computes it. Weights of a transposed convolution have
 * a scale for each channel of a group. */
static void set_units(const weighted *w, float *w_scale, float *unit)
{
    for (size_t o = 0; o < w->channels; o++) {
        w_scale[o] = w->weights.scale[w->weights.count == 1 ? 0 : o % w->weights.count];
        unit[o] = w->x.type.scale * w_scale[o];
    }
}

static davit_status add_bias(weighted *w, const double *units, const char **reason)
{
    davit_tensor *tensor;
    const int64_t channels = (int64_t)w->channels;
    for (size_t o = 0; o < w->channels; o++) {
        if (!(fabs(units[o]) <= INT32_MAX)) {
            *reason = "its bias does not fit s32 in units of the accumulator";
            return DAVIT_OK;
        }
    }
    davit_status status =
        davit_tensor_create(w->l->graph->allocator, DAVIT_S32, 1, &channels, &tensor);
    if (status != DAVIT_OK) {
        return status;
    }
    for (size_t o = 0; o < w->channels; o++) {
        ((int32_t *)tensor->data)[o] = (int32_t)units[o];
    }
    return davit_graph_add_constant(w->l->graph, NULL, tensor, &w->bias);
}

static davit_status find_bias(weighted *w, const float *unit, const char **reason)
{
    const davit_node *anchor = &w->l->graph->nodes[w->anchor];
    davit_value_id sources[] = {anchor->op->op != DAVIT_OP_MatMul && anchor->input_count > 2
                                    ? anchor->inputs[2]
                                    : DAVIT_NONE,
                                w->added_bias};
    if (sources[0] == DAVIT_NONE && sources[1] == DAVIT_NONE) {
        return DAVIT_OK;
    }
    double *units = davit_alloc_array(w->l->graph->allocator, w->channels, sizeof(*units));
    if (!units) {
        return DAVIT_OUT_OF_MEMORY;
    }
    /* The bias of a convolution is a vector, all others are broadcast. */
    const davit_tensor_desc vector = {.rank = 1, .dims = {(int64_t)w->channels}};
    bool convolution = anchor->op->op != DAVIT_OP_Gemm;
    if (sources[0] != DAVIT_NONE) {
        *reason = davit_lower_bias(w->l, sources[0], convolution ? &vector : &w->result,
                                   convolution ? 0 : w->axis, unit, units);
    }
    if (sources[1] != DAVIT_NONE && !*reason) {
        *reason = davit_lower_bias(w->l, sources[1], &w->result, w->axis, unit, units);
    }
    davit_status status = *reason ? DAVIT_OK : add_bias(w, units, reason);
    davit_free(w->l->graph->allocator, units);
    return status;
}

/* Finds what the anchor reads; *reason says what is missing. */
static davit_status find_operands(weighted *w, const char **reason)
{
    davit_status status = davit_lower_operand(w->l, w->l->graph->nodes[w->anchor].inputs[0], &w->x);
    if (status == DAVIT_OK && w->x.value == DAVIT_NONE) {
        *reason = "its input is not quantised to 8 bits with one scale";
        return DAVIT_OK;
    }
    if (status == DAVIT_OK && w->residual != DAVIT_NONE) {
        status = davit_lower_operand(w->l, w->residual, &w->previous);
        if (status == DAVIT_OK && w->previous.value == DAVIT_NONE) {
            *reason = "what is added to its result is not quantised";
        }
    }
    return status;
}

/* ---- the operator ---- */

static davit_op integer_op(davit_op op)
{
    return op == DAVIT_OP_Conv            ? DAVIT_OP_IntegerConv
           : op == DAVIT_OP_ConvTranspose ? DAVIT_OP_IntegerConvTranspose
                                          : DAVIT_OP_IntegerMatMul;
}

static davit_status emit(weighted *w, const float *w_scale, const davit_result_spec *target,
                         davit_value_id *out)
{
    const davit_node *anchor = &w->l->graph->nodes[w->anchor];
    bool matrix = anchor->op->op == DAVIT_OP_Gemm || anchor->op->op == DAVIT_OP_MatMul;
    davit_lower_attributes attributes = {.count = 0};
    const davit_value_id inputs[] = {w->x.value, w->weights.value, w->bias, w->previous.value};
    if (!matrix) {
        davit_lower_copy_attributes(&attributes, anchor);
    }
    davit_lower_set_float(&attributes, "x_scale", w->x.type.scale);
    davit_lower_set_int(&attributes, "x_zero", w->x.type.zero);
    davit_lower_set_floats(&attributes, "w_scale", w->weights.count == 1 ? 1 : w->channels,
                           w_scale);
    davit_lower_set_result(&attributes, target);
    if (w->previous.value != DAVIT_NONE) {
        davit_lower_set_float(&attributes, "residual_scale", w->previous.type.scale);
        davit_lower_set_int(&attributes, "residual_zero", w->previous.type.zero);
    }
    davit_node_spec spec = {.op = integer_op(anchor->op->op),
                            .input_count = w->previous.value != DAVIT_NONE ? 4
                                           : w->bias != DAVIT_NONE         ? 3
                                                                           : 2,
                            .output_count = 1,
                            .attribute_count = attributes.count,
                            .inputs = inputs,
                            .attributes = attributes.items};
    return davit_lower_add(w->l, w->anchor, &spec, out);
}

static davit_status build(weighted *w, const davit_result_spec *target, const char **reason,
                          davit_value_id *out)
{
    const davit_allocator *allocator = w->l->graph->allocator;
    w->channels = (size_t)w->result.dims[w->axis];
    float *w_scale = davit_alloc_array(allocator, w->channels, sizeof(*w_scale));
    float *unit = davit_alloc_array(allocator, w->channels, sizeof(*unit));
    davit_status status = w_scale && unit ? DAVIT_OK : DAVIT_OUT_OF_MEMORY;
    if (status == DAVIT_OK) {
        set_units(w, w_scale, unit);
        status = find_bias(w, unit, reason);
    }
    if (status == DAVIT_OK && !*reason) {
        status = emit(w, w_scale, target, out);
    }
    davit_free(allocator, w_scale);
    davit_free(allocator, unit);
    return status;
}

/* Two quantised operands instead of an operand and a matrix of weights. */
static davit_status build_product(weighted *w, const davit_result_spec *target, const char **reason,
                                  davit_value_id *out)
{
    davit_lowered b;
    davit_lower_attributes attributes = {.count = 0};
    davit_status status = davit_lower_operand(w->l, w->l->graph->nodes[w->anchor].inputs[1], &b);
    if (status != DAVIT_OK || b.value == DAVIT_NONE || w->residual != DAVIT_NONE ||
        w->added_bias != DAVIT_NONE) {
        return status;
    }
    *reason = NULL;
    const davit_value_id inputs[] = {w->x.value, b.value};
    davit_lower_set_float(&attributes, "a_scale", w->x.type.scale);
    davit_lower_set_int(&attributes, "a_zero", w->x.type.zero);
    davit_lower_set_float(&attributes, "b_scale", b.type.scale);
    davit_lower_set_int(&attributes, "b_zero", b.type.zero);
    davit_lower_set_result(&attributes, target);
    davit_node_spec spec = {.op = DAVIT_OP_IntegerProduct,
                            .input_count = 2,
                            .output_count = 1,
                            .attribute_count = attributes.count,
                            .inputs = inputs,
                            .attributes = attributes.items};
    return davit_lower_add(w->l, w->anchor, &spec, out);
}

static davit_status lower(weighted *w, davit_value_id value, const davit_result_spec *target,
                          const char **reason, davit_value_id *out)
{
    *reason = w->l->shared ? "its result is also used unquantised, or in another type"
                           : check_anchor(&w->l->graph->nodes[w->anchor]);
    davit_status status = *reason ? DAVIT_OK : find_operands(w, reason);
    if (status == DAVIT_OK && !*reason) {
        status =
            davit_lower_find_weights(w->l, &w->l->graph->nodes[w->anchor], &w->weights, reason);
    } else {
        return status;
    }
    const davit_node *anchor = &w->l->graph->nodes[w->anchor];
    if (status == DAVIT_OK && *reason && anchor->op->op == DAVIT_OP_MatMul) {
        return build_product(w, target, reason, out);
    }
    w->result = w->l->graph->values[value].desc;
    w->axis = davit_anchor_channel_axis(w->l->graph, anchor);
    return status == DAVIT_OK && !*reason ? build(w, target, reason, out) : status;
}

davit_status davit_lower_weighted(davit_lowering *l, davit_value_id value,
                                  const davit_result_spec *target, bool *found, davit_value_id *out)
{
    weighted w = {.l = l,
                  .added_bias = DAVIT_NONE,
                  .residual = DAVIT_NONE,
                  .bias = DAVIT_NONE,
                  .previous = {.value = DAVIT_NONE}};
    const char *reason = NULL;
    *out = DAVIT_NONE;
    *found = find_chain(&w, value, 0);
    if (!*found) {
        return DAVIT_OK;
    }
    davit_status status = lower(&w, value, target, &reason, out);
    if (reason) {
        davit_lower_refuse(l, w.anchor, reason);
    }
    return status;
}
