#include "int8_dot.h"

#include <math.h>
#include <string.h>

#include "dnnl_int8.h"
#include "kernels.h"
#include "operators.h"
#include "parallel.h"

#define CHUNK_BYTES (512 * 1024) /* of rows that meet all weights */
#define NEAR_WEIGHTS_BYTES (128 * 1024)
#define NEAR_CHUNK_BYTES (128 * 1024) /* of rows and results, where weights stay in the cache */
#define LEAST_ROWS 48                 /* of a chunk */
#define PACK_BYTES 262144             /* of weights that are worth a thread */
#define PAIR_COLUMNS DAVIT_INT8_PAIR_COLUMNS

typedef struct params {
    const davit_int8_loops *loops;
    int64_t rows, depth, columns;
    int64_t chunk, pairs; /* rows of a chunk, pairs of panels */
    const int8_t *weights;
    const int32_t *start;
    bool has_bias_inside, saturates;
    davit_int8_finish finish;
    davit_int8_windows windows;
    davit_int8_tiles tiles;
} params;

bool davit_int8_dot_fits(const davit_onednn_builder *builder, const davit_int8_weighted *weighted,
                         int64_t depth)
{
    const davit_tensor_desc *w = davit_node_input(builder->graph, weighted->node, 1);
    return davit_int8_loops_choose()->dot != NULL && weighted->x.dtype == DAVIT_U8 &&
           w->dtype == DAVIT_S8 && depth % 4 == 0 &&
           davit_onednn_picks(builder, DAVIT_ONEDNN_DOT, !davit_dnnl_version_get().amx);
}

/* ---- packing ---- */

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

typedef struct packing {
    const davit_int8_loops *loops;
    const davit_int8_dense *dense;
    int32_t zero; /* of x */
    int8_t *packed;
    int32_t *start;
} packing;

/* A panel of columns that each lie whole: four bytes of each in turn. Their sums fit s32. */
static void pack_columns(const davit_int8_panel *p)
{
    memset(p->start, 0, DAVIT_INT8_COLUMNS * sizeof(*p->start));
    if (p->columns < DAVIT_INT8_COLUMNS) {
        memset(p->packed, 0, (size_t)p->quads * 4 * DAVIT_INT8_COLUMNS);
    }
    for (int64_t k = 0; k < p->quads; k++) {
        for (int64_t c = 0; c < p->columns; c++) {
            memcpy(p->packed + (k * DAVIT_INT8_COLUMNS + c) * 4, p->rows + c * p->stride + k * 4,
                   4);
        }
    }
    for (int64_t c = 0; c < p->columns; c++) {
        const int8_t *column = (const int8_t *)p->rows + c * p->stride;
        int32_t sum = 0;
        for (int64_t k = 0; k < 4 * p->quads; k++) {
            sum += column[k];
        }
        p->start[c] = -sum * p->zero_x;
    }
}

static void pack_panels(const void *context, int64_t begin, int64_t end)
{
    const packing *p = context;
    const davit_int8_dense *d = p->dense;
    for (int64_t i = begin; i < end; i++) {
        int64_t first = i * DAVIT_INT8_COLUMNS;
        const int8_t *from = d->weights + first * d->column_stride;
        const davit_int8_panel panel = {.quads = d->depth / 4,
                                        .columns = least(d->columns - first, DAVIT_INT8_COLUMNS),
                                        .rows = (const uint8_t *)from,
                                        .stride = d->depth_stride * d->column_stride,
                                        .zero_x = p->zero,
                                        .packed = p->packed + first * d->depth,
                                        .start = p->start + first};
        if (d->column_stride == 1) {
            p->loops->pack_panel(&panel);
        } else {
            pack_columns(&panel);
            davit_tensor_rest_part(d->tensor, from, (size_t)(panel.columns * d->depth));
        }
    }
}

/* Packs the weights, and makes what sums begin with: what the zero point adds, taken off, and the
 * bias where sum and bias are exact in f32. */
