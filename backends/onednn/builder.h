/* The building of a program: values, their layouts and the steps that make them.
 *
 * Units are built in order. A unit asks for its inputs in the layout it wants (a reorder is put in
 * where that differs, a constant is packed at once), makes its outputs in slots, adds its steps and
 * says which value is where. */
#ifndef DAVIT_ONEDNN_BUILDER_H
#define DAVIT_ONEDNN_BUILDER_H

#include "program.h"

/* What is known of a value inside the program. */
typedef struct davit_onednn_value {
    bool known;
    davit_onednn_operand operand; /* with the value's own dimensions; rank 0 as one dimension */
    size_t last_unit;             /* position of the last unit at which it is read */
    size_t output;                /* index of the program's output, or SIZE_MAX */
    size_t maker;                 /* position of the unit that makes it, or SIZE_MAX */
    size_t reader, reader_count;  /* position of the last unit that reads it, how many do */
} davit_onednn_value;

typedef struct davit_onednn_conversion {
    davit_onednn_operand from, to;
} davit_onednn_conversion;

struct davit_onednn_group;

typedef struct davit_onednn_builder {
    davit_onednn_program *program;
    const davit_program_spec *spec;
    const davit_graph *graph;
    const davit_diagnostics *diag;
    const davit_unit *unit; /* the one being built, and its position */
    size_t position;
    const char *implementation; /* of the unit's main step, NULL until there is one */
    const char *kernel;         /* that was chosen for the unit, "dense" or "dense/1"; NULL: none */
    bool bf16;                  /* products of f32 values have operands in bfloat16 */
    size_t f32_count;           /* those that oneDNN has no kernel for */
    davit_onednn_value *values; /* [graph->value_count] */
    const struct davit_onednn_group **groups; /* [spec->unit_count] that a unit is in, or NULL */
    davit_onednn_conversion *conversions;
    size_t conversion_count, conversion_capacity;
} davit_onednn_builder;

/* True when the unit is computed by this one of its kernels: the one that was chosen, or else where the
 * rule says so. */
bool davit_onednn_picks(const davit_onednn_builder *builder, const char *kernel, bool rule);

/* Memory that lives as long as the program; NULL after a report when there is none. */
void *davit_onednn_alloc(davit_onednn_builder *builder, size_t bytes);

/* ---- values ---- */

/* The value where and how it is. */
DAVIT_NODISCARD davit_status davit_onednn_value_get(davit_onednn_builder *builder,
                                                    davit_value_id value,
                                                    davit_onednn_operand *out);
/* The value dense row-major, with its own dimensions. */
DAVIT_NODISCARD davit_status davit_onednn_value_dense(davit_onednn_builder *builder,
                                                      davit_value_id value,
                                                      davit_onednn_operand *out);
/* Says where an output of the unit is. The operand has the value's own dimensions. */
void davit_onednn_value_set(davit_onednn_builder *builder, davit_value_id value,
                            const davit_onednn_operand *operand);
/* The same for dense row-major bytes described otherwise. */
DAVIT_NODISCARD davit_status davit_onednn_value_set_dense(davit_onednn_builder *builder,
                                                          davit_value_id value,
                                                          const davit_onednn_operand *operand);
/* True when nothing after this unit reads what is in the operand's slot, so that the unit may
 * write its result over it. */
bool davit_onednn_is_last_use(const davit_onednn_builder *builder,
                              const davit_onednn_operand *operand);

/* ---- operands ---- */

/* Shape of a value with rank 0 as one dimension; returns the rank. */
int davit_onednn_dims(const davit_onednn_builder *builder, davit_value_id value, int64_t *dims);
/* The element type of a value for oneDNN: f32, u8, s8, whose operands are described; else
 * dnnl_data_type_undef. */
