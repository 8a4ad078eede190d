/* Element-wise operators in f32, comparisons, logic, casts. */
#include <math.h>

#include "broadcast.h"
#include "operators.h"

/* ---- of one input ---- */

typedef struct function {
    davit_op op;
    int number;
    const char *alpha_name, *beta_name;
    float alpha, beta; /* where there is no attribute */
} function;

static const function functions[] = {
    {DAVIT_OP_Abs, DAVIT_GPU_ABS, NULL, NULL, 0, 0},
    {DAVIT_OP_Ceil, DAVIT_GPU_CEIL, NULL, NULL, 0, 0},
    {DAVIT_OP_Clip, DAVIT_ACTIVATION_CLIP, NULL, NULL, -INFINITY, INFINITY},
    {DAVIT_OP_Cos, DAVIT_GPU_COS, NULL, NULL, 0, 0},
    {DAVIT_OP_Elu, DAVIT_GPU_ELU, "alpha", NULL, 1.0f, 0},
    {DAVIT_OP_Erf, DAVIT_GPU_ERF, NULL, NULL, 0, 0},
    {DAVIT_OP_Exp, DAVIT_GPU_EXP, NULL, NULL, 0, 0},
    {DAVIT_OP_Floor, DAVIT_GPU_FLOOR, NULL, NULL, 0, 0},
    {DAVIT_OP_Gelu, DAVIT_ACTIVATION_GELU_ERF, NULL, NULL, 0, 0},
    {DAVIT_OP_HardSigmoid, DAVIT_ACTIVATION_HARDSIGMOID, "alpha", "beta", 0.2f, 0.5f},
    {DAVIT_OP_HardSwish, DAVIT_ACTIVATION_HARDSWISH, NULL, NULL, 0, 0},
    {DAVIT_OP_LeakyRelu, DAVIT_ACTIVATION_LEAKY_RELU, "alpha", NULL, 0.01f, 0},
    {DAVIT_OP_Log, DAVIT_GPU_LOG, NULL, NULL, 0, 0},
    {DAVIT_OP_Mish, DAVIT_GPU_MISH, NULL, NULL, 0, 0},
    {DAVIT_OP_Neg, DAVIT_GPU_NEG, NULL, NULL, 0, 0},
    {DAVIT_OP_Reciprocal, DAVIT_GPU_RECIPROCAL, NULL, NULL, 0, 0},
    {DAVIT_OP_Relu, DAVIT_ACTIVATION_RELU, NULL, NULL, 0, 0},
    {DAVIT_OP_Round, DAVIT_GPU_ROUND, NULL, NULL, 0, 0},
    {DAVIT_OP_Selu, DAVIT_GPU_SELU, "alpha", "gamma", 1.67326319217681884765625f,
     1.05070102214813232421875f},
    {DAVIT_OP_Sigmoid, DAVIT_ACTIVATION_SIGMOID, NULL, NULL, 0, 0},
    {DAVIT_OP_Sign, DAVIT_GPU_SIGN, NULL, NULL, 0, 0},
    {DAVIT_OP_Silu, DAVIT_ACTIVATION_SILU, NULL, NULL, 0, 0},
    {DAVIT_OP_Sin, DAVIT_GPU_SIN, NULL, NULL, 0, 0},
    {DAVIT_OP_Softplus, DAVIT_GPU_SOFTPLUS, NULL, NULL, 0, 0},
    {DAVIT_OP_Softsign, DAVIT_GPU_SOFTSIGN, NULL, NULL, 0, 0},
    {DAVIT_OP_Sqrt, DAVIT_GPU_SQRT, NULL, NULL, 0, 0},
    {DAVIT_OP_Tan, DAVIT_GPU_TAN, NULL, NULL, 0, 0},
    {DAVIT_OP_Tanh, DAVIT_ACTIVATION_TANH, NULL, NULL, 0, 0},
    {DAVIT_OP_ThresholdedRelu, DAVIT_GPU_THRESHOLDED, "alpha", NULL, 1.0f, 0}};

static davit_gpu_unary_params unary_of(const davit_graph *graph, const davit_node *node)
{
    davit_gpu_unary_params params = {0};
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        const function *f = &functions[i];
        if (f->op == node->op->op) {
            params.function = f->number;
            params.alpha =
                f->alpha_name != NULL ? davit_node_float(node, f->alpha_name, f->alpha) : f->alpha;
            params.beta =
                f->beta_name != NULL ? davit_node_float(node, f->beta_name, f->beta) : f->beta;
        }
    }
    if (node->op->op == DAVIT_OP_Clip) {
        params.alpha = davit_constant_float(davit_node_constant(graph, node, 1), params.alpha);
        params.beta = davit_constant_float(davit_node_constant(graph, node, 2), params.beta);
    }
    if (node->op->op == DAVIT_OP_Gelu &&
        davit_node_string(node, "approximate", "none")[0] == 't') {
        params.function = DAVIT_ACTIVATION_GELU_TANH;
    }
    return params;
}

