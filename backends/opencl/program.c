#include "program.h"

#include <stdio.h>
#include <string.h>

/* Launches between two looks at the deadline; as many again may be waiting behind them. */
#define BATCH 32

/* ---- memory ---- */

davit_status davit_opencl_memory(davit_opencl_device *device, size_t bytes, const char *what,
                                 cl_mem *out)
{
    cl_int error = CL_INVALID_BUFFER_SIZE;
    cl_mem memory = bytes <= device->max_buffer_bytes
                        ? device->api->clCreateBuffer(device->context, CL_MEM_READ_WRITE, bytes,
                                                      NULL, &error)
                        : NULL;
    if (memory == NULL) {
        char text[32];
        return davit_fail(device->base.options.diag, DAVIT_OUT_OF_MEMORY,
                          "device '%s': no memory for %s of %zu bytes (it allows %zu): %s",
                          device->base.info.name, what, bytes, device->max_buffer_bytes,
                          davit_cl_error(error, text, sizeof(text)));
    }
    *out = memory;
    return DAVIT_OK;
}

davit_status davit_opencl_buffer_alloc(davit_device *base, size_t bytes, davit_buffer **out)
{
    davit_opencl_device *device = (davit_opencl_device *)base;
    davit_opencl_buffer *buffer = davit_alloc(base->options.allocator, sizeof(*buffer));
    if (buffer == NULL) {
        return davit_fail(base->options.diag, DAVIT_OUT_OF_MEMORY, "device '%s': no memory",
                          base->info.name);
    }
    davit_status status = davit_opencl_memory(device, bytes, "a buffer", &buffer->memory);
    if (status != DAVIT_OK) {
        davit_free(base->options.allocator, buffer);
        return status;
    }
    *out = &buffer->base;
    return DAVIT_OK;
}

void davit_opencl_buffer_free(davit_buffer *base)
{
    davit_opencl_buffer *buffer = (davit_opencl_buffer *)base;
    davit_opencl_device *device = (davit_opencl_device *)base->device;
    (void)device->api->clReleaseMemObject(buffer->memory);
    davit_free(base->device->options.allocator, buffer);
}

/* ---- building ---- */

/* The arguments of operand i: a buffer and where in it. */
static cl_int set_operand(const davit_opencl_program *program, size_t launch, uint32_t i,
                          const cl_mem *memory, size_t offset_bytes)
{
    const davit_cl_api *api = program->device->api;
    cl_ulong offset = offset_bytes;
    cl_int error =
        api->clSetKernelArg(program->kernels[launch], 1 + 2 * i, sizeof(*memory), memory);
    return error != CL_SUCCESS ? error
                               : api->clSetKernelArg(program->kernels[launch], 2 + 2 * i,
                                                     sizeof(offset), &offset);
}

static davit_status make_kernel(davit_opencl_program *program, size_t index)
{
    const davit_gpu_launch *launch = &program->code->launches[index];
    davit_opencl_device *device = program->device;
    davit_status status =
        davit_opencl_library_kernel(device, launch->kernel, &program->kernels[index]);
    if (status != DAVIT_OK) {
        return status;
    }
    cl_int error = device->api->clSetKernelArg(program->kernels[index], 0, launch->param_words * 4,
                                               launch->params);
    for (uint32_t i = 0; i < launch->operand_count && error == CL_SUCCESS; i++) {
        const davit_gpu_operand *operand = &launch->operands[i];
        switch (operand->space) {
        case DAVIT_GPU_CONSTANT:
            error = set_operand(program, index, i, &program->constants, operand->offset_bytes);
            break;
        case DAVIT_GPU_SCRATCH:
            error = set_operand(program, index, i, &program->scratch, operand->offset_bytes);
            break;
        default: /* absent, or bound for each run */
            error = set_operand(program, index, i, NULL, 0);
            break;
        }
    }
    if (error != CL_SUCCESS) {
        char text[32];
        return davit_fail(device->base.options.diag, DAVIT_INTERNAL,
                          "device '%s': the arguments of '%s': %s", device->base.info.name,
                          launch->kernel, davit_cl_error(error, text, sizeof(text)));
    }
    return DAVIT_OK;
}

static davit_status upload(davit_opencl_program *program)
{
    davit_opencl_device *device = program->device;
    const davit_gpu_code *code = program->code;
    davit_status status = DAVIT_OK;
    if (code->scratch_bytes > 0) {
        status =
            davit_opencl_memory(device, code->scratch_bytes, "activations", &program->scratch);
    }
    if (status == DAVIT_OK && code->constant_bytes > 0) {
        status = davit_opencl_memory(device, code->constant_bytes, "weights", &program->constants);
    }
    if (status == DAVIT_OK && code->constant_bytes > 0) {
        pthread_mutex_lock(&device->mutex);
        cl_int error = device->api->clEnqueueWriteBuffer(device->uploads, program->constants,
                                                         CL_TRUE, 0, code->constant_bytes,
                                                         code->constants, 0, NULL, NULL);
        pthread_mutex_unlock(&device->mutex);
        if (error != CL_SUCCESS) {
            status = davit_opencl_fail(device, error, "weights");
        }
    }
    return status;
}

