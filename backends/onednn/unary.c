/* One element to one element, of f32. */
#include <math.h>

#include "fusion.h"
#include "int8_loops.h"
#include "operators.h"
#include "parallel.h"

#define GRAIN_ELEMS 4096

static const char *refuse_clip(const davit_graph *graph, const davit_unit *unit)
{
    const davit_node *node = &graph->nodes[unit->anchor];
    for (uint32_t i = 1; i < davit_node_input_count(node); i++) {
        if (davit_node_has_input(node, i) && davit_node_constant(graph, node, i) == NULL) {
            return "bounds that are not constant";
        }
    }
    return NULL;
}

/* ---- with a oneDNN algorithm ---- */

typedef struct algorithm_entry {
    davit_op op;
    dnnl_alg_kind_t algorithm;
    const char *attribute; /* that gives alpha, or NULL */
    float alpha, beta;     /* alpha: default of the attribute */
} algorithm_entry;

static const algorithm_entry algorithms[] = {
    {DAVIT_OP_Abs, dnnl_eltwise_abs, NULL, 0.0f, 0.0f},
    {DAVIT_OP_Elu, dnnl_eltwise_elu, "alpha", 1.0f, 0.0f},
    {DAVIT_OP_Gelu, dnnl_eltwise_gelu_erf, NULL, 0.0f, 0.0f},
    {DAVIT_OP_HardSwish, dnnl_eltwise_hardswish, NULL, 1.0f / 6.0f, 0.5f},
    {DAVIT_OP_LeakyRelu, dnnl_eltwise_relu, "alpha", 0.01f, 0.0f},
    {DAVIT_OP_Mish, dnnl_eltwise_mish, NULL, 0.0f, 0.0f},
    {DAVIT_OP_Neg, dnnl_eltwise_linear, NULL, -1.0f, 0.0f},
    {DAVIT_OP_Round, dnnl_eltwise_round, NULL, 0.0f, 0.0f},
    {DAVIT_OP_Sigmoid, dnnl_eltwise_logistic, NULL, 0.0f, 0.0f},
    {DAVIT_OP_Silu, dnnl_eltwise_swish, NULL, 1.0f, 0.0f},
    {DAVIT_OP_Softplus, dnnl_eltwise_soft_relu, NULL, 1.0f, 0.0f},
    {DAVIT_OP_Sqrt, dnnl_eltwise_sqrt, NULL, 0.0f, 0.0f},
    {DAVIT_OP_Tanh, dnnl_eltwise_tanh, NULL, 0.0f, 0.0f}};

static davit_dnnl_eltwise_params algorithm_of(const davit_node *node)
{
    davit_dnnl_eltwise_params params = {.algorithm = dnnl_alg_kind_undef};
    for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
        const algorithm_entry *entry = &algorithms[i];
        if (entry->op == node->op->op) {
            params.algorithm = entry->algorithm;
            params.alpha = entry->attribute != NULL
                               ? davit_node_float(node, entry->attribute, entry->alpha)
                               : entry->alpha;
            params.beta = entry->beta;
        }
    }
    if (node->op->op == DAVIT_OP_Gelu && davit_node_string(node, "approximate", "none")[0] == 't') {
        params.algorithm = dnnl_eltwise_gelu_tanh;
    }
    return params;
}

/* Where an element-wise result goes: over its input where nobody else reads that. */
static davit_status target(davit_onednn_builder *builder, const davit_onednn_operand *from,
                           davit_onednn_operand *to)
{
    if (davit_onednn_is_last_use(builder, from)) {
        *to = *from;
        return DAVIT_OK;
    }
    return davit_onednn_new(builder, from->desc, to);
}

static davit_status build_eltwise(davit_onednn_builder *builder, const davit_unit *unit,
                                  const davit_node *node)
{
    davit_dnnl_eltwise_params params = algorithm_of(node);
    davit_onednn_operand from, to;
    davit_status status = davit_onednn_value_get(builder, node->inputs[0], &from);
    if (status == DAVIT_OK) {
        status = target(builder, &from, &to);
    }
    if (status == DAVIT_OK) {
        params.data = from.desc;
        status = davit_onednn_add_eltwise(builder, &params, &from, &to);
    }
    if (status == DAVIT_OK) {
        davit_onednn_value_set(builder, unit->outputs[0], &to);
    }
    return status;
}

/* ---- with loops of our own, where oneDNN has none, clamps, or makes numbers of NaN ---- */

