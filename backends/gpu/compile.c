#include <string.h>

#include "builder.h"
#include "davit/memory_plan.h"
#include "operators.h"

/* ---- inputs and outputs ---- */

static davit_status begin(davit_gpu_builder *builder)
{
    const davit_program_spec *spec = builder->spec;
    builder->values = davit_alloc_array(builder->allocator, builder->graph->value_count,
                                        sizeof(*builder->values));
    if (builder->values == NULL) {
        return davit_fail(builder->diag, DAVIT_OUT_OF_MEMORY, "no memory to compile a program");
    }
    for (size_t i = 0; i < builder->graph->value_count; i++) {
        builder->values[i].output = SIZE_MAX;
    }
    for (size_t i = 0; i < spec->output_count; i++) {
        builder->values[spec->outputs[i].value].output = i;
    }
    for (size_t i = 0; i < spec->input_count; i++) {
        davit_gpu_place place;
        davit_status status = davit_gpu_bound(builder, DAVIT_GPU_INPUT, (uint32_t)i, &place);
        if (status != DAVIT_OK) {
            return status;
        }
        davit_gpu_set(builder, spec->inputs[i].value, davit_gpu_layout_of_io(&spec->inputs[i]), place);
    }
    return DAVIT_OK;
}

/* An output that is not where it belongs: a view of something else, or in another layout. */
static davit_status finish_output(davit_gpu_builder *builder, uint32_t index)
{
    const davit_program_io *io = &builder->spec->outputs[index];
    davit_gpu_layout layout = davit_gpu_layout_of_io(io);
    const davit_gpu_value *value = &builder->values[io->value];
    for (int i = 0; i < 2; i++) {
        const davit_gpu_slot *slot =
            value->known[i] ? &builder->slots[value->places[i].slot] : NULL;
        if (slot != NULL && slot->space == DAVIT_GPU_OUTPUT && slot->index == index) {
            return DAVIT_OK;
        }
    }
    davit_gpu_place from, to;
    davit_gpu_layout has = davit_gpu_layout_of(builder, io->value);
    has = value->known[layout] ? layout : has;
    davit_gpu_copy copy = {.rank = io->desc.rank,
                           .elem_bytes = davit_dtype_bytes(io->desc.dtype)};
    memcpy(copy.dims, io->desc.dims, sizeof(copy.dims));
    davit_gpu_strides(&io->desc, has, copy.from);
    davit_gpu_strides(&io->desc, layout, copy.to);
    davit_status status = davit_gpu_get(builder, io->value, has, &from);
    if (status == DAVIT_OK) {
        status = davit_gpu_bound(builder, DAVIT_GPU_OUTPUT, index, &to);
    }
    return status == DAVIT_OK ? davit_gpu_copy_add(builder, &copy, from, to) : status;
}

/* ---- checks of data ---- */

/* Words for the units that look at data, cleared by the first launch. */
static davit_status begin_checks(davit_gpu_builder *builder)
{
    const davit_program_spec *spec = builder->spec;
    builder->check_positions =
        davit_alloc_array(builder->allocator, spec->unit_count, sizeof(uint32_t));
    if (builder->check_positions == NULL) {
        return davit_fail(builder->diag, DAVIT_OUT_OF_MEMORY, "no memory to compile a program");
    }
    for (size_t i = 0; i < spec->unit_count; i++) {
        const davit_unit *unit = &spec->graph->units[spec->units[i]];
        if (spec->graph->nodes[unit->anchor].op->op == DAVIT_OP_Gather) {
            builder->check_positions[builder->check_count++] = (uint32_t)i;
        }
    }
    if (builder->check_count == 0) {
        return DAVIT_OK;
    }
    davit_gpu_fill_params params = {.count = (int)builder->check_count};
    davit_gpu_call call = {.kernel = "fill_4",
                           .params = &params,
                           .param_bytes = sizeof(params),
                           .operand_count = 1};
    davit_status status = davit_gpu_scratch(builder, builder->check_count * sizeof(int32_t),
                                            &builder->checks);
    call.operands[0] = builder->checks;
    return status == DAVIT_OK ? davit_gpu_launch_flat(builder, &call, params.count) : status;
}

davit_status davit_gpu_check(const davit_gpu_code *code, const davit_program_spec *spec,
                             const int32_t *words, const davit_diagnostics *diag)
{
    for (size_t i = 0; i < code->check_count; i++) {
        if (words[i] != 0) {
            const davit_unit *unit = &spec->graph->units[spec->units[code->check_positions[i]]];
            const davit_node *node = &spec->graph->nodes[unit->anchor];
            return davit_fail(diag, DAVIT_BAD_DATA, "node '%s' (%s): an index is out of range",
                              node->name, node->op->name);
        }
    }
    return DAVIT_OK;
}

/* ---- the whole ---- */

/* What made a unit, whose launches begin there: its last kernel, or a library. */
static const char *implementation_of(const davit_gpu_builder *builder, size_t first)
{
    for (size_t i = first; i < builder->launch_count; i++) {
        if (builder->launches[i].library) {
            return builder->launches[i].kernel;
        }
    }
    return builder->launch_count > first ? builder->launches[builder->launch_count - 1].kernel
                                         : "view";
}

static davit_status build_units(davit_gpu_builder *builder, const char **implementations)
{
    const davit_program_spec *spec = builder->spec;
    davit_status status = begin_checks(builder);
    for (size_t i = 0; i < spec->unit_count && status == DAVIT_OK; i++) {
        size_t first = builder->launch_count;
        builder->unit = &spec->graph->units[spec->units[i]];
        builder->position = (uint32_t)i;
        status = davit_gpu_operator_build(builder, builder->unit);
        if (status == DAVIT_UNSUPPORTED) {
            status = davit_fail(builder->diag, status, "unit '%s' cannot be compiled for a GPU",
                                builder->unit->name);
        }
        implementations[i] = implementation_of(builder, first);
    }
    for (uint32_t i = 0; i < spec->output_count && status == DAVIT_OK; i++) {
        status = finish_output(builder, i);
    }
    return status;
}

