/* From a unit of a graph to a call of the FPGA engine (davit/engine_abi.h): which units gemm_s8 and
 * vector_s8 run, and the shape of the call. What the planner and backends/xrt must agree on. */
#ifndef DAVIT_ENGINE_UNIT_H
#define DAVIT_ENGINE_UNIT_H

#include "davit/engine_abi.h"
#include "davit/graph.h"

typedef struct davit_engine_call {
    bool view;   /* no call: the result is the input's bytes */
    bool vector; /* vector_s8, else gemm_s8 */
    davit_gemm_shape gemm_shape;
    davit_vector_shape vector_shape;
    int64_t divisor; /* of every window of an average; 0: the number of taps inside the input */
} davit_engine_call;

/* Sets *out and returns NULL, or returns why the engine does not run the unit, a literal ("" when
 * it does not know the operator). Shapes are inferred. Values of rank 4 are channels-last in the
 * engine's memory, others row-major. Pure.
 *
 * gemm_s8: IntegerConv of rank 4 without groups and IntegerMatMul of other ranks, weights of s8. A
 * result whose columns need several panels is padded to a multiple of 64 columns.
 * vector_s8: IntegerConv with one channel in and out for each group, MaxPool of bytes without
 * indices, IntegerAveragePool, all of rank 4; IntegerAdd without broadcast.
 * Nothing at all: views (davit/work_class.h) of bytes. */
const char *davit_engine_unit(const davit_graph *graph, const davit_unit *unit,
                              const davit_gemm_geometry *geometry, davit_engine_call *out);

#endif
