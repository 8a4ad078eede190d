/* The emulated CUDA driver, inside: libdavit-cudaemu.so exports NVIDIA's entry points (those of
 * ../driver_symbols.h) and runs kernels on the host. What it answers is what the "CUDA Driver API"
 * manual says; it looks harder at arguments than a real driver does.
 *
 * Environment, read by cuInit: DAVIT_CUDAEMU_DEVICES (1; 0 to 16) and DAVIT_CUDAEMU_OPTIONS.
 * Options, NAME=N,..., of all devices there, of one by davit_cudaemu_configure:
 *   memory_mib    of each device (4096)
 *   capability    61, 75, 80, 86, 89, 90: what the device says it is (80)
 *   seed          not 0: blocks and warps in an order drawn from it
 *   races         1: kernels look for races on shared memory
 *   slow_copy_us  added to each copy
 *   alloc_fail    the Nth allocation of device memory and all after it fail
 *   hang_at       the Nth kernel does not end
 *   lost_at       the Nth kernel fails, and so does everything after it
 *   block_at      the Nth call does not return, of those that need a context and make something
 *   multiprocessors  that the device says it has (108)
 *   cublaslt      1: the library plays cuBLASLt for the device (cublaslt.c); 2: and its sums are wrong */
#ifndef DAVIT_CUDAEMU_DRIVER_H
#define DAVIT_CUDAEMU_DRIVER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "../driver_symbols.h"
#include "../driver_types.h"
#include "emulated.h"

#define EMU_MAX_DEVICES 16
#define EMU_FAULT_BYTES 256
#define EMU_EXPORT __attribute__((visibility("default")))

/* The entry points as they are exported. */
#define EMU_DECLARE(member, symbol, parameters, names)\
    EMU_EXPORT cuda_result emu_##member parameters __asm__(symbol);
DAVIT_CUDA_REQUIRED_SYMBOLS(EMU_DECLARE)
DAVIT_CUDA_GRAPH_SYMBOLS(EMU_DECLARE)
DAVIT_CUDA_EMULATED_SYMBOLS(EMU_DECLARE)
#undef EMU_DECLARE

typedef struct emu_options {
    uint64_t memory_mib, capability, seed, races, slow_copy_us, alloc_fail, hang_at, lost_at,
        cublaslt, multiprocessors, block_at;
} emu_options;

/* Memory of a device: whole pages between pages that are not there, its end at the end of the last.
 */
typedef struct emu_allocation {
    cuda_address address;
    size_t bytes;
    cuda_address pages; /* the first page */
    size_t page_bytes;
    struct emu_allocation *next;
} emu_allocation;

typedef struct emu_pinned {
    void *memory;
    struct emu_pinned *next;
} emu_pinned;

/* Head of every object that the driver gives out: what a device has is found from the device. */
typedef struct emu_object {
    struct emu_object *next, **place;
} emu_object;

typedef struct emu_device {
    int number;
    char *range; /* addresses of its memory: no access but where something is allocated */
    pthread_mutex_t mutex;
    pthread_cond_t changed; /* worker_count, work_count */
    emu_options options;
    unsigned retained; /* primary context; at 0 everything the device has is freed */
    size_t next;       /* offset in range where the next allocation is tried */
    size_t used_bytes;
    emu_allocation *allocations;
    emu_pinned *pinned;
    uint64_t allocation_count, kernel_count; /* since configure */
    uint64_t call_count;                     /* of block_at */
    unsigned worker_count;
    unsigned work_count;        /* pieces of work that streams have not done */
    emu_object *objects;        /* events, modules, graphs */
    unsigned object_count;      /* of these, streams, memory: what is not freed */
    unsigned leaked_count;      /* objects that were there when a context ended */
    _Atomic cuda_result sticky; /* what every call answers once a kernel has failed */
    char fault[EMU_FAULT_BYTES];
} emu_device;

/* A context is the device's primary one. */
struct cuda_context_object {
    emu_device device;
};

