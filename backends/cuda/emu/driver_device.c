#include "driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define API_VERSION 12000
#define MAX_CONTEXTS 16

static struct {
    pthread_once_t once;
    cuda_result result; /* of cuInit */
    int count;
    emu_options options; /* of the environment */
    struct cuda_context_object contexts[EMU_MAX_DEVICES];
} driver = {.once = PTHREAD_ONCE_INIT,
            .result = CUDA_RESULT_NOT_INITIALIZED,
            .options = {.memory_mib = 4096, .capability = 80, .multiprocessors = 108}};

static _Thread_local struct {
    cuda_context stack[MAX_CONTEXTS];
    int depth;
} current;

/* ---- start ---- */

static bool read_count(int *count)
{
    const char *text = getenv("DAVIT_CUDAEMU_DEVICES");
    char *end = NULL;
    if (text == NULL || text[0] == '\0') {
        *count = 1;
        return true;
    }
    long value = strtol(text, &end, 10);
    *count = (int)value;
    return *end == '\0' && value >= 0 && value <= EMU_MAX_DEVICES;
}

static void start(void)
{
    if (!read_count(&driver.count) ||
        !emu_read_options(getenv("DAVIT_CUDAEMU_OPTIONS"), &driver.options)) {
        driver.result = CUDA_RESULT_INVALID_VALUE;
        return;
    }
    for (int i = 0; i < driver.count; i++) {
        emu_device *device = &driver.contexts[i].device;
        device->number = i;
        device->options = driver.options;
        pthread_mutex_init(&device->mutex, NULL);
        pthread_cond_init(&device->changed, NULL);
        if (!emu_reserve_range(device)) {
            driver.result = CUDA_RESULT_OUT_OF_MEMORY;
            return;
        }
    }
    driver.result = CUDA_RESULT_SUCCESS;
}

cuda_result emu_init(unsigned flags)
{
    (void)pthread_once(&driver.once, start);
    return flags == 0 ? driver.result : CUDA_RESULT_INVALID_VALUE;
}

cuda_result emu_version(int *version)
{
    *version = API_VERSION;
    return CUDA_RESULT_SUCCESS;
}

/* ---- errors ---- */

