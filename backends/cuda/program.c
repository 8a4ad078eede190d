#include "program.h"

#include <string.h>

#include "stream.h"
#include "tuning.h"

#define LAUNCHES_IN_FLIGHT 512 /* drivers block at about a thousand */

/* ---- building ---- */

static size_t count_segments(const davit_gpu_code *code)
{
    size_t count = 0;
    for (size_t i = 0; i < code->launch_count; i++) {
        count += i == 0 || code->launches[i].position != code->launches[i - 1].position;
    }
    return count;
}

static void fill_segments(davit_cuda_program *program)
{
    const davit_gpu_code *code = program->code;
    size_t count = 0;
    for (size_t i = 0; i < code->launch_count; i++) {
        if (i == 0 || code->launches[i].position != code->launches[i - 1].position) {
            program->segments[count++] =
                (davit_cuda_segment){.first = i, .unit = code->launches[i].position};
        }
        program->segments[count - 1].end = i + 1;
    }
}

static davit_status allocate_arrays(davit_cuda_program *program, const davit_program_spec *spec)
{
    const davit_cuda_device *device = davit_cuda_device_of(program);
    const davit_allocator *allocator = device->base.options.allocator;
    size_t count = program->code->launch_count;
    program->segment_count = count_segments(program->code);
    program->functions = davit_alloc_array(allocator, count, sizeof(cuda_function));
    program->products = davit_alloc_array(allocator, count, sizeof(davit_cuda_product *));
    program->addresses =
        davit_alloc_array(allocator, count * DAVIT_GPU_MAX_OPERANDS, sizeof(cuda_address));
    program->arguments =
        davit_alloc_array(allocator, count * (1 + DAVIT_GPU_MAX_OPERANDS), sizeof(void *));
    program->segments =
        davit_alloc_array(allocator, program->segment_count, sizeof(*program->segments));
    program->events = davit_alloc_array(allocator, program->segment_count + 1, sizeof(cuda_event));
    program->bound =
        davit_alloc_array(allocator, spec->input_count + spec->output_count, sizeof(cuda_address));
    bool complete = program->functions != NULL && program->products != NULL && program->addresses != NULL &&
                    program->arguments != NULL && program->segments != NULL &&
                    program->events != NULL && program->bound != NULL;
    return complete ? DAVIT_OK : davit_cuda_no_memory(device, "a program");
}

/* The kernel of a launch, or the library's product; *workspace_bytes grows to what that needs. */
static davit_status find_function(davit_cuda_program *program, size_t index,
                                  size_t *workspace_bytes)
{
    davit_cuda_device *device = davit_cuda_device_of(program);
    const davit_gpu_launch *launch = &program->code->launches[index];
    davit_gpu_library_params params;
    size_t bytes = 0;
    if (!launch->library) {
        return davit_cuda_find_kernel(device, launch->kernel, &program->functions[index]);
    }
    memcpy(&params, launch->params, sizeof(params));
    davit_status status =
        davit_cuda_product_create(device, &params, &program->products[index], &bytes);
    program->has_products = true;
    *workspace_bytes = bytes > *workspace_bytes ? bytes : *workspace_bytes;
    return status;
}

static davit_status find_functions(davit_cuda_program *program)
{
    const davit_gpu_code *code = program->code;
    size_t workspace_bytes = 0;
    for (size_t i = 0; i < code->launch_count; i++) {
        davit_status status = find_function(program, i, &workspace_bytes);
        if (status != DAVIT_OK) {
            return status;
        }
        void **arguments = program->arguments + i * (1 + DAVIT_GPU_MAX_OPERANDS);
        arguments[0] = code->launches[i].params;
        for (uint32_t j = 0; j < code->launches[i].operand_count; j++) {
            arguments[1 + j] = &program->addresses[i * DAVIT_GPU_MAX_OPERANDS + j];
        }
    }
    return workspace_bytes > 0 ? davit_cuda_memory_take(davit_cuda_device_of(program),
                                                        workspace_bytes, &program->workspace)
                               : DAVIT_OK;
}

