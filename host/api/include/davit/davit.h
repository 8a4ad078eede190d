/* libdavit: load an ONNX model, see where it would run, run it.
 *
 *     davit_context *context; davit_model *model; davit_session *session;
 *     davit_context_create(NULL, &context);
 *     davit_model_load(context, "model.onnx", &model);
 *     davit_session_create(model, NULL, &session);
 *     davit_session_run(session, inputs, input_count, outputs, output_count);
 *
 * Every function that can fail returns a davit_status and tells the detail once to the context's
 * diagnostics sink. Objects: context > model > session; a parent must outlive its children. No
 * pointer may be NULL but where this says so; every destroy takes NULL.
 * Functions on different sessions may be called from different threads. Of one session, runs and
 * requests may be made by any number of threads at once; everything else takes one call at a time.
 * The library never changes its host program's environment, signal handlers, locale or
 * (on its own threads only) affinity. */
#ifndef DAVIT_DAVIT_H
#define DAVIT_DAVIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "davit/allocator.h"
#include "davit/diagnostics.h"
#include "davit/precision.h"
#include "davit/status.h"
#include "davit/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DAVIT_VERSION_MAJOR 0
#define DAVIT_VERSION_MINOR 1
#define DAVIT_VERSION_PATCH 0
/* "0.1.0", of the library in use. */
DAVIT_API const char *davit_version(void);

typedef struct davit_context davit_context;
typedef struct davit_model davit_model;
typedef struct davit_session davit_session;

/* ---- context: backends and devices ---- */

typedef struct davit_context_options {
    const davit_allocator *allocator; /* NULL: davit_allocator_default() */
    const davit_diagnostics *diag;    /* NULL: silent */
} davit_context_options;

/* Reads the topology of this machine. Devices are looked for when they are asked for: all by the
 * functions below and by a session without a list of devices, else those of the kinds listed, so
 * that no other driver is opened. options NULL: defaults. Returns DAVIT_OUT_OF_MEMORY. */
DAVIT_API DAVIT_NODISCARD davit_status davit_context_create(const davit_context_options *options,
                                                            davit_context **out);
/* Frees the context, after its models and sessions. Returns false when a driver still keeps what belongs
 * to it ("when a device fails", below): that stays, threads with it, and the process should end by
 * _exit, since the exit handlers of the drivers' libraries would take away what those threads use. */
DAVIT_API bool davit_context_destroy(davit_context *context);

/* One device of this machine. Strings belong to the context. */
typedef struct davit_device_summary {
    const char *name;    /* what --devices takes: "cpu", "cpu:1", "reference" */
    const char *backend; /* "onednn" */
    const char *description;
    const char *unusable;    /* "" or why it cannot be used */
    bool emulated;           /* used only when named */
    const char *pci_address; /* "0000:3b:00.0", "" when it has none */
    uint64_t memory_bytes;   /* 0: unknown */
    int numa_node;           /* of the system, the nearest; -1: all, or unknown */
} davit_device_summary;

/* Devices are in order of preference: a session without a list uses them in this order. index at or
 * above the count is DAVIT_INVALID_ARGUMENT. The count is 0 when memory is short. Thread-safe. */
DAVIT_API size_t davit_context_device_count(const davit_context *context);
DAVIT_API DAVIT_NODISCARD davit_status davit_context_device(const davit_context *context,
                                                            size_t index,
                                                            davit_device_summary *summary);

/* ---- model ---- */

/* Loads an ONNX file of opset 7 to 21, with external data from its own folder. Returns
 * DAVIT_NOT_FOUND or DAVIT_IO_ERROR for a file that cannot be read, DAVIT_BAD_DATA for a malformed
 * one, DAVIT_UNSUPPORTED for an operator, type or opset that is not supported; the message names
 * the file and the node. The files stay mapped while the model or a session of it lives: put a new
 * version in their place by renaming, never write into them. Thread-safe. */
DAVIT_API DAVIT_NODISCARD davit_status davit_model_load(davit_context *context, const char *path,
                                                        davit_model **out);
DAVIT_API void davit_model_destroy(davit_model *model);

/* A graph input or output as the model declares it: rank -1 when unknown, dims -1 where symbolic
 * (symbols[i] then names it, or is NULL). Strings belong to the model. */
typedef struct davit_port {
    const char *name;
    davit_dtype dtype;
    int rank;
    int64_t dims[DAVIT_MAX_RANK];
    const char *symbols[DAVIT_MAX_RANK];
} davit_port;

/* Inputs that have an initialiser in the file are constants, not inputs. An output's type and shape
 * are known only where no node computes it. index at or above the count is
 * DAVIT_INVALID_ARGUMENT. Thread-safe. */
