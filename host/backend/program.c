#include "davit/backend.h"

#include "submission.h"

#include <string.h>

/* What a value is to a program while its spec is checked. */
enum {
    VALUE_GIVEN = 1,  /* an input of the spec */
    VALUE_READ = 2,   /* a unit of the program reads it */
    VALUE_MADE = 4,   /* a unit of the program has made it */
    VALUE_NEEDED = 8, /* a graph output, or read by a unit outside */
    VALUE_TAKEN = 16, /* an output of the spec */
    UNIT_INSIDE = 1   /* of units: part of the program */
};

typedef struct spec_check {
    const davit_device *device;
    const davit_program_spec *spec;
    uint8_t *values; /* [graph->value_count] */
    uint8_t *units;  /* [graph->unit_count] */
} spec_check;

static const char *value_name(const spec_check *check, davit_value_id value)
{
    return check->spec->graph->values[value].name;
}

/* Reports what is wrong with a value as an input or output. */
static davit_status bad_value(const spec_check *check, davit_value_id value, const char *problem)
{
    return davit_fail(check->device->options.diag, DAVIT_INVALID_ARGUMENT,
                      "device '%s': program: value '%s' %s", check->device->info.name,
                      value_name(check, value), problem);
}

static bool same_strides(const davit_tensor_desc *a, const davit_tensor_desc *b)
{
    return memcmp(a->strides, b->strides, (size_t)a->rank * sizeof(a->strides[0])) == 0;
}

/* An input or output has the value's shape and type and one of the two legal layouts. */
static davit_status check_io(const spec_check *check, const davit_program_io *io)
{
    const davit_graph *graph = check->spec->graph;
    if (io->value >= graph->value_count || !graph->values[io->value].inferred) {
        return davit_fail(check->device->options.diag, DAVIT_INVALID_ARGUMENT,
                          "device '%s': program: no inferred value %u", check->device->info.name,
                          io->value);
    }
    const davit_tensor_desc *desc = &graph->values[io->value].desc;
    if (io->desc.dtype != desc->dtype || !davit_tensor_desc_same_shape(&io->desc, desc)) {
        return bad_value(check, io->value, "has another shape or type in the graph");
    }
    davit_tensor_desc channels_last = *desc;
    davit_tensor_desc_channels_last(&channels_last);
    if (!same_strides(&io->desc, desc) && !same_strides(&io->desc, &channels_last)) {
        return bad_value(check, io->value, "is neither dense nor channels-last");
    }
    return DAVIT_OK;
}

static davit_status check_inputs(const spec_check *check)
{
    for (size_t i = 0; i < check->spec->input_count; i++) {
        const davit_program_io *input = &check->spec->inputs[i];
        davit_status status = check_io(check, input);
        if (status != DAVIT_OK) {
            return status;
        }
        if (check->spec->graph->values[input->value].constant != NULL) {
            return bad_value(check, input->value, "is constant, not an input");
        }
        if (check->values[input->value] & VALUE_GIVEN) {
            return bad_value(check, input->value, "is an input twice");
        }
        check->values[input->value] |= VALUE_GIVEN;
    }
    return DAVIT_OK;
}

/* One unit: supported, after what it reads, before what reads it. */
static davit_status check_unit(const spec_check *check, davit_unit_id id)
{
    const davit_device *device = check->device;
    const davit_graph *graph = check->spec->graph;
    if (id >= graph->unit_count || (check->units[id] & UNIT_INSIDE)) {
        return davit_fail(device->options.diag, DAVIT_INVALID_ARGUMENT,
                          "device '%s': program: no unit %u, or twice", device->info.name, id);
    }
    check->units[id] |= UNIT_INSIDE;
    const davit_unit *unit = &graph->units[id];
    char reason[160];
    if (!davit_backend_supports(device->backend, &device->info.profile, graph, unit, reason,
                                sizeof(reason))) {
        return davit_fail(device->options.diag, DAVIT_UNSUPPORTED,
                          "device '%s' cannot run unit '%s': %s", device->info.name, unit->name,
                          reason);
    }
    for (uint32_t i = 0; i < unit->input_count; i++) {
        uint8_t *value = &check->values[unit->inputs[i]];
        if (!(*value & (VALUE_GIVEN | VALUE_MADE))) {
            return bad_value(check, unit->inputs[i],
                             "is read, but neither made before nor an input");
        }
        *value |= VALUE_READ;
    }
    for (uint32_t i = 0; i < unit->output_count; i++) {
        uint8_t *value = &check->values[unit->outputs[i]];
        if (*value & VALUE_GIVEN) {
            return bad_value(check, unit->outputs[i], "is an input and made inside");
        }
        *value |= VALUE_MADE;
    }
    return DAVIT_OK;
}

/* Marks what must leave the program if it is made there. */
static void mark_needed(const spec_check *check)
{
    const davit_graph *graph = check->spec->graph;
    for (size_t i = 0; i < graph->output_count; i++) {
        check->values[graph->outputs[i]] |= VALUE_NEEDED;
    }
    for (size_t i = 0; i < graph->unit_count; i++) {
        const davit_unit *unit = &graph->units[i];
        for (uint32_t j = 0; !(check->units[i] & UNIT_INSIDE) && j < unit->input_count; j++) {
            check->values[unit->inputs[j]] |= VALUE_NEEDED;
        }
    }
}