static davit_status upload(davit_cuda_program *program)
{
    davit_cuda_device *device = davit_cuda_device_of(program);
    const davit_gpu_code *code = program->code;
    davit_status status = davit_cuda_memory_take(device, code->constant_bytes, &program->constants);
    return status == DAVIT_OK ? davit_cuda_upload(device, program->constants->address,
                                                  code->constants, code->constant_bytes)
                              : status;
}

/* What a program needs of the driver, on the device's thread. */
static davit_status prepare(void *argument)
{
    davit_cuda_program *program = argument;
    davit_cuda_device *device = davit_cuda_device_of(program);
    davit_status status = davit_cuda_enter(device);
    if (status != DAVIT_OK) {
        return status;
    }
    status = find_functions(program);
    if (status == DAVIT_OK && program->code->scratch_bytes > 0) {
        status = davit_cuda_memory_take(device, program->code->scratch_bytes, &program->scratch);
    }
    if (status == DAVIT_OK && program->code->constant_bytes > 0) {
        status = upload(program);
    }
    if (status == DAVIT_OK && program->code->check_count > 0) {
        status = davit_cuda_pinned_take(device, program->code->check_count * sizeof(int32_t),
                                        &program->checks);
    }
    davit_cuda_leave(device);
    return status;
}

static davit_status make_ready(davit_cuda_program *program, const davit_program_spec *spec)
{
    davit_status status = allocate_arrays(program, spec);
    if (status == DAVIT_OK) {
        fill_segments(program);
        status = davit_cuda_device_call(davit_cuda_device_of(program), prepare, program);
    }
    return status;
}

/* With the library or without it. DAVIT_UNAVAILABLE, not reported, where the library cannot do its part. */
static davit_status build(davit_cuda_device *device, const davit_program_spec *spec, bool library,
                          davit_program **out)
{
    const davit_device *base = &device->base;
    davit_gpu_limits limits = device->limits;
    limits.features |= library ? (uint32_t)DAVIT_GPU_LIBRARY : 0;
    davit_cuda_program *program = davit_alloc(base->options.allocator, sizeof(*program));
    if (program == NULL) {
        return davit_cuda_no_memory(device, "a program");
    }
    program->base.device = &device->base;
    davit_status status = davit_gpu_compile(base->options.allocator, base->options.diag, &limits,
                                            &davit_cuda_tuning, spec, &program->code);
    if (status == DAVIT_OK) {
        status = make_ready(program, spec);
    }
    if (status != DAVIT_OK) {
        davit_cuda_program_free(&program->base);
        return status;
    }
    *out = &program->base;
    return DAVIT_OK;
}

davit_status davit_cuda_program_build(davit_device *base, const davit_program_spec *spec,
                                      davit_program **out)
{
    davit_cuda_device *device = (davit_cuda_device *)base;
    bool library = davit_cuda_blas_wanted(device);
    davit_status status = build(device, spec, library, out);
    return library && status == DAVIT_UNAVAILABLE ? build(device, spec, false, out) : status;
}

static void free_products(davit_cuda_program *program)
{
    for (size_t i = 0; program->products != NULL && i < program->code->launch_count; i++) {
        davit_cuda_product_free(davit_cuda_device_of(program), program->products[i]);
    }
}

static void destroy_events(davit_cuda_program *program)
{
    const davit_cuda_driver *driver = davit_cuda_device_of(program)->driver;
    for (size_t i = 0; program->events != NULL && i <= program->segment_count; i++) {
        if (program->events[i] != NULL) {
            (void)driver->event_destroy(program->events[i]);
        }
    }
}

static davit_status let_go(void *argument)
{
    davit_cuda_program *program = argument;
    davit_cuda_device *device = davit_cuda_device_of(program);
    if (device->driver->context_push(device->context) == CUDA_RESULT_SUCCESS) {
        davit_cuda_program_forget(program);
        destroy_events(program);
        davit_cuda_leave(device);
    }
    return DAVIT_OK;
}

