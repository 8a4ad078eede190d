#include "product.h"

#include <string.h>

#define ROW_BLOCK 512   /* rows whose sums are kept at once */
#define DEPTH_BLOCK 256 /* a panel of them fits the first-level cache */
#define TILE 4          /* rows and columns summed at once, in registers */

typedef struct scratch {
    double panel[DEPTH_BLOCK * DAVIT_PANEL];
    double rows[TILE][DEPTH_BLOCK];
    double sums[ROW_BLOCK * DAVIT_PANEL];
} scratch;

/* Two sums in one register of any 64-bit x86 or ARM: a type of gcc and clang, without which gcc
 * -O3 unrolls the tile below into scalars, four times slower. */
typedef double pair __attribute__((vector_size(2 * sizeof(double))));
#define PAIRS (TILE / 2)

/* sums[TILE][DAVIT_PANEL] += rows[TILE][depth] * panel[depth][DAVIT_PANEL] */
static void add_tile(const double (*rows)[DEPTH_BLOCK], const double *panel, int64_t depth,
                     double *sums)
{
    for (int column = 0; column < DAVIT_PANEL; column += TILE) {
        pair tile[TILE][PAIRS] = {{{0}}};
        const double *from = panel + column;
        for (int64_t k = 0; k < depth; k++, from += DAVIT_PANEL) {
            pair b[PAIRS];
            memcpy(b, from, sizeof(b));
            for (int i = 0; i < TILE; i++) {
                pair a = {rows[i][k], rows[i][k]};
                for (int j = 0; j < PAIRS; j++) {
                    tile[i][j] += a * b[j];
                }
            }
        }
        for (int i = 0; i < TILE; i++) {
            for (int j = 0; j < TILE; j++) {
                sums[i * DAVIT_PANEL + column + j] += tile[i][j / 2][j % 2];
            }
        }
    }
}

/* Sums a block of rows over the whole depth for one panel of columns. */
static void sum_rows(const davit_product *p, scratch *s, int64_t first_row, int64_t row_count,
                     int64_t column, int64_t columns)
{
    int64_t tiles = (row_count + TILE - 1) / TILE;
    memset(s->sums, 0, (size_t)(tiles * TILE * DAVIT_PANEL) * sizeof(*s->sums));
    for (int64_t first = 0; first < p->depth; first += DEPTH_BLOCK) {
        int64_t count = p->depth - first < DEPTH_BLOCK ? p->depth - first : DEPTH_BLOCK;
        if (columns < DAVIT_PANEL) {
            memset(s->panel, 0, (size_t)(count * DAVIT_PANEL) * sizeof(*s->panel));
        }
        p->load_panel(p->user, first, count, column, columns, s->panel);
        for (int64_t row = 0; row < row_count; row += TILE) {
            for (int64_t i = 0; i < TILE; i++) {
                if (row + i < row_count) {
                    p->load_row(p->user, first_row + row + i, first, count, s->rows[i]);
                } else {
                    memset(s->rows[i], 0, (size_t)count * sizeof(*s->rows[i]));
                }
            }
            add_tile((const double(*)[DEPTH_BLOCK])s->rows, s->panel, count,
                     s->sums + row * DAVIT_PANEL);
        }
    }
}

davit_status davit_product_run(const davit_product *p, const davit_allocator *allocator)
{
    scratch *s = davit_alloc_uninitialized(allocator, sizeof(*s));
    if (s == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (int64_t column = 0; column < p->columns; column += DAVIT_PANEL) {
        int64_t columns = p->columns - column < DAVIT_PANEL ? p->columns - column : DAVIT_PANEL;
        for (int64_t row = 0; row < p->rows; row += ROW_BLOCK) {
            int64_t rows = p->rows - row < ROW_BLOCK ? p->rows - row : ROW_BLOCK;
            sum_rows(p, s, row, rows, column, columns);
            for (int64_t i = 0; i < rows; i++) {
                p->store(p->user, row + i, column, columns, s->sums + i * DAVIT_PANEL);
            }
        }
    }
    davit_free(allocator, s);
    return DAVIT_OK;
}
