/* The executor: runs a plan over several devices at once.
 *
 * Units of a device that need nothing from others in between make one program. Programs and copies
 * are tasks: each is submitted to a queue of its device as soon as what it waits for has ended, so
 * that devices, copies in and copies out overlap, within an inference and between inferences. Of what
 * is ready, the older inference goes first, then the order of the plan. Nothing is allocated between
 * creation and destruction. Values between devices have the canonical layout
 * (davit_tensor_desc_channels_last); graph inputs and outputs are dense row-major. */
#ifndef DAVIT_EXECUTE_H
#define DAVIT_EXECUTE_H

#include "davit/plan.h"

typedef struct davit_executor davit_executor;
/* One of the executor's inferences in flight. */
typedef struct davit_inference davit_inference;

typedef struct davit_executor_options {
    uint32_t threads;                                          /* CPU devices; 0: all cores */
    uint64_t timeout_ns;                                       /* of one inference; 0: none */
    uint32_t depth;                                            /* inferences in flight; 0: 1 */
    davit_status (*bind_thread)(void *user, uint32_t ordinal); /* see davit_device_options */
    void *bind_user;
    /* One for each of the plan's devices (see davit_device_options; each may be NULL), or NULL. */
    const char *const *backend_options;
} davit_executor_options;

/* Opens the plan's devices, builds its programs and allocates memory for `depth` inferences. graph and
 * plan are borrowed for the executor's life. */
DAVIT_NODISCARD davit_status davit_executor_create(const davit_allocator *allocator,
                                                   const davit_graph *graph, const davit_plan *plan,
                                                   const davit_executor_options *options,
                                                   const davit_diagnostics *diag,
                                                   davit_executor **out);
/* All inferences must have been released. What a driver does not give back, after a wait that ended
 * with DAVIT_DEVICE_LOST, is set aside and not freed. */
void davit_executor_destroy(davit_executor *executor);

/* What one task took. */
typedef struct davit_span {
    enum { DAVIT_SPAN_PROGRAM, DAVIT_SPAN_TO_DEVICE, DAVIT_SPAN_TO_HOST } kind;
    uint32_t device; /* index among the plan's */
    size_t unit_count;
    const davit_unit_id *units; /* PROGRAM; one after the other, each for its unit_ns */
    davit_value_id value;       /* else; DAVIT_NONE for a program */
    uint64_t bytes;
    uint64_t begin_ns, end_ns; /* since the inference began */
} davit_span;

/* Measured times of one inference. Arrays are the executor's, valid until the inference is released,
 * after davit_executor_run until the next start. */
typedef struct davit_run_record {
    uint64_t begin_ns; /* davit_clock_ns */
    uint64_t total_ns;
    uint64_t transfer_ns; /* copies between devices and host, one by one */
    uint64_t transfer_bytes;
    size_t unit_count;
    const uint64_t *unit_ns; /* by unit id */
    size_t span_count;
    const davit_span *spans;
} davit_run_record;

/* Begins an inference; waits while `depth` of them are in flight (back pressure). inputs: one pointer
 * per graph input (graph->inputs order), dense bytes of the bound shape (NULL for shape inputs and
 * empty ones); outputs likewise, written in full, or NULL for those nobody wants. No output may
 * overlap an input or another output. The arrays are copied, the memory belongs to the inference
 * until davit_inference_wait has returned. The inference fails when it has not ended timeout_ns after
 * this call. Thread-safe. */
DAVIT_NODISCARD davit_status davit_executor_start(davit_executor *executor,
                                                  const void *const *inputs, void *const *outputs,
                                                  davit_inference **out);
/* True when davit_inference_wait would not wait. Thread-safe. */
bool davit_inference_done(davit_inference *inference);
/* What has not begun will not begin: the inference ends with DAVIT_CANCELLED unless it is nearly done.
 * Thread-safe. */
void davit_inference_cancel(davit_inference *inference);
/* Waits for its end; reports and returns its failure, after which the outputs are undefined and the
 * executor can be used as before. A device that keeps its work after the inference's timeout is
 * DAVIT_DEVICE_LOST. record may be NULL. By one thread for each inference. */
DAVIT_NODISCARD davit_status davit_inference_wait(davit_inference *inference,
                                                  davit_run_record *record);
/* Gives the inference's place to others, after davit_inference_wait. Thread-safe. */
void davit_inference_release(davit_inference *inference);

/* Starts, waits, releases. */
DAVIT_NODISCARD davit_status davit_executor_run(davit_executor *executor, const void *const *inputs,
                                                void *const *outputs, davit_run_record *record);

/* Which implementation runs a unit ("brgconv:avx512_core"), "" when unknown. */
const char *davit_executor_unit_implementation(const davit_executor *executor, davit_unit_id unit);
size_t davit_executor_program_count(const davit_executor *executor);
/* Sum over programs and buffers. */
size_t davit_executor_memory_bytes(const davit_executor *executor);

#endif