/* A call of a kernel for which only the number of elements counts, in the layout of the input. */
static davit_status build_flat(davit_gpu_builder *builder, const davit_node *node,
                               davit_gpu_call *call)
{
    davit_gpu_layout layout = davit_gpu_layout_of(builder, node->inputs[0]);
    davit_status status = davit_gpu_get(builder, node->inputs[0], layout, &call->operands[0]);
    if (status == DAVIT_OK) {
        status = davit_gpu_make(builder, node->outputs[0], layout, &call->operands[1]);
    }
    call->operand_count = 2;
    return status == DAVIT_OK
               ? davit_gpu_launch_flat(
                     builder, call,
                     davit_tensor_desc_elems(davit_gpu_desc(builder, node->outputs[0])))
               : status;
}

static davit_status build_unary(davit_gpu_builder *builder, const davit_unit *unit,
                                const davit_node *node)
{
    davit_gpu_unary_params params = unary_of(builder->graph, node);
    davit_gpu_call call = {.kernel = "unary_f32", .params = &params, .param_bytes = sizeof(params)};
    params.count = (int)davit_tensor_desc_elems(davit_gpu_desc(builder, unit->outputs[0]));
    return build_flat(builder, node, &call);
}

static davit_status build_not(davit_gpu_builder *builder, const davit_unit *unit,
                              const davit_node *node)
{
    davit_gpu_lookup_params params = {
        .count = (int)davit_tensor_desc_elems(davit_gpu_desc(builder, unit->outputs[0]))};
    davit_gpu_call call = {.kernel = "not_bool", .params = &params, .param_bytes = sizeof(params)};
    return build_flat(builder, node, &call);
}

/* ---- Cast ---- */

static bool can_cast(davit_dtype dtype)
{
    return dtype == DAVIT_F32 || dtype == DAVIT_S32 || dtype == DAVIT_S64 || dtype == DAVIT_BOOL;
}

static const char *refuse_cast(const davit_graph *graph, const davit_unit *unit)
{
    const davit_node *node = &graph->nodes[unit->anchor];
    return can_cast(davit_node_input(graph, node, 0)->dtype) &&
                   can_cast(davit_node_output(graph, node)->dtype)
               ? NULL
               : "element type";
}

static davit_status build_cast(davit_gpu_builder *builder, const davit_unit *unit,
                               const davit_node *node)
{
    const davit_tensor_desc *y = davit_gpu_desc(builder, unit->outputs[0]);
    davit_gpu_cast_params params = {.count = (int)davit_tensor_desc_elems(y),
                                    .from = (int)davit_node_input(builder->graph, node, 0)->dtype,
                                    .to = (int)y->dtype};
    davit_gpu_call call = {.kernel = "cast", .params = &params, .param_bytes = sizeof(params)};
    return build_flat(builder, node, &call);
}

/* ---- of two and more ---- */

static int pair_number(davit_op op)
{
    switch (op) {
    case DAVIT_OP_Sub:
        return DAVIT_GPU_SUB;
    case DAVIT_OP_Mul:
        return DAVIT_GPU_MUL;
    case DAVIT_OP_Div:
        return DAVIT_GPU_DIV;
    case DAVIT_OP_Pow:
        return DAVIT_GPU_POW;
    case DAVIT_OP_Min:
        return DAVIT_GPU_MIN;
    case DAVIT_OP_Max:
        return DAVIT_GPU_MAX;
    case DAVIT_OP_PRelu:
        return DAVIT_GPU_PRELU;
    case DAVIT_OP_Equal:
        return DAVIT_GPU_EQUAL;
    case DAVIT_OP_Less:
        return DAVIT_GPU_LESS;
    case DAVIT_OP_LessOrEqual:
        return DAVIT_GPU_LESS_OR_EQUAL;
    case DAVIT_OP_Greater:
        return DAVIT_GPU_GREATER;
    case DAVIT_OP_GreaterOrEqual:
        return DAVIT_GPU_GREATER_OR_EQUAL;
    case DAVIT_OP_And:
        return DAVIT_GPU_AND;
    case DAVIT_OP_Or:
        return DAVIT_GPU_OR;
    case DAVIT_OP_Xor:
        return DAVIT_GPU_XOR;
    default: /* Add, Sum, Mean */
        return DAVIT_GPU_ADD;
    }
}

