#include "builder.h"

#include <string.h>

#define ALIGNMENT 64
#define LEAST_TRANSPOSED 8 /* elements along each side of a copy by tiles */

/* ---- shapes ---- */

void davit_gpu_strides(const davit_tensor_desc *desc, davit_gpu_layout layout, int64_t *strides)
{
    int64_t stride = 1;
    bool last = layout == DAVIT_GPU_CHANNELS_LAST && desc->rank >= 3;
    if (last) {
        strides[1] = 1;
        stride = desc->dims[1];
    }
    for (int i = desc->rank - 1; i >= 0; i--) {
        if (last && i == 1) {
            continue;
        }
        strides[i] = stride;
        stride *= desc->dims[i];
    }
}

void davit_gpu_order(const davit_tensor_desc *desc, davit_gpu_layout layout, const int64_t *from,
                     int64_t *to)
{
    bool last = layout == DAVIT_GPU_CHANNELS_LAST && desc->rank >= 3;
    int at = 0;
    for (int i = 0; i < desc->rank; i++) {
        to[last && i == 1 ? desc->rank - 1 : at++] = from[i];
    }
}

bool davit_gpu_layout_free(const davit_tensor_desc *desc)
{
    int64_t places = 1;
    for (int i = 2; i < desc->rank; i++) {
        places *= desc->dims[i];
    }
    return desc->rank < 3 || desc->dims[1] == 1 || places == 1;
}

const davit_tensor_desc *davit_gpu_desc(const davit_gpu_builder *builder, davit_value_id value)
{
    return &builder->graph->values[value].desc;
}

/* ---- memory ---- */

static davit_status out_of_memory(const davit_gpu_builder *builder)
{
    return davit_fail(builder->diag, DAVIT_OUT_OF_MEMORY, "no memory to compile unit '%s'",
                      builder->unit != NULL ? builder->unit->name : "");
}

static davit_status add_slot(davit_gpu_builder *builder, const davit_gpu_slot *slot,
                             davit_gpu_place *out)
{
    davit_status status = davit_array_grow(builder->allocator, (void **)&builder->slots,
                                           &builder->slot_capacity, builder->slot_count,
                                           builder->slot_count + 1, sizeof(*builder->slots));
    if (status != DAVIT_OK) {
        return out_of_memory(builder);
    }
    builder->slots[builder->slot_count] = *slot;
    *out = (davit_gpu_place){.slot = (uint32_t)builder->slot_count++};
    return DAVIT_OK;
}

davit_status davit_gpu_scratch(davit_gpu_builder *builder, size_t bytes, davit_gpu_place *out)
{
    return add_slot(builder, &(davit_gpu_slot){.space = DAVIT_GPU_SCRATCH, .bytes = bytes}, out);
}

davit_status davit_gpu_constant(davit_gpu_builder *builder, size_t bytes, void **data,
                                davit_gpu_place *out)
{
    size_t alignment = builder->limits->offset_alignment;
    alignment = alignment > ALIGNMENT ? alignment : ALIGNMENT;
    size_t begin = (builder->constant_bytes + alignment - 1) & ~(alignment - 1);
    size_t end;
    if (!davit_add_size(begin, bytes, &end) ||
        davit_array_grow(builder->allocator, (void **)&builder->constants,
                         &builder->constant_capacity, builder->constant_bytes, end, 1) !=
            DAVIT_OK) {
        return out_of_memory(builder);
    }
    *data = builder->constants + begin;
    builder->constant_bytes = end;
    return add_slot(
        builder, &(davit_gpu_slot){.space = DAVIT_GPU_CONSTANT, .offset_bytes = begin}, out);
}

davit_status davit_gpu_bound(davit_gpu_builder *builder, davit_gpu_space space, uint32_t index,
                             davit_gpu_place *out)
{
    return add_slot(builder, &(davit_gpu_slot){.space = space, .index = index}, out);
}

