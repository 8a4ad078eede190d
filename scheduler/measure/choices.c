#include <stdio.h>

#include "davit/measure.h"

typedef struct choosing {
    davit_store *store;
    const char *key;
    size_t count;
} choosing;

static davit_status put(void *user, const char *choice, const char *name, double *samples_s,
                        size_t sample_count)
{
    choosing *c = user;
    char signature[160];
    davit_measurement measurement = davit_measurement_of(samples_s, sample_count);
    (void)snprintf(signature, sizeof(signature), DAVIT_CHOICE "%s:%s", choice, name);
    c->count++;
    return davit_store_put(c->store, c->key, signature, &measurement, NULL);
}

davit_status davit_measure_choices(davit_backend *backend, const davit_device_info *info,
                                   const davit_device_options *options, const char *key,
                                   davit_store *store, size_t *count)
{
    choosing c = {.store = store, .key = key};
    davit_device *device;
    davit_status status = davit_device_open(backend, info, options, &device);
    if (status == DAVIT_OK) {
        status = davit_device_tune(device, put, &c);
        davit_device_close(device);
    }
    *count = c.count;
    return status;
}
