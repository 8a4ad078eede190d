#include "integer_product.h"

/* Elements are padded with zeros to this many, so that the loops below have no rest. */
#define STEP 16
#define TILE_ROWS 4
#define TILE_COLUMNS 2

size_t davit_integer_stride(int64_t depth)
{
    return ((size_t)depth + STEP - 1) / STEP * STEP;
}

/* Rows and columns that are summed at once. */
typedef struct tile {
    const int16_t *a[TILE_ROWS];
    const int16_t *b[TILE_COLUMNS];
    size_t depth;
} tile;

/* Eight sums in one loop, which gcc and clang turn into pmaddwd: a product of s16 pairs is added
 * to s32. */
static void sum_narrow(const tile *t, int64_t sums[TILE_ROWS][TILE_COLUMNS])
{
    const int16_t *a0 = t->a[0], *a1 = t->a[1], *a2 = t->a[2], *a3 = t->a[3];
    const int16_t *b0 = t->b[0], *b1 = t->b[1];
    int32_t s00 = 0, s01 = 0, s10 = 0, s11 = 0, s20 = 0, s21 = 0, s30 = 0, s31 = 0;
    size_t depth = t->depth / STEP * STEP;
    for (size_t k = 0; k < depth; k++) {
        s00 += a0[k] * b0[k];
        s01 += a0[k] * b1[k];
        s10 += a1[k] * b0[k];
        s11 += a1[k] * b1[k];
        s20 += a2[k] * b0[k];
        s21 += a2[k] * b1[k];
        s30 += a3[k] * b0[k];
        s31 += a3[k] * b1[k];
    }
    const int32_t all[TILE_ROWS][TILE_COLUMNS] = {{s00, s01}, {s10, s11}, {s20, s21}, {s30, s31}};
    for (int i = 0; i < TILE_ROWS; i++) {
        for (int j = 0; j < TILE_COLUMNS; j++) {
            sums[i][j] = all[i][j];
        }
    }
}

static void sum_wide(const tile *t, int64_t sums[TILE_ROWS][TILE_COLUMNS])
{
    for (int i = 0; i < TILE_ROWS; i++) {
        for (int j = 0; j < TILE_COLUMNS; j++) {
            int64_t sum = 0;
            for (size_t k = 0; k < t->depth; k++) {
                int32_t product = t->a[i][k] * t->b[j][k];
                sum += product;
            }
            sums[i][j] = sum;
        }
    }
}

/* All rows of a panel of columns. Rows and columns beyond the last are those before it, again. */
static void sum_panel(const davit_integer_product *p, const int16_t *panel, int64_t column,
                      int64_t count)
{
    size_t stride = davit_integer_stride(p->depth);
    int64_t sums[TILE_ROWS][DAVIT_INTEGER_PANEL];
    for (int64_t row = 0; row < p->rows; row += TILE_ROWS) {
        tile t = {.depth = stride};
        for (int64_t i = 0; i < TILE_ROWS; i++) {
            int64_t at = row + i < p->rows ? row + i : p->rows - 1;
            t.a[i] = p->a + (size_t)at * stride;
        }
        for (int64_t c = 0; c < count; c += TILE_COLUMNS) {
            int64_t part[TILE_ROWS][TILE_COLUMNS];
            for (int64_t j = 0; j < TILE_COLUMNS; j++) {
                t.b[j] = panel + (size_t)(c + j < count ? c + j : count - 1) * stride;
            }
            if (p->wide) {
                sum_wide(&t, part);
            } else {
                sum_narrow(&t, part);
            }
            for (int64_t i = 0; i < TILE_ROWS; i++) {
                for (int64_t j = 0; j < TILE_COLUMNS; j++) {
                    sums[i][c + j] = part[i][j];
                }
            }
        }
        for (int64_t i = 0; i < TILE_ROWS && row + i < p->rows; i++) {
            p->store(p->user, row + i, column, count, sums[i]);
        }
    }
}

davit_status davit_integer_product_run(const davit_integer_product *p,
                                       const davit_allocator *allocator)
{
    size_t stride = davit_integer_stride(p->depth);
    int16_t *panel = davit_alloc_array(allocator, stride, DAVIT_INTEGER_PANEL * sizeof(*panel));
    if (panel == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (int64_t column = 0; column < p->columns; column += DAVIT_INTEGER_PANEL) {
        int64_t left = p->columns - column;
        int64_t count = left < DAVIT_INTEGER_PANEL ? left : DAVIT_INTEGER_PANEL;
        for (int64_t c = 0; c < count; c++) {
            p->load_column(p->user, column + c, panel + (size_t)c * stride);
        }
        sum_panel(p, panel, column, count);
    }
    davit_free(allocator, panel);
    return DAVIT_OK;
}
