#include "winograd.h"

#include "int8_layout.h"
#include "operators.h"
#include "parallel.h"

#define POINTS DAVIT_WINOGRAD_POINTS
#define BLOCK_BYTES (768 * 1024) /* of transformed inputs and products */
#define LARGE_BLOCK_BYTES (16 * 1024 * 1024)
#define LARGE_WEIGHTS_BYTES (1024 * 1024)
#define BLOCK_STEP 12

#if defined(__x86_64__)
static const davit_winograd_loops *choose_loops(void)
{
    unsigned isa = (unsigned)dnnl_get_effective_cpu_isa();
    const unsigned avx512 = (unsigned)dnnl_cpu_isa_avx512_core, avx2 = (unsigned)dnnl_cpu_isa_avx2;
    if ((isa & avx512) == avx512) {
        return &davit_winograd_avx512;
    }
    return (isa & avx2) == avx2 ? &davit_winograd_avx2 : NULL;
}
#else
static const davit_winograd_loops *choose_loops(void)
{
    return NULL;
}
#endif

bool davit_winograd_can(const davit_onednn_builder *builder, const davit_winograd_spec *spec)
{
    const davit_window *window = spec->window;
    const davit_tensor_desc *x = &builder->graph->values[spec->source].desc;
    const davit_winograd_loops *loops = choose_loops();
    if (loops == NULL || window->axes != 2 || x->dims[1] % loops->multiple != 0) {
        return false;
    }
    for (int i = 0; i < window->axes; i++) {
        if (window->kernel[i] != 3 || window->stride[i] != 1 || window->dilation[i] != 1) {
            return false;
        }
    }
    return true;
}

bool davit_winograd_fits(const davit_onednn_builder *builder, const davit_winograd_spec *spec)
{
    enum { LEAST_TILES = 16, LEAST_CHANNELS = 16 };
    const davit_tensor_desc *x = &builder->graph->values[spec->source].desc;
    const davit_tensor_desc *y = &builder->graph->values[spec->output].desc;
    return x->dims[1] >= LEAST_CHANNELS && y->dims[1] >= LEAST_CHANNELS &&
           x->dims[0] * ((y->dims[2] + 3) / 4) * ((y->dims[3] + 3) / 4) >= LEAST_TILES;
}

/* ---- weights ---- */

/* Three weights at six points. */
static void weights_to_points(const double *g, int step, double *u, int u_step)
{
    static const double points[6][3] = {{1.0, 0.0, 0.0},
                                        {1.0 / 3, 1.0 / 3, 1.0 / 3},
                                        {-1.0 / 3, 1.0 / 3, -1.0 / 3},
                                        {-16.0 / 15, -8.0 / 15, -4.0 / 15},
                                        {1.0 / 15, -2.0 / 15, 4.0 / 15},
                                        {0.0, 0.0, 1.0}};
    for (int i = 0; i < 6; i++) {
        u[i * u_step] = points[i][0] * g[0] + points[i][1] * g[step] + points[i][2] * g[2 * step];
    }
}

static void transform_kernel(const float *kernel, double u[POINTS])
{
    double g[9], half[18];
    for (int i = 0; i < 9; i++) {
        g[i] = (double)davit_read_f32(kernel, (size_t)i);
    }
    for (int j = 0; j < 3; j++) {
        weights_to_points(g + j, 3, half + j, 3);
    }
    for (int i = 0; i < 6; i++) {
        weights_to_points(half + 3 * i, 1, u + 6 * i, 1);
    }
}

static const float *pack_weights(davit_onednn_builder *builder, const davit_winograd_spec *spec,
                                 const davit_winograd *w, int64_t panel)
{
    int64_t size = w->columns * w->inputs;
    bool made;
    float *packed = davit_onednn_packed_bytes(builder, "winograd",
                                              (size_t)(POINTS * size) * sizeof(*packed), &made);
    for (int64_t o = 0; packed != NULL && made && o < w->columns; o++) {
        for (int64_t c = 0; c < w->inputs; c++) {
            double u[POINTS] = {0.0};
            if (o < w->outputs) {
                transform_kernel(spec->weights + (o * w->inputs + c) * 9, u);
            }
            float *to = packed + (o / panel * w->inputs + c) * panel + o % panel;
            for (int64_t p = 0; p < POINTS; p++) {
                to[p * size] = (float)u[p];
            }
        }
    }
    return packed;
}