davit_gpu_place davit_gpu_absent(void)
{
    return (davit_gpu_place){.slot = DAVIT_GPU_NO_SLOT};
}

davit_gpu_place davit_gpu_check_word(const davit_gpu_builder *builder)
{
    davit_gpu_place place = builder->checks;
    for (size_t i = 0; i < builder->check_count; i++) {
        if (builder->check_positions[i] == builder->position) {
            place.offset_bytes = i * sizeof(int32_t);
        }
    }
    return place;
}

/* ---- launches ---- */

davit_status davit_gpu_launch_add(davit_gpu_builder *builder, const davit_gpu_call *call)
{
    size_t count = builder->launch_count;
    if (davit_array_grow(builder->allocator, (void **)&builder->launches,
                         &builder->launch_capacity, count, count + 1,
                         sizeof(*builder->launches)) != DAVIT_OK ||
        davit_array_grow(builder->allocator, (void **)&builder->places, &builder->place_capacity,
                         count * DAVIT_GPU_MAX_OPERANDS, (count + 1) * DAVIT_GPU_MAX_OPERANDS,
                         sizeof(*builder->places)) != DAVIT_OK) {
        return out_of_memory(builder);
    }
    davit_gpu_launch *launch = &builder->launches[count];
    *launch = (davit_gpu_launch){.kernel = call->kernel,
                                 .library = call->library,
                                 .position = builder->position,
                                 .group_threads = {call->threads, 1, 1},
                                 .param_words = (uint32_t)(call->param_bytes / 4),
                                 .operand_count = (uint32_t)call->operand_count};
    for (int i = 0; i < 3; i++) {
        launch->groups[i] = call->groups[i] != 0 ? call->groups[i] : 1;
    }
    memcpy(launch->params, call->params, call->param_bytes);
    memcpy(&builder->places[count * DAVIT_GPU_MAX_OPERANDS], call->operands,
           sizeof(call->operands));
    builder->launch_count++;
    return DAVIT_OK;
}

davit_status davit_gpu_launch_flat(davit_gpu_builder *builder, davit_gpu_call *call, int64_t count)
{
    call->groups[0] = (uint32_t)((count + DAVIT_GPU_THREADS - 1) / DAVIT_GPU_THREADS);
    call->threads = DAVIT_GPU_THREADS;
    return davit_gpu_launch_add(builder, call);
}

bool davit_gpu_merge(int rank, const int64_t *dims, int count, const int64_t *const *strides,
                     int *out_dims, int *const *out_strides)
{
    int64_t kept[DAVIT_MAX_RANK];
    int64_t kept_strides[4][DAVIT_MAX_RANK];
    int left = 0;
    for (int i = 0; i < rank; i++) {
        if (dims[i] == 1) {
            continue;
        }
        bool together = left > 0;
        for (int s = 0; s < count && together; s++) {
            together = kept_strides[s][left - 1] == strides[s][i] * dims[i];
        }
        left += together ? 0 : 1;
        kept[left - 1] = together ? kept[left - 1] * dims[i] : dims[i];
        for (int s = 0; s < count; s++) {
            kept_strides[s][left - 1] = strides[s][i];
        }
    }
    if (left > DAVIT_GPU_RANK) {
        return false;
    }
    for (int i = 0; i < DAVIT_GPU_RANK; i++) {
        int from = i - (DAVIT_GPU_RANK - left);
        out_dims[i] = from < 0 ? 1 : (int)kept[from];
        for (int s = 0; s < count; s++) {
            out_strides[s][i] = from < 0 ? 0 : (int)kept_strides[s][from];
        }
    }
    return true;
}

const char *davit_gpu_of_width(const char *const names[4], size_t elem_bytes)
{
    switch (elem_bytes) {
    case 1:
        return names[0];
    case 2:
        return names[1];
    case 4:
        return names[2];
    case 8:
        return names[3];
    default:
        return NULL;
    }
}

