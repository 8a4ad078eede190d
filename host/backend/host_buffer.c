#include "davit/host_buffer.h"

typedef struct host_buffer {
    davit_buffer base;
    void *data;
} host_buffer;

_Static_assert(offsetof(host_buffer, base) == 0, "the head of a buffer comes first");

davit_status davit_host_buffer_alloc(davit_device *device, size_t bytes, davit_buffer **out)
{
    const davit_allocator *allocator = device->options.allocator;
    host_buffer *buffer = davit_alloc(allocator, sizeof(*buffer));
    void *data = buffer != NULL ? davit_alloc_uninitialized(allocator, bytes) : NULL;
    if (data == NULL) {
        davit_free(allocator, buffer);
        return davit_fail(device->options.diag, DAVIT_OUT_OF_MEMORY,
                          "device '%s': no memory for a buffer of %zu bytes", device->info.name,
                          bytes);
    }
    buffer->data = data;
    *out = &buffer->base;
    return DAVIT_OK;
}

void davit_host_buffer_free(davit_buffer *base)
{
    host_buffer *buffer = (host_buffer *)base;
    const davit_allocator *allocator = base->device->options.allocator;
    davit_free(allocator, buffer->data);
    davit_free(allocator, buffer);
}

davit_status davit_host_buffer_map(davit_buffer *base, void **out)
{
    *out = ((host_buffer *)base)->data;
    return DAVIT_OK;
}
