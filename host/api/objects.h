/* The objects behind davit.h. */
#ifndef DAVIT_OBJECTS_H
#define DAVIT_OBJECTS_H

#include <pthread.h>
#include <sys/stat.h>

#include "call.h"
#include "davit/davit.h"
#include "davit/execute.h"
#include "davit/graphs.h"
#include "davit/plan.h"
#include "davit/topology.h"

/* The devices of one backend, looked for when somebody asks: opening a driver takes its time. */
typedef struct davit_found_devices {
    bool known;
    size_t count;
    davit_device_info *infos; /* they stay where they are */
} davit_found_devices;

struct davit_context {
    const davit_allocator *allocator;
    const davit_diagnostics *diag;
    davit_topology *topology; /* NULL: unknown */
    davit_registry registry;
    davit_backend *profiles; /* of devices that exist only as a profile */
    atomic_bool set_aside;   /* a driver keeps what belongs to it: it is never freed */
    pthread_mutex_t lock;    /* of found */
    davit_found_devices found[DAVIT_MAX_BACKENDS]; /* by backend */
};

/* Looks for devices that are named KIND... (NULL: for all). Thread-safe. Reports. */
DAVIT_NODISCARD davit_status davit_context_find(davit_context *context, const char *kind,
                                                const davit_diagnostics *diag);
/* Device `index` of those found so far, in order of preference, and its backend (NULL: not asked
 * for); NULL at or above their count. */
const davit_device_info *davit_context_found(const davit_context *context, size_t index,
                                             davit_backend **owner);

struct davit_model {
    davit_context *context;
    davit_graph *graph; /* as loaded, unbound */
    char *path;
    bool is_file;     /* else adopted */
    struct stat file; /* when it was loaded */
    char sha256[DAVIT_SHA256_HEX]; /* "" until davit_model_hash */
    atomic_bool set_aside; /* as the context's */
};

/* A plan and what runs it. A session makes another one when a device is lost or comes back. */
typedef struct davit_generation {
    davit_call call; /* devices keep its sink */
    davit_arena arena;
    davit_plan_request request; /* what the plan was made from */
    davit_plan *plan;
    davit_executor *executor; /* NULL: not made yet, or placed only */
    uint64_t build_ns;        /* what making the executor took */
    const char **kernel_reasons; /* by unit; NULL: none */
    /* The session, while it is the present or the next one, and requests; under its mutex. */
    unsigned users;
    struct davit_generation *next_stuck;
} davit_generation;

/* An executor for one inference, which goes on from what a failed one has left. */
typedef struct davit_resumption {
    davit_arena arena;
    davit_executor *executor;
    davit_inference *from; /* its values are used */
    davit_generation *from_generation;
    struct davit_resumption *next_stuck;
} davit_resumption;

struct davit_request {
    davit_session *session;
    davit_call call;
    const void **inputs;    /* by graph input */
    void **outputs;         /* by graph output */
    davit_tensor **created; /* by graph output: for a caller who gave none */
    davit_named_tensor *wanted; /* the caller's */
    size_t wanted_count;
    uint64_t deadline_ns; /* of the caller */
    bool here;            /* the caller waits for nothing else */
    davit_generation *generation;
    davit_resumption *resumption; /* NULL: the generation's executor runs it */
    const char *failed_device;    /* the last one that failed; NULL: none did */
    size_t reused;                /* values of the failed inference */
    bool waited;
    davit_run_record record;
    /* Under the session's mutex: */
    bool taken;
    bool cancelled;
    davit_inference *inference; /* NULL: none runs */
    unsigned polling;           /* calls that look at an inference, which is not let go of then */
};

/* A device of the session. */
typedef struct davit_session_device {
    bool lost;
    uint64_t wait_ns; /* between the last probe and the next */
    uint64_t probe_ns;
} davit_session_device;

/* Where a unit was placed when the session was made. */
typedef struct davit_first_place {
    uint32_t device; /* index into request.devices */
    bool fallback;
    const char *reason;
} davit_first_place;

