/* The building of a program: values, where they lie, and the launches that make them.
 *
 * Units are built in order. A unit asks for its inputs in the layout it wants (a conversion is launched
 * where that differs, a constant is rearranged at once), makes its outputs, adds launches, and says
 * which value is where. When all are built, lifetimes of the memory follow from the launches. */
#ifndef DAVIT_GPU_BUILDER_H
#define DAVIT_GPU_BUILDER_H

#include "davit/gpu_program.h"
#include "kernels/params.h"

/* How a value of rank 3 to 5 lies: dense row-major, or with its axis 1 last. Both are the same for
 * other ranks, and where only one of the two parts of dims has more than an element. */
typedef enum davit_gpu_layout { DAVIT_GPU_DENSE, DAVIT_GPU_CHANNELS_LAST } davit_gpu_layout;

/* A piece of memory; index of a slot, and where in it. */
typedef struct davit_gpu_place {
    uint32_t slot;
    size_t offset_bytes;
} davit_gpu_place;

#define DAVIT_GPU_NO_SLOT UINT32_MAX

typedef struct davit_gpu_slot {
    davit_gpu_space space;
    uint32_t index;
    size_t bytes;        /* scratch */
    size_t offset_bytes; /* constants */
} davit_gpu_slot;

/* Where a value is, in each layout it has been asked for in. */
typedef struct davit_gpu_value {
    bool known[2];
    davit_gpu_place places[2];
    size_t output; /* index of the program's output, or SIZE_MAX */
} davit_gpu_value;

typedef struct davit_gpu_builder {
    const davit_allocator *allocator;
    const davit_diagnostics *diag;
    const davit_gpu_limits *limits;
    const davit_gpu_tuning *tuning;
    const davit_program_spec *spec;
    const davit_graph *graph;
    const davit_unit *unit; /* the one being built, and its position */
    uint32_t position;
    davit_gpu_value *values; /* [graph->value_count] */
    davit_gpu_slot *slots;
    size_t slot_count, slot_capacity;
    davit_gpu_launch *launches;
    size_t launch_count, launch_capacity;
    davit_gpu_place *places; /* [launch_capacity * DAVIT_GPU_MAX_OPERANDS] */
    size_t place_capacity;
    uint8_t *constants;
    size_t constant_bytes, constant_capacity;
    davit_gpu_place checks; /* davit_gpu_code.check_offset */
    uint32_t *check_positions;
    size_t check_count;
} davit_gpu_builder;

/* ---- shapes ---- */

/* Strides of a description's dimensions in a layout. */
void davit_gpu_strides(const davit_tensor_desc *desc, davit_gpu_layout layout, int64_t *strides);
/* Something of each dimension, in the order in which a layout has them, outermost first. */
void davit_gpu_order(const davit_tensor_desc *desc, davit_gpu_layout layout, const int64_t *from,
                     int64_t *to);
/* True when both layouts are the same bytes. */
bool davit_gpu_layout_free(const davit_tensor_desc *desc);
const davit_tensor_desc *davit_gpu_desc(const davit_gpu_builder *builder, davit_value_id value);

/* ---- values ---- */

/* The value in a layout. */
DAVIT_NODISCARD davit_status davit_gpu_get(davit_gpu_builder *builder, davit_value_id value,
                                           davit_gpu_layout layout, davit_gpu_place *out);
/* A layout that the value has already (constants: dense). */
davit_gpu_layout davit_gpu_layout_of(const davit_gpu_builder *builder, davit_value_id value);
/* Memory for an output of the unit in a layout, where its value then is. */
DAVIT_NODISCARD davit_status davit_gpu_make(davit_gpu_builder *builder, davit_value_id value,
                                            davit_gpu_layout layout, davit_gpu_place *out);
/* Says that an output of the unit is what lies there already. */
void davit_gpu_set(davit_gpu_builder *builder, davit_value_id value, davit_gpu_layout layout,
                   davit_gpu_place place);

/* ---- memory ---- */

/* Scratch memory of the unit's own. */
DAVIT_NODISCARD davit_status davit_gpu_scratch(davit_gpu_builder *builder, size_t bytes,
                                               davit_gpu_place *out);
/* A constant of that size, zeroed, to be filled through *data before the next one is made. */
DAVIT_NODISCARD davit_status davit_gpu_constant(davit_gpu_builder *builder, size_t bytes,
                                                void **data, davit_gpu_place *out);
davit_gpu_place davit_gpu_absent(void);
/* An input or output of the program. */
DAVIT_NODISCARD davit_status davit_gpu_bound(davit_gpu_builder *builder, davit_gpu_space space,
                                             uint32_t index, davit_gpu_place *out);
/* The layout in which the program's caller reads or writes a value. */
davit_gpu_layout davit_gpu_layout_of_io(const davit_program_io *io);

/* The word of the unit being built for what is wrong with its data. */
davit_gpu_place davit_gpu_check_word(const davit_gpu_builder *builder);

/* ---- launches ---- */

/* What a launch is made from. params is a struct of bytes / 4 words. */
typedef struct davit_gpu_call {
    const char *kernel; /* a literal */
    bool library;       /* as of davit_gpu_launch */
    uint32_t groups[3]; /* 0 counts as 1 */
    uint32_t threads;
    const void *params;
    size_t param_bytes;
    size_t operand_count;
    davit_gpu_place operands[DAVIT_GPU_MAX_OPERANDS];
} davit_gpu_call;

DAVIT_NODISCARD davit_status davit_gpu_launch_add(davit_gpu_builder *builder,
                                                  const davit_gpu_call *call);
/* A call of a kernel in which each thread makes one of count elements: kernel, params, count and
 * operands given. */
DAVIT_NODISCARD davit_status davit_gpu_launch_flat(davit_gpu_builder *builder,
                                                   davit_gpu_call *call, int64_t count);

/* A strided copy of elements: of at most DAVIT_MAX_RANK dimensions, which are merged where they lie
 * together. */
typedef struct davit_gpu_copy {
    int rank;
    size_t elem_bytes;
    int64_t dims[DAVIT_MAX_RANK], from[DAVIT_MAX_RANK], to[DAVIT_MAX_RANK];
    int64_t from_offset, to_offset;
} davit_gpu_copy;

/* DAVIT_UNSUPPORTED where more than DAVIT_GPU_RANK dimensions remain. */
DAVIT_NODISCARD davit_status davit_gpu_copy_add(davit_gpu_builder *builder,
                                                const davit_gpu_copy *copy, davit_gpu_place from,
                                                davit_gpu_place to);

/* Dimensions with several strides each, innermost last, for kernels: dimensions of 1 are dropped,
 * those that lie together in all of them are merged, DAVIT_GPU_RANK of them are written, filled up
 * with 1 in front. False where more remain. */
bool davit_gpu_merge(int rank, const int64_t *dims, int count, const int64_t *const *strides,
                     int *out_dims, int *const *out_strides);

/* "move_4" for ("move", 4) among the names of the kernels that there is one of for each width; NULL
 * for a width that none has. */
const char *davit_gpu_of_width(const char *const names[4], size_t elem_bytes);

#endif
