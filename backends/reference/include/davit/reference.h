/* The reference backend: every supported operator in plain C, slow and right; the oracle for every
 * other backend. Runs the unfused form of a unit, node by node, on dense row-major tensors. */
#ifndef DAVIT_REFERENCE_H
#define DAVIT_REFERENCE_H

#include "davit/backend.h"
#include "davit/infer.h"

extern const davit_backend_table davit_reference_backend;

/* Evaluates single nodes for inference and constant folding; static. */
const davit_evaluator *davit_reference_evaluator(void);

#endif
