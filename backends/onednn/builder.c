#include "builder.h"

#include <string.h>

static davit_status out_of_memory(const davit_onednn_builder *builder)
{
    return davit_fail(builder->diag, DAVIT_OUT_OF_MEMORY, "unit '%s': no memory to build it",
                      builder->unit != NULL ? builder->unit->name : "");
}

void *davit_onednn_alloc(davit_onednn_builder *builder, size_t bytes)
{
    void *memory = davit_arena_alloc(&builder->program->arena, bytes);
    if (memory == NULL) {
        (void)out_of_memory(builder);
    }
    return memory;
}

/* ---- slots ---- */

static davit_status add_slot(davit_onednn_builder *builder, davit_onednn_slot slot, uint32_t *out)
{
    davit_onednn_program *program = builder->program;
    davit_status status =
        davit_array_grow(program->allocator, (void **)&program->slots, &program->slot_capacity,
                         program->slot_count, program->slot_count + 1, sizeof(*program->slots));
    if (status != DAVIT_OK) {
        return out_of_memory(builder);
    }
    *out = (uint32_t)program->slot_count;
    program->slots[program->slot_count++] = slot;
    return DAVIT_OK;
}

/* The slot is read or written by the step that comes next. */
static void touch(davit_onednn_builder *builder, uint32_t slot)
{
    davit_onednn_slot *s = &builder->program->slots[slot];
    if (!s->used) {
        s->used = true;
        s->first_step = builder->program->step_count;
    }
    s->last_step = builder->program->step_count;
}

static davit_status new_arena(davit_onednn_builder *builder, size_t bytes, davit_dnnl_desc desc,
                              davit_onednn_operand *out)
{
    uint32_t slot;
    davit_status status =
        add_slot(builder,
                 (davit_onednn_slot){
                     .kind = DAVIT_ONEDNN_ARENA, .bytes = bytes, .last_unit = builder->position},
                 &slot);
    if (status == DAVIT_OK) {
        *out = (davit_onednn_operand){.slot = slot, .desc = desc};
    }
    return status;
}

davit_status davit_onednn_new(davit_onednn_builder *builder, davit_dnnl_desc desc,
                              davit_onednn_operand *out)
{
    return new_arena(builder, davit_dnnl_desc_bytes(desc), desc, out);
}

davit_status davit_onednn_new_bytes(davit_onednn_builder *builder, size_t bytes,
                                    davit_onednn_operand *out)
{
    return new_arena(builder, bytes, NULL, out);
}

davit_status davit_onednn_new_dense(davit_onednn_builder *builder, davit_value_id value,
                                    davit_onednn_operand *out)
{
    const davit_tensor_desc *tensor = &builder->graph->values[value].desc;
    davit_dnnl_desc desc = NULL;
    if (tensor->dtype == DAVIT_F32) {
        int64_t dims[DAVIT_MAX_RANK];
        int rank = davit_onednn_dims(builder, value, dims);
        davit_status status = davit_onednn_desc_dense(builder, rank, dims, &desc);
        if (status != DAVIT_OK) {
            return status;
        }
    }
    return new_arena(builder, davit_tensor_desc_bytes(tensor), desc, out);
}

davit_status davit_onednn_new_constant(davit_onednn_builder *builder, davit_dnnl_desc desc,
                                       davit_onednn_operand *out, void **data)
{
    davit_onednn_program *program = builder->program;
    size_t bytes = davit_dnnl_desc_bytes(desc);
    char *memory = davit_alloc(program->allocator, bytes);
    uint32_t slot;
    if (memory == NULL) {
        return out_of_memory(builder);
    }
    davit_status status = add_slot(builder,
                                   (davit_onednn_slot){.kind = DAVIT_ONEDNN_CONSTANT,
                                                       .bytes = bytes,
                                                       .last_unit = SIZE_MAX,
                                                       .pointer = memory,
                                                       .owned = true},
                                   &slot);
    if (status != DAVIT_OK) {
        davit_free(program->allocator, memory);
        return status;
    }
    program->constant_bytes += bytes;
    *out = (davit_onednn_operand){.slot = slot, .desc = desc};
    *data = memory;
    return DAVIT_OK;
}

