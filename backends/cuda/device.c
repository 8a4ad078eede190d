#include "blas.h"
#include "device.h"

#include <stdlib.h>

davit_status davit_cuda_fail_lost(const davit_cuda_device *device)
{
    return davit_fail(device->base.options.diag, DAVIT_DEVICE_LOST, "device '%s' is lost%s",
                      device->base.info.name,
                      atomic_load(&device->health) == DAVIT_CUDA_HUNG ? ": it hangs" : "");
}

davit_status davit_cuda_no_memory(const davit_cuda_device *device, const char *what)
{
    return davit_fail(device->base.options.diag, DAVIT_OUT_OF_MEMORY,
                      "device '%s': no memory for %s", device->base.info.name, what);
}

davit_status davit_cuda_fail(davit_cuda_device *device, cuda_result result, const char *what)
{
    const davit_cuda_driver *driver = device->driver;
    davit_status status = davit_cuda_status(result);
    const char *text = NULL;
    char fault[256] = "";
    if (status == DAVIT_DEVICE_LOST) {
        int well = DAVIT_CUDA_WELL;
        (void)atomic_compare_exchange_strong(&device->health, &well, DAVIT_CUDA_LOST);
        if (driver->last_fault != NULL) {
            (void)driver->last_fault(device->number, fault, sizeof(fault));
        }
    }
    if (driver->error_string(result, &text) != CUDA_RESULT_SUCCESS || text == NULL) {
        text = "";
    }
    return davit_fail(device->base.options.diag, status, "device '%s': %s: %s (%s)%s%s",
                      device->base.info.name, what, davit_cuda_error_name(driver, result), text,
                      fault[0] != '\0' ? ": " : "", fault);
}

davit_status davit_cuda_enter(davit_cuda_device *device)
{
    if (atomic_load(&device->health) != DAVIT_CUDA_WELL) {
        return davit_cuda_fail_lost(device);
    }
    cuda_result result = device->driver->context_push(device->context);
    return result == CUDA_RESULT_SUCCESS ? DAVIT_OK
                                         : davit_cuda_fail(device, result, "its context");
}

void davit_cuda_leave(const davit_cuda_device *device)
{
    cuda_context context;
    (void)device->driver->context_pop(&context);
}

/* ---- limits ---- */

static int attribute(const davit_cuda_device *device, int which)
{
    int value = 0;
    return device->driver->device_attribute(&value, which, device->number) == CUDA_RESULT_SUCCESS
               ? value
               : 0;
}

static bool asks_for_tf32(const davit_cuda_device *device)
{
    return device->base.info.profile.precision == DAVIT_PRECISION_TF32;
}

static davit_status read_limits(davit_cuda_device *device)
{
    int capability = 10 * attribute(device, CUDA_ATTRIBUTE_CAPABILITY_MAJOR) +
                     attribute(device, CUDA_ATTRIBUTE_CAPABILITY_MINOR);
    device->limits = (davit_gpu_limits){
        .features = (capability >= 61 ? (uint32_t)DAVIT_GPU_S8_DOT : 0) |
                    (capability >= 75 ? (uint32_t)DAVIT_GPU_S8_MATRIX : 0) |
                    (capability >= 80 ? (uint32_t)DAVIT_GPU_ASYNC_COPY : 0) |
                    (capability >= 80 && asks_for_tf32(device) ? (uint32_t)DAVIT_GPU_TF32 : 0),
        .compute_units = (uint32_t)attribute(device, CUDA_ATTRIBUTE_MULTIPROCESSORS),
        .max_group_threads = (uint32_t)attribute(device, CUDA_ATTRIBUTE_MAX_THREADS_PER_BLOCK),
        .shared_bytes = (uint32_t)attribute(device, CUDA_ATTRIBUTE_SHARED_BYTES_PER_BLOCK),
        .offset_alignment = 256,
    };
    return asks_for_tf32(device) && (device->limits.features & DAVIT_GPU_TF32) == 0
               ? davit_fail(device->base.options.diag, DAVIT_UNAVAILABLE,
                            "device '%s': precision tf32 needs compute capability 8.0, it has %d.%d",
                            device->base.info.name, capability / 10, capability % 10)
               : DAVIT_OK;
}

/* ---- open and close ---- */

/* A real driver makes machine code of PTX while it loads kernels, which takes its time. */
uint64_t davit_cuda_patience_ns(const davit_cuda_device *device)
{
    const char *wish = getenv("DAVIT_CUDA_PATIENCE_MS");
    uint64_t patience_ms = wish != NULL ? strtoull(wish, NULL, 10) : 0;
    if (patience_ms == 0 || patience_ms > 86400000) {
        patience_ms = device->driver->kind == DAVIT_CUDA_EMULATED ? 20000 : 300000;
    }
    return patience_ms * 1000000;
}

davit_status davit_cuda_device_call(davit_cuda_device *device,
                                    davit_status (*work)(void *argument), void *argument)
{
    bool given_up;
    davit_status status =
        davit_cuda_call(device->caller, (davit_cuda_patience){.inside_ns = davit_cuda_patience_ns(device)},
                        work, argument, &given_up);
    if (!given_up) {
        return status;
    }
    void *nothing = NULL;
    if (!atomic_compare_exchange_strong(&device->kept, &nothing, argument)) {
        return davit_cuda_fail_lost(device);
    }
    return davit_fail(device->base.options.diag, DAVIT_DEVICE_LOST,
                      "device '%s': a call of its driver does not return: the device is given up",
                      device->base.info.name);
}

