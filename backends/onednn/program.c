#include "program.h"

#include <stdio.h>

#include "builder.h"
#include "copy.h"
#include "cost.h"
#include "davit/memory_plan.h"
#include "device.h"
#include "group.h"
#include "kernels.h"
#include "operators.h"
#include "parallel.h"

/* ---- inputs and outputs ---- */

static davit_status io_desc(davit_onednn_builder *builder, const davit_program_io *io,
                            davit_dnnl_desc *out)
{
    static const int64_t one = 1;
    bool scalar = io->desc.rank == 0;
    const davit_dnnl_tensor tensor = {.type = davit_onednn_type(io->desc.dtype),
                                      .rank = scalar ? 1 : io->desc.rank,
                                      .dims = scalar ? &one : io->desc.dims,
                                      .strides = scalar ? &one : io->desc.strides};
    *out = NULL;
    return tensor.type == dnnl_data_type_undef
               ? DAVIT_OK
               : davit_dnnl_desc_describe(&builder->program->pool, &tensor, out);
}

static davit_status add_binding(davit_onednn_builder *builder, size_t index, size_t bytes,
                                davit_onednn_operand *out)
{
    davit_onednn_program *program = builder->program;
    davit_status status = davit_onednn_new_bytes(builder, bytes, out);
    if (status == DAVIT_OK) {
        program->slots[out->slot].kind = DAVIT_ONEDNN_BINDING;
        program->slots[out->slot].binding = index;
    }
    return status;
}

static davit_status bind_input(davit_onednn_builder *builder, size_t index)
{
    const davit_program_io *io = &builder->spec->inputs[index];
    davit_onednn_operand operand;
    davit_dnnl_desc desc;
    davit_status status = io_desc(builder, io, &desc);
    if (status == DAVIT_OK) {
        status = add_binding(builder, index, davit_tensor_desc_bytes(&io->desc), &operand);
    }
    if (status == DAVIT_OK && desc == NULL && !davit_tensor_desc_is_dense(&io->desc)) {
        davit_onednn_operand dense;
        status = davit_onednn_new_dense(builder, io->value, &dense);
        if (status == DAVIT_OK) {
            status = davit_onednn_add_layout_copy(builder, &operand, &io->desc, &dense,
                                                  &builder->graph->values[io->value].desc);
        }
        operand = dense;
    }
    if (status == DAVIT_OK) {
        operand.desc = desc;
        davit_onednn_value_set(builder, io->value, &operand);
    }
    return status;
}

/* Copies a value to its place among the outputs. */
static davit_status copy_output(davit_onednn_builder *builder, const davit_program_io *io,
                                const davit_onednn_operand *from, davit_dnnl_desc desc,
                                size_t binding)
{
    davit_onednn_operand to;
    davit_status status = add_binding(builder, binding, davit_tensor_desc_bytes(&io->desc), &to);
    if (status != DAVIT_OK) {
        return status;
    }
    to.desc = desc;
    if (desc == NULL || davit_onednn_same_layout(from->desc, desc)) {
        const davit_tensor_desc *dense = &builder->graph->values[io->value].desc;
        return davit_onednn_add_layout_copy(builder, from, desc == NULL ? dense : &io->desc, &to,
                                            &io->desc);
    }
    davit_dnnl_primitive reorder;
    status = davit_dnnl_reorder(&builder->program->pool, from->desc, desc, &reorder);
    if (status != DAVIT_OK) {
        return status;
    }
    const davit_onednn_arg args[] = {{DNNL_ARG_FROM, *from}, {DNNL_ARG_TO, to}};
    builder->program->reorder_count++;
    return davit_onednn_add_primitive(builder, &reorder, args, 2);
}