static const float *pack_bias(davit_onednn_builder *builder, const davit_winograd_spec *spec,
                              const davit_winograd *w)
{
    float *bias = davit_onednn_alloc(builder, (size_t)w->columns * sizeof(*bias));
    for (int64_t o = 0; bias != NULL && o < w->columns; o++) {
        bias[o] = spec->bias != NULL && o < w->outputs ? spec->bias[o] : 0.0f;
    }
    return bias;
}

/* ---- running ---- */

typedef struct params {
    const davit_winograd_loops *loops;
    bool has_residual;
    davit_winograd w;
} params;

typedef struct winograd_run {
    const params *params;
    const float *x, *residual;
    float *out, *scratch;
} winograd_run;

static int64_t tile_count(const davit_winograd *w)
{
    return w->batch * w->tiles[0] * w->tiles[1];
}

static int64_t scratch_elems(const davit_winograd *w)
{
    return POINTS * (davit_winograd_input_stride(w) + davit_winograd_product_stride(w));
}

static void run_blocks(const void *context, int64_t begin, int64_t end)
{
    const winograd_run *run = context;
    const davit_winograd_loops *loops = run->params->loops;
    const davit_winograd *w = &run->params->w;
    float *scratch = run->scratch + davit_onednn_thread_index() * scratch_elems(w);
    for (int64_t i = begin; i < end; i++) {
        int64_t first = i * w->block, left = tile_count(w) - first;
        int64_t count = left < w->block ? left : w->block;
        loops->transform(w, first, 0, count, run->x, scratch);
        loops->multiply(w, count, 0, POINTS, scratch);
        loops->finish(w, first, 0, count, scratch, run->residual, run->out);
    }
}

static void transform_tiles(const void *context, int64_t begin, int64_t end)
{
    const winograd_run *run = context;
    run->params->loops->transform(&run->params->w, 0, begin, end, run->x, run->scratch);
}

static void multiply_points(const void *context, int64_t begin, int64_t end)
{
    const winograd_run *run = context;
    const davit_winograd *w = &run->params->w;
    run->params->loops->multiply(w, tile_count(w), begin, end, run->scratch);
}

static void finish_tiles(const void *context, int64_t begin, int64_t end)
{
    const winograd_run *run = context;
    run->params->loops->finish(&run->params->w, 0, begin, end, run->scratch, run->residual,
                               run->out);
}

/* Operands: x, out, scratch, maybe the residual. */
static davit_status run_winograd(const davit_onednn_call *call)
{
    const params *p = call->params;
    const winograd_run run = {.params = p,
                              .x = call->pointers[0],
                              .out = call->pointers[1],
                              .scratch = call->pointers[2],
                              .residual = p->has_residual ? call->pointers[3] : NULL};
    int64_t tiles = tile_count(&p->w);
    if (p->w.block < tiles) {
        davit_onednn_parallel((tiles + p->w.block - 1) / p->w.block, 1, run_blocks, &run);
        return DAVIT_OK;
    }
    davit_onednn_parallel(tiles, 1, transform_tiles, &run);
    davit_onednn_parallel(POINTS, 1, multiply_points, &run);
    davit_onednn_parallel(tiles, 1, finish_tiles, &run);
    return DAVIT_OK;
}

/* As many tiles as the cache takes, in blocks as even as can be, a multiple of the threads; all of
 * them where weights are so many that they come from afar. */
