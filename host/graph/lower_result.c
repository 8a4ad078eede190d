#include "lower_integer.h"

#include "constants.h"

#include <math.h>
#include <string.h>

/* One question: value, computed by node id, as bytes of target. */
typedef struct question {
    davit_lowering *l;
    davit_value_id value;
    davit_node_id id;
    const davit_result_spec *target;
} question;

static const davit_node *node_of(const question *q)
{
    return &q->l->graph->nodes[q->id];
}

static davit_status add(const question *q, davit_op op, uint32_t count,
                        const davit_value_id *inputs, davit_lower_attributes *attributes,
                        davit_value_id *out)
{
    davit_lower_set_result(attributes, q->target);
    davit_node_spec spec = {.op = op,
                            .input_count = count,
                            .output_count = 1,
                            .attribute_count = attributes->count,
                            .inputs = inputs,
                            .attributes = attributes->items};
    return davit_lower_add(q->l, q->id, &spec, out);
}

/* ---- bounds ---- */

/* Relu and Clip become bounds of what is before them: first their own, then those of target. */
static davit_status lower_bounded(const question *q, float low, float high, davit_value_id *out)
{
    davit_result_spec inner = *q->target;
    inner.low = davit_clamp(low, q->target->low, q->target->high);
    inner.high = davit_clamp(high, q->target->low, q->target->high);
    return davit_lower_result(q->l, node_of(q)->inputs[0], &inner, out);
}

/* The target without bounds that its type implies. */
static davit_result_spec without_implied(const davit_result_spec *target)
{
    davit_result_spec simple = *target;
    float scale = target->type.scale;
    float least = (float)(davit_quantized_low(target->type.dtype) - target->type.zero) * scale;
    float greatest = (float)(davit_quantized_high(target->type.dtype) - target->type.zero) * scale;
    simple.low = target->low <= least ? -INFINITY : target->low;
    simple.high = target->high >= greatest ? INFINITY : target->high;
    return simple;
}

/* ---- two operands ---- */

static davit_status lower_binary(const question *q, davit_op op, davit_value_id *out)
{
    davit_lowered a;
    davit_lowered b;
    davit_lower_attributes attributes = {.count = 0};
    const davit_node *node = node_of(q);
    davit_value_id second = node->inputs[1];
    davit_status status = davit_lower_operand(q->l, node->inputs[0], &a);
    if (status == DAVIT_OK) {
        status = davit_lower_operand(q->l, second, &b);
    }
    if (status != DAVIT_OK || a.value == DAVIT_NONE || b.value == DAVIT_NONE) {
        davit_lower_refuse(q->l, q->id,
                           "one of its inputs is not quantised to 8 bits with one scale");
        return status;
    }
    const davit_value_id inputs[] = {a.value, b.value};
    davit_lower_set_float(&attributes, "a_scale", a.type.scale);
    davit_lower_set_int(&attributes, "a_zero", a.type.zero);
    davit_lower_set_float(&attributes, "b_scale", b.type.scale);
    davit_lower_set_int(&attributes, "b_zero", b.type.zero);
    return add(q, op, 2, inputs, &attributes, out);
}

/* ---- one operand ---- */

static davit_status lower_softmax(const question *q, davit_value_id *out)
{
    davit_lowered x;
    davit_lower_attributes attributes = {.count = 0};
    const davit_node *node = node_of(q);
    int rank = q->l->graph->values[q->value].desc.rank;
    int64_t axis = davit_node_int(node, "axis", -1);
    if (davit_node_int(node, "coerce_2d", 0) != 0 && axis != -1 && axis != rank - 1) {
        davit_lower_refuse(q->l, q->id, "it works over several axes");
        return DAVIT_OK;
    }
    davit_status status = davit_lower_find_x(q->l, q->id, &attributes, &x);
    if (status != DAVIT_OK || x.value == DAVIT_NONE) {
        return status;
    }
    davit_lower_set_int(&attributes, "axis", axis);
    return add(q, DAVIT_OP_IntegerSoftmax, 1, &x.value, &attributes, out);
}

/* Linear; inference refuses what has no integer form. */
static davit_status lower_resize(const question *q, davit_value_id *out)
{
    davit_lowered x;
    davit_lower_attributes attributes = {.count = 0};
    davit_value_id inputs[4] = {DAVIT_NONE, DAVIT_NONE, DAVIT_NONE, DAVIT_NONE};
    const davit_node *node = node_of(q);
    uint32_t count = node->input_count < 4 ? node->input_count : 4;
    davit_lower_copy_attributes(&attributes, node);
    memcpy(inputs, node->inputs, count * sizeof(*inputs));
    davit_status status = davit_lower_find_x(q->l, q->id, &attributes, &x);
    if (status != DAVIT_OK || x.value == DAVIT_NONE) {
        return status;
    }
    inputs[0] = x.value;
    return add(q, DAVIT_OP_IntegerResize, count, inputs, &attributes, out);
}

/* ---- operators on bytes of the target ---- */

