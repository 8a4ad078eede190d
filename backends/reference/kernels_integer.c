#include "block.h"
#include "davit/quantize_table.h"
#include "integer.h"

/* ---- IntegerAdd, IntegerMul ---- */

/* What makes one result of one pair. */
typedef struct pair_rule {
    davit_addition addition;
    davit_multiplication multiplication;
    bool adds;
} pair_rule;

static void run_pairs(const davit_kernel_call *call, const pair_rule *rule)
{
    davit_tensor *y = call->outputs[0];
    davit_cursor a = davit_cursor_make(call->inputs[0], y->desc.rank, y->desc.dims);
    davit_cursor b = davit_cursor_make(call->inputs[1], y->desc.rank, y->desc.dims);
    int64_t values_a[DAVIT_BLOCK];
    int64_t values_b[DAVIT_BLOCK];
    int64_t total = davit_tensor_desc_elems(&y->desc);
    for (int64_t first = 0; first < total; first += DAVIT_BLOCK) {
        int64_t count = total - first < DAVIT_BLOCK ? total - first : DAVIT_BLOCK;
        davit_cursor_s64(&a, count, values_a);
        davit_cursor_s64(&b, count, values_b);
        for (int64_t i = 0; i < count; i++) {
            int32_t qa = (int32_t)values_a[i];
            int32_t qb = (int32_t)values_b[i];
            davit_store8(y->data, (size_t)(first + i),
                         rule->adds ? davit_add_one(&rule->addition, qa, qb)
                                    : davit_multiply_one(&rule->multiplication, qa, qb));
        }
    }
}

static davit_status run_pairwise(const davit_kernel_call *call, bool adds)
{
    davit_quant8 a = davit_integer_a(call->graph, call->node);
    davit_quant8 b = davit_integer_b(call->graph, call->node);
    davit_result_spec y = davit_integer_result(call->node);
    pair_rule rule = {.adds = adds};
    davit_reason reason;
    davit_status status =
        adds ? davit_addition_prepare(&a, &b, &y, &rule.addition, &reason)
             : davit_multiplication_prepare(&a, &b, &y, &rule.multiplication, &reason);
    if (status != DAVIT_OK) {
        return davit_integer_refuse(call, status, &reason);
    }
    run_pairs(call, &rule);
    return DAVIT_OK;
}

static davit_status run_add(const davit_kernel_call *call)
{
    return run_pairwise(call, true);
}

static davit_status run_mul(const davit_kernel_call *call)
{
    return run_pairwise(call, false);
}

/* ---- IntegerLookup, IntegerSoftmax ---- */

static davit_status run_lookup(const davit_kernel_call *call)
{
    davit_table_apply(call->inputs[1]->data,
                      (size_t)davit_tensor_desc_elems(&call->inputs[0]->desc),
                      call->inputs[0]->data, call->outputs[0]->data);
    return DAVIT_OK;
}

static davit_status run_softmax(const davit_kernel_call *call)
{
    const davit_tensor_desc *desc = &call->inputs[0]->desc;
    davit_quant8 x = davit_integer_x(call->graph, call->node);
    davit_result_spec y = davit_integer_result(call->node);
    davit_softmax softmax;
    davit_reason reason;
    davit_status status = davit_softmax_prepare(&x, &y, &softmax, &reason);
    if (status != DAVIT_OK) {
        return davit_integer_refuse(call, status, &reason);
    }
    int axis = davit_kernel_axis(call, -1, desc->rank);
    size_t inner = 1;
    for (int i = axis + 1; i < desc->rank; i++) {
        inner *= (size_t)desc->dims[i];
    }
    size_t count = (size_t)desc->dims[axis];
    size_t total = (size_t)davit_tensor_desc_elems(desc);
    for (size_t row = 0; total != 0 && row < total / count; row++) {
        size_t first = row / inner * inner * count + row % inner;
        davit_softmax_row(&softmax, count, inner, (const uint8_t *)call->inputs[0]->data + first,
                          (uint8_t *)call->outputs[0]->data + first);
    }
    return DAVIT_OK;
}

static const davit_kernel_entry entries[] = {
    {DAVIT_OP_IntegerAdd, run_add},
    {DAVIT_OP_IntegerAveragePool, davit_run_integer_average_pool},
    {DAVIT_OP_IntegerConv, davit_run_integer_conv},
    {DAVIT_OP_IntegerConvTranspose, davit_run_integer_conv_transpose},
    {DAVIT_OP_IntegerLookup, run_lookup},
    {DAVIT_OP_IntegerMatMul, davit_run_integer_matmul},
    {DAVIT_OP_IntegerMul, run_mul},
    {DAVIT_OP_IntegerProduct, davit_run_integer_product},
    {DAVIT_OP_IntegerResize, davit_run_integer_resize},
    {DAVIT_OP_IntegerSoftmax, run_softmax},
};

const davit_kernel_family davit_kernels_integer = DAVIT_KERNEL_FAMILY(entries);
