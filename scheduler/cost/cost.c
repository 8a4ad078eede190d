#include "davit/cost.h"

#include <pthread.h>
#include <string.h>

#include "fit.h"

/* What was learned of one device. */
typedef struct learned {
    char key[DAVIT_DEVICE_KEY_BYTES];
    davit_fit *fit; /* NULL: nothing */
} learned;

/* What a model learns when it is first asked of a device. */
typedef struct learned_devices {
    pthread_mutex_t mutex; /* of the store too, which reads files when it is asked */
    size_t count, capacity;
    learned *list;
} learned_devices;

struct davit_cost_model {
    const davit_allocator *allocator;
    const davit_store *store; /* NULL: nothing is measured */
    learned_devices *devices;
};

/* What a backend's own form is worth where it names no confidence above it. */
#define DATA_SHEET_CONFIDENCE 0.25

const char *davit_cost_source_name(davit_cost_source source)
{
    switch (source) {
    case DAVIT_COST_MEASURED:
        return "measured";
    case DAVIT_COST_FITTED:
        return "fitted";
    case DAVIT_COST_MODELLED:
        return "modelled";
    case DAVIT_COST_DATA_SHEET:
        return "data sheet";
    }
    return "unknown";
}

davit_status davit_cost_model_create(const davit_allocator *allocator, const davit_store *store,
                                     davit_cost_model **out)
{
    *out = NULL;
    davit_cost_model *model = davit_alloc(allocator, sizeof(*model));
    if (model == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    *model = (davit_cost_model){.allocator = allocator,
                                .store = store,
                                .devices = davit_alloc(allocator, sizeof(*model->devices))};
    if (model->devices == NULL || pthread_mutex_init(&model->devices->mutex, NULL) != 0) {
        davit_free(allocator, model->devices);
        davit_free(allocator, model);
        return DAVIT_OUT_OF_MEMORY;
    }
    *out = model;
    return DAVIT_OK;
}

void davit_cost_model_destroy(davit_cost_model *model)
{
    if (model != NULL) {
        learned_devices *devices = model->devices;
        for (size_t i = 0; i < devices->count; i++) {
            davit_fit_destroy(devices->list[i].fit);
        }
        davit_free(model->allocator, devices->list);
        (void)pthread_mutex_destroy(&devices->mutex);
        davit_free(model->allocator, devices);
        davit_free(model->allocator, model);
    }
}

static bool may_know(const davit_cost_model *model, const davit_cost_device *device)
{
    return model->store != NULL && device->key[0] != '\0';
}

static bool find(const davit_cost_model *model, const davit_cost_device *device,
                 const char *signature, davit_measurement *out)
{
    if (!may_know(model, device)) {
        return false;
    }
    pthread_mutex_lock(&model->devices->mutex);
    bool found = davit_store_find(model->store, device->key, signature, out);
    pthread_mutex_unlock(&model->devices->mutex);
    return found;
}

/* Adds what the store has of a device. NULL when memory is short or nothing is known. */
static const davit_fit *learn(const davit_cost_model *model, const char *key)
{
    learned_devices *devices = model->devices;
    davit_store_entry *entries;
    size_t count;
    if (davit_array_grow(model->allocator, (void **)&devices->list, &devices->capacity,
                         devices->count, devices->count + 1, sizeof(*devices->list)) != DAVIT_OK ||
        davit_store_list(model->store, key, &entries, &count) != DAVIT_OK) {
        return NULL;
    }
    learned *device = &devices->list[devices->count];
    *device = (learned){.fit = NULL};
    strncpy(device->key, key, sizeof(device->key) - 1);
    davit_status status =
        count > 0 ? davit_fit_create(model->allocator, entries, count, &device->fit) : DAVIT_OK;
    davit_store_free_list(model->store, entries);
    if (status != DAVIT_OK) {
        return NULL;
    }
    devices->count++;
    return device->fit;
}

/* What was learned of a device; it lives as long as the model, and does not change. */
static const davit_fit *fit_of(const davit_cost_model *model, const davit_cost_device *device)
{
    if (!may_know(model, device)) {
        return NULL;
    }
    learned_devices *devices = model->devices;
    const davit_fit *fit = NULL;
    pthread_mutex_lock(&devices->mutex);
    size_t i = 0;
    while (i < devices->count && strcmp(devices->list[i].key, device->key) != 0) {
        i++;
    }
    fit = i < devices->count ? devices->list[i].fit : learn(model, device->key);
    pthread_mutex_unlock(&devices->mutex);
    return fit;
}

/* Confidence of a measurement: 1 for samples that all agree. */
static double trust(const davit_measurement *measurement)
{
    return 1 / (1 + measurement->spread_s / measurement->median_s);
}

davit_status davit_cost_unit(const davit_cost_model *model, const davit_cost_device *device,
                             const davit_graph *graph, const davit_unit *unit,
                             davit_cost_estimate *out)
{
    davit_unit_cost modelled;
    if (!davit_backend_supports(device->backend, device->profile, graph, unit, NULL, 0)) {
        return DAVIT_UNSUPPORTED;
    }
    davit_status status =
        davit_backend_cost(device->backend, device->profile, graph, unit, &modelled);
    if (status != DAVIT_OK) {
        return status;
    }
    bool closed_form =
        device->backend->table->cost != NULL && modelled.confidence > DATA_SHEET_CONFIDENCE;
    davit_cost_estimate estimate = {.seconds = modelled.seconds,
                                    .joules = modelled.joules,
                                    .confidence = modelled.confidence,
                                    .source =
                                        closed_form ? DAVIT_COST_MODELLED : DAVIT_COST_DATA_SHEET};
    char signature[DAVIT_SIGNATURE_HEX];
    davit_measurement measured;
    davit_unit_signature(graph, unit, signature);
    if (find(model, device, signature, &measured)) {
        estimate.seconds = measured.median_s;
        estimate.confidence = trust(&measured);
        estimate.source = DAVIT_COST_MEASURED;
    } else {
        const davit_fit *fit = fit_of(model, device);
        davit_work work;
        davit_unit_work(graph, unit, &work);
        if (fit != NULL &&
            davit_fit_estimate(fit, &work, &estimate.seconds, &estimate.confidence)) {
            estimate.source = DAVIT_COST_FITTED;
        }
    }
    *out = estimate;
    return DAVIT_OK;
}

void davit_cost_copy(const davit_cost_model *model, const davit_cost_device *device,
                     const davit_tensor_desc *desc, davit_cost_way way, davit_cost_estimate *out)
{
    const bool to_device = way != DAVIT_COST_TO_HOST;
    const davit_link_profile *link = &device->profile->link;
    double rate = to_device ? link->to_device_bytes_per_s : link->to_host_bytes_per_s;
    double bytes = (double)davit_tensor_desc_bytes(desc);
    const davit_fit *fit = fit_of(model, device);
    *out = (davit_cost_estimate){.source = DAVIT_COST_DATA_SHEET,
                                 .confidence = 0.5,
                                 .joules = bytes * link->joules_per_byte};
    if (way == DAVIT_COST_INPUT && device->backend->table->reads_lent) {
        *out = (davit_cost_estimate){.source = DAVIT_COST_MODELLED, .confidence = 1};
        return;
    }
    if (fit != NULL && davit_fit_copy(fit, bytes, to_device, &out->seconds, &out->confidence)) {
        out->source = DAVIT_COST_MEASURED;
    } else if (rate > 0) {
        out->seconds = (double)link->latency_ns * 1e-9 + bytes / rate;
    }
}

void davit_cost_submit(const davit_cost_model *model, const davit_cost_device *device,
                       davit_cost_estimate *out)
{
    davit_measurement measured;
    *out = (davit_cost_estimate){.source = DAVIT_COST_DATA_SHEET};
    if (find(model, device, DAVIT_SUBMISSION, &measured)) {
        *out = (davit_cost_estimate){.seconds = measured.median_s,
                                     .confidence = trust(&measured),
                                     .source = DAVIT_COST_MEASURED};
    }
}