/* Lays scratch memory out: each slot lives from the first launch that uses it to the last. */
static davit_status plan_scratch(davit_gpu_builder *builder, size_t *scratch_bytes)
{
    size_t count = builder->slot_count;
    davit_memory_request *requests =
        davit_alloc_array(builder->allocator, count, sizeof(*requests));
    if (requests == NULL) {
        return davit_fail(builder->diag, DAVIT_OUT_OF_MEMORY, "no memory to compile a program");
    }
    for (size_t i = 0; i < count; i++) {
        requests[i].first = SIZE_MAX;
    }
    for (size_t i = 0; i < builder->launch_count; i++) {
        for (uint32_t j = 0; j < builder->launches[i].operand_count; j++) {
            uint32_t slot = builder->places[i * DAVIT_GPU_MAX_OPERANDS + j].slot;
            if (slot != DAVIT_GPU_NO_SLOT) {
                requests[slot].first = requests[slot].first == SIZE_MAX ? i : requests[slot].first;
                requests[slot].last = i;
                requests[slot].bytes = builder->slots[slot].bytes;
            }
        }
    }
    for (size_t i = 0; i < count; i++) {
        requests[i].first = requests[i].first == SIZE_MAX ? 0 : requests[i].first;
    }
    if (builder->check_count > 0) { /* read after the last launch */
        requests[builder->checks.slot].last = builder->launch_count;
    }
    size_t alignment = builder->limits->offset_alignment;
    davit_status status =
        davit_memory_plan(builder->allocator, requests, count,
                          alignment > DAVIT_ALIGNMENT ? alignment : DAVIT_ALIGNMENT, scratch_bytes);
    for (size_t i = 0; i < count && status == DAVIT_OK; i++) {
        if (builder->slots[i].space == DAVIT_GPU_SCRATCH) {
            builder->slots[i].offset_bytes = requests[i].offset_bytes;
        }
    }
    davit_free(builder->allocator, requests);
    return status == DAVIT_OK ? status
                              : davit_fail(builder->diag, status,
                                           "the scratch memory of a program cannot be laid out");
}

static void resolve(davit_gpu_builder *builder)
{
    for (size_t i = 0; i < builder->launch_count; i++) {
        davit_gpu_launch *launch = &builder->launches[i];
        for (uint32_t j = 0; j < launch->operand_count; j++) {
            davit_gpu_place place = builder->places[i * DAVIT_GPU_MAX_OPERANDS + j];
            if (place.slot == DAVIT_GPU_NO_SLOT) {
                continue;
            }
            const davit_gpu_slot *slot = &builder->slots[place.slot];
            launch->operands[j] =
                (davit_gpu_operand){.space = slot->space,
                                    .index = slot->index,
                                    .offset_bytes = slot->offset_bytes + place.offset_bytes};
        }
    }
}

davit_status davit_gpu_compile(const davit_allocator *allocator, const davit_diagnostics *diag,
                               const davit_gpu_limits *limits, const davit_gpu_tuning *tuning,
                               const davit_program_spec *spec, davit_gpu_code **out)
{
    davit_gpu_builder builder = {.allocator = allocator,
                                 .diag = diag,
                                 .limits = limits,
                                 .tuning = tuning,
                                 .spec = spec,
                                 .graph = spec->graph};
    davit_gpu_code *code = davit_alloc(allocator, sizeof(*code));
    const char **implementations =
        davit_alloc_array(allocator, spec->unit_count, sizeof(*implementations));
    size_t scratch_bytes = 0;
    davit_status status =
        code != NULL && implementations != NULL
            ? begin(&builder)
            : davit_fail(diag, DAVIT_OUT_OF_MEMORY, "no memory to compile a program");
    if (status == DAVIT_OK) {
        status = build_units(&builder, implementations);
    }
    if (status == DAVIT_OK) {
        status = plan_scratch(&builder, &scratch_bytes);
    }
    if (status == DAVIT_OK) {
        resolve(&builder);
        *code = (davit_gpu_code){.launch_count = builder.launch_count,
                                 .launches = builder.launches,
                                 .constant_bytes = builder.constant_bytes,
                                 .constants = builder.constants,
                                 .scratch_bytes = scratch_bytes,
                                 .unit_implementations = implementations,
                                 .check_count = builder.check_count,
                                 .check_offset =
                                     builder.check_count > 0
                                         ? builder.slots[builder.checks.slot].offset_bytes
                                         : 0,
                                 .check_positions = builder.check_positions};
        *out = code;
    } else {
        davit_free(allocator, builder.check_positions);
        davit_free(allocator, builder.launches);
        davit_free(allocator, builder.constants);
        davit_free(allocator, (void *)implementations);
        davit_free(allocator, code);
    }
    davit_free(allocator, builder.places);
    davit_free(allocator, builder.slots);
    davit_free(allocator, builder.values);
    return status;
}

void davit_gpu_code_free(const davit_allocator *allocator, davit_gpu_code *code)
{
    if (code != NULL) {
        davit_free(allocator, code->launches);
        davit_free(allocator, (void *)code->constants);
        davit_free(allocator, (void *)code->unit_implementations);
        davit_free(allocator, (void *)code->check_positions);
        davit_free(allocator, code);
    }
}
