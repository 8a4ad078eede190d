#include "driver.h"

#include <stdlib.h>
#include <string.h>

#define MOST_SHARED_BYTES ((size_t)48 << 10) /* of a block, without an opt-in */
#define ARGUMENT_ALIGNMENT ((size_t)16)

struct cuda_module_object {
    emu_object head;
    emu_device *device;
    cuda_function functions;
};

static davit_cudaemu_kernel *kernels;

/* Constructors run before anything else can: no lock. */
void davit_cudaemu_register(davit_cudaemu_kernel *kernel)
{
    kernel->next = kernels;
    kernels = kernel;
}

cuda_result emu_module_load(cuda_module *module, const void *image)
{
    cuda_result result;
    if (image == NULL || strcmp(image, DAVIT_CUDA_EMULATED_IMAGE) != 0) {
        return CUDA_RESULT_INVALID_IMAGE;
    }
    emu_device *device = emu_current(&result);
    if (device == NULL) {
        return result;
    }
    cuda_module made = calloc(1, sizeof(*made));
    if (made != NULL) {
        made->device = device;
        emu_keep(device, &made->head);
        *module = made;
    }
    emu_unlock(device);
    return made != NULL ? CUDA_RESULT_SUCCESS : CUDA_RESULT_OUT_OF_MEMORY;
}

cuda_result emu_module_unload(cuda_module module)
{
    cuda_result result;
    emu_device *device = emu_current_to_free(&result);
    if (device == NULL) {
        return result;
    }
    while (module->functions != NULL) {
        cuda_function first = module->functions;
        module->functions = first->next;
        free(first);
    }
    emu_forget(device, &module->head);
    free(module);
    emu_unlock(device);
    return result;
}

static const davit_cudaemu_kernel *find_kernel(const char *name)
{
    const davit_cudaemu_kernel *kernel = kernels;
    while (kernel != NULL && strcmp(kernel->name, name) != 0) {
        kernel = kernel->next;
    }
    return kernel;
}

static cuda_result find_function(cuda_module module, const char *name, cuda_function *out)
{
    for (cuda_function f = module->functions; f != NULL; f = f->next) {
        if (strcmp(f->kernel->name, name) == 0) {
            *out = f;
            return CUDA_RESULT_SUCCESS;
        }
    }
    const davit_cudaemu_kernel *kernel = find_kernel(name);
    cuda_function made = kernel != NULL ? calloc(1, sizeof(*made)) : NULL;
    if (made == NULL) {
        return kernel != NULL ? CUDA_RESULT_OUT_OF_MEMORY : CUDA_RESULT_NOT_FOUND;
    }
    *made = (struct cuda_function_object){
        .device = module->device, .kernel = kernel, .next = module->functions};
    module->functions = made;
    *out = made;
    return CUDA_RESULT_SUCCESS;
}

cuda_result emu_module_function(cuda_function *function, cuda_module module, const char *name)
{
    cuda_result result;
    emu_device *device = emu_current(&result);
    if (device == NULL) {
        return result;
    }
    result = find_function(module, name, function);
    emu_unlock(device);
    return result;
}

/* ---- launches ---- */

static size_t argument_room(uint32_t bytes)
{
    return (bytes + ARGUMENT_ALIGNMENT - 1) / ARGUMENT_ALIGNMENT * ARGUMENT_ALIGNMENT;
}

static bool dimensions_right(const davit_cudaemu_kernel *kernel, const uint32_t *grid,
                             const uint32_t *block)
{
    uint64_t threads = (uint64_t)block[0] * block[1] * block[2];
    return grid[0] > 0 && grid[0] <= INT32_MAX && grid[1] > 0 && grid[1] <= 65535 && grid[2] > 0 &&
           grid[2] <= 65535 && threads > 0 && block[0] <= 1024 && block[1] <= 1024 &&
           block[2] <= 64 && threads <= kernel->max_threads;
}

cuda_result emu_prepare(cuda_function function, const uint32_t *grid, const uint32_t *block,
                        size_t shared_bytes, void **arguments, emu_call **out)
{
    const davit_cudaemu_kernel *kernel = function->kernel;
    if (!dimensions_right(kernel, grid, block)) {
        return CUDA_RESULT_INVALID_VALUE;
    }
    if (shared_bytes + kernel->shared_bytes > MOST_SHARED_BYTES) {
        return CUDA_RESULT_LAUNCH_OUT_OF_RESOURCES;
    }
    size_t header = argument_room(sizeof(emu_call)) +
                    argument_room((uint32_t)(kernel->argument_count * sizeof(void *)));
    size_t bytes = header;
    for (uint32_t i = 0; i < kernel->argument_count; i++) {
        bytes += argument_room(kernel->argument_bytes[i]);
    }
    emu_call *launch = malloc(bytes);
    if (launch == NULL) {
        return CUDA_RESULT_OUT_OF_MEMORY;
    }
    *launch =
        (emu_call){.kernel = kernel,
                   .grid = {grid[0], grid[1], grid[2]},
                   .block = {block[0], block[1], block[2]},
                   .shared_bytes = shared_bytes,
                   .arguments = (void **)(void *)((char *)launch + argument_room(sizeof(*launch)))};
    char *place = (char *)launch + header;
    for (uint32_t i = 0; i < kernel->argument_count; i++) {
        memcpy(place, arguments[i], kernel->argument_bytes[i]);
        launch->arguments[i] = place;
        place += argument_room(kernel->argument_bytes[i]);
    }
    *out = launch;
    return CUDA_RESULT_SUCCESS;
}