static davit_status pack(davit_onednn_builder *builder, const davit_int8_weighted *weighted,
                         const davit_int8_dense *d, params *out)
{
    int64_t columns = davit_int8_padded(d->columns);
    bool made;
    int8_t *packed = davit_onednn_packed_bytes(
        builder, "dot", (size_t)columns * ((size_t)d->depth + sizeof(int32_t)), &made);
    if (packed == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    int32_t *start = (int32_t *)(packed + columns * d->depth);
    out->weights = packed;
    out->start = start;
    if (!made) {
        davit_tensor_rest(d->tensor);
        return DAVIT_OK;
    }
    const packing p = {.loops = out->loops,
                       .dense = d,
                       .zero = weighted->x.zero,
                       .packed = packed,
                       .start = start};
    davit_onednn_parallel(columns / DAVIT_INT8_COLUMNS,
                          1 + PACK_BYTES / (DAVIT_INT8_COLUMNS * d->depth), pack_panels, &p);
    davit_tensor_rest(d->tensor);
    for (int64_t c = 0; c < d->columns && weighted->exactness == DAVIT_EXACT_F32; c++) {
        start[c] += (int32_t)d->finish->bias[c];
    }
    return DAVIT_OK;
}

bool davit_int8_saturates(const davit_int8_weighted *weighted, const davit_int8_finish *finish)
{
    const float largest = 1 << 5; /* sums and biases stay within 2^24 */
    const davit_int8_result *r = &finish->result;
    bool fits = weighted->exactness == DAVIT_EXACT_F32 && !weighted->has_residual &&
                r->low < r->high && nearbyintf(r->low + r->zero) <= r->least &&
                nearbyintf(r->high + r->zero) >= r->greatest;
    for (size_t c = 0; c < weighted->spec.channels && fits; c++) {
        fits = finish->scale[c] <= largest;
    }
    return fits;
}

/* ---- running ---- */

typedef struct dot_run {
    const params *params;
    const uint8_t *x, *residual;
    uint8_t *out;
} dot_run;

/* Moves rows of a pair's columns between a buffer and the tiles of an image. */
static void move_tiles(const params *p, int64_t first, int64_t count, int64_t column, bool in,
                       uint8_t *buffer, uint8_t *image)
{
    int64_t columns = least(p->columns - column, PAIR_COLUMNS), step;
    for (int64_t c = 0; c < columns; c += step) {
        int64_t at = column + c;
        step = least(p->tiles.line - at % p->tiles.line, columns - c);
        for (int64_t r = 0; r < count; r++) {
            int64_t place = davit_int8_tile_place(&p->tiles, first + r, at);
            uint8_t *own = buffer + r * PAIR_COLUMNS + c;
            memcpy(in ? own : image + place, in ? image + place : own, (size_t)step);
        }
    }
}

/* The same rows as tiles, through a buffer. */
static void run_tiles(const dot_run *run, davit_int8_dot dot, int64_t first, int64_t column)
{
    enum { ROWS = 48 };
    const params *p = run->params;
    uint8_t buffer[ROWS * PAIR_COLUMNS];
    int64_t rows = dot.rows;
    dot.out = buffer;
    dot.out_stride = PAIR_COLUMNS;
    for (int64_t r = 0; r < rows; r += ROWS) {
        dot.rows = least(rows - r, ROWS);
        dot.x = run->x + (first + r) * p->depth;
        dot.residual = NULL;
        if (run->residual != NULL) {
            move_tiles(p, first + r, dot.rows, column, true, buffer, (uint8_t *)run->residual);
            dot.residual = buffer;
        }
        p->loops->dot(&dot);
        move_tiles(p, first + r, dot.rows, column, false, buffer, run->out);
    }
}

/* Rows that are windows: those of a line at a time, each of which fetches a part of what comes
 * next. */
static void run_windows(const dot_run *run, davit_int8_dot dot, int64_t first)
{
    const params *p = run->params;
    const davit_int8_windows *w = &p->windows;
    const int64_t count = dot.rows / w->width;
    dot.line = dot.quads / w->lines;
    dot.jump = w->line_bytes - 4 * dot.line;
    dot.x_stride = w->step;
    dot.rows = w->width;
    dot.next_bytes = (dot.next_bytes + count - 1) / count;
    for (int64_t i = 0, line = first / w->width; i < count; i++, line++) {
        int64_t at = line / w->height * w->image_lines + line % w->height * w->down;
        dot.x = run->x + at * w->line_bytes;
        p->loops->dot(&dot);
        dot.out += w->width * dot.out_stride;
        dot.residual += dot.residual != NULL ? w->width * dot.out_stride : 0;
        dot.next += dot.next != NULL ? dot.quads * dot.next_bytes : 0;
    }
}

static void run_items(const void *context, int64_t begin, int64_t end)
{
    const dot_run *run = context;
    const params *p = run->params;
    for (int64_t i = begin; i < end; i++) {
        int64_t first = i / p->pairs * p->chunk, pair = i % p->pairs;
        int64_t column = pair * PAIR_COLUMNS;
        int64_t at = first * p->columns + column;
        davit_int8_finish finish = p->finish;
        finish.scale += column;
        finish.bias += column;
        davit_int8_dot dot = {.rows = least(p->rows - first, p->chunk),
                              .columns = least(p->columns - column, PAIR_COLUMNS),
                              .quads = p->depth / 4,
                              .x = run->x + first * p->depth,
                              .x_stride = p->depth,
                              .weights = p->weights + column * p->depth,
                              .next_bytes = PAIR_COLUMNS * 4,
                              .start = p->start + column,
                              .has_bias_inside = p->has_bias_inside,
                              .saturates = p->saturates,
                              .finish = &finish,
                              .out_stride = p->columns};
        if (p->columns - column >= 2 * PAIR_COLUMNS) {
            dot.next = dot.weights + PAIR_COLUMNS * p->depth;
        }
        if (p->tiles.height > 0) {
            run_tiles(run, dot, first, column);
            continue;
        }
        dot.out = run->out + at;
        dot.residual = run->residual != NULL ? run->residual + at : NULL;
        if (p->windows.lines > 0) {
            run_windows(run, dot, first);
        } else {
            p->loops->dot(&dot);
        }
    }
}

/* Operands: x, out, maybe the residual. */
static davit_status run_dot(const davit_onednn_call *call)
{
    const params *p = call->params;
    const dot_run run = {.params = p,
                         .x = call->pointers[0],
                         .out = call->pointers[1],
                         .residual = p->finish.residual_scale != 0.0f ? call->pointers[2] : NULL};
    davit_onednn_parallel((p->rows + p->chunk - 1) / p->chunk * p->pairs, 1, run_items, &run);
    return DAVIT_OK;
}

/* Chunks of rows that stay in a core's cache. Threads share the rows, so that each of them reads
 * all weights, or, where these are more, the columns. */
static int64_t chunk_rows(const davit_int8_dense *d)
{
    int64_t threads = davit_onednn_thread_count();
    int64_t share = (d->rows + threads - 1) / threads;
    int64_t row_bytes = d->windows.lines > 0 ? d->depth / d->windows.lines : d->depth;
    int64_t rows = d->depth * d->columns <= NEAR_WEIGHTS_BYTES
                       ? NEAR_CHUNK_BYTES / (row_bytes + d->columns)
                       : CHUNK_BYTES / row_bytes;
    if (share >= LEAST_ROWS && share < rows && d->rows > d->columns) {
        rows = share;
    }
    rows = rows < LEAST_ROWS ? LEAST_ROWS : rows;
    int64_t whole = d->windows.lines > 0 ? d->windows.width : 1; /* lines of windows */
    int64_t chunks = (d->rows + rows - 1) / rows;
    int64_t even = (d->rows + chunks - 1) / chunks;
    return (even + whole - 1) / whole * whole;
}

davit_status davit_int8_add_dot(davit_onednn_builder *builder, const davit_int8_weighted *weighted,
                                const davit_int8_dense *dense)
{
    const davit_onednn_operand operands[3] = {dense->x, weighted->dst, weighted->residual};
    params *p = davit_onednn_alloc(builder, sizeof(*p));
    if (p == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    *p = (params){.loops = davit_int8_loops_choose(),
                  .rows = dense->rows,
                  .depth = dense->depth,
                  .columns = dense->columns,
                  .chunk = chunk_rows(dense),
                  .pairs = (dense->columns + PAIR_COLUMNS - 1) / PAIR_COLUMNS,
                  .has_bias_inside = weighted->exactness == DAVIT_EXACT_F32,
                  .saturates = davit_int8_saturates(weighted, dense->finish),
                  .finish = *dense->finish,
                  .windows = dense->windows,
                  .tiles = dense->tiles};
    davit_status status = pack(builder, weighted, dense, p);
    if (status == DAVIT_OK) {
        status = davit_onednn_add_kernel(builder, p->loops->name, run_dot, p, operands,
                                         weighted->has_residual ? 3 : 2);
    }
    if (status == DAVIT_OK) {
        davit_onednn_value_set(builder, weighted->output, &weighted->dst);
    }
    return status;
}