static int64_t block_tiles(const davit_winograd *w)
{
    const int64_t point_bytes = POINTS * (int64_t)sizeof(float);
    const int64_t tile_bytes = point_bytes * (w->inputs + w->columns);
    int64_t threads = davit_onednn_thread_count(), tiles = tile_count(w);
    if (w->inputs * w->columns * point_bytes > LARGE_WEIGHTS_BYTES &&
        tiles * tile_bytes <= LARGE_BLOCK_BYTES) {
        return tiles;
    }
    int64_t most = BLOCK_BYTES / tile_bytes;
    most = most < BLOCK_STEP ? BLOCK_STEP : most / BLOCK_STEP * BLOCK_STEP;
    int64_t blocks = (tiles + most - 1) / most;
    blocks = (blocks + threads - 1) / threads * threads;
    return (tiles + blocks - 1) / blocks;
}

static davit_status prepare(davit_onednn_builder *builder, const davit_winograd_spec *spec,
                            params *p)
{
    const davit_tensor_desc *x = &builder->graph->values[spec->source].desc;
    const davit_tensor_desc *y = &builder->graph->values[spec->output].desc;
    davit_winograd *w = &p->w;
    *p = (params){.loops = choose_loops(),
                  .has_residual = spec->residual != NULL,
                  .w = {.batch = x->dims[0],
                        .inputs = x->dims[1],
                        .outputs = y->dims[1],
                        .low = spec->low,
                        .high = spec->high}};
    for (int i = 0; i < 2; i++) {
        w->in[i] = x->dims[2 + i];
        w->out[i] = y->dims[2 + i];
        w->pad[i] = spec->window->pad_begin[i];
        w->tiles[i] = (w->out[i] + 3) / 4;
    }
    w->columns = (w->outputs + p->loops->panel - 1) / p->loops->panel * p->loops->panel;
    w->block = block_tiles(w);
    w->weights = pack_weights(builder, spec, w, p->loops->panel);
    w->bias = pack_bias(builder, spec, w);
    return w->weights != NULL && w->bias != NULL ? DAVIT_OK : DAVIT_OUT_OF_MEMORY;
}

/* The output: the residual itself where that may be written over. */
static davit_status place(davit_onednn_builder *builder, const davit_winograd_spec *spec,
                          davit_onednn_operand operands[4])
{
    davit_dnnl_desc desc;
    davit_status status = davit_int8_channels_last(builder, spec->output, &desc);
    if (status == DAVIT_OK && spec->residual != NULL) {
        status = davit_onednn_convert(builder, spec->residual, desc, &operands[3]);
        if (status == DAVIT_OK && davit_onednn_is_last_use(builder, &operands[3]) &&
            operands[3].slot != operands[0].slot && operands[3].offset_bytes == 0) {
            operands[1] = operands[3];
            return DAVIT_OK;
        }
    }
    return status == DAVIT_OK ? davit_onednn_new(builder, desc, &operands[1]) : status;
}

davit_status davit_winograd_add(davit_onednn_builder *builder, const davit_winograd_spec *spec,
                                davit_onednn_operand *result)
{
    davit_onednn_operand operands[4];
    params *p = davit_onednn_alloc(builder, sizeof(*p));
    if (p == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    davit_status status = prepare(builder, spec, p);
    if (status == DAVIT_OK) {
        status = davit_int8_value_channels_last(builder, spec->source, &operands[0]);
    }
    if (status == DAVIT_OK) {
        status = place(builder, spec, operands);
    }
    if (status == DAVIT_OK) {
        int64_t copies = p->w.block < tile_count(&p->w) ? davit_onednn_thread_count() : 1;
        size_t bytes = (size_t)(copies * scratch_elems(&p->w)) * sizeof(float);
        status = davit_onednn_new_bytes(builder, bytes, &operands[2]);
    }
    if (status == DAVIT_OK) {
        status = davit_onednn_add_kernel(builder, p->loops->name, run_winograd, p, operands,
                                         p->has_residual ? 4 : 3);
    }
    if (status == DAVIT_OK) {
        *result = operands[1];
    }
    return status;
}