const void *davit_onednn_constant(const davit_onednn_builder *builder,
                                  const davit_onednn_operand *operand)
{
    const davit_onednn_slot *slot = &builder->program->slots[operand->slot];
    return slot->kind == DAVIT_ONEDNN_CONSTANT ? slot->pointer + operand->offset_bytes : NULL;
}

bool davit_onednn_is_last_use(const davit_onednn_builder *builder,
                              const davit_onednn_operand *operand)
{
    const davit_onednn_slot *slot = &builder->program->slots[operand->slot];
    return slot->kind == DAVIT_ONEDNN_ARENA && slot->last_unit <= builder->position;
}

/* ---- layouts ---- */

int davit_onednn_dims(const davit_onednn_builder *builder, davit_value_id value, int64_t *dims)
{
    const davit_tensor_desc *desc = &builder->graph->values[value].desc;
    if (desc->rank == 0) {
        dims[0] = 1;
        return 1;
    }
    memcpy(dims, desc->dims, (size_t)desc->rank * sizeof(*dims));
    return desc->rank;
}

davit_status davit_onednn_desc_dense(davit_onednn_builder *builder, int rank, const int64_t *dims,
                                     davit_dnnl_desc *out)
{
    int64_t strides[DNNL_MAX_NDIMS];
    int64_t stride = 1;
    for (int i = rank - 1; i >= 0; i--) {
        strides[i] = stride;
        stride *= dims[i];
    }
    return davit_dnnl_desc_create(&builder->program->pool, rank, dims, strides, out);
}

bool davit_onednn_is_row_major(davit_dnnl_desc desc)
{
    davit_dnnl_layout layout;
    if (!davit_dnnl_desc_layout(desc, &layout) || layout.block_count > 1 || layout.offset != 0) {
        return false;
    }
    int64_t stride = 1;
    for (int i = layout.rank - 1; i >= 0; i--) {
        int64_t count = layout.dims[i];
        int64_t expected = stride;
        if (layout.padded_dims[i] != layout.dims[i]) {
            return false;
        }
        if (layout.block_count == 1 && layout.block_dims[0] == i) {
            if (stride != 1) {
                return false;
            }
            count /= layout.block_sizes[0];
            expected = layout.block_sizes[0];
        }
        if (count > 1 && layout.strides[i] != expected) {
            return false;
        }
        stride *= layout.dims[i];
    }
    return true;
}

bool davit_onednn_same_layout(davit_dnnl_desc a, davit_dnnl_desc b)
{
    davit_dnnl_layout x, y;
    if (davit_dnnl_desc_equal(a, b)) {
        return true;
    }
    if (!davit_dnnl_desc_layout(a, &x) || !davit_dnnl_desc_layout(b, &y) || x.rank != y.rank ||
        x.offset != y.offset || memcmp(x.dims, y.dims, (size_t)x.rank * sizeof(*x.dims)) != 0) {
        return false;
    }
    if (x.block_count == 0 && y.block_count == 0) {
        for (int i = 0; i < x.rank; i++) {
            if (x.dims[i] > 1 && x.strides[i] != y.strides[i]) {
                return false;
            }
        }
        return true;
    }
    return davit_onednn_is_row_major(a) && davit_onednn_is_row_major(b);
}

/* ---- values ---- */

