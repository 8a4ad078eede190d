/* The operators that GPUs compute, in families of one file each. */
#ifndef DAVIT_GPU_OPERATORS_H
#define DAVIT_GPU_OPERATORS_H

#include "builder.h"
#include "davit/node.h"

#define DAVIT_GPU_FLOATS DAVIT_TYPE(DAVIT_F32)
#define DAVIT_GPU_BYTES (DAVIT_TYPE(DAVIT_U8) | DAVIT_TYPE(DAVIT_S8))
#define DAVIT_GPU_ANY UINT32_MAX

typedef struct davit_gpu_operator {
    davit_op op;
    uint32_t types; /* of what is not constant */
    /* NULL when a unit with this anchor can be compiled, else why not, a literal. Reads only the
     * graph. NULL: never refuses. */
    const char *(*refuse)(const davit_graph *graph, const davit_unit *unit);
    /* Adds the unit's launches and sets its outputs. */
    davit_status (*build)(davit_gpu_builder *builder, const davit_unit *unit,
                          const davit_node *node);
} davit_gpu_operator;

typedef struct davit_gpu_family {
    const davit_gpu_operator *operators;
    size_t count;
} davit_gpu_family;

#define DAVIT_GPU_FAMILY(array)                                                                    \
    {                                                                                              \
        array, sizeof(array) / sizeof((array)[0])                                                  \
    }

extern const davit_gpu_family davit_gpu_weighted;    /* products with constant weights */
extern const davit_gpu_family davit_gpu_matmuls;     /* products without, MatMul and IntegerProduct */
extern const davit_gpu_family davit_gpu_elementwise; /* of one, two or more inputs, f32 */
extern const davit_gpu_family davit_gpu_integer;     /* on bytes, without weights */
extern const davit_gpu_family davit_gpu_pools;
extern const davit_gpu_family davit_gpu_rows;        /* reductions, softmax, normalisations */
extern const davit_gpu_family davit_gpu_movements;
extern const davit_gpu_family davit_gpu_resizes;

/* Builds a supported unit. */
DAVIT_NODISCARD davit_status davit_gpu_operator_build(davit_gpu_builder *builder,
                                                      const davit_unit *unit);

/* ---- for the families ---- */

bool davit_gpu_unsigned(davit_dtype dtype);
/* "more than one output" where the unit has one besides the first of its node. */
const char *davit_gpu_refuse_outputs(const davit_graph *graph, const davit_unit *unit);
/* "inputs that are not constant" where one after the first is not. */
const char *davit_gpu_refuse_shape_inputs(const davit_graph *graph, const davit_unit *unit);
/* A constant of s32. */
DAVIT_NODISCARD davit_status davit_gpu_ints(davit_gpu_builder *builder, const int32_t *values,
                                            size_t count, davit_gpu_place *out);

#endif
