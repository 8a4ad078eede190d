/* Buffers in host memory: the common part of reference, onednn and null. */
#ifndef DAVIT_HOST_BUFFER_H
#define DAVIT_HOST_BUFFER_H

#include "davit/backend.h"

/* Table entries of a device whose memory is the host's, from the device's allocator. */
davit_status davit_host_buffer_alloc(davit_device *device, size_t bytes, davit_buffer **out);
void davit_host_buffer_free(davit_buffer *buffer);
davit_status davit_host_buffer_map(davit_buffer *buffer, void **out);

#endif