static davit_status fill(davit_opencl_program *program, const davit_program_spec *spec)
{
    davit_opencl_device *device = program->device;
    const davit_device_options *options = &device->base.options;
    davit_status status = davit_opencl_alive(device, DAVIT_DEADLINE_NEVER);
    if (status == DAVIT_OK) {
        status = davit_gpu_compile(options->allocator, options->diag, &device->limits,
                                   &device->tuning, spec, &program->code);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    size_t count = program->code->launch_count;
    for (size_t i = 0; i < count; i++) {
        size_t module = davit_opencl_module_of(program->code->launches[i].kernel);
        if (module < davit_opencl_module_count) {
            davit_opencl_library_begin(device, module);
        }
    }
    status = upload(program); /* while kernels are compiled */
    program->kernels = davit_alloc_array(options->allocator, count, sizeof(*program->kernels));
    program->checks = davit_alloc_array(options->allocator, program->code->check_count,
                                        sizeof(*program->checks));
    if (status == DAVIT_OK && (program->kernels == NULL || program->checks == NULL)) {
        status = davit_fail(options->diag, DAVIT_OUT_OF_MEMORY, "device '%s': no memory",
                            device->base.info.name);
    }
    for (size_t i = 0; i < count && status == DAVIT_OK; i++) {
        status = make_kernel(program, i);
    }
    return status;
}

static void destroy(davit_opencl_program *program)
{
    const davit_allocator *allocator = program->device->base.options.allocator;
    const davit_cl_api *api = program->device->api;
    for (size_t i = 0; program->kernels != NULL && i < program->code->launch_count; i++) {
        if (program->kernels[i] != NULL) {
            (void)api->clReleaseKernel(program->kernels[i]);
        }
    }
    if (program->constants != NULL) {
        (void)api->clReleaseMemObject(program->constants);
    }
    if (program->scratch != NULL) {
        (void)api->clReleaseMemObject(program->scratch);
    }
    davit_free(allocator, program->kernels);
    davit_free(allocator, program->checks);
    davit_gpu_code_free(allocator, program->code);
    davit_free(allocator, program);
}

davit_status davit_opencl_program_build(davit_device *base, const davit_program_spec *spec,
                                        davit_program **out)
{
    davit_opencl_program *program = davit_alloc(base->options.allocator, sizeof(*program));
    if (program == NULL) {
        return davit_fail(base->options.diag, DAVIT_OUT_OF_MEMORY, "device '%s': no memory",
                          base->info.name);
    }
    program->device = (davit_opencl_device *)base;
    davit_status status = fill(program, spec);
    if (status != DAVIT_OK) {
        destroy(program);
        return status;
    }
    *out = &program->base;
    return DAVIT_OK;
}

void davit_opencl_program_free(davit_program *base)
{
    destroy((davit_opencl_program *)base);
}

void davit_opencl_program_info(const davit_program *base, davit_program_info *info)
{
    const davit_gpu_code *code = ((const davit_opencl_program *)base)->code;
    info->scratch_bytes = code->scratch_bytes;
    info->constant_bytes = code->constant_bytes;
    info->unit_implementations = code->unit_implementations;
}

/* ---- running ---- */

/* Arguments that are the run's: inputs and outputs. */
static cl_int bind(davit_opencl_program *program, const davit_command *command)
{
    const davit_gpu_code *code = program->code;
    cl_int error = CL_SUCCESS;
    for (size_t i = 0; i < code->launch_count; i++) {
        const davit_gpu_launch *launch = &code->launches[i];
        for (uint32_t j = 0; j < launch->operand_count && error == CL_SUCCESS; j++) {
            const davit_gpu_operand *operand = &launch->operands[j];
            if (operand->space != DAVIT_GPU_INPUT && operand->space != DAVIT_GPU_OUTPUT) {
                continue;
            }
            size_t at = operand->index + (operand->space == DAVIT_GPU_OUTPUT
                                              ? program->base.spec->input_count
                                              : 0);
            const davit_buffer_ref *ref = &command->bindings[at];
            error = set_operand(program, i, j, &((davit_opencl_buffer *)ref->buffer)->memory,
                                ref->offset_bytes + operand->offset_bytes);
        }
    }
    return error;
}

static cl_int enqueue(const davit_opencl_stream *stream, const davit_opencl_program *program,
                      size_t index, cl_event *event)
{
    const davit_gpu_launch *launch = &program->code->launches[index];
    size_t global[3], local[3];
    for (int i = 0; i < 3; i++) {
        local[i] = launch->group_threads[i];
        global[i] = launch->groups[i] * local[i];
    }
    return stream->device->api->clEnqueueNDRangeKernel(stream->queue, program->kernels[index], 3,
                                                       NULL, global, local, 0, NULL, event);
}

/* Nanoseconds between begin and end of an event. */
static uint64_t time_of(const davit_cl_api *api, cl_event event)
{
    cl_ulong begin = 0, end = 0;
    (void)api->clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_START, sizeof(begin), &begin,
                                       NULL);
    (void)api->clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_END, sizeof(end), &end, NULL);
    return end > begin ? end - begin : 0;
}

