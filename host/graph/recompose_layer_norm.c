#include "recompose.h"

#include "constants.h"
#include "match.h"
#include "rewrite.h"

#include <string.h>

/* (x - mean(x)) / sqrt(mean((x - mean(x))^2) + epsilon) [* scale] [+ bias], means over the last
 * axes. */
typedef struct layer_norm {
    davit_value_id x;
    int axis; /* the first of the last axes */
    double epsilon;
    davit_node_id last;   /* the node that computes the result so far */
    davit_value_id scale; /* DAVIT_NONE: none */
    davit_value_id bias;
} layer_norm;

/* value = ReduceMean(x) over the last axes from *axis on, dimensions kept. */
static bool match_mean(const davit_graph *graph, davit_value_id value, davit_value_id *x, int *axis)
{
    const davit_node *mean = davit_match_producer(graph, value, DAVIT_OP_ReduceMean);
    const davit_tensor *axes = mean ? davit_node_constant(graph, mean, 1) : NULL;
    if (!axes || axes->desc.dtype != DAVIT_S64 || davit_node_int(mean, "keepdims", 1) == 0) {
        return false;
    }
    int rank = graph->values[mean->inputs[0]].desc.rank;
    int64_t count = davit_tensor_desc_elems(&axes->desc);
    uint32_t seen = 0;
    for (int64_t i = 0; i < count; i++) {
        int64_t a = ((const int64_t *)axes->data)[i];
        seen |= 1u << (a < 0 ? a + rank : a);
    }
    uint32_t all = (1u << rank) - 1;
    if (count == 0 || count > rank || seen != (all & ~((1u << (rank - count)) - 1))) {
        return false;
    }
    *x = mean->inputs[0];
    *axis = rank - (int)count;
    return true;
}

/* value = x - mean(x). */
static bool match_centred(const davit_graph *graph, davit_value_id value, davit_value_id *x,
                          int *axis)
{
    const davit_node *sub = davit_match_producer(graph, value, DAVIT_OP_Sub);
    return sub && match_mean(graph, sub->inputs[1], x, axis) && sub->inputs[0] == *x;
}

/* value = base^2, as Pow or as a product with itself. */
static bool match_square(const davit_graph *graph, davit_value_id value, davit_value_id *base)
{
    const davit_node *pow = davit_match_producer(graph, value, DAVIT_OP_Pow);
    const davit_node *mul = davit_match_producer(graph, value, DAVIT_OP_Mul);
    if (pow && davit_constant_equals(graph, pow->inputs[1], 2.0)) {
        *base = pow->inputs[0];
        return true;
    }
    if (mul && mul->inputs[0] == mul->inputs[1]) {
        *base = mul->inputs[0];
        return true;
    }
    return false;
}

/* value = sqrt(mean((x - mean(x))^2) + epsilon). */
static bool match_deviation(const davit_graph *graph, davit_value_id value, layer_norm *ln)
{
    davit_value_id variance;
    davit_value_id square;
    davit_value_id centred;
    int axis;
    const davit_node *root = davit_match_producer(graph, value, DAVIT_OP_Sqrt);
    const davit_node *add =
        root ? davit_match_producer(graph, root->inputs[0], DAVIT_OP_Add) : NULL;
    return add && davit_match_with_number(graph, add, &variance, &ln->epsilon) &&
           match_mean(graph, variance, &square, &axis) && match_square(graph, square, &centred) &&
           match_centred(graph, centred, &ln->x, &ln->axis) && ln->axis == axis;
}

/* node = centred / deviation, or centred * (1 / deviation). */
static bool match_division(const davit_graph *graph, const davit_node *node, layer_norm *ln)
{
    davit_value_id x;
    int axis;
    for (uint32_t i = 0; i < 2; i++) {
        davit_value_id deviation = node->inputs[1 - i];
        if (node->op->op == DAVIT_OP_Mul) {
            const davit_node *inverse = davit_match_producer(graph, deviation, DAVIT_OP_Reciprocal);
            if (!inverse) {
                continue;
            }
            deviation = inverse->inputs[0];
        } else if (node->op->op != DAVIT_OP_Div || i != 0) {
            continue;
        }
        if (match_centred(graph, node->inputs[i], &x, &axis) &&
            match_deviation(graph, deviation, ln) && ln->x == x && ln->axis == axis) {
            return true;
        }
    }
    return false;
}

