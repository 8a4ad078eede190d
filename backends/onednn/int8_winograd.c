#include "int8_winograd.h"

#include <string.h>

#include "dnnl_int8.h"
#include "int8_dot.h"
#include "kernels.h"
#include "operators.h"
#include "parallel.h"

#define POINTS DAVIT_INT8_POINTS
#define PAIR_COLUMNS DAVIT_INT8_PAIR_COLUMNS
#define BLOCK_BYTES (704 * 1024) /* of transformed inputs and products */
#define BLOCK_STEP 12
#define LEAST_BLOCK 36
#define SHARED_WEIGHTS_BYTES (1280 * 1024)
#define FAR_WEIGHTS_BYTES (8 * 1024 * 1024) /* come from memory: */
#define FAR_BLOCK 54                        /* tiles that meet them at once at least */

typedef struct params {
    const davit_int8_loops *loops;
    int64_t count, groups; /* tiles, groups of panels */
    bool shares_blocks;    /* all threads work at a block, so that weights are read once */
    davit_int8_winograd w;
} params;

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* ---- what fits ---- */

static int64_t weight_at(const davit_tensor *w, int64_t i)
{
    return w->desc.dtype == DAVIT_S16 ? ((const int16_t *)w->data)[i]
                                      : davit_load8(w->data, w->desc.dtype, (size_t)i);
}

/* Whether 64 times each sum of bytes as they lie is within s32. */
static bool is_exact(const davit_tensor *w, bool is_signed)
{
    const int64_t depth = w->desc.dims[1] * 9;
    for (int64_t o = 0; o < w->desc.dims[0]; o++) {
        int64_t above = 0, below = 0;
        for (int64_t k = 0; k < depth; k++) {
            int64_t weight = weight_at(w, o * depth + k);
            above += weight > 0 ? weight : 0;
            below += weight < 0 ? -weight : 0;
        }
        int64_t bound = is_signed ? 128 * (above + below) : 255 * (above > below ? above : below);
        if (bound > INT32_MAX / 64) {
            return false;
        }
    }
    return true;
}

static int64_t tile_count(const davit_tensor_desc *x, const davit_window *window)
{
    return x->dims[0] * ((window->out[0] + 3) / 4) * ((window->out[1] + 3) / 4);
}

/* Where it was faster: not with parts of tiles at the edges of small images, nor where there is
 * AMX. */
static bool is_rule(const davit_tensor_desc *x, const davit_window *window)
{
    enum { LEAST_TILES = 24, LEAST_SHARE = 85 };
    const int64_t places = x->dims[0] * window->out[0] * window->out[1];
    const int64_t tiles = tile_count(x, window);
    return !davit_dnnl_version_get().amx && tiles >= LEAST_TILES &&
           100 * places >= LEAST_SHARE * 16 * tiles;
}

bool davit_int8_winograd_fits(const davit_onednn_builder *builder,
                              const davit_int8_weighted *weighted, const davit_window *window)
{
    enum { MULTIPLE = 32 };
    const davit_tensor_desc *x = davit_node_input(builder->graph, weighted->node, 0);
    if (davit_int8_loops_choose()->winograd_multiply == NULL || window->axes != 2 ||
        davit_node_int(weighted->node, "group", 1) != 1 || x->dims[1] % MULTIPLE != 0) {
        return false;
    }
    for (int i = 0; i < window->axes; i++) {
        if (window->kernel[i] != 3 || window->stride[i] != 1 || window->dilation[i] != 1) {
            return false;
        }
    }
    return davit_onednn_picks(builder, DAVIT_ONEDNN_WINOGRAD, is_rule(x, window)) &&
           is_exact(davit_node_constant(builder->graph, weighted->node, 1), x->dtype == DAVIT_S8);
}

/* ---- weights ---- */

/* Three weights at six points. */
static void weights_to_points(const int32_t *g, int step, int32_t *u, int u_step)
{
    static const int32_t points[6][3] = {{6, 0, 0}, {-1, -1, -1}, {-1, 1, -1},
                                         {1, 2, 4}, {1, -2, 4},   {0, 0, 6}};
    for (int i = 0; i < 6; i++) {
        u[i * u_step] = points[i][0] * g[0] + points[i][1] * g[step] + points[i][2] * g[2 * step];
    }
}

/* The weights of one output and input; returns their sum. */
static int32_t transform_kernel(const davit_tensor *w, int64_t at, int32_t u[POINTS])
{
    int32_t g[9], half[18], sum = 0;
    for (int i = 0; i < 9; i++) {
        g[i] = (int32_t)weight_at(w, at + i);
        sum += g[i];
    }
    for (int j = 0; j < 3; j++) {
        weights_to_points(g + j, 3, half + j, 3);
    }
    for (int i = 0; i < 6; i++) {
        weights_to_points(half + 3 * i, 1, u + 6 * i, 1);
    }
    return sum;
}

