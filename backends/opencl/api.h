/* The OpenCL library: its functions, opened once for the process, and names of its errors. */
#ifndef DAVIT_OPENCL_API_H
#define DAVIT_OPENCL_API_H

#define CL_TARGET_OPENCL_VERSION 120
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl.h>

#include <stdbool.h>
#include <stddef.h>

/* All functions of OpenCL 1.2 that are used. */
#define DAVIT_CL_FUNCTIONS(X)                                                                      \
    X(clBuildProgram)                                                                              \
    X(clCreateBuffer)                                                                              \
    X(clCreateCommandQueue)                                                                        \
    X(clCreateContext)                                                                             \
    X(clCreateKernel)                                                                              \
    X(clCreateProgramWithBinary)                                                                   \
    X(clCreateProgramWithSource)                                                                   \
    X(clEnqueueCopyBuffer)                                                                         \
    X(clEnqueueFillBuffer)                                                                         \
    X(clEnqueueMapBuffer)                                                                          \
    X(clEnqueueMarkerWithWaitList)                                                                 \
    X(clEnqueueNDRangeKernel)                                                                      \
    X(clEnqueueReadBuffer)                                                                         \
    X(clEnqueueUnmapMemObject)                                                                     \
    X(clEnqueueWriteBuffer)                                                                        \
    X(clFlush)                                                                                     \
    X(clGetDeviceIDs)                                                                              \
    X(clGetDeviceInfo)                                                                             \
    X(clGetEventInfo)                                                                              \
    X(clGetEventProfilingInfo)                                                                     \
    X(clGetPlatformIDs)                                                                            \
    X(clGetPlatformInfo)                                                                           \
    X(clGetProgramBuildInfo)                                                                       \
    X(clGetProgramInfo)                                                                            \
    X(clReleaseCommandQueue)                                                                       \
    X(clReleaseContext)                                                                            \
    X(clReleaseEvent)                                                                              \
    X(clReleaseKernel)                                                                             \
    X(clReleaseMemObject)                                                                          \
    X(clReleaseProgram)                                                                            \
    X(clRetainEvent)                                                                               \
    X(clSetKernelArg)

typedef struct davit_cl_api {
#define DAVIT_CL_MEMBER(name) __typeof__(&name) name;
    DAVIT_CL_FUNCTIONS(DAVIT_CL_MEMBER)
#undef DAVIT_CL_MEMBER
} davit_cl_api;

/* The functions, or NULL with the reason in text. The same at every call. Thread-safe. From
 * libOpenCL.so.1, or the file that the environment variable DAVIT_OPENCL_LIBRARY names. */
const davit_cl_api *davit_cl_open(const char **reason);

/* "CL_OUT_OF_RESOURCES", "error -9999". Returns a literal, or text. */
const char *davit_cl_error(cl_int error, char *text, size_t text_bytes);

/* Why there is no platform: what the folder of drivers says. */
void davit_cl_explain_no_platform(char *text, size_t text_bytes);

#endif
