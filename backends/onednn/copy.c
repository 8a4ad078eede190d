#include "copy.h"

#include <string.h>

#include "parallel.h"

#define TILE 16
#define GRAIN_BYTES 32768

void davit_onednn_dense_strides(int rank, const int64_t *dims, int64_t *strides)
{
    int64_t stride = 1;
    for (int i = rank - 1; i >= 0; i--) {
        strides[i] = stride;
        stride *= dims[i];
    }
}

/* ---- preparation: as few dimensions as possible, innermost last ---- */

static void exchange(davit_onednn_copy *copy, int a, int b)
{
    int64_t *arrays[3] = {copy->dims, copy->from_strides, copy->to_strides};
    for (int i = 0; i < 3; i++) {
        int64_t kept = arrays[i][a];
        arrays[i][a] = arrays[i][b];
        arrays[i][b] = kept;
    }
}

static void drop_ones(davit_onednn_copy *copy)
{
    int rank = 0;
    for (int i = 0; i < copy->rank; i++) {
        if (copy->dims[i] != 1) {
            exchange(copy, rank++, i);
        }
    }
    copy->rank = rank;
}

static void sort_by_target(davit_onednn_copy *copy)
{
    for (int i = 1; i < copy->rank; i++) {
        for (int j = i; j > 0 && copy->to_strides[j - 1] < copy->to_strides[j]; j--) {
            exchange(copy, j - 1, j);
        }
    }
}

static void merge(davit_onednn_copy *copy)
{
    int kept = 0;
    for (int i = 1; i < copy->rank; i++) {
        if (copy->from_strides[kept] == copy->from_strides[i] * copy->dims[i] &&
            copy->to_strides[kept] == copy->to_strides[i] * copy->dims[i]) {
            copy->dims[kept] *= copy->dims[i];
            copy->from_strides[kept] = copy->from_strides[i];
            copy->to_strides[kept] = copy->to_strides[i];
        } else {
            exchange(copy, ++kept, i);
        }
    }
    copy->rank = copy->rank == 0 ? 0 : kept + 1;
}

/* Puts the dimension that is innermost in `from` next to last, so that tiles run along both. */
static void pair_innermost(davit_onednn_copy *copy)
{
    int best = copy->rank - 2;
    for (int i = 0; i < copy->rank - 1; i++) {
        if (copy->from_strides[i] == 1) {
            best = i;
        }
    }
    for (int i = best; i < copy->rank - 2; i++) {
        exchange(copy, i, i + 1);
    }
}

static void prepare(davit_onednn_copy *copy)
{
    drop_ones(copy);
    sort_by_target(copy);
    merge(copy);
    while (copy->rank < 2) { /* the kernel wants rows and columns */
        copy->dims[copy->rank] = 1;
        copy->from_strides[copy->rank] = copy->to_strides[copy->rank] = 0;
        for (int i = copy->rank++; i > 0; i--) {
            exchange(copy, i - 1, i);
        }
    }
    if (copy->from_strides[copy->rank - 1] != 1) {
        pair_innermost(copy);
    }
}

/* ---- the kernel ---- */

/* A rectangle of rows and columns; strides in elements. */
typedef struct plane {
    int64_t rows, columns;
    int64_t from_row, from_column, to_row, to_column;
} plane;

