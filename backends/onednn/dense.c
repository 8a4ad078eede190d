#include "dense.h"

#include <string.h>

#include "parallel.h"

#define CHUNK_BYTES (512 * 1024) /* of rows that meet all weights */
#define LINE_ELEMS 16            /* of a cache line */
#define LEAST_ROWS 48            /* of a chunk */
#define NEAR_WEIGHTS_BYTES (768 * 1024)
#define FAR_ROWS_BYTES (1024 * 1024) /* of a thread */
#define NEAR_CHUNK_BYTES (96 * 1024)

#if defined(__x86_64__)
static const davit_dense_loops *choose_loops(void)
{
    unsigned isa = (unsigned)dnnl_get_effective_cpu_isa();
    const unsigned avx512 = (unsigned)dnnl_cpu_isa_avx512_core, avx2 = (unsigned)dnnl_cpu_isa_avx2;
    if ((isa & avx512) == avx512) {
        return &davit_dense_avx512;
    }
    return (isa & avx2) == avx2 ? &davit_dense_avx2 : NULL;
}
#else
static const davit_dense_loops *choose_loops(void)
{
    return NULL;
}
#endif

bool davit_dense_can(const davit_dense_spec *spec)
{
    return choose_loops() != NULL && spec->rows > 0 && spec->depth > 0 && spec->columns > 0;
}

bool davit_dense_fits(const davit_dense_spec *spec)
{
    /* The end of a row takes as long as a short sum; oneDNN's take longer where they are several,
     * or a function. Where rows meet few columns, reading them is what takes long: these loops
     * fetch them, but at half a panel that pays only for rows that a core's caches do not hold. */
    enum { LEAST_DEPTH = 64, LEAST_SHORT_DEPTH = 16, FEW_ROWS = 4, FEW_COLUMNS = 64, HALF = 16 };
    const int64_t share = spec->rows * spec->depth / davit_onednn_thread_count();
    const bool far = share * (int64_t)sizeof(float) > FAR_ROWS_BYTES;
    const bool narrow = spec->columns <= FEW_COLUMNS && (spec->columns > HALF || far);
    const int64_t least =
        spec->ends > 1 || spec->has_function || narrow ? LEAST_SHORT_DEPTH : LEAST_DEPTH;
    return davit_dense_can(spec) && (spec->depth >= least || spec->rows <= FEW_ROWS);
}

typedef struct params {
    const davit_dense_loops *loops;
    davit_dense dense;
    int64_t chunk, panels; /* rows of a chunk */
    bool has_residual, spreads;
} params;

/* ---- packing ---- */

static int64_t vector_count(const davit_dense_spec *spec, int64_t lanes)
{
    return (spec->columns + lanes - 1) / lanes;
}

int64_t davit_dense_panels(int64_t columns, int64_t lanes)
{
    const int64_t vectors = (columns + lanes - 1) / lanes;
    return vectors > 1 ? vectors / 2 : 1;
}

/* Columns that lie side by side in the file are not read again. */
static void rest(const davit_dense_spec *s, int64_t first, int64_t end)
{
    end = end < s->columns ? end : s->columns;
    if (s->borrowed == NULL) {
        return;
    }
    if (s->depth_stride == 1 && s->column_stride == s->depth) {
        davit_tensor_rest_part(s->borrowed, s->weights + first * s->depth,
                               (size_t)((end - first) * s->depth) * sizeof(float));
    } else if (end == s->columns) {
        davit_tensor_rest(s->borrowed);
    }
}

static const float *pack_weights(davit_onednn_builder *builder, const davit_dense_spec *s,
                                 int64_t lanes)
{
    int64_t columns = vector_count(s, lanes) * lanes, panels = davit_dense_panels(s->columns, lanes);
    bool made;
    float *packed = davit_onednn_packed_bytes(
        builder, "dense", (size_t)(columns * s->depth) * sizeof(*packed), &made);
    float *to = packed;
    for (int64_t p = 0; packed != NULL && made && p < panels; p++) {
        int64_t first = 2 * p * lanes, end = p + 1 < panels ? first + 2 * lanes : columns;
        for (int64_t k = 0; k < s->depth; k++) {
            for (int64_t c = first; c < end; c++) {
                const int64_t at = k * s->depth_stride + c * s->column_stride;
                *to++ = c < s->columns
                            ? davit_dense_without_denormal(davit_read_f32(s->weights, (size_t)at))
                            : 0.0f;
            }
        }
        rest(s, first, end);
    }
    return packed;
}

