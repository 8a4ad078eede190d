/* A chain of three units that every backend should have, for tests of programs. */
#ifndef DAVIT_CONFORMANCE_CHAIN_H
#define DAVIT_CONFORMANCE_CHAIN_H

#include "case.h"
#include "suite.h"

/* tanh(sigmoid(relu(x))) over 1x3x4x5. */
enum { CHAIN_UNITS = 3 };

/* Its spec, to be spoilt, and room for what is added to it. */
typedef struct chain_bench {
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

#endif
