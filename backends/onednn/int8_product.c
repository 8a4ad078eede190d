#include "int8_product.h"

#include <string.h>

#include "parallel.h"

#define BLOCK_BYTES 65536 /* of gathered rows */
#define MAX_BLOCK_ROWS 64

/* ---- packing ---- */

int64_t davit_int8_padded(int64_t channels)
{
    return (channels + DAVIT_INT8_COLUMNS - 1) / DAVIT_INT8_COLUMNS * DAVIT_INT8_COLUMNS;
}

static int64_t pairs_of(int64_t depth)
{
    return (depth + 1) / 2;
}

int64_t davit_int8_packed_elems(int64_t depth, int64_t channels)
{
    return davit_int8_padded(channels) * 2 * pairs_of(depth);
}

static int16_t weight_at(const davit_int8_weights *w, const void *data, int64_t i)
{
    if (w->dtype == DAVIT_S16) {
        return ((const int16_t *)data)[i];
    }
    return (int16_t)(davit_load8(data, w->dtype, (size_t)i) - w->zero);
}

/* A column of a panel; zeros beyond the last. */
static void pack_column(const davit_int8_weights *w, const void *data, int64_t o, int16_t *column)
{
    int64_t depth = w->inputs * w->taps;
    int64_t k = 0;
    for (int64_t tap = 0; tap < w->taps && o < w->channels; tap++) {
        for (int64_t c = 0; c < w->inputs; c++, k++) {
            int64_t at = o * w->o_stride + c * w->c_stride + tap * w->tap_stride;
            column[k / 2 * 2 * DAVIT_INT8_COLUMNS + k % 2] = weight_at(w, data, at);
        }
    }
    for (; k < 2 * pairs_of(depth); k++) {
        column[k / 2 * 2 * DAVIT_INT8_COLUMNS + k % 2] = 0;
    }
}

void davit_int8_pack(const davit_int8_weights *weights, const void *data, int64_t first,
                     int64_t end, int16_t *packed)
{
    int64_t panel_elems = davit_int8_packed_elems(weights->inputs * weights->taps, 1);
    for (int64_t panel = first; panel < end; panel++) {
        for (int64_t c = 0; c < DAVIT_INT8_COLUMNS; c++) {
            pack_column(weights, data, panel * DAVIT_INT8_COLUMNS + c,
                        packed + panel * panel_elems + 2 * c);
        }
    }
}

/* ---- running ---- */

/* Rows gathered at once: a multiple of a tile's. */
static int64_t block_rows(const davit_int8_product *p)
{
    int64_t row_bytes = 4 * pairs_of(p->depth);
    int64_t rows = BLOCK_BYTES / row_bytes / DAVIT_INT8_ROWS * DAVIT_INT8_ROWS;
    if (rows > MAX_BLOCK_ROWS) {
        return MAX_BLOCK_ROWS;
    }
    return rows < DAVIT_INT8_ROWS ? DAVIT_INT8_ROWS : rows;
}

static int64_t block_elems(const davit_int8_product *p)
{
    return block_rows(p) * 2 * pairs_of(p->depth);
}

size_t davit_int8_product_scratch_bytes(const davit_int8_product *product)
{
    return (size_t)(davit_onednn_thread_count() * block_elems(product)) * sizeof(int16_t);
}

typedef struct product_run {
    const davit_int8_product *product;
    const davit_int8_product_data *data;
} product_run;

/* A block of rows of one group. */
typedef struct block {
    int64_t group, first, count;
    int16_t *rows;
} block;

