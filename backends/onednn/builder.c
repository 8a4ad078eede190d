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
    davit_dnnl_desc desc;
    davit_status status = davit_onednn_desc_of(builder, value, &desc);
    return status == DAVIT_OK ? new_arena(builder, davit_tensor_desc_bytes(tensor), desc, out)
                              : status;
}

static davit_status add_constant_slot(davit_onednn_builder *builder, size_t bytes, void *memory,
                                      uint32_t *slot)
{
    davit_status status = memory == NULL ? out_of_memory(builder)
                                         : add_slot(builder,
                                                    (davit_onednn_slot){
                                                        .kind = DAVIT_ONEDNN_CONSTANT,
                                                        .bytes = bytes,
                                                        .last_unit = SIZE_MAX,
                                                        .pointer = memory},
                                                    slot);
    if (status == DAVIT_OK) {
        builder->program->constant_bytes += bytes;
    }
    return status;
}

static davit_status add_constant(davit_onednn_builder *builder, size_t bytes, uint32_t *slot)
{
    return add_constant_slot(builder, bytes, davit_pool_alloc(&builder->program->memory, bytes),
                             slot);
}

/* The same for packed weights, which may be there. */
static davit_status add_packed(davit_onednn_builder *builder, const char *what, size_t bytes,
                               uint32_t *slot, bool *made)
{
    davit_onednn_program *program = builder->program;
    const void *found = davit_weight_cache_take(program->cache, what, bytes);
    *made = found == NULL;
    if (found != NULL) {
        return add_constant_slot(builder, bytes, (void *)found, slot);
    }
    davit_status status = add_constant(builder, bytes, slot);
    if (status == DAVIT_OK) {
        davit_weight_cache_add(program->cache, what, program->slots[*slot].pointer, bytes);
    }
    return status;
}

davit_status davit_onednn_new_constant(davit_onednn_builder *builder, davit_dnnl_desc desc,
                                       davit_onednn_operand *out, void **data)
{
    uint32_t slot;
    davit_status status = add_constant(builder, davit_dnnl_desc_bytes(desc), &slot);
    if (status == DAVIT_OK) {
        *out = (davit_onednn_operand){.slot = slot, .desc = desc};
        *data = builder->program->slots[slot].pointer;
    }
    return status;
}

void *davit_onednn_constant_bytes(davit_onednn_builder *builder, size_t bytes)
{
    uint32_t slot;
    davit_status status = add_constant(builder, bytes, &slot);
    return status == DAVIT_OK ? builder->program->slots[slot].pointer : NULL;
}

void *davit_onednn_packed_bytes(davit_onednn_builder *builder, const char *what, size_t bytes,
                                bool *made)
{
    uint32_t slot;
    davit_status status = add_packed(builder, what, bytes, &slot, made);
    return status == DAVIT_OK ? builder->program->slots[slot].pointer : NULL;
}

const void *davit_onednn_constant(const davit_onednn_builder *builder,
                                  const davit_onednn_operand *operand)
{
    const davit_onednn_slot *slot = &builder->program->slots[operand->slot];
    return slot->kind == DAVIT_ONEDNN_CONSTANT ? slot->pointer + operand->offset_bytes : NULL;
}

const davit_tensor *davit_onednn_borrowed(const davit_onednn_builder *builder,
                                          const davit_onednn_operand *operand)
{
    return builder->program->slots[operand->slot].borrowed;
}

void davit_onednn_rest(const davit_onednn_builder *builder, const davit_onednn_operand *operand)
{
    const davit_tensor *tensor = davit_onednn_borrowed(builder, operand);
    if (tensor != NULL) {
        davit_tensor_rest(tensor);
    }
}

bool davit_onednn_is_last_use(const davit_onednn_builder *builder,
                              const davit_onednn_operand *operand)
{
    const davit_onednn_slot *slot = &builder->program->slots[operand->slot];
    return slot->kind == DAVIT_ONEDNN_ARENA && slot->last_unit <= builder->position;
}

/* ---- values ---- */

/* True when the value may begin anywhere: weights are packed, rows of a table are copied as bytes. */
static bool read_anywhere(const davit_onednn_builder *builder, davit_value_id id)
{
    const davit_unit *unit = builder->unit;
    for (uint32_t n = 0; n < unit->node_count; n++) {
        const davit_node *node = &builder->graph->nodes[unit->nodes[n]];
        davit_op op = node->op->op;
        bool weighted = op == DAVIT_OP_Conv || op == DAVIT_OP_Gemm || op == DAVIT_OP_MatMul;
        uint32_t input = weighted ? 1 : 0;
        if ((weighted || op == DAVIT_OP_Gather) && node->input_count > input &&
            node->inputs[input] == id) {
            return true;
        }
    }
    return false;
}

static davit_status copy_constant(davit_onednn_builder *builder, davit_value_id id,
                                  davit_onednn_operand *out)
{
    const davit_tensor *tensor = builder->graph->values[id].constant;
    davit_dnnl_desc desc;
    void *data;
    davit_status status = davit_onednn_desc_of(builder, id, &desc);
    if (status == DAVIT_OK) {
        status = davit_onednn_new_constant(builder, desc, out, &data);
    }
    if (status == DAVIT_OK) {
        memcpy(data, tensor->data, davit_tensor_desc_bytes(&tensor->desc));
        davit_tensor_rest(tensor);
    }
    return status;
}

