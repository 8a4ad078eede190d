/* The devices `cpu` and `cpu:N`: engine, queues, and where programs are built. */
#ifndef DAVIT_ONEDNN_DEVICE_H
#define DAVIT_ONEDNN_DEVICE_H

#include <pthread.h>

#include "davit/backend.h"
#include "dnnl_api.h"

typedef struct davit_onednn_device {
    davit_device base;
    dnnl_engine_t engine;
    uint32_t threads;
    /* Held by whoever executes: one thread at a time calls oneDNN, however many queues there are.
     */
    pthread_mutex_t turn;
} davit_onednn_device;

_Static_assert(offsetof(davit_onednn_device, base) == 0, "the head of a device comes first");

/* Opens a device; see davit_backend_table.open. */
DAVIT_NODISCARD davit_status davit_onednn_device_open(davit_backend *backend,
                                                      const davit_device_info *info,
                                                      const davit_device_options *options,
                                                      davit_device **out);

#endif
