/* Annealing for throughput from coarse units to fine ones: a boundary between devices then shifts
 * as a whole, which single moves of items seldom do. */
#ifndef DAVIT_PLACE_ANNEAL_LEVELS_H
#define DAVIT_PLACE_ANNEAL_LEVELS_H

#include "solvers.h"

typedef struct davit_place_anneal_levels {
    uint64_t steps; /* of all levels together */
    uint64_t seed;
    bool again; /* units are made of what lies together in at, and heat is low */
} davit_place_anneal_levels;

/* As davit_place_anneal_run: improves at and *period or leaves both. */
DAVIT_NODISCARD davit_status davit_place_anneal_levels_run(const davit_place_context *context,
                                                           const davit_place_anneal_levels *run,
                                                           uint32_t *at, double *period);

#endif
