#include "lower_integer.h"

#include "constants.h"
#include "davit/quantize_table.h"

#include <math.h>
#include <string.h>

#define MAX_STEPS 24

/* What a value is for each byte of the one quantised value that it depends on. */
typedef struct column {
    davit_value_id of;
    float y[256];
} column;

typedef struct region {
    davit_lowering *l;
    davit_lowered x; /* value DAVIT_NONE: none met yet */
    size_t count;
    column columns[MAX_STEPS];
} region;

static void dequantize_all(const davit_quant8 *type, float *y)
{
    for (int i = 0; i < 256; i++) {
        uint8_t byte = (uint8_t)i;
        y[i] = (float)(davit_load8(&byte, type->dtype, 0) - type->zero) * type->scale;
    }
}

/* ---- functions of one value ---- */

static bool find_function(const davit_node *node, davit_function *function, float *alpha,
                          float *beta)
{
    static const struct {
        davit_op op;
        davit_function function;
        float alpha, beta;
    } functions[] = {
        {DAVIT_OP_Elu, DAVIT_FUNCTION_ELU, 1.0f, 0.0f},
        {DAVIT_OP_Erf, DAVIT_FUNCTION_ERF, 0.0f, 0.0f},
        {DAVIT_OP_Exp, DAVIT_FUNCTION_EXP, 0.0f, 0.0f},
        {DAVIT_OP_HardSigmoid, DAVIT_FUNCTION_HARDSIGMOID, 0.2f, 0.5f},
        {DAVIT_OP_HardSwish, DAVIT_FUNCTION_HARDSWISH, 0.0f, 0.0f},
        {DAVIT_OP_LeakyRelu, DAVIT_FUNCTION_LEAKY_RELU, 0.01f, 0.0f},
        {DAVIT_OP_Mish, DAVIT_FUNCTION_MISH, 0.0f, 0.0f},
        {DAVIT_OP_Sigmoid, DAVIT_FUNCTION_SIGMOID, 0.0f, 0.0f},
        {DAVIT_OP_Silu, DAVIT_FUNCTION_SILU, 0.0f, 0.0f},
        {DAVIT_OP_Softplus, DAVIT_FUNCTION_SOFTPLUS, 0.0f, 0.0f},
        {DAVIT_OP_Tanh, DAVIT_FUNCTION_TANH, 0.0f, 0.0f},
        {DAVIT_OP_Gelu, DAVIT_FUNCTION_GELU_ERF, 0.0f, 0.0f},
    };
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        if (functions[i].op == node->op->op) {
            *function = functions[i].function;
            *alpha = davit_node_float(node, "alpha", functions[i].alpha);
            *beta = davit_node_float(node, "beta", functions[i].beta);
            if (strcmp(davit_node_string(node, "approximate", "none"), "tanh") == 0) {
                *function = DAVIT_FUNCTION_GELU_TANH;
            }
            return true;
        }
    }
    return false;
}

/* A bound of Clip; an absent one is infinite. False when it is not constant. */
static bool read_bound(const davit_graph *graph, const davit_node *node, uint32_t i, float *bound)
{
    double number;
    if (i >= node->input_count || node->inputs[i] == DAVIT_NONE) {
        return true;
    }
    bool constant = davit_constant_scalar(graph, node->inputs[i], &number);
    *bound = constant ? (float)number : *bound;
    return constant && !isnan(*bound);
}

bool davit_lower_bounds(const davit_graph *graph, const davit_node *node, float *low, float *high)
{
    *low = node->op->op == DAVIT_OP_Relu ? 0.0f : -INFINITY;
    *high = INFINITY;
    return node->op->op == DAVIT_OP_Relu ||
           (node->op->op == DAVIT_OP_Clip && read_bound(graph, node, 1, low) &&
            read_bound(graph, node, 2, high));
}