#define DEFINE_COPY_PLANE(name, type)                                                              \
    static void name(const plane *p, const void *from_bytes, void *to_bytes)                       \
    {                                                                                              \
        typedef type element;                                                                      \
        const element *from = from_bytes;                                                          \
        element *to = to_bytes;                                                                    \
        for (int64_t i0 = 0; i0 < p->rows; i0 += TILE) {                                           \
            int64_t i1 = i0 + TILE < p->rows ? i0 + TILE : p->rows;                                \
            for (int64_t j0 = 0; j0 < p->columns; j0 += TILE) {                                    \
                int64_t j1 = j0 + TILE < p->columns ? j0 + TILE : p->columns;                      \
                for (int64_t i = i0; i < i1; i++) {                                                \
                    const element *f = from + i * p->from_row;                                     \
                    element *t = to + i * p->to_row;                                               \
                    for (int64_t j = j0; j < j1; j++) {                                            \
                        t[j * p->to_column] = f[j * p->from_column];                               \
                    }                                                                              \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }

DEFINE_COPY_PLANE(copy_plane_1, uint8_t)
DEFINE_COPY_PLANE(copy_plane_2, uint16_t)
DEFINE_COPY_PLANE(copy_plane_4, uint32_t)
DEFINE_COPY_PLANE(copy_plane_8, uint64_t)

static void copy_plane(const plane *p, size_t elem_bytes, const void *from, void *to)
{
    if (p->from_column == 1 && p->to_column == 1) {
        for (int64_t i = 0; i < p->rows; i++) {
            memcpy((char *)to + (size_t)(i * p->to_row) * elem_bytes,
                   (const char *)from + i * p->from_row * (int64_t)elem_bytes,
                   (size_t)p->columns * elem_bytes);
        }
        return;
    }
    switch (elem_bytes) {
    case 1:
        copy_plane_1(p, from, to);
        break;
    case 2:
        copy_plane_2(p, from, to);
        break;
    case 4:
        copy_plane_4(p, from, to);
        break;
    default:
        copy_plane_8(p, from, to);
        break;
    }
}

typedef struct copy_run {
    const davit_onednn_copy *copy;
    const char *from;
    char *to;
} copy_run;

/* Rows begin to end, counted over all dimensions but the last. */
static void copy_rows(const void *context, int64_t begin, int64_t end)
{
    const copy_run *run = context;
    const davit_onednn_copy *c = run->copy;
    int64_t bytes = (int64_t)c->elem_bytes;
    int last = c->rank - 1;
    int64_t per_plane = c->dims[last - 1];
    while (begin < end) {
        int64_t row = begin % per_plane;
        int64_t outer = begin / per_plane;
        int64_t from = c->from_offset + row * c->from_strides[last - 1];
        int64_t to = c->to_offset + row * c->to_strides[last - 1];
        plane p = {.rows = per_plane - row < end - begin ? per_plane - row : end - begin,
                   .columns = c->dims[last],
                   .from_row = c->from_strides[last - 1],
                   .from_column = c->from_strides[last],
                   .to_row = c->to_strides[last - 1],
                   .to_column = c->to_strides[last]};
        for (int i = last - 2; i >= 0; i--) {
            from += outer % c->dims[i] * c->from_strides[i];
            to += outer % c->dims[i] * c->to_strides[i];
            outer /= c->dims[i];
        }
        copy_plane(&p, c->elem_bytes, run->from + from * bytes, run->to + to * bytes);
        begin += p.rows;
    }
}

static davit_status run_copy(const davit_onednn_call *call)
{
    const davit_onednn_copy *copy = call->params;
    const copy_run run = {.copy = copy, .from = call->pointers[0], .to = call->pointers[1]};
    int64_t rows = 1;
    for (int i = 0; i < copy->rank - 1; i++) {
        rows *= copy->dims[i];
    }
    int64_t row_bytes = copy->dims[copy->rank - 1] * (int64_t)copy->elem_bytes;
    davit_onednn_parallel(rows, 1 + GRAIN_BYTES / row_bytes, copy_rows, &run);
    return DAVIT_OK;
}

/* ---- steps ---- */

davit_status davit_onednn_add_copy(davit_onednn_builder *builder, const davit_onednn_operand *from,
                                   const davit_onednn_operand *to, const davit_onednn_copy *copy)
{
    const davit_onednn_operand operands[] = {*from, *to};
    davit_onednn_copy *params = davit_onednn_alloc(builder, sizeof(*params));
    if (params == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    *params = *copy;
    prepare(params);
    return davit_onednn_add_kernel(builder, "copy", run_copy, params, operands, 2);
}

davit_status davit_onednn_add_layout_copy(davit_onednn_builder *builder,
                                          const davit_onednn_operand *from,
                                          const davit_tensor_desc *from_desc,
                                          const davit_onednn_operand *to,
                                          const davit_tensor_desc *to_desc)
{
    davit_onednn_copy copy = {.rank = from_desc->rank,
                              .elem_bytes = davit_dtype_bytes(from_desc->dtype)};
    for (int i = 0; i < from_desc->rank; i++) {
        copy.dims[i] = from_desc->dims[i];
        copy.from_strides[i] = from_desc->strides[i];
        copy.to_strides[i] = to_desc->strides[i];
    }
    return davit_onednn_add_copy(builder, from, to, &copy);
}