static davit_status borrow_constant(davit_onednn_builder *builder, davit_value_id id,
                                    davit_onednn_operand *out)
{
    const davit_tensor *tensor = builder->graph->values[id].constant;
    int64_t dims[DAVIT_MAX_RANK];
    davit_dnnl_desc desc = NULL;
    uint32_t slot;
    davit_status status = DAVIT_OK;
    if (tensor->desc.dtype == DAVIT_F32) {
        int rank = davit_onednn_dims(builder, id, dims);
        status = davit_onednn_desc_dense(builder, rank, dims, &desc);
    }
    if (status == DAVIT_OK) {
        status = add_slot(builder,
                          (davit_onednn_slot){.kind = DAVIT_ONEDNN_CONSTANT,
                                              .bytes = davit_tensor_desc_bytes(&tensor->desc),
                                              .last_unit = SIZE_MAX,
                                              .pointer = tensor->data},
                          &slot);
    }
    if (status == DAVIT_OK) {
        *out = (davit_onednn_operand){.slot = slot, .desc = desc};
    }
    return status;
}

davit_status davit_onednn_value_get(davit_onednn_builder *builder, davit_value_id id,
                                    davit_onednn_operand *out)
{
    davit_onednn_value *value = &builder->values[id];
    if (!value->known) {
        if (builder->graph->values[id].constant == NULL) {
            return davit_fail(builder->diag, DAVIT_INTERNAL, "unit '%s': value '%s' is not there",
                              builder->unit->name, builder->graph->values[id].name);
        }
        davit_status status = borrow_constant(builder, id, &value->operand);
        if (status != DAVIT_OK) {
            return status;
        }
        value->known = true;
    }
    *out = value->operand;
    return DAVIT_OK;
}

davit_status davit_onednn_value_dense(davit_onednn_builder *builder, davit_value_id id,
                                      davit_onednn_operand *out)
{
    davit_onednn_operand operand;
    davit_status status = davit_onednn_value_get(builder, id, &operand);
    if (status == DAVIT_OK && operand.desc != NULL) {
        int64_t dims[DAVIT_MAX_RANK];
        int rank = davit_onednn_dims(builder, id, dims);
        davit_dnnl_desc desc;
        status = davit_onednn_desc_dense(builder, rank, dims, &desc);
        if (status == DAVIT_OK) {
            status = davit_onednn_convert(builder, &operand, desc, &operand);
        }
    }
    if (status == DAVIT_OK) {
        *out = operand;
    }
    return status;
}

/* Forgets copies whose original or copy is about to be, or was, written over. */
static void forget_conversions(davit_onednn_builder *builder, uint32_t slot)
{
    size_t kept = 0;
    for (size_t i = 0; i < builder->conversion_count; i++) {
        const davit_onednn_conversion *conversion = &builder->conversions[i];
        if (conversion->from.slot != slot && conversion->to.slot != slot) {
            builder->conversions[kept++] = *conversion;
        }
    }
    builder->conversion_count = kept;
}

void davit_onednn_value_set(davit_onednn_builder *builder, davit_value_id id,
                            const davit_onednn_operand *operand)
{
    davit_onednn_value *value = &builder->values[id];
    davit_onednn_slot *slot = &builder->program->slots[operand->slot];
    forget_conversions(builder, operand->slot);
    value->known = true;
    value->operand = *operand;
    if (slot->last_unit < value->last_unit) {
        slot->last_unit = value->last_unit;
    }
}

davit_status davit_onednn_value_set_dense(davit_onednn_builder *builder, davit_value_id id,
                                          const davit_onednn_operand *operand)
{
    davit_onednn_operand described = *operand;
    if (operand->desc != NULL) {
        int64_t dims[DAVIT_MAX_RANK];
        int rank = davit_onednn_dims(builder, id, dims);
        davit_status status = davit_onednn_desc_dense(builder, rank, dims, &described.desc);
        if (status != DAVIT_OK) {
            return status;
        }
    }
    davit_onednn_value_set(builder, id, &described);
    return DAVIT_OK;
}

/* ---- conversions ---- */