DAVIT_API size_t davit_model_input_count(const davit_model *model);
DAVIT_API size_t davit_model_output_count(const davit_model *model);
DAVIT_API DAVIT_NODISCARD davit_status davit_model_input(const davit_model *model, size_t index,
                                                         davit_port *port);
DAVIT_API DAVIT_NODISCARD davit_status davit_model_output(const davit_model *model, size_t index,
                                                          davit_port *port);

/* The value of the model's metadata entry of that name, such as the alphabet of a text recogniser;
 * NULL when there is none. Belongs to the model. Thread-safe. */
DAVIT_API const char *davit_model_metadata(const davit_model *model, const char *key);

/* ---- session: a model bound to shapes, placed, ready to run ---- */

/* A tensor with the name of a graph input or output. */
typedef struct davit_named_tensor {
    const char *name;
    davit_tensor *tensor;
} davit_named_tensor;

typedef struct davit_named_shape {
    const char *name; /* of an input */
    int rank;
    int64_t dims[DAVIT_MAX_RANK];
} davit_named_shape;

/* What placing makes least. */
typedef enum davit_objective {
    DAVIT_OBJECTIVE_LATENCY,    /* the time of one inference */
    DAVIT_OBJECTIVE_THROUGHPUT, /* the time between results of a pipeline of inferences */
    DAVIT_OBJECTIVE_ENERGY      /* the energy of one inference, within latency_limit_s */
} davit_objective;

typedef struct davit_session_options {
    size_t struct_size; /* sizeof(davit_session_options) */
    /* Shapes of inputs that the model leaves open. */
    size_t shape_count;
    const davit_named_shape *shapes;
    /* Inputs whose shape is that of a tensor, and whose value decides shapes (the second input of
     * Reshape, where it is a graph input). Borrowed during the call. */
    size_t input_count;
    const davit_named_tensor *inputs;
    /* In order of preference, KIND[:emu][:N] each: "cpu,reference". NULL: every usable device that
     * is not emulated and not a part of another (cpu:0 is a part of cpu). */
    const char *devices;
    /* "NAME=DEVICE": the unit of that name, or with a node or value of that name, runs there. */
    size_t pin_count;
    const char *const *pins;
    /* A plan made before, instead of placing; NULL: none. With place_only its proof is verified,
     * which may take a minute, else nothing is proved. */
    const char *plan_path;
    bool strict;      /* fail instead of any fallback, also when a device is lost */
    uint32_t threads; /* CPU devices; 0: all cores */
    /* What an inference may take on the devices; a device that has not done its part then is lost
     * (see "when a device fails"). 0: as long as it takes. */
    uint64_t timeout_ns;
    bool optimize; /* run the graph passes (fusion, folding); default true */
    davit_objective objective;
    double latency_limit_s; /* DAVIT_OBJECTIVE_ENERGY; 0: none */
    /* How many inferences are planned for: what is done once, as loading a bitstream, counts so
     * much less for each. 0: 1000. */
    uint64_t inference_count;
    /* Places only: no device is opened, and the session cannot run. */
    bool place_only;
    /* With place_only, `devices` may name "profile:NAME": a device that exists only as a profile,
     * shipped ("profile:u250") or a file NAME.json in this folder. NULL: shipped ones. */
    const char *profiles;
    /* How much placing tries, in percent of what it usually does for one problem. 0: 25. */
    uint32_t effort;
    uint32_t in_flight; /* requests that run at the same time; 0: 1 */
    /* Kinds of device on which no unit falls back and to which none moves, "cpu,reference"; NULL:
     * none. */
    const char *no_fallback;
    /* In what the devices that can compute the products of f32 values; at least one must. */
    davit_precision precision;
    /* All units that compute floats run on one device, the first that can run them all, by kernels that no
     * measurement chose: a quantised network then gives the same bytes wherever its integer units run. */
    bool reproducible;
    /* Packed weights are neither kept on disk nor read from there. Else the CPU device keeps those of
     * models with 32 MiB of weights and more under $XDG_CACHE_HOME/davit/weights (~/.cache), for sessions
     * that start sooner; at most 4 GiB, or DAVIT_WEIGHT_CACHE_MIB (environment; 0: none). */
    bool no_weight_cache;
} davit_session_options;

/* Fills in the defaults. Options of an older caller, with a smaller struct_size, are completed with
 * them too. */
DAVIT_API void davit_session_options_init(davit_session_options *options);

