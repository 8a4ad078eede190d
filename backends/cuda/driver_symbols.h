/* The entry points of the driver that Davit uses: X(member, symbol, parameters). Symbols are the
 * oldest ones of 64-bit CUDA, so that any driver that runs the kernels has them; cuda.h renames
 * some of them to later ones. */
#ifndef DAVIT_CUDA_DRIVER_SYMBOLS_H
#define DAVIT_CUDA_DRIVER_SYMBOLS_H

/* Without one of these the driver cannot be used. */
#define DAVIT_CUDA_REQUIRED_SYMBOLS(X)                                                             \
    X(init, "cuInit", (unsigned flags))                                                            \
    X(version, "cuDriverGetVersion", (int *version))                                               \
    X(error_name, "cuGetErrorName", (cuda_result error, const char **name))                        \
    X(error_string, "cuGetErrorString", (cuda_result error, const char **text))                    \
    X(device_count, "cuDeviceGetCount", (int *count))                                              \
    X(device_get, "cuDeviceGet", (cuda_device_number * device, int ordinal))                       \
    X(device_name, "cuDeviceGetName", (char *name, int bytes, cuda_device_number device))          \
    X(device_memory, "cuDeviceTotalMem_v2", (size_t * bytes, cuda_device_number device))           \
    X(device_attribute, "cuDeviceGetAttribute",                                                    \
      (int *value, int attribute, cuda_device_number device))                                      \
    X(device_pci_address, "cuDeviceGetPCIBusId",                                                   \
      (char *address, int bytes, cuda_device_number device))                                       \
    X(context_retain, "cuDevicePrimaryCtxRetain",                                                  \
      (cuda_context * context, cuda_device_number device))                                         \
    X(context_release, "cuDevicePrimaryCtxRelease", (cuda_device_number device))                   \
    X(context_push, "cuCtxPushCurrent_v2", (cuda_context context))                                 \
    X(context_pop, "cuCtxPopCurrent_v2", (cuda_context * context))                                 \
    X(memory_alloc, "cuMemAlloc_v2", (cuda_address * address, size_t bytes))                       \
    X(memory_free, "cuMemFree_v2", (cuda_address address))                                         \
    X(host_alloc, "cuMemHostAlloc", (void **memory, size_t bytes, unsigned flags))                 \
    X(host_free, "cuMemFreeHost", (void *memory))                                                  \
    X(copy_to_device, "cuMemcpyHtoDAsync_v2",                                                      \
      (cuda_address to, const void *from, size_t bytes, cuda_stream stream))                       \
    X(copy_to_host, "cuMemcpyDtoHAsync_v2",                                                        \
      (void *to, cuda_address from, size_t bytes, cuda_stream stream))                             \
    X(copy_on_device, "cuMemcpyDtoDAsync_v2",                                                      \
      (cuda_address to, cuda_address from, size_t bytes, cuda_stream stream))                      \
    X(fill, "cuMemsetD8Async",                                                                     \
      (cuda_address to, unsigned char pattern, size_t bytes, cuda_stream stream))                  \
    X(stream_create, "cuStreamCreate", (cuda_stream * stream, unsigned flags))                     \
    X(stream_destroy, "cuStreamDestroy_v2", (cuda_stream stream))                                  \
    X(event_create, "cuEventCreate", (cuda_event * event, unsigned flags))                         \
    X(event_destroy, "cuEventDestroy_v2", (cuda_event event))                                      \
    X(event_record, "cuEventRecord", (cuda_event event, cuda_stream stream))                       \
    X(event_query, "cuEventQuery", (cuda_event event))                                             \
    X(event_elapsed, "cuEventElapsedTime",                                                         \
      (float *milliseconds, cuda_event start, cuda_event end))                                     \
    X(module_load, "cuModuleLoadData", (cuda_module * module, const void *image))                  \
    X(module_unload, "cuModuleUnload", (cuda_module module))                                       \
    X(module_function, "cuModuleGetFunction",                                                      \
      (cuda_function * function, cuda_module module, const char *name))                            \
    X(launch, "cuLaunchKernel",                                                                    \
      (cuda_function function, unsigned grid_x, unsigned grid_y, unsigned grid_z,                  \
       unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared_bytes,                \
       cuda_stream stream, void **arguments, void **extra))

/* NULL where the driver lacks them: CUDA graphs with events in them came with 11.4. */
#define DAVIT_CUDA_GRAPH_SYMBOLS(X)                                                                \
    X(graph_create, "cuGraphCreate", (cuda_graph * graph, unsigned flags))                         \
    X(graph_destroy, "cuGraphDestroy", (cuda_graph graph))                                         \
    X(graph_add_kernel, "cuGraphAddKernelNode",                                                    \
      (cuda_graph_node * node, cuda_graph graph, const cuda_graph_node *after, size_t after_count, \
       const cuda_kernel_node_params *params))                                                     \
    X(graph_add_event_record, "cuGraphAddEventRecordNode",                                         \
      (cuda_graph_node * node, cuda_graph graph, const cuda_graph_node *after, size_t after_count, \
       cuda_event event))                                                                          \
    X(graph_instantiate, "cuGraphInstantiateWithFlags",                                            \
      (cuda_graph_exec * exec, cuda_graph graph, unsigned long long flags))                        \
    X(graph_launch, "cuGraphLaunch", (cuda_graph_exec exec, cuda_stream stream))                   \
    X(graph_exec_destroy, "cuGraphExecDestroy", (cuda_graph_exec exec))

/* Only the emulated driver has these. */
#define DAVIT_CUDA_EMULATED_SYMBOLS(X)                                                             \
    X(configure, "davit_cudaemu_configure", (cuda_device_number device, const char *options))      \
    X(last_fault, "davit_cudaemu_last_fault",                                                      \
      (cuda_device_number device, char *text, size_t text_bytes))                                  \
    X(leaked, "davit_cudaemu_leaked", (cuda_device_number device, unsigned *count))

#endif
