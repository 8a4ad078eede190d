#include "recompose.h"

#include "constants.h"
#include "match.h"
#include "rewrite.h"

#define MAX_FACTORS 2
#define MAX_DEPTH 3

/* A product written out: factor times the values. */
typedef struct product {
    double number;
    size_t count;
    davit_value_id values[MAX_FACTORS];
} product;

/* Multiplies value into the product, taken apart where it is itself a product that nobody else
 * reads. False when there are too many factors. */
static bool multiply(const davit_graph *graph, const davit_uses *uses, davit_value_id value,
                     int depth, product *p)
{
    davit_value_id x;
    double factor;
    bool open =
        depth == 0 || (depth < MAX_DEPTH && davit_uses_single(uses, graph, value) != DAVIT_NONE);
    if (open && davit_match_scaled(graph, value, &x, &factor)) {
        p->number *= factor;
        return multiply(graph, uses, x, depth + 1, p);
    }
    const davit_node *mul = open ? davit_match_producer(graph, value, DAVIT_OP_Mul) : NULL;
    if (mul) {
        return multiply(graph, uses, mul->inputs[0], depth + 1, p) &&
               multiply(graph, uses, mul->inputs[1], depth + 1, p);
    }
    if (p->count == MAX_FACTORS) {
        return false;
    }
    p->values[p->count++] = value;
    return true;
}

/* value = x + number, in either order. */
static bool match_plus(const davit_graph *graph, davit_value_id value, double expected,
                       davit_value_id *x)
{
    const davit_node *add = davit_match_producer(graph, value, DAVIT_OP_Add);
    double number;
    return add && davit_match_with_number(graph, add, x, &number) &&
           davit_match_number(graph->values[value].desc.dtype, number, expected);
}

/* value = min(max(x + 3, 0), 6). */
static bool match_relu6_of_plus3(const davit_graph *graph, davit_value_id value, davit_value_id *x)
{
    const davit_node *clip = davit_match_producer(graph, value, DAVIT_OP_Clip);
    double low;
    double high;
    return clip && clip->input_count == 3 && davit_constant_scalar(graph, clip->inputs[1], &low) &&
           low == 0.0 && davit_constant_scalar(graph, clip->inputs[2], &high) && high == 6.0 &&
           match_plus(graph, clip->inputs[0], 3.0, x);
}

/* value = 1 + erf(x / sqrt(2)). */
static bool match_one_plus_erf(const davit_graph *graph, davit_value_id value, davit_value_id *x)
{
    davit_value_id inner;
    double factor;
    if (!match_plus(graph, value, 1.0, &inner)) {
        return false;
    }
    const davit_node *erf = davit_match_producer(graph, inner, DAVIT_OP_Erf);
    return erf && davit_match_scaled(graph, erf->inputs[0], x, &factor) &&
           davit_match_number(graph->values[value].desc.dtype, factor, 0.70710678118654752);
}

/* value = op(x), for a HardSigmoid the one of HardSwish. */
static bool match_function(const davit_graph *graph, davit_value_id value, davit_op op,
                           davit_value_id *x)
{
    const davit_node *node = davit_match_producer(graph, value, op);
    if (!node) {
        return false;
    }
    *x = node->inputs[0];
    return op != DAVIT_OP_HardSigmoid ||
           (davit_match_number(DAVIT_F32, (double)davit_node_float(node, "alpha", 0.2f),
                               1.0 / 6.0) &&
            davit_node_float(node, "beta", 0.5f) == 0.5f);
}

/* The activation that number * x * gate is; false when it is none. */
static bool match_gated(const davit_graph *graph, davit_value_id x, davit_value_id gate,
                        double number, davit_op *op)
{
    davit_dtype dtype = graph->values[x].desc.dtype;
    davit_value_id of;
    if (davit_match_number(dtype, number, 1.0)) {
        *op = DAVIT_OP_Silu;
        if (match_function(graph, gate, DAVIT_OP_Sigmoid, &of) && of == x) {
            return true;
        }
        *op = DAVIT_OP_HardSwish;
        return match_function(graph, gate, DAVIT_OP_HardSigmoid, &of) && of == x;
    }
    if (davit_match_number(dtype, number, 1.0 / 6.0)) {
        *op = DAVIT_OP_HardSwish;
        return match_relu6_of_plus3(graph, gate, &of) && of == x;
    }
    *op = DAVIT_OP_Gelu;
    return davit_match_number(dtype, number, 0.5) && match_one_plus_erf(graph, gate, &of) &&
           of == x;
}

static davit_status rewrite(davit_graph *graph, davit_node_id id, davit_op op, davit_value_id x)
{
    static const davit_attribute hard_sigmoid[] = {
        {.name = "alpha", .type = DAVIT_ATTRIBUTE_FLOAT, .u.f = 1.0f / 6.0f},
        {.name = "beta", .type = DAVIT_ATTRIBUTE_FLOAT, .u.f = 0.5f},
    };
    const davit_value *in = &graph->values[x];
    if (!davit_tensor_desc_same_shape(&in->desc,
                                      &graph->values[graph->nodes[id].outputs[0]].desc) ||
        !(davit_op_get(op)->types[0] & DAVIT_TYPE(in->desc.dtype))) {
        return DAVIT_OK;
    }
    davit_node_spec spec = {.op = op, .input_count = 1, .inputs = &x};
    if (op == DAVIT_OP_HardSigmoid) {
        spec.attribute_count = 2;
        spec.attributes = hard_sigmoid;
    }
    return davit_graph_rewrite_node(graph, id, &spec);
}

davit_status davit_recompose_activation(davit_graph *graph, davit_node_id id,
                                        const davit_uses *uses)
{
    const davit_node *node = &graph->nodes[id];
    product p = {.number = 1.0};
    davit_value_id x;
    davit_op op;
    if ((node->op->op != DAVIT_OP_Mul && node->op->op != DAVIT_OP_Div) ||
        !davit_dtype_is_float(graph->values[node->outputs[0]].desc.dtype) ||
        !multiply(graph, uses, node->outputs[0], 0, &p)) {
        return DAVIT_OK;
    }
    if (p.count == 2 && match_gated(graph, p.values[0], p.values[1], p.number, &op)) {
        return rewrite(graph, id, op, p.values[0]);
    }
    if (p.count == 2 && match_gated(graph, p.values[1], p.values[0], p.number, &op)) {
        return rewrite(graph, id, op, p.values[1]);
    }
    if (p.count == 1 && match_relu6_of_plus3(graph, p.values[0], &x) &&
        davit_match_number(graph->values[x].desc.dtype, p.number, 1.0 / 6.0)) {
        return rewrite(graph, id, DAVIT_OP_HardSigmoid, x);
    }
    return DAVIT_OK;
}