static const struct {
    cuda_result result;
    const char *name, *text;
} errors[] = {
    {CUDA_RESULT_SUCCESS, "CUDA_SUCCESS", "no error"},
    {CUDA_RESULT_INVALID_VALUE, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {CUDA_RESULT_OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {CUDA_RESULT_NOT_INITIALIZED, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"},
    {CUDA_RESULT_NO_DEVICE, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"},
    {CUDA_RESULT_INVALID_DEVICE, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"},
    {CUDA_RESULT_INVALID_IMAGE, "CUDA_ERROR_INVALID_IMAGE", "device kernel image is invalid"},
    {CUDA_RESULT_INVALID_CONTEXT, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
    {CUDA_RESULT_NOT_FOUND, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
    {CUDA_RESULT_NOT_READY, "CUDA_ERROR_NOT_READY", "device not ready"},
    {CUDA_RESULT_ILLEGAL_ADDRESS, "CUDA_ERROR_ILLEGAL_ADDRESS",
     "an illegal memory access was encountered"},
    {CUDA_RESULT_LAUNCH_OUT_OF_RESOURCES, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES",
     "too many resources requested for launch"},
    {CUDA_RESULT_LAUNCH_FAILED, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"},
};

static cuda_result find_error(cuda_result error, bool want_name, const char **out)
{
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        if (errors[i].result == error) {
            *out = want_name ? errors[i].name : errors[i].text;
            return CUDA_RESULT_SUCCESS;
        }
    }
    *out = NULL;
    return CUDA_RESULT_INVALID_VALUE;
}

cuda_result emu_error_name(cuda_result error, const char **name)
{
    return find_error(error, true, name);
}

cuda_result emu_error_string(cuda_result error, const char **text)
{
    return find_error(error, false, text);
}

/* ---- devices ---- */

emu_device *emu_find(int number)
{
    bool known = driver.result == CUDA_RESULT_SUCCESS && number >= 0 && number < driver.count;
    return known ? &driver.contexts[number].device : NULL;
}

cuda_result emu_device_count(int *count)
{
    *count = driver.count;
    return driver.result;
}

cuda_result emu_device_get(cuda_device_number *device, int ordinal)
{
    if (emu_find(ordinal) == NULL) {
        return CUDA_RESULT_INVALID_DEVICE;
    }
    *device = ordinal;
    return CUDA_RESULT_SUCCESS;
}

cuda_result emu_device_name(char *name, int bytes, cuda_device_number device)
{
    if (emu_find(device) == NULL) {
        return CUDA_RESULT_INVALID_DEVICE;
    }
    (void)snprintf(name, (size_t)bytes, "NVIDIA A100 80GB PCIe");
    return CUDA_RESULT_SUCCESS;
}

cuda_result emu_device_memory(size_t *bytes, cuda_device_number number)
{
    const emu_device *device = emu_find(number);
    if (device == NULL) {
        return CUDA_RESULT_INVALID_DEVICE;
    }
    *bytes = (size_t)device->options.memory_mib << 20;
    return CUDA_RESULT_SUCCESS;
}

/* Those of an A100, but for the capability. */
cuda_result emu_device_attribute(int *value, int attribute, cuda_device_number number)
{
    const emu_device *device = emu_find(number);
    if (device == NULL) {
        return CUDA_RESULT_INVALID_DEVICE;
    }
    int capability = (int)device->options.capability;
    const struct {
        int attribute, value;
    } attributes[] = {
        {CUDA_ATTRIBUTE_MAX_THREADS_PER_BLOCK, 1024},
        {CUDA_ATTRIBUTE_MAX_GRID_X, 2147483647},
        {CUDA_ATTRIBUTE_MAX_GRID_Y, 65535},
        {CUDA_ATTRIBUTE_MAX_GRID_Z, 65535},
        {CUDA_ATTRIBUTE_SHARED_BYTES_PER_BLOCK, 49152},
        {CUDA_ATTRIBUTE_CLOCK_KHZ, 1410000},
        {CUDA_ATTRIBUTE_MULTIPROCESSORS, (int)device->options.multiprocessors},
        {CUDA_ATTRIBUTE_MEMORY_CLOCK_KHZ, 1512000},
        {CUDA_ATTRIBUTE_MEMORY_BUS_BITS, 5120},
        {CUDA_ATTRIBUTE_CAPABILITY_MAJOR, capability / 10},
        {CUDA_ATTRIBUTE_CAPABILITY_MINOR, capability % 10},
    };
    for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
        if (attributes[i].attribute == attribute) {
            *value = attributes[i].value;
            return CUDA_RESULT_SUCCESS;
        }
    }
    return CUDA_RESULT_INVALID_VALUE;
}

cuda_result emu_device_pci_address(char *address, int bytes, cuda_device_number device)
{
    if (emu_find(device) == NULL) {
        return CUDA_RESULT_INVALID_DEVICE;
    }
    int length = snprintf(address, (size_t)bytes, "FFFF:%02X:00.0", (unsigned)device);
    return length < bytes ? CUDA_RESULT_SUCCESS : CUDA_RESULT_INVALID_VALUE;
}

cuda_result emu_configure(cuda_device_number number, const char *options)
{
    emu_device *device = emu_find(number);
    emu_options read = driver.options;
    if (device == NULL || !emu_read_options(options, &read)) {
        return device == NULL ? CUDA_RESULT_INVALID_DEVICE : CUDA_RESULT_INVALID_VALUE;
    }
    pthread_mutex_lock(&device->mutex);
    device->options = read;
    device->allocation_count = 0;
    device->kernel_count = 0;
    device->call_count = 0;
    pthread_mutex_unlock(&device->mutex);
    return CUDA_RESULT_SUCCESS;
}

cuda_result emu_last_fault(cuda_device_number number, char *text, size_t text_bytes)
{
    emu_device *device = emu_find(number);
    if (device == NULL) {
        return CUDA_RESULT_INVALID_DEVICE;
    }
    pthread_mutex_lock(&device->mutex);
    (void)snprintf(text, text_bytes, "%s", device->fault);
    pthread_mutex_unlock(&device->mutex);
    return CUDA_RESULT_SUCCESS;
}

cuda_result emu_leaked(cuda_device_number number, unsigned *count)
{
    emu_device *device = emu_find(number);
    if (device == NULL) {
        return CUDA_RESULT_INVALID_DEVICE;
    }
    pthread_mutex_lock(&device->mutex);
    *count = device->leaked_count + device->object_count + emu_blas_live();
    pthread_mutex_unlock(&device->mutex);
    return CUDA_RESULT_SUCCESS;
}

void emu_fail(emu_device *device, cuda_result result, const char *text)
{
    pthread_mutex_lock(&device->mutex);
    if (atomic_load(&device->sticky) == CUDA_RESULT_SUCCESS) {
        (void)snprintf(device->fault, sizeof(device->fault), "%s", text);
        atomic_store(&device->sticky, result);
    }
    pthread_mutex_unlock(&device->mutex);
}

void emu_keep(emu_device *device, emu_object *object)
{
    object->next = device->objects;
    object->place = &device->objects;
    if (object->next != NULL) {
        object->next->place = &object->next;
    }
    device->objects = object;
    device->object_count++;
}

void emu_forget(emu_device *device, emu_object *object)
{
    *object->place = object->next;
    if (object->next != NULL) {
        object->next->place = object->place;
    }
    device->object_count--;
}

/* ---- contexts ---- */

cuda_result emu_context_retain(cuda_context *context, cuda_device_number number)
{
    emu_device *device = emu_find(number);
    if (device == NULL) {
        return CUDA_RESULT_INVALID_DEVICE;
    }
    pthread_mutex_lock(&device->mutex);
    cuda_result sticky = atomic_load(&device->sticky);
    if (sticky == CUDA_RESULT_SUCCESS) {
        device->retained++;
        *context = &driver.contexts[number];
    }
    pthread_mutex_unlock(&device->mutex);
    return sticky;
}

/* The last release frees what the context has, and its error. */
cuda_result emu_context_release(cuda_device_number number)
{
    emu_device *device = emu_find(number);
    if (device == NULL) {
        return CUDA_RESULT_INVALID_DEVICE;
    }
    pthread_mutex_lock(&device->mutex);
    if (device->retained == 0) {
        pthread_mutex_unlock(&device->mutex);
        return CUDA_RESULT_INVALID_CONTEXT;
    }
    device->retained--;
    if (device->retained == 0) {
        while (device->worker_count > 0) {
            pthread_cond_wait(&device->changed, &device->mutex);
        }
        device->leaked_count += device->object_count;
        device->object_count = 0;
        device->objects = NULL;
        emu_free_memory(device);
        device->fault[0] = '\0';
        atomic_store(&device->sticky, CUDA_RESULT_SUCCESS);
    }
    pthread_mutex_unlock(&device->mutex);
    return CUDA_RESULT_SUCCESS;
}

cuda_result emu_context_push(cuda_context context)
{
    if (context == NULL || current.depth == MAX_CONTEXTS) {
        return CUDA_RESULT_INVALID_CONTEXT;
    }
    current.stack[current.depth++] = context;
    return CUDA_RESULT_SUCCESS;
}

cuda_result emu_context_pop(cuda_context *context)
{
    if (current.depth == 0) {
        return CUDA_RESULT_INVALID_CONTEXT;
    }
    *context = current.stack[--current.depth];
    return CUDA_RESULT_SUCCESS;
}

emu_device *emu_current_to_free(cuda_result *result)
{
    *result = CUDA_RESULT_INVALID_CONTEXT;
    if (current.depth == 0) {
        return NULL;
    }
    emu_device *device = &current.stack[current.depth - 1]->device;
    pthread_mutex_lock(&device->mutex);
    if (device->retained == 0) {
        pthread_mutex_unlock(&device->mutex);
        return NULL;
    }
    *result = atomic_load(&device->sticky);
    return device;
}

emu_device *emu_look(cuda_result *result)
{
    emu_device *device = emu_current_to_free(result);
    if (device != NULL && *result != CUDA_RESULT_SUCCESS) {
        pthread_mutex_unlock(&device->mutex);
        return NULL;
    }
    return device;
}

emu_device *emu_current(cuda_result *result)
{
    emu_device *device = emu_look(result);
    if (device != NULL && ++device->call_count == device->options.block_at) {
        pthread_mutex_unlock(&device->mutex);
        for (;;) {
            (void)nanosleep(&(struct timespec){.tv_sec = 3600}, NULL);
        }
    }
    return device;
}

void emu_unlock(emu_device *device)
{
    pthread_mutex_unlock(&device->mutex);
}