static davit_status borrow_constant(davit_onednn_builder *builder, davit_value_id id,
                                    davit_onednn_operand *out)
{
    const davit_tensor *tensor = builder->graph->values[id].constant;
    davit_dnnl_desc desc;
    uint32_t slot;
    davit_status status = davit_onednn_desc_of(builder, id, &desc);
    if (status == DAVIT_OK) {
        status = add_slot(builder,
                          (davit_onednn_slot){.kind = DAVIT_ONEDNN_CONSTANT,
                                              .bytes = davit_tensor_desc_bytes(&tensor->desc),
                                              .last_unit = SIZE_MAX,
                                              .pointer = tensor->data,
                                              .borrowed = tensor},
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
        bool copy = !davit_tensor_is_aligned(builder->graph->values[id].constant) &&
                    !read_anywhere(builder, id);
        davit_status status = copy ? copy_constant(builder, id, &value->operand)
                                   : borrow_constant(builder, id, &value->operand);
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
        davit_dnnl_desc desc;
        status = davit_onednn_desc_of(builder, id, &desc);
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
        davit_status status = davit_onednn_desc_of(builder, id, &described.desc);
        if (status != DAVIT_OK) {
            return status;
        }
    }
    davit_onednn_value_set(builder, id, &described);
    return DAVIT_OK;
}

/* ---- conversions ---- */

/* Runs a reorder of a constant now. */
static davit_status run_reorder(davit_onednn_builder *builder, const davit_onednn_operand *from,
                                const davit_onednn_operand *to)
{
    davit_dnnl_pool *pool = &builder->program->pool;
    davit_dnnl_primitive reorder;
    davit_status status = davit_dnnl_reorder(pool, from->desc, to->desc, &reorder);
    if (status != DAVIT_OK) {
        return status;
    }
    davit_dnnl_desc scratch_desc = davit_dnnl_query(&reorder, dnnl_query_scratchpad_md);
    void *scratch = davit_alloc_uninitialized(builder->program->allocator,
                                              davit_dnnl_desc_bytes(scratch_desc));
    if (scratch == NULL) {
        return out_of_memory(builder);
    }
    dnnl_memory_t memories[3];
    const davit_dnnl_desc descs[3] = {from->desc, to->desc, scratch_desc};
    void *const pointers[3] = {(void *)davit_onednn_constant(builder, from),
                               (void *)davit_onednn_constant(builder, to), scratch};
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
            builder->diag, dnnl_primitive_execute(reorder.primitive, pool->stream, 3, args),
            "packing of a constant");
    }
    if (status == DAVIT_OK) {
        status = davit_dnnl_status(builder->diag, dnnl_stream_wait(pool->stream), "packing");
    }
    davit_free(builder->program->allocator, scratch);
    return status;
}

static davit_status pack(davit_onednn_builder *builder, const davit_onednn_operand *from,
                         davit_dnnl_desc desc, davit_onednn_operand *out)
{
    uint32_t slot;
    bool made;
    davit_status status = add_packed(builder, "reorder", davit_dnnl_desc_bytes(desc), &slot, &made);
    if (status != DAVIT_OK) {
        return status;
    }
    *out = (davit_onednn_operand){.slot = slot, .desc = desc};
    status = made ? run_reorder(builder, from, out) : DAVIT_OK;
    if (status == DAVIT_OK) {
        davit_onednn_rest(builder, from);
    }
    return status;
}

static davit_status add_reorder(davit_onednn_builder *builder, const davit_onednn_operand *from,
                                davit_dnnl_desc desc, davit_onednn_operand *out)
{
    davit_dnnl_primitive reorder;
    davit_status status = davit_dnnl_reorder(&builder->program->pool, from->desc, desc, &reorder);
    if (status == DAVIT_OK) {
        status = davit_onednn_new(builder, desc, out);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    davit_onednn_program *program = builder->program;
    program->slots[out->slot].last_unit = program->slots[from->slot].last_unit;
    program->reorder_count++;
    const davit_onednn_arg args[] = {{DNNL_ARG_FROM, *from}, {DNNL_ARG_TO, *out}};
    const char *implementation = builder->implementation;
    status = davit_onednn_add_primitive(builder, &reorder, args, 2);
    builder->implementation = implementation;
    return status;
}

davit_status davit_onednn_convert(davit_onednn_builder *builder, const davit_onednn_operand *from,
                                  davit_dnnl_desc desc, davit_onednn_operand *out)
{
    davit_onednn_operand source = *from, made = {0};
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
    davit_status status =
        davit_array_grow(builder->program->allocator, (void **)&builder->conversions,
                         &builder->conversion_capacity, builder->conversion_count,
                         builder->conversion_count + 1, sizeof(*builder->conversions));
    if (status != DAVIT_OK) {
        return out_of_memory(builder);
    }
    status = davit_onednn_constant(builder, &source) != NULL
                 ? pack(builder, &source, desc, &made)
                 : add_reorder(builder, &source, desc, &made);
    if (status != DAVIT_OK) {
        return status;
    }
    builder->conversions[builder->conversion_count++] =
        (davit_onednn_conversion){.from = source, .to = made};
    *out = made;
    return DAVIT_OK;
}
