/* Local search for throughput: simulated annealing over placements that need not be contiguous. */
#ifndef DAVIT_PLACE_ANNEAL_H
#define DAVIT_PLACE_ANNEAL_H

#include "solvers.h"

typedef struct davit_place_anneal {
    uint64_t steps; /* moves tried */
    uint64_t seed;
    double hot, cold; /* temperatures, in parts of the period */
} davit_place_anneal;

/* Improves at (one device for each item, each allowed); *period is its period, INFINITY when it
 * exceeds a memory, and never gets worse. */
DAVIT_NODISCARD davit_status davit_place_anneal_run(const davit_place_context *context,
                                                    const davit_place_anneal *schedule,
                                                    uint32_t *at, double *period);

#endif