/* Runs a reorder of a constant now. */
static davit_status pack(davit_onednn_builder *builder, const davit_onednn_operand *from,
                         davit_dnnl_desc desc, const davit_dnnl_primitive *reorder,
                         davit_onednn_operand *out)
{
    davit_dnnl_pool *pool = &builder->program->pool;
    davit_dnnl_desc scratch_desc = davit_dnnl_query(reorder, dnnl_query_scratchpad_md);
    size_t scratch_bytes = davit_dnnl_desc_bytes(scratch_desc);
    dnnl_memory_t memories[3];
    void *data;
    davit_status status = davit_onednn_new_constant(builder, desc, out, &data);
    if (status != DAVIT_OK) {
        return status;
    }
    void *scratch = davit_alloc(builder->program->allocator, scratch_bytes);
    if (scratch == NULL) {
        return out_of_memory(builder);
    }
    const davit_dnnl_desc descs[3] = {from->desc, desc, scratch_desc};
    void *const pointers[3] = {(void *)davit_onednn_constant(builder, from), data, scratch};
    for (int i = 0; i < 3 && status == DAVIT_OK; i++) {
        status = davit_dnnl_memory(pool, descs[i], &memories[i]);
        if (status == DAVIT_OK) {
            status = davit_dnnl_status(
                builder->diag, dnnl_memory_set_data_handle(memories[i], pointers[i]), "memory");
        }
    }
    if (status == DAVIT_OK) {
        const dnnl_exec_arg_t args[3] = {{DNNL_ARG_FROM, memories[0]},
                                         {DNNL_ARG_TO, memories[1]},
                                         {DNNL_ARG_SCRATCHPAD, memories[2]}};
        status = davit_dnnl_status(
            builder->diag, dnnl_primitive_execute(reorder->primitive, pool->stream, 3, args),
            "packing of a constant");
    }
    if (status == DAVIT_OK) {
        status = davit_dnnl_status(builder->diag, dnnl_stream_wait(pool->stream), "packing");
    }
    davit_free(builder->program->allocator, scratch);
    return status;
}

static davit_status add_reorder(davit_onednn_builder *builder, const davit_onednn_operand *from,
                                davit_dnnl_desc desc, const davit_dnnl_primitive *reorder,
                                davit_onednn_operand *out)
{
    davit_status status = davit_onednn_new(builder, desc, out);
    if (status != DAVIT_OK) {
        return status;
    }
    davit_onednn_program *program = builder->program;
    program->slots[out->slot].last_unit = program->slots[from->slot].last_unit;
    program->reorder_count++;
    const davit_onednn_arg args[] = {{DNNL_ARG_FROM, *from}, {DNNL_ARG_TO, *out}};
    const char *implementation = builder->implementation;
    status = davit_onednn_add_primitive(builder, reorder, args, 2);
    builder->implementation = implementation;
    return status;
}

davit_status davit_onednn_convert(davit_onednn_builder *builder, const davit_onednn_operand *from,
                                  davit_dnnl_desc desc, davit_onednn_operand *out)
{
    davit_onednn_operand source = *from, made = {0};
    davit_dnnl_primitive reorder;
    if (davit_onednn_same_layout(source.desc, desc)) {
        *out = source;
        out->desc = desc;
        return DAVIT_OK;
    }
    for (size_t i = 0; i < builder->conversion_count; i++) {
        const davit_onednn_conversion *known = &builder->conversions[i];
        if (known->from.slot == source.slot && known->from.offset_bytes == source.offset_bytes &&
            davit_dnnl_desc_equal(known->from.desc, source.desc) &&
            davit_dnnl_desc_equal(known->to.desc, desc)) {
            *out = known->to;
            return DAVIT_OK;
        }
    }
    davit_status status = davit_dnnl_reorder(&builder->program->pool, source.desc, desc, &reorder);
    if (status != DAVIT_OK) {
        return status;
    }
    status = davit_array_grow(builder->program->allocator, (void **)&builder->conversions,
                              &builder->conversion_capacity, builder->conversion_count,
                              builder->conversion_count + 1, sizeof(*builder->conversions));
    if (status != DAVIT_OK) {
        return out_of_memory(builder);
    }
    status = davit_onednn_constant(builder, &source) != NULL
                 ? pack(builder, &source, desc, &reorder, &made)
                 : add_reorder(builder, &source, desc, &reorder, &made);
    if (status != DAVIT_OK) {
        return status;
    }
    builder->conversions[builder->conversion_count++] =
        (davit_onednn_conversion){.from = source, .to = made};
    *out = made;
    return DAVIT_OK;
}

