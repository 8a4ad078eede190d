#include "integer.h"
#include "integer_product.h"
#include "matmul.h"

/* Products of s8 and u8 operands without their zero points are at most 255 * 255. */
#define MAX_NARROW_DEPTH (INT32_MAX / (255 * 255))

/* Columns of the right operand as rows of s16; NULL when memory is short. */
static int16_t *load_columns(const davit_kernel_call *call, const davit_matrix *b,
                             const davit_matmul_shape *shape, int32_t zero)
{
    size_t stride = davit_integer_stride(shape->depth);
    size_t elems;
    int16_t *rows = NULL;
    if (davit_mul_size((size_t)shape->columns, stride, &elems)) {
        rows = davit_alloc_array(call->allocator, elems, sizeof(*rows));
    }
    for (int64_t c = 0; rows != NULL && c < shape->columns; c++) {
        davit_integer_load(b->tensor, b->offset + c * b->column_stride, b->row_stride, shape->depth,
                           zero, rows + (size_t)c * stride);
    }
    return rows;
}

/* Rows of the left operand, as columns of the product that is summed. */
typedef struct left {
    const davit_tensor *tensor;
    int64_t first; /* element */
    int64_t depth;
    int32_t zero;
} left;

static void load_left(const left *l, int64_t row, int16_t *values)
{
    davit_integer_load(l->tensor, l->first + row * l->depth, 1, l->depth, l->zero, values);
}

/* ---- IntegerMatMul ---- */

typedef struct weighted {
    left x;
    davit_integer_weighted result;
    int64_t columns;
} weighted;

static void load_weighted(void *user, int64_t row, int16_t *values)
{
    load_left(&((const weighted *)user)->x, row, values);
}

static void store_weighted(void *user, int64_t column, int64_t row, int64_t count,
                           const int64_t *sums)
{
    const weighted *w = user;
    for (int64_t i = 0; i < count; i++) {
        davit_integer_store(&w->result, (row + i) * w->columns + column, column, sums[i]);
    }
}

davit_status davit_run_integer_matmul(const davit_kernel_call *call)
{
    const davit_tensor *w = call->inputs[1];
    davit_matmul_shape shape = davit_matmul_sizes(&call->inputs[0]->desc, &w->desc);
    davit_matrix matrix = {.tensor = w,
                           .row_stride = w->desc.strides[0],
                           .column_stride = w->desc.strides[1]};
    weighted user = {.x = {.tensor = call->inputs[0],
                           .depth = shape.depth,
                           .zero = davit_integer_x(call->graph, call->node).zero},
                     .columns = shape.columns};
    davit_integer_product product = {.rows = shape.columns,
                                     .columns = shape.a_matrices * shape.rows,
                                     .depth = shape.depth,
                                     .user = &user,
                                     .load_column = load_weighted,
                                     .store = store_weighted};
    davit_status status = davit_integer_open(call, &user.result);
    if (status == DAVIT_OK) {
        int16_t *rows = load_columns(call, &matrix, &shape, 0);
        product.a = rows;
        product.wide = user.result.wide;
        status = rows != NULL ? davit_integer_product_run(&product, call->allocator)
                              : DAVIT_OUT_OF_MEMORY;
        davit_free(call->allocator, rows);
    }
    davit_integer_close(&user.result);
    return status;
}

/* ---- IntegerProduct ---- */

typedef struct dynamic {
    left a;
    davit_multiplication multiplication;
    uint8_t *out; /* of the current pair of matrices */
    int64_t columns;
} dynamic;

static void load_dynamic(void *user, int64_t row, int16_t *values)
{
    load_left(&((const dynamic *)user)->a, row, values);
}

static void store_dynamic(void *user, int64_t column, int64_t row, int64_t count,
                          const int64_t *sums)
{
    const dynamic *d = user;
    for (int64_t i = 0; i < count; i++) {
        davit_store8(d->out, (size_t)((row + i) * d->columns + column),
                     davit_rescale_one(&d->multiplication.rescale, sums[i]));
    }
}

/* The pair of matrices at which the walk is. */
static davit_status run_pair(const davit_kernel_call *call, const davit_matmul_walk *walk,
                             dynamic *d)
{
    const davit_matmul_shape *shape = &walk->shape;
    d->a.first = walk->a.offset;
    d->out = (uint8_t *)call->outputs[0]->data + walk->out;
    int16_t *rows = load_columns(call, &walk->b, shape, d->multiplication.b_zero);
    if (rows == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    davit_integer_product product = {.rows = shape->columns,
                                     .columns = shape->rows,
                                     .depth = shape->depth,
                                     .a = rows,
                                     .wide = shape->depth > MAX_NARROW_DEPTH,
                                     .user = d,
                                     .load_column = load_dynamic,
                                     .store = store_dynamic};
    davit_status status = davit_integer_product_run(&product, call->allocator);
    davit_free(call->allocator, rows);
    return status;
}

davit_status davit_run_integer_product(const davit_kernel_call *call)
{
    davit_quant8 a = davit_integer_a(call->graph, call->node);
    davit_quant8 b = davit_integer_b(call->graph, call->node);
    davit_result_spec y = davit_integer_result(call->node);
    davit_reason reason;
    dynamic d;
    davit_status status = davit_multiplication_prepare(&a, &b, &y, &d.multiplication, &reason);
    if (status != DAVIT_OK) {
        return davit_integer_refuse(call, status, &reason);
    }
    davit_matmul_walk walk;
    bool more =
        davit_matmul_walk_start(&walk, call->inputs[0], call->inputs[1], &call->outputs[0]->desc);
    d.columns = walk.shape.columns;
    d.a = (left){.tensor = call->inputs[0], .depth = walk.shape.depth, .zero = a.zero};
    for (; more && status == DAVIT_OK; more = davit_matmul_walk_next(&walk)) {
        status = run_pair(call, &walk, &d);
    }
    return status;
}