static const char *compare_kernel(davit_dtype dtype)
{
    switch (dtype) {
    case DAVIT_F32:
        return "compare_f32";
    case DAVIT_S32:
        return "compare_s32";
    case DAVIT_S64:
        return "compare_s64";
    case DAVIT_BOOL:
        return "compare_bool";
    default:
        return NULL;
    }
}

/* Two inputs of one type, which broadcast over at most DAVIT_GPU_RANK dimensions. */
static const char *refuse_pair(const davit_graph *graph, const davit_unit *unit)
{
    const davit_node *node = &graph->nodes[unit->anchor];
    const davit_tensor_desc *a = davit_node_input(graph, node, 0);
    const davit_tensor_desc *b = davit_node_input(graph, node, 1);
    if (a->dtype != b->dtype) {
        return "inputs of several element types";
    }
    if (davit_tensor_desc_elems(a) == 0 || davit_tensor_desc_elems(b) == 0) {
        return "empty tensor";
    }
    bool f32 = a->dtype == DAVIT_F32;
    if (davit_node_output(graph, node)->dtype == DAVIT_BOOL ? compare_kernel(a->dtype) == NULL
                                                            : !f32) {
        return "element type";
    }
    return davit_gpu_broadcast_fits(graph, 2, node->inputs, davit_node_output(graph, node))
               ? NULL
               : "broadcast of many dimensions";
}

static const char *refuse_many(const davit_graph *graph, const davit_unit *unit)
{
    const davit_node *node = &graph->nodes[unit->anchor];
    const davit_tensor_desc *y = davit_node_output(graph, node);
    if (y->dtype != DAVIT_F32) {
        return "element type";
    }
    for (uint32_t i = 0; i < node->input_count; i++) {
        if (!davit_node_has_input(node, i) ||
            davit_tensor_desc_elems(davit_node_input(graph, node, i)) == 0) {
            return "empty tensor";
        }
        if (!davit_gpu_broadcast_fits(graph, 1, &node->inputs[i], y)) {
            return "broadcast of many dimensions";
        }
    }
    return NULL;
}

/* y = function(a, b) over the shape of y. */
static davit_status launch_pair(davit_gpu_builder *builder, const char *kernel, int number,
                                const davit_gpu_broadcast *b, int64_t count, davit_gpu_place y)
{
    davit_gpu_binary_params params = {.count = (int)count, .function = number, .flat = b->flat};
    for (int i = 0; i < DAVIT_GPU_RANK; i++) {
        params.dims[i] = b->dims[i];
        params.a[i] = b->strides[0][i];
        params.b[i] = b->strides[1][i];
    }
    davit_gpu_call call = {.kernel = kernel,
                           .params = &params,
                           .param_bytes = sizeof(params),
                           .operand_count = 3,
                           .operands = {b->places[0], b->places[1], y}};
    return davit_gpu_launch_flat(builder, &call, count);
}

static davit_status build_pair(davit_gpu_builder *builder, const davit_unit *unit,
                               const davit_node *node)
{
    const davit_tensor_desc *y = davit_gpu_desc(builder, unit->outputs[0]);
    davit_gpu_broadcast b;
    davit_gpu_place place;
    davit_status status = davit_gpu_broadcast_get(builder, 2, node->inputs, y, &b);
    if (status == DAVIT_OK) {
        status = davit_gpu_make(builder, unit->outputs[0], b.layout, &place);
    }
    const char *kernel = y->dtype == DAVIT_BOOL
                             ? compare_kernel(davit_node_input(builder->graph, node, 0)->dtype)
                             : "binary_f32";
    return status == DAVIT_OK ? launch_pair(builder, kernel, pair_number(node->op->op), &b,
                                            davit_tensor_desc_elems(y), place)
                              : status;
}

/* y = factor * y, or a copy. */
static davit_status scale(davit_gpu_builder *builder, davit_gpu_place from, davit_gpu_place to,
                          float factor, int64_t count)
{
    davit_gpu_unary_params params = {
        .count = (int)count, .function = DAVIT_ACTIVATION_LINEAR, .alpha = factor};
    davit_gpu_call call = {.kernel = "unary_f32",
                           .params = &params,
                           .param_bytes = sizeof(params),
                           .operand_count = 2,
                           .operands = {from, to}};
    params.function = factor == 1.0f ? DAVIT_GPU_COPY : params.function;
    return davit_gpu_launch_flat(builder, &call, count);
}