static davit_status check_outputs(const spec_check *check)
{
    for (size_t i = 0; i < check->spec->output_count; i++) {
        const davit_program_io *output = &check->spec->outputs[i];
        davit_status status = check_io(check, output);
        if (status != DAVIT_OK) {
            return status;
        }
        if (!(check->values[output->value] & VALUE_MADE)) {
            return bad_value(check, output->value, "is an output, but not made inside");
        }
        if (check->values[output->value] & VALUE_TAKEN) {
            return bad_value(check, output->value, "is an output twice");
        }
        check->values[output->value] |= VALUE_TAKEN;
    }
    return DAVIT_OK;
}

/* Inputs are all read, and outputs hold all that is needed. */
static davit_status check_complete(const spec_check *check)
{
    const uint8_t made_and_needed = VALUE_MADE | VALUE_NEEDED;
    for (size_t i = 0; i < check->spec->graph->value_count; i++) {
        uint8_t value = check->values[i];
        if ((value & VALUE_GIVEN) && !(value & VALUE_READ)) {
            return bad_value(check, (davit_value_id)i, "is an input that no unit reads");
        }
        if ((value & made_and_needed) == made_and_needed && !(value & VALUE_TAKEN)) {
            return bad_value(check, (davit_value_id)i, "is needed outside, but not an output");
        }
    }
    return DAVIT_OK;
}

static davit_status check_values(const spec_check *check)
{
    davit_status status = check_inputs(check);
    for (size_t i = 0; status == DAVIT_OK && i < check->spec->unit_count; i++) {
        status = check_unit(check, check->spec->units[i]);
    }
    if (status == DAVIT_OK) {
        mark_needed(check);
        status = check_outputs(check);
    }
    return status != DAVIT_OK ? status : check_complete(check);
}

static davit_status check_spec(const davit_device *device, const davit_program_spec *spec)
{
    const davit_diagnostics *diag = device->options.diag;
    if (spec == NULL || spec->graph == NULL || spec->unit_count == 0 || spec->units == NULL ||
        (spec->input_count > 0 && spec->inputs == NULL) || spec->output_count == 0 ||
        spec->outputs == NULL) {
        return davit_fail(diag, DAVIT_INVALID_ARGUMENT,
                          "device '%s': a program lacks its graph, units, inputs or outputs",
                          device->info.name);
    }
    const davit_allocator *allocator = device->options.allocator;
    spec_check check = {.device = device,
                        .spec = spec,
                        .values = davit_alloc(allocator, spec->graph->value_count),
                        .units = davit_alloc(allocator, spec->graph->unit_count)};
    davit_status status = DAVIT_OUT_OF_MEMORY;
    if (check.values != NULL && check.units != NULL) {
        status = check_values(&check);
    } else {
        (void)davit_fail(diag, status, "device '%s': no memory to check a program",
                         device->info.name);
    }
    davit_free(allocator, check.values);
    davit_free(allocator, check.units);
    return status;
}

/* A copy in one block, arrays included. Sizes fit: the arrays are in memory already. */
static davit_program_spec *copy_spec(const davit_allocator *allocator,
                                     const davit_program_spec *spec)
{
    size_t io_count = spec->input_count + spec->output_count;
    size_t io_bytes = io_count * sizeof(davit_program_io);
    size_t unit_bytes = spec->unit_count * sizeof(davit_unit_id);
    davit_program_spec *copy = davit_alloc(allocator, sizeof(*copy) + io_bytes + unit_bytes);
    if (copy == NULL) {
        return NULL;
    }
    davit_program_io *ios = (davit_program_io *)(copy + 1);
    davit_unit_id *units = (davit_unit_id *)(ios + io_count);
    if (spec->input_count > 0) {
        memcpy(ios, spec->inputs, spec->input_count * sizeof(*ios));
    }
    memcpy(ios + spec->input_count, spec->outputs, spec->output_count * sizeof(*ios));
    memcpy(units, spec->units, unit_bytes);
    *copy = *spec;
    copy->inputs = ios;
    copy->outputs = ios + spec->input_count;
    copy->units = units;
    return copy;
}

davit_status davit_program_build(davit_device *device, const davit_program_spec *spec,
                                 davit_program **out)
{
    if (out == NULL) {
        return DAVIT_INVALID_ARGUMENT;
    }
    *out = NULL;
    if (device == NULL) {
        return DAVIT_INVALID_ARGUMENT;
    }
    davit_status status = check_spec(device, spec);
    if (status != DAVIT_OK) {
        return status;
    }
    davit_program_spec *copy = copy_spec(device->options.allocator, spec);
    if (copy == NULL) {
        return davit_fail(device->options.diag, DAVIT_OUT_OF_MEMORY,
                          "device '%s': no memory for a program", device->info.name);
    }
    davit_program *program = NULL;
    status = device->table->program_build(device, copy, &program);
    if (status != DAVIT_OK) {
        davit_free(device->options.allocator, copy);
        return status;
    }
    copy->kernels = NULL;
    program->device = device;
    program->spec = copy;
    atomic_init(&program->references, 1);
    pthread_mutex_init(&program->turn, NULL);
    *out = program;
    return DAVIT_OK;
}

void davit_program_release(davit_program *program)
{
    if (program == NULL ||
        atomic_fetch_sub_explicit(&program->references, 1, memory_order_acq_rel) > 1) {
        return;
    }
    const davit_device *device = program->device;
    void *spec = (void *)program->spec;
    pthread_mutex_destroy(&program->turn);
    device->table->program_free(program);
    davit_free(device->options.allocator, spec);
}

void davit_program_free(davit_program *program)
{
    davit_program_release(program);
}

void davit_program_get_info(const davit_program *program, davit_program_info *info)
{
    *info = (davit_program_info){0};
    if (program->device->table->program_info != NULL) {
        program->device->table->program_info(program, info);
    }
}