static davit_status leave_driver(void *argument)
{
    davit_cuda_device *device = argument;
    const davit_cuda_driver *driver = device->driver;
    bool entered = driver->context_push(device->context) == CUDA_RESULT_SUCCESS;
    davit_cuda_blas_close(device);
    davit_cuda_memory_clear(device);
    for (size_t i = 0; i < device->module_count; i++) {
        (void)driver->module_unload(device->modules[i]);
    }
    if (entered) {
        davit_cuda_leave(device);
    }
    (void)driver->context_release(device->number);
    return DAVIT_OK;
}

static void destroy(davit_cuda_device *device)
{
    davit_cuda_caller_free(device->caller);
    if (atomic_load(&device->kept) == NULL) {
        pthread_mutex_destroy(&device->mutex);
        pthread_mutex_destroy(&device->blas_mutex);
        davit_free(device->base.options.allocator, device);
    }
}

static void close_device(davit_device *base)
{
    davit_cuda_device *device = (davit_cuda_device *)base;
    if (atomic_load(&device->health) != DAVIT_CUDA_HUNG) {
        (void)davit_cuda_device_call(device, leave_driver, device);
    }
    if (atomic_load(&device->health) == DAVIT_CUDA_HUNG) {
        davit_cuda_memory_clear(device);
    }
    destroy(device);
}

static const davit_device_table device_table = {
    .abi_version = DAVIT_BACKEND_ABI_VERSION,
    .struct_size = sizeof(davit_device_table),
    .close = close_device,
    .buffer_alloc = davit_cuda_buffer_alloc,
    .buffer_free = davit_cuda_buffer_free,
    .program_build = davit_cuda_program_build,
    .program_free = davit_cuda_program_free,
    .program_info = davit_cuda_program_info,
    .queue_create = davit_cuda_queue_create,
    .queue_free = davit_host_queue_free,
    .queue_submit = davit_host_queue_submit,
};

/* Tells the emulated driver what a test asks for. */
static davit_status configure(const davit_cuda_device *device, const char *options)
{
    const davit_cuda_driver *driver = device->driver;
    if (driver->configure == NULL
            ? options == NULL
            : driver->configure(device->number, options) == CUDA_RESULT_SUCCESS) {
        return DAVIT_OK;
    }
    return davit_fail(device->base.options.diag, DAVIT_INVALID_ARGUMENT,
                      "device '%s': bad options '%s': %s", device->base.info.name,
                      options != NULL ? options : "",
                      driver->configure != NULL ? "expected NAME=N,... of backends/cuda/README.md"
                                                : "only emulated devices have some");
}

static davit_status load_kernels(davit_cuda_device *device)
{
    size_t count;
    const void *const *images = davit_cuda_images(device->driver->kind, &count);
    davit_status status = davit_cuda_enter(device);
    if (status != DAVIT_OK) {
        return status;
    }
    for (size_t i = 0; status == DAVIT_OK && i < count; i++) {
        cuda_result result = device->driver->module_load(&device->modules[i], images[i]);
        if (result == CUDA_RESULT_SUCCESS) {
            device->module_count++;
        } else {
            status = davit_cuda_fail(device, result, "loading its kernels");
        }
    }
    davit_cuda_leave(device);
    return status;
}

davit_status davit_cuda_find_kernel(davit_cuda_device *device, const char *name, cuda_function *out)
{
    cuda_result result = CUDA_RESULT_NOT_FOUND;
    for (size_t i = 0; result == CUDA_RESULT_NOT_FOUND && i < device->module_count; i++) {
        result = device->driver->module_function(out, device->modules[i], name);
    }
    return result == CUDA_RESULT_SUCCESS ? DAVIT_OK : davit_cuda_fail(device, result, name);
}

static davit_status enter_driver(void *argument)
{
    davit_cuda_device *device = argument;
    cuda_result result =
        device->driver->device_get(&device->number, (int)device->base.info.ordinal);
    davit_status status = DAVIT_OK;
    if (result == CUDA_RESULT_SUCCESS) {
        status = configure(device, device->base.options.backend_options);
    }
    if (status == DAVIT_OK && result == CUDA_RESULT_SUCCESS) {
        result = device->driver->context_retain(&device->context, device->number);
    }
    if (status == DAVIT_OK && result != CUDA_RESULT_SUCCESS) {
        status = davit_cuda_fail(device, result, "opening it");
    }
    if (status != DAVIT_OK) {
        return status;
    }
    status = read_limits(device);
    if (status == DAVIT_OK) {
        status = load_kernels(device);
    }
    if (status != DAVIT_OK) {
        (void)leave_driver(device);
    }
    return status;
}

davit_status davit_cuda_open(davit_backend *backend, const davit_device_info *info,
                             const davit_device_options *options, davit_device **out)
{
    (void)backend;
    davit_cuda_device *device = davit_alloc(options->allocator, sizeof(*device));
    if (device == NULL) {
        return davit_fail(options->diag, DAVIT_OUT_OF_MEMORY, "device '%s': no memory", info->name);
    }
    device->base = (davit_device){.table = &device_table, .info = *info, .options = *options};
    device->driver = davit_cuda_driver_open(info->emulated ? DAVIT_CUDA_EMULATED : DAVIT_CUDA_REAL);
    atomic_init(&device->health, DAVIT_CUDA_WELL);
    atomic_init(&device->kept, NULL);
    atomic_init(&device->busy, 0);
    pthread_mutex_init(&device->mutex, NULL);
    atomic_init(&device->blas_state, DAVIT_CUDA_BLAS_UNKNOWN);
    pthread_mutex_init(&device->blas_mutex, NULL);
    davit_status status = davit_cuda_caller_create(device, &device->caller);
    if (status == DAVIT_OK) {
        status = davit_cuda_device_call(device, enter_driver, device);
    }
    if (status != DAVIT_OK) {
        destroy(device);
        return status;
    }
    *out = &device->base;
    return DAVIT_OK;
}
