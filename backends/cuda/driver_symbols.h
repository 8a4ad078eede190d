/* The entry points of the driver that Davit uses: X(member, symbol, parameters, their names).
 * Symbols are the oldest ones of 64-bit CUDA, so that any driver that runs the kernels has them; cuda.h
 * renames some of them to later ones. */
#ifndef DAVIT_CUDA_DRIVER_SYMBOLS_H
#define DAVIT_CUDA_DRIVER_SYMBOLS_H

/* Without one of these the driver cannot be used. */
#define DAVIT_CUDA_REQUIRED_SYMBOLS(X)                                                             \
    X(init, "cuInit", (unsigned flags), (flags))                                                   \
    X(version, "cuDriverGetVersion", (int *version), (version))                                    \
    X(error_name, "cuGetErrorName", (cuda_result error, const char **name), (error, name))         \
    X(error_string, "cuGetErrorString", (cuda_result error, const char **text), (error, text))     \
    X(device_count, "cuDeviceGetCount", (int *count), (count))                                     \
    X(device_get, "cuDeviceGet", (cuda_device_number * device, int ordinal), (device, ordinal))    \
    X(device_name, "cuDeviceGetName",                                                              \
      (char *name, int bytes, cuda_device_number device), (name, bytes, device))                   \
    X(device_memory, "cuDeviceTotalMem_v2",                                                        \
      (size_t * bytes, cuda_device_number device), (bytes, device))                                \
    X(device_attribute, "cuDeviceGetAttribute",                                                    \
      (int *value, int attribute, cuda_device_number device), (value, attribute, device))          \
    X(device_pci_address, "cuDeviceGetPCIBusId",                                                   \
      (char *address, int bytes, cuda_device_number device), (address, bytes, device))             \
    X(context_retain, "cuDevicePrimaryCtxRetain",                                                  \
      (cuda_context * context, cuda_device_number device), (context, device))                      \
    X(context_release, "cuDevicePrimaryCtxRelease", (cuda_device_number device), (device))         \
    X(context_push, "cuCtxPushCurrent_v2", (cuda_context context), (context))                      \
    X(context_pop, "cuCtxPopCurrent_v2", (cuda_context * context), (context))                      \
    X(memory_alloc, "cuMemAlloc_v2", (cuda_address * address, size_t bytes), (address, bytes))     \
    X(memory_free, "cuMemFree_v2", (cuda_address address), (address))                              \
    X(host_alloc, "cuMemHostAlloc",                                                                \
      (void **memory, size_t bytes, unsigned flags), (memory, bytes, flags))                       \
    X(host_free, "cuMemFreeHost", (void *memory), (memory))                                        \
    X(copy_to_device, "cuMemcpyHtoDAsync_v2",                                                      \
      (cuda_address to, const void *from, size_t bytes, cuda_stream stream), (to, from, bytes,     \
       stream))                                                                                    \
    X(copy_to_host, "cuMemcpyDtoHAsync_v2",                                                        \
      (void *to, cuda_address from, size_t bytes, cuda_stream stream), (to, from, bytes,           \
       stream))                                                                                    \
    X(copy_on_device, "cuMemcpyDtoDAsync_v2",                                                      \
      (cuda_address to, cuda_address from, size_t bytes, cuda_stream stream), (to, from, bytes,    \
       stream))                                                                                    \
    X(fill, "cuMemsetD8Async",                                                                     \
      (cuda_address to, unsigned char pattern, size_t bytes, cuda_stream stream), (to, pattern,    \
       bytes, stream))                                                                             \
    X(stream_create, "cuStreamCreate", (cuda_stream * stream, unsigned flags), (stream, flags))    \
    X(stream_destroy, "cuStreamDestroy_v2", (cuda_stream stream), (stream))                        \
    X(event_create, "cuEventCreate", (cuda_event * event, unsigned flags), (event, flags))         \
    X(event_destroy, "cuEventDestroy_v2", (cuda_event event), (event))                             \
    X(event_record, "cuEventRecord", (cuda_event event, cuda_stream stream), (event, stream))      \
    X(event_query, "cuEventQuery", (cuda_event event), (event))                                    \
    X(event_elapsed, "cuEventElapsedTime",                                                         \
      (float *milliseconds, cuda_event start, cuda_event end), (milliseconds, start, end))         \
    X(module_load, "cuModuleLoadData",                                                             \
      (cuda_module * module, const void *image), (module, image))                                  \
    X(module_unload, "cuModuleUnload", (cuda_module module), (module))                             \
    X(module_function, "cuModuleGetFunction",                                                      \
      (cuda_function * function, cuda_module module, const char *name), (function, module,         \
       name))                                                                                      \
    X(launch, "cuLaunchKernel",                                                                    \
      (cuda_function function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned         \
       block_x, unsigned block_y, unsigned block_z, unsigned shared_bytes, cuda_stream stream,     \
       void **arguments, void **extra), (function, grid_x, grid_y, grid_z, block_x, block_y,       \
       block_z, shared_bytes, stream, arguments, extra))

/* NULL where the driver lacks them: CUDA graphs with events in them came with 11.4. */
#define DAVIT_CUDA_GRAPH_SYMBOLS(X)                                                                \
    X(graph_create, "cuGraphCreate", (cuda_graph * graph, unsigned flags), (graph, flags))         \
    X(graph_destroy, "cuGraphDestroy", (cuda_graph graph), (graph))                                \
    X(graph_add_kernel, "cuGraphAddKernelNode",                                                    \
      (cuda_graph_node * node, cuda_graph graph, const cuda_graph_node *after, size_t              \
       after_count, const cuda_kernel_node_params *params), (node, graph, after, after_count,      \
       params))                                                                                    \
    X(graph_add_event_record, "cuGraphAddEventRecordNode",                                         \
      (cuda_graph_node * node, cuda_graph graph, const cuda_graph_node *after, size_t              \
       after_count, cuda_event event), (node, graph, after, after_count, event))                   \
    X(graph_instantiate, "cuGraphInstantiateWithFlags",                                            \
      (cuda_graph_exec * exec, cuda_graph graph, unsigned long long flags), (exec, graph,          \
       flags))                                                                                     \
    X(graph_launch, "cuGraphLaunch", (cuda_graph_exec exec, cuda_stream stream), (exec, stream))   \
    X(graph_exec_destroy, "cuGraphExecDestroy", (cuda_graph_exec exec), (exec))

/* Only the emulated driver has these. */
#define DAVIT_CUDA_EMULATED_SYMBOLS(X)                                                             \
    X(configure, "davit_cudaemu_configure",                                                        \
      (cuda_device_number device, const char *options), (device, options))                         \
    X(last_fault, "davit_cudaemu_last_fault",                                                      \
      (cuda_device_number device, char *text, size_t text_bytes), (device, text, text_bytes))      \
    X(leaked, "davit_cudaemu_leaked",                                                              \
      (cuda_device_number device, unsigned *count), (device, count))

#endif
