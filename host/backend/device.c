#include "davit/backend.h"

#include "submission.h"

/* Options with their defaults filled in. */
static davit_device_options complete_options(const davit_device_options *options)
{
    davit_device_options complete = {0};
    if (options != NULL) {
        complete = *options;
    }
    if (complete.allocator == NULL) {
        complete.allocator = davit_allocator_default();
    }
    return complete;
}

static bool device_table_valid(const davit_device_table *table)
{
    return table != NULL && table->abi_version == DAVIT_BACKEND_ABI_VERSION &&
           table->struct_size == sizeof(*table) && table->close != NULL &&
           table->buffer_alloc != NULL && table->buffer_free != NULL &&
           table->program_build != NULL && table->program_free != NULL &&
           table->queue_create != NULL && table->queue_free != NULL && table->queue_submit != NULL;
}

davit_status davit_device_open(davit_backend *backend, const davit_device_info *info,
                               const davit_device_options *options, davit_device **out)
{
    if (out == NULL) {
        return DAVIT_INVALID_ARGUMENT;
    }
    *out = NULL;
    if (backend == NULL || info == NULL) {
        return DAVIT_INVALID_ARGUMENT;
    }
    davit_device_options complete = complete_options(options);
    if (info->unusable[0] != '\0') {
        return davit_fail(complete.diag, DAVIT_UNAVAILABLE, "device '%s' is not usable: %s",
                          info->name, info->unusable);
    }
    davit_device *device = NULL;
    davit_status status = backend->table->open(backend, info, &complete, &device);
    if (status != DAVIT_OK) {
        return status;
    }
    if (!device_table_valid(device->table)) {
        return davit_fail(complete.diag, DAVIT_INTERNAL,
                          "device '%s': the table of backend '%s' lacks an entry or is of another "
                          "version",
                          info->name, backend->table->name);
    }
    device->backend = backend;
    device->info = *info;
    device->options = complete;
    device->options.backend_options = NULL;
    *out = device;
    return DAVIT_OK;
}

void davit_device_close(davit_device *device)
{
    if (device != NULL) {
        device->table->close(device);
    }
}

davit_status davit_buffer_alloc(davit_device *device, size_t bytes, davit_buffer **out)
{
    if (out == NULL) {
        return DAVIT_INVALID_ARGUMENT;
    }
    *out = NULL;
    if (device == NULL) {
        return DAVIT_INVALID_ARGUMENT;
    }
    uint64_t limit = device->info.profile.memory_bytes;
    if (limit == 0 || limit > DAVIT_MAX_TENSOR_BYTES) {
        limit = DAVIT_MAX_TENSOR_BYTES;
    }
    if (bytes > limit) {
        return davit_fail(device->options.diag, DAVIT_OUT_OF_MEMORY,
                          "device '%s': a buffer of %zu bytes is more than its memory of %llu",
                          device->info.name, bytes, (unsigned long long)limit);
    }
    davit_buffer *buffer = NULL;
    davit_status status = device->table->buffer_alloc(device, bytes > 0 ? bytes : 1, &buffer);
    if (status != DAVIT_OK) {
        return status;
    }
    buffer->device = device;
    buffer->bytes = bytes;
    atomic_init(&buffer->references, 1);
    *out = buffer;
    return DAVIT_OK;
}

void davit_buffer_release(davit_buffer *buffer)
{
    if (buffer != NULL &&
        atomic_fetch_sub_explicit(&buffer->references, 1, memory_order_acq_rel) == 1) {
        buffer->device->table->buffer_free(buffer);
    }
}

void davit_buffer_free(davit_buffer *buffer)
{
    davit_buffer_release(buffer);
}

davit_status davit_buffer_map(davit_buffer *buffer, void **out)
{
    if (out == NULL) {
        return DAVIT_INVALID_ARGUMENT;
    }
    *out = NULL;
    if (buffer == NULL) {
        return DAVIT_INVALID_ARGUMENT;
    }
    const davit_device *device = buffer->device;
    if (device->table->buffer_map == NULL) {
        return davit_fail(device->options.diag, DAVIT_UNSUPPORTED,
                          "device '%s': its memory is not visible to the host", device->info.name);
    }
    return device->table->buffer_map(buffer, out);
}

davit_status davit_device_tune(davit_device *device, davit_choice_found found, void *user)
{
    if (device == NULL || found == NULL) {
        return DAVIT_INVALID_ARGUMENT;
    }
    return device->table->tune != NULL ? device->table->tune(device, found, user) : DAVIT_OK;
}
