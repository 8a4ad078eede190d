/* A program on a device: its launches with their kernels, constants and scratch memory. */
#ifndef DAVIT_OPENCL_PROGRAM_H
#define DAVIT_OPENCL_PROGRAM_H

#include "device.h"

typedef struct davit_opencl_buffer {
    davit_buffer base;
    cl_mem memory;
} davit_opencl_buffer;

typedef struct davit_opencl_program {
    davit_program base;
    davit_opencl_device *device;
    davit_gpu_code *code;
    cl_kernel *kernels; /* [code->launch_count]; all arguments set but those bound anew */
    cl_mem constants, scratch;
    int32_t *checks; /* [code->check_count] */
} davit_opencl_program;

/* What a queue has of the driver (stream.c). */
typedef struct davit_opencl_stream {
    davit_opencl_device *device;
    cl_command_queue queue;
    cl_mem staging; /* pinned */
    char *staging_at;
    size_t staging_bytes;
    cl_event *events; /* of the launches of a program */
    size_t event_capacity;
} davit_opencl_stream;

davit_status davit_opencl_buffer_alloc(davit_device *device, size_t bytes, davit_buffer **out);
void davit_opencl_buffer_free(davit_buffer *buffer);

davit_status davit_opencl_program_build(davit_device *device, const davit_program_spec *spec,
                                        davit_program **out);
void davit_opencl_program_free(davit_program *program);
void davit_opencl_program_info(const davit_program *program, davit_program_info *info);

/* Enqueues the launches of a program over bindings. */
DAVIT_NODISCARD davit_status davit_opencl_program_run(davit_opencl_stream *stream,
                                                      const davit_command *command,
                                                      uint64_t deadline_ns);

davit_status davit_opencl_queue_create(davit_device *device, davit_queue **out);

/* Memory on the device; reports. */
DAVIT_NODISCARD davit_status davit_opencl_memory(davit_opencl_device *device, size_t bytes,
                                                 const char *what, cl_mem *out);

#endif
