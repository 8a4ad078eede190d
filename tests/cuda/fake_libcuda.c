/* Stands for NVIDIA's libcuda.so.1 in tests: one device that can be described and opened, but has
 * no memory. It counts the calls that reach it. */
#define _GNU_SOURCE
#include "backends/cuda/driver_symbols.h"
#include "backends/cuda/driver_types.h"

#include <stdio.h>
#include <string.h>

#define FAKE __attribute__((visibility("default")))
#define UNUSED __attribute__((unused))

FAKE int fake_calls;

/* Every entry point refuses, but those that are spelled out below. */
#define REFUSE(name)                                                                               \
    FAKE cuda_result name(void);                                                                   \
    cuda_result name(void)                                                                         \
    {                                                                                              \
        fake_calls++;                                                                              \
        return CUDA_RESULT_UNKNOWN;                                                                \
    }
REFUSE(cuMemAlloc_v2)
REFUSE(cuMemFree_v2)
REFUSE(cuMemHostAlloc)
REFUSE(cuMemFreeHost)
REFUSE(cuMemcpyHtoDAsync_v2)
REFUSE(cuMemcpyDtoHAsync_v2)
REFUSE(cuMemcpyDtoDAsync_v2)
REFUSE(cuMemsetD8Async)
REFUSE(cuStreamCreate)
REFUSE(cuStreamDestroy_v2)
REFUSE(cuEventCreate)
REFUSE(cuEventDestroy_v2)
REFUSE(cuEventRecord)
REFUSE(cuEventQuery)
REFUSE(cuEventElapsedTime)
REFUSE(cuModuleLoadData)
REFUSE(cuModuleUnload)
REFUSE(cuModuleGetFunction)
REFUSE(cuLaunchKernel)
REFUSE(cuDevicePrimaryCtxRetain)
REFUSE(cuDevicePrimaryCtxRelease)
REFUSE(cuCtxPushCurrent_v2)
REFUSE(cuCtxPopCurrent_v2)

#define ANSWER(name, parameters)                                                                   \
    FAKE cuda_result name parameters;                                                              \
    cuda_result name parameters

ANSWER(cuInit, (unsigned flags))
{
    return (cuda_result)flags;
}

ANSWER(cuDriverGetVersion, (int *version))
{
    *version = 11040;
    return 0;
}

ANSWER(cuGetErrorName, (cuda_result error UNUSED, const char **name))
{
    *name = "FAKE_ERROR";
    return 0;
}

ANSWER(cuGetErrorString, (cuda_result error UNUSED, const char **text))
{
    *text = "the fake driver refuses";
    return 0;
}

ANSWER(cuDeviceGetCount, (int *count))
{
    *count = 1;
    return 0;
}

ANSWER(cuDeviceGet, (cuda_device_number * device, int ordinal))
{
    *device = ordinal;
    return 0;
}

ANSWER(cuDeviceGetName, (char *name, int bytes, cuda_device_number device UNUSED))
{
    (void)snprintf(name, (size_t)bytes, "Fake GPU");
    return 0;
}

ANSWER(cuDeviceTotalMem_v2, (size_t * bytes, cuda_device_number device UNUSED))
{
    *bytes = (size_t)8 << 30;
    return 0;
}

ANSWER(cuDeviceGetAttribute, (int *value, int attribute, cuda_device_number device UNUSED))
{
    *value = attribute == CUDA_ATTRIBUTE_CAPABILITY_MAJOR   ? 7
             : attribute == CUDA_ATTRIBUTE_CAPABILITY_MINOR ? 5
             : attribute == CUDA_ATTRIBUTE_CLOCK_KHZ        ? 1590000
             : attribute == CUDA_ATTRIBUTE_MULTIPROCESSORS  ? 40
             : attribute == CUDA_ATTRIBUTE_MEMORY_CLOCK_KHZ ? 5001000
             : attribute == CUDA_ATTRIBUTE_MEMORY_BUS_BITS  ? 256
                                                            : 1;
    return 0;
}

ANSWER(cuDeviceGetPCIBusId, (char *address, int bytes, cuda_device_number device UNUSED))
{
    (void)snprintf(address, (size_t)bytes, "0000:AF:00.0");
    return 0;
}