struct cuda_event_object {
    emu_object head;
    emu_device *device;
    unsigned references; /* the rest under device->mutex as well */
    unsigned pending;    /* records that streams have not come to */
    bool recorded;
    uint64_t reached_ns;
};

struct cuda_function_object {
    emu_device *device;
    const davit_cudaemu_kernel *kernel;
    struct cuda_function_object *next; /* of its module */
};

/* A kernel with its arguments copied. */
typedef struct emu_call {
    const davit_cudaemu_kernel *kernel;
    uint32_t grid[3], block[3];
    size_t shared_bytes;
    void **arguments; /* behind the struct, in one allocation with what they point to */
} emu_call;

typedef enum emu_work_kind {
    EMU_COPY,
    EMU_FILL,
    EMU_LAUNCH,
    EMU_EVENT,
    EMU_GRAPH,
    EMU_PRODUCT
} emu_work_kind;

typedef struct emu_product emu_product; /* cublaslt.c */

/* What a stream does next. */
typedef struct emu_work {
    emu_work_kind kind;
    void *to;
    const void *from;
    size_t bytes;
    unsigned char pattern;
    emu_call *launch;
    cuda_event event;
    cuda_graph_exec graph;
    emu_product *product;
    struct emu_work *next;
} emu_work;

/* ---- driver_device.c ---- */

/* The device whose context is current, with its lock; NULL with *result set: none is, or a kernel
 * failed on it. */
emu_device *emu_current(cuda_result *result);
/* The same for calls that only look, which block_at does not count. */
emu_device *emu_look(cuda_result *result);
/* The same for calls that free, which work after a kernel failed too. */
emu_device *emu_current_to_free(cuda_result *result);
void emu_unlock(emu_device *device);
emu_device *emu_find(int number);
/* The device's sticky error, with a text of the fault. The first one stays. */
void emu_fail(emu_device *device, cuda_result result, const char *text);

/* Adds and removes an object; the device is locked. */
void emu_keep(emu_device *device, emu_object *object);
void emu_forget(emu_device *device, emu_object *object);

/* ---- driver_options.c ---- */

/* Reads NAME=N,... into options; NULL or "": nothing. false: malformed. */
bool emu_read_options(const char *text, emu_options *options);

/* ---- driver_memory.c ---- */

bool emu_reserve_range(emu_device *device);
/* True when all of the bytes belong to one allocation; the device is locked. */
bool emu_owns(const emu_device *device, cuda_address address, size_t bytes);
/* True for memory that the host may not touch. */
bool emu_is_device_memory(const void *memory, size_t bytes);
/* What lies at an address that a kernel could not access; the device is locked. */
void emu_explain_address(const emu_device *device, cuda_address address, char *text,
                         size_t text_bytes);
void emu_free_memory(emu_device *device);

/* ---- driver_stream.c ---- */

/* Waits, with the device locked, until all streams have done their work: freeing memory does. */
void emu_synchronize(emu_device *device);
/* Appends a copy of work to a stream. The device is locked. */
cuda_result emu_append(cuda_stream stream, const emu_work *work);
void emu_event_release(cuda_event event);
/* A stream has come to a record of the event. The device is locked. */
void emu_event_reach(cuda_event event);

/* ---- driver_module.c ---- */

/* Checks a launch and copies its arguments; free() frees it. */
cuda_result emu_prepare(cuda_function function, const uint32_t *grid, const uint32_t *block,
                        size_t shared_bytes, void **arguments, emu_call **out);

/* ---- driver_kernel.c ---- */

/* Runs a kernel on the calling worker, or does what the options want of it; a fault becomes the
 * device's sticky error. Not locked. */
void emu_run(emu_device *device, const emu_call *launch);

/* ---- cublaslt.c ---- */

/* Objects of it that nobody has destroyed, of all devices. */
unsigned emu_blas_live(void);
void emu_run_product(const emu_product *product);

/* ---- driver_graph.c ---- */

/* Runs a graph's nodes, and lets go of it. Not locked. */
void emu_run_graph(emu_device *device, cuda_graph_exec graph);

#endif