void davit_cuda_program_free(davit_program *base)
{
    davit_cuda_program *program = (davit_cuda_program *)base;
    davit_cuda_device *device = davit_cuda_device_of(program);
    const davit_allocator *allocator = device->base.options.allocator;
    if (atomic_load(&device->health) != DAVIT_CUDA_HUNG) {
        (void)davit_cuda_device_call(device, let_go, program);
    }
    if (atomic_load(&device->kept) == program) {
        return; /* the driver may be at it */
    }
    free_products(program);
    davit_cuda_memory_give(device, program->constants);
    davit_cuda_memory_give(device, program->scratch);
    davit_cuda_memory_give(device, program->checks);
    davit_cuda_memory_give(device, program->workspace);
    davit_gpu_code_free(allocator, program->code);
    davit_free(allocator, program->functions);
    davit_free(allocator, program->products);
    davit_free(allocator, program->addresses);
    davit_free(allocator, program->arguments);
    davit_free(allocator, program->segments);
    davit_free(allocator, program->events);
    davit_free(allocator, program->bound);
    davit_free(allocator, program);
}

void davit_cuda_program_info(const davit_program *base, davit_program_info *info)
{
    const davit_cuda_program *program = (const davit_cuda_program *)base;
    *info = (davit_program_info){.scratch_bytes = program->code->scratch_bytes,
                                 .constant_bytes = program->code->constant_bytes,
                                 .unit_implementations = program->code->unit_implementations};
}

/* ---- running ---- */

/* Takes over what is bound; says whether it is what was bound before. */
static bool bind(davit_cuda_program *program, const davit_buffer_ref *bindings)
{
    const davit_program_spec *spec = program->base.spec;
    bool same = program->bound_known;
    for (size_t i = 0; i < spec->input_count + spec->output_count; i++) {
        const davit_cuda_buffer *buffer = (const davit_cuda_buffer *)bindings[i].buffer;
        cuda_address address = buffer->memory->address + bindings[i].offset_bytes;
        same = same && program->bound[i] == address;
        program->bound[i] = address;
    }
    program->bound_known = true;
    return same;
}

static cuda_address resolve(const davit_cuda_program *program, const davit_gpu_operand *operand)
{
    const davit_program_spec *spec = program->base.spec;
    switch (operand->space) {
    case DAVIT_GPU_INPUT:
        return program->bound[operand->index] + operand->offset_bytes;
    case DAVIT_GPU_OUTPUT:
        return program->bound[spec->input_count + operand->index] + operand->offset_bytes;
    case DAVIT_GPU_CONSTANT:
        return program->constants->address + operand->offset_bytes;
    case DAVIT_GPU_SCRATCH:
        return program->scratch->address + operand->offset_bytes;
    case DAVIT_GPU_ABSENT:
        break;
    }
    return 0;
}

static void resolve_operands(davit_cuda_program *program)
{
    const davit_gpu_code *code = program->code;
    for (size_t i = 0; i < code->launch_count; i++) {
        for (uint32_t j = 0; j < code->launches[i].operand_count; j++) {
            program->addresses[i * DAVIT_GPU_MAX_OPERANDS + j] =
                resolve(program, &code->launches[i].operands[j]);
        }
    }
}

static davit_status create_events(davit_cuda_program *program)
{
    davit_cuda_device *device = davit_cuda_device_of(program);
    for (size_t i = 0; i <= program->segment_count; i++) {
        if (program->events[i] == NULL) {
            cuda_result result =
                device->driver->event_create(&program->events[i], CUDA_EVENT_DEFAULT);
            if (result != CUDA_RESULT_SUCCESS) {
                program->events[i] = NULL;
                return davit_cuda_fail(device, result, "an event");
            }
        }
    }
    return DAVIT_OK;
}

static davit_status record(davit_cuda_program *program, size_t event, cuda_stream stream)
{
    davit_cuda_device *device = davit_cuda_device_of(program);
    cuda_result result = device->driver->event_record(program->events[event], stream);
    return result == CUDA_RESULT_SUCCESS ? DAVIT_OK : davit_cuda_fail(device, result, "an event");
}