static davit_status lower_concat(const question *q, davit_value_id *out)
{
    uint32_t count = node_of(q)->input_count;
    davit_value_id *inputs = davit_arena_alloc_array(&q->l->graph->arena, count, sizeof(*inputs));
    davit_status status = inputs ? DAVIT_OK : DAVIT_OUT_OF_MEMORY;
    for (uint32_t i = 0; i < count && status == DAVIT_OK; i++) {
        status = davit_lower_result(q->l, node_of(q)->inputs[i], q->target, &inputs[i]);
        if (status == DAVIT_OK && inputs[i] == DAVIT_NONE) {
            davit_lower_refuse(q->l, q->id, "one of its inputs cannot be quantised");
            return DAVIT_OK;
        }
    }
    if (status != DAVIT_OK) {
        return status;
    }
    const davit_node *node = node_of(q);
    davit_node_spec spec = {.op = DAVIT_OP_Concat,
                            .input_count = count,
                            .output_count = 1,
                            .attribute_count = node->attribute_count,
                            .inputs = inputs,
                            .attributes = node->attributes};
    return davit_lower_add(q->l, q->id, &spec, out);
}

static davit_status lower_moved(const question *q, davit_value_id *out)
{
    davit_lowered data = {.type = q->target->type};
    davit_value_id *outputs;
    davit_status status = davit_lower_result(q->l, node_of(q)->inputs[0], q->target, &data.value);
    if (status != DAVIT_OK || data.value == DAVIT_NONE) {
        return status;
    }
    status = davit_lower_move(q->l, q->id, &data, q->target, &outputs);
    const davit_node *node = node_of(q);
    for (uint32_t i = 0; i < node->output_count && status == DAVIT_OK; i++) {
        if (node->outputs[i] == q->value) {
            *out = outputs[i];
        } else if (node->outputs[i] != DAVIT_NONE && outputs[i] != DAVIT_NONE) {
            q->l->results[node->outputs[i]] = (davit_lower_result_entry){outputs[i], *q->target};
        }
    }
    return status;
}

/* ---- all ---- */

/* Operators of values that are quantised one by one. */
static davit_status lower_operator(const question *q, davit_value_id *out)
{
    const davit_node *node = node_of(q);
    if (davit_lower_moves(q->l->graph, node)) {
        return lower_moved(q, out);
    }
    switch (node->op->op) {
    case DAVIT_OP_Add:
        return lower_binary(q, DAVIT_OP_IntegerAdd, out);
    case DAVIT_OP_AveragePool:
    case DAVIT_OP_GlobalAveragePool:
    case DAVIT_OP_ReduceMean:
        return davit_lower_average(q->l, q->id, q->target, out);
    case DAVIT_OP_Concat:
        return lower_concat(q, out);
    case DAVIT_OP_Mul:
        return lower_binary(q, DAVIT_OP_IntegerMul, out);
    case DAVIT_OP_Resize:
        return lower_resize(q, out);
    case DAVIT_OP_Softmax:
        return lower_softmax(q, out);
    default:
        return DAVIT_OK;
    }
}

static davit_status answer(const question *q, davit_value_id *out)
{
    float low;
    float high;
    bool found = false;
    davit_lowered operand = {.value = DAVIT_NONE};
    if (davit_lower_bounds(q->l->graph, node_of(q), &low, &high)) {
        return lower_bounded(q, low, high, out);
    }
    davit_status status = davit_lower_operand(q->l, q->value, &operand);
    if (status == DAVIT_OK && operand.value != DAVIT_NONE) {
        return davit_lower_requantize(q->l, q->id, &operand, q->target, out);
    }
    if (status == DAVIT_OK) {
        status = davit_lower_weighted(q->l, q->value, q->target, &found, out);
    }
    if (status == DAVIT_OK && !found) {
        status = davit_lower_table(q->l, q->value, q->target, out);
    }
    return status == DAVIT_OK && !found && *out == DAVIT_NONE ? lower_operator(q, out) : status;
}

static bool same_target(const davit_result_spec *a, const davit_result_spec *b)
{
    return a->type.dtype == b->type.dtype && a->type.scale == b->type.scale &&
           a->type.zero == b->type.zero && a->low == b->low && a->high == b->high;
}

davit_status davit_lower_result(davit_lowering *l, davit_value_id value,
                                const davit_result_spec *target, davit_value_id *out)
{
    davit_result_spec simple = without_implied(target);
    question q = {.l = l, .value = value, .id = DAVIT_NONE, .target = &simple};
    *out = DAVIT_NONE;
    if (!davit_lower_producer(l, value, &q.id) || l->depth >= DAVIT_LOWER_MAX_DEPTH ||
        l->steps == 0) {
        return DAVIT_OK;
    }
    if (same_target(&l->results[value].target, &simple)) {
        *out = davit_lower_resolve(l, l->results[value].value);
        return DAVIT_OK;
    }
    bool shared = l->shared;
    l->shared = shared || !davit_lower_read_once(l, value);
    l->steps--;
    l->depth++;
    davit_status status = answer(&q, out);
    l->depth--;
    l->shared = shared;
    if (status == DAVIT_OK && *out != DAVIT_NONE) {
        l->results[value] = (davit_lower_result_entry){*out, simple};
    }
    return status;
}
