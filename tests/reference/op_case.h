/* One operator, its inputs and what it must give, as text: tests of inference and of kernels are
 * tables of these.
 *
 *     {"Slice", "", "f32[4] 1 2 3 4; s64[1] 1; s64[1] 3", "f32[2] 2 3"}
 *
 * Tensors are TYPE[DIMS] VALUES (nan and inf are values; ... repeats the last one), separated by
 * ';'; '-' stands for one that is absent. An input without values is known by shape only, and a
 * case with such inputs, or with outputs without values, is inferred and not computed. Attributes
 * are NAME=VALUE, separated by ';': an integer, a float (with a point), a list ([1, 2] of integers,
 * [1.0, 2.0] of floats, [A, B] of strings), a tensor, or else a string. Operators of the domain
 * "davit" are found by name too. */
#ifndef DAVIT_TEST_OP_CASE_H
#define DAVIT_TEST_OP_CASE_H

#include "unit_test.h"

#include "davit/graph.h"

typedef struct op_case {
    const char *op;
    const char *attributes;
    const char *inputs;
    const char *outputs;
} op_case;

/* A node that inference or its kernel must refuse. */
typedef struct op_failure {
    const char *op;
    const char *attributes;
    const char *inputs;
    size_t output_count;
    davit_status status;
    const char *message; /* what the error must contain */
} op_failure;

/* Run tables of cases; what differs fails the test with the case's text. Floats agree within 1e-6
 * relative and absolute (f16 1e-3, bf16 1e-2) unless is_exact is set, everything else exactly. */
void op_cases_run(const op_case *cases, size_t count, bool is_exact);
void op_failures_run(const op_failure *failures, size_t count);

#define OP_CASES_RUN(cases) op_cases_run(cases, sizeof(cases) / sizeof((cases)[0]), false)
#define OP_CASES_RUN_EXACT(cases) op_cases_run(cases, sizeof(cases) / sizeof((cases)[0]), true)
#define OP_FAILURES_RUN(failures)                                                                  \
    op_failures_run(failures, sizeof(failures) / sizeof((failures)[0]))

#endif