/* Brings an axis of a copy to the end. */
static void move_to_end(davit_gpu_move_params *params, int axis)
{
    int *const rows[] = {params->dims, params->from, params->to};
    for (int i = 0; i < 3; i++) {
        int moved = rows[i][axis];
        memmove(rows[i] + axis, rows[i] + axis + 1,
                (size_t)(DAVIT_GPU_RANK - 1 - axis) * sizeof(int));
        rows[i][DAVIT_GPU_RANK - 1] = moved;
    }
}

/* The axis, longer than short tiles, along which elements lie together; -1: none. */
static int axis_together(const davit_gpu_move_params *params, const int *strides)
{
    for (int i = 0; i < DAVIT_GPU_RANK; i++) {
        if (strides[i] == 1 && params->dims[i] >= LEAST_TRANSPOSED) {
            return i;
        }
    }
    return -1;
}

/* Makes the copy one by tiles, where the device has kernels for that and it is one. */
static bool transpose_add(davit_gpu_builder *builder, davit_gpu_call *call,
                          davit_gpu_move_params *params, size_t elem_bytes)
{
    const davit_gpu_tuning *tuning = builder->tuning;
    int from = axis_together(params, params->from);
    int to = axis_together(params, params->to);
    if (tuning == NULL || tuning->transposes == NULL || from < 0 || to < 0 || from == to) {
        return false;
    }
    int side = (int)tuning->transpose_sides[elem_bytes == 8 ? 3 : elem_bytes / 2];
    move_to_end(params, from);
    move_to_end(params, to > from ? to - 1 : to);
    int64_t tiles = 1;
    for (int i = 0; i < DAVIT_GPU_RANK; i++) {
        int tile = i < DAVIT_GPU_RANK - 2 ? 1 : side;
        tiles *= (params->dims[i] + tile - 1) / tile;
    }
    call->kernel = davit_gpu_of_width(tuning->transposes, elem_bytes);
    call->groups[0] = (uint32_t)tiles;
    call->threads = DAVIT_GPU_THREADS;
    return true;
}

davit_status davit_gpu_copy_add(davit_gpu_builder *builder, const davit_gpu_copy *copy,
                                davit_gpu_place from, davit_gpu_place to)
{
    static const char *const names[4] = {"move_1", "move_2", "move_4", "move_8"};
    davit_gpu_move_params params = {.count = 1,
                                    .from_offset = (int)copy->from_offset,
                                    .to_offset = (int)copy->to_offset};
    const int64_t *strides[] = {copy->from, copy->to};
    int *const merged[] = {params.from, params.to};
    if (!davit_gpu_merge(copy->rank, copy->dims, 2, strides, params.dims, merged)) {
        return DAVIT_UNSUPPORTED;
    }
    int64_t count = 1;
    for (int i = 0; i < copy->rank; i++) {
        count *= copy->dims[i];
    }
    params.count = (int)count;
    davit_gpu_call call = {.kernel = davit_gpu_of_width(names, copy->elem_bytes),
                           .params = &params,
                           .param_bytes = sizeof(params),
                           .operand_count = 2,
                           .operands = {from, to}};
    return transpose_add(builder, &call, &params, copy->elem_bytes)
               ? davit_gpu_launch_add(builder, &call)
               : davit_gpu_launch_flat(builder, &call, count);
}

/* ---- values ---- */

/* A constant of the graph, laid out on the host. */
static davit_status place_constant(davit_gpu_builder *builder, davit_value_id id,
                                   davit_gpu_layout layout, davit_gpu_place *out)
{
    const davit_tensor *tensor = builder->graph->values[id].constant;
    davit_tensor_desc desc = tensor->desc;
    void *data;
    davit_status status =
        davit_gpu_constant(builder, davit_tensor_desc_bytes(&desc), &data, out);
    if (status == DAVIT_OK) {
        davit_gpu_strides(&desc, layout, desc.strides);
        status = davit_tensor_copy_layout(&tensor->desc, tensor->data, &desc, data);
    }
    return status;
}

