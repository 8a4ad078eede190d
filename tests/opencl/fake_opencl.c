/* An OpenCL library with one GPU that computes nothing, for the failures of a driver. FAKE_OPENCL says
 * which: "no_platform", "old" (OpenCL 1.1), "build" (the compiler refuses), "memory" (no buffer above
 * 64 KiB), "hang" (kernels never end), "slow" (they end after 300 ms), "lost" (they fail). */
#define CL_TARGET_OPENCL_VERSION 120
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MEMORY_BYTES ((uint64_t)1 << 30)
#define SLOW_NS 300000000u

/* Every object: counted, so that a leak of the backend is one of ours. */
struct object {
    int references;
    uint64_t ready_ns; /* events: UINT64_MAX never */
    bool failed;
    size_t bytes;
    char *data; /* memory */
};

static struct object platform, device;

static bool is(const char *fault)
{
    const char *text = getenv("FAKE_OPENCL");
    return text != NULL && strcmp(text, fault) == 0;
}

static uint64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void *make(void)
{
    struct object *object = calloc(1, sizeof(*object));
    if (object != NULL) {
        object->references = 1;
    }
    return object;
}

static cl_int release(void *pointer)
{
    struct object *object = pointer;
    if (__atomic_sub_fetch(&object->references, 1, __ATOMIC_ACQ_REL) == 0) {
        free(object->data);
        free(object);
    }
    return CL_SUCCESS;
}

static cl_int answer(const void *data, size_t bytes, size_t room, void *value, size_t *size)
{
    if (size != NULL) {
        *size = bytes;
    }
    if (value != NULL && room < bytes) {
        return CL_INVALID_VALUE;
    }
    if (value != NULL) {
        memcpy(value, data, bytes);
    }
    return CL_SUCCESS;
}

static cl_int answer_text(const char *text, size_t room, void *value, size_t *size)
{
    return answer(text, strlen(text) + 1, room, value, size);
}

cl_int clGetPlatformIDs(cl_uint room, cl_platform_id *ids, cl_uint *count)
{
    if (is("no_platform")) {
        return -1001; /* CL_PLATFORM_NOT_FOUND_KHR */
    }
    if (ids != NULL && room > 0) {
        ids[0] = (cl_platform_id)&platform;
    }
    *count = 1;
    return CL_SUCCESS;
}

cl_int clGetPlatformInfo(cl_platform_id id, cl_platform_info what, size_t room, void *value,
                         size_t *size)
{
    (void)id;
    (void)what;
    return answer_text("Fake", room, value, size);
}

cl_int clGetDeviceIDs(cl_platform_id id, cl_device_type type, cl_uint room, cl_device_id *ids,
                      cl_uint *count)
{
    (void)id;
    (void)type;
    if (room > 0) {
        ids[0] = (cl_device_id)&device;
    }
    *count = 1;
    return CL_SUCCESS;
}

cl_int clGetDeviceInfo(cl_device_id id, cl_device_info what, size_t room, void *value,
                       size_t *size)
{
    cl_ulong number = 1;
    (void)id;
    switch (what) {
    case CL_DEVICE_NAME:
        return answer_text("Fake GPU", room, value, size);
    case CL_DEVICE_VERSION:
        return answer_text(is("old") ? "OpenCL 1.1 Fake" : "OpenCL 1.2 Fake", room, value, size);
    case CL_DRIVER_VERSION:
        return answer_text("1", room, value, size);
    case CL_DEVICE_EXTENSIONS:
        return answer_text("", room, value, size);
    case CL_DEVICE_TYPE:
        number = CL_DEVICE_TYPE_GPU;
        break;
    case CL_DEVICE_GLOBAL_MEM_SIZE:
        number = MEMORY_BYTES;
        break;
    case CL_DEVICE_MAX_MEM_ALLOC_SIZE:
        number = MEMORY_BYTES / 4;
        break;
    case CL_DEVICE_MAX_WORK_GROUP_SIZE:
        number = 1024;
        break;
    default:
        break;
    }
    return answer(&number, room < sizeof(number) ? room : sizeof(number), room, value, size);
}

cl_context clCreateContext(const cl_context_properties *properties, cl_uint count,
                           const cl_device_id *ids,
                           void(CL_CALLBACK *notify)(const char *, const void *, size_t, void *),
                           void *user, cl_int *error)
{
    (void)properties;
    (void)count;
    (void)ids;
    (void)notify;
    (void)user;
    *error = CL_SUCCESS;
    return make();
}