typedef struct loop {
    int64_t count;
    float alpha, beta;
    davit_onednn_body body;
    bool keeps_zero;
} loop;

typedef struct loop_run {
    const loop *loop;
    const float *from;
    float *to;
} loop_run;

static void loop_bound(const void *context, int64_t begin, int64_t end)
{
    const loop_run *run = context;
    davit_int8_loops_choose()->bound(run->loop->alpha, run->loop->beta, end - begin,
                                     run->from + begin, run->to + begin);
}

/* NaN stays. */
static inline float within_one(float x)
{
    x = x < 0.0f ? 0.0f : x;
    return x > 1.0f ? 1.0f : x;
}

#define DEFINE_LOOP(name, expression)                                                              \
    static void name(const void *context, int64_t begin, int64_t end)                              \
    {                                                                                              \
        const loop_run *run = context;                                                             \
        const float alpha = run->loop->alpha, beta = run->loop->beta;                              \
        (void)alpha;                                                                               \
        (void)beta;                                                                                \
        for (int64_t i = begin; i < end; i++) {                                                    \
            const float x = run->from[i];                                                          \
            run->to[i] = (expression);                                                             \
        }                                                                                          \
    }

DEFINE_LOOP(loop_ceil, ceilf(x))
DEFINE_LOOP(loop_celu, x > 0.0f ? x : alpha * expm1f(x / alpha))
DEFINE_LOOP(loop_cos, cosf(x))
DEFINE_LOOP(loop_erf, erff(x))
DEFINE_LOOP(loop_exp, expf(x))
DEFINE_LOOP(loop_floor, floorf(x))
DEFINE_LOOP(loop_hard_sigmoid, within_one(alpha *x + beta))
DEFINE_LOOP(loop_log, logf(x))
DEFINE_LOOP(loop_reciprocal, 1.0f / x)
DEFINE_LOOP(loop_selu, x > 0.0f ? beta * x : beta * alpha * expm1f(x))
DEFINE_LOOP(loop_sign, x > 0.0f ? 1.0f : (x < 0.0f ? -1.0f : x))
DEFINE_LOOP(loop_sin, sinf(x))
DEFINE_LOOP(loop_softsign, x / (1.0f + fabsf(x)))
DEFINE_LOOP(loop_thresholded_relu, x > alpha ? x : 0.0f)

static davit_status run_loop(const davit_onednn_call *call)
{
    const loop *l = call->params;
    const loop_run run = {.loop = l, .from = call->pointers[0], .to = call->pointers[1]};
    davit_onednn_parallel(l->count, GRAIN_ELEMS, l->body, &run);
    return DAVIT_OK;
}

static loop loop_of(const davit_graph *graph, const davit_node *node)
{
    loop l = {.body = loop_ceil, .alpha = davit_node_float(node, "alpha", 1.0f)};
    switch (node->op->op) {
    case DAVIT_OP_Celu:
        l.body = loop_celu;
        break;
    case DAVIT_OP_Clip:
        l.body = loop_bound;
        l.alpha = davit_constant_float(davit_node_constant(graph, node, 1), -INFINITY);
        l.beta = davit_constant_float(davit_node_constant(graph, node, 2), INFINITY);
        l.keeps_zero = l.alpha <= 0.0f && l.beta >= 0.0f;
        break;
    case DAVIT_OP_Cos:
        l.body = loop_cos;
        break;
    case DAVIT_OP_Erf:
        l.body = loop_erf;
        break;
    case DAVIT_OP_Exp:
        l.body = loop_exp;
        break;
    case DAVIT_OP_Floor:
        l.body = loop_floor;
        break;
    case DAVIT_OP_HardSigmoid:
        l.body = loop_hard_sigmoid;
        l.alpha = davit_node_float(node, "alpha", 0.2f);
        l.beta = davit_node_float(node, "beta", 0.5f);
        break;
    case DAVIT_OP_Log: /* oneDNN's is 1.4e-6 off at 1 */
        l.body = loop_log;
        break;
    case DAVIT_OP_Reciprocal:
        l.body = loop_reciprocal;
        break;
    case DAVIT_OP_Relu:
        l.body = loop_bound;
        l.alpha = 0.0f;
        l.beta = INFINITY;
        l.keeps_zero = true;
        break;
    case DAVIT_OP_Selu:
        l.body = loop_selu;
        l.alpha = davit_node_float(node, "alpha", 1.67326319217681884765625f);
        l.beta = davit_node_float(node, "gamma", 1.05070102214813232421875f);
        break;
    case DAVIT_OP_Sign:
        l.body = loop_sign;
        break;
    case DAVIT_OP_Sin:
        l.body = loop_sin;
        break;
    case DAVIT_OP_Softsign:
        l.body = loop_softsign;
        break;
    case DAVIT_OP_ThresholdedRelu:
        l.body = loop_thresholded_relu;
        break;
    default: /* Ceil */
        break;
    }
    return l;
}

