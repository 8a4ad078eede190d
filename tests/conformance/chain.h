/* A chain of three units, for tests of programs: of f32 where the device has that, else of bytes.
 */
#ifndef DAVIT_CONFORMANCE_CHAIN_H
#define DAVIT_CONFORMANCE_CHAIN_H

#include "case.h"
#include "suite.h"

/* tanh(sigmoid(relu(x))) over 1x3x4x5, or three maxima over 3x3 of 1x12x4x5 bytes: as large. */
enum { CHAIN_UNITS = 3, CHAIN_BYTES = 240 };

/* Its spec, to be spoilt, and room for what is added to it. */
typedef struct chain_bench {
    bool floats;
    unit_case built;
    case_spec whole;
    davit_program_spec spec; /* of the arrays below */
    davit_unit_id units[CHAIN_UNITS + 1];
    davit_program_io inputs[3], outputs[3];
} chain_bench;

/* false: failed. */
bool chain_open(test_suite *suite, chain_bench *out);
void chain_close(chain_bench *closing);
/* The io of a unit's first output, dense. */
davit_program_io chain_result(const chain_bench *bench, davit_unit_id unit);

/* An input whose elements are all 2, or with second 3 (-2 in f32); and whether what unit `unit`
 * then makes is right. values has CHAIN_BYTES. */
void chain_fill(const chain_bench *bench, bool second, void *values);
bool chain_right(const chain_bench *bench, size_t unit, bool second, const void *values);

#endif
