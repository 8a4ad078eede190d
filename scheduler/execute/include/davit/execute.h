/* The executor: runs a plan over several devices, one unit group (program) after the other.
 *
 * Consecutive units on one device make one program. All programs are built, all buffers allocated
 * at creation; a run allocates nothing. Values between devices have the canonical layout
 * (davit_tensor_desc_channels_last); graph inputs and outputs are dense row-major. */
#ifndef DAVIT_EXECUTE_H
#define DAVIT_EXECUTE_H

#include "davit/plan.h"

typedef struct davit_executor davit_executor;

typedef struct davit_executor_options {
    uint32_t threads;                                          /* CPU devices; 0: all cores */
    uint64_t timeout_ns;                                       /* for one run; 0: none */
    davit_status (*bind_thread)(void *user, uint32_t ordinal); /* see davit_device_options */
    void *bind_user;
    /* One for each of the plan's devices (see davit_device_options; each may be NULL), or NULL. */
    const char *const *backend_options;
} davit_executor_options;

/* Opens the plan's devices and builds its programs. graph and plan are borrowed for the executor's
 * life. */
DAVIT_NODISCARD davit_status davit_executor_create(const davit_allocator *allocator,
                                                   const davit_graph *graph, const davit_plan *plan,
                                                   const davit_executor_options *options,
                                                   const davit_diagnostics *diag,
                                                   davit_executor **out);
void davit_executor_destroy(davit_executor *executor);

/* Measured times of one run. */
typedef struct davit_run_record {
    uint64_t total_ns;
    uint64_t transfer_ns; /* copies between devices and host */
    uint64_t transfer_bytes;
    size_t unit_count;
    const uint64_t *unit_ns; /* by unit id; owned by the executor, valid until the next run */
} davit_run_record;

/* Runs one inference. inputs: one pointer per graph input (graph->inputs order), dense bytes of the
 * bound shape (NULL for shape inputs and empty ones); outputs likewise, written in full, or NULL
 * for those nobody wants. No output may overlap an input or another output. A failed run leaves
 * outputs undefined and the executor usable. record may be NULL. One run at a time. */
DAVIT_NODISCARD davit_status davit_executor_run(davit_executor *executor, const void *const *inputs,
                                                void *const *outputs, davit_run_record *record);

/* Which implementation runs a unit ("brgconv:avx512_core"), "" when unknown. */
const char *davit_executor_unit_implementation(const davit_executor *executor, davit_unit_id unit);
size_t davit_executor_program_count(const davit_executor *executor);
/* Sum over programs and buffers. */
size_t davit_executor_memory_bytes(const davit_executor *executor);

#endif
