/* The parts of davit_pass_lower_integer.
 *
 * Every QuantizeLinear asks for "this value, as that 8-bit type"; the answer is found by going back
 * through the float operators (lower_result.c). Operators that only move values, or keep the order
 * of values, are copied to work on bytes; a sum, product or function of values that are themselves
 * dequantised bytes becomes an integer operator; where neither is possible the answer is
 * DAVIT_NONE, and the first operator on the way that has no integer form notes why. Nodes are only
 * added here, so a failed attempt leaves nothing but dead nodes. */
#ifndef DAVIT_LOWER_INTEGER_H
#define DAVIT_LOWER_INTEGER_H

#include "davit/infer.h"
#include "davit/integer.h"
#include "uses.h"

/* A float value that is exactly (q - zero) * scale of a value of bytes. */
typedef struct davit_lowered {
    davit_value_id value; /* DAVIT_NONE: it is not */
    davit_quant8 type;
} davit_lowered;

/* A value as bytes of a type, after bounds. */
typedef struct davit_lower_result_entry {
    davit_value_id value; /* 0 and no scale: nothing is known */
    davit_result_spec target;
} davit_lower_result_entry;

/* A node that the pass has added. */
typedef struct davit_lower_origin {
    davit_node_id node;
    davit_node_id of; /* what it stands for, whose name it gets when that is gone */
} davit_lower_origin;

typedef struct davit_lowering {
    davit_graph *graph;
    const davit_evaluator *evaluator; /* NULL: constants are not computed */
    const davit_diagnostics *diag;
    /* The graph as it was: only that is asked about. */
    davit_uses uses;
    size_t value_count, node_count;
    davit_lowered *operands;           /* by value: what davit_lower_operand has found */
    bool *asked;                       /* by value: it was asked for */
    davit_lower_result_entry *results; /* by value: the last answer of davit_lower_result */
    const char **reasons;              /* by node: why it stays f32, NULL */
    /* By value, also of new ones: what is read instead, DAVIT_NONE: itself. */
    davit_value_id *stands_for;
    size_t stands_for_capacity;
    davit_lower_origin *origins;
    size_t origin_count, origin_capacity;
    int depth;   /* of the search in progress */
    int steps;   /* that it may still take */
    bool shared; /* somebody else reads a value on the way: it would be computed twice */
} davit_lowering;

/* How far back, and in how many steps, one QuantizeLinear is followed. */
#define DAVIT_LOWER_MAX_DEPTH 48
#define DAVIT_LOWER_MAX_STEPS 512
/* How many readers of one value are compared. */
#define DAVIT_LOWER_MAX_READERS 64

/* All functions below return DAVIT_OUT_OF_MEMORY unreported. "No answer" is DAVIT_OK and
 * DAVIT_NONE. */

/* ---- lower_state.c ---- */

DAVIT_NODISCARD davit_status davit_lowering_create(davit_lowering *l);
void davit_lowering_clear(davit_lowering *l);

/* What is read instead of value. */
davit_value_id davit_lower_resolve(const davit_lowering *l, davit_value_id value);

/* Notes why a node of the graph as it was stays f32; the first reason is kept. */
void davit_lower_refuse(davit_lowering *l, davit_node_id node, const char *reason);

/* The node that computes a value of the graph as it was; NULL for none. */
const davit_node *davit_lower_producer(const davit_lowering *l, davit_value_id value,
                                       davit_node_id *id);

/* True when whoever reads value (of the graph as it was) reads it for one purpose: one node, or
 * QuantizeLinear nodes that are all the same. */
bool davit_lower_read_once(const davit_lowering *l, davit_value_id value);

/* True when two QuantizeLinear nodes of the same input have the same parameters. */
bool davit_lower_same_quantize(const davit_graph *graph, const davit_node *a, const davit_node *b);

/* Adds a node that stands for node `of`, with spec->output_count new values as outputs (spec's
 * name and outputs are not looked at), and infers it. A node that inference refuses is removed
 * again, its message becomes the reason of `of`, and outputs are DAVIT_NONE. What is constant is
 * computed. */
DAVIT_NODISCARD davit_status davit_lower_add(davit_lowering *l, davit_node_id of,
                                             const davit_node_spec *spec, davit_value_id *outputs);

/* ---- lower_attributes.c ---- */

/* The attributes of a node in the making. */
#define DAVIT_LOWER_MAX_ATTRIBUTES 32
typedef struct davit_lower_attributes {
    uint32_t count;
    davit_attribute items[DAVIT_LOWER_MAX_ATTRIBUTES];
} davit_lower_attributes;

void davit_lower_set_int(davit_lower_attributes *a, const char *name, int64_t value);
void davit_lower_set_float(davit_lower_attributes *a, const char *name, float value);
void davit_lower_set_ints(davit_lower_attributes *a, const char *name, size_t count,
                          const int64_t *values);
void davit_lower_set_floats(davit_lower_attributes *a, const char *name, size_t count,
                            const float *values);
/* Those of a node, borrowed. At most half the room: no operator of ONNX has more. */
void davit_lower_copy_attributes(davit_lower_attributes *a, const davit_node *node);
/* y_scale, y_zero, y_type, and the bounds that there are. */
void davit_lower_set_result(davit_lower_attributes *a, const davit_result_spec *result);

/* ---- lower_scales.c ---- */

/* The constant parameters of a QuantizeLinear or DequantizeLinear. */
typedef struct davit_lower_scales {
    davit_dtype dtype;  /* of the quantised side */
    const float *scale; /* [count] */
    const void *zero;   /* [count] of dtype; NULL: all 0 */
    size_t count;
    int axis; /* of more than one scale */
} davit_lower_scales;

