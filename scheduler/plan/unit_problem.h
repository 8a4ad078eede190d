/* The placement problem of a request: a node for each unit, a value for each tensor that units
 * exchange with each other or with the host. */
#ifndef DAVIT_UNIT_PROBLEM_H
#define DAVIT_UNIT_PROBLEM_H

#include "candidates.h"

typedef struct davit_unit_problem {
    davit_arena arena;           /* of everything here */
    davit_place_problem problem; /* its devices are the request's */
    davit_place_node *nodes;     /* the problem's, for davit_unit_problem_choose */
    double *node_seconds, *node_joules;
    davit_candidates candidates;
    /* [unit][device]; seconds INFINITY where the device cannot run the unit. */
    davit_cost_estimate *estimates;
    davit_value_id *values;        /* [problem.value_count]: the graph's */
    char sha256[DAVIT_SHA256_HEX]; /* of the problem: graph, profiles, measurements, limits, pins */
} davit_unit_problem;

/* Reports as davit_candidates_find does. Free with davit_unit_problem_clear, also after a failure.
 */
DAVIT_NODISCARD davit_status davit_unit_problem_make(const davit_allocator *allocator,
                                                     const davit_plan_request *request,
                                                     const davit_diagnostics *diag,
                                                     davit_unit_problem *out);
void davit_unit_problem_clear(davit_unit_problem *problem);

/* Sets which devices the problem offers to a unit: those of `allowed` ([device]), and its pin. */
void davit_unit_problem_choose(davit_unit_problem *problem, uint32_t unit, const bool *allowed,
                               uint32_t pin);

#endif