/* Binds, optimises, places, opens devices, builds programs. options NULL: defaults. Units are
 * placed by the objective, with what was measured on this machine (davit calibrate) and else with
 * models of the devices; where the first device lacks a unit that is said in one warning. Units are
 * computed by the kernels that were measured fastest (davit calibrate MODEL), and else by rules.
 *
 * Returns DAVIT_INVALID_ARGUMENT (an unknown input, a shape that is missing or contradicts the
 * model, a malformed list or pin, a plan for another model or other shapes), DAVIT_NOT_FOUND (an
 * unknown device, a pin to nothing, no plan file), DAVIT_BAD_DATA (a model whose shapes contradict
 * each other, a malformed plan), DAVIT_UNSUPPORTED (a unit that no device supports, or with
 * `strict` not the first), DAVIT_UNAVAILABLE (a device that cannot be opened),
 * DAVIT_OUT_OF_MEMORY. */
DAVIT_API DAVIT_NODISCARD davit_status davit_session_create(davit_model *model,
                                                            const davit_session_options *options,
                                                            davit_session **out);
DAVIT_API void davit_session_destroy(davit_session *session);

/* Bound shape of input or output i, dense row-major; NULL when there is no such. The pointer
 * belongs to the session. */
DAVIT_API const davit_tensor_desc *davit_session_input_desc(const davit_session *session,
                                                            size_t index);
DAVIT_API const davit_tensor_desc *davit_session_output_desc(const davit_session *session,
                                                             size_t index);

/* Runs one inference. inputs: every input of the model by name, in any order, dense row-major with
 * the session's shape and type; those whose value decided shapes may be left out, and must else
 * have that value. outputs: the wanted ones by name; each tensor either has the right shape and
 * type and is dense, or is NULL and is created (owned by the caller: davit_tensor_destroy). Output
 * memory overlaps no other tensor's. Nothing is allocated after the first run, but for such
 * outputs. With requests in flight it takes its turn among them. Without a
 * timeout the host's devices read inputs at multiples of 64 bytes where they are, and a CPU device of
 * one thread computes on the calling thread.
 *
 * Returns DAVIT_INVALID_ARGUMENT for a wrong name, type or shape (the message says what is
 * expected), DAVIT_DEVICE_LOST, DAVIT_DEADLINE_EXCEEDED or another status of a device that could
 * not be replaced, named with the units it ran. After a failure given output tensors hold anything,
 * none is created, and the session can be used again. */
DAVIT_API DAVIT_NODISCARD davit_status davit_session_run(davit_session *session,
                                                         const davit_named_tensor *inputs,
                                                         size_t input_count,
                                                         davit_named_tensor *outputs,
                                                         size_t output_count);

/* ---- requests: inferences that run while the caller does something else ---- */

typedef struct davit_request davit_request;

/* Begins an inference and returns; waits only while options.in_flight requests of the session have not
 * been released (back pressure), or a plan is made anew after a loss. inputs and outputs are as for davit_session_run. The tensors of the inputs, and
 * the array `outputs` with the tensors it names, belong to the request until davit_request_wait has
 * returned; outputs without a tensor get theirs in davit_request_wait.
 *
 * deadline_ns is when the result is no longer wanted, in nanoseconds from now; 0: never. The request
 * then ends with DAVIT_DEADLINE_EXCEEDED.
 *
 * Requests that are waited for in the order of their submission give results in that order; they may
 * end in any. Every request is released before the session is destroyed. Thread-safe. Returns DAVIT_INVALID_ARGUMENT as davit_session_run, and
 * DAVIT_DEADLINE_EXCEEDED when it could not begin in time. */
DAVIT_API DAVIT_NODISCARD davit_status davit_session_submit(davit_session *session,
                                                            const davit_named_tensor *inputs,
                                                            size_t input_count,
                                                            davit_named_tensor *outputs,
                                                            size_t output_count,
                                                            uint64_t deadline_ns,
                                                            davit_request **out);
/* Waits at most timeout_ns (0: not at all) and says whether the devices are done with the request:
 * davit_request_wait then returns at once, unless a device failed and others compute again.
 * Thread-safe. */
DAVIT_API bool davit_request_poll(davit_request *request, uint64_t timeout_ns);
/* What has not begun will not begin: the request ends with DAVIT_CANCELLED, unless it is nearly done.
 * Thread-safe. */
DAVIT_API void davit_request_cancel(davit_request *request);
/* Waits for the end of the request, and reports and returns its failure. By one thread; once. */
DAVIT_API DAVIT_NODISCARD davit_status davit_request_wait(davit_request *request);
/* Gives the request back; without a davit_request_wait before, it is cancelled, and its failure is not
 * reported. */