/* Reads them; returns NULL, or why they cannot be used ("its scale is not constant"). */
const char *davit_lower_read_scales(const davit_graph *graph, const davit_node *node,
                                    davit_lower_scales *out);
/* Zero point i. */
int32_t davit_lower_zero(const davit_lower_scales *scales, size_t i);

/* The type of one scale of u8 or s8; returns NULL, or why there is none. */
const char *davit_lower_read_type(const davit_graph *graph, const davit_node *node,
                                  davit_quant8 *out);

/* Refuses constant scales and zero points that mean nothing: "node 'NAME' (Op): its scale is zero",
 * DAVIT_BAD_DATA, for every QuantizeLinear and DequantizeLinear. The scales of s32 (biases) may be
 * so small that they are denormal or 0. */
DAVIT_NODISCARD davit_status davit_lower_check_scales(const davit_graph *graph,
                                                      const davit_diagnostics *diag);

/* ---- lower_qlinear.c ---- */

/* Writes QLinearConv and QLinearMatMul with constant parameters out as DequantizeLinear, Conv or
 * MatMul, and QuantizeLinear. Those that have one for each row stay. */
DAVIT_NODISCARD davit_status davit_lower_expand_qlinear(davit_graph *graph,
                                                        const davit_diagnostics *diag);

/* ---- lower_movement.c ---- */

/* True for operators that hand elements of their first input on, perhaps with one constant between
 * them (Pad), and for those that pick the greatest (MaxPool): they commute with QuantizeLinear and
 * DequantizeLinear. */
bool davit_lower_moves(const davit_graph *graph, const davit_node *node);

/* The copy of such a node that works on data, bytes of target's type, instead of its first input.
 * *out holds a value for each output of the node, in the arena. */
DAVIT_NODISCARD davit_status davit_lower_move(davit_lowering *l, davit_node_id node,
                                              const davit_lowered *data,
                                              const davit_result_spec *target,
                                              davit_value_id **out);

/* ---- lower_operand.c ---- */

/* The bytes that a float value of the graph as it was is made from: behind a DequantizeLinear with
 * one scale, and operators that only move values, or Relu. */
DAVIT_NODISCARD davit_status davit_lower_operand(davit_lowering *l, davit_value_id value,
                                                 davit_lowered *out);

/* The bytes of the first input of a node, with x_scale and x_zero set; where there are none, that
 * is noted. */
DAVIT_NODISCARD davit_status davit_lower_find_x(davit_lowering *l, davit_node_id id,
                                                davit_lower_attributes *attributes,
                                                davit_lowered *x);

/* ---- lower_table.c ---- */

/* The bounds of a Relu or Clip with constant bounds; false for any other node. */
bool davit_lower_bounds(const davit_graph *graph, const davit_node *node, float *low, float *high);

/* Bytes of target made from those of data, in the place of node `of`: data itself where its type
 * and bounds are those of target, else an IntegerLookup. */
DAVIT_NODISCARD davit_status davit_lower_requantize(davit_lowering *l, davit_node_id of,
                                                    const davit_lowered *data,
                                                    const davit_result_spec *target,
                                                    davit_value_id *out);

/* value as bytes of target, where it is a function of the elements of one quantised value: an
 * IntegerLookup, or that value itself if the function changes nothing. Each operator is evaluated
 * with one rounding to f32 (davit_function_value), as the QDQ graph computes it without error. */
DAVIT_NODISCARD davit_status davit_lower_table(davit_lowering *l, davit_value_id value,
                                               const davit_result_spec *target,
                                               davit_value_id *out);

/* ---- lower_weights.c, lower_weighted.c ---- */

/* Constant weights of 8 bits with the zero points subtracted. */
typedef struct davit_lowered_weights {
    davit_value_id value; /* s8 or s16; DAVIT_NONE: there are none */
    const float *scale;   /* [count], 1 or one for each output channel */
    size_t count;
} davit_lowered_weights;

/* The weights of a Conv, ConvTranspose, Gemm or MatMul (a matrix then, as [K, N]); reason, or NULL
 * where their operator may be computed with two quantised operands, says why there are none. */
DAVIT_NODISCARD davit_status davit_lower_find_weights(davit_lowering *l, const davit_node *anchor,
                                                      davit_lowered_weights *out,
                                                      const char **reason);

/* The values of a constant that is added to the result of node anchor, in units of x_scale times
 * the scale of the weights, as s32; added to units [channels], which the caller has set to 0.
 * Returns NULL, or why it cannot. */
const char *davit_lower_bias(const davit_lowering *l, davit_value_id bias,
                             const davit_tensor_desc *result, int axis, const float *unit,
                             double *units);

/* value as bytes of target, where a convolution or matrix product computes it, perhaps with
 * constants and a quantised residual added; *found: there is one, whether or not it was lowered. */
DAVIT_NODISCARD davit_status davit_lower_weighted(davit_lowering *l, davit_value_id value,
                                                  const davit_result_spec *target, bool *found,
                                                  davit_value_id *out);

/* ---- lower_average.c ---- */

/* The result of node id, an AveragePool, GlobalAveragePool, or ReduceMean of all spatial axes, as
 * bytes of target. */
DAVIT_NODISCARD davit_status davit_lower_average(davit_lowering *l, davit_node_id id,
                                                 const davit_result_spec *target,
                                                 davit_value_id *out);

/* ---- lower_result.c ---- */

/* value as bytes of target, after the bounds of target. */
DAVIT_NODISCARD davit_status davit_lower_result(davit_lowering *l, davit_value_id value,
                                                const davit_result_spec *target,
                                                davit_value_id *out);

/* ---- lower_notes.c ---- */

/* Counts integer units, and lists in the graph what quantisation touches and stays f32. */
DAVIT_NODISCARD davit_status davit_lower_note(davit_lowering *l);

#endif