/* True when the constant has the shape of the normalised axes, leading dimensions of 1 aside. */
static bool is_parameter(const davit_tensor *constant, const davit_tensor_desc *x, int axis)
{
    int skip = x->rank - constant->desc.rank;
    if (constant->desc.dtype != x->dtype || skip < 0 || skip > axis) {
        return false;
    }
    for (int i = 0; i < constant->desc.rank; i++) {
        if (constant->desc.dims[i] != (i + skip < axis ? 1 : x->dims[i + skip])) {
            return false;
        }
    }
    return true;
}

/* Takes the only reader of the result in, when it is op with a parameter. */
static void match_parameter(const davit_graph *graph, const davit_uses *uses, davit_op op,
                            layer_norm *ln, davit_value_id *parameter)
{
    davit_value_id result = graph->nodes[ln->last].outputs[0];
    davit_node_id next = davit_uses_single(uses, graph, result);
    if (next == DAVIT_NONE || graph->nodes[next].op->op != op) {
        return;
    }
    const davit_node *node = &graph->nodes[next];
    davit_value_id other = node->inputs[node->inputs[0] == result ? 1 : 0];
    const davit_tensor *constant = graph->values[other].constant;
    if (constant && is_parameter(constant, &graph->values[ln->x].desc, ln->axis)) {
        *parameter = other;
        ln->last = next;
    }
}

/* Adds a constant of the shape of the normalised axes: the elements of from, or ones. */
static davit_status add_parameter(davit_graph *graph, const layer_norm *ln,
                                  const davit_tensor *from, davit_value_id *out)
{
    const davit_tensor_desc *x = &graph->values[ln->x].desc;
    davit_tensor *tensor;
    davit_status status = davit_tensor_create(graph->allocator, x->dtype, x->rank - ln->axis,
                                              x->dims + ln->axis, &tensor);
    if (status != DAVIT_OK) {
        return status;
    }
    if (from) {
        memcpy(tensor->data, from->data, davit_tensor_desc_bytes(&tensor->desc));
    }
    for (int64_t i = 0; !from && i < davit_tensor_desc_elems(&tensor->desc); i++) {
        davit_constant_set(tensor, i, 1.0);
    }
    return davit_graph_add_constant(graph, NULL, tensor, out);
}

/* Gives the parameters the rank that LayerNormalization wants. */
static davit_status shape_parameters(davit_graph *graph, layer_norm *ln)
{
    int rank = graph->values[ln->x].desc.rank - ln->axis;
    const davit_tensor *scale = ln->scale == DAVIT_NONE ? NULL : graph->values[ln->scale].constant;
    const davit_tensor *bias = ln->bias == DAVIT_NONE ? NULL : graph->values[ln->bias].constant;
    davit_status status = DAVIT_OK;
    if (!scale || scale->desc.rank != rank) {
        status = add_parameter(graph, ln, scale, &ln->scale);
    }
    if (status == DAVIT_OK && bias && bias->desc.rank != rank) {
        status = add_parameter(graph, ln, bias, &ln->bias);
    }
    return status;
}

davit_status davit_recompose_layer_norm(davit_graph *graph, davit_node_id id,
                                        const davit_uses *uses)
{
    layer_norm ln = {.last = id, .scale = DAVIT_NONE, .bias = DAVIT_NONE};
    const davit_node *node = &graph->nodes[id];
    davit_op op = node->op->op;
    if ((op != DAVIT_OP_Div && op != DAVIT_OP_Mul) || !match_division(graph, node, &ln)) {
        return DAVIT_OK;
    }
    davit_dtype dtype = graph->values[ln.x].desc.dtype;
    if (dtype == DAVIT_F64 ||
        !(davit_op_get(DAVIT_OP_LayerNormalization)->types[0] & DAVIT_TYPE(dtype))) {
        return DAVIT_OK; /* LayerNormalization would round what it normalises to f32 */
    }
    match_parameter(graph, uses, DAVIT_OP_Mul, &ln, &ln.scale);
    match_parameter(graph, uses, DAVIT_OP_Add, &ln, &ln.bias);
    davit_status status = shape_parameters(graph, &ln);
    if (status != DAVIT_OK) {
        return status;
    }
    davit_attribute attributes[] = {
        {.name = "axis", .type = DAVIT_ATTRIBUTE_INT, .u.i = ln.axis},
        {.name = "epsilon", .type = DAVIT_ATTRIBUTE_FLOAT, .u.f = (float)ln.epsilon},
    };
    davit_value_id inputs[] = {ln.x, ln.scale, ln.bias};
    davit_node_spec spec = {.op = DAVIT_OP_LayerNormalization,
                            .input_count = ln.bias == DAVIT_NONE ? 2 : 3,
                            .inputs = inputs,
                            .attribute_count = 2,
                            .attributes = attributes};
    return davit_graph_rewrite_node(graph, ln.last, &spec);
}