/* ---- steps ---- */

static davit_status add_step(davit_onednn_builder *builder, const davit_onednn_step *step,
                             const char *implementation)
{
    davit_onednn_program *program = builder->program;
    davit_status status =
        davit_array_grow(program->allocator, (void **)&program->steps, &program->step_capacity,
                         program->step_count, program->step_count + 1, sizeof(*program->steps));
    if (status != DAVIT_OK) {
        return out_of_memory(builder);
    }
    program->steps[program->step_count++] = *step;
    if (builder->implementation == NULL) {
        builder->implementation = implementation;
    }
    return DAVIT_OK;
}

/* A memory object for an operand; its bytes are given when the program is laid out. */
static davit_status add_memory(davit_onednn_builder *builder, const davit_onednn_operand *operand,
                               dnnl_memory_t *out)
{
    davit_onednn_program *program = builder->program;
    davit_status status = davit_array_grow(program->allocator, (void **)&program->memories,
                                           &program->memory_capacity, program->memory_count,
                                           program->memory_count + 1, sizeof(*program->memories));
    if (status != DAVIT_OK) {
        return out_of_memory(builder);
    }
    status = davit_dnnl_memory(&program->pool, operand->desc, out);
    if (status == DAVIT_OK) {
        program->memories[program->memory_count++] = (davit_onednn_memory){
            .memory = *out, .slot = operand->slot, .offset_bytes = operand->offset_bytes};
    }
    return status;
}

davit_status davit_onednn_add_primitive(davit_onednn_builder *builder,
                                        const davit_dnnl_primitive *primitive,
                                        const davit_onednn_arg *args, size_t count)
{
    davit_onednn_step step = {.primitive = primitive->primitive};
    davit_dnnl_desc scratch_desc = davit_dnnl_query(primitive, dnnl_query_scratchpad_md);
    size_t scratch_bytes = scratch_desc != NULL ? davit_dnnl_desc_bytes(scratch_desc) : 0;
    step.args = davit_onednn_alloc(builder, (count + 1) * sizeof(*step.args));
    if (step.args == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        dnnl_memory_t memory;
        davit_status status = add_memory(builder, &args[i].operand, &memory);
        if (status != DAVIT_OK) {
            return status;
        }
        touch(builder, args[i].operand.slot);
        step.args[step.arg_count++] = (dnnl_exec_arg_t){args[i].index, memory};
    }
    if (scratch_bytes > 0) {
        davit_onednn_operand scratch;
        dnnl_memory_t memory;
        davit_status status = new_arena(builder, scratch_bytes, scratch_desc, &scratch);
        if (status == DAVIT_OK) {
            status = add_memory(builder, &scratch, &memory);
        }
        if (status != DAVIT_OK) {
            return status;
        }
        touch(builder, scratch.slot);
        step.args[step.arg_count++] = (dnnl_exec_arg_t){DNNL_ARG_SCRATCHPAD, memory};
    }
    return add_step(builder, &step, davit_dnnl_implementation(primitive));
}

davit_status davit_onednn_add_kernel(davit_onednn_builder *builder, const char *name,
                                     davit_onednn_kernel kernel, const void *params,
                                     const davit_onednn_operand *operands, size_t count)
{
    davit_onednn_step step = {.kernel = kernel, .params = params, .operand_count = count};
    for (size_t i = 0; i < count; i++) {
        step.operands[i] = operands[i];
        touch(builder, operands[i].slot);
    }
    return add_step(builder, &step, name);
}