/* Copies the first input to the whole shape, then takes the others one after the other. */
static davit_status build_many(davit_gpu_builder *builder, const davit_unit *unit,
                               const davit_node *node)
{
    const davit_tensor_desc *y = davit_gpu_desc(builder, unit->outputs[0]);
    int64_t count = davit_tensor_desc_elems(y);
    davit_gpu_place sum = davit_gpu_absent(), result;
    davit_status status = DAVIT_OK;
    for (uint32_t i = 0; i < node->input_count && status == DAVIT_OK; i++) {
        davit_gpu_broadcast b;
        davit_gpu_place next = sum;
        status = davit_gpu_broadcast_with(builder, sum, node->inputs[i], y, &b);
        if (status == DAVIT_OK) {
            status = davit_gpu_scratch(builder, davit_tensor_desc_bytes(y), &next);
        }
        if (status == DAVIT_OK) {
            int number = i == 0 ? DAVIT_GPU_MAX : pair_number(node->op->op); /* max(x, x) is x */
            status = launch_pair(builder, "binary_f32", number, &b, count, next);
        }
        sum = next;
    }
    if (status == DAVIT_OK) {
        status = davit_gpu_make(builder, unit->outputs[0], DAVIT_GPU_DENSE, &result);
    }
    bool mean = node->op->op == DAVIT_OP_Mean;
    return status == DAVIT_OK
               ? scale(builder, sum, result, mean ? 1.0f / (float)node->input_count : 1.0f, count)
               : status;
}

static davit_status build_variadic(davit_gpu_builder *builder, const davit_unit *unit,
                                   const davit_node *node)
{
    return node->input_count == 2 && node->op->op != DAVIT_OP_Mean
               ? build_pair(builder, unit, node)
               : build_many(builder, unit, node);
}

/* ---- Where ---- */

static const char *refuse_where(const davit_graph *graph, const davit_unit *unit)
{
    const davit_node *node = &graph->nodes[unit->anchor];
    for (uint32_t i = 0; i < 3; i++) {
        if (davit_tensor_desc_elems(davit_node_input(graph, node, i)) == 0) {
            return "empty tensor";
        }
    }
    return davit_gpu_broadcast_fits(graph, 3, node->inputs, davit_node_output(graph, node))
               ? NULL
               : "broadcast of many dimensions";
}