static void gather_block(const product_run *run, const block *b)
{
    const davit_int8_product *p = run->product;
    int64_t stride = 2 * pairs_of(p->depth);
    for (int64_t r = 0; r < b->count; r++) {
        int16_t *row = b->rows + r * stride;
        p->gather(p, run->data->x, b->group, b->first + r, row);
        if (stride > p->depth) {
            row[p->depth] = 0;
        }
    }
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Ends elements first to first + count of a row, which lie in several places. */
static void finish_tile(const product_run *run, const davit_int8_finish *finish, int64_t row,
                        int64_t first, int64_t count, const int32_t *sums)
{
    const davit_int8_tiles *tiles = &run->product->tiles;
    const uint8_t *residual = run->data->residual;
    uint8_t ends[DAVIT_INT8_COLUMNS];
    int64_t step;
    for (int64_t i = 0; residual != NULL && i < count; i += step) {
        step = least(tiles->line - (first + i) % tiles->line, count - i);
        memcpy(ends + i, residual + davit_int8_tile_place(tiles, row, first + i), (size_t)step);
    }
    run->product->loops->finish(finish, count, sums, residual != NULL ? ends : NULL, ends);
    for (int64_t i = 0; i < count; i += step) {
        step = least(tiles->line - (first + i) % tiles->line, count - i);
        memcpy(run->data->out + davit_int8_tile_place(tiles, row, first + i), ends + i,
               (size_t)step);
    }
}

/* Ends elements of a row that lie side by side. */
static void finish_row(const product_run *run, const davit_int8_finish *finish, int64_t at,
                       int64_t count, const int32_t *sums)
{
    const uint8_t *residual = run->data->residual;
    run->product->loops->finish(finish, count, sums, residual != NULL ? residual + at : NULL,
                                run->data->out + at);
}

/* All rows of a block times one panel. */
static void run_panel(const product_run *run, const block *b, int64_t panel, const int16_t *weights)
{
    const davit_int8_product *p = run->product;
    int64_t first = panel * DAVIT_INT8_COLUMNS;
    int64_t count = least(p->channels - first, DAVIT_INT8_COLUMNS);
    davit_int8_finish finish = p->finish;
    finish.scale += b->group * p->finish_stride + first;
    finish.bias += b->group * p->finish_stride + first;
    davit_int8_tile tile = {.pairs = pairs_of(p->depth), .panel = weights};
    for (int64_t r = 0; r < b->count; r += DAVIT_INT8_ROWS) {
        int32_t sums[DAVIT_INT8_ROWS * DAVIT_INT8_COLUMNS];
        tile.rows = b->rows + r * 2 * tile.pairs;
        tile.count = (int)(b->count - r < DAVIT_INT8_ROWS ? b->count - r : DAVIT_INT8_ROWS);
        p->loops->tile(&tile, sums);
        for (int i = 0; i < tile.count; i++) {
            int64_t row = b->first + r + i;
            if (p->tiles.height > 0) {
                finish_tile(run, &finish, row, first, count, sums + i * DAVIT_INT8_COLUMNS);
            } else {
                finish_row(run, &finish, b->group * p->group_stride + row * p->row_stride + first,
                           count, sums + i * DAVIT_INT8_COLUMNS);
            }
        }
    }
}

static void run_blocks(const void *context, int64_t begin, int64_t end)
{
    const product_run *run = context;
    const davit_int8_product *p = run->product;
    int64_t height = block_rows(p);
    int64_t per_group = (p->rows + height - 1) / height;
    int64_t group_elems = davit_int8_packed_elems(p->depth, p->channels);
    int64_t panel_elems = davit_int8_packed_elems(p->depth, 1);
    int16_t *rows = (int16_t *)run->data->scratch + davit_onednn_thread_index() * block_elems(p);
    for (int64_t i = begin; i < end; i++) {
        block b = {.group = i / per_group, .first = i % per_group * height, .rows = rows};
        b.count = p->rows - b.first < height ? p->rows - b.first : height;
        int64_t matrix = p->weights_of != NULL ? p->weights_of[b.group] : b.group;
        const int16_t *weights = p->weights != NULL ? p->weights : run->data->weights;
        weights += matrix * group_elems;
        gather_block(run, &b);
        for (int64_t panel = 0; panel * DAVIT_INT8_COLUMNS < p->channels; panel++) {
            run_panel(run, &b, panel, weights + panel * panel_elems);
        }
    }
}

void davit_int8_product_run(const davit_int8_product *product, const davit_int8_product_data *data)
{
    const product_run run = {product, data};
    int64_t height = block_rows(product);
    int64_t blocks = (product->rows + height - 1) / height * product->groups;
    davit_onednn_parallel(blocks, 1, run_blocks, &run);
}
