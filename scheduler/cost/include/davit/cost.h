/* What a unit, a copy, a change of layout costs on a device: measured on this machine where it was
 * (davit/store.h), else modelled from what was measured of its like, else from the device's closed
 * form, else from its data sheet. Every estimate says which. */
#ifndef DAVIT_COST_H
#define DAVIT_COST_H

#include "davit/store.h"

typedef enum davit_cost_source {
    DAVIT_COST_MEASURED,  /* this unit, on this device of this machine */
    DAVIT_COST_FITTED,    /* from measurements of other units on this device */
    DAVIT_COST_MODELLED,  /* the device's closed form (cycle model, roofline with efficiencies) */
    DAVIT_COST_DATA_SHEET /* peaks only */
} davit_cost_source;

const char *davit_cost_source_name(davit_cost_source source); /* "measured" */

typedef struct davit_cost_estimate {
    double seconds;
    double joules;     /* 0: unknown */
    double confidence; /* 0..1 */
    davit_cost_source source;
} davit_cost_estimate;

#define DAVIT_SIGNATURE_HEX 33

/* What the time of a unit depends on, but for the device: operators, attributes, types and shapes
 * of inputs, constants and outputs, epilogues; no names, no values. The same for equal units of
 * different networks. 32 hex digits. */
void davit_unit_signature(const davit_graph *graph, const davit_unit *unit,
                          char signature[DAVIT_SIGNATURE_HEX]);

/* Where the times of a device are kept: name, backend, versions, instruction set, threads. */
typedef struct davit_cost_device {
    const davit_backend *backend;
    const davit_device_profile *profile;
    const char *key; /* of the store; "" for a device that exists only as a profile */
} davit_cost_device;

typedef struct davit_cost_model davit_cost_model;

/* store may be NULL: nothing is measured. Borrows it. Read-only after creation, then thread-safe.
 */
DAVIT_NODISCARD davit_status davit_cost_model_create(const davit_allocator *allocator,
                                                     const davit_store *store,
                                                     davit_cost_model **out);
void davit_cost_model_destroy(davit_cost_model *model);

/* DAVIT_UNSUPPORTED, not reported, when the device cannot run the unit. */
DAVIT_NODISCARD davit_status davit_cost_unit(const davit_cost_model *model,
                                             const davit_cost_device *device,
                                             const davit_graph *graph, const davit_unit *unit,
                                             davit_cost_estimate *out);

/* One copy of a value between the host's memory and the device's (which way: to_device), the change
 * to or from the layout between devices included. */
void davit_cost_copy(const davit_cost_model *model, const davit_cost_device *device,
                     const davit_tensor_desc *desc, bool to_device, davit_cost_estimate *out);

#endif