#define DAVIT_MAX_EVENTS 1000

struct davit_session {
    davit_model *model;
    davit_call call;   /* of davit_session_create */
    davit_arena arena; /* of what lives as long as the session */
    davit_graph *graph; /* bound and optimised */
    davit_store *store; /* NULL: nothing is measured, or nobody asked */
    davit_cost_model *cost;
    davit_plan_request request; /* with all devices; its arrays are in the arena */
    davit_executor_options executor_options;
    uint64_t timeout_ns; /* of one attempt; 0: none */
    bool place_only;     /* it cannot run */
    bool by_rule;        /* no kernel is chosen by measurement */
    const char **operators; /* by unit: "Conv+Relu" */
    davit_first_place *first; /* by unit: where it is in the first plan */
    uint64_t created_ns, load_ns;
    size_t depth;
    davit_request *requests; /* [depth] */

    /* Held while a plan is made or an executor built after creation; taken before mutex. */
    pthread_mutex_t recovery;
    pthread_mutex_t mutex;
    pthread_cond_t changed; /* a request is given back; the prober has something to do */
    /* Under mutex: */
    davit_generation *current; /* with a plan; its executor may be still to be made */
    davit_generation *next;    /* for the next request, with a device that came back; or NULL */
    davit_session_device *devices; /* by index into request.devices */
    davit_generation *stuck; /* those of which a driver keeps something */
    davit_resumption *stuck_resumptions;
    size_t event_count;
    davit_event *events; /* [DAVIT_MAX_EVENTS], texts from malloc; NULL before the first */
    bool probing, stop_probing;
    pthread_t prober;
    davit_run_record record; /* of the last request; its arrays are the session's */
    uint64_t *record_unit_ns;
    davit_unit_id *record_units;
    size_t record_span_capacity;
    davit_span *record_spans;
};

/* Fills in the model's sha256: of its file, which must be the one that was loaded; nothing for a
 * model without one. Reading it all takes longer than loading some models, so only those who write
 * or check a plan ask. Thread-safe. Reports. */
DAVIT_NODISCARD davit_status davit_model_hash(davit_model *model, const davit_diagnostics *diag);

/* Binds the session's graph to the shapes and values of the options. Reports. */
DAVIT_NODISCARD davit_status davit_session_bind(davit_session *session,
                                                const davit_session_options *options);

/* Makes or reads the session's plan. Reports. */
DAVIT_NODISCARD davit_status davit_session_plan(davit_session *session,
                                                const davit_session_options *options);
/* For each device of a plan, which of its kernels `davit calibrate` found fastest, as
 * davit_executor_options.backend_options; NULL where nothing is known. In the generation's arena. */
const char *const *davit_session_choices(davit_session *session, davit_generation *generation);
/* Likewise for each unit, as davit_executor_options.kernels (kernels.c). Fills kernel_reasons. Reports. */
DAVIT_NODISCARD davit_status davit_session_kernels(davit_session *session,
                                                   davit_generation *generation,
                                                   const char *const **out);
/* Why a unit is computed by the kernel that it has: "by measurement: 0.31 ms, by rule jit:avx512_core
 * 0.40 ms"; "" where there is nothing to choose between. */
const char *davit_generation_kernel_reason(const davit_generation *generation, size_t unit);
/* Tells that for each unit, as INFO. */
void davit_generation_tell_kernels(const davit_generation *generation, const davit_graph *graph,
                                   const davit_diagnostics *diag);

/* ---- generations (generation.c) ---- */

/* A generation without a plan. Reports to diag. */
DAVIT_NODISCARD davit_status davit_generation_create(davit_session *session,
                                                     const davit_diagnostics *diag,
                                                     davit_generation **out);
/* Opens devices and builds programs for its plan. Reports to the generation's sink. failed_device: as
 * in davit_executor_options. */
DAVIT_NODISCARD davit_status davit_generation_build(davit_session *session,
                                                    davit_generation *generation,
                                                    uint32_t *failed_device);