static davit_status launch(davit_cuda_program *program, size_t index, cuda_stream stream)
{
    davit_cuda_device *device = davit_cuda_device_of(program);
    const davit_gpu_launch *of = &program->code->launches[index];
    if (of->library) {
        return davit_cuda_product_enqueue(
            device, program->products[index], program->addresses + index * DAVIT_GPU_MAX_OPERANDS,
            program->workspace != NULL ? program->workspace->address : 0, stream);
    }
    cuda_result result = device->driver->launch(
        program->functions[index], of->groups[0], of->groups[1], of->groups[2],
        of->group_threads[0], of->group_threads[1], of->group_threads[2], 0, stream,
        program->arguments + index * (1 + DAVIT_GPU_MAX_OPERANDS), NULL);
    return result == CUDA_RESULT_SUCCESS ? DAVIT_OK : davit_cuda_fail(device, result, of->kernel);
}

static davit_status enqueue_launches(davit_cuda_program *program, cuda_stream stream, bool timed,
                                     davit_status (*wait)(void *user), void *user)
{
    davit_status status = timed ? record(program, 0, stream) : DAVIT_OK;
    for (size_t s = 0; status == DAVIT_OK && s < program->segment_count; s++) {
        const davit_cuda_segment *segment = &program->segments[s];
        for (size_t i = segment->first; status == DAVIT_OK && i < segment->end; i++) {
            status = i > 0 && i % LAUNCHES_IN_FLIGHT == 0 ? wait(user) : DAVIT_OK;
            if (status == DAVIT_OK) {
                status = launch(program, i, stream);
            }
        }
        if (status == DAVIT_OK && timed) {
            status = record(program, s + 1, stream);
        }
    }
    return status;
}

/* Brings the words that tell what is wrong to the host. */
static davit_status fetch_checks(davit_cuda_program *program, cuda_stream stream)
{
    davit_cuda_device *device = davit_cuda_device_of(program);
    const davit_gpu_code *code = program->code;
    if (code->check_count == 0) {
        return DAVIT_OK;
    }
    cuda_result result = device->driver->copy_to_host(
        program->checks->host, program->scratch->address + code->check_offset,
        code->check_count * sizeof(int32_t), stream);
    return result == CUDA_RESULT_SUCCESS ? DAVIT_OK
                                         : davit_cuda_fail(device, result, "a copy from it");
}

davit_status davit_cuda_program_enqueue(davit_cuda_program *program,
                                        const davit_buffer_ref *bindings, cuda_stream stream,
                                        bool timed, davit_status (*wait)(void *user), void *user)
{
    davit_status status = timed ? create_events(program) : DAVIT_OK;
    bool again = bind(program, bindings) && program->timed == timed;
    bool as_graph = false;
    program->timed = timed;
    if (status == DAVIT_OK && again) {
        status = program->has_products ? DAVIT_OK
                                       : davit_cuda_program_repeat(program, stream, &as_graph);
    } else {
        davit_cuda_program_forget(program);
        resolve_operands(program);
    }
    if (status == DAVIT_OK && !as_graph) {
        status = enqueue_launches(program, stream, timed, wait, user);
    }
    return status == DAVIT_OK ? fetch_checks(program, stream) : status;
}

davit_status davit_cuda_program_check(const davit_cuda_program *program)
{
    return program->checks == NULL
               ? DAVIT_OK
               : davit_gpu_check(program->code, program->base.spec, program->checks->host,
                                 program->base.device->options.diag);
}

davit_status davit_cuda_program_times(davit_cuda_program *program, uint64_t *unit_ns)
{
    davit_cuda_device *device = davit_cuda_device_of(program);
    memset(unit_ns, 0, program->base.spec->unit_count * sizeof(*unit_ns));
    for (size_t s = 0; s < program->segment_count; s++) {
        float milliseconds = 0;
        cuda_result result = device->driver->event_elapsed(&milliseconds, program->events[s],
                                                           program->events[s + 1]);
        if (result != CUDA_RESULT_SUCCESS) {
            return davit_cuda_fail(device, result, "the time of a unit");
        }
        unit_ns[program->segments[s].unit] += (uint64_t)((double)milliseconds * 1e6);
    }
    return DAVIT_OK;
}