/* Waits for launch `last` of the batch before, if there is one. */
static davit_status wait_batch(davit_opencl_stream *stream, cl_event *mark, uint64_t deadline_ns)
{
    if (*mark == NULL) {
        return DAVIT_OK;
    }
    cl_event event = *mark;
    *mark = NULL;
    return davit_opencl_wait(stream->device, event, deadline_ns);
}

static davit_status run_launches(davit_opencl_stream *stream, davit_opencl_program *program,
                                 bool timed, uint64_t deadline_ns)
{
    const davit_cl_api *api = stream->device->api;
    size_t count = program->code->launch_count;
    cl_event before = NULL; /* the end of the batch before this one */
    davit_status status = DAVIT_OK;
    for (size_t i = 0; i < count && status == DAVIT_OK; i++) {
        bool ends = (i + 1) % BATCH == 0 || i + 1 == count;
        cl_event event = NULL;
        cl_int error = enqueue(stream, program, i, ends || timed ? &event : NULL);
        if (error != CL_SUCCESS) {
            status = davit_opencl_fail(stream->device, error, program->code->launches[i].kernel);
            break;
        }
        if (timed) {
            stream->events[i] = event;
        }
        if (ends) {
            (void)api->clFlush(stream->queue);
            status = wait_batch(stream, &before, deadline_ns);
            if (timed) {
                (void)api->clRetainEvent(event);
            }
            before = event;
        }
    }
    davit_status last = wait_batch(stream, &before, deadline_ns);
    return status != DAVIT_OK ? status : last;
}

/* Looks at what kernels found wrong with data, after the last launch is over. */
static davit_status check(davit_opencl_stream *stream, davit_opencl_program *program)
{
    cl_int error = stream->device->api->clEnqueueReadBuffer(
        stream->queue, program->scratch, CL_TRUE, program->code->check_offset,
        program->code->check_count * sizeof(*program->checks), program->checks, 0, NULL, NULL);
    return error == CL_SUCCESS ? davit_gpu_check(program->code, program->base.spec,
                                                 program->checks, stream->device->base.options.diag)
                               : davit_opencl_fail(stream->device, error, "checks");
}

davit_status davit_opencl_program_run(davit_opencl_stream *stream, const davit_command *command,
                                      uint64_t deadline_ns)
{
    davit_opencl_program *program = (davit_opencl_program *)command->program;
    const davit_gpu_code *code = program->code;
    const davit_device_options *options = &stream->device->base.options;
    bool timed = command->unit_ns != NULL;
    if (timed && davit_array_grow(options->allocator, (void **)&stream->events,
                                  &stream->event_capacity, 0, code->launch_count,
                                  sizeof(*stream->events)) != DAVIT_OK) {
        return davit_fail(options->diag, DAVIT_OUT_OF_MEMORY, "device '%s': no memory",
                          stream->device->base.info.name);
    }
    for (size_t i = 0; i < code->launch_count && timed; i++) {
        stream->events[i] = NULL;
    }
    pthread_mutex_lock(&program->base.turn);
    cl_int error = bind(program, command);
    davit_status status = error == CL_SUCCESS
                              ? run_launches(stream, program, timed, deadline_ns)
                              : davit_opencl_fail(stream->device, error, "bindings");
    if (status == DAVIT_OK && code->check_count > 0) {
        status = check(stream, program);
    }
    pthread_mutex_unlock(&program->base.turn);
    if (timed) {
        memset(command->unit_ns, 0, program->base.spec->unit_count * sizeof(*command->unit_ns));
    }
    for (size_t i = 0; i < code->launch_count && timed; i++) {
        if (stream->events[i] != NULL) {
            if (status == DAVIT_OK) {
                command->unit_ns[code->launches[i].position] +=
                    time_of(stream->device->api, stream->events[i]);
            }
            (void)stream->device->api->clReleaseEvent(stream->events[i]);
        }
    }
    return status;
}