DAVIT_API void davit_request_release(davit_request *request);

/* ---- when a device fails ----
 *
 * A device that is lost, exceeds the session's timeout_ns or reports a failure of its own is used no
 * more. Its units are placed again on the other devices of the session; values of the failed
 * inference that still exist are used where that saves time, the rest is computed again, and the
 * inference ends with the same integer results. It fails when no other device can take the units, or
 * `strict` or `no_fallback` forbids it. Later inferences use the new plan. A lost device is tried
 * again in the background, after one second, then two, four, at most 60, and later after each loss of
 * the same device; when it works, the session
 * plans with it again. What a driver does not give back is set aside, and davit_context_destroy says so. */

typedef enum davit_event_kind {
    DAVIT_EVENT_DEVICE_LOST,
    DAVIT_EVENT_MOVED,    /* units, to other devices */
    DAVIT_EVENT_REPEATED, /* an inference was completed in spite of the loss */
    DAVIT_EVENT_RETURNED  /* a device that was lost is used again */
} davit_event_kind;

typedef struct davit_event {
    davit_event_kind kind;
    const char *device;
    uint64_t time_ns; /* since davit_session_create */
    const char *text; /* one line */
} davit_event;

/* Events of the session so far, oldest first; the first 1000 are kept. Each is also a warning to the
 * diagnostics sink when it happens. Strings belong to the session. index at or above the count is
 * DAVIT_INVALID_ARGUMENT. Thread-safe. */
DAVIT_API size_t davit_session_event_count(const davit_session *session);
DAVIT_API DAVIT_NODISCARD davit_status davit_session_event(const davit_session *session,
                                                           size_t index, davit_event *event);

/* What is known of one unit: where it is placed and why, and how long it took in the last run. Strings
 * are the session's, valid until its next run or request. */
typedef struct davit_unit_summary {
    const char *name;
    const char *operators; /* "Conv+Relu" */
    const char *device;
    const char *implementation; /* "" when unknown */
    const char *implementation_reason; /* "by measurement: ...", "" where there is but one */
    const char *reason;
    bool fallback;
    davit_tensor_desc output; /* of the first output */
    uint64_t flops;
    uint64_t macs;    /* multiply-accumulates of convolutions and products, else 0 */
    uint64_t last_ns; /* 0 before the first run */
} davit_unit_summary;

DAVIT_API size_t davit_session_unit_count(const davit_session *session);
DAVIT_API DAVIT_NODISCARD davit_status davit_session_unit(const davit_session *session,
                                                          size_t index,
                                                          davit_unit_summary *summary);

typedef struct davit_session_summary {
    uint64_t load_ns;          /* davit_session_create */
    uint64_t last_ns;          /* last run, 0 before */
    uint64_t last_transfer_ns; /* of it, copies between devices and host */
    uint64_t last_transfer_bytes;
    size_t program_count;
    size_t memory_bytes;   /* weights, activations, buffers on the devices */
    size_t fallback_count; /* units not on the first device because that one lacks them */
    /* Of a quantised model: units that compute with 8-bit values, and operators between quantised
     * values that are computed in f32 (davit_session_kept). */
    size_t integer_unit_count;
    size_t kept_count;
    /* What the plan is predicted to take: one inference, the time between results of a pipeline,
     * the energy of one inference (0: unknown); and a proven lower bound of the objective (seconds
     * or joules; 0: nothing is proved). */
    double predicted_latency_s;
    double predicted_period_s;
    double predicted_joules;
    double objective_bound;
    size_t cached_program_count; /* those whose packed weights were found on disk */
} davit_session_summary;

DAVIT_API void davit_session_get_summary(const davit_session *session,
                                         davit_session_summary *summary);

/* An operator of a quantised model that stays f32. */
typedef struct davit_kept_summary {
    const char *node;   /* its name */
    const char *reason; /* "its weights are not quantised" */
} davit_kept_summary;

/* The one of that index, below kept_count of the summary; else DAVIT_INVALID_ARGUMENT. Strings
 * belong to the session. */
DAVIT_API DAVIT_NODISCARD davit_status davit_session_kept(const davit_session *session,
                                                          size_t index,
                                                          davit_kept_summary *summary);

/* The session's plan as JSON (scheduler/plan/plan.schema.json), with `explain` also what each unit
 * would cost on each device, what the plan would take if the unit were there, and simpler plans;
 * that solves once for each, which takes its time. Free *text with free(). */
DAVIT_API DAVIT_NODISCARD davit_status davit_session_plan_json(const davit_session *session,
                                                               bool explain, char **text);

#ifdef __cplusplus
}
#endif
#endif
