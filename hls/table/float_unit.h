/* The call of the engine that a unit of a network in f32 would be, were the network quantised. */
#ifndef DAVIT_FLOAT_UNIT_H
#define DAVIT_FLOAT_UNIT_H

#include "davit/engine_unit.h"

/* As davit_engine_unit, for Conv, Gemm, MatMul, MaxPool, AveragePool, GlobalAveragePool and Add. */
const char *davit_float_unit(const davit_graph *graph, const davit_unit *unit,
                             const davit_gemm_geometry *geometry, davit_engine_call *out);

#endif