cl_command_queue clCreateCommandQueue(cl_context context, cl_device_id id,
                                      cl_command_queue_properties properties, cl_int *error)
{
    (void)context;
    (void)id;
    (void)properties;
    *error = CL_SUCCESS;
    return make();
}

cl_mem clCreateBuffer(cl_context context, cl_mem_flags flags, size_t bytes, void *host,
                      cl_int *error)
{
    (void)context;
    (void)flags;
    (void)host;
    struct object *object = make();
    *error = CL_SUCCESS;
    if (is("memory") && bytes > 65536) {
        (void)release(object);
        *error = CL_MEM_OBJECT_ALLOCATION_FAILURE;
        return NULL;
    }
    object->bytes = bytes;
    object->data = calloc(1, bytes);
    return (cl_mem)object;
}

cl_program clCreateProgramWithSource(cl_context context, cl_uint count, const char **texts,
                                     const size_t *lengths, cl_int *error)
{
    (void)context;
    (void)count;
    (void)texts;
    (void)lengths;
    *error = CL_SUCCESS;
    return make();
}

cl_program clCreateProgramWithBinary(cl_context context, cl_uint count, const cl_device_id *ids,
                                     const size_t *lengths, const unsigned char **binaries,
                                     cl_int *status, cl_int *error)
{
    (void)context;
    (void)count;
    (void)ids;
    (void)lengths;
    (void)binaries;
    *status = CL_SUCCESS;
    *error = CL_SUCCESS;
    return make();
}

cl_int clBuildProgram(cl_program program, cl_uint count, const cl_device_id *ids,
                      const char *options,
                      void(CL_CALLBACK *notify)(cl_program, void *), void *user)
{
    (void)program;
    (void)count;
    (void)ids;
    (void)options;
    (void)notify;
    (void)user;
    return is("build") ? CL_BUILD_PROGRAM_FAILURE : CL_SUCCESS;
}

cl_int clGetProgramBuildInfo(cl_program program, cl_device_id id, cl_program_build_info what,
                             size_t room, void *value, size_t *size)
{
    (void)program;
    (void)id;
    (void)what;
    return answer_text("warning: fake\nerror: fake complaint\nmore", room, value, size);
}

cl_int clGetProgramInfo(cl_program program, cl_program_info what, size_t room, void *value,
                        size_t *size)
{
    const size_t bytes = 4;
    (void)program;
    if (what == CL_PROGRAM_BINARY_SIZES) {
        return answer(&bytes, sizeof(bytes), room, value, size);
    }
    memcpy(*(unsigned char **)value, "fake", bytes);
    return CL_SUCCESS;
}

cl_kernel clCreateKernel(cl_program program, const char *name, cl_int *error)
{
    (void)program;
    (void)name;
    *error = CL_SUCCESS;
    return make();
}

cl_int clSetKernelArg(cl_kernel kernel, cl_uint index, size_t bytes, const void *value)
{
    (void)kernel;
    (void)index;
    (void)bytes;
    (void)value;
    return CL_SUCCESS;
}

/* When what was enqueued last in any queue ends. */
static uint64_t queue_ready_ns;
static bool queue_failed;

static cl_int enqueue(cl_event *event)
{
    if (event != NULL) {
        struct object *object = make();
        object->ready_ns = __atomic_load_n(&queue_ready_ns, __ATOMIC_ACQUIRE);
        object->failed = __atomic_load_n(&queue_failed, __ATOMIC_ACQUIRE);
        *event = (cl_event)object;
    }
    return CL_SUCCESS;
}

cl_int clEnqueueNDRangeKernel(cl_command_queue queue, cl_kernel kernel, cl_uint dims,
                              const size_t *offset, const size_t *global, const size_t *local,
                              cl_uint wait_count, const cl_event *waits, cl_event *event)
{
    (void)queue;
    (void)kernel;
    (void)dims;
    (void)offset;
    (void)global;
    (void)local;
    (void)wait_count;
    (void)waits;
    if (is("hang")) {
        __atomic_store_n(&queue_ready_ns, UINT64_MAX, __ATOMIC_RELEASE);
    } else if (is("slow") && __atomic_load_n(&queue_ready_ns, __ATOMIC_ACQUIRE) == 0) {
        __atomic_store_n(&queue_ready_ns, now_ns() + SLOW_NS, __ATOMIC_RELEASE);
    }
    __atomic_store_n(&queue_failed, is("lost"), __ATOMIC_RELEASE);
    return enqueue(event);
}