/* A value in memory of its own and in the right layout is made in the output itself. */
static davit_status place_output(davit_onednn_builder *builder, size_t index)
{
    const davit_program_io *io = &builder->spec->outputs[index];
    size_t binding = builder->spec->input_count + index;
    davit_onednn_operand operand;
    davit_dnnl_desc desc;
    davit_status status = davit_onednn_value_get(builder, io->value, &operand);
    if (status == DAVIT_OK) {
        status = io_desc(builder, io, &desc);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    davit_onednn_slot *slot = &builder->program->slots[operand.slot];
    bool same = desc != NULL ? davit_onednn_same_layout(operand.desc, desc)
                             : davit_tensor_desc_is_dense(&io->desc);
    if (same && slot->kind == DAVIT_ONEDNN_ARENA && operand.offset_bytes == 0 &&
        slot->bytes == davit_tensor_desc_bytes(&io->desc)) {
        slot->kind = DAVIT_ONEDNN_BINDING;
        slot->binding = binding;
        return DAVIT_OK;
    }
    return copy_output(builder, io, &operand, desc, binding);
}

/* ---- units ---- */

static davit_status name_implementation(davit_onednn_builder *builder, size_t position)
{
    davit_onednn_program *program = builder->program;
    const char *name = builder->implementation != NULL ? builder->implementation : "view";
    if (program->alone[position]) {
        name = davit_arena_printf(&program->arena, "%s, 1 thread", name);
    }
    program->implementations[position] = name;
    const davit_onednn_group *group = builder->groups[position];
    for (size_t i = 0; group != NULL && i < group->count; i++) {
        program->implementations[group->positions[i]] = name;
        program->grouped[group->positions[i]] = true;
    }
    return name != NULL ? DAVIT_OK
                        : davit_fail(builder->diag, DAVIT_OUT_OF_MEMORY, "no memory for a program");
}

static davit_status build_unit(davit_onednn_builder *builder, size_t position)
{
    davit_onednn_program *program = builder->program;
    const davit_unit *unit = &builder->graph->units[builder->spec->units[position]];
    builder->unit = unit;
    builder->position = position;
    builder->implementation = NULL;
    const davit_onednn_group *group = builder->groups[position];
    if (group != NULL && position != group->positions[0]) { /* made with the last of them */
        program->unit_ends[position] = program->step_count;
        return DAVIT_OK;
    }
    builder->kernel = group == NULL ? davit_onednn_kernel_of(builder->spec, position) : NULL;
    program->alone[position] = program->threads > 1 && davit_onednn_is_alone(builder->kernel);
    davit_onednn_set_threads(program->alone[position] ? 1 : program->threads);
    davit_status status = group != NULL ? group->build(builder, group)
                                        : davit_onednn_operator_build(builder, unit);
    for (uint32_t i = 0; i < unit->output_count && status == DAVIT_OK; i++) {
        size_t output = builder->values[unit->outputs[i]].output;
        if (output != SIZE_MAX) {
            const char *implementation =
                builder->implementation != NULL ? builder->implementation : "view";
            status = place_output(builder, output);
            builder->implementation = implementation;
        }
    }
    if (status == DAVIT_UNSUPPORTED) {
        return davit_fail(builder->diag, status, "unit '%s' (%s): oneDNN has no implementation",
                          unit->name, builder->graph->nodes[unit->anchor].op->name);
    }
    program->unit_ends[position] = program->step_count;
    return status == DAVIT_OK ? name_implementation(builder, position) : status;
}

static davit_status build_units(davit_onednn_builder *builder)
{
    const davit_program_spec *spec = builder->spec;
    for (size_t i = 0; i < builder->graph->value_count; i++) {
        builder->values[i].output = SIZE_MAX;
    }
    for (size_t i = 0; i < spec->unit_count; i++) {
        const davit_unit *unit = &builder->graph->units[spec->units[i]];
        for (uint32_t j = 0; j < unit->input_count; j++) {
            builder->values[unit->inputs[j]].last_unit = i;
        }
    }
    for (size_t i = 0; i < spec->output_count; i++) {
        builder->values[spec->outputs[i].value].output = i;
    }
    davit_status status = davit_onednn_groups_find(builder);
    for (size_t i = 0; i < spec->input_count && status == DAVIT_OK; i++) {
        status = bind_input(builder, i);
    }
    for (size_t i = 0; i < spec->unit_count && status == DAVIT_OK; i++) {
        status = build_unit(builder, i);
    }
    return status;
}

/* ---- memory ---- */

static davit_status plan_arena(davit_onednn_program *program)
{
    davit_memory_request *requests =
        davit_alloc_array(program->allocator, program->slot_count, sizeof(*requests));
    if (requests == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < program->slot_count; i++) {
        const davit_onednn_slot *slot = &program->slots[i];
        if (slot->kind == DAVIT_ONEDNN_ARENA && slot->used) {
            requests[i] = (davit_memory_request){
                .bytes = slot->bytes, .first = slot->first_step, .last = slot->last_step};
        }
    }
    davit_status status = davit_memory_plan(program->allocator, requests, program->slot_count,
                                            DAVIT_ALIGNMENT, &program->activation_bytes);
    if (status == DAVIT_OK) {
        program->activations = davit_pool_alloc(&program->memory, program->activation_bytes);
        status = program->activations != NULL ? DAVIT_OK : DAVIT_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < program->slot_count && status == DAVIT_OK; i++) {
        if (program->slots[i].kind == DAVIT_ONEDNN_ARENA) {
            program->slots[i].pointer = (char *)program->activations + requests[i].offset_bytes;
        }
    }
    davit_free(program->allocator, requests);
    return status;
}

static dnnl_status_t give_bytes(const davit_onednn_program *program,
                                const davit_onednn_memory *memory)
{
    return dnnl_memory_set_data_handle(memory->memory,
                                       program->slots[memory->slot].pointer + memory->offset_bytes);
}

/* Lays the arena out and gives every memory object its bytes; those of bindings come first and get
 * theirs at each execution. */
static davit_status lay_out(davit_onednn_program *program, const davit_diagnostics *diag)
{
    davit_status status = plan_arena(program);
    if (status != DAVIT_OK) {
        return davit_fail(diag, status, "no memory for the activations of a program");
    }
    for (size_t i = 0; i < program->memory_count && status == DAVIT_OK; i++) {
        davit_onednn_memory memory = program->memories[i];
        if (program->slots[memory.slot].kind == DAVIT_ONEDNN_BINDING) {
            program->memories[i] = program->memories[program->bound_memory_count];
            program->memories[program->bound_memory_count++] = memory;
        } else {
            status = davit_dnnl_status(diag, give_bytes(program, &memory), "memory");
        }
    }
    return status;
}

/* ---- times of units that run as one step ---- */

/* Notes which part of the time of each group is whose: as what they would take one by one. */
static davit_status note_shares(const davit_onednn_builder *builder,
                                const davit_device_profile *profile)
{
    davit_onednn_program *program = builder->program;
    program->shares = davit_arena_alloc_array(&program->arena, program->unit_count,
                                              sizeof(*program->shares));
    if (program->shares == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < program->unit_count; i++) {
        const davit_onednn_group *group = builder->groups[i];
        if (group == NULL || group->positions[0] != i) {
            continue;
        }
        davit_onednn_share *shares = &program->shares[program->share_count];
        double sum = 0.0;
        program->share_count += group->count;
        for (size_t k = 0; k < group->count; k++) {
            const davit_unit *unit =
                &builder->graph->units[builder->spec->units[group->positions[k]]];
            davit_unit_cost cost;
            davit_status status = davit_onednn_cost(profile, builder->graph, unit, &cost);
            if (status != DAVIT_OK) {
                return status;
            }
            shares[k] = (davit_onednn_share){
                .unit = group->positions[k], .built = i, .part = cost.seconds};
            sum += cost.seconds;
        }
        for (size_t k = 0; k < group->count; k++) {
            shares[k].part /= sum;
        }
    }
    return DAVIT_OK;
}

/* The first share of each group is that of the unit it was timed at. */
static void share_times(const davit_onednn_program *program, uint64_t *unit_ns)
{
    double whole = 0.0;
    for (size_t i = 0; i < program->share_count; i++) {
        const davit_onednn_share *share = &program->shares[i];
        whole = share->unit == share->built ? (double)unit_ns[share->built] : whole;
        unit_ns[share->unit] = (uint64_t)(whole * share->part);
    }
}

/* ---- life ---- */

static davit_status open_cache(davit_onednn_device *device, const davit_program_spec *spec,
                               davit_onednn_program *program)
{
    const davit_device_options *options = &device->base.options;
    char depends[512];
    if (!options->keeps_weights) {
        return DAVIT_OK;
    }
    (void)snprintf(depends, sizeof(depends), "onednn|%s|%d|%d|%u|%d|%d",
                   device->base.info.description, (int)dnnl_get_effective_cpu_isa(),
                   (int)dnnl_get_cpu_isa_hints(), device->threads, (int)device->base.info.profile.precision,
                   (int)spec->separate);
    return davit_weight_cache_open(options->allocator, options->diag, spec, depends,
                                   dnnl_version(), &program->cache);
}

static davit_status out_of_memory(const davit_diagnostics *diag)
{
    return davit_fail(diag, DAVIT_OUT_OF_MEMORY, "no memory for a program");
}

static davit_status create(davit_onednn_device *device, size_t unit_count,
                           davit_onednn_program **out)
{
    const davit_allocator *allocator = device->base.options.allocator;
    const davit_diagnostics *diag = device->base.options.diag;
    davit_onednn_program *program = davit_alloc(allocator, sizeof(*program));
    if (program == NULL) {
        return out_of_memory(diag);
    }
    program->allocator = allocator;
    program->unit_count = unit_count;
    program->threads = device->threads;
    davit_arena_init(&program->arena, allocator);
    davit_pool_init(&program->memory, allocator);
    davit_status status = davit_dnnl_pool_init(&program->pool, allocator, diag, device->engine);
    if (status != DAVIT_OK) {
        davit_onednn_program_destroy(program);
        return status;
    }
    program->unit_ends = davit_alloc_array(allocator, unit_count, sizeof(*program->unit_ends));
    program->implementations =
        davit_alloc_array(allocator, unit_count, sizeof(*program->implementations));
    program->alone = davit_alloc_array(allocator, unit_count, sizeof(*program->alone));
    program->grouped = davit_alloc_array(allocator, unit_count, sizeof(*program->grouped));
    if (program->unit_ends == NULL || program->implementations == NULL || program->alone == NULL ||
        program->grouped == NULL) {
        davit_onednn_program_destroy(program);
        return out_of_memory(diag);
    }
    *out = program;
    return DAVIT_OK;
}

davit_status davit_onednn_program_build(davit_onednn_device *device, const davit_program_spec *spec,
                                        davit_onednn_program **out)
{
    const davit_diagnostics *diag = device->base.options.diag;
    const davit_allocator *allocator = device->base.options.allocator;
    davit_onednn_builder builder = {
        .spec = spec,
        .graph = spec->graph,
        .diag = diag,
        .bf16 = device->base.info.profile.precision == DAVIT_PRECISION_BF16};
    davit_status status = create(device, spec->unit_count, &builder.program);
    if (status != DAVIT_OK) {
        return status;
    }
    builder.values =
        davit_alloc_array(allocator, spec->graph->value_count, sizeof(*builder.values));
    builder.groups = davit_alloc_array(allocator, spec->unit_count, sizeof(*builder.groups));
    status = builder.values != NULL && builder.groups != NULL
                 ? open_cache(device, spec, builder.program)
                 : out_of_memory(diag);
    if (status == DAVIT_OK) {
        status = build_units(&builder);
    }
    if (status == DAVIT_OK) {
        status = note_shares(&builder, &device->base.info.profile);
    }
    if (status == DAVIT_OK) {
        status = lay_out(builder.program, diag);
    }
    if (status == DAVIT_OK && builder.f32_count > 0) {
        davit_log(diag, DAVIT_WARNING,
                  "device '%s': %zu products are computed in f32: oneDNN has no bf16 kernel for them",
                  device->base.info.name, builder.f32_count);
    }
    davit_free(allocator, builder.values);
    davit_free(allocator, builder.groups);
    davit_free(allocator, builder.conversions);
    if (status != DAVIT_OK) {
        davit_onednn_program_destroy(builder.program);
        return status;
    }
    davit_weight_cache_keep(builder.program->cache);
    *out = builder.program;
    return DAVIT_OK;
}

void davit_onednn_program_destroy(davit_onednn_program *program)
{
    if (program == NULL) {
        return;
    }
    const davit_allocator *allocator = program->allocator;
    davit_dnnl_pool_clear(&program->pool);
    davit_weight_cache_close(program->cache);
    davit_pool_clear(&program->memory);
    davit_arena_clear(&program->arena);
    davit_free(allocator, program->slots);
    davit_free(allocator, program->steps);
    davit_free(allocator, program->memories);
    davit_free(allocator, program->unit_ends);
    davit_free(allocator, program->implementations);
    davit_free(allocator, program->alone);
    davit_free(allocator, program->grouped);
    davit_free(allocator, program);
}

/* ---- execution ---- */

static davit_status bind(davit_onednn_program *program, void *const *bindings)
{
    for (size_t i = 0; i < program->slot_count; i++) {
        davit_onednn_slot *slot = &program->slots[i];
        if (slot->kind == DAVIT_ONEDNN_BINDING) {
            slot->pointer = bindings[slot->binding];
        }
    }
    for (size_t i = 0; i < program->bound_memory_count; i++) {
        davit_status status = davit_dnnl_status(
            program->pool.diag, give_bytes(program, &program->memories[i]), "memory of a binding");
        if (status != DAVIT_OK) {
            return status;
        }
    }
    return DAVIT_OK;
}

static davit_status run_step(const davit_onednn_program *program, const davit_onednn_step *step)
{
    if (step->primitive != NULL) {
        return davit_dnnl_status(program->pool.diag,
                                 dnnl_primitive_execute(step->primitive, program->pool.stream,
                                                        step->arg_count, step->args),
                                 "execution");
    }
    void *pointers[DAVIT_ONEDNN_MAX_POINTERS];
    for (size_t i = 0; i < step->operand_count; i++) {
        const davit_onednn_operand *operand = &step->operands[i];
        pointers[i] = program->slots[operand->slot].pointer + operand->offset_bytes;
    }
    const davit_onednn_call call = {
        .params = step->params, .pointers = pointers, .diag = program->pool.diag};
    return step->kernel(&call);
}

davit_status davit_onednn_program_execute(davit_onednn_program *program, void *const *bindings,
                                          uint64_t *unit_ns, uint64_t deadline_ns)
{
    davit_status status = bind(program, bindings);
    bool timed = unit_ns != NULL || deadline_ns != DAVIT_DEADLINE_NEVER;
    uint64_t now_ns = timed ? davit_clock_ns() : 0;
    size_t step = 0;
    bool alone = false;
    for (size_t unit = 0; unit < program->unit_count && status == DAVIT_OK; unit++) {
        uint64_t start_ns = now_ns;
        if (now_ns > deadline_ns) {
            status = davit_fail(program->pool.diag, DAVIT_DEADLINE_EXCEEDED,
                                "device '%s': the deadline passed", program->base.device->info.name);
            break;
        }
        if (alone != program->alone[unit]) {
            alone = program->alone[unit];
            davit_onednn_set_threads(alone ? 1 : program->threads);
        }
        for (; step < program->unit_ends[unit] && status == DAVIT_OK; step++) {
            status = run_step(program, &program->steps[step]);
        }
        if (timed) {
            now_ns = davit_clock_ns();
        }
        if (unit_ns != NULL) {
            unit_ns[unit] = now_ns - start_ns;
        }
    }
    if (alone) {
        davit_onednn_set_threads(program->threads);
    }
    if (unit_ns != NULL) {
        share_times(program, unit_ns);
    }
    return status;
}
