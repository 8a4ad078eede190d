#include "builder.h"

static davit_status out_of_memory(const davit_onednn_builder *builder)
{
    return davit_fail(builder->diag, DAVIT_OUT_OF_MEMORY, "unit '%s': no memory for its steps",
                      builder->unit != NULL ? builder->unit->name : "");
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
        davit_status status = davit_onednn_new(builder, scratch_desc, &scratch);
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