/* True where all that lies between the first element and the last may be gone through: elements,
 * and padding, which must stay zero. */
static bool fits(loop *l, davit_dnnl_desc desc)
{
    davit_dnnl_layout layout;
    int64_t padded = 1;
    if (!davit_dnnl_desc_layout(desc, &layout)) {
        return false;
    }
    for (int i = 0; i < layout.rank; i++) {
        padded *= layout.padded_dims[i];
    }
    if (davit_dnnl_desc_bytes(desc) != (size_t)padded * sizeof(float) ||
        (padded != l->count && !l->keeps_zero)) {
        return false;
    }
    l->count = padded;
    return true;
}

static davit_status build_loop(davit_onednn_builder *builder, const davit_unit *unit,
                               const davit_node *node)
{
    loop *l = davit_onednn_alloc(builder, sizeof(*l));
    davit_onednn_operand operands[2];
    if (l == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    *l = loop_of(builder->graph, node);
    l->count = davit_tensor_desc_elems(davit_node_input(builder->graph, node, 0));
    davit_status status = davit_onednn_value_get(builder, node->inputs[0], &operands[0]);
    if (status == DAVIT_OK && !fits(l, operands[0].desc)) {
        status = davit_onednn_value_dense(builder, node->inputs[0], &operands[0]);
    }
    if (status == DAVIT_OK) {
        status = target(builder, &operands[0], &operands[1]);
    }
    if (status == DAVIT_OK) {
        status = davit_onednn_add_kernel(builder, "loop", run_loop, l, operands, 2);
    }
    if (status == DAVIT_OK) {
        davit_onednn_value_set(builder, unit->outputs[0], &operands[1]);
    }
    return status;
}

static const davit_onednn_operator operators[] = {
    {DAVIT_OP_Abs, false, NULL, build_eltwise},
    {DAVIT_OP_Ceil, false, NULL, build_loop},
    {DAVIT_OP_Celu, false, NULL, build_loop},
    {DAVIT_OP_Clip, false, refuse_clip, build_loop},
    {DAVIT_OP_Cos, false, NULL, build_loop},
    {DAVIT_OP_Elu, false, NULL, build_eltwise},
    {DAVIT_OP_Erf, false, NULL, build_loop},
    {DAVIT_OP_Exp, false, NULL, build_loop},
    {DAVIT_OP_Floor, false, NULL, build_loop},
    {DAVIT_OP_Gelu, false, NULL, build_eltwise},
    {DAVIT_OP_HardSigmoid, false, NULL, build_loop},
    {DAVIT_OP_HardSwish, false, NULL, build_eltwise},
    {DAVIT_OP_LeakyRelu, false, NULL, build_eltwise},
    {DAVIT_OP_Log, false, NULL, build_loop},
    {DAVIT_OP_Mish, false, NULL, build_eltwise},
    {DAVIT_OP_Neg, false, NULL, build_eltwise},
    {DAVIT_OP_Reciprocal, false, NULL, build_loop},
    {DAVIT_OP_Relu, false, NULL, build_loop},
    {DAVIT_OP_Round, false, NULL, build_eltwise},
    {DAVIT_OP_Selu, false, NULL, build_loop},
    {DAVIT_OP_Sigmoid, false, NULL, build_eltwise},
    {DAVIT_OP_Sign, false, NULL, build_loop},
    {DAVIT_OP_Silu, false, NULL, build_eltwise},
    {DAVIT_OP_Sin, false, NULL, build_loop},
    {DAVIT_OP_Softplus, false, NULL, build_eltwise},
    {DAVIT_OP_Softsign, false, NULL, build_loop},
    {DAVIT_OP_Sqrt, false, NULL, build_eltwise},
    {DAVIT_OP_Tanh, false, NULL, build_eltwise},
    {DAVIT_OP_ThresholdedRelu, false, NULL, build_loop}};

const davit_onednn_family davit_onednn_unary = DAVIT_ONEDNN_FAMILY(operators);
