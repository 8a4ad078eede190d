#include "broadcast.h"

/* Strides of an operand over the result's dimensions, 0 where it is broadcast. */
static void spread(const davit_tensor_desc *desc, davit_gpu_layout layout,
                   const davit_tensor_desc *shape, int64_t *strides)
{
    int64_t own[DAVIT_MAX_RANK];
    davit_gpu_strides(desc, desc->rank == shape->rank ? layout : DAVIT_GPU_DENSE, own);
    for (int i = 0; i < shape->rank; i++) {
        int at = i - (shape->rank - desc->rank);
        strides[i] = at < 0 || desc->dims[at] == 1 ? 0 : own[at];
    }
}

static bool merge(const davit_graph *graph, int count, const davit_value_id *values,
                  const davit_tensor_desc *shape, davit_gpu_broadcast *b)
{
    int64_t strides[DAVIT_GPU_MAX_BROADCAST][DAVIT_MAX_RANK];
    int64_t ordered[DAVIT_GPU_MAX_BROADCAST][DAVIT_MAX_RANK];
    int64_t dims[DAVIT_MAX_RANK];
    const int64_t *from[DAVIT_GPU_MAX_BROADCAST];
    int *to[DAVIT_GPU_MAX_BROADCAST];
    b->flat = true;
    davit_gpu_order(shape, b->layout, shape->dims, dims);
    for (int i = 0; i < count; i++) {
        const davit_tensor_desc *desc = &graph->values[values[i]].desc;
        /* An operand of lower rank lies dense: flat beside a dense result only. */
        b->flat = b->flat && davit_tensor_desc_elems(desc) == davit_tensor_desc_elems(shape) &&
                  (b->layout == DAVIT_GPU_DENSE || desc->rank == shape->rank);
        spread(desc, b->layout, shape, strides[i]);
        davit_gpu_order(shape, b->layout, strides[i], ordered[i]);
        from[i] = ordered[i];
        to[i] = b->strides[i];
    }
    return davit_gpu_merge(shape->rank, dims, count, from, b->dims, to);
}

bool davit_gpu_broadcast_fits(const davit_graph *graph, int count, const davit_value_id *values,
                              const davit_tensor_desc *shape)
{
    davit_gpu_broadcast dense = {.layout = DAVIT_GPU_DENSE};
    davit_gpu_broadcast last = {.layout = DAVIT_GPU_CHANNELS_LAST};
    return merge(graph, count, values, shape, &dense) && merge(graph, count, values, shape, &last);
}

/* An operand of the result's shape decides, the first of those. */
static davit_gpu_layout choose(const davit_gpu_builder *builder, int count,
                               const davit_value_id *values, const davit_tensor_desc *shape)
{
    for (int i = 0; i < count; i++) {
        const davit_tensor_desc *desc = davit_gpu_desc(builder, values[i]);
        if (builder->graph->values[values[i]].constant == NULL && desc->rank == shape->rank &&
            !davit_gpu_layout_free(desc) &&
            davit_gpu_layout_of(builder, values[i]) == DAVIT_GPU_CHANNELS_LAST) {
            return DAVIT_GPU_CHANNELS_LAST;
        }
    }
    return DAVIT_GPU_DENSE;
}

davit_status davit_gpu_broadcast_get(davit_gpu_builder *builder, int count,
                                     const davit_value_id *values, const davit_tensor_desc *shape,
                                     davit_gpu_broadcast *out)
{
    out->layout = choose(builder, count, values, shape);
    for (int i = 0; i < count; i++) {
        bool same_rank = davit_gpu_desc(builder, values[i])->rank == shape->rank;
        davit_status status = davit_gpu_get(
            builder, values[i], same_rank ? out->layout : DAVIT_GPU_DENSE, &out->places[i]);
        if (status != DAVIT_OK) {
            return status;
        }
    }
    return merge(builder->graph, count, values, shape, out) ? DAVIT_OK : DAVIT_UNSUPPORTED;
}

davit_status davit_gpu_broadcast_with(davit_gpu_builder *builder, davit_gpu_place sum,
                                      davit_value_id value, const davit_tensor_desc *shape,
                                      davit_gpu_broadcast *out)
{
    const davit_tensor_desc *desc = davit_gpu_desc(builder, value);
    bool first = sum.slot == DAVIT_GPU_NO_SLOT;
    int64_t own[DAVIT_MAX_RANK], other[DAVIT_MAX_RANK];
    *out = (davit_gpu_broadcast){.layout = DAVIT_GPU_DENSE};
    davit_status status = davit_gpu_get(builder, value, DAVIT_GPU_DENSE, &out->places[1]);
    out->places[0] = first ? out->places[1] : sum;
    davit_gpu_strides(shape, DAVIT_GPU_DENSE, own);
    spread(desc, DAVIT_GPU_DENSE, shape, other);
    const int64_t *strides[] = {first ? other : own, other};
    int *const merged[] = {out->strides[0], out->strides[1]};
    if (status == DAVIT_OK &&
        !davit_gpu_merge(shape->rank, shape->dims, 2, strides, out->dims, merged)) {
        status = DAVIT_UNSUPPORTED;
    }
    return status;
}