static const float *pack_bias(davit_onednn_builder *builder, const davit_dense_spec *s,
                              int64_t lanes)
{
    int64_t columns = vector_count(s, lanes) * lanes;
    float *bias = davit_onednn_alloc(builder, (size_t)columns * sizeof(*bias));
    for (int64_t c = 0; bias != NULL && c < columns; c++) {
        bias[c] = s->bias != NULL && c < s->columns ? s->bias[c] : 0.0f;
    }
    return bias;
}

davit_status davit_dense_prepare(davit_onednn_builder *builder, const davit_dense_spec *spec,
                                 const davit_dense_loops **loops, davit_dense *out)
{
    *loops = choose_loops();
    *out = (davit_dense){.rows = spec->rows,
                         .depth = spec->depth,
                         .columns = spec->columns,
                         .row_stride = spec->depth,
                         .weights = pack_weights(builder, spec, (*loops)->lanes),
                         .bias = pack_bias(builder, spec, (*loops)->lanes)};
    return out->weights != NULL && out->bias != NULL ? DAVIT_OK : DAVIT_OUT_OF_MEMORY;
}

/* ---- what follows ---- */

static bool take_end(const davit_dnnl_post_op *op, davit_dense_end *end)
{
    *end = (davit_dense_end){.alpha = op->alpha, .beta = op->beta};
    switch ((int)op->algorithm) {
    case dnnl_eltwise_relu:
        *end = (davit_dense_end){.kind = DAVIT_DENSE_BOUND, .beta = INFINITY};
        return op->alpha == 0.0f;
    case dnnl_eltwise_clip:
        end->kind = DAVIT_DENSE_BOUND;
        return true;
    case dnnl_eltwise_hardswish:
        end->kind = DAVIT_DENSE_HARDSWISH;
        return true;
    case dnnl_eltwise_linear:
        end->kind = DAVIT_DENSE_LINEAR;
        return true;
    case dnnl_eltwise_gelu_erf:
        end->kind = DAVIT_DENSE_GELU;
        return true;
    case dnnl_eltwise_swish:
        end->kind = DAVIT_DENSE_SILU;
        return op->alpha == 1.0f;
    default:
        return false;
    }
}

bool davit_dense_has_function(const davit_onednn_fusion *fusion)
{
    bool found = false;
    for (size_t i = 0; i < fusion->count; i++) {
        davit_dense_end end;
        const davit_dnnl_post_op *op = &fusion->items[i].op;
        found = found || (op->kind == DAVIT_DNNL_ELTWISE && take_end(op, &end) &&
                          (end.kind == DAVIT_DENSE_GELU || end.kind == DAVIT_DENSE_SILU));
    }
    return found;
}

int davit_dense_take_ends(davit_onednn_fusion *fusion, size_t first,
                          davit_dense_end ends[DAVIT_DENSE_ENDS])
{
    int count = 0;
    for (size_t i = first; i < fusion->count && count < DAVIT_DENSE_ENDS; i++) {
        const davit_dnnl_post_op *op = &fusion->items[i].op;
        if (op->kind != DAVIT_DNNL_ELTWISE || !take_end(op, &ends[count])) {
            break;
        }
        count++;
    }
    fusion->in_primitive = first + (size_t)count;
    return count;
}

const davit_onednn_operand *davit_dense_take(davit_onednn_fusion *fusion, davit_dense *dense)
{
    const bool adds = fusion->count > 0 && fusion->items[0].op.kind == DAVIT_DNNL_SUM;
    dense->end_count = davit_dense_take_ends(fusion, adds ? 1 : 0, dense->ends);
    return adds ? &fusion->items[0].operand : NULL;
}

/* ---- running ---- */

typedef struct dense_run {
    const params *params;
    const float *x, *residual;
    float *out, *spread;
} dense_run;

/* Items: the panels of each chunk. */
static void run_items(const void *context, int64_t begin, int64_t end)
{
    const dense_run *run = context;
    const params *p = run->params;
    for (int64_t i = begin; i < end; i++) {
        int64_t first = i / p->panels * p->chunk, left = p->dense.rows - first;
        p->loops->run(&p->dense, first, left < p->chunk ? left : p->chunk, i % p->panels, run->x,
                      run->residual, run->out);
    }
}

static void spread_rows(const void *context, int64_t begin, int64_t end)
{
    const dense_run *run = context;
    const davit_dense *d = &run->params->dense;
    for (int64_t i = begin; i < end; i++) {
        memcpy(run->spread + i * d->row_stride, run->x + i * d->depth,
               (size_t)d->depth * sizeof(float));
    }
}