static bool apply_unary(const davit_graph *graph, const davit_node *node, const float *x, float *y)
{
    davit_function function = DAVIT_FUNCTION_IDENTITY;
    float low;
    float high;
    float alpha = 0.0f;
    float beta = 0.0f;
    bool bounded = davit_lower_bounds(graph, node, &low, &high);
    bool known = bounded || find_function(node, &function, &alpha, &beta);
    for (int i = 0; i < 256; i++) {
        if (bounded) {
            y[i] = davit_clamp(x[i], low, high);
        } else if (known) {
            y[i] = (float)davit_function_value(function, alpha, beta, x[i]);
        } else if (node->op->op == DAVIT_OP_Neg) {
            y[i] = -x[i];
        } else if (node->op->op == DAVIT_OP_Abs) {
            y[i] = fabsf(x[i]);
        } else if (node->op->op == DAVIT_OP_Sqrt) {
            y[i] = sqrtf(x[i]);
        } else if (node->op->op == DAVIT_OP_Reciprocal) {
            y[i] = 1.0f / x[i];
        } else {
            return false;
        }
    }
    return true;
}

static bool apply_binary(const davit_node *node, const float *a, const float *b, float *y)
{
    for (int i = 0; i < 256; i++) {
        switch (node->op->op) {
        case DAVIT_OP_Add:
            y[i] = a[i] + b[i];
            break;
        case DAVIT_OP_Sub:
            y[i] = a[i] - b[i];
            break;
        case DAVIT_OP_Mul:
            y[i] = a[i] * b[i];
            break;
        case DAVIT_OP_Div:
            y[i] = a[i] / b[i];
            break;
        case DAVIT_OP_Max:
            y[i] = a[i] > b[i] ? a[i] : b[i];
            break;
        case DAVIT_OP_Min:
            y[i] = a[i] < b[i] ? a[i] : b[i];
            break;
        default:
            return false;
        }
    }
    return true;
}

/* ---- the region between one quantised value and the result ---- */

static davit_status evaluate(region *r, davit_value_id value, const float **out);

static const float *find_column(const region *r, davit_value_id value)
{
    for (size_t i = 0; i < r->count; i++) {
        if (r->columns[i].of == value) {
            return r->columns[i].y;
        }
    }
    return NULL;
}

static float *add_column(region *r, davit_value_id value)
{
    if (r->count == MAX_STEPS) {
        return NULL;
    }
    r->columns[r->count].of = value;
    return r->columns[r->count++].y;
}

static davit_status evaluate_node(region *r, davit_value_id value, const float **out)
{
    const davit_node *node = davit_lower_producer(r->l, value, NULL);
    const float *inputs[2] = {NULL, NULL};
    bool bounds = node && node->op->op == DAVIT_OP_Clip;
    uint32_t count = !node ? 0 : bounds ? 1 : node->input_count;
    if (count == 0 || count > 2 || node->output_count != 1) {
        return DAVIT_OK;
    }
    for (uint32_t i = 0; i < count; i++) {
        davit_status status = evaluate(r, node->inputs[i], &inputs[i]);
        node = davit_lower_producer(r->l, value, NULL);
        if (status != DAVIT_OK || !inputs[i]) {
            return status;
        }
    }
    float *y = add_column(r, value);
    if (y && (count == 1 ? apply_unary(r->l->graph, node, inputs[0], y)
                         : apply_binary(node, inputs[0], inputs[1], y))) {
        *out = y;
    }
    return DAVIT_OK;
}

/* A column of one number, NULL where there is no room. */
static const float *add_number(region *r, davit_value_id value, float number)
{
    float *y = add_column(r, value);
    for (int i = 0; i < 256 && y; i++) {
        y[i] = number;
    }
    return y;
}

/* Whether a value of bytes is a constant of one element; its real value. */
static bool constant_byte(const davit_graph *graph, const davit_lowered *data, float *number)
{
    const davit_tensor *bytes = graph->values[data->value].constant;
    float y[256];
    if (!bytes || davit_tensor_desc_elems(&bytes->desc) != 1) {
        return false;
    }
    dequantize_all(&data->type, y);
    *number = y[*(const uint8_t *)bytes->data];
    return true;
}

