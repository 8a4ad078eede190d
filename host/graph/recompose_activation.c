#include "recompose.h"

#include "constants.h"
#include "match.h"
#include "rewrite.h"

#define MAX_FACTORS 2
#define MAX_DEPTH 3

/* What a product turns out to be. */
typedef struct activation {
    davit_op op;
    bool by_tanh; /* Gelu: the approximation */
} activation;

/* A product written out: number times the values. */
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

/* value = x^3, as Pow or as a product. */
static bool match_cube(const davit_graph *graph, davit_value_id value, davit_value_id *x)
{
    const davit_node *pow = davit_match_producer(graph, value, DAVIT_OP_Pow);
    const davit_node *outer = davit_match_producer(graph, value, DAVIT_OP_Mul);
    if (pow) {
        *x = pow->inputs[0];
        return davit_constant_equals(graph, pow->inputs[1], 3.0);
    }
    for (uint32_t i = 0; outer && i < 2; i++) {
        const davit_node *square = davit_match_producer(graph, outer->inputs[i], DAVIT_OP_Mul);
        *x = outer->inputs[1 - i];
        if (square && square->inputs[0] == *x && square->inputs[1] == *x) {
            return true;
        }
    }
    return false;
}

/* value = 1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3)). */
static bool match_one_plus_tanh(const davit_graph *graph, davit_value_id value, davit_value_id *x)
{
    davit_value_id inner;
    davit_value_id cube;
    double factor;
    davit_dtype dtype = graph->values[value].desc.dtype;
    if (!match_plus(graph, value, 1.0, &inner)) {
        return false;
    }
    const davit_node *tanh = davit_match_producer(graph, inner, DAVIT_OP_Tanh);
    if (!tanh || !davit_match_scaled(graph, tanh->inputs[0], &inner, &factor) ||
        !davit_match_number(dtype, factor, 0.79788456080286536)) {
        return false;
    }
    const davit_node *sum = davit_match_producer(graph, inner, DAVIT_OP_Add);
    for (uint32_t i = 0; sum && i < 2; i++) {
        if (davit_match_scaled(graph, sum->inputs[i], &cube, &factor) &&
            davit_match_number(dtype, factor, 0.044715) && match_cube(graph, cube, x) &&
            *x == sum->inputs[1 - i]) {
            return true;
        }
    }
    return false;
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
                        double number, activation *found)
{
    davit_dtype dtype = graph->values[x].desc.dtype;
    davit_value_id of;
    if (davit_match_number(dtype, number, 1.0)) {
        found->op = DAVIT_OP_Silu;
        if (match_function(graph, gate, DAVIT_OP_Sigmoid, &of) && of == x) {
            return true;
        }
        found->op = DAVIT_OP_HardSwish;
        return match_function(graph, gate, DAVIT_OP_HardSigmoid, &of) && of == x;
    }
    if (davit_match_number(dtype, number, 1.0 / 6.0)) {
        found->op = DAVIT_OP_HardSwish;
        return match_relu6_of_plus3(graph, gate, &of) && of == x;
    }
    if (!davit_match_number(dtype, number, 0.5)) {
        return false;
    }
    found->op = DAVIT_OP_Gelu;
    found->by_tanh = match_one_plus_tanh(graph, gate, &of) && of == x;
    return found->by_tanh || (match_one_plus_erf(graph, gate, &of) && of == x);
}

static davit_status rewrite(davit_graph *graph, davit_node_id id, activation found,
                            davit_value_id x)
{
    static const davit_attribute hard_sigmoid[] = {
        {.name = "alpha", .type = DAVIT_ATTRIBUTE_FLOAT, .u.f = 1.0f / 6.0f},
        {.name = "beta", .type = DAVIT_ATTRIBUTE_FLOAT, .u.f = 0.5f},
    };
    static const davit_attribute by_tanh = {
        .name = "approximate", .type = DAVIT_ATTRIBUTE_STRING, .count = 4, .u.s = "tanh"};
    const davit_tensor_desc *in = &graph->values[x].desc;
    const davit_tensor_desc *out = &graph->values[graph->nodes[id].outputs[0]].desc;
    if (!davit_tensor_desc_same_shape(in, out) ||
        !(davit_op_get(found.op)->types[0] & DAVIT_TYPE(in->dtype))) {
        return DAVIT_OK;
    }
    davit_node_spec spec = {.op = found.op, .input_count = 1, .inputs = &x};
    if (found.op == DAVIT_OP_HardSigmoid) {
        spec.attribute_count = 2;
        spec.attributes = hard_sigmoid;
    } else if (found.by_tanh) {
        spec.attribute_count = 1;
        spec.attributes = &by_tanh;
    }
    return davit_graph_rewrite_node(graph, id, &spec);
}

davit_status davit_recompose_activation(davit_graph *graph, davit_node_id id,
                                        const davit_uses *uses)
{
    const davit_node *node = &graph->nodes[id];
    product p = {.number = 1.0};
    davit_value_id x;
    activation found = {.op = DAVIT_OP_HardSigmoid};
    if ((node->op->op != DAVIT_OP_Mul && node->op->op != DAVIT_OP_Div) ||
        !davit_dtype_is_float(graph->values[node->outputs[0]].desc.dtype) ||
        !multiply(graph, uses, node->outputs[0], 0, &p)) {
        return DAVIT_OK;
    }
    if (p.count == 1) {
        bool matches = match_relu6_of_plus3(graph, p.values[0], &x) &&
                       davit_match_number(graph->values[x].desc.dtype, p.number, 1.0 / 6.0);
        return matches ? rewrite(graph, id, found, x) : DAVIT_OK;
    }
    for (size_t i = 0; i < 2; i++) {
        if (match_gated(graph, p.values[i], p.values[1 - i], p.number, &found)) {
            return rewrite(graph, id, found, p.values[i]);
        }
    }
    return DAVIT_OK;
}
