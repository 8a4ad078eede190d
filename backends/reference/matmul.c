#include "matmul.h"

#include "block.h"
#include "product.h"

#include <string.h>

/* Rows of a panel that are loaded down a column at once. */
#define COLUMN_RUN 256

static void load_row(const void *user, int64_t row, int64_t first, int64_t count, double *values)
{
    const davit_matrix *a = &((const davit_matrix_product *)user)->a;
    int64_t at = a->offset + row * a->row_stride + first * a->column_stride;
    davit_load_f64_run(a->tensor, at, a->column_stride, count, values);
    for (int64_t i = 0; i < count && a->zero != NULL; i++) {
        values[i] -= a->zero[row];
    }
}

/* Loads down the columns: what a transposed operand holds next to each other. */
static void load_columns(const davit_matrix *b, int64_t first, int64_t count, int64_t column,
                         int64_t columns, double *panel)
{
    double run[COLUMN_RUN];
    for (int64_t c = 0; c < columns; c++) {
        int64_t at = b->offset + first * b->row_stride + (column + c) * b->column_stride;
        for (int64_t done = 0; done < count; done += COLUMN_RUN) {
            int64_t part = count - done < COLUMN_RUN ? count - done : COLUMN_RUN;
            davit_load_f64_run(b->tensor, at + done * b->row_stride, b->row_stride, part, run);
            for (int64_t k = 0; k < part; k++) {
                panel[(done + k) * DAVIT_PANEL + c] = run[k];
            }
        }
    }
}

static void load_panel(const void *user, int64_t first, int64_t count, int64_t column,
                       int64_t columns, double *panel)
{
    const davit_matrix *b = &((const davit_matrix_product *)user)->b;
    if (b->column_stride == 1) {
        for (int64_t k = 0; k < count; k++) {
            davit_load_f64_run(b->tensor, b->offset + (first + k) * b->row_stride + column, 1,
                               columns, panel + k * DAVIT_PANEL);
        }
    } else {
        load_columns(b, first, count, column, columns, panel);
    }
    for (int64_t k = 0; k < count && b->zero != NULL; k++) {
        for (int64_t c = 0; c < columns; c++) {
            panel[k * DAVIT_PANEL + c] -= b->zero[column + c];
        }
    }
}

static void store(void *user, int64_t row, int64_t column, int64_t columns, const double *sums)
{
    const davit_matrix_product *p = user;
    p->store(p->user, row, column, columns, sums);
}

davit_status davit_matrix_product_run(const davit_matrix_product *product,
                                      const davit_allocator *allocator)
{
    davit_matrix_product copy = *product;
    davit_product p = {.rows = product->shape.rows,
                       .columns = product->shape.columns,
                       .depth = product->shape.depth,
                       .user = &copy,
                       .load_row = load_row,
                       .load_panel = load_panel,
                       .store = store};
    return davit_product_run(&p, allocator);
}

static int64_t matrices(const davit_tensor_desc *desc)
{
    int64_t count = 1;
    for (int i = 0; i + 2 < desc->rank; i++) {
        count *= desc->dims[i];
    }
    return count;
}

davit_matmul_shape davit_matmul_sizes(const davit_tensor_desc *a, const davit_tensor_desc *b)
{
    return (davit_matmul_shape){.rows = a->rank > 1 ? a->dims[a->rank - 2] : 1,
                                .columns = b->rank > 1 ? b->dims[b->rank - 1] : 1,
                                .depth = a->dims[a->rank - 1],
                                .a_matrices = matrices(a),
                                .b_matrices = matrices(b)};
}

/* Strides, in matrices, with which an operand follows the output's batch axes. */
static void batch_strides(const davit_tensor_desc *desc, int batch_rank, const int64_t *dims,
                          int64_t *strides)
{
    davit_tensor_desc stack = {.rank = desc->rank > 2 ? desc->rank - 2 : 0};
    memcpy(stack.dims, desc->dims, (size_t)stack.rank * sizeof(*stack.dims));
    davit_dense_strides(stack.rank, stack.dims, stack.strides);
    davit_broadcast_strides(&stack, batch_rank, dims, strides);
}

/* Points the matrices at where the walk is. */
static void point(davit_matmul_walk *w)
{
    const davit_matmul_shape *s = &w->shape;
    w->batch_a = w->walk.offset[0];
    w->batch_b = w->walk.offset[1];
    w->a.offset = w->batch_a * s->rows * s->depth;
    w->b.offset = w->batch_b * s->depth * s->columns;
}

bool davit_matmul_walk_start(davit_matmul_walk *w, const davit_tensor *a, const davit_tensor *b,
                             const davit_tensor_desc *y)
{
    int batch_rank = y->rank - (a->desc.rank > 1) - (b->desc.rank > 1);
    int64_t strides_a[DAVIT_MAX_RANK];
    int64_t strides_b[DAVIT_MAX_RANK];
    batch_strides(&a->desc, batch_rank, y->dims, strides_a);
    batch_strides(&b->desc, batch_rank, y->dims, strides_b);
    w->shape = davit_matmul_sizes(&a->desc, &b->desc);
    w->a = (davit_matrix){.tensor = a, .row_stride = w->shape.depth, .column_stride = 1};
    w->b = (davit_matrix){.tensor = b, .row_stride = w->shape.columns, .column_stride = 1};
    w->out = 0;
    w->walk = davit_walk_make(batch_rank, y->dims);
    davit_walk_add(&w->walk, strides_a);
    davit_walk_add(&w->walk, strides_b);
    bool any = davit_walk_start(&w->walk);
    point(w);
    return any;
}

bool davit_matmul_walk_next(davit_matmul_walk *w)
{
    bool more = davit_walk_next(&w->walk);
    w->out += w->shape.rows * w->shape.columns;
    point(w);
    return more;
}

/* What the sums of one pair of matrices are stored with. */
typedef struct pair {
    const davit_matmul *matmul;
    const davit_matmul_walk *walk;
} pair;

static void store_pair(void *user, int64_t row, int64_t column, int64_t columns, const double *sums)
{
    const pair *p = user;
    davit_matmul_place place = {.batch_a = p->walk->batch_a,
                                .batch_b = p->walk->batch_b,
                                .row = row,
                                .column = column,
                                .out = p->walk->out + row * p->walk->shape.columns + column};
    p->matmul->store(p->matmul->user, &place, columns, sums);
}

davit_status davit_matmul_run(const davit_matmul *m)
{
    davit_matmul_walk walk;
    pair p = {m, &walk};
    davit_status status = DAVIT_OK;
    for (bool more = davit_matmul_walk_start(&walk, m->a, m->b, m->y); more && status == DAVIT_OK;
         more = davit_matmul_walk_next(&walk)) {
        davit_matrix_product product = {
            .a = walk.a, .b = walk.b, .shape = walk.shape, .user = &p, .store = store_pair};
        if (m->a_zero != NULL) {
            product.a.zero = m->a_zero + walk.batch_a * walk.shape.rows;
        }
        if (m->b_zero != NULL) {
            product.b.zero = m->b_zero + walk.batch_b * walk.shape.columns;
        }
        status = davit_matrix_product_run(&product, m->allocator);
    }
    return status;
}
