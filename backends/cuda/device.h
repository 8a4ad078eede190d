/* Devices of the CUDA backend: what every file of it shares. */
#ifndef DAVIT_CUDA_DEVICE_H
#define DAVIT_CUDA_DEVICE_H

#include "davit/backend.h"
#include "davit/gpu_program.h"
#include "davit/host_queue.h"
#include "caller.h"
#include "driver.h"
#include "images.h"

/* Memory of the device, or pinned memory of the host. */
typedef struct davit_cuda_memory {
    cuda_address address; /* of the device's */
    void *host;           /* of the host's */
    size_t bytes;
    struct davit_cuda_memory *next;
} davit_cuda_memory;

/* What a device still does. A hung device is left alone: any call into its driver could wait for
 * ever, so that what it has there stays with it until the process ends. */
typedef enum davit_cuda_health {
    DAVIT_CUDA_WELL,
    DAVIT_CUDA_LOST, /* every call is answered with the same error */
    DAVIT_CUDA_HUNG
} davit_cuda_health;

/* cuBLASLt on a device (blas.h). */
typedef enum davit_cuda_blas_state {
    DAVIT_CUDA_BLAS_UNKNOWN, /* no program has wanted it */
    DAVIT_CUDA_BLAS_READY,
    DAVIT_CUDA_BLAS_NONE
} davit_cuda_blas_state;

typedef struct davit_cuda_device {
    davit_device base;
    const davit_cuda_driver *driver;
    cuda_device_number number;
    cuda_context context;
    size_t module_count;
    cuda_module modules[DAVIT_CUDA_MAX_IMAGES];
    davit_gpu_limits limits;
    davit_cuda_caller *caller; /* calls the driver for all but queues */
    /* What that one was doing when it was given up, NULL: it was not. The driver may still write to it,
     * and to this struct. */
    _Atomic(void *) kept;
    atomic_int health; /* davit_cuda_health */
    atomic_uint busy;  /* submissions that streams are at */
    pthread_mutex_t mutex;
    davit_cuda_memory *idle, *idle_host; /* pools, under mutex */
    atomic_int blas_state; /* davit_cuda_blas_state */
    pthread_mutex_t blas_mutex;
    struct blas_handle_object *blas; /* NULL unless ready */
} davit_cuda_device;

_Static_assert(offsetof(davit_cuda_device, base) == 0, "the head of a device comes first");

typedef struct davit_cuda_buffer {
    davit_buffer base;
    davit_cuda_memory *memory;
} davit_cuda_buffer;

_Static_assert(offsetof(davit_cuda_buffer, base) == 0, "the head of a buffer comes first");

/* Numbers of the device as enumerate gives them. */
void davit_cuda_describe(const davit_cuda_driver *driver, int ordinal, davit_device_info *info);
davit_status davit_cuda_open(davit_backend *backend, const davit_device_info *info,
                             const davit_device_options *options, davit_device **out);

/* Makes the device's context current on the calling thread, until leave. DAVIT_DEVICE_LOST,
 * reported. */
DAVIT_NODISCARD davit_status davit_cuda_enter(davit_cuda_device *device);
void davit_cuda_leave(const davit_cuda_device *device);

/* Reports what a call of the driver answered ("device 'cuda:0': cuMemAlloc: ...") and returns its
 * status; remembers the loss of a device. */
davit_status davit_cuda_fail(davit_cuda_device *device, cuda_result result, const char *what);
davit_status davit_cuda_fail_lost(const davit_cuda_device *device);
davit_status davit_cuda_no_memory(const davit_cuda_device *device, const char *what);

/* How long a call of the driver may take, but for those of submissions, which have deadlines. */
uint64_t davit_cuda_patience_ns(const davit_cuda_device *device);

/* Does work(argument) on the device's own thread, with the context of the driver's current unless the
 * device is lost, and waits: DAVIT_DEVICE_LOST, reported, when the driver keeps the thread (argument's
 * objects must then stay). Not from that thread. */
davit_status davit_cuda_device_call(davit_cuda_device *device,
                                    davit_status (*work)(void *argument), void *argument);

/* A kernel by name; the context is current. */
DAVIT_NODISCARD davit_status davit_cuda_find_kernel(davit_cuda_device *device, const char *name,
                                                    cuda_function *out);

/* ---- memory.c ---- */

/* Takes memory from the pool or the driver: the context is current. Reports. */
DAVIT_NODISCARD davit_status davit_cuda_memory_take(davit_cuda_device *device, size_t bytes,
                                                    davit_cuda_memory **out);
DAVIT_NODISCARD davit_status davit_cuda_pinned_take(davit_cuda_device *device, size_t bytes,
                                                    davit_cuda_memory **out);
/* Gives it back to the pool; NULL is legal. Any thread; no context needed. Nothing may be using it.
 */
void davit_cuda_memory_give(davit_cuda_device *device, davit_cuda_memory *memory);
/* Frees what is in the pools; the context is current unless the device is hung. */
void davit_cuda_memory_clear(davit_cuda_device *device);

/* Table entries. */
davit_status davit_cuda_buffer_alloc(davit_device *device, size_t bytes, davit_buffer **out);
void davit_cuda_buffer_free(davit_buffer *buffer);

/* ---- program.c, queue.c ---- */

/* Writes the bytes, a few, to the device, lets work put something into a stream behind them, waits and
 * reads them back. The context is current. */
DAVIT_NODISCARD davit_status davit_cuda_exchange(davit_cuda_device *device, cuda_address at,
                                                 void *bytes, size_t count,
                                                 davit_status (*work)(void *user,
                                                                      cuda_stream stream),
                                                 void *user);

davit_status davit_cuda_program_build(davit_device *device, const davit_program_spec *spec,
                                      davit_program **out);
void davit_cuda_program_free(davit_program *program);
void davit_cuda_program_info(const davit_program *program, davit_program_info *info);
davit_status davit_cuda_queue_create(davit_device *device, davit_queue **out);

#endif
