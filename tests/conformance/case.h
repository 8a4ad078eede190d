/* Unit cases: small graphs written as one line of text, so that a failure can be typed again.
 *
 *   CASE     = NODE { " ; " NODE }
 *   NODE     = OPERATOR [ "^" ] { OPERAND | ATTRIBUTE } [ "->" OUTPUTS ]
 *   OPERAND  = "x:" SHAPE     graph input (f32)          SHAPE = 1x3x8x8 | "same"
 *            | "w:" SHAPE     constant weights           "same": as the result before
 *            | "p:" SHAPE     constant in [1/2, 3/2)
 *            | "u:" SHAPE     graph input (u8)           "i:" SHAPE  graph input (s8)
 *            | "t:" SHAPE     constant (u8)              "c:" SHAPE  constant (s8)
 *            | "d:" SHAPE     constant of 9 bits (s16)   "b:" SHAPE  constant bias (s32)
 *            | "C:" "D:"      matrices of these whose columns each lie whole in memory
 *            | "l:" LIST      constant list of s64       LIST = 1,2,3
 *            | "f:" LIST      constant list of f32
 *            | "s:" NUMBER    constant scalar f32
 *            | "@" N          first result of node N (from 0)
 *            | "-"            absent
 *   ATTRIBUTE = NAME "=" VALUE   "3" an integer, "3," or "1,2" a list, "0.5" a float, "0.5,0.25" a
 *                                list of floats, else a string
 *
 * The first input of every node but the first is the first result of the node before it, unless
 * there is "^". Results
 * that nothing reads are graph outputs. Example, a convolution with bias, residual and relu:
 *
 *   Conv x:1x8x13x13 w:16x8x3x3 pads=1,1,1,1 ; Add w:16x1x1 ; Add x:same ; Relu */
#ifndef DAVIT_CONFORMANCE_CASE_H
#define DAVIT_CONFORMANCE_CASE_H

#include "davit/backend.h"
#include "davit/tensor.h"

#define CASE_TEXT_BYTES 2048
#define CASE_MAX_NODES 24
#define CASE_MAX_OPERANDS 8
#define CASE_MAX_ATTRIBUTES 16
#define CASE_MAX_LIST 64
#define CASE_MAX_OUTPUTS 8

typedef enum case_operand_kind {
    CASE_INPUT,
    CASE_WEIGHTS,
    CASE_POSITIVE,
    CASE_U8_INPUT,
    CASE_S8_INPUT,
    CASE_U8,
    CASE_S8,
    CASE_S16,
    CASE_S32,
    CASE_INTS, /* those before have a shape and are filled */
    CASE_FLOATS,
    CASE_SCALAR,
    CASE_RESULT,
    CASE_ABSENT
} case_operand_kind;

typedef struct case_operand {
    case_operand_kind kind;
    bool same_shape, columns;
    size_t count; /* of ints (a shape or list) or floats */
    int64_t ints[CASE_MAX_LIST];
    float floats[CASE_MAX_LIST];
} case_operand;

typedef struct case_attribute {
    char name[32];
    davit_attribute_type type;
    size_t count;
    int64_t ints[CASE_MAX_LIST];
    float floats[CASE_MAX_LIST];
    float number;
    char string[32];
} case_attribute;

typedef struct case_node {
    char op[40];
    size_t operand_count, attribute_count, output_count;
    bool anew; /* the node before it is none of its inputs */
    case_operand operands[CASE_MAX_OPERANDS];
    case_attribute attributes[CASE_MAX_ATTRIBUTES];
} case_node;

typedef struct case_text {
    size_t node_count;
    case_node nodes[CASE_MAX_NODES];
} case_text;

/* Reads a case; DAVIT_BAD_DATA, reported, names what cannot be read. */
DAVIT_NODISCARD davit_status case_parse(const char *text, const davit_diagnostics *diag,
                                        case_text *out);

/* Gives an element of an operand (counted over the whole case: x, w and p only) its value; the
 * integer operands are always random, and in one case of four extreme. */
typedef double (*case_fill)(int operand, const int64_t *index);

/* Fills a tensor of integers from a seed: with values over the whole range of its type (of s16: 9
 * bits, of s32: 20), with its ends, or with one of them. */
void case_fill_integers(davit_tensor *tensor, uint64_t seed);

/* A case as a graph with units, and what its inputs hold. */
typedef struct unit_case {
    davit_graph *graph;
    davit_tensor **inputs; /* [graph->input_count] */
} unit_case;

/* Builds the graph of a case. fill NULL: random from seed, weights scaled down so that results
 * stay near 1. *out is zero on failure. */
DAVIT_NODISCARD davit_status case_build(const char *text, uint64_t seed, case_fill fill,
                                        const davit_diagnostics *diag, unit_case *out);
void case_destroy(unit_case *built);

/* Computes the outputs (created dense, graph->outputs order, freed with case_free_outputs) node by
 * node, without any backend's programs. */
DAVIT_NODISCARD davit_status case_evaluate(const unit_case *built, const davit_diagnostics *diag,
                                           davit_tensor **outputs);

/* Runs all units as one program on the device; rank-4 inputs and outputs in NHWC when asked for.
 * unit_ns may be NULL. Fails with DAVIT_INTERNAL, reported, when memory around an output or an
 * input was changed. */
DAVIT_NODISCARD davit_status case_run(davit_device *device, const unit_case *built,
                                      bool channels_last, uint64_t *unit_ns,
                                      davit_tensor **outputs);
void case_free_outputs(const unit_case *built, davit_tensor **outputs);

/* Compares by Davit's definition of right (f32: each element within rtol 1e-3 and atol 1e-5, and
 * the whole within 1e-4 relative L2; other types: equal). problem gets what differs. */
bool case_compare(const davit_tensor *got, const davit_tensor *expected, char *problem,
                  size_t problem_bytes);

/* A spec of all units of the case in order, with its arrays. */
typedef struct case_spec {
    davit_program_spec spec;
    davit_unit_id *units;
    davit_program_io *ios; /* inputs, then outputs */
    const char **kernels;  /* the one that is asked for */
} case_spec;

DAVIT_NODISCARD davit_status case_spec_create(const unit_case *built, bool channels_last,
                                              case_spec *out);
void case_spec_destroy(case_spec *spec);

/* Specs that are made from now on ask for the kernel of that name for each unit (davit_program_spec.kernels);
 * NULL: for none. */
void case_ask_kernel(const char *name);

#endif
