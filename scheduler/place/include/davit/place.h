/* The solver of placement problems: which device runs which node, how good that is, and a proof.
 *
 * Chosen by size and combined: exact dynamic programming over downsets (Tarnawski et al. 2020), a
 * mixed integer program through COIN-OR CBC, local search over placements that need not be
 * contiguous, a list scheduler for huge problems. Effort is counted in nodes and iterations, never
 * in seconds: the same problem and options give the same placement, whatever the machine's load and
 * the number of threads. */
#ifndef DAVIT_PLACE_H
#define DAVIT_PLACE_H

#include "davit/simulate.h"

typedef enum davit_place_objective {
    DAVIT_PLACE_LATENCY,    /* least latency_s */
    DAVIT_PLACE_THROUGHPUT, /* least period_s */
    DAVIT_PLACE_ENERGY      /* least joules, with latency_s at most latency_limit_s */
} davit_place_objective;

typedef struct davit_place_options {
    davit_place_objective objective;
    double latency_limit_s; /* energy only; INFINITY: none */
    uint64_t seed;          /* of local search */
    /* Effort in percent of the usual; 0: 100. */
    uint32_t effort;
} davit_place_options;

/* A proven lower bound of the objective over all feasible placements. How it is proved is the
 * certificate, a JSON text that davit_place_certificate_check verifies from the problem alone,
 * without the solver; certificate.md beside place.c says what each form means. */
typedef struct davit_placement {
    const davit_allocator *allocator;
    uint32_t *devices; /* [node_count] */
    double objective;  /* seconds or joules, by the simulator */
    double bound;      /* <= the least objective there is; equal when proved optimal */
    char *certificate; /* JSON */
    const char
        *method; /* what found it: "downsets", "cbc", "local search", "list", "enumeration" */
    const char *bound_method;
} davit_placement;

/* Finds a placement. DAVIT_UNSUPPORTED when there is none: the message says what does not fit where
 * (a node that no device runs, a pin to a device that cannot run its node, memory). Free with
 * davit_placement_clear. One core, deterministic; reentrant. */
DAVIT_NODISCARD davit_status davit_place_solve(const davit_place_problem *problem,
                                               const davit_place_options *options,
                                               const davit_allocator *allocator,
                                               const davit_diagnostics *diag,
                                               davit_placement *placement);
void davit_placement_clear(davit_placement *placement);

/* Each node in turn where it is done soonest (throughput: where the load stays least; energy: where
 * it takes least) given what was placed before it: what plans are compared with. Limits are kept
 * where that can be done so; davit_place_simulate tells where not. DAVIT_OUT_OF_MEMORY. Reentrant.
 */
DAVIT_NODISCARD davit_status davit_place_greedy(const davit_place_problem *problem,
                                                const davit_place_options *options,
                                                const davit_allocator *allocator,
                                                uint32_t *devices);

/* Verifies a certificate: *bound is set to the bound it proves. DAVIT_BAD_DATA, reported, when it
 * does not prove what it says; DAVIT_UNSUPPORTED, reported, when the check would take more than
 * about a minute, as it does for none of davit_place_solve. Knows nothing of the solver. */
DAVIT_NODISCARD davit_status davit_place_certificate_check(
    const davit_place_problem *problem, const davit_place_options *options, const char *certificate,
    const davit_allocator *allocator, const davit_diagnostics *diag, double *bound);

#endif
