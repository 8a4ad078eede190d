#include "elementwise.h"

#include <string.h>

#include "block.h"

/* Carriers of one block, one row for each operand. */
typedef struct carriers {
    double f[DAVIT_LANES][DAVIT_BLOCK];
    int64_t s[DAVIT_LANES][DAVIT_BLOCK];
} carriers;

/* One operator at work: where its operands come from and in which carrier they are computed. */
typedef struct job {
    const davit_elementwise *entry;
    const davit_kernel_call *call;
    davit_cursor *cursors; /* [node->input_count] */
    bool is_float;
    davit_lanes lanes;
    carriers carriers;
} job;

static double attribute_value(const davit_node *node, const davit_lane_attribute *wanted)
{
    const davit_attribute *attribute =
        wanted->name == NULL ? NULL : davit_node_attribute(node, wanted->name);
    if (attribute == NULL) {
        return (double)wanted->fallback;
    }
    switch (attribute->type) {
    case DAVIT_ATTRIBUTE_INT:
        return (double)attribute->u.i;
    case DAVIT_ATTRIBUTE_FLOAT:
        return (double)attribute->u.f;
    case DAVIT_ATTRIBUTE_STRING:
        return wanted->flag != NULL && strcmp(attribute->u.s, wanted->flag) == 0;
    default:
        return (double)wanted->fallback;
    }
}

/* Integers are computed as s64 when all operands are integers and the operator has such a form. */
static bool computes_in_float(const davit_elementwise *entry, const davit_kernel_call *call)
{
    if (entry->s64 == NULL) {
        return true;
    }
    for (uint32_t i = 0; i < call->node->input_count; i++) {
        if (call->inputs[i] != NULL && davit_dtype_is_float(call->inputs[i]->desc.dtype)) {
            return true;
        }
    }
    return false;
}

static void load(job *j, uint32_t input, int lane)
{
    const davit_tensor *tensor = j->call->inputs[input];
    if (tensor == NULL) {
        return;
    }
    if (j->is_float) {
        davit_cursor_f64(&j->cursors[input], j->lanes.count, j->carriers.f[lane]);
        j->lanes.f[lane] = j->carriers.f[lane];
    } else {
        davit_cursor_s64(&j->cursors[input], j->lanes.count, j->carriers.s[lane]);
        j->lanes.s[lane] = j->carriers.s[lane];
        j->lanes.is_u64[lane] = tensor->desc.dtype == DAVIT_U64;
    }
}

/* Computes the block of lanes.count elements from first. */
static void run_block(job *j, int64_t first)
{
    davit_lane_function function = j->is_float ? j->entry->f64 : j->entry->s64;
    uint32_t count = j->call->node->input_count;
    load(j, 0, 0);
    if (j->entry->is_variadic) {
        for (uint32_t i = 1; i < count; i++) {
            load(j, i, 1);
            function(&j->lanes);
        }
        if (j->entry->finish != NULL) {
            j->entry->finish(&j->lanes);
        }
    } else {
        for (uint32_t i = 1; i < count; i++) {
            load(j, i, (int)i);
        }
        function(&j->lanes);
    }
    if (j->is_float && !j->entry->is_predicate) {
        davit_store_f64_run(j->call->outputs[0], first, j->lanes.count, j->carriers.f[0]);
    } else {
        davit_store_s64_run(j->call->outputs[0], first, j->lanes.count, j->carriers.s[0]);
    }
}

davit_status davit_run_elementwise(const davit_kernel_call *call)
{
    const davit_node *node = call->node;
    davit_tensor *out = call->outputs[0];
    job *j = davit_alloc(call->allocator, sizeof(*j));
    davit_cursor *cursors = davit_alloc_array(call->allocator, node->input_count, sizeof(*cursors));
    davit_status status = DAVIT_OK;
    if (j == NULL || cursors == NULL) {
        status = DAVIT_OUT_OF_MEMORY;
        goto free_job;
    }
    j->entry = davit_elementwise_unary(node->op->op);
    if (j->entry == NULL) {
        j->entry = davit_elementwise_nary(node->op->op);
    }
    j->call = call;
    j->cursors = cursors;
    j->is_float = computes_in_float(j->entry, call);
    j->lanes.s[0] = j->carriers.s[0];
    for (int i = 0; i < 2; i++) {
        j->lanes.attribute[i] = attribute_value(node, &j->entry->attributes[i]);
    }
    if (j->entry->is_variadic) {
        j->lanes.attribute[0] = node->input_count;
    }
    for (uint32_t i = 0; i < node->input_count; i++) {
        if (call->inputs[i] != NULL) {
            cursors[i] = davit_cursor_make(call->inputs[i], out->desc.rank, out->desc.dims);
        }
    }
    int64_t total = davit_tensor_desc_elems(&out->desc);
    for (int64_t first = 0; first < total; first += DAVIT_BLOCK) {
        j->lanes.count = total - first < DAVIT_BLOCK ? total - first : DAVIT_BLOCK;
        run_block(j, first);
    }
free_job:
    davit_free(call->allocator, cursors);
    davit_free(call->allocator, j);
    return status;
}