/* Copies the constants that backends of the plan cannot read where the file has them. */
DAVIT_NODISCARD davit_status davit_session_align(davit_session *session, const davit_plan *plan);
/* Makes it the present one; requests that have begun keep theirs. */
void davit_session_set_current(davit_session *session, davit_generation *generation);
/* The present one with an executor, for a request. Reports through the call. */
DAVIT_NODISCARD davit_status davit_session_acquire(davit_session *session, davit_call *call,
                                                   davit_generation **out);
/* Gives it back; the last one destroys it. */
void davit_session_drop(davit_session *session, davit_generation *generation);
/* Destroys those, and resumptions, that drivers have let go of; true when none is left. Nobody else
 * uses the session. */
bool davit_session_free_stuck(davit_session *session);
/* Ends a resumption whose inference has been released; one that a driver keeps is stuck. */
void davit_session_end_resumption(davit_session *session, davit_resumption *resumption);

/* ---- requests (request.c) ---- */

DAVIT_NODISCARD davit_status davit_request_init(davit_session *session, davit_request *request);
/* Checks the caller's tensors and points the request at them (arguments.c). Reports. */
DAVIT_NODISCARD davit_status davit_request_take(davit_request *request,
                                                const davit_named_tensor *inputs, size_t input_count,
                                                davit_named_tensor *outputs, size_t output_count);
/* When an attempt that begins now must have ended. */
uint64_t davit_request_attempt_deadline(const davit_request *request);
/* Starts it on an executor of the generation, which the request then holds. Reports. */
DAVIT_NODISCARD davit_status davit_request_start(davit_request *request,
                                                 davit_generation *generation,
                                                 davit_executor *executor,
                                                 const void *const *inputs);
/* Lets go of what runs it, or has run it. */
void davit_request_let_go(davit_request *request);

/* ---- when a device fails (failover.c, prober.c, events.c) ---- */

/* Starts a request again, on other devices, after a failure, which is changed when that fails: then
 * the request has failed. */
DAVIT_NODISCARD davit_status davit_request_fail_over(davit_request *request,
                                                     davit_failure *failure);
/* Notes that a request ended well after a failure, where there was one. */
void davit_request_note_repeated(davit_request *request);
/* Makes a generation without the devices that are lost, where placed (index into request.devices, by
 * unit, or DAVIT_NONE) says where units are. Its sink is error's, until another is given. The recovery
 * mutex is held. */
DAVIT_NODISCARD davit_status davit_session_replan(davit_session *session, const uint32_t *placed,
                                                  davit_generation **out, davit_first_error *error);
/* A device (index into request.devices) failed with that status and text: gives its units to others
 * and makes their plan the present one, without executor. Returns the status when that may not be or
 * cannot be; then the text may get a reason too. The recovery mutex is held. */
DAVIT_NODISCARD davit_status davit_session_lose(davit_session *session, uint32_t device,
                                                davit_status status, char *text, size_t bytes);
/* Index of a device into request.devices. */
uint32_t davit_session_find_device(const davit_session *session, const char *name);
/* Where units are by a generation's plan; malloc'ed [unit_count]; NULL when memory is short. */
uint32_t *davit_session_placed(const davit_session *session, const davit_generation *generation);
/* Where units were at first, as far as those devices work, else where they are; as above. */
uint32_t *davit_session_place_back(const davit_session *session);
/* Notes what happened and warns of it; the mutex is not held. */
void davit_session_note(davit_session *session, davit_event_kind kind, const char *device,
                        const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Tries lost devices again, in the background, from now on. The mutex is held. */
void davit_session_probe(davit_session *session, uint32_t device);
/* Ends that. False when a driver does not let go of it. */
bool davit_session_stop_probing(davit_session *session);

/* Index of the input or output of that name, or the count. */
size_t davit_model_find_input(const davit_model *model, const char *name);
size_t davit_model_find_output(const davit_model *model, const char *name);

/* "'a', 'b'": names of the values, cut to fit. Returns text. */
char *davit_value_names(const davit_graph *graph, const davit_value_id *values, size_t count,
                        char *text, size_t bytes);

#endif