static davit_status build_where(davit_gpu_builder *builder, const davit_unit *unit,
                                const davit_node *node)
{
    static const char *const names[4] = {"where_1", "where_2", "where_4", "where_8"};
    const davit_tensor_desc *y = davit_gpu_desc(builder, unit->outputs[0]);
    davit_gpu_broadcast b;
    davit_gpu_place place;
    davit_status status = davit_gpu_broadcast_get(builder, 3, node->inputs, y, &b);
    if (status == DAVIT_OK) {
        status = davit_gpu_make(builder, unit->outputs[0], b.layout, &place);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    davit_gpu_where_params params = {.count = (int)davit_tensor_desc_elems(y)};
    for (int i = 0; i < DAVIT_GPU_RANK; i++) {
        params.dims[i] = b.dims[i];
        params.condition[i] = b.strides[0][i];
        params.a[i] = b.strides[1][i];
        params.b[i] = b.strides[2][i];
    }
    davit_gpu_call call = {.kernel = davit_gpu_of_width(names, davit_dtype_bytes(y->dtype)),
                           .params = &params,
                           .param_bytes = sizeof(params),
                           .operand_count = 4,
                           .operands = {b.places[0], b.places[1], b.places[2], place}};
    return davit_gpu_launch_flat(builder, &call, params.count);
}

static const davit_gpu_operator operators[] = {
    {DAVIT_OP_Abs, DAVIT_GPU_FLOATS, NULL, build_unary},
    {DAVIT_OP_Add, DAVIT_GPU_FLOATS, refuse_pair, build_pair},
    {DAVIT_OP_And, DAVIT_GPU_ANY, refuse_pair, build_pair},
    {DAVIT_OP_Cast, DAVIT_GPU_ANY, refuse_cast, build_cast},
    {DAVIT_OP_Ceil, DAVIT_GPU_FLOATS, NULL, build_unary},
    {DAVIT_OP_Clip, DAVIT_GPU_FLOATS, davit_gpu_refuse_shape_inputs, build_unary},
    {DAVIT_OP_Cos, DAVIT_GPU_FLOATS, NULL, build_unary},
    {DAVIT_OP_Div, DAVIT_GPU_FLOATS, refuse_pair, build_pair},
    {DAVIT_OP_Elu, DAVIT_GPU_FLOATS, NULL, build_unary},
    {DAVIT_OP_Equal, DAVIT_GPU_ANY, refuse_pair, build_pair},
    {DAVIT_OP_Erf, DAVIT_GPU_FLOATS, NULL, build_unary},
    {DAVIT_OP_Exp, DAVIT_GPU_FLOATS, NULL, build_unary},
    {DAVIT_OP_Floor, DAVIT_GPU_FLOATS, NULL, build_unary},
    {DAVIT_OP_Gelu, DAVIT_GPU_FLOATS, NULL, build_unary},
    {DAVIT_OP_Greater, DAVIT_GPU_ANY, refuse_pair, build_pair},
    {DAVIT_OP_GreaterOrEqual, DAVIT_GPU_ANY, refuse_pair, build_pair},
    {DAVIT_OP_HardSigmoid, DAVIT_GPU_FLOATS, NULL, build_unary},
    {DAVIT_OP_HardSwish, DAVIT_GPU_FLOATS, NULL, build_unary},
    {DAVIT_OP_LeakyRelu, DAVIT_GPU_FLOATS, NULL, build_unary},
    {DAVIT_OP_Less, DAVIT_GPU_ANY, refuse_pair, build_pair},
    {DAVIT_OP_LessOrEqual, DAVIT_GPU_ANY, refuse_pair, build_pair},
    {DAVIT_OP_Log, DAVIT_GPU_FLOATS, NULL, build_unary},
    {DAVIT_OP_Max, DAVIT_GPU_FLOATS, refuse_many, build_variadic},
    {DAVIT_OP_Mean, DAVIT_GPU_FLOATS, refuse_many, build_variadic},
    {DAVIT_OP_Min, DAVIT_GPU_FLOATS, refuse_many, build_variadic},
    {DAVIT_OP_Mish, DAVIT_GPU_FLOATS, NULL, build_unary},
    {DAVIT_OP_Mul, DAVIT_GPU_FLOATS, refuse_pair, build_pair},
    {DAVIT_OP_Neg, DAVIT_GPU_FLOATS, NULL, build_unary},
    {DAVIT_OP_Not, DAVIT_TYPE(DAVIT_BOOL), NULL, build_not},
    {DAVIT_OP_Or, DAVIT_GPU_ANY, refuse_pair, build_pair},
    {DAVIT_OP_PRelu, DAVIT_GPU_FLOATS, refuse_pair, build_pair},
    {DAVIT_OP_Pow, DAVIT_GPU_FLOATS, refuse_pair, build_pair},
    {DAVIT_OP_Reciprocal, DAVIT_GPU_FLOATS, NULL, build_unary},
    {DAVIT_OP_Relu, DAVIT_GPU_FLOATS, NULL, build_unary},
    {DAVIT_OP_Round, DAVIT_GPU_FLOATS, NULL, build_unary},
    {DAVIT_OP_Selu, DAVIT_GPU_FLOATS, NULL, build_unary},
    {DAVIT_OP_Sigmoid, DAVIT_GPU_FLOATS, NULL, build_unary},
    {DAVIT_OP_Sign, DAVIT_GPU_FLOATS, NULL, build_unary},
    {DAVIT_OP_Silu, DAVIT_GPU_FLOATS, NULL, build_unary},
    {DAVIT_OP_Sin, DAVIT_GPU_FLOATS, NULL, build_unary},
    {DAVIT_OP_Softplus, DAVIT_GPU_FLOATS, NULL, build_unary},
    {DAVIT_OP_Softsign, DAVIT_GPU_FLOATS, NULL, build_unary},
    {DAVIT_OP_Sqrt, DAVIT_GPU_FLOATS, NULL, build_unary},
    {DAVIT_OP_Sub, DAVIT_GPU_FLOATS, refuse_pair, build_pair},
    {DAVIT_OP_Sum, DAVIT_GPU_FLOATS, refuse_many, build_variadic},
    {DAVIT_OP_Tan, DAVIT_GPU_FLOATS, NULL, build_unary},
    {DAVIT_OP_Tanh, DAVIT_GPU_FLOATS, NULL, build_unary},
    {DAVIT_OP_ThresholdedRelu, DAVIT_GPU_FLOATS, NULL, build_unary},
    {DAVIT_OP_Where, DAVIT_GPU_ANY, refuse_where, build_where},
    {DAVIT_OP_Xor, DAVIT_GPU_ANY, refuse_pair, build_pair}};

const davit_gpu_family davit_gpu_elementwise = DAVIT_GPU_FAMILY(operators);
