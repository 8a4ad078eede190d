/* A plan: which device runs which unit, and the JSON that carries it (format v1, described by
 * scheduler/plan.schema.json). */
#ifndef DAVIT_PLAN_H
#define DAVIT_PLAN_H

#include "davit/backend.h"

#define DAVIT_PLAN_SCHEMA_VERSION 1
#define DAVIT_SHA256_HEX 65

/* A device that units may be placed on. */
typedef struct davit_plan_device {
    davit_device_info info;
    davit_backend *backend;
} davit_plan_device;

/* A wish of the user: the unit whose name, or the name of one of whose nodes or outputs, is
 * `name` runs on `device`. */
typedef struct davit_pin {
    const char *name;
    const char *device;
} davit_pin;

typedef struct davit_plan_request {
    const davit_graph *graph; /* with units */
    const char *model_sha256; /* hex, of the file */
    size_t device_count;      /* in order of preference */
    const davit_plan_device *devices;
    size_t pin_count;
    const davit_pin *pins;
    /* Fail (DAVIT_UNSUPPORTED) instead of placing a unit on another device than the first of the
     * list that the user gave; a pin is no fallback. */
    bool strict;
} davit_plan_request;

typedef struct davit_plan_unit {
    uint32_t device;    /* index into devices */
    bool fallback;      /* not on the first device because that one lacks the unit */
    const char *reason; /* "first device", "pinned", "cpu: operator NonZero" */
} davit_plan_unit;

typedef struct davit_plan {
    davit_arena arena; /* of everything here */
    char model_sha256[DAVIT_SHA256_HEX];
    size_t device_count;
    davit_plan_device *devices;
    size_t unit_count;
    davit_plan_unit *units; /* by unit id */
    size_t binding_count;   /* input shapes the plan was made for */
    davit_program_io *bindings;
} davit_plan;

/* Places each unit on its pin, else on the first device that supports it. Unknown names in pins,
 * a pin to a device that lacks the unit, and a unit that no device supports are errors that name
 * both. Unused devices are logged (DAVIT_INFO), fallbacks warned of once, in one line. */
DAVIT_NODISCARD davit_status davit_plan_make(const davit_allocator *allocator,
                                             const davit_plan_request *request,
                                             const davit_diagnostics *diag, davit_plan **out);
void davit_plan_destroy(davit_plan *plan);

/* Writes a plan as JSON; free *text with free(). */
DAVIT_NODISCARD davit_status davit_plan_write(const davit_plan *plan, const davit_graph *graph,
                                              const davit_diagnostics *diag, char **text);

/* Reads a plan made for the request's graph: refuses another schema version, another model hash,
 * other input shapes, missing or unknown units, devices that are not among the request's, and
 * units that their device does not support. path is for messages. */
DAVIT_NODISCARD davit_status davit_plan_read(const davit_allocator *allocator, const char *path,
                                             const char *text, const davit_plan_request *request,
                                             const davit_diagnostics *diag, davit_plan **out);

#endif
