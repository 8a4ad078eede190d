#include "block.h"
#include "davit/einsum.h"
#include "linear.h"
#include "matmul.h"
#include "product.h"

/* ---- MatMul ---- */

static void store_product(void *user, const davit_matmul_place *place, int64_t count,
                          const double *sums)
{
    davit_store_f64_run(user, place->out, count, sums);
}

/* One element of an integer product, modulo 2^64. */
static uint64_t integer_dot(const davit_matrix *a, const davit_matrix *b, int64_t row,
                            int64_t column, int64_t depth)
{
    uint64_t sum = 0;
    for (int64_t k = 0; k < depth; k++) {
        int64_t x =
            davit_load_s64(a->tensor, a->offset + row * a->row_stride + k * a->column_stride);
        int64_t y =
            davit_load_s64(b->tensor, b->offset + k * b->row_stride + column * b->column_stride);
        sum += (uint64_t)x * (uint64_t)y;
    }
    return sum;
}

static davit_status matmul_integer(const davit_kernel_call *call)
{
    davit_tensor *y = call->outputs[0];
    davit_matmul_walk walk;
    for (bool more = davit_matmul_walk_start(&walk, call->inputs[0], call->inputs[1], &y->desc);
         more; more = davit_matmul_walk_next(&walk)) {
        int64_t columns = walk.shape.columns;
        for (int64_t i = 0; i < walk.shape.rows * columns; i++) {
            uint64_t sum =
                integer_dot(&walk.a, &walk.b, i / columns, i % columns, walk.shape.depth);
            davit_store_s64(y, walk.out + i, (int64_t)sum);
        }
    }
    return DAVIT_OK;
}

static davit_status run_matmul(const davit_kernel_call *call)
{
    if (!davit_dtype_is_float(call->inputs[0]->desc.dtype)) {
        return matmul_integer(call);
    }
    davit_matmul matmul = {.allocator = call->allocator,
                           .a = call->inputs[0],
                           .b = call->inputs[1],
                           .y = &call->outputs[0]->desc,
                           .user = call->outputs[0],
                           .store = store_product};
    return davit_matmul_run(&matmul);
}

/* ---- Gemm ---- */

typedef struct gemm {
    const davit_kernel_call *call;
    davit_matrix_product product;
    double alpha, beta;
    int64_t c_row_stride, c_column_stride; /* 0 where C is broadcast */
} gemm;

static const davit_tensor *addend(const davit_kernel_call *call)
{
    return davit_kernel_input(call, 2);
}

static void store_gemm(void *user, int64_t row, int64_t column, int64_t columns, const double *sums)
{
    const gemm *g = user;
    const davit_tensor *c = addend(g->call);
    double values[DAVIT_PANEL];
    for (int64_t i = 0; i < columns; i++) {
        values[i] = g->alpha * sums[i];
        if (c != NULL) {
            int64_t at = row * g->c_row_stride + (column + i) * g->c_column_stride;
            values[i] += g->beta * davit_load_f64(c, at);
        }
    }
    davit_store_f64_run(g->call->outputs[0], row * g->product.shape.columns + column, columns,
                        values);
}

/* Integers: exact modulo 2^bits while alpha and beta are 1, else through f64, truncated. */
static void gemm_integer(const gemm *g)
{
    const davit_matmul_shape *s = &g->product.shape;
    const davit_tensor *c = addend(g->call);
    bool exact = g->alpha == 1.0 && g->beta == 1.0;
    for (int64_t i = 0; i < s->rows * s->columns; i++) {
        int64_t row = i / s->columns;
        int64_t column = i % s->columns;
        int64_t c_at = row * g->c_row_stride + column * g->c_column_stride;
        int64_t sum = (int64_t)integer_dot(&g->product.a, &g->product.b, row, column, s->depth);
        if (exact) {
            uint64_t add = c != NULL ? (uint64_t)davit_load_s64(c, c_at) : 0;
            davit_store_s64(g->call->outputs[0], i, (int64_t)((uint64_t)sum + add));
        } else {
            double add = c != NULL ? g->beta * davit_load_f64(c, c_at) : 0.0;
            davit_store_f64(g->call->outputs[0], i, g->alpha * (double)sum + add);
        }
    }
}

static davit_status run_gemm(const davit_kernel_call *call)
{
    const davit_tensor_desc *a = &call->inputs[0]->desc;
    const davit_tensor_desc *b = &call->inputs[1]->desc;
    bool ta = davit_node_int(call->node, "transA", 0) != 0;
    bool tb = davit_node_int(call->node, "transB", 0) != 0;
    gemm g = {.call = call,
              .alpha = davit_node_float(call->node, "alpha", 1.0f),
              .beta = davit_node_float(call->node, "beta", 1.0f)};
    g.product.shape.rows = a->dims[ta];
    g.product.shape.depth = a->dims[!ta];
    g.product.shape.columns = b->dims[!tb];
    g.product.a = (davit_matrix){.tensor = call->inputs[0],
                                 .row_stride = ta ? 1 : a->dims[1],
                                 .column_stride = ta ? a->dims[1] : 1};
    g.product.b = (davit_matrix){.tensor = call->inputs[1],
                                 .row_stride = tb ? 1 : b->dims[1],
                                 .column_stride = tb ? b->dims[1] : 1};
    g.product.user = &g;
    g.product.store = store_gemm;
    if (addend(call) != NULL) {
        int64_t strides[DAVIT_MAX_RANK];
        davit_broadcast_strides(&addend(call)->desc, 2, call->outputs[0]->desc.dims, strides);
        g.c_row_stride = strides[0];
        g.c_column_stride = strides[1];
    }
    if (!davit_dtype_is_float(a->dtype)) {
        gemm_integer(&g);
        return DAVIT_OK;
    }
    return davit_matrix_product_run(&g.product, call->allocator);
}

