/* Branch and bound over all placements, for latency and energy. */
#ifndef DAVIT_PLACE_BRANCHES_H
#define DAVIT_PLACE_BRANCHES_H

#include "climb.h"
#include "earliest.h"

typedef struct davit_place_branches {
    davit_place_quest *quest; /* its best is updated by what is found */
    davit_place_earliest *earliest;
    const uint32_t *order; /* [item count] items as they are placed */
} davit_place_branches;

/* Looks for placements better than `below`, or than the best found meanwhile. *complete: all were
 * looked at, in at most `steps` branches, so that nothing is better than the lesser of `below` and
 * the quest's best. DAVIT_OUT_OF_MEMORY, not reported. */
DAVIT_NODISCARD davit_status davit_place_branches_run(const davit_place_branches *branches,
                                                      double below, uint64_t steps, bool *complete);

#endif
