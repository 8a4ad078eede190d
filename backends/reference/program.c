#include "program.h"

#include "davit/memory_plan.h"
#include "kernel.h"
#include "scratch.h"

#define NO_BINDING SIZE_MAX
#define NO_STEP SIZE_MAX

/* A value that some node of the program reads or makes, constants excepted. */
typedef struct local_value {
    davit_tensor tensor; /* dense; data is set once (scratch) or by each run (binding) */
    size_t binding;      /* index of the input or output of the spec, inputs first */
    bool converted;      /* the binding has another layout: tensor is scratch */
    bool read;           /* by a node of the program */
    size_t first, last;  /* steps between which scratch memory is needed */
} local_value;

typedef enum step_kind {
    STEP_NODE,
    STEP_FROM_BINDING, /* value: binding's layout to dense */
    STEP_TO_BINDING    /* value: dense to binding's layout */
} step_kind;

typedef struct program_step {
    step_kind kind;
    size_t unit; /* index in the spec */
    local_value *value;
    const davit_node *node;
    davit_kernel kernel;
    const davit_tensor **inputs;
    davit_tensor **outputs;
} program_step;

typedef struct reference_program {
    davit_program base;
    davit_arena arena; /* of everything but scratch */
    size_t step_count;
    program_step *steps;
    size_t value_count;
    local_value *values;
    void *scratch;
    size_t scratch_bytes;
    davit_scratch kernel_scratch; /* used by the queue that holds the program's turn */
    const char **implementations;
} reference_program;

_Static_assert(offsetof(reference_program, base) == 0, "the head of a program comes first");

/* What is needed while a program is made. */
typedef struct program_builder {
    const davit_allocator *allocator;
    const davit_program_spec *spec;
    reference_program *program;
    uint32_t *local; /* [graph->value_count]: index into program->values + 1, or 0 */
} program_builder;

static const davit_program_io *io_of(const davit_program_spec *spec, size_t binding)
{
    return binding < spec->input_count ? &spec->inputs[binding]
                                       : &spec->outputs[binding - spec->input_count];
}

static local_value *find_value(const program_builder *builder, davit_value_id id)
{
    uint32_t local = id == DAVIT_NONE ? 0 : builder->local[id];
    return local == 0 ? NULL : &builder->program->values[local - 1];
}

static local_value *add_value(program_builder *builder, davit_value_id id)
{
    local_value *value = find_value(builder, id);
    if (value == NULL) {
        reference_program *program = builder->program;
        value = &program->values[program->value_count++];
        builder->local[id] = (uint32_t)program->value_count;
        value->tensor.desc = builder->spec->graph->values[id].desc;
        value->tensor.borrowed = true;
        value->binding = NO_BINDING;
        value->first = NO_STEP;
    }
    return value;
}

static void add_bindings(program_builder *builder)
{
    const davit_program_spec *spec = builder->spec;
    for (size_t i = 0; i < spec->input_count + spec->output_count; i++) {
        const davit_program_io *io = io_of(spec, i);
        local_value *value = add_value(builder, io->value);
        value->binding = i;
        value->converted = !davit_tensor_desc_is_dense(&io->desc);
    }
}

static void add_node_values(program_builder *builder, const davit_node *node)
{
    const davit_graph *graph = builder->spec->graph;
    for (uint32_t i = 0; i < node->input_count; i++) {
        davit_value_id id = node->inputs[i];
        if (id != DAVIT_NONE && graph->values[id].constant == NULL) {
            add_value(builder, id)->read = true;
        }
    }
    for (uint32_t i = 0; i < node->output_count; i++) {
        if (node->outputs[i] != DAVIT_NONE) {
            (void)add_value(builder, node->outputs[i]);
        }
    }
}

/* Uses a value's scratch memory at a step. */
static void touch(local_value *value, size_t at)
{
    if (value->first == NO_STEP) {
        value->first = at;
    }
    value->last = at;
}

static program_step *add_step(program_builder *builder, step_kind kind, size_t unit,
                              local_value *value)
{
    reference_program *program = builder->program;
    program_step *added = &program->steps[program->step_count++];
    added->kind = kind;
    added->unit = unit;
    added->value = value;
    if (value != NULL) {
        touch(value, program->step_count - 1);
    }
    return added;
}

/* Converts the inputs of a node that nothing has converted yet. */
static void add_input_conversions(program_builder *builder, size_t unit, const davit_node *node)
{
    for (uint32_t i = 0; i < node->input_count; i++) {
        local_value *value = find_value(builder, node->inputs[i]);
        if (value != NULL && value->converted && value->first == NO_STEP) {
            (void)add_step(builder, STEP_FROM_BINDING, unit, value);
        }
    }
}

static bool is_wanted(const local_value *value)
{
    return value != NULL && (value->read || value->binding != NO_BINDING);
}

