/* The few types and constants of the CUDA driver API that Davit uses, as NVIDIA documents them
 * ("CUDA Driver API" reference manual): shared by the backend and the emulated driver. The ABI of
 * the symbols in driver_symbols.h; no cuda.h is needed. */
#ifndef DAVIT_CUDA_DRIVER_TYPES_H
#define DAVIT_CUDA_DRIVER_TYPES_H

#include <stddef.h>
#include <stdint.h>

typedef int cuda_result;
typedef int cuda_device_number;
typedef uint64_t cuda_address; /* of device memory */
typedef struct cuda_context_object *cuda_context;
typedef struct cuda_module_object *cuda_module;
typedef struct cuda_function_object *cuda_function;
typedef struct cuda_stream_object *cuda_stream;
typedef struct cuda_event_object *cuda_event;
typedef struct cuda_graph_object *cuda_graph;
typedef struct cuda_graph_node_object *cuda_graph_node;
typedef struct cuda_graph_exec_object *cuda_graph_exec;

enum {
    CUDA_RESULT_SUCCESS = 0,
    CUDA_RESULT_INVALID_VALUE = 1,
    CUDA_RESULT_OUT_OF_MEMORY = 2,
    CUDA_RESULT_NOT_INITIALIZED = 3,
    CUDA_RESULT_DEVICE_UNAVAILABLE = 46,
    CUDA_RESULT_NO_DEVICE = 100,
    CUDA_RESULT_INVALID_DEVICE = 101,
    CUDA_RESULT_INVALID_IMAGE = 200,
    CUDA_RESULT_INVALID_CONTEXT = 201,
    CUDA_RESULT_NO_BINARY_FOR_GPU = 209,
    CUDA_RESULT_ECC_UNCORRECTABLE = 214,
    CUDA_RESULT_NVLINK_UNCORRECTABLE = 220,
    CUDA_RESULT_UNSUPPORTED_PTX_VERSION = 222,
    CUDA_RESULT_INVALID_HANDLE = 400,
    CUDA_RESULT_NOT_FOUND = 500,
    CUDA_RESULT_NOT_READY = 600,
    CUDA_RESULT_ILLEGAL_ADDRESS = 700,
    CUDA_RESULT_LAUNCH_OUT_OF_RESOURCES = 701,
    CUDA_RESULT_LAUNCH_TIMEOUT = 702,
    CUDA_RESULT_ASSERT = 710,
    CUDA_RESULT_HARDWARE_STACK_ERROR = 714,
    CUDA_RESULT_ILLEGAL_INSTRUCTION = 715,
    CUDA_RESULT_MISALIGNED_ADDRESS = 716,
    CUDA_RESULT_INVALID_ADDRESS_SPACE = 717,
    CUDA_RESULT_INVALID_PC = 718,
    CUDA_RESULT_LAUNCH_FAILED = 719,
    CUDA_RESULT_UNKNOWN = 999
};

/* CUdevice_attribute */
enum {
    CUDA_ATTRIBUTE_MAX_THREADS_PER_BLOCK = 1,
    CUDA_ATTRIBUTE_MAX_GRID_X = 5,
    CUDA_ATTRIBUTE_MAX_GRID_Y = 6,
    CUDA_ATTRIBUTE_MAX_GRID_Z = 7,
    CUDA_ATTRIBUTE_SHARED_BYTES_PER_BLOCK = 8,
    CUDA_ATTRIBUTE_CLOCK_KHZ = 13,
    CUDA_ATTRIBUTE_MULTIPROCESSORS = 16,
    CUDA_ATTRIBUTE_MEMORY_CLOCK_KHZ = 36,
    CUDA_ATTRIBUTE_MEMORY_BUS_BITS = 37,
    CUDA_ATTRIBUTE_CAPABILITY_MAJOR = 75,
    CUDA_ATTRIBUTE_CAPABILITY_MINOR = 76
};

enum {
    CUDA_STREAM_NON_BLOCKING = 1, /* CU_STREAM_NON_BLOCKING */
    CUDA_EVENT_DEFAULT = 0,
    CUDA_HOST_ALLOC_PORTABLE = 1 /* CU_MEMHOSTALLOC_PORTABLE */
};

/* CUDA_KERNEL_NODE_PARAMS_v1 */
typedef struct cuda_kernel_node_params {
    cuda_function function;
    unsigned grid[3];
    unsigned block[3];
    unsigned shared_bytes;
    void **arguments;
    void **extra;
} cuda_kernel_node_params;

/* What is loaded as a module of the emulated driver. */
#define DAVIT_CUDA_EMULATED_IMAGE "davit-cudaemu kernels"

#endif