dnnl_data_type_t davit_onednn_type(davit_dtype dtype);
/* Dense row-major with a value's own dimensions and type; NULL when that is not described. */
DAVIT_NODISCARD davit_status davit_onednn_desc_of(davit_onednn_builder *builder,
                                                  davit_value_id value, davit_dnnl_desc *out);
/* f32 dense row-major. */
DAVIT_NODISCARD davit_status davit_onednn_desc_dense(davit_onednn_builder *builder, int rank,
                                                     const int64_t *dims, davit_dnnl_desc *out);
/* True when the bytes of desc are those of dense row-major. */
bool davit_onednn_is_row_major(davit_dnnl_desc desc);
/* True when both lay the same dimensions out in the same bytes. */
bool davit_onednn_same_layout(davit_dnnl_desc a, davit_dnnl_desc b);

/* New memory of the arena for one tensor of that layout. */
DAVIT_NODISCARD davit_status davit_onednn_new(davit_onednn_builder *builder, davit_dnnl_desc desc,
                                              davit_onednn_operand *out);
/* New memory of the arena, f32 or not, that is not described. */
DAVIT_NODISCARD davit_status davit_onednn_new_bytes(davit_onednn_builder *builder, size_t bytes,
                                                    davit_onednn_operand *out);
/* New dense memory for a value, of any type. */
DAVIT_NODISCARD davit_status davit_onednn_new_dense(davit_onednn_builder *builder,
                                                    davit_value_id value,
                                                    davit_onednn_operand *out);
/* A constant of the program's own: bytes to be filled by the caller through *data. */
DAVIT_NODISCARD davit_status davit_onednn_new_constant(davit_onednn_builder *builder,
                                                       davit_dnnl_desc desc,
                                                       davit_onednn_operand *out, void **data);
/* The same without an operand, for few bytes of a kernel's parameters: NULL after a report when there is
 * none. */
void *davit_onednn_constant_bytes(davit_onednn_builder *builder, size_t bytes);
/* Room for packed weights of a kernel of our own: NULL after a report when there is none. Where *made is
 * false they are there already, read-only; else they are to be filled. what: see davit_weight_cache_take. */
void *davit_onednn_packed_bytes(davit_onednn_builder *builder, const char *what, size_t bytes,
                                bool *made);
/* The graph's tensor that a constant operand was read from, or NULL. */
const davit_tensor *davit_onednn_borrowed(const davit_onednn_builder *builder,
                                          const davit_onednn_operand *operand);
/* Gives its memory back, where a file has it, once it is packed. */
void davit_onednn_rest(const davit_onednn_builder *builder, const davit_onednn_operand *operand);
/* The bytes of a constant operand, or NULL when it is none. f32 elements may begin at any byte where
 * davit_onednn_borrowed says mapped: read them with davit_read_f32. */
const void *davit_onednn_constant(const davit_onednn_builder *builder,
                                  const davit_onednn_operand *operand);
/* from in the layout desc (same dimensions): itself where that is the same, else a reordered copy,
 * made once. */
DAVIT_NODISCARD davit_status davit_onednn_convert(davit_onednn_builder *builder,
                                                  const davit_onednn_operand *from,
                                                  davit_dnnl_desc desc, davit_onednn_operand *out);

/* ---- steps ---- */

typedef struct davit_onednn_arg {
    int index; /* DNNL_ARG_... */
    davit_onednn_operand operand;
} davit_onednn_arg;

/* Adds a primitive; its scratchpad is seen to. */
DAVIT_NODISCARD davit_status davit_onednn_add_primitive(davit_onednn_builder *builder,
                                                        const davit_dnnl_primitive *primitive,
                                                        const davit_onednn_arg *args, size_t count);
/* Adds a kernel of our own. params lives as long as the program. name is a literal. */
DAVIT_NODISCARD davit_status davit_onednn_add_kernel(davit_onednn_builder *builder,
                                                     const char *name, davit_onednn_kernel kernel,
                                                     const void *params,
                                                     const davit_onednn_operand *operands,
                                                     size_t count);

#endif