static const davit_kernel_entry entries[] = {
    {DAVIT_OP_Abs, davit_run_elementwise},
    {DAVIT_OP_Acos, davit_run_elementwise},
    {DAVIT_OP_Acosh, davit_run_elementwise},
    {DAVIT_OP_Add, davit_run_elementwise},
    {DAVIT_OP_And, davit_run_elementwise},
    {DAVIT_OP_Asin, davit_run_elementwise},
    {DAVIT_OP_Asinh, davit_run_elementwise},
    {DAVIT_OP_Atan, davit_run_elementwise},
    {DAVIT_OP_Atanh, davit_run_elementwise},
    {DAVIT_OP_BitShift, davit_run_elementwise},
    {DAVIT_OP_BitwiseAnd, davit_run_elementwise},
    {DAVIT_OP_BitwiseNot, davit_run_elementwise},
    {DAVIT_OP_BitwiseOr, davit_run_elementwise},
    {DAVIT_OP_BitwiseXor, davit_run_elementwise},
    {DAVIT_OP_Cast, davit_run_cast},
    {DAVIT_OP_CastLike, davit_run_cast},
    {DAVIT_OP_Ceil, davit_run_elementwise},
    {DAVIT_OP_Celu, davit_run_elementwise},
    {DAVIT_OP_Clip, davit_run_elementwise},
    {DAVIT_OP_Cos, davit_run_elementwise},
    {DAVIT_OP_Cosh, davit_run_elementwise},
    {DAVIT_OP_Div, davit_run_elementwise},
    {DAVIT_OP_Dropout, davit_run_dropout},
    {DAVIT_OP_Elu, davit_run_elementwise},
    {DAVIT_OP_Equal, davit_run_elementwise},
    {DAVIT_OP_Erf, davit_run_elementwise},
    {DAVIT_OP_Exp, davit_run_elementwise},
    {DAVIT_OP_Floor, davit_run_elementwise},
    {DAVIT_OP_Gelu, davit_run_elementwise},
    {DAVIT_OP_Greater, davit_run_elementwise},
    {DAVIT_OP_GreaterOrEqual, davit_run_elementwise},
    {DAVIT_OP_HardSigmoid, davit_run_elementwise},
    {DAVIT_OP_HardSwish, davit_run_elementwise},
    {DAVIT_OP_Identity, davit_run_identity},
    {DAVIT_OP_IsInf, davit_run_elementwise},
    {DAVIT_OP_IsNaN, davit_run_elementwise},
    {DAVIT_OP_LeakyRelu, davit_run_elementwise},
    {DAVIT_OP_Less, davit_run_elementwise},
    {DAVIT_OP_LessOrEqual, davit_run_elementwise},
    {DAVIT_OP_Log, davit_run_elementwise},
    {DAVIT_OP_Max, davit_run_elementwise},
    {DAVIT_OP_Mean, davit_run_elementwise},
    {DAVIT_OP_Min, davit_run_elementwise},
    {DAVIT_OP_Mish, davit_run_elementwise},
    {DAVIT_OP_Mod, davit_run_elementwise},
    {DAVIT_OP_Mul, davit_run_elementwise},
    {DAVIT_OP_Neg, davit_run_elementwise},
    {DAVIT_OP_Not, davit_run_elementwise},
    {DAVIT_OP_Or, davit_run_elementwise},
    {DAVIT_OP_PRelu, davit_run_elementwise},
    {DAVIT_OP_Pow, davit_run_elementwise},
    {DAVIT_OP_Reciprocal, davit_run_elementwise},
    {DAVIT_OP_Relu, davit_run_elementwise},
    {DAVIT_OP_Round, davit_run_elementwise},
    {DAVIT_OP_Selu, davit_run_elementwise},
    {DAVIT_OP_Shrink, davit_run_elementwise},
    {DAVIT_OP_Sigmoid, davit_run_elementwise},
    {DAVIT_OP_Sign, davit_run_elementwise},
    {DAVIT_OP_Silu, davit_run_elementwise},
    {DAVIT_OP_Sin, davit_run_elementwise},
    {DAVIT_OP_Sinh, davit_run_elementwise},
    {DAVIT_OP_Softplus, davit_run_elementwise},
    {DAVIT_OP_Softsign, davit_run_elementwise},
    {DAVIT_OP_Sqrt, davit_run_elementwise},
    {DAVIT_OP_Sub, davit_run_elementwise},
    {DAVIT_OP_Sum, davit_run_elementwise},
    {DAVIT_OP_Tan, davit_run_elementwise},
    {DAVIT_OP_Tanh, davit_run_elementwise},
    {DAVIT_OP_ThresholdedRelu, davit_run_elementwise},
    {DAVIT_OP_Where, davit_run_where},
    {DAVIT_OP_Xor, davit_run_elementwise},
};

const davit_kernel_family davit_kernels_elementwise = DAVIT_KERNEL_FAMILY(entries);
