#include "int8_tiling.h"

#include <string.h>

#include "convolution.h"
#include "int8_dot.h"
#include "operators.h"

bool davit_int8_tiles_image(const davit_onednn_builder *builder,
                            const davit_int8_weighted *weighted, const davit_window *window)
{
    const davit_node *node = weighted->node;
    return node->op->op == DAVIT_OP_IntegerConvTranspose &&
           davit_node_input(builder->graph, node, 0)->rank == 4 &&
           davit_node_int(node, "group", 1) == 1 && davit_onednn_is_tiling(window);
}

/* An input place: its channels are a row. */
static void gather_place(const davit_int8_product *p, const uint8_t *x, int64_t group, int64_t row,
                         int16_t *values)
{
    const davit_int8_source *source = p->geometry;
    (void)group;
    p->loops->widen(*source, p->depth, x + row * p->depth, values);
}

/* Scale and bias of the channels, once for each of the taps. */
static davit_status spread_finish(davit_onednn_builder *builder, const davit_int8_weighted *w,
                                  int64_t taps, davit_int8_finish *out)
{
    int64_t channels = (int64_t)w->spec.channels;
    size_t bytes = (size_t)davit_int8_padded(taps * channels) * sizeof(float);
    float *scale = davit_onednn_alloc(builder, bytes);
    float *bias = davit_onednn_alloc(builder, bytes);
    davit_status status = davit_int8_weighted_finish(builder, w, 1, out);
    if (status != DAVIT_OK || scale == NULL || bias == NULL) {
        return status != DAVIT_OK ? status : DAVIT_OUT_OF_MEMORY;
    }
    memset(scale, 0, bytes);
    memset(bias, 0, bytes);
    for (int64_t tap = 0; tap < taps; tap++) {
        memcpy(scale + tap * channels, out->scale, (size_t)channels * sizeof(*scale));
        memcpy(bias + tap * channels, out->bias, (size_t)channels * sizeof(*bias));
    }
    out->scale = scale;
    out->bias = bias;
    return DAVIT_OK;
}

/* Weights [C, M, taps] as [C][taps][M]; NULL after a report. */
static void *spread_weights(davit_onednn_builder *builder, const davit_tensor *w, int64_t taps)
{
    int64_t channels = w->desc.dims[1];
    size_t count = (size_t)davit_tensor_desc_elems(&w->desc);
    size_t size = davit_dtype_bytes(w->desc.dtype);
    char *spread = davit_alloc_array(builder->program->allocator, count, size);
    const char *from = w->data;
    if (spread == NULL) {
        (void)davit_fail(builder->diag, DAVIT_OUT_OF_MEMORY, "unit '%s': no memory for weights",
                         builder->unit->name);
        return NULL;
    }
    for (int64_t i = 0; i < (int64_t)count; i++, from += size) {
        int64_t tap = i % taps, o = i / taps % channels, c = i / taps / channels;
        memcpy(spread + (size_t)((c * taps + tap) * channels + o) * size, from, size);
    }
    return spread;
}

/* On the loops that every machine has. */
static davit_status add_product(davit_onednn_builder *builder, const davit_int8_weighted *weighted,
                                const davit_int8_dense *dense, const void *spread)
{
    davit_int8_source *source = davit_onednn_alloc(builder, sizeof(*source));
    bool made;
    int16_t *packed = davit_onednn_packed_bytes(
        builder, "pairs",
        (size_t)davit_int8_packed_elems(dense->depth, dense->columns) * sizeof(*packed), &made);
    if (source == NULL || packed == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    const davit_int8_weights weights = {
        .dtype = davit_node_input(builder->graph, weighted->node, 1)->dtype,
        .channels = dense->columns,
        .inputs = dense->depth,
        .taps = 1,
        .o_stride = 1,
        .c_stride = dense->columns};
    if (made) {
        davit_int8_pack(&weights, spread, 0, davit_int8_padded(dense->columns) / DAVIT_INT8_COLUMNS,
                        packed);
    }
    *source = davit_int8_source_of(weighted->x.dtype, weighted->x.zero);
    const davit_int8_product p = {.loops = davit_int8_loops_choose(),
                                  .groups = 1,
                                  .rows = dense->rows,
                                  .depth = dense->depth,
                                  .channels = dense->columns,
                                  .tiles = dense->tiles,
                                  .weights = packed,
                                  .finish = *dense->finish,
                                  .gather = gather_place,
                                  .geometry = source};
    return davit_int8_weighted_add(builder, weighted, &p);
}

davit_status davit_int8_add_tiling(davit_onednn_builder *builder,
                                   const davit_int8_weighted *weighted, const davit_window *window)
{
    const davit_tensor_desc *x = davit_node_input(builder->graph, weighted->node, 0);
    int64_t channels = (int64_t)weighted->spec.channels;
    int64_t taps = window->kernel[0] * window->kernel[1];
    davit_int8_finish finish;
    const davit_tensor *tensor = davit_node_constant(builder->graph, weighted->node, 1);
    void *spread = spread_weights(builder, tensor, taps);
    if (spread == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    const davit_int8_dense dense = {.x = weighted->src,
                                    .rows = x->dims[0] * x->dims[2] * x->dims[3],
                                    .depth = x->dims[1],
                                    .columns = taps * channels,
                                    .weights = spread,
                                    .depth_stride = taps * channels,
                                    .column_stride = 1,
                                    .tensor = tensor,
                                    .finish = &finish,
                                    .tiles = {.height = window->kernel[0],
                                              .line = window->kernel[1] * channels,
                                              .width = x->dims[3]}};
    davit_status status = spread_finish(builder, weighted, taps, &finish);
    if (status == DAVIT_OK) {
        status = davit_int8_dot_fits(builder, weighted, dense.depth)
                     ? davit_int8_add_dot(builder, weighted, &dense)
                     : add_product(builder, weighted, &dense, spread);
    }
    davit_free(builder->program->allocator, spread);
    return status;
}
