/* Products of two operands that are both matrices of the run, or broadcast, or transposed: MatMul,
 * Gemm and IntegerProduct. */
#include "davit/integer.h"
#include "epilogue.h"
#include "operators.h"

#define TILE 32
#define THREADS 64

/* A stack of matrices, with numpy's rules. */
typedef struct stack {
    int64_t rows, columns;
    int rank; /* of what is stacked */
    int64_t dims[DAVIT_MAX_RANK];
} stack;

static stack stack_of(const davit_tensor_desc *desc, bool left)
{
    stack s = {.rows = 1, .columns = 1};
    if (desc->rank >= 2) {
        s.rank = desc->rank - 2;
        s.rows = desc->dims[desc->rank - 2];
        s.columns = desc->dims[desc->rank - 1];
        for (int i = 0; i < s.rank; i++) {
            s.dims[i] = desc->dims[i];
        }
    } else if (desc->rank == 1) {
        s.rows = left ? 1 : desc->dims[0];
        s.columns = left ? desc->dims[0] : 1;
    }
    return s;
}

static int64_t result_dim(const stack *a, const stack *b, int from_end)
{
    int64_t x = from_end < a->rank ? a->dims[a->rank - 1 - from_end] : 1;
    int64_t y = from_end < b->rank ? b->dims[b->rank - 1 - from_end] : 1;
    return x > y ? x : y;
}

static int64_t count_pairs(const stack *a, const stack *b)
{
    int64_t pairs = 1;
    for (int i = 0; i < a->rank || i < b->rank; i++) {
        pairs *= result_dim(a, b, i);
    }
    return pairs;
}

/* Where the matrix of operand s begins for each pair. */
static davit_status make_offsets(davit_gpu_builder *builder, const stack *a, const stack *b,
                                 const stack *s, davit_gpu_place *out)
{
    int64_t pairs = count_pairs(a, b);
    void *data;
    davit_status status =
        davit_gpu_constant(builder, (size_t)pairs * sizeof(int32_t), &data, out);
    for (int64_t pair = 0; status == DAVIT_OK && pair < pairs; pair++) {
        int64_t rest = pair, offset = 0, stride = s->rows * s->columns;
        for (int i = 0; i < s->rank; i++) {
            int64_t whole = result_dim(a, b, i);
            int64_t own = s->dims[s->rank - 1 - i];
            offset += own == 1 ? 0 : rest % whole * stride;
            rest /= whole;
            stride *= own;
        }
        ((int32_t *)data)[pair] = (int32_t)offset;
    }
    return status;
}

/* What is the same for both types: shapes and operands of the call. */
static davit_status prepare(davit_gpu_builder *builder, const davit_node *node,
                            davit_gpu_matmul_params *params, davit_gpu_call *call)
{
    stack a = stack_of(davit_node_input(builder->graph, node, 0), true);
    stack b = stack_of(davit_node_input(builder->graph, node, 1), false);
    bool flip_a = node->op->op == DAVIT_OP_Gemm && davit_node_int(node, "transA", 0) != 0;
    bool flip_b = node->op->op == DAVIT_OP_Gemm && davit_node_int(node, "transB", 0) != 0;
    params->m = (int)(flip_a ? a.columns : a.rows);
    params->k = (int)(flip_a ? a.rows : a.columns);
    params->n = (int)(flip_b ? b.rows : b.columns);
    params->a_row = flip_a ? 1 : (int)a.columns;
    params->a_column = flip_a ? (int)a.columns : 1;
    params->b_row = flip_b ? 1 : (int)b.columns;
    params->b_column = flip_b ? (int)b.columns : 1;
    call->groups[0] = (uint32_t)((params->m + TILE - 1) / TILE);
    call->groups[1] = (uint32_t)((params->n + TILE - 1) / TILE);
    call->groups[2] = (uint32_t)count_pairs(&a, &b);
    call->threads = THREADS;
    call->params = params;
    call->param_bytes = sizeof(*params);
    call->operand_count = 5;
    davit_status status =
        davit_gpu_get(builder, node->inputs[0], DAVIT_GPU_DENSE, &call->operands[0]);
    if (status == DAVIT_OK) {
        status = davit_gpu_get(builder, node->inputs[1], DAVIT_GPU_DENSE, &call->operands[1]);
    }
    if (status == DAVIT_OK) {
        status = make_offsets(builder, &a, &b, &a, &call->operands[2]);
    }
    return status == DAVIT_OK ? make_offsets(builder, &a, &b, &b, &call->operands[3]) : status;
}

static const char *refuse_product(const davit_graph *graph, const davit_unit *unit)
{
    const davit_node *node = &graph->nodes[unit->anchor];
    const davit_tensor_desc *x = davit_node_input(graph, node, 0);
    const davit_tensor_desc *w = davit_node_input(graph, node, 1);
    if (davit_tensor_desc_elems(x) == 0 || davit_tensor_desc_elems(w) == 0) {
        return "empty tensor";
    }
    if (unit->output_count != 1) {
        return "second output";
    }
    stack a = stack_of(x, true), b = stack_of(w, false);
    if (count_pairs(&a, &b) > UINT16_MAX) {
        return "more than 65535 matrices";
    }
    /* a - a_zero and b - b_zero have 9 bits. */
    return davit_op_is_integer(node->op->op) && a.columns > INT32_MAX / (255 * 255)
               ? "sums that may not fit s32"
               : NULL;
}

/* ---- f32 ---- */