/* A node that nobody wants anything of is left out. */
static bool is_dead(const program_builder *builder, const davit_node *node)
{
    bool wanted = false;
    for (uint32_t i = 0; i < node->output_count; i++) {
        wanted = wanted || is_wanted(find_value(builder, node->outputs[i]));
    }
    return !wanted;
}

static davit_status add_node(program_builder *builder, size_t unit, const davit_node *node)
{
    const davit_graph *graph = builder->spec->graph;
    reference_program *program = builder->program;
    if (is_dead(builder, node)) {
        return DAVIT_OK;
    }
    add_input_conversions(builder, unit, node);
    program_step *added = add_step(builder, STEP_NODE, unit, NULL);
    size_t at = program->step_count - 1;
    added->node = node;
    added->kernel = davit_kernel_find(node->op->op);
    added->inputs =
        davit_arena_alloc_array(&program->arena, node->input_count, sizeof(davit_tensor *));
    added->outputs =
        davit_arena_alloc_array(&program->arena, node->output_count, sizeof(davit_tensor *));
    if (added->inputs == NULL || added->outputs == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (uint32_t i = 0; i < node->input_count; i++) {
        local_value *value = find_value(builder, node->inputs[i]);
        if (value != NULL) {
            added->inputs[i] = &value->tensor;
            touch(value, at);
        } else if (node->inputs[i] != DAVIT_NONE) {
            added->inputs[i] = graph->values[node->inputs[i]].constant;
        }
    }
    for (uint32_t i = 0; i < node->output_count; i++) {
        local_value *value = find_value(builder, node->outputs[i]);
        if (is_wanted(value)) {
            added->outputs[i] = &value->tensor;
            touch(value, at);
        }
    }
    for (uint32_t i = 0; i < node->output_count; i++) {
        local_value *value = find_value(builder, node->outputs[i]);
        if (value != NULL && value->converted) {
            (void)add_step(builder, STEP_TO_BINDING, unit, value);
        }
    }
    return DAVIT_OK;
}

/* Room for the most values and steps that the units can need. */
static davit_status reserve(program_builder *builder)
{
    const davit_program_spec *spec = builder->spec;
    reference_program *program = builder->program;
    size_t values = spec->input_count + spec->output_count;
    size_t steps = values;
    for (size_t i = 0; i < spec->unit_count; i++) {
        const davit_unit *unit = &spec->graph->units[spec->units[i]];
        steps += unit->node_count;
        for (uint32_t j = 0; j < unit->node_count; j++) {
            const davit_node *node = &spec->graph->nodes[unit->nodes[j]];
            values += (size_t)node->input_count + node->output_count;
        }
    }
    program->values = davit_arena_alloc_array(&program->arena, values, sizeof(*program->values));
    program->steps = davit_arena_alloc_array(&program->arena, steps, sizeof(*program->steps));
    program->implementations = davit_arena_alloc_array(&program->arena, spec->unit_count,
                                                       sizeof(*program->implementations));
    builder->local =
        davit_alloc_array(builder->allocator, spec->graph->value_count, sizeof(*builder->local));
    return program->values != NULL && program->steps != NULL && program->implementations != NULL &&
                   builder->local != NULL
               ? DAVIT_OK
               : DAVIT_OUT_OF_MEMORY;
}

static bool needs_scratch(const local_value *value)
{
    return value->first != NO_STEP && (value->binding == NO_BINDING || value->converted);
}

/* Gives values that are not bound their place in one scratch block. */
static davit_status place_scratch(program_builder *builder)
{
    reference_program *program = builder->program;
    davit_memory_request *requests =
        davit_alloc_array(builder->allocator, program->value_count, sizeof(*requests));
    if (requests == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < program->value_count; i++) {
        const local_value *value = &program->values[i];
        if (needs_scratch(value)) {
            requests[i].bytes = davit_tensor_desc_bytes(&value->tensor.desc);
            requests[i].first = value->first;
            requests[i].last = value->last;
        }
    }
    davit_status status = davit_memory_plan(builder->allocator, requests, program->value_count,
                                            DAVIT_ALIGNMENT, &program->scratch_bytes);
    if (status == DAVIT_OK) {
        program->scratch = davit_alloc_uninitialized(builder->allocator, program->scratch_bytes);
        status = program->scratch != NULL ? DAVIT_OK : DAVIT_OUT_OF_MEMORY;
    }
    for (size_t i = 0; status == DAVIT_OK && i < program->value_count; i++) {
        if (needs_scratch(&program->values[i])) {
            program->values[i].tensor.data = (char *)program->scratch + requests[i].offset_bytes;
        }
    }
    davit_free(builder->allocator, requests);
    return status;
}

static davit_status build(program_builder *builder)
{
    const davit_program_spec *spec = builder->spec;
    davit_status status = reserve(builder);
    if (status != DAVIT_OK) {
        return status;
    }
    add_bindings(builder);
    for (size_t i = 0; i < spec->unit_count; i++) {
        const davit_unit *unit = &spec->graph->units[spec->units[i]];
        builder->program->implementations[i] = "plain C";
        for (uint32_t j = 0; j < unit->node_count; j++) {
            add_node_values(builder, &spec->graph->nodes[unit->nodes[j]]);
        }
    }
    for (size_t i = 0; i < spec->unit_count; i++) {
        const davit_unit *unit = &spec->graph->units[spec->units[i]];
        for (uint32_t j = 0; status == DAVIT_OK && j < unit->node_count; j++) {
            status = add_node(builder, i, &spec->graph->nodes[unit->nodes[j]]);
        }
    }
    return status == DAVIT_OK ? place_scratch(builder) : status;
}

static void destroy(const davit_allocator *allocator, reference_program *program)
{
    davit_free(allocator, program->scratch);
    davit_scratch_clear(&program->kernel_scratch);
    davit_arena_clear(&program->arena);
    davit_free(allocator, program);
}

davit_status davit_reference_program_build(davit_device *device, const davit_program_spec *spec,
                                           davit_program **out)
{
    const davit_allocator *allocator = device->options.allocator;
    program_builder builder = {.allocator = allocator, .spec = spec};
    builder.program = davit_alloc(allocator, sizeof(*builder.program));
    davit_status status = DAVIT_OUT_OF_MEMORY;
    if (builder.program != NULL) {
        davit_arena_init(&builder.program->arena, allocator);
        davit_scratch_init(&builder.program->kernel_scratch, allocator);
        status = build(&builder);
    }
    davit_free(allocator, builder.local);
    if (status != DAVIT_OK) {
        if (builder.program != NULL) {
            destroy(allocator, builder.program);
        }
        return davit_fail(device->options.diag, status,
                          "device '%s': no memory for a program of %zu units", device->info.name,
                          spec->unit_count);
    }
    *out = &builder.program->base;
    return DAVIT_OK;
}

void davit_reference_program_free(davit_program *base)
{
    destroy(base->device->options.allocator, (reference_program *)base);
}

void davit_reference_program_info(const davit_program *base, davit_program_info *info)
{
    const reference_program *program = (const reference_program *)base;
    info->scratch_bytes = program->scratch_bytes;
    info->unit_implementations = program->implementations;
}

static davit_status run_step(const reference_program *program, const program_step *step,
                             void *const *pointers)
{
    const davit_program_spec *spec = program->base.spec;
    local_value *value = step->value;
    if (step->kind == STEP_NODE) {
        const davit_kernel_call call = {.graph = spec->graph,
                                        .node = step->node,
                                        .inputs = step->inputs,
                                        .outputs = step->outputs,
                                        .allocator = &program->kernel_scratch.allocator,
                                        .diag = program->base.device->options.diag};
        return davit_kernel_run(step->kernel, &call);
    }
    const davit_tensor_desc *bound = &io_of(spec, value->binding)->desc;
    void *binding = pointers[value->binding];
    return step->kind == STEP_FROM_BINDING
               ? davit_tensor_copy_layout(bound, binding, &value->tensor.desc, value->tensor.data)
               : davit_tensor_copy_layout(&value->tensor.desc, value->tensor.data, bound, binding);
}

davit_status davit_reference_execute(davit_device *device, davit_program *base,
                                     void *const *pointers, uint64_t *unit_ns, uint64_t deadline_ns)
{
    reference_program *program = (reference_program *)base;
    for (size_t i = 0; i < program->value_count; i++) {
        local_value *value = &program->values[i];
        if (value->binding != NO_BINDING && !value->converted) {
            value->tensor.data = pointers[value->binding];
        }
    }
    for (size_t i = 0; unit_ns != NULL && i < base->spec->unit_count; i++) {
        unit_ns[i] = 0;
    }
    for (size_t i = 0; i < program->step_count; i++) {
        const program_step *step = &program->steps[i];
        uint64_t begin_ns = davit_clock_ns();
        if (begin_ns >= deadline_ns) {
            const davit_unit *unit = &base->spec->graph->units[base->spec->units[step->unit]];
            return davit_fail(device->options.diag, DAVIT_DEADLINE_EXCEEDED,
                              "device '%s': the deadline passed before unit '%s' was done",
                              device->info.name, unit->name);
        }
        davit_status status = run_step(program, step, pointers);
        if (status != DAVIT_OK) {
            return status;
        }
        if (unit_ns != NULL) {
            unit_ns[step->unit] += davit_clock_ns() - begin_ns;
        }
    }
    return DAVIT_OK;
}
