/* Kernels of the reference backend: one function for each operator, in files by family.
 *
 * A kernel reads and writes dense row-major host tensors. Shapes, types and shape inputs were
 * checked by inference; a kernel checks what depends on data (an index out of range) and reports
 * it with davit_kernel_fail. Only DAVIT_OUT_OF_MEMORY is returned without a report, which
 * davit_kernel_run makes. It never reads outside its tensors, whatever they hold. */
#ifndef DAVIT_REFERENCE_KERNEL_H
#define DAVIT_REFERENCE_KERNEL_H

#include "davit/graph.h"

typedef struct davit_kernel_call {
    const davit_graph *graph; /* the node's */
    const davit_node *node;
    const davit_tensor *const *inputs; /* [node->input_count], NULL where absent */
    davit_tensor *const *outputs;      /* [node->output_count], NULL where nobody asked for it */
    const davit_allocator *allocator;  /* for scratch memory, freed before returning */
    const davit_diagnostics *diag;
} davit_kernel_call;

typedef davit_status (*davit_kernel)(const davit_kernel_call *call);

typedef struct davit_kernel_entry {
    davit_op op;
    davit_kernel run;
} davit_kernel_entry;

typedef struct davit_kernel_family {
    const davit_kernel_entry *entries;
    size_t count;
} davit_kernel_family;

/* The families are those of host/graph/op_table.h. */
extern const davit_kernel_family davit_kernels_elementwise;
extern const davit_kernel_family davit_kernels_movement;
extern const davit_kernel_family davit_kernels_generate;
extern const davit_kernel_family davit_kernels_reduce;
extern const davit_kernel_family davit_kernels_normalize;
extern const davit_kernel_family davit_kernels_linear;
extern const davit_kernel_family davit_kernels_spatial;
extern const davit_kernel_family davit_kernels_recurrent;
extern const davit_kernel_family davit_kernels_quantized;
extern const davit_kernel_family davit_kernels_integer;
extern const davit_kernel_family davit_kernels_loss;

#define DAVIT_KERNEL_FAMILY(array)                                                                 \
    {                                                                                              \
        array, sizeof(array) / sizeof((array)[0])                                                  \
    }

/* The kernel of an operator; never NULL for an operator of the supported table (a test checks). */
davit_kernel davit_kernel_find(davit_op op);

/* Runs a kernel; reports a shortage of memory. */
DAVIT_NODISCARD davit_status davit_kernel_run(davit_kernel kernel, const davit_kernel_call *call);

/* Reports "node 'NAME' (Op): text" and returns status. */
DAVIT_PRINTF(3, 4)
davit_status
    davit_kernel_fail(const davit_kernel_call *call, davit_status status, const char *format, ...);

/* Input or output i, NULL when it is absent or nobody asked for it. */
static inline const davit_tensor *davit_kernel_input(const davit_kernel_call *call, uint32_t i)
{
    return i < call->node->input_count ? call->inputs[i] : NULL;
}

static inline davit_tensor *davit_kernel_output(const davit_kernel_call *call, uint32_t i)
{
    return i < call->node->output_count ? call->outputs[i] : NULL;
}

/* The attribute axis (fallback when absent), made non-negative; inference checked it. */
int davit_kernel_axis(const davit_kernel_call *call, int64_t fallback, int rank);

/* Element access by index, any numeric type, through f64 (exact for all but 64-bit integers). */
double davit_load_f64(const davit_tensor *tensor, int64_t index);
/* Stores with one rounding to nearest even for floats; integers truncate towards zero, saturating,
 * with NaN as 0; bool is value != 0. */
void davit_store_f64(davit_tensor *tensor, int64_t index, double value);
/* Element access for integer and bool types, exact (u64 modulo 2^64); floats are truncated. */
int64_t davit_load_s64(const davit_tensor *tensor, int64_t index);
/* Stores modulo 2^bits, as C casts do; bool is value != 0. */
void davit_store_s64(davit_tensor *tensor, int64_t index, int64_t value);

#endif
