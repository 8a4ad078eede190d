/* A plan: which device runs which unit, what that is predicted to take, how far it can be from the
 * best, and the JSON that carries it (scheduler/plan/plan.schema.json). */
#ifndef DAVIT_PLAN_H
#define DAVIT_PLAN_H

#include "davit/backend.h"
#include "davit/cost.h"
#include "davit/place.h"

#define DAVIT_PLAN_SCHEMA_VERSION 2
#define DAVIT_SHA256_HEX 65

/* A device that units may be placed on. */
typedef struct davit_plan_device {
    davit_device_info info;
    davit_backend *backend;
    const char *cost_key; /* where its measured times are kept (davit_cost_device), "" for none */
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
    /* Fail (DAVIT_UNSUPPORTED) instead of placing a unit that the first device of the list cannot
     * run on another one; a pin is no fallback. */
    bool strict;
    /* Kinds of device, as names of devices begin with them, on which no unit falls back:
     * "cpu,reference". NULL: none. */
    const char *no_fallback;
    /* The device that has all units that compute floats: what these give is not defined to the bit, and
     * a quantised network's result then depends on no placement. NULL: any may have them. */
    const char *float_device;
    /* Where units already are, by unit id: index into devices, or DAVIT_NONE for those that lost their
     * device, which fall back. NULL: nothing is placed yet. */
    const uint32_t *placed;
    const davit_cost_model *cost;
    davit_place_objective objective;
    double latency_limit_s;   /* energy only; INFINITY: none */
    uint64_t inference_count; /* what is done once (loading a bitstream) counts 1/N of its time */
    uint32_t effort;          /* of davit_place_solve, in percent; 0: 25 */
    /* Of a plan that is read: verify its proof, which takes about as long as making the plan; else
     * nothing is proved of it. */
    bool check_proof;
} davit_plan_request;

typedef struct davit_plan_unit {
    uint32_t device;          /* index into devices */
    bool fallback;            /* not on the first device because that one lacks the unit */
    const char *reason;       /* "first device", "pinned", "cpu: operator NonZero" */
    davit_cost_estimate cost; /* on its device */
    double start_s, end_s;    /* in the predicted timeline of one inference */
} davit_plan_unit;

/* A copy in the predicted timeline, between the host's memory and a device's. */
typedef struct davit_plan_copy {
    davit_value_id value;
    uint32_t device;
    bool to_device;
    double start_s, end_s;
} davit_plan_copy;

/* What a plan is predicted to take. */
typedef struct davit_plan_prediction {
    davit_place_objective objective;
    double latency_limit_s; /* energy only, else INFINITY */
    double latency_s;       /* of one inference */
    double period_s;        /* between results of a pipeline of inferences */
    double joules;          /* of one inference; 0: unknown */
    /* Of the objective: no placement is below it. 0 when nothing is proved, as after reading. */
    double bound;
    const char *method, *bound_method; /* "" when the plan was read */
    const char *certificate;           /* JSON (davit/place.h), "" when nothing is proved */
    char problem_sha256[DAVIT_SHA256_HEX];
} davit_plan_prediction;

/* What a device of the plan has to do in one inference. */
typedef struct davit_plan_load {
    davit_place_load load;
    const char *unused; /* why it has no unit; "" when it has */
} davit_plan_load;

typedef struct davit_plan {
    davit_arena arena; /* of everything here */
    char model_sha256[DAVIT_SHA256_HEX];
    size_t device_count;
    davit_plan_device *devices;
    davit_plan_load *loads; /* by device */
    size_t unit_count;
    davit_plan_unit *units; /* by unit id */
    size_t copy_count;      /* by start */
    davit_plan_copy *copies;
    size_t binding_count; /* input shapes the plan was made for */
    davit_program_io *bindings;
    davit_plan_prediction prediction;
} davit_plan;

/* The value of the plan's objective: seconds or joules. */
double davit_plan_objective_value(const davit_plan *plan);
/* How far above the bound it is at most, as a part of the value; 1 when nothing is proved. */
double davit_plan_gap(const davit_plan *plan);
const char *davit_plan_objective_name(davit_place_objective objective); /* "latency" */

/* Places the units by the objective (davit_place_solve) on the devices that can run them; a pinned
 * unit on its pin. Devices whose speed means nothing (reference, null) get what no device before
 * them in the list can run. Unknown names in pins, a pin to a device that lacks the unit, a unit
 * that no device supports, memory that does not suffice, an energy objective without known powers
 * are errors that name both. Unused devices are logged (DAVIT_INFO), fallbacks warned of once, in
 * one line. */
DAVIT_NODISCARD davit_status davit_plan_make(const davit_allocator *allocator,
                                             const davit_plan_request *request,
                                             const davit_diagnostics *diag, davit_plan **out);
void davit_plan_destroy(davit_plan *plan);

/* The first device of the request that can be float_device: it can run all these units, and those that
 * are pinned are pinned to it. *device is a name of the request's. Memory comes from arena. Reports;
 * DAVIT_UNSUPPORTED where there is none. */
DAVIT_NODISCARD davit_status davit_plan_find_float_device(const davit_plan_request *request,
                                                          davit_arena *arena,
                                                          const davit_diagnostics *diag,
                                                          const char **device);

/* Writes a plan as JSON; free *text with free(). */
DAVIT_NODISCARD davit_status davit_plan_write(const davit_plan *plan, const davit_graph *graph,
                                              const davit_diagnostics *diag, char **text);

/* Reads a plan made for the request's graph and predicts what it takes with the request's costs:
 * refuses another schema version, another model hash,
 * other input shapes, missing or unknown units, devices that are not among the request's, and
 * units that their device does not support. path is for messages. */
DAVIT_NODISCARD davit_status davit_plan_read(const davit_allocator *allocator, const char *path,
                                             const char *text, const davit_plan_request *request,
                                             const davit_diagnostics *diag, davit_plan **out);

#endif
