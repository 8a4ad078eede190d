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
    uint32_t threads; /* CPU devices; 0: all cores */
    uint32_t depth;   /* inferences in flight; 0: 1 */
    /* See davit_device_options. */
    davit_status (*bind_thread)(void *user, const davit_device_info *device);
    void *bind_user;
    bool keeps_weights; /* the same */
    /* Optional: memory of the host near the device at a PCI address, with user = bind_user, for what
     * is copied to and from it; aligned to pages, NULL when memory is short. */
    void *(*alloc_near)(void *user, const char *pci_address, size_t bytes);
    void (*free_near)(void *user, void *memory, size_t bytes);
    /* One for each of the plan's devices (see davit_device_options; each may be NULL), or NULL. */
    const char *const *backend_options;
    /* Values that the caller has: their bytes are inputs behind those of the graph, with the layout
     * that they have between devices (davit_inference_keep gives them so). Units that are needed for
     * nothing else do not run. Borrowed as the graph is. */
    size_t given_count;
    const davit_value_id *given;
    /* By unit, which of its device's kernels computes it (davit_program_spec.kernels), or NULL; for
     * davit_executor_create only. */
    const char *const *kernels;
    bool separate; /* units are computed each for itself (davit_program_spec.separate) */
    /* Optional: set to the device (index among the plan's) that could not be opened or prepared, or
     * to DAVIT_NONE. */
    uint32_t *failed_device;
} davit_executor_options;

/* Opens the plan's devices, builds its programs and allocates memory for `depth` inferences. graph and
 * plan are borrowed for the executor's life. */
DAVIT_NODISCARD davit_status davit_executor_create(const davit_allocator *allocator,
                                                   const davit_graph *graph, const davit_plan *plan,
                                                   const davit_executor_options *options,
                                                   const davit_diagnostics *diag,
                                                   davit_executor **out);
/* All inferences must have been released. False when a driver keeps something, after a wait that ended
 * with DAVIT_DEVICE_LOST: then nothing is freed, and graph and plan stay borrowed for ever. */
bool davit_executor_destroy(davit_executor *executor);

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
 * empty ones), then those of the given values; outputs likewise, written in full, or NULL for those
 * nobody wants. No output may overlap an input or another output. The arrays are copied, the memory
 * belongs to the inference until davit_inference_wait has returned. here: the caller would only wait, and
 * a device may work on this thread; then the call may return with all done. The inference fails when it has
 * not ended at deadline_ns (davit_clock_ns). Thread-safe. DAVIT_DEADLINE_EXCEEDED when it could not
 * begin until then, DAVIT_INVALID_ARGUMENT when an input is missing; reported. */
DAVIT_NODISCARD davit_status davit_executor_start(davit_executor *executor,
                                                  const void *const *inputs, void *const *outputs,
                                                  uint64_t deadline_ns, bool here,
                                                  davit_inference **out);
/* Waits until until_ns at the latest (0: not at all); true when davit_inference_wait would not wait.
 * Thread-safe. */
bool davit_inference_poll(davit_inference *inference, uint64_t until_ns);
/* What has not begun will not begin: the inference ends with DAVIT_CANCELLED unless it is nearly done.
 * Thread-safe. */
void davit_inference_cancel(davit_inference *inference);

/* How an inference failed. */
typedef struct davit_failure {
    davit_status status;
    uint32_t device; /* index among the plan's: the one that failed; DAVIT_NONE: none did */
    char text[1024]; /* one line */
} davit_failure;

/* Waits for its end; after a failure the outputs are undefined and the executor can be used as
 * before. A device that keeps its work after the inference's deadline is DAVIT_DEVICE_LOST; of a
 * deadline that was missed that device is the failed one which kept a task longest. record and failure
 * may be NULL; without failure the failure is reported. By one thread for each inference. */
DAVIT_NODISCARD davit_status davit_inference_wait(davit_inference *inference,
                                                  davit_run_record *record, davit_failure *failure);
/* Gives the inference's place to others, after davit_inference_wait. Thread-safe. */
void davit_inference_release(davit_inference *inference);

/* A value of an inference that failed. */
typedef struct davit_kept_value {
    davit_value_id value;
    const void *data; /* the inference's until its release, or the arena's */
} davit_kept_value;

/* What a failed inference has computed and still exists, on the host or on devices that are not
 * `lost` (by device of the plan); from those it is read, until deadline_ns. After
 * davit_inference_wait, before the release. *saved_ns is what computing it took. Only values that
 * passed between programs are known. Returns DAVIT_OUT_OF_MEMORY, or the status of a device that
 * failed; unreported. */
DAVIT_NODISCARD davit_status davit_inference_keep(davit_inference *inference, const bool *lost,
                                                  uint64_t deadline_ns, davit_arena *arena,
                                                  size_t *count, davit_kept_value **values,
                                                  uint64_t *saved_ns);

/* Starts, waits, releases; reports. */
DAVIT_NODISCARD davit_status davit_executor_run(davit_executor *executor, const void *const *inputs,
                                                void *const *outputs, uint64_t deadline_ns,
                                                davit_run_record *record);

/* The programs that an executor builds for the device of that index among the plan's, in arena. Returns
 * DAVIT_OUT_OF_MEMORY, unreported. */
DAVIT_NODISCARD davit_status davit_executor_specs(davit_arena *arena, const davit_graph *graph,
                                                  const davit_plan *plan, uint32_t device,
                                                  davit_program_spec **specs, size_t *count);

/* Which implementation runs a unit ("brgconv:avx512_core"), "" when unknown. */
const char *davit_executor_unit_implementation(const davit_executor *executor, davit_unit_id unit);
/* True where that computes other units too (davit_program_info.units_grouped). */
bool davit_executor_unit_grouped(const davit_executor *executor, davit_unit_id unit);
size_t davit_executor_program_count(const davit_executor *executor);
size_t davit_executor_span_count(const davit_executor *executor); /* of each run's record */
/* Programs whose packed weights were found on disk. */
size_t davit_executor_cached_count(const davit_executor *executor);
/* Sum over programs and buffers. */
size_t davit_executor_memory_bytes(const davit_executor *executor);

#endif