/* y + beta * C, broadcast. */
static davit_status add_matrix(davit_gpu_builder *builder, const davit_node *node,
                               davit_gpu_place from, davit_gpu_place to)
{
    const davit_tensor_desc *y = davit_node_output(builder->graph, node);
    const davit_tensor_desc *c = davit_node_input(builder->graph, node, 2);
    float beta = davit_node_float(node, "beta", 1.0f);
    int64_t count = davit_tensor_desc_elems(c);
    davit_gpu_place addend;
    davit_status status = davit_gpu_get(builder, node->inputs[2], DAVIT_GPU_DENSE, &addend);
    if (status == DAVIT_OK && beta != 1.0f) {
        davit_gpu_unary_params scale = {.count = (int)count,
                                        .function = DAVIT_ACTIVATION_LINEAR,
                                        .alpha = beta};
        davit_gpu_call call = {.kernel = "unary_f32",
                               .params = &scale,
                               .param_bytes = sizeof(scale),
                               .operand_count = 2,
                               .operands = {addend}};
        status = davit_gpu_scratch(builder, (size_t)count * sizeof(float), &addend);
        call.operands[1] = addend;
        status = status == DAVIT_OK ? davit_gpu_launch_flat(builder, &call, count) : status;
    }
    if (status != DAVIT_OK) {
        return status;
    }
    davit_gpu_binary_params params = {.function = DAVIT_GPU_ADD, .count = (int)(y->dims[0] * y->dims[1])};
    int64_t c_columns = c->rank > 0 ? c->dims[c->rank - 1] : 1;
    int64_t c_rows = c->rank > 1 ? c->dims[c->rank - 2] : 1;
    const int64_t own[2] = {y->dims[1], 1};
    const int64_t other[2] = {c_rows == 1 ? 0 : c_columns, c_columns == 1 ? 0 : 1};
    const int64_t *strides[] = {own, other};
    int *const merged[] = {params.a, params.b};
    (void)davit_gpu_merge(2, y->dims, 2, strides, params.dims, merged);
    davit_gpu_call call = {.kernel = "binary_f32",
                           .params = &params,
                           .param_bytes = sizeof(params),
                           .operand_count = 3,
                           .operands = {from, addend, to}};
    return davit_gpu_launch_flat(builder, &call, params.count);
}

static davit_status build_f32(davit_gpu_builder *builder, const davit_unit *unit,
                              const davit_node *node)
{
    bool gemm = node->op->op == DAVIT_OP_Gemm;
    bool adds = gemm && davit_node_has_input(node, 2);
    davit_gpu_matmul_params params = {.alpha = gemm ? davit_node_float(node, "alpha", 1.0f) : 1.0f};
    davit_gpu_call call = {.kernel = "matmul_f32"};
    size_t bytes = davit_tensor_desc_bytes(davit_gpu_desc(builder, unit->outputs[0]));
    davit_status status = prepare(builder, node, &params, &call);
    if (status == DAVIT_OK) {
        status = adds ? davit_gpu_scratch(builder, bytes, &call.operands[4])
                      : davit_gpu_before(builder, unit, 0, DAVIT_GPU_DENSE, &call.operands[4]);
    }
    if (status == DAVIT_OK) {
        status = davit_gpu_launch_add(builder, &call);
    }
    davit_gpu_place place = call.operands[4];
    if (status == DAVIT_OK && adds) {
        status = davit_gpu_before(builder, unit, 0, DAVIT_GPU_DENSE, &place);
        status = status == DAVIT_OK ? add_matrix(builder, node, call.operands[4], place) : status;
    }
    int rank = davit_gpu_desc(builder, unit->outputs[0])->rank;
    return status == DAVIT_OK
               ? davit_gpu_epilogues(builder, unit, 0, DAVIT_GPU_DENSE, rank - 1, place)
               : status;
}

/* ---- bytes ---- */

static davit_status build_integer(davit_gpu_builder *builder, const davit_unit *unit,
                                  const davit_node *node)
{
    davit_quant8 a = davit_integer_a(builder->graph, node);
    davit_quant8 b = davit_integer_b(builder->graph, node);
    davit_result_spec y = davit_integer_result(node);
    davit_multiplication made;
    davit_reason reason;
    davit_status status = davit_multiplication_prepare(&a, &b, &y, &made, &reason);
    if (status != DAVIT_OK) {
        return davit_fail(builder->diag, status, "unit '%s': %s", unit->name, reason.text);
    }
    davit_gpu_matmul_params params = {.a_unsigned = davit_gpu_unsigned(a.dtype),
                                      .a_zero = a.zero,
                                      .b_unsigned = davit_gpu_unsigned(b.dtype),
                                      .b_zero = b.zero,
                                      .y_unsigned = davit_gpu_unsigned(made.rescale.result.dtype),
                                      .y_zero = made.rescale.result.zero,
                                      .factor = made.rescale.scale,
                                      .low = made.rescale.result.low,
                                      .high = made.rescale.result.high};
    davit_gpu_call call = {.kernel = "matmul_byte"};
    status = prepare(builder, node, &params, &call);
    if (status == DAVIT_OK) {
        status = davit_gpu_make(builder, unit->outputs[0], DAVIT_GPU_DENSE, &call.operands[4]);
    }
    return status == DAVIT_OK ? davit_gpu_launch_add(builder, &call) : status;
}

static const davit_gpu_operator operators[] = {
    {DAVIT_OP_Gemm, DAVIT_GPU_FLOATS, refuse_product, build_f32},
    {DAVIT_OP_IntegerProduct, DAVIT_GPU_BYTES, refuse_product, build_integer},
    {DAVIT_OP_MatMul, DAVIT_GPU_FLOATS, refuse_product, build_f32}};

const davit_gpu_family davit_gpu_matmuls = DAVIT_GPU_FAMILY(operators);