/* Operands: x, out, maybe the residual, maybe room for spread rows. */
static davit_status run_dense(const davit_onednn_call *call)
{
    const params *p = call->params;
    dense_run run = {.params = p,
                     .x = call->pointers[0],
                     .out = call->pointers[1],
                     .residual = p->has_residual ? call->pointers[2] : NULL};
    if (p->spreads) {
        run.spread = call->pointers[p->has_residual ? 3 : 2];
        davit_onednn_parallel(p->dense.rows, 1, spread_rows, &run);
        run.x = run.spread;
    }
    davit_onednn_parallel((p->dense.rows + p->chunk - 1) / p->chunk * p->panels, 1, run_items,
                          &run);
    return DAVIT_OK;
}

/* Chunks of rows: short ones, whose results stay in a core's nearest cache, where all weights stay
 * in the next one; else long ones. Threads share the rows, so that each of them reads all weights,
 * or, where these are more, the columns. */
static int64_t chunk_rows(const davit_dense_spec *s)
{
    const int64_t size = (int64_t)sizeof(float);
    int64_t threads = davit_onednn_thread_count();
    int64_t share = (s->rows + threads - 1) / threads;
    int64_t rows = CHUNK_BYTES / (s->depth * size);
    if (s->depth * s->columns * size <= NEAR_WEIGHTS_BYTES) {
        rows = NEAR_CHUNK_BYTES / ((s->depth + s->columns) * size);
    }
    if (share >= LEAST_ROWS && share < rows && s->rows > s->columns) {
        rows = share;
    }
    rows = rows < LEAST_ROWS ? LEAST_ROWS : rows;
    int64_t chunks = (s->rows + rows - 1) / rows;
    return (s->rows + chunks - 1) / chunks;
}

/* Rows at such distances fall in few sets of the nearest cache: they are copied to others where
 * they meet many weights. */
static bool falls_in_one_set(const davit_dense_spec *s)
{
    enum { SET_BYTES = 2048, LEAST_COLUMNS = 128 };
    return s->depth * (int64_t)sizeof(float) % SET_BYTES == 0 && s->columns >= LEAST_COLUMNS &&
           s->rows > 1;
}

/* The output: the residual itself where that may be written over. */
static davit_status place(davit_onednn_builder *builder, const davit_dense_spec *spec,
                          const davit_onednn_operand *residual, davit_onednn_operand operands[4])
{
    davit_status status = DAVIT_OK;
    if (residual != NULL) {
        status = davit_onednn_convert(builder, residual, spec->out, &operands[2]);
        if (status == DAVIT_OK && davit_onednn_is_last_use(builder, &operands[2]) &&
            operands[2].slot != operands[0].slot && operands[2].offset_bytes == 0) {
            operands[1] = operands[2];
            return DAVIT_OK;
        }
    }
    return status == DAVIT_OK ? davit_onednn_new(builder, spec->out, &operands[1]) : status;
}

davit_status davit_dense_add(davit_onednn_builder *builder, const davit_dense_spec *spec,
                             davit_onednn_fusion *fusion, davit_onednn_operand *result)
{
    davit_onednn_operand operands[4] = {spec->x};
    params *p = davit_onednn_alloc(builder, sizeof(*p));
    if (p == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    davit_status status = davit_dense_prepare(builder, spec, &p->loops, &p->dense);
    if (status != DAVIT_OK) {
        return status;
    }
    p->chunk = chunk_rows(spec);
    p->panels = davit_dense_panels(spec->columns, p->loops->lanes);
    const davit_onednn_operand *residual = davit_dense_take(fusion, &p->dense);
    p->has_residual = residual != NULL;
    size_t count = p->has_residual ? 3 : 2;
    status = place(builder, spec, residual, operands);
    if (status == DAVIT_OK && falls_in_one_set(spec)) {
        p->spreads = true;
        p->dense.row_stride = spec->depth + LINE_ELEMS;
        status = davit_onednn_new_bytes(builder,
                                        (size_t)(spec->rows * p->dense.row_stride) * sizeof(float),
                                        &operands[count++]);
    }
    if (status == DAVIT_OK) {
        status = davit_onednn_add_kernel(builder, p->loops->name, run_dense, p, operands, count);
    }
    if (status == DAVIT_OK) {
        *result = operands[1];
        status = davit_onednn_fusion_rest(builder, fusion, result);
    }
    return status;
}