/* *out is the value's column, NULL where it depends on something else. */
static davit_status evaluate(region *r, davit_value_id value, const float **out)
{
    double number;
    davit_lowered data;
    *out = value == DAVIT_NONE ? NULL : find_column(r, value);
    if (*out || value == DAVIT_NONE || r->l->depth >= DAVIT_LOWER_MAX_DEPTH) {
        return DAVIT_OK;
    }
    if (davit_constant_scalar(r->l->graph, value, &number)) {
        *out = add_number(r, value, (float)number);
        return DAVIT_OK;
    }
    const davit_node *node = davit_lower_producer(r->l, value, NULL);
    davit_status status = DAVIT_OK;
    if (node && node->op->op == DAVIT_OP_Relu) {
        data.value = DAVIT_NONE; /* a step of this table, not one of its own */
    } else {
        status = davit_lower_operand(r->l, value, &data);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    if (data.value == DAVIT_NONE) {
        r->l->depth++;
        status = evaluate_node(r, value, out);
        r->l->depth--;
        return status;
    }
    float one;
    if (constant_byte(r->l->graph, &data, &one)) {
        *out = add_number(r, value, one);
        return DAVIT_OK;
    }
    if (r->x.value != DAVIT_NONE && r->x.value != data.value) {
        return DAVIT_OK;
    }
    float *y = add_column(r, value);
    if (y) {
        r->x = data;
        dequantize_all(&data.type, y);
    }
    *out = y;
    return DAVIT_OK;
}

/* ---- lookups ---- */

/* Makes y = target(column) of the bytes of x: x itself where no byte changes. */
static davit_status look_up(davit_lowering *l, davit_node_id of, davit_value_id x,
                            const float *column_of_x, const davit_result_spec *target,
                            davit_value_id *out)
{
    davit_tensor *table;
    const int64_t size = 256;
    float y[256];
    bool same = l->graph->values[x].desc.dtype == target->type.dtype;
    davit_status status =
        davit_tensor_create(l->graph->allocator, target->type.dtype, 1, &size, &table);
    if (status != DAVIT_OK) {
        return status;
    }
    for (int i = 0; i < 256; i++) {
        y[i] = davit_clamp(column_of_x[i], target->low, target->high);
    }
    davit_tensor_desc desc = table->desc;
    desc.quantization = (davit_quantization){&target->type.scale, &target->type.zero, 1, 0};
    davit_quantize(&desc, y, table->data);
    for (int i = 0; i < 256; i++) {
        same = same && ((const uint8_t *)table->data)[i] == i;
    }
    if (same) {
        davit_tensor_destroy(table);
        *out = x;
        return DAVIT_OK;
    }
    davit_value_id inputs[] = {x, DAVIT_NONE};
    davit_node_spec spec = {
        .op = DAVIT_OP_IntegerLookup, .input_count = 2, .output_count = 1, .inputs = inputs};
    status = davit_graph_add_constant(l->graph, NULL, table, &inputs[1]);
    return status == DAVIT_OK ? davit_lower_add(l, of, &spec, out) : status;
}

davit_status davit_lower_requantize(davit_lowering *l, davit_node_id of, const davit_lowered *data,
                                    const davit_result_spec *target, davit_value_id *out)
{
    float y[256];
    dequantize_all(&data->type, y);
    return look_up(l, of, data->value, y, target, out);
}

davit_status davit_lower_table(davit_lowering *l, davit_value_id value,
                               const davit_result_spec *target, davit_value_id *out)
{
    region *r = davit_alloc(l->graph->allocator, sizeof(*r));
    davit_node_id id = DAVIT_NONE;
    const float *y = NULL;
    *out = DAVIT_NONE;
    if (!r) {
        return DAVIT_OUT_OF_MEMORY;
    }
    r->l = l;
    r->x.value = DAVIT_NONE;
    davit_status status = evaluate(r, value, &y);
    (void)davit_lower_producer(l, value, &id);
    if (status == DAVIT_OK && y && id != DAVIT_NONE && r->x.value != DAVIT_NONE &&
        davit_tensor_desc_same_shape(&l->graph->values[r->x.value].desc,
                                     &l->graph->values[value].desc)) {
        status = look_up(l, id, r->x.value, y, target, out);
    }
    davit_free(l->graph->allocator, r);
    return status;
}
