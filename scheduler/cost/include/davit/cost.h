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
    double joules;     /* above idle; 0: unknown */
    double confidence; /* 0..1 */
    davit_cost_source source;
} davit_cost_estimate;

#define DAVIT_SIGNATURE_HEX 33

/* What the time of a unit depends on, but for the device: operators, attributes, types and shapes
 * of inputs, constants and outputs, epilogues, constants that decide shapes. No names; no values of
 * weights, scales and bounds. The same for equal units of different networks. 32 hex digits. */
void davit_unit_signature(const davit_graph *graph, const davit_unit *unit,
                          char signature[DAVIT_SIGNATURE_HEX]);

/* The numbers by which times of units of one kind are compared. */
void davit_unit_work(const davit_graph *graph, const davit_unit *unit, davit_work *work);

#define DAVIT_DEVICE_KEY_BYTES 256

/* Where the times of a device of this machine are kept: name, backend, versions, instruction set,
 * threads (0: all cores). Two devices of one key are equally fast. Returns key. */
char *davit_device_key(const davit_backend *backend, const davit_device_info *info,
                       uint32_t threads, char key[DAVIT_DEVICE_KEY_BYTES]);

/* A device whose times are asked for. */
typedef struct davit_cost_device {
    const davit_backend *backend;
    const davit_device_profile *profile;
    const char *key; /* of the store; "" for a device that exists only as a profile */
} davit_cost_device;

typedef struct davit_cost_model davit_cost_model;

/* store may be NULL: nothing is measured. Borrows it; it must not change while the model lives.
 * Calls on the model are thread-safe. */
DAVIT_NODISCARD davit_status davit_cost_model_create(const davit_allocator *allocator,
                                                     const davit_store *store,
                                                     davit_cost_model **out);
void davit_cost_model_destroy(davit_cost_model *model);

/* The time of a unit inside a program. DAVIT_UNSUPPORTED, not reported, when the device cannot run
 * it. */
DAVIT_NODISCARD davit_status davit_cost_unit(const davit_cost_model *model,
                                             const davit_cost_device *device,
                                             const davit_graph *graph, const davit_unit *unit,
                                             davit_cost_estimate *out);

typedef enum davit_cost_way {
    DAVIT_COST_INPUT,     /* of the graph, to the device: free where it reads what is lent */
    DAVIT_COST_TO_DEVICE, /* from the host's memory */
    DAVIT_COST_TO_HOST
} davit_cost_way;

/* One copy of a value between the host's memory and the device's, the change to or from the layout
 * between devices included. Measured, else latency + bytes / rate of the profile's link; 0 where the
 * profile has none. */
void davit_cost_copy(const davit_cost_model *model, const davit_cost_device *device,
                     const davit_tensor_desc *desc, davit_cost_way way, davit_cost_estimate *out);

/* What one run of a program costs beside its units and copies: submission, waking the worker. */
void davit_cost_submit(const davit_cost_model *model, const davit_cost_device *device,
                       davit_cost_estimate *out);

/* Signatures of what is measured beside units. Links are measured for several sizes; the work's
 * bytes say which. */
#define DAVIT_LINK_TO_DEVICE "link:to_device:" /* and the bytes in decimal */
#define DAVIT_LINK_TO_HOST "link:to_host:"
#define DAVIT_SUBMISSION "submission"

#endif
