#include "device.h"

#include <stdio.h>
#include <time.h>

/* The driver takes a device's time to give memory out and waits for all of its work to take memory
 * back: what is freed stays in a pool, and leaves it when the driver has no more or the device is
 * closed. */

#define FLUSH_TRIES 1000 /* of a millisecond each, for other queues to end their work */

/* A piece of the pool may be this much larger than what is asked for. */
static bool fits(const davit_cuda_memory *memory, size_t bytes)
{
    return memory->bytes >= bytes && memory->bytes - bytes <= bytes / 8;
}

static davit_cuda_memory *take_idle(davit_cuda_device *device, davit_cuda_memory **idle,
                                    size_t bytes)
{
    davit_cuda_memory **best = NULL;
    pthread_mutex_lock(&device->mutex);
    for (davit_cuda_memory **place = idle; *place != NULL; place = &(*place)->next) {
        if (fits(*place, bytes) && (best == NULL || (*place)->bytes < (*best)->bytes)) {
            best = place;
        }
    }
    davit_cuda_memory *memory = best != NULL ? *best : NULL;
    if (memory != NULL) {
        *best = memory->next;
    }
    pthread_mutex_unlock(&device->mutex);
    return memory;
}

void davit_cuda_memory_give(davit_cuda_device *device, davit_cuda_memory *memory)
{
    if (memory != NULL) {
        davit_cuda_memory **idle = memory->host != NULL ? &device->idle_host : &device->idle;
        pthread_mutex_lock(&device->mutex);
        memory->next = *idle;
        *idle = memory;
        pthread_mutex_unlock(&device->mutex);
    }
}

static void clear(davit_cuda_device *device, davit_cuda_memory **idle)
{
    pthread_mutex_lock(&device->mutex);
    davit_cuda_memory *first = *idle;
    *idle = NULL;
    pthread_mutex_unlock(&device->mutex);
    while (first != NULL) {
        davit_cuda_memory *memory = first;
        first = memory->next;
        if (atomic_load(&device->health) == DAVIT_CUDA_HUNG) {
            /* stays with the driver */
        } else if (memory->host != NULL) {
            (void)device->driver->host_free(memory->host);
        } else {
            (void)device->driver->memory_free(memory->address);
        }
        davit_free(device->base.options.allocator, memory);
    }
}

void davit_cuda_memory_clear(davit_cuda_device *device)
{
    clear(device, &device->idle);
    clear(device, &device->idle_host);
}

/* Frees the pools for one that needs memory, when no stream works: freeing waits for streams, and
 * one of them may hang. */
static bool flush(davit_cuda_device *device)
{
    for (int i = 0; i < FLUSH_TRIES && atomic_load(&device->busy) > 0; i++) {
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    if (atomic_load(&device->busy) > 0) {
        return false;
    }
    davit_cuda_memory_clear(device);
    return true;
}

static cuda_result allocate(const davit_cuda_device *device, bool pinned, davit_cuda_memory *memory)
{
    return pinned
               ? device->driver->host_alloc(&memory->host, memory->bytes, CUDA_HOST_ALLOC_PORTABLE)
               : device->driver->memory_alloc(&memory->address, memory->bytes);
}

static davit_status take(davit_cuda_device *device, bool pinned, size_t bytes,
                         davit_cuda_memory **out)
{
    const davit_allocator *allocator = device->base.options.allocator;
    davit_cuda_memory *memory =
        take_idle(device, pinned ? &device->idle_host : &device->idle, bytes);
    if (memory != NULL) {
        *out = memory;
        return DAVIT_OK;
    }
    memory = davit_alloc(allocator, sizeof(*memory));
    if (memory == NULL) {
        return davit_cuda_no_memory(device, "the record of an allocation");
    }
    memory->bytes = bytes;
    cuda_result result = allocate(device, pinned, memory);
    if (result == CUDA_RESULT_OUT_OF_MEMORY && flush(device)) {
        result = allocate(device, pinned, memory);
    }
    if (result != CUDA_RESULT_SUCCESS) {
        davit_free(allocator, memory);
        char what[96];
        (void)snprintf(what, sizeof(what), "%zu bytes of %s memory", bytes,
                       pinned ? "pinned" : "device");
        return davit_cuda_fail(device, result, what);
    }
    *out = memory;
    return DAVIT_OK;
}

davit_status davit_cuda_memory_take(davit_cuda_device *device, size_t bytes,
                                    davit_cuda_memory **out)
{
    return take(device, false, bytes, out);
}

davit_status davit_cuda_pinned_take(davit_cuda_device *device, size_t bytes,
                                    davit_cuda_memory **out)
{
    return take(device, true, bytes, out);
}

/* ---- buffers ---- */

typedef struct allocation {
    davit_cuda_device *device;
    size_t bytes;
    davit_cuda_memory *memory; /* out */
} allocation;

static davit_status allocate_buffer(void *argument)
{
    allocation *wanted = argument;
    davit_status status = davit_cuda_enter(wanted->device);
    if (status == DAVIT_OK) {
        status = davit_cuda_memory_take(wanted->device, wanted->bytes, &wanted->memory);
        davit_cuda_leave(wanted->device);
    }
    return status;
}

davit_status davit_cuda_buffer_alloc(davit_device *base, size_t bytes, davit_buffer **out)
{
    davit_cuda_device *device = (davit_cuda_device *)base;
    davit_cuda_buffer *buffer = davit_alloc(base->options.allocator, sizeof(*buffer));
    if (buffer == NULL) {
        return davit_cuda_no_memory(device, "a buffer");
    }
    allocation wanted = {.device = device, .bytes = bytes};
    davit_status status = davit_cuda_device_call(device, allocate_buffer, &wanted);
    if (status != DAVIT_OK) {
        davit_free(base->options.allocator, buffer);
        return status;
    }
    buffer->memory = wanted.memory;
    *out = &buffer->base;
    return DAVIT_OK;
}

void davit_cuda_buffer_free(davit_buffer *base)
{
    davit_cuda_device *device = (davit_cuda_device *)base->device;
    davit_cuda_memory_give(device, ((davit_cuda_buffer *)base)->memory);
    davit_free(base->device->options.allocator, base);
}