/* ---- Einsum ---- */

/* Strides of an operand along the labels of the equation; axes of 1 repeat. */
static void label_strides(const davit_einsum *e, const davit_tensor_desc *x, int input,
                          int64_t *strides)
{
    for (int label = 0; label < e->label_count; label++) {
        strides[label] = 0;
    }
    int64_t stride = 1;
    for (int d = x->rank - 1; d >= 0; d--) {
        if (x->dims[d] != 1) {
            strides[e->input[input][d]] += stride;
        }
        stride *= x->dims[d];
    }
}

/* A walk over labels given by their numbers, with one offset for each operand kept aside, since
 * there may be more operands than a walk carries. */
typedef struct einsum_run {
    const davit_kernel_call *call;
    davit_einsum e;
    int64_t strides[DAVIT_EINSUM_MAX_INPUTS][DAVIT_EINSUM_MAX_LABELS];
    int summed_count;
    int summed[DAVIT_EINSUM_MAX_LABELS];
    int64_t index[DAVIT_EINSUM_MAX_LABELS]; /* the current value of each label */
} einsum_run;

/* Steps the labels of a list like an odometer, the last one fastest; false when it wraps around. */
static bool step(einsum_run *r, const int *labels, int count)
{
    for (int i = count - 1; i >= 0; i--) {
        if (++r->index[labels[i]] < r->e.extent[labels[i]]) {
            return true;
        }
        r->index[labels[i]] = 0;
    }
    return false;
}

static int64_t operand_offset(const einsum_run *r, int input)
{
    int64_t offset = 0;
    for (int label = 0; label < r->e.label_count; label++) {
        offset += r->index[label] * r->strides[input][label];
    }
    return offset;
}

/* Sums over the labels that the result lacks, and stores element out. */
static void sum_element(einsum_run *r, int64_t out, bool empty)
{
    davit_tensor *y = r->call->outputs[0];
    bool is_float = davit_dtype_is_float(y->desc.dtype);
    double sum = 0.0;
    uint64_t integer_sum = 0;
    for (bool more = !empty; more; more = step(r, r->summed, r->summed_count)) {
        double product = 1.0;
        uint64_t integer_product = 1;
        for (int i = 0; i < r->e.input_count; i++) {
            int64_t at = operand_offset(r, i);
            if (is_float) {
                product *= davit_load_f64(r->call->inputs[i], at);
            } else {
                integer_product *= (uint64_t)davit_load_s64(r->call->inputs[i], at);
            }
        }
        sum += product;
        integer_sum += integer_product;
    }
    if (is_float) {
        davit_store_f64(y, out, sum);
    } else {
        davit_store_s64(y, out, (int64_t)integer_sum);
    }
}

static davit_status run_einsum(const davit_kernel_call *call)
{
    const davit_tensor_desc *operands[DAVIT_EINSUM_MAX_INPUTS] = {NULL};
    int count = (int)call->node->input_count;
    for (int i = 0; i < count && i < DAVIT_EINSUM_MAX_INPUTS; i++) {
        operands[i] = &call->inputs[i]->desc;
    }
    einsum_run r = {.call = call};
    davit_status status = davit_einsum_parse(call->node, operands, count, call->diag, &r.e);
    if (status != DAVIT_OK) {
        return status;
    }
    for (int i = 0; i < count; i++) {
        label_strides(&r.e, operands[i], i, r.strides[i]);
    }
    bool empty = false;
    for (int label = 0; label < r.e.label_count; label++) {
        bool kept = false;
        for (int d = 0; d < r.e.output_rank; d++) {
            kept = kept || r.e.output[d] == label;
        }
        if (!kept) {
            r.summed[r.summed_count++] = label;
            empty = empty || r.e.extent[label] == 0;
        }
    }
    int64_t elems = davit_tensor_desc_elems(&call->outputs[0]->desc);
    for (int64_t out = 0; out < elems; out++) {
        sum_element(&r, out, empty);
        (void)step(&r, r.e.output, r.e.output_rank);
    }
    return DAVIT_OK;
}

static const davit_kernel_entry entries[] = {
    {DAVIT_OP_DFT, davit_run_dft}, {DAVIT_OP_Det, davit_run_det}, {DAVIT_OP_Einsum, run_einsum},
    {DAVIT_OP_Gemm, run_gemm},     {DAVIT_OP_MatMul, run_matmul}, {DAVIT_OP_STFT, davit_run_stft},
};

const davit_kernel_family davit_kernels_linear = DAVIT_KERNEL_FAMILY(entries);
