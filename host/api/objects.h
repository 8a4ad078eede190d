/* The objects behind davit.h. */
#ifndef DAVIT_OBJECTS_H
#define DAVIT_OBJECTS_H

#include "call.h"
#include "davit/davit.h"
#include "davit/execute.h"
#include "davit/graphs.h"
#include "davit/plan.h"
#include "davit/topology.h"

struct davit_context {
    const davit_allocator *allocator;
    const davit_diagnostics *diag;
    davit_topology *topology; /* NULL: unknown */
    davit_registry registry;
    size_t device_count;
    davit_device_info *devices;
    davit_backend **owners;  /* by device */
    davit_backend *profiles; /* of devices that exist only as a profile */
};

struct davit_model {
    davit_context *context;
    davit_graph *graph; /* as loaded, unbound */
    char *path;
    char sha256[DAVIT_SHA256_HEX];
};

struct davit_session {
    davit_model *model;
    davit_call call; /* the one in progress; devices keep its sink */
    davit_arena arena;
    davit_graph *graph; /* bound and optimised */
    davit_store *store; /* NULL: nothing is measured, or nobody asked */
    davit_cost_model *cost;
    davit_plan_request request; /* what the plan was made from; its arrays are in the arena */
    davit_plan *plan;
    davit_executor *executor; /* NULL: placed only */
    const char **operators; /* by unit: "Conv+Relu" */
    const void **inputs;    /* by graph input: the pointers of a run */
    void **outputs;         /* by graph output */
    davit_tensor **created; /* by graph output: made during a run for a caller who gave none */
    uint64_t load_ns;
    davit_run_record record; /* of the last run */
};

/* Binds the session's graph to the shapes and values of the options. Reports. */
DAVIT_NODISCARD davit_status davit_session_bind(davit_session *session,
                                                const davit_session_options *options);

/* Makes or reads the session's plan. Reports. */
DAVIT_NODISCARD davit_status davit_session_plan(davit_session *session,
                                                const davit_session_options *options);
/* For each device of the plan, which of its kernels `davit calibrate` found fastest, as
 * davit_executor_options.backend_options; NULL where nothing is known. In the session's arena. */
const char *const *davit_session_choices(davit_session *session);

/* Index of the input or output of that name, or the count. */
size_t davit_model_find_input(const davit_model *model, const char *name);
size_t davit_model_find_output(const davit_model *model, const char *name);

/* "'a', 'b'": names of the values, cut to fit. Returns text. */
char *davit_value_names(const davit_graph *graph, const davit_value_id *values, size_t count,
                        char *text, size_t bytes);

#endif
