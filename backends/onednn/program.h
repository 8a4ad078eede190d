/* A program of the oneDNN backend: steps over memory that was laid out when it was built.
 *
 * A *slot* is a piece of memory: a part of the activations arena, a constant, or one of the
 * program's bindings. An *operand* is a tensor in a slot, in some layout. A *step* is a oneDNN
 * primitive or a kernel of our own over operands. Nothing is allocated when a program runs. */
#ifndef DAVIT_ONEDNN_PROGRAM_H
#define DAVIT_ONEDNN_PROGRAM_H

#include "davit/backend.h"
#include "davit/weight_cache.h"
#include "dnnl_api.h"

typedef enum davit_onednn_slot_kind {
    DAVIT_ONEDNN_ARENA,
    DAVIT_ONEDNN_CONSTANT,
    DAVIT_ONEDNN_BINDING
} davit_onednn_slot_kind;

typedef struct davit_onednn_slot {
    davit_onednn_slot_kind kind;
    size_t bytes;
    bool used;
    size_t first_step, last_step; /* ARENA: while its content is needed; valid when used */
    size_t last_unit;             /* position of the last unit that reads a value kept here */
    size_t binding;               /* BINDING: index */
    char *pointer;                /* BINDING: set by every execution */
    const davit_tensor *borrowed; /* of a constant: the graph's, whose bytes these are; or NULL */
} davit_onednn_slot;

/* desc is NULL for types other than f32, u8 and s8, which are dense row-major. */
typedef struct davit_onednn_operand {
    uint32_t slot;
    size_t offset_bytes;
    davit_dnnl_desc desc;
} davit_onednn_operand;

#define DAVIT_ONEDNN_MAX_POINTERS 8

/* A call of one of our own kernels. */
typedef struct davit_onednn_call {
    const void *params;
    void *const *pointers; /* of the operands, in the order of the step */
    const davit_diagnostics *diag;
} davit_onednn_call;

typedef davit_status (*davit_onednn_kernel)(const davit_onednn_call *call);

typedef struct davit_onednn_step {
    dnnl_primitive_t primitive; /* NULL: kernel */
    int arg_count;
    dnnl_exec_arg_t *args;
    davit_onednn_kernel kernel;
    const void *params;
    size_t operand_count;
    davit_onednn_operand operands[DAVIT_ONEDNN_MAX_POINTERS]; /* of the kernel */
} davit_onednn_step;

/* A oneDNN memory object and where its bytes are. */
typedef struct davit_onednn_memory {
    dnnl_memory_t memory;
    uint32_t slot;
    size_t offset_bytes;
} davit_onednn_memory;

/* Of a unit in the time of the step that computes it with others, at the position of the last. */
typedef struct davit_onednn_share {
    size_t unit, built;
    double part;
} davit_onednn_share;

typedef struct davit_onednn_program {
    davit_program base;
    const davit_allocator *allocator;
    davit_dnnl_pool pool;
    davit_arena arena; /* of descriptions, parameters, argument lists */
    davit_onednn_slot *slots;
    size_t slot_count, slot_capacity;
    davit_onednn_step *steps;
    size_t step_count, step_capacity;
    davit_onednn_memory *memories; /* those of bindings first, once built */
    size_t memory_count, memory_capacity, bound_memory_count;
    size_t unit_count;
    size_t *unit_ends; /* [unit_count] index after the last step of each unit */
    const char **implementations;
    uint32_t threads;      /* of the device */
    bool *alone, *grouped; /* [unit_count] runs on one thread; in one step with others */
    size_t share_count;
    davit_onednn_share *shares; /* group by group */
    davit_pool memory; /* of packed constants and activations */
    davit_weight_cache *cache;
    void *activations;
    size_t activation_bytes;
    size_t constant_bytes;
    size_t reorder_count; /* steps that only change a layout; for tests */
} davit_onednn_program;

struct davit_onednn_device;

/* Compiles the units of a spec. Runs on a thread whose number of OpenMP threads is the device's. */
DAVIT_NODISCARD davit_status davit_onednn_program_build(struct davit_onednn_device *device,
                                                        const davit_program_spec *spec,
                                                        davit_onednn_program **out);
/* NULL is legal. */
void davit_onednn_program_destroy(davit_onednn_program *program);

/* Runs it; see davit_host_queue_ops.execute. */
DAVIT_NODISCARD davit_status davit_onednn_program_execute(davit_onednn_program *program,
                                                          void *const *bindings, uint64_t *unit_ns,
                                                          uint64_t deadline_ns);

#endif
