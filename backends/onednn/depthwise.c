#include "depthwise.h"

#include "convolution.h"
#include "int8_layout.h"
#include "parallel.h"

#define NEAR_BYTES (24 * 1024)  /* of input rows that stay in a core's nearest cache */
#define LEAST_BYTES 256         /* of a block's channels: neighbouring lines come together */
#define FAR_BYTES (2048 * 1024) /* that no core's caches hold: they are read in order */
#define LEAST_PRODUCTS ((int64_t)1 << 17) /* of a thread */

#if defined(__x86_64__)
static const davit_depthwise_loops *choose_loops(void)
{
    unsigned isa = (unsigned)dnnl_get_effective_cpu_isa();
    const unsigned avx512 = (unsigned)dnnl_cpu_isa_avx512_core, avx2 = (unsigned)dnnl_cpu_isa_avx2;
    if ((isa & avx512) == avx512) {
        return &davit_depthwise_avx512;
    }
    return (isa & avx2) == avx2 ? &davit_depthwise_avx2 : NULL;
}
#else
static const davit_depthwise_loops *choose_loops(void)
{
    return NULL;
}
#endif

bool davit_depthwise_can(const davit_depthwise_spec *spec)
{
    const davit_window *w = spec->window;
    return choose_loops() != NULL && w->axes == 2 &&
           (w->kernel[1] == 3 || w->kernel[1] == 5 || w->kernel[1] == 7) &&
           (w->stride[1] == 1 || w->stride[1] == 2) && w->dilation[1] == 1 &&
           !davit_onednn_has_empty_window(w);
}

typedef struct params {
    const davit_depthwise_loops *loops;
    davit_depthwise depthwise;
    int64_t vectors; /* of channels; a block has several */
    davit_onednn_grid grid;
    int64_t grain; /* rows of a block that a thread takes at least */
} params;

/* ---- packing ---- */

static int64_t count_vectors(const davit_depthwise *d, int64_t lanes)
{
    return (d->channels + lanes - 1) / lanes;
}

static const float *pack_weights(davit_onednn_builder *builder, const davit_depthwise_spec *spec,
                                 const davit_depthwise *d, int64_t lanes)
{
    const int64_t taps = d->kernel[0] * d->kernel[1], vectors = count_vectors(d, lanes);
    float *packed =
        davit_onednn_constant_bytes(builder, (size_t)(vectors * taps * lanes) * sizeof(*packed));
    for (int64_t c = 0; packed != NULL && c < vectors * lanes; c++) {
        for (int64_t t = 0; t < taps; t++) {
            packed[(c / lanes * taps + t) * lanes + c % lanes] =
                c < d->channels ? davit_dense_without_denormal(
                                      davit_read_f32(spec->weights, (size_t)(c * taps + t)))
                                : 0.0f;
        }
    }
    return packed;
}

static const float *pack_bias(davit_onednn_builder *builder, const davit_depthwise_spec *spec,
                              const davit_depthwise *d, int64_t lanes)
{
    const int64_t count = count_vectors(d, lanes) * lanes;
    float *bias = davit_onednn_alloc(builder, (size_t)count * sizeof(*bias));
    for (int64_t c = 0; bias != NULL && c < count; c++) {
        bias[c] = spec->bias != NULL && c < d->channels ? spec->bias[c] : 0.0f;
    }
    return bias;
}

davit_status davit_depthwise_prepare(davit_onednn_builder *builder,
                                     const davit_depthwise_spec *spec, davit_onednn_fusion *fusion,
                                     const davit_depthwise_loops **loops, davit_depthwise *out)
{
    const davit_window *w = spec->window;
    const int64_t channels = builder->graph->values[spec->source].desc.dims[1];
    *loops = choose_loops();
    *out = (davit_depthwise){
        .channels = channels, .dilation = w->dilation[0], .ring = w->in[0], .out_stride = channels};
    for (int i = 0; i < 2; i++) {
        out->in[i] = w->in[i];
        out->out[i] = w->out[i];
        out->kernel[i] = w->kernel[i];
        out->stride[i] = w->stride[i];
        out->pad[i] = w->pad_begin[i];
    }
    out->weights = pack_weights(builder, spec, out, (*loops)->lanes);
    out->bias = pack_bias(builder, spec, out, (*loops)->lanes);
    out->end_count = davit_dense_take_ends(fusion, 0, out->ends);
    return out->weights != NULL && out->bias != NULL ? DAVIT_OK : DAVIT_OUT_OF_MEMORY;
}