cl_int clEnqueueWriteBuffer(cl_command_queue queue, cl_mem buffer, cl_bool blocking, size_t offset,
                            size_t bytes, const void *from, cl_uint wait_count,
                            const cl_event *waits, cl_event *event)
{
    (void)queue;
    (void)blocking;
    (void)wait_count;
    (void)waits;
    memcpy(((struct object *)buffer)->data + offset, from, bytes);
    return enqueue(event);
}

cl_int clEnqueueReadBuffer(cl_command_queue queue, cl_mem buffer, cl_bool blocking, size_t offset,
                           size_t bytes, void *to, cl_uint wait_count, const cl_event *waits,
                           cl_event *event)
{
    (void)queue;
    (void)blocking;
    (void)wait_count;
    (void)waits;
    memcpy(to, ((struct object *)buffer)->data + offset, bytes);
    return enqueue(event);
}

cl_int clEnqueueCopyBuffer(cl_command_queue queue, cl_mem from, cl_mem to, size_t from_offset,
                           size_t to_offset, size_t bytes, cl_uint wait_count,
                           const cl_event *waits, cl_event *event)
{
    (void)queue;
    (void)wait_count;
    (void)waits;
    memcpy(((struct object *)to)->data + to_offset, ((struct object *)from)->data + from_offset,
           bytes);
    return enqueue(event);
}

cl_int clEnqueueFillBuffer(cl_command_queue queue, cl_mem buffer, const void *pattern,
                           size_t pattern_bytes, size_t offset, size_t bytes, cl_uint wait_count,
                           const cl_event *waits, cl_event *event)
{
    (void)queue;
    (void)pattern_bytes;
    (void)wait_count;
    (void)waits;
    memset(((struct object *)buffer)->data + offset, *(const unsigned char *)pattern, bytes);
    return enqueue(event);
}

void *clEnqueueMapBuffer(cl_command_queue queue, cl_mem buffer, cl_bool blocking,
                         cl_map_flags flags, size_t offset, size_t bytes, cl_uint wait_count,
                         const cl_event *waits, cl_event *event, cl_int *error)
{
    (void)queue;
    (void)blocking;
    (void)flags;
    (void)bytes;
    (void)wait_count;
    (void)waits;
    *error = enqueue(event);
    return ((struct object *)buffer)->data + offset;
}

cl_int clEnqueueUnmapMemObject(cl_command_queue queue, cl_mem buffer, void *pointer,
                               cl_uint wait_count, const cl_event *waits, cl_event *event)
{
    (void)queue;
    (void)buffer;
    (void)pointer;
    (void)wait_count;
    (void)waits;
    return enqueue(event);
}

cl_int clEnqueueMarkerWithWaitList(cl_command_queue queue, cl_uint wait_count,
                                   const cl_event *waits, cl_event *event)
{
    (void)queue;
    (void)wait_count;
    (void)waits;
    return enqueue(event);
}

cl_int clFlush(cl_command_queue queue)
{
    (void)queue;
    return CL_SUCCESS;
}

cl_int clGetEventInfo(cl_event event, cl_event_info what, size_t room, void *value, size_t *size)
{
    const struct object *object = (const struct object *)event;
    cl_int state = object->ready_ns > now_ns() ? CL_RUNNING
                   : object->failed           ? CL_OUT_OF_RESOURCES
                                              : CL_COMPLETE;
    (void)what;
    return answer(&state, sizeof(state), room, value, size);
}

cl_int clGetEventProfilingInfo(cl_event event, cl_profiling_info what, size_t room, void *value,
                               size_t *size)
{
    cl_ulong time = what == CL_PROFILING_COMMAND_END ? 2000 : 1000;
    (void)event;
    return answer(&time, sizeof(time), room, value, size);
}

cl_int clRetainEvent(cl_event event)
{
    (void)__atomic_add_fetch(&((struct object *)event)->references, 1, __ATOMIC_RELAXED);
    return CL_SUCCESS;
}

#define RELEASE(name, type)                                                                        \
    cl_int name(type object)                                                                       \
    {                                                                                              \
        return release(object);                                                                    \
    }

RELEASE(clReleaseCommandQueue, cl_command_queue)
RELEASE(clReleaseContext, cl_context)
RELEASE(clReleaseEvent, cl_event)
RELEASE(clReleaseKernel, cl_kernel)
RELEASE(clReleaseMemObject, cl_mem)
RELEASE(clReleaseProgram, cl_program)