static davit_status convert(davit_gpu_builder *builder, davit_value_id id, davit_gpu_layout layout,
                            davit_gpu_place to)
{
    const davit_tensor_desc *desc = davit_gpu_desc(builder, id);
    davit_gpu_copy copy = {.rank = desc->rank, .elem_bytes = davit_dtype_bytes(desc->dtype)};
    int64_t from[DAVIT_MAX_RANK], into[DAVIT_MAX_RANK];
    davit_gpu_strides(desc, layout == DAVIT_GPU_DENSE ? DAVIT_GPU_CHANNELS_LAST : DAVIT_GPU_DENSE,
                      from);
    davit_gpu_strides(desc, layout, into);
    davit_gpu_order(desc, layout, desc->dims, copy.dims);
    davit_gpu_order(desc, layout, from, copy.from);
    davit_gpu_order(desc, layout, into, copy.to);
    return davit_gpu_copy_add(builder, &copy, builder->values[id].places[1 - (int)layout], to);
}

davit_status davit_gpu_get(davit_gpu_builder *builder, davit_value_id id, davit_gpu_layout layout,
                           davit_gpu_place *out)
{
    davit_gpu_value *value = &builder->values[id];
    if (!value->known[layout]) {
        davit_gpu_place place;
        davit_status status;
        if (builder->graph->values[id].constant != NULL) {
            status = place_constant(builder, id, layout, &place);
        } else {
            status = davit_gpu_scratch(
                builder, davit_tensor_desc_bytes(davit_gpu_desc(builder, id)), &place);
            if (status == DAVIT_OK) {
                status = convert(builder, id, layout, place);
            }
        }
        if (status != DAVIT_OK) {
            return status;
        }
        davit_gpu_set(builder, id, layout, place);
    }
    *out = value->places[layout];
    return DAVIT_OK;
}

davit_gpu_layout davit_gpu_layout_of(const davit_gpu_builder *builder, davit_value_id id)
{
    const davit_gpu_value *value = &builder->values[id];
    return value->known[DAVIT_GPU_CHANNELS_LAST] && !value->known[DAVIT_GPU_DENSE]
               ? DAVIT_GPU_CHANNELS_LAST
               : DAVIT_GPU_DENSE;
}

void davit_gpu_set(davit_gpu_builder *builder, davit_value_id id, davit_gpu_layout layout,
                   davit_gpu_place place)
{
    davit_gpu_value *value = &builder->values[id];
    bool both = davit_gpu_layout_free(davit_gpu_desc(builder, id));
    for (int i = 0; i < 2; i++) {
        if (both || i == (int)layout) {
            value->known[i] = true;
            value->places[i] = place;
        }
    }
}

davit_gpu_layout davit_gpu_layout_of_io(const davit_program_io *io)
{
    return davit_tensor_desc_is_dense(&io->desc) ? DAVIT_GPU_DENSE : DAVIT_GPU_CHANNELS_LAST;
}

davit_status davit_gpu_make(davit_gpu_builder *builder, davit_value_id id, davit_gpu_layout layout,
                            davit_gpu_place *out)
{
    const davit_gpu_value *value = &builder->values[id];
    const davit_tensor_desc *desc = davit_gpu_desc(builder, id);
    davit_gpu_slot slot = {.space = DAVIT_GPU_SCRATCH, .bytes = davit_tensor_desc_bytes(desc)};
    if (value->output != SIZE_MAX &&
        (davit_gpu_layout_free(desc) ||
         davit_gpu_layout_of_io(&builder->spec->outputs[value->output]) == layout)) {
        slot = (davit_gpu_slot){.space = DAVIT_GPU_OUTPUT, .index = (uint32_t)value->output};
    }
    davit_status status = add_slot(builder, &slot, out);
    if (status == DAVIT_OK) {
        davit_gpu_set(builder, id, layout, *out);
    }
    return status;
}