/* ---- running ---- */

typedef struct depthwise_run {
    const params *params;
    const float *x;
    float *out;
} depthwise_run;

/* Rows first to end of a block, counted over all images. */
static void run_block(const depthwise_run *run, int64_t block, int64_t first, int64_t end)
{
    const params *p = run->params;
    const davit_depthwise *d = &p->depthwise;
    for (int64_t row = first; row < end; row++) {
        const davit_depthwise_part part = {.y = row % d->out[0],
                                           .first = block * p->vectors / p->grid.blocks,
                                           .end = (block + 1) * p->vectors / p->grid.blocks,
                                           .x = run->x +
                                                row / d->out[0] * d->in[0] * d->in[1] * d->channels,
                                           .out = run->out + row * d->out[1] * d->channels};
        p->loops->run(d, &part);
    }
}

/* Items: the blocks of each row. */
static void run_items(const void *context, int64_t begin, int64_t end)
{
    const depthwise_run *run = context;
    for (int64_t block = 0; block < run->params->grid.blocks; block++) {
        int64_t rows[2];
        davit_onednn_grid_part(&run->params->grid, begin, end, block, rows);
        run_block(run, block, rows[0], rows[1]);
    }
}

/* Operands: x, out. */
static davit_status run_depthwise(const davit_onednn_call *call)
{
    const params *p = call->params;
    const depthwise_run run = {.params = p, .x = call->pointers[0], .out = call->pointers[1]};
    davit_onednn_parallel(p->grid.rows * p->grid.blocks, p->grain, run_items, &run);
    return DAVIT_OK;
}

/* ---- building ---- */

/* How threads share the rows of that many images. */
static void share(params *p, int64_t images)
{
    const davit_depthwise *d = &p->depthwise;
    const int64_t lanes = p->loops->lanes;
    p->vectors = count_vectors(d, lanes);
    const int64_t size = (int64_t)sizeof(float);
    const int64_t places = d->in[0] * d->in[1] + d->out[0] * d->out[1];
    int64_t most = NEAR_BYTES / (d->kernel[0] * d->in[1] * lanes * size);
    if (places * d->channels * size > FAR_BYTES) {
        most = p->vectors;
    }
    const int64_t least = LEAST_BYTES / (lanes * size);
    most = most < least ? least : most;
    p->grid =
        (davit_onednn_grid){.rows = images * d->out[0],
                            .blocks = (p->vectors + most - 1) / most,
                            .by_rows = davit_onednn_shares_rows(images * d->in[0], d->kernel[0])};
    const int64_t products =
        d->kernel[0] * d->kernel[1] * d->out[1] * lanes * (p->vectors / p->grid.blocks);
    p->grain = LEAST_PRODUCTS / products + 1;
}

davit_status davit_depthwise_add(davit_onednn_builder *builder, const davit_depthwise_spec *spec,
                                 davit_onednn_fusion *fusion, davit_onednn_operand *result)
{
    davit_onednn_operand operands[2];
    params *p = davit_onednn_alloc(builder, sizeof(*p));
    if (p == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    davit_status status = davit_depthwise_prepare(builder, spec, fusion, &p->loops, &p->depthwise);
    if (status == DAVIT_OK) {
        share(p, builder->graph->values[spec->source].desc.dims[0]);
        status = davit_int8_value_channels_last(builder, spec->source, &operands[0]);
    }
    if (status == DAVIT_OK) {
        status = davit_int8_new_channels_last(builder, spec->output, &operands[1]);
    }
    if (status == DAVIT_OK) {
        status = davit_onednn_add_kernel(builder, p->loops->name, run_depthwise, p, operands, 2);
    }
    if (status == DAVIT_OK) {
        *result = operands[1];
        status = davit_onednn_fusion_rest(builder, fusion, result);
    }
    return status;
}