static davit_status pack(davit_onednn_builder *builder, const davit_int8_weighted *weighted,
                         davit_int8_winograd *w)
{
    const davit_tensor *given = davit_node_constant(builder->graph, weighted->node, 1);
    const int64_t elems = POINTS * w->columns * w->inputs;
    bool made;
    int16_t *packed = davit_onednn_packed_bytes(builder, "winogrd8",
                                                (size_t)elems * sizeof(*packed) +
                                                    (size_t)w->columns * sizeof(int32_t),
                                                &made);
    if (packed == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    int32_t *start = (int32_t *)(packed + elems);
    for (int64_t o = 0; o < w->columns && made; o++) {
        int16_t *panel = packed + o / DAVIT_INT8_COLUMNS * DAVIT_INT8_COLUMNS * w->inputs;
        int64_t sum = 0;
        for (int64_t c = 0; c < w->inputs; c++) {
            int32_t u[POINTS] = {0};
            if (o < w->outputs) {
                sum += transform_kernel(given, (o * w->inputs + c) * 9, u);
            }
            int16_t *to = panel + (c / 2 * DAVIT_INT8_COLUMNS + o % DAVIT_INT8_COLUMNS) * 2 + c % 2;
            for (int64_t p = 0; p < POINTS; p++) {
                to[p * w->columns * w->inputs] = (int16_t)u[p];
            }
        }
        sum *= -w->zero;
        if (w->has_bias_inside && o < w->outputs) {
            sum += (int64_t)w->finish.bias[o];
        }
        start[o] = (int32_t)sum;
    }
    davit_tensor_rest(given);
    w->weights = packed;
    w->start = start;
    return DAVIT_OK;
}

/* ---- running ---- */

typedef struct winograd_run {
    const params *params;
    const uint8_t *x, *residual;
    uint8_t *out;
    char *scratch;
    int64_t first, tiles; /* of the block that threads share */
} winograd_run;

static size_t points_bytes(const davit_int8_winograd *w)
{
    return (size_t)(POINTS * davit_int8_points_stride(w)) * sizeof(int16_t);
}

static size_t products_bytes(const davit_int8_winograd *w)
{
    return (size_t)(POINTS * davit_int8_sums_stride(w)) * sizeof(int32_t);
}

static size_t scratch_bytes(const params *p)
{
    size_t threads = (size_t)davit_onednn_thread_count();
    return (p->shares_blocks ? 1 : threads) * points_bytes(&p->w) + threads * products_bytes(&p->w);
}

static void multiply(const winograd_run *run, int64_t first, int64_t count, int64_t group,
                     const char *points, char *products)
{
    const params *p = run->params;
    p->loops->winograd_multiply(&p->w, first, count, group * p->w.group, (const int16_t *)points,
                                (int32_t *)products, run->residual, run->out);
}

static void run_blocks(const void *context, int64_t begin, int64_t end)
{
    const winograd_run *run = context;
    const params *p = run->params;
    char *points = run->scratch + (size_t)davit_onednn_thread_index() *
                                      (points_bytes(&p->w) + products_bytes(&p->w));
    for (int64_t i = begin; i < end; i++) {
        int64_t first = i * p->w.block, tiles = least(p->count - first, p->w.block);
        p->loops->winograd_transform(&p->w, first, 0, tiles, run->x, (int16_t *)points);
        for (int64_t group = 0; group < p->groups; group++) {
            multiply(run, first, tiles, group, points, points + points_bytes(&p->w));
        }
    }
}

static void transform_tiles(const void *context, int64_t begin, int64_t end)
{
    const winograd_run *run = context;
    const params *p = run->params;
    p->loops->winograd_transform(&p->w, run->first, begin, end, run->x, (int16_t *)run->scratch);
}

static void multiply_groups(const void *context, int64_t begin, int64_t end)
{
    const winograd_run *run = context;
    const davit_int8_winograd *w = &run->params->w;
    char *products =
        run->scratch + points_bytes(w) + (size_t)davit_onednn_thread_index() * products_bytes(w);
    for (int64_t group = begin; group < end; group++) {
        multiply(run, run->first, run->tiles, group, run->scratch, products);
    }
}

/* Operands: x, out, scratch, maybe the residual. */
static davit_status run_winograd(const davit_onednn_call *call)
{
    const params *p = call->params;
    winograd_run run = {.params = p,
                        .x = call->pointers[0],
                        .out = call->pointers[1],
                        .scratch = call->pointers[2],
                        .residual = p->w.finish.residual_scale != 0.0f ? call->pointers[3] : NULL};
    if (!p->shares_blocks) {
        davit_onednn_parallel((p->count + p->w.block - 1) / p->w.block, 1, run_blocks, &run);
        return DAVIT_OK;
    }
    for (; run.first < p->count; run.first += p->w.block) {
        run.tiles = least(p->count - run.first, p->w.block);
        davit_onednn_parallel(run.tiles, 1, transform_tiles, &run);
        davit_onednn_parallel(p->groups, 1, multiply_groups, &run);
    }
    return DAVIT_OK;
}

/* Pairs of panels in groups as even as can be: wider ones where inputs are many, so that they are
 * read less often. */
static void choose_groups(params *p, int64_t multiple)
{
    davit_int8_winograd *w = &p->w;
    int64_t pairs = (w->outputs + PAIR_COLUMNS - 1) / PAIR_COLUMNS;
    int64_t width = w->inputs < 4 * DAVIT_INT8_GROUP ? DAVIT_INT8_GROUP / 2 : DAVIT_INT8_GROUP;
    p->groups = (w->outputs + width - 1) / width;
    p->groups = (p->groups + multiple - 1) / multiple * multiple;
    w->group = (pairs + p->groups - 1) / p->groups * PAIR_COLUMNS;
    p->groups = (w->outputs + w->group - 1) / w->group;
}

/* As many tiles as the cache takes, in blocks as even as can be: a multiple of the threads, which
 * have their own, unless tiles are too few for that. */
static void choose_blocks(params *p)
{
    davit_int8_winograd *w = &p->w;
    const int64_t threads = davit_onednn_thread_count();
    const int64_t weights_bytes = 2 * POINTS * w->inputs * w->outputs;
    choose_groups(p, 1);
    int64_t most = BLOCK_BYTES / (POINTS * (2 * w->inputs + 4 * w->group));
    most = most < LEAST_BLOCK ? LEAST_BLOCK : most / BLOCK_STEP * BLOCK_STEP;
    if (weights_bytes > FAR_WEIGHTS_BYTES && most < FAR_BLOCK) {
        most = FAR_BLOCK;
    }
    int64_t blocks = (p->count + most - 1) / most;
    p->shares_blocks = blocks < threads && weights_bytes > SHARED_WEIGHTS_BYTES;
    if (p->shares_blocks) {
        choose_groups(p, threads);
    } else {
        blocks = (blocks + threads - 1) / threads * threads;
    }
    w->block = (p->count + blocks - 1) / blocks;
}

static davit_status prepare(davit_onednn_builder *builder, const davit_int8_weighted *weighted,
                            const davit_window *window, params *p)
{
    const davit_tensor_desc *x = davit_node_input(builder->graph, weighted->node, 0);
    davit_int8_winograd *w = &p->w;
    *p = (params){.loops = davit_int8_loops_choose(),
                  .count = tile_count(x, window),
                  .w = {.inputs = x->dims[1],
                        .outputs = (int64_t)weighted->spec.channels,
                        .is_signed = x->dtype == DAVIT_S8,
                        .zero = (int16_t)weighted->x.zero,
                        .has_bias_inside = weighted->exactness == DAVIT_EXACT_F32 &&
                                           davit_int8_loops_choose()->dot != NULL}};
    for (int i = 0; i < 2; i++) {
        w->in[i] = window->in[i];
        w->out[i] = window->out[i];
        w->pad[i] = window->pad_begin[i];
        w->tiles[i] = (w->out[i] + 3) / 4;
    }
    w->columns = davit_int8_padded(w->outputs);
    choose_blocks(p);
    davit_status status = davit_int8_weighted_finish(builder, weighted, 1, &w->finish);
    w->saturates = status == DAVIT_OK && davit_int8_saturates(weighted, &w->finish);
    return status == DAVIT_OK ? pack(builder, weighted, w) : status;
}

davit_status davit_int8_add_winograd(davit_onednn_builder *builder,
                                     const davit_int8_weighted *weighted,
                                     const davit_window *window)
{
    davit_onednn_operand operands[4] = {weighted->src, weighted->dst, {0}, weighted->residual};
    params *p = davit_onednn_alloc(builder, sizeof(*p));
    if (p == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    davit_status status = prepare(builder, weighted, window, p);
    if (status == DAVIT_OK) {
        status = davit_onednn_new_bytes(builder, scratch_bytes(p), &operands[2]);
    }
    if (status == DAVIT_OK) {
        status = davit_onednn_add_kernel(builder, p->loops->name, run_winograd, p, operands,
                                         weighted->has_residual ? 4 : 3);
    }
    if (status == DAVIT_OK) {
        davit_onednn_value_set(builder, weighted->output, &weighted->dst);
    }
    return status;
}
